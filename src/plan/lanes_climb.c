/* Better mappings from known ones: a stretch of layers goes to another PE. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/lanes.h"

#define LONGEST 24         /* layers that move together */
#define MOST_TRIES 120000u /* mappings costed in one climb */

/* What is better: how far the aim's bounds are missed, then J, latency, energy, switches. */
typedef struct standing {
    double miss, value, ms, energy;
    int switches;
} standing;

static int compare(double x, double y)
{
    return mae_cost_equal(x, y) ? 0 : x < y ? -1 : 1;
}

static bool is_better(const standing *x, const standing *y)
{
    int order = compare(x->miss, y->miss);
    if (order == 0)
        order = compare(x->value, y->value);
    if (order == 0)
        order = compare(x->ms, y->ms);
    if (order == 0)
        order = compare(x->energy, y->energy);
    return order < 0 || (order == 0 && x->switches < y->switches);
}

static double excess(double value, double bound)
{
    return isfinite(bound) && value > bound ? value / bound - 1 : 0;
}

static bool stand(mae_lanes *lanes, const int *mapping, standing *ret_standing)
{
    const mae_aim *aim = &lanes->solver->aim;
    double ms, mj;
    for (int l = 0; l < lanes->n; l++)
        lanes->theirs[l] = lanes->m->pe_of[mapping[l]];
    if (!mae_makespan_of(&lanes->span, lanes->theirs, &ms, &mj))
        return false;
    int switches = (int)lanes->span.n_parts - 1;
    double energy = mae_lanes_energy(lanes, mj, ms);
    double miss = fmax(excess(ms, aim->max_ms), excess(energy, aim->max_mj));
    if (aim->max_switches >= 0 && switches > aim->max_switches)
        miss += switches - aim->max_switches;
    *ret_standing = (standing){miss, mae_aim_value(aim, ms, energy), ms, energy, switches};
    return true;
}

static bool can_move(const mae_lanes *lanes, const int *mapping, int first, int last, int pe)
{
    bool moves = false;
    for (int l = first; l <= last; l++) {
        if (!(lanes->m->can[l] >> pe & 1))
            return false;
        moves = moves || mapping[l] != pe;
    }
    return moves;
}

/* One pass over all stretches; whatever is better stands at once. */
static bool improve(mae_lanes *lanes, int *mapping, int *saved, standing *best, size_t *tries)
{
    bool better = false;
    for (int first = 0; first < lanes->n; first++)
        for (int last = first; last < lanes->n && last - first < LONGEST; last++)
            for (int pe = 0; pe < lanes->n_pes && *tries < MOST_TRIES; pe++) {
                standing now;
                if (!can_move(lanes, mapping, first, last, pe))
                    continue;
                memcpy(saved, &mapping[first], (size_t)(last - first + 1) * sizeof *saved);
                for (int l = first; l <= last; l++)
                    mapping[l] = pe;
                ++*tries;
                if (stand(lanes, mapping, &now) && is_better(&now, best)) {
                    *best = now;
                    better = true;
                } else {
                    memcpy(&mapping[first], saved, (size_t)(last - first + 1) * sizeof *saved);
                }
            }
    return better;
}

mae_error *mae_lanes_climb(mae_lanes *lanes, int *mapping)
{
    standing best;
    size_t tries = 0;
    int *saved = malloc((size_t)lanes->n * sizeof *saved);
    if (!saved)
        return mae_error_nomem();
    if (stand(lanes, mapping, &best))
        while (improve(lanes, mapping, saved, &best, &tries) && tries < MOST_TRIES)
            continue;
    free(saved);
    return mae_lanes_offer(lanes, mapping);
}
