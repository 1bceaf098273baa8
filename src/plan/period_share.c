/* Sharing out resources: the disjoint groups whose frames per second add up to most. */
#include <math.h>
#include <stdlib.h>

#include "plan/period.h"

static double rate_of(const mae_period_group *group)
{
    if (group->period == MAE_NEVER)
        return 0;
    return group->period > 0 ? 1 / (double)group->period : INFINITY;
}

/* Beyond MAE_PERIOD_SHARED resources groups have one each: they are all disjoint. */
static void take_all(const mae_period_groups *groups, uint64_t resources, size_t until, double *ret_rate,
                     bool *ret_chosen)
{
    *ret_rate = 0;
    for (size_t i = 0; i < groups->n; i++) {
        bool take = i < until && (groups->groups[i].resources & ~resources) == 0 && rate_of(&groups->groups[i]) > 0;
        if (take)
            *ret_rate += rate_of(&groups->groups[i]);
        if (ret_chosen)
            ret_chosen[i] = take;
    }
}

/* Best rate of every set of resources, by its lowest resource: left idle, or in a group. */
static void fill(const mae_period_groups *groups, uint64_t resources, size_t until, double *best, size_t *choice)
{
    for (uint64_t set = 1; set <= resources; set++) {
        uint64_t lowest = set & -set;
        best[set] = best[set ^ lowest];
        choice[set] = SIZE_MAX;
        if (set & ~resources)
            continue;
        for (size_t i = 0; i < until; i++) {
            uint64_t group = groups->groups[i].resources;
            if (!(group & lowest) || (group & ~set) || rate_of(&groups->groups[i]) == 0)
                continue;
            double rate = rate_of(&groups->groups[i]) + best[set ^ group];
            if (rate > best[set]) {
                best[set] = rate;
                choice[set] = i;
            }
        }
    }
}

mae_error *mae_period_share(const mae_period_groups *groups, uint64_t resources, size_t until, double *ret_rate,
                            bool *ret_chosen)
{
    if (groups->resources->n > MAE_PERIOD_SHARED) {
        take_all(groups, resources, until, ret_rate, ret_chosen);
        return NULL;
    }
    double *best = calloc(resources + 1, sizeof *best);
    size_t *choice = calloc(resources + 1, sizeof *choice);
    if (!best || !choice) {
        free(best);
        free(choice);
        return mae_error_nomem();
    }
    fill(groups, resources, until, best, choice);
    *ret_rate = best[resources];
    for (size_t i = 0; ret_chosen && i < groups->n; i++)
        ret_chosen[i] = false;
    for (uint64_t set = resources; ret_chosen && set;) {
        size_t i = choice[set];
        if (i != SIZE_MAX)
            ret_chosen[i] = true;
        set = i == SIZE_MAX ? set & (set - 1) : set ^ groups->groups[i].resources;
    }
    free(best);
    free(choice);
    return NULL;
}
