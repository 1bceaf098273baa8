/* What figures with spreads promise: the profile drawn anew many times, and rounds drawn anew. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/profile.h"
#include "plan/plan.h"
#include "session/bench.h"

#define DRAWS 500
#define REPLANS 24   /* draws that are planned again, to see how much luck is in a plan's figure */
#define REPLAN_S 1.0 /* at most so long, on large networks or hard goals */
#define LEAST_REPLANS 4
#define HALF_WIDTH 1.96 /* of a 95 % interval, in standard deviations */
#define SEED 20260
#define ROUND_DRAWS 1000

/* ---- drawing a profile ---- */

static double draw(mae_rng *rng, double median, double half_width)
{
    double z = mae_rng_normal(rng); /* also for figures that are sure, so that rows do not shift each other's luck */
    return fmax(0, median + z * half_width / HALF_WIDTH);
}

static void draw_costs(const mae_profile *from, mae_rng *rng, mae_profile *to)
{
    size_t n = from->n_pes;
    for (size_t i = 0; i < from->n_layers * n; i++) {
        mae_cost cost = from->costs[i];
        cost.time_ms = draw(rng, cost.time_ms, cost.spread_ms);
        mae_profile_set_cost(to, (int)(i / n), (int)(i % n), &cost);
    }
    for (size_t i = 0; i < n * n; i++) {
        mae_transfer row = from->transfers[i];
        double whole = row.fixed_ms > 0 ? draw(rng, row.fixed_ms, row.spread_ms) / row.fixed_ms : 1;
        row.fixed_ms *= whole;
        row.ms_per_mib *= whole;
        mae_profile_set_transfer(to, (int)(i / n), (int)(i % n), &row);
    }
}

static mae_error *draw_profile(const mae_profile *from, mae_rng *rng, mae_profile *to)
{
    draw_costs(from, rng, to);
    for (size_t i = 0; i < from->n_segments; i++) {
        mae_segment_cost row = from->segments[i];
        row.time_ms = draw(rng, row.time_ms, row.spread_ms);
        MAE_TRY(mae_profile_put_segment(to, &row));
    }
    return NULL;
}

/* ---- what each draw says ---- */

typedef struct prophet {
    const mae_bench_work *work;
    const mae_profile *profile;
    mae_profile *drawn;
    mae_cost_index index, drawn_index; /* of the two */
    double luck; /* what the figures of a mapping chosen by them leave out of its cost: a factor, 1 or more */
} prophet;

/* The best single PE by a draw; infinite if none meets the bounds. */
static mae_error *best_single(prophet *p, double *ret_value)
{
    *ret_value = INFINITY;
    for (size_t pe = 0; pe < p->profile->n_pes; pe++) {
        const mae_contender *single = p->work->single[pe];
        mae_bench_cost cost;
        if (!single || !single->allowed)
            continue;
        MAE_TRY(mae_bench_cost_of(p->work, &p->drawn_index, single->runner->mapping, &cost));
        if (cost.miss <= 0)
            *ret_value = fmin(*ret_value, cost.value);
    }
    return NULL;
}

/* One draw, planned as if it were the truth that was measured: its plan looks better by the draw than it is. */
static mae_error *add_luck(prophet *p, mae_rng *rng, double *sum, size_t *n)
{
    mae_solution solution;
    mae_bench_cost seen, is;
    MAE_TRY(draw_profile(p->profile, rng, p->drawn));
    mae_error *error = mae_solve(p->drawn, &p->work->options->goal, NULL, &solution);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) { /* by this draw no mapping meets the bounds */
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    error = mae_bench_cost_of(p->work, &p->drawn_index, solution.mapping, &seen);
    if (!error)
        error = mae_bench_cost_of(p->work, &p->index, solution.mapping, &is);
    free(solution.mapping);
    if (error || !(seen.value > 0) || !(is.value > 0))
        return error;
    *sum += log(is.value / seen.value);
    ++*n;
    return NULL;
}

static mae_error *find_luck(prophet *p)
{
    mae_rng rng = {SEED + 1};
    double sum = 0;
    size_t n = 0;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < REPLANS; i++) {
        if (i >= LEAST_REPLANS && (double)(mae_clock_now_ns() - begin) * 1e-9 > REPLAN_S)
            break;
        MAE_TRY(add_luck(p, &rng, &sum, &n));
    }
    p->luck = n ? fmax(1, exp(sum / (double)n)) : 1;
    return NULL;
}

static void summarise(double *maegs, size_t n, mae_bench_forecast *ret_forecast)
{
    size_t beats = 0;
    for (size_t i = 0; i < n; i++)
        beats += maegs[i] > 0;
    mae_stats_sort(maegs, n);
    *ret_forecast = (mae_bench_forecast){
        .exists = n > 0,
        .p_beats = n ? (double)beats / (double)n : 0,
        .maeg = {mae_stats_quantile(maegs, n, 0.5), mae_stats_quantile(maegs, n, 0.025),
                 mae_stats_quantile(maegs, n, 0.975)},
        .draws = n,
    };
}

static mae_error *draw_gains(prophet *p, const int *mapping, double model_error, mae_bench_forecast *ret_forecast)
{
    double maegs[DRAWS];
    size_t n = 0;
    mae_rng rng = {SEED};
    for (size_t i = 0; i < DRAWS; i++) {
        mae_bench_cost cost;
        double single;
        MAE_TRY(draw_profile(p->profile, &rng, p->drawn));
        MAE_TRY(mae_bench_cost_of(p->work, &p->drawn_index, mapping, &cost));
        MAE_TRY(best_single(p, &single));
        double off = fmax(0, 1 + model_error * mae_rng_normal(&rng)) * p->luck;
        double value = mae_bench_value(p->work, cost.latency_ms * off, cost.dynamic_mj);
        if (isfinite(single) && single > 0)
            maegs[n++] = 1 - value / single;
    }
    summarise(maegs, n, ret_forecast);
    return NULL;
}

mae_error *mae_bench_foresee(const mae_bench_work *work, const mae_profile *profile, const int *mapping,
                             double model_error, bool replan, mae_bench_forecast *ret_forecast)
{
    prophet p = {.work = work, .profile = profile, .luck = 1};
    MAE_TRY(mae_profile_clone(profile, &p.drawn));
    mae_error *error = mae_cost_index_init(&p.index, profile);
    if (!error)
        error = mae_cost_index_init(&p.drawn_index, p.drawn);
    if (!error && replan)
        error = find_luck(&p);
    if (!error)
        error = draw_gains(&p, mapping, model_error, ret_forecast);
    mae_cost_index_finish(&p.index);
    mae_cost_index_finish(&p.drawn_index);
    mae_profile_destroy(p.drawn);
    return error;
}

/* ---- drawing rounds ---- */

mae_error *mae_bench_chance_below_one(const double *a, const double *b, size_t rounds, double half, double *ret_chance)
{
    double *ratios = malloc((2 * rounds + 1) * sizeof *ratios), *drawn = ratios + rounds;
    if (!ratios)
        return mae_error_nomem();
    for (size_t i = 0; i < rounds; i++)
        ratios[i] = b[i] > 0 ? a[i] / b[i] : 1;
    mae_rng rng = {SEED + 2};
    double below = 0;
    for (int k = 0; k < ROUND_DRAWS && rounds > 0; k++) {
        for (size_t i = 0; i < rounds; i++)
            drawn[i] = ratios[(size_t)(mae_rng_uniform(&rng) * (double)rounds)];
        mae_stats_sort(drawn, rounds);
        double median = mae_stats_quantile(drawn, rounds, 0.5);
        if (half > 0)
            median *= exp(mae_rng_normal(&rng) * half / HALF_WIDTH);
        below += median < 1 ? 1 : median > 1 ? 0 : 0.5;
    }
    free(ratios);
    *ret_chance = below / ROUND_DRAWS;
    return NULL;
}
