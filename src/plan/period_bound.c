/* No arrangement is faster than this, whatever it is. Give each resource a weight w >= 0. A frame's layers are spread
 * over resources, and what layer l takes of its resource r is at least c(l, r): so a frame takes at least
 * sum over l of min over r of w(r) c(l, r) of a weighted second of all resources, of which there are sum of w(r) a
 * second. The period is at least the quotient, for any weights; good ones are those of the linear program's dual. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"
#include "plan/period.h"

#define ROUNDS 400

typedef struct shares {
    const mae_profile *p;
    int n_resources, resource_of[64];
    double *least; /* layers x resources: c(l, r); infinite: it cannot */
} shares;

/* A segment row's cost is spread evenly over its layers: whatever segments there are, none costs less than the least
 * shares of its layers. */
static void find_least(shares *s)
{
    const mae_profile *p = s->p;
    for (size_t i = 0; i < p->n_layers * (size_t)s->n_resources; i++)
        s->least[i] = INFINITY;
    for (size_t l = 0; l < p->n_layers; l++)
        for (size_t pe = 0; pe < p->n_pes; pe++) {
            const mae_cost *cost = &p->costs[l * p->n_pes + pe];
            double *least = &s->least[l * (size_t)s->n_resources + (size_t)s->resource_of[pe]];
            if (cost->supported)
                *least = fmin(*least, cost->time_ms);
        }
    for (size_t i = 0; i < p->n_segments; i++) {
        const mae_segment_cost *row = &p->segments[i];
        for (int l = row->first; l <= row->last; l++) {
            double *least = &s->least[l * s->n_resources + s->resource_of[row->pe]];
            *least = fmin(*least, row->time_ms / (row->last - row->first + 1));
        }
    }
}

/* The quotient; `busy` is what each resource takes of it. */
static double quotient(const shares *s, const double *weights, double *busy)
{
    double sum = 0, all = 0;
    memset(busy, 0, (size_t)s->n_resources * sizeof *busy);
    for (int r = 0; r < s->n_resources; r++)
        all += weights[r];
    for (size_t l = 0; l < s->p->n_layers; l++) {
        const double *least = &s->least[l * (size_t)s->n_resources];
        int best = -1;
        for (int r = 0; r < s->n_resources; r++)
            if (isfinite(least[r]) && (best < 0 || weights[r] * least[r] < weights[best] * least[best]))
                best = r;
        if (best < 0)
            continue;
        sum += weights[best] * least[best];
        busy[best] += least[best];
    }
    return sum / all;
}

static double ascend(const shares *s)
{
    double weights[64], busy[64], best = 0;
    for (int r = 0; r < s->n_resources; r++)
        weights[r] = 1;
    for (int round = 0; round < ROUNDS; round++) {
        double mean = 0;
        best = fmax(best, quotient(s, weights, busy));
        for (int r = 0; r < s->n_resources; r++)
            mean += busy[r] / s->n_resources;
        for (int r = 0; r < s->n_resources && mean > 0; r++)
            weights[r] *= exp(0.5 / (1 + 0.1 * round) * (busy[r] / mean - 1));
    }
    return best;
}

double mae_period_bound(const mae_profile *profile)
{
    shares s = {.p = profile};
    for (int pe = 0; pe < (int)profile->n_pes; pe++) {
        int same = 0;
        while (strcmp(profile->pes[same].resource, profile->pes[pe].resource) != 0)
            same++;
        s.resource_of[pe] = same == pe ? s.n_resources++ : s.resource_of[same];
    }
    s.least = calloc(profile->n_layers * (size_t)s.n_resources + 1, sizeof *s.least);
    if (!s.least)
        return 0; /* which is a bound */
    find_least(&s);
    double bound = ascend(&s);
    free(s.least);
    return bound;
}
