/* Which mappings are worth measuring next. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/profile.h"
#include "plan/plan.h"
#include "session/bench.h"

#define BEST 8           /* plans asked of the planner at once */
#define DETOURS 6        /* plans that avoid those found before */
#define DETOURS_S 1.0    /* at most so long, where planning is hard */
#define DETOUR 1.03      /* by making what those use so much dearer */
#define DEVIATIONS 2.0   /* of the uncertainty, that a plan may be better than predicted */
#define LEAST_GAIN 0.002 /* less than this is not worth a measurement */
#define LEAST_DISTANCE 0.01
#define PRIOR_ERROR 0.03 /* of predictions by a profile whose figures are sure */
#define HALF_WIDTH 1.96  /* of a 95 % interval, in standard deviations */

typedef struct idea {
    int *mapping;
    mae_bench_cost cost;
    double hope; /* J where it is as much better as its uncertainty allows */
    bool taken;
} idea;

typedef struct ideas {
    const mae_bench_work *work;
    const mae_profile *today;
    mae_cost_index index;
    idea all[BEST + DETOURS];
    size_t n;
} ideas;

mae_error *mae_bench_prior_error(const mae_profile *profile, double *ret_error)
{
    size_t cells = profile->n_layers * profile->n_pes, n = 0;
    double *spreads = malloc((cells + 1) * sizeof *spreads);
    if (!spreads)
        return mae_error_nomem();
    for (size_t i = 0; i < cells; i++)
        if (profile->costs[i].supported && profile->costs[i].time_ms > 0)
            spreads[n++] = profile->costs[i].spread_ms / profile->costs[i].time_ms / HALF_WIDTH;
    mae_stats_sort(spreads, n);
    double typical = mae_stats_quantile(spreads, n, 0.5);
    free(spreads);
    *ret_error = sqrt(PRIOR_ERROR * PRIOR_ERROR + typical * typical);
    return NULL;
}

double mae_bench_expected_error(const mae_bench_work *work)
{
    double sum = work->prior_error * work->prior_error + work->error_sum;
    return sqrt(sum / (double)(1 + work->n_errors));
}

/* ---- collecting ---- */

static bool same(const mae_contender *contender, const int *mapping, size_t n)
{
    return contender && memcmp(contender->runner->mapping, mapping, n * sizeof *mapping) == 0;
}

static bool known(const ideas *s, const int *mapping)
{
    const mae_bench_work *work = s->work;
    size_t n = work->graph->n_layers;
    bool found = same(work->greedy, mapping, n);
    for (size_t p = 0; p < work->context->n_pes; p++)
        found = found || same(work->single[p], mapping, n);
    for (size_t m = 0; m < work->n_mixed; m++)
        found = found || same(work->mixed[m], mapping, n);
    for (size_t i = 0; i < s->n; i++)
        found = found || memcmp(s->all[i].mapping, mapping, n * sizeof *mapping) == 0;
    return found;
}

/* Takes over the mapping, or frees it. One that the profile does not allow cannot be: all costs are finite. */
static mae_error *collect(ideas *s, int *mapping)
{
    idea *new = &s->all[s->n];
    *new = (idea){.mapping = mapping};
    mae_error *error = NULL;
    if (s->n == sizeof s->all / sizeof *s->all || known(s, mapping))
        goto leave;
    error = mae_bench_cost_of(s->work, &s->index, mapping, &new->cost);
    if (error || new->cost.miss > 0)
        goto leave;
    s->n++;
    return NULL;
leave:
    free(mapping);
    return error;
}

static mae_error *drop_infeasible(mae_error *error)
{
    if (mae_error_code(error) != MAE_ERR_INFEASIBLE)
        return error;
    mae_error_free(error);
    return NULL;
}

static mae_error *collect_best(ideas *s)
{
    mae_solution *solutions = NULL;
    size_t n = 0;
    mae_error *error = mae_solve_best(s->today, &s->work->options->goal, NULL, BEST, &solutions, &n);
    for (size_t i = 0; i < n && !error; i++) {
        error = collect(s, solutions[i].mapping);
        solutions[i].mapping = NULL;
    }
    mae_solutions_free(solutions, n);
    return drop_infeasible(error);
}

/* Makes what a mapping uses dearer: its layers, and measured segments of which it has exactly these layers. */
static mae_error *avoid(mae_profile *profile, const int *mapping)
{
    for (size_t l = 0; l < profile->n_layers; l++) {
        mae_cost cost = profile->costs[l * profile->n_pes + (size_t)mapping[l]];
        cost.time_ms *= DETOUR;
        cost.energy_mj *= DETOUR;
        mae_profile_set_cost(profile, (int)l, mapping[l], &cost);
    }
    for (size_t i = 0; i < profile->n_segments; i++) {
        mae_segment_cost row = profile->segments[i];
        bool used = true;
        for (int l = row.first; l <= row.last && used; l++)
            used = mapping[l] == row.pe;
        if (!used)
            continue;
        row.time_ms *= DETOUR;
        row.energy_mj *= DETOUR;
        MAE_TRY(mae_profile_put_segment(profile, &row));
    }
    return NULL;
}

/* The k best often differ by a layer: others are found where what the best use is made dearer. */
static mae_error *collect_detours(ideas *s)
{
    mae_profile *dearer;
    MAE_TRY(mae_profile_clone(s->today, &dearer));
    mae_error *error = NULL;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < DETOURS && !error; i++) {
        mae_solution solution;
        if ((double)(mae_clock_now_ns() - begin) * 1e-9 > DETOURS_S)
            break;
        error = mae_solve(dearer, &s->work->options->goal, NULL, &solution);
        if (error)
            break;
        error = avoid(dearer, solution.mapping);
        if (error)
            free(solution.mapping);
        else
            error = collect(s, solution.mapping);
    }
    mae_profile_destroy(dearer);
    return drop_infeasible(error);
}

/* ---- judging ---- */

/* How much of the time two mappings spend on different PEs, and the variance of the difference of their predictions
 * that the spreads of those layers leave. */
static double difference(const mae_profile *profile, const int *a, const int *b, double *ret_variance)
{
    double ms = 0;
    *ret_variance = 0;
    for (size_t l = 0; l < profile->n_layers; l++) {
        if (a[l] == b[l])
            continue;
        const mae_cost *x = &profile->costs[l * profile->n_pes + (size_t)a[l]];
        const mae_cost *y = &profile->costs[l * profile->n_pes + (size_t)b[l]];
        ms += fmax(x->time_ms, y->time_ms);
        *ret_variance += (x->spread_ms * x->spread_ms + y->spread_ms * y->spread_ms) / (HALF_WIDTH * HALF_WIDTH);
    }
    return ms;
}

static bool is_better(const mae_bench_cost *a, const mae_bench_cost *b)
{
    double x = fmax(0, a->miss), y = fmax(0, b->miss);
    return x < y || (x <= y && a->value < b->value);
}

/* The best by today's profile of what was measured; NULL if nothing was. */
static mae_error *find_incumbent(const ideas *s, const mae_contender *champion, const int **ret_mapping,
                                 mae_bench_cost *ret_cost)
{
    const mae_bench_work *work = s->work;
    *ret_mapping = NULL;
    for (size_t p = 0; p <= work->context->n_pes; p++) {
        const mae_contender *c = p < work->context->n_pes ? work->single[p] : champion;
        mae_bench_cost cost;
        if (!c || !c->allowed)
            continue;
        MAE_TRY(mae_bench_cost_of(work, &s->index, c->runner->mapping, &cost));
        if (*ret_mapping && !is_better(&cost, ret_cost))
            continue;
        *ret_mapping = c->runner->mapping;
        *ret_cost = cost;
    }
    return NULL;
}

static void judge(const ideas *s, idea *of, const int *incumbent)
{
    double variance, error = mae_bench_expected_error(s->work);
    double apart_ms = difference(s->today, of->mapping, incumbent, &variance);
    double deviation_ms = sqrt(variance + error * error * apart_ms * apart_ms);
    double best_ms = fmax(0, of->cost.latency_ms - DEVIATIONS * deviation_ms);
    of->hope = mae_bench_value(s->work, best_ms, of->cost.dynamic_mj);
}

/* Too much like a mapping measured, or chosen to be, to learn anything? */
static bool repeats(const ideas *s, const idea *of, const int *other)
{
    double variance;
    return difference(s->today, of->mapping, other, &variance) < LEAST_DISTANCE * of->cost.latency_ms;
}

static bool is_news(const ideas *s, const idea *of)
{
    const mae_bench_work *work = s->work;
    for (size_t m = 0; m < work->n_mixed; m++)
        if (repeats(s, of, work->mixed[m]->runner->mapping))
            return false;
    for (size_t i = 0; i < s->n; i++)
        if (s->all[i].taken && repeats(s, of, s->all[i].mapping))
            return false;
    return true;
}

/* The idea of the best hope that is worth it; NULL if there is none. */
static idea *next_idea(ideas *s, double limit)
{
    idea *best = NULL;
    for (size_t i = 0; i < s->n; i++) {
        idea *of = &s->all[i];
        if (!of->taken && of->hope < limit && (!best || of->hope < best->hope) && is_news(s, of))
            best = of;
    }
    return best;
}

static mae_error *choose(ideas *s, const mae_contender *champion, size_t most, int *mappings, size_t *ret_n)
{
    const int *incumbent;
    mae_bench_cost cost;
    MAE_TRY(find_incumbent(s, champion, &incumbent, &cost));
    bool meets = incumbent && cost.miss <= 0;
    for (size_t i = 0; i < s->n; i++) {
        s->all[i].hope = s->all[i].cost.value;
        if (incumbent)
            judge(s, &s->all[i], incumbent);
    }
    double limit = meets ? cost.value * (1 - LEAST_GAIN) : INFINITY;
    size_t n = s->work->graph->n_layers;
    for (*ret_n = 0; *ret_n < most; ++*ret_n) {
        idea *next = next_idea(s, limit);
        if (!next)
            break;
        next->taken = true;
        memcpy(mappings + *ret_n * n, next->mapping, n * sizeof *mappings);
    }
    return NULL;
}

mae_error *mae_bench_propose(const mae_bench_work *work, const mae_profile *today, const mae_contender *champion,
                             size_t most, int **ret_mappings, size_t *ret_n)
{
    ideas s = {.work = work, .today = today};
    int *mappings = calloc(most * work->graph->n_layers + 1, sizeof *mappings);
    if (!mappings)
        return mae_error_nomem();
    mae_error *error = mae_cost_index_init(&s.index, today);
    if (!error)
        error = collect_best(&s);
    if (!error)
        error = collect_detours(&s);
    if (!error)
        error = choose(&s, champion, most, mappings, ret_n);
    for (size_t i = 0; i < s.n; i++)
        free(s.all[i].mapping);
    mae_cost_index_finish(&s.index);
    if (error) {
        free(mappings);
        return error;
    }
    *ret_mappings = mappings;
    return NULL;
}
