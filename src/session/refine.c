/* Planning, measuring the plan where it runs, planning again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"
#include "core/profile.h"
#include "plan/plan.h"
#include "session/bench.h"

#define CONTEST_S 1.0
#define MOST_CONTEST_ROUNDS 200

mae_error *mae_bench_enter(mae_bench_work *work, const int *mapping, mae_contender **ret_contender)
{
    mae_contender *contender;
    MAE_TRY(
        mae_contender_create(work->context, work->graph, mapping, work->reference, MAE_BENCH_MOST_ROUNDS, &contender));
    double abs_tolerance, rel_tolerance;
    mae_runner_tolerance(work->context, contender->runner, &abs_tolerance, &rel_tolerance);
    mae_error *error = mae_program_run(contender->runner->program, NULL);
    if (!error)
        error =
            mae_runner_compare(contender->runner, work->reference, abs_tolerance, rel_tolerance, &contender->verdict);
    if (error) {
        mae_contender_destroy(contender);
        return error;
    }
    *ret_contender = contender;
    return NULL;
}

mae_error *mae_bench_drift(const mae_bench_work *work, const mae_profile *profile, size_t rounds, double *ret_drift,
                           double *ret_per_pe)
{
    size_t n_pes = work->context->n_pes, complete = 0;
    double logarithms = 0;
    int *mapping = calloc(work->graph->n_layers + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = NULL;
    for (size_t p = 0; p < n_pes && !error; p++) {
        ret_per_pe[p] = 0;
        if (!work->single[p])
            continue;
        for (size_t l = 0; l < work->graph->n_layers; l++)
            mapping[l] = (int)p;
        mae_prediction predicted;
        mae_interval now;
        error = mae_eval(profile, mapping, 0, &predicted);
        if (!error)
            error = mae_median_of(work->single[p]->frames_ms, rounds, &now);
        if (error || predicted.latency_ms <= 0 || now.median <= 0)
            continue;
        ret_per_pe[p] = now.median / predicted.latency_ms;
        logarithms += log(ret_per_pe[p]);
        complete++;
    }
    free(mapping);
    if (error)
        return error;
    *ret_drift = complete ? exp(logarithms / (double)complete) : 1;
    for (size_t p = 0; p < n_pes; p++)
        if (ret_per_pe[p] <= 0)
            ret_per_pe[p] = *ret_drift;
    return NULL;
}

static bool same_mapping(const mae_contender *contender, const int *mapping, size_t n)
{
    return contender && memcmp(contender->runner->mapping, mapping, n * sizeof *mapping) == 0;
}

static bool measured_before(const mae_bench_work *work, const int *mapping)
{
    size_t n = work->graph->n_layers;
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (same_mapping(work->single[p], mapping, n))
            return true;
    for (size_t m = 0; m < work->n_mixed; m++)
        if (same_mapping(work->mixed[m], mapping, n))
            return true;
    return false;
}

/* The first layer that takes tensor `t` over on `pe`: moved there from another PE, or handed to a later segment
 * of the same one; -1 if none does. */
static int taker(const mae_profile *profile, const int *mapping, size_t t, int pe)
{
    int producer = profile->tensors[t].producer;
    int own = producer; /* last layer of the producer's own segment */
    while (producer >= 0 && mapping[producer] == pe && own + 1 < (int)profile->n_layers && mapping[own + 1] == pe)
        own++;
    for (int l = own + 1; l < (int)profile->n_layers; l++)
        for (size_t i = 0; mapping[l] == pe && i < profile->layers[l].n_inputs; i++)
            if (profile->layers[l].inputs[i] == (int)t)
                return l;
    return -1;
}

/* What the profile charges for the tensors that this segment is the first on its PE to take over: it is part of
 * the time measured, so the segment's own row must not hold it a second time. */
static mae_error *incoming_transfers(const mae_profile *profile, const int *mapping, const mae_segment *segment,
                                     double *ret_ms)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, profile));
    double sum = 0;
    int pe = mapping[segment->first];
    for (size_t t = 0; t < profile->n_tensors; t++) {
        int producer = profile->tensors[t].producer;
        int home = producer >= 0 ? mapping[producer] : profile->host;
        if (home < 0 || (producer < 0 && home == pe))
            continue;
        int layer = taker(profile, mapping, t, pe);
        double time_ms, energy_mj;
        if (layer >= segment->first && layer <= segment->last &&
            mae_cost_move(&index, (int)t, home, pe, &time_ms, &energy_mj))
            sum += time_ms;
    }
    mae_cost_index_finish(&index);
    *ret_ms = sum;
    return NULL;
}

static mae_error *put_rows(mae_bench_work *work, const mae_contender *candidate, size_t rounds)
{
    double *drift = calloc(work->context->n_pes + 1, sizeof *drift), mean;
    if (!drift)
        return mae_error_nomem();
    mae_error *error = mae_bench_drift(work, work->profile, rounds, &mean, drift);
    const mae_program *program = candidate->runner->program;
    for (size_t s = 0; s < mae_program_n_segments(program) && !error; s++) {
        const mae_segment *segment = mae_program_segment(program, s);
        int pe = mae_program_pe(program, s);
        mae_interval time;
        double moved = 0;
        error = mae_median_of(candidate->segments_ms[s], rounds, &time);
        if (!error)
            error = incoming_transfers(work->profile, candidate->runner->mapping, segment, &moved);
        if (error)
            break;
        mae_segment_cost row = {.pe = pe,
                                .first = segment->first,
                                .last = segment->last,
                                .time_ms = fmax(0, time.median / drift[pe] - moved),
                                .n = (int)rounds,
                                .spread_ms = (time.high - time.low) / 2 / drift[pe]};
        error = mae_profile_put_segment(work->profile, &row);
    }
    free(drift);
    return error;
}

static mae_error *measure_candidate(mae_bench_work *work, const int *mapping)
{
    mae_contender *candidate;
    MAE_TRY(mae_bench_enter(work, mapping, &candidate));
    work->mixed[work->n_mixed++] = candidate;
    mae_contender **contest = calloc(work->context->n_pes + 1, sizeof *contest);
    if (!contest)
        return mae_error_nomem();
    size_t n = 0, rounds = 0;
    contest[n++] = candidate;
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (work->single[p])
            contest[n++] = work->single[p];
    mae_error *error = mae_contend(contest, n, CONTEST_S, MOST_CONTEST_ROUNDS, &rounds);
    free(contest);
    return error ? error : put_rows(work, candidate, rounds);
}

mae_error *mae_bench_refine(mae_bench_work *work)
{
    while (work->n_mixed < MAE_BENCH_MOST_MIXED) {
        mae_solution solution;
        MAE_TRY(mae_solve(work->profile, &work->options->goal, NULL, &solution));
        bool stands = measured_before(work, solution.mapping);
        mae_error *error = stands ? NULL : measure_candidate(work, solution.mapping);
        free(solution.mapping);
        if (error || stands)
            return error;
        work->refinements++;
    }
    return NULL;
}
