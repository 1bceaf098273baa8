/* The verdict of a bench: what is offered, and all figures about it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/profile.h"
#include "plan/plan.h"
#include "session/bench.h"

static mae_error *fill_entry(mae_bench_entry *entry, const char *name, const mae_contender *contender,
                             const char *why_not, size_t rounds)
{
    *entry = (mae_bench_entry){.name = name, .complete = contender != NULL, .reason = why_not};
    if (contender) {
        entry->verified = contender->verdict.ok;
        entry->max_rel = contender->verdict.max_rel;
    }
    return contender ? mae_median_of(contender->frames_ms, rounds, &entry->latency_ms) : NULL;
}

static mae_error *fill_entries(mae_bench_result *result, const mae_bench_work *work)
{
    mae_bench *bench = &result->bench;
    size_t n = work->context->n_pes;
    mae_bench_entry *single = mae_arena_array(result->arena, n, sizeof *single);
    mae_bench_entry *greedy = mae_arena_array(result->arena, 1, sizeof *greedy);
    if (!single || !greedy)
        return mae_error_nomem();
    for (size_t p = 0; p < n; p++) {
        const char *name = mae_arena_strdup(result->arena, work->context->infos[p].name);
        if (!name)
            return mae_error_nomem();
        MAE_TRY(fill_entry(&single[p], name, work->single[p], work->why_not[p], work->rounds));
    }
    bench->single = single;
    bench->n_single = n;
    if (work->greedy) {
        MAE_TRY(fill_entry(greedy, "greedy", work->greedy, NULL, work->rounds));
        bench->baselines = greedy;
        bench->n_baselines = 1;
    }
    return NULL;
}

static mae_error *make_plan(mae_bench_result *result, const mae_bench_work *work, const int *mapping)
{
    mae_plan *solved;
    MAE_TRY(mae_plan_solve(result->profile, &work->options->goal, &solved));
    int *solved_mapping = calloc(work->graph->n_layers + 1, sizeof *solved_mapping);
    mae_error *error = solved_mapping ? mae_plan_mapping(solved, result->profile, solved_mapping) : mae_error_nomem();
    bool same = !error && memcmp(solved_mapping, mapping, work->graph->n_layers * sizeof *mapping) == 0;
    free(solved_mapping);
    if (same) {
        result->plan = solved;
        return NULL;
    }
    mae_plan_destroy(solved);
    /* What was measured best is not what the profile says is best: offered all the same, without a proof. */
    return error ? error : mae_plan_of_mapping(result->profile, &work->options->goal, mapping, &result->plan);
}

/* How much slower the machine is now than when it was profiled, for a mixed mapping: each single PE's own drift,
 * weighted by the time the mapping's layers take on it. */
static double drift_of_mix(const mae_profile *profile, const int *mapping, const double *per_pe)
{
    double now = 0, then = 0;
    for (size_t l = 0; l < profile->n_layers; l++) {
        double time_ms = profile->costs[l * profile->n_pes + (size_t)mapping[l]].time_ms;
        then += time_ms;
        now += time_ms * per_pe[mapping[l]];
    }
    return then > 0 ? now / then : 1;
}

/* What one contender takes now over what the profile says, as a logarithm added to *sum. */
static mae_error *add_drift(const mae_bench_work *work, const mae_profile *profile, const mae_contender *contender,
                            double *sum, size_t *n)
{
    mae_prediction predicted;
    mae_interval now;
    MAE_TRY(mae_eval(profile, contender->runner->mapping, 0, &predicted));
    MAE_TRY(mae_median_of(contender->frames_ms, work->rounds, &now));
    if (predicted.latency_ms > 0 && now.median > 0) {
        *sum += log(now.median / predicted.latency_ms);
        ++*n;
    }
    return NULL;
}

/* The same for a single PE: by all others that ran in the same rounds, for its own drift would make every prediction
 * come true. 1 if there were none. */
static mae_error *drift_of_others(const mae_bench_work *work, const mae_profile *profile, const mae_contender *offered,
                                  const mae_contender *mixed, double *ret_drift)
{
    double sum = 0;
    size_t n = 0;
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (work->single[p] && work->single[p] != offered)
            MAE_TRY(add_drift(work, profile, work->single[p], &sum, &n));
    if (mixed && mixed != offered)
        MAE_TRY(add_drift(work, profile, mixed, &sum, &n));
    if (work->greedy)
        MAE_TRY(add_drift(work, profile, work->greedy, &sum, &n));
    *ret_drift = n ? exp(sum / (double)n) : 1;
    return NULL;
}

/* How much slower the machine is now than when it was profiled, for the mapping offered. */
static mae_error *find_drift(mae_bench_result *result, const mae_bench_work *work, const mae_contender *offered,
                             const mae_contender *mixed)
{
    const mae_profile *profile = result->profile;
    if (offered != mixed)
        return drift_of_others(work, profile, offered, mixed, &result->bench.drift);
    double *per_pe = calloc(work->context->n_pes + 1, sizeof *per_pe), mean;
    if (!per_pe)
        return mae_error_nomem();
    mae_error *error = mae_bench_drift(work, profile, work->rounds, &mean, per_pe);
    if (!error)
        result->bench.drift = drift_of_mix(profile, offered->runner->mapping, per_pe);
    free(per_pe);
    return error;
}

static mae_error *predict(mae_bench_result *result, const mae_bench_work *work, const mae_contender *offered,
                          const mae_contender *mixed, const mae_contender *best_single)
{
    mae_bench *bench = &result->bench;
    mae_prediction plan, single = {0};
    MAE_TRY(find_drift(result, work, offered, mixed));
    MAE_TRY(mae_eval(result->profile, offered->runner->mapping, 0, &plan));
    if (best_single)
        MAE_TRY(mae_eval(result->profile, best_single->runner->mapping, 0, &single));
    bench->predicted_ms = plan.latency_ms * bench->drift;
    if (best_single && single.latency_ms > 0)
        bench->maeg_predicted = 1 - plan.latency_ms / single.latency_ms;
    return NULL;
}

/* The outputs of the race's last frame, against the reference's. */
static mae_error *verify(mae_bench_result *result, const mae_bench_work *work, const mae_contender *offered)
{
    mae_verdict *verdict = &result->bench.verdict;
    double abs_tolerance, rel_tolerance;
    mae_runner_tolerance(work->context, offered->runner, &abs_tolerance, &rel_tolerance);
    MAE_TRY(mae_runner_compare(offered->runner, work->reference, abs_tolerance, rel_tolerance, verdict));
    if (verdict->output) {
        verdict->output = mae_arena_strdup(result->arena, verdict->output);
        if (!verdict->output)
            return mae_error_nomem();
    }
    return NULL;
}

/* Mixed or the best single PE: the mix is offered only if it is faster beyond the interval. */
static mae_error *choose(const mae_bench_work *work, mae_contender *mixed, const mae_contender *best_single,
                         bool *ret_mixed, mae_interval *ret_ratio)
{
    *ret_ratio = (mae_interval){1, 1, 1};
    *ret_mixed = mixed && !best_single;
    if (!mixed || !best_single)
        return NULL;
    mae_interval ratio;
    MAE_TRY(mae_ratio_of(mixed->frames_ms, best_single->frames_ms, work->rounds, &ratio));
    *ret_mixed = ratio.high < 1;
    if (*ret_mixed)
        *ret_ratio = ratio;
    return NULL;
}

static mae_error *nothing_to_offer(const mae_bench_work *work)
{
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (work->single[p])
            return mae_error_new(
                MAE_ERR_VERIFY, "%s alone: output \"%s\" differs from the reference's by %.3g (relative)",
                work->context->infos[p].name, work->single[p]->verdict.output, work->single[p]->verdict.max_rel);
    return mae_error_new(MAE_ERR_VERIFY, "no mapping's outputs agree with the reference's");
}

mae_error *mae_bench_conclude(mae_bench_result *result, mae_bench_work *work, mae_contender *mixed)
{
    mae_bench *bench = &result->bench;
    size_t best;
    MAE_TRY(mae_bench_best_of(work->single, work->context->n_pes, work->rounds, &best));
    mae_contender *best_single = best < work->context->n_pes ? work->single[best] : NULL;
    bool offer_mixed;
    mae_interval ratio;
    MAE_TRY(choose(work, mixed, best_single, &offer_mixed, &ratio));
    mae_contender *offered = offer_mixed ? mixed : best_single;
    if (!offered)
        return nothing_to_offer(work);
    result->profile = work->profile;
    work->profile = NULL;
    bench->profile = result->profile;
    MAE_TRY(fill_entries(result, work));
    bench->baseline = best_single ? bench->single[best].name : NULL;
    bench->single_is_best = offered == best_single;
    bench->maeg = (mae_interval){1 - ratio.median, 1 - ratio.high, 1 - ratio.low};
    MAE_TRY(mae_median_of(offered->frames_ms, work->rounds, &bench->latency_ms));
    MAE_TRY(predict(result, work, offered, mixed, best_single));
    MAE_TRY(make_plan(result, work, offered->runner->mapping));
    bench->plan = result->plan;
    bench->threads = work->context->threads;
    bench->rounds = work->rounds;
    bench->refinements = work->refinements;
    bench->unverified = work->unverified;
    return verify(result, work, offered);
}
