/* How fast the machine is now: whole networks beside what the profile says of them; and what a frame costs. */
#include <math.h>
#include <stdlib.h>

#include "core/goal.h"
#include "core/makespan.h"
#include "core/profile.h"
#include "session/bench.h"

#define TOLERANCE 1e-9 /* as everywhere where a bound is held against a cost */

/* ---- costs ---- */

double mae_bench_energy(const mae_bench_work *work, double latency_ms, double dynamic_mj)
{
    return mae_cost_energy(work->profile, dynamic_mj, latency_ms, work->options->goal.period_ms);
}

double mae_bench_value(const mae_bench_work *work, double latency_ms, double dynamic_mj)
{
    mae_prediction cost = {latency_ms, mae_bench_energy(work, latency_ms, dynamic_mj), 0};
    return mae_goal_objective(&work->options->goal, &cost, work->scale_latency, work->scale_energy);
}

double mae_bench_miss(const mae_bench_work *work, double latency_ms, double dynamic_mj)
{
    mae_prediction cost = {latency_ms, mae_bench_energy(work, latency_ms, dynamic_mj), 0};
    return mae_bench_miss_of(work, &cost);
}

double mae_bench_miss_of(const mae_bench_work *work, const mae_prediction *cost)
{
    return fmax(-1, mae_goal_miss(&work->options->goal, cost) - TOLERANCE);
}

mae_error *mae_bench_cost_of(const mae_bench_work *work, const mae_cost_index *index, const int *mapping,
                             mae_bench_cost *ret_cost)
{
    mae_prediction cost;
    MAE_TRY(mae_cost_scheduled(index, work->options->goal.schedule, mapping, 0, &cost));
    double dynamic = 0;
    if (index->profile->energy != MAE_ENERGY_NONE)
        dynamic = cost.energy_mj - index->profile->static_w * cost.latency_ms;
    *ret_cost = (mae_bench_cost){cost.latency_ms, dynamic, mae_bench_value(work, cost.latency_ms, dynamic),
                                 mae_bench_miss(work, cost.latency_ms, dynamic)};
    return NULL;
}

mae_error *mae_bench_eval(const mae_bench_work *work, const mae_profile *profile, const int *mapping,
                          mae_bench_cost *ret_cost)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, profile));
    mae_error *error = mae_bench_cost_of(work, &index, mapping, ret_cost);
    mae_cost_index_finish(&index);
    return error;
}

/* ---- speeds ---- */

/* The geometric mean over the complete PEs; those that are not complete get it. */
static double spread_mean(const mae_bench_work *work, double *per_pe)
{
    double logarithms = 0;
    size_t n = 0;
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (per_pe[p] > 0) {
            logarithms += log(per_pe[p]);
            n++;
        }
    double mean = n ? exp(logarithms / (double)n) : 1;
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (per_pe[p] <= 0)
            per_pe[p] = mean;
    return mean;
}

mae_error *mae_bench_find_speeds(const mae_bench_work *work, size_t rounds, double *ret_per_pe, double *ret_mean)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, work->profile));
    mae_error *error = NULL;
    for (size_t p = 0; p < work->context->n_pes && !error; p++) {
        ret_per_pe[p] = 0;
        const mae_contender *single = work->single[p];
        if (!single || single->rounds == 0)
            continue;
        mae_bench_cost predicted;
        mae_interval now;
        error = mae_bench_cost_of(work, &index, single->runner->mapping, &predicted);
        if (!error)
            error = mae_median_of(single->frames_ms, rounds < single->rounds ? rounds : single->rounds, &now);
        if (!error && predicted.latency_ms > 0 && now.median > 0)
            ret_per_pe[p] = now.median / predicted.latency_ms;
    }
    mae_cost_index_finish(&index);
    if (!error)
        *ret_mean = spread_mean(work, ret_per_pe);
    return error;
}

double mae_bench_speed_of(const mae_profile *profile, const int *mapping, const double *per_pe)
{
    double now = 0, then = 0;
    for (size_t l = 0; l < profile->n_layers; l++) {
        double time_ms = profile->costs[l * profile->n_pes + (size_t)mapping[l]].time_ms;
        then += time_ms;
        now += time_ms * per_pe[mapping[l]];
    }
    return then > 0 ? now / then : 1;
}

static mae_error *scale_rows(mae_profile *today, const double *speed)
{
    for (size_t i = 0; i < today->n_segments; i++) {
        mae_segment_cost row = today->segments[i];
        row.time_ms *= speed[row.pe];
        row.spread_ms *= speed[row.pe];
        MAE_TRY(mae_profile_put_segment(today, &row));
    }
    return NULL;
}

/* Transfers are at the receiving PE's speed: it is what waits for them. */
static void scale_transfers(mae_profile *today, const double *speed)
{
    size_t n = today->n_pes;
    for (size_t i = 0; i < n * n; i++) {
        mae_transfer row = today->transfers[i];
        double factor = speed[i % n];
        row.fixed_ms *= factor;
        row.ms_per_mib *= factor;
        row.spread_ms *= factor;
        row.residual_ms *= factor;
        mae_profile_set_transfer(today, (int)(i / n), (int)(i % n), &row);
    }
}

mae_error *mae_bench_todays_profile(const mae_bench_work *work, mae_profile **ret_profile)
{
    mae_profile *today;
    MAE_TRY(mae_profile_clone(work->profile, &today));
    size_t n = today->n_pes;
    for (size_t p = 0; p < n; p++) {
        const mae_profile_pe *pe = &today->pes[p];
        mae_profile_set_pe(today, (int)p, pe->segment_ms * work->speed[p], pe->segment_mj, pe->max_segments);
        for (size_t l = 0; l < today->n_layers; l++) {
            mae_cost cost = today->costs[l * n + p];
            cost.time_ms *= work->speed[p];
            cost.spread_ms *= work->speed[p];
            mae_profile_set_cost(today, (int)l, (int)p, &cost);
        }
    }
    scale_transfers(today, work->speed);
    mae_error *error = scale_rows(today, work->speed);
    if (error) {
        mae_profile_destroy(today);
        return error;
    }
    *ret_profile = today;
    return NULL;
}
