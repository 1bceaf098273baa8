/* The verdict of a bench: what is offered, and all figures about it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/profile.h"
#include "plan/plan.h"
#include "session/bench.h"

static mae_error *fill_entry(mae_bench_entry *entry, const mae_bench_work *work, const char *name,
                             const mae_contender *contender, const char *why_not)
{
    *entry = (mae_bench_entry){.name = name, .complete = contender != NULL, .reason = why_not};
    if (!contender)
        return NULL;
    entry->verified = contender->verdict.ok;
    entry->max_rel = contender->verdict.max_rel;
    MAE_TRY(mae_bench_meets(contender, &entry->meets_bounds));
    MAE_TRY(mae_median_of(contender->frames_ms, contender->rounds, &entry->latency_ms));
    MAE_TRY(mae_median_of(contender->values, contender->rounds, &entry->objective));
    mae_bench_widen(&entry->objective, mae_bench_meter_half(work, contender));
    entry->energy_mj = mae_bench_energy_of(work, contender, entry->latency_ms.median);
    return contender->draw.rounds ? mae_bench_measured_energy(work, contender, &entry->measured_mj) : NULL;
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
        MAE_TRY(fill_entry(&single[p], work, name, work->single[p], work->why_not[p]));
        single[p].precision = mae_arena_strdup(result->arena, work->context->infos[p].precision);
        if (!single[p].precision)
            return mae_error_nomem();
    }
    bench->single = single;
    bench->n_single = n;
    if (work->greedy) {
        MAE_TRY(fill_entry(greedy, work, "greedy", work->greedy, NULL));
        greedy->precision = "";
        bench->baselines = greedy;
        bench->n_baselines = 1;
    }
    return NULL;
}

/* What was measured best need not be what the profile says is best, or what it says meets the bounds: offered all the
 * same, without a proof. */
static mae_error *make_plan(mae_bench_result *result, const mae_bench_work *work, const int *mapping)
{
    const mae_goal *goal = &work->options->goal;
    mae_plan *solved = NULL;
    mae_error *error = mae_plan_solve(result->profile, goal, &solved);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
        mae_error_free(error);
        return mae_plan_of_mapping(result->profile, goal, mapping, &result->plan);
    }
    if (error)
        return error;
    int *solved_mapping = calloc(work->graph->n_layers + 1, sizeof *solved_mapping);
    error = solved_mapping ? mae_plan_mapping(solved, result->profile, solved_mapping) : mae_error_nomem();
    bool same = !error && memcmp(solved_mapping, mapping, work->graph->n_layers * sizeof *mapping) == 0;
    free(solved_mapping);
    if (same) {
        result->plan = solved;
        return NULL;
    }
    mae_plan_destroy(solved);
    return error ? error : mae_plan_of_mapping(result->profile, goal, mapping, &result->plan);
}

/* What one contender takes now over what the profile says, as a logarithm added to *sum. */
static mae_error *add_drift(const mae_profile *profile, const mae_contender *contender, double *sum, size_t *n)
{
    mae_prediction predicted;
    mae_interval now;
    const int *mapping = contender->runner->mapping;
    mae_error *error = contender->runner->overlap ? mae_eval_overlap(profile, mapping, 0, &predicted)
                                                  : mae_eval(profile, mapping, 0, &predicted);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) { /* a baseline that the profile has no figure of */
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    MAE_TRY(mae_median_of(contender->frames_ms, contender->rounds, &now));
    if (predicted.latency_ms > 0 && now.median > 0) {
        *sum += log(now.median / predicted.latency_ms);
        ++*n;
    }
    return NULL;
}

/* For a single PE: by all others that ran in the same rounds, for its own drift would make every prediction come
 * true. 1 if there were none. */
static mae_error *drift_of_others(const mae_bench_work *work, const mae_profile *profile, const mae_contender *offered,
                                  const mae_contender *mixed, mae_bench *bench)
{
    double sum = 0;
    size_t n = 0;
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (work->single[p] && work->single[p] != offered)
            MAE_TRY(add_drift(profile, work->single[p], &sum, &n));
    if (mixed && mixed != offered)
        MAE_TRY(add_drift(profile, mixed, &sum, &n));
    if (work->greedy && work->greedy != mixed && work->greedy != offered)
        MAE_TRY(add_drift(profile, work->greedy, &sum, &n));
    bench->drift = n ? exp(sum / (double)n) : 1;
    bench->scale = n ? MAE_SCALE_OTHERS : MAE_SCALE_NONE;
    return NULL;
}

/* How much slower the machine is now than when it was profiled, for the mapping offered. */
static mae_error *find_drift(mae_bench_result *result, mae_bench_work *work, const mae_contender *offered,
                             const mae_contender *mixed)
{
    bool any = false;
    for (size_t p = 0; p < work->context->n_pes; p++)
        any = any || work->single[p];
    if (offered != mixed || !any)
        return drift_of_others(work, result->profile, offered, mixed, &result->bench);
    double *per_pe = calloc(work->context->n_pes + 1, sizeof *per_pe), mean;
    if (!per_pe)
        return mae_error_nomem();
    mae_error *error = mae_bench_find_speeds(work, work->final_rounds, per_pe, &mean);
    if (!error)
        result->bench.drift = mae_bench_speed_of(result->profile, offered->runner->mapping, per_pe);
    result->bench.scale = MAE_SCALE_SINGLE_PES;
    free(per_pe);
    return error;
}

static mae_error *predict(mae_bench_result *result, mae_bench_work *work, const mae_contender *offered,
                          const mae_contender *mixed, const mae_contender *best_single)
{
    mae_bench *bench = &result->bench;
    mae_bench_cost plan, single;
    MAE_TRY(find_drift(result, work, offered, mixed));
    MAE_TRY(mae_bench_eval(work, result->profile, offered->runner->mapping, &plan));
    bench->predicted_ms = plan.latency_ms * bench->drift;
    if (!best_single)
        return NULL;
    MAE_TRY(mae_bench_eval(work, result->profile, best_single->runner->mapping, &single));
    if (single.value > 0)
        bench->maeg_predicted = 1 - plan.value / single.value;
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

/* Mixed or the best single PE: the mix is offered only if it is better beyond the interval, and meets the bounds. */
static mae_error *choose(const mae_bench_work *work, mae_contender *mixed, const mae_contender *best_single,
                         bool *ret_mixed, mae_bench *bench)
{
    mae_interval ratio = {1, 1, 1};
    *ret_mixed = false;
    if (mixed)
        MAE_TRY(mae_bench_meets(mixed, ret_mixed));
    if (mixed && best_single) {
        double half = mae_bench_meter_half_of_ratio(work, mixed, best_single);
        MAE_TRY(mae_ratio_of(mixed->values, best_single->values, work->final_rounds, &ratio));
        mae_bench_widen(&ratio, half);
        MAE_TRY(
            mae_bench_chance_below_one(mixed->values, best_single->values, work->final_rounds, half, &bench->p_beats));
        *ret_mixed = *ret_mixed && ratio.high < 1;
    }
    if (!*ret_mixed)
        ratio = (mae_interval){1, 1, 1};
    bench->maeg = (mae_interval){1 - ratio.median, 1 - ratio.high, 1 - ratio.low};
    return NULL;
}

/* Something verified, and broke the bounds when it ran: the one that came nearest. */
static mae_error *bounds_not_met(const mae_bench_work *work, mae_contender *const *contenders, size_t n)
{
    double least = INFINITY;
    const mae_contender *nearest = NULL;
    for (size_t i = 0; i < n; i++) {
        mae_interval miss;
        if (!contenders[i] || !contenders[i]->allowed || contenders[i]->rounds == 0)
            continue;
        MAE_TRY(mae_median_of(contenders[i]->misses, contenders[i]->rounds, &miss));
        if (nearest && miss.median >= least)
            continue;
        nearest = contenders[i];
        least = miss.median;
    }
    if (!nearest)
        return NULL;
    mae_interval time;
    MAE_TRY(mae_median_of(nearest->frames_ms, nearest->rounds, &time));
    size_t segments = mae_program_n_segments(nearest->runner->program);
    bool metered = nearest->draw.rounds > 0;
    if (!metered && work->profile->energy == MAE_ENERGY_NONE)
        return mae_error_new(MAE_ERR_INFEASIBLE, "nothing met the bounds when measured; nearest: %.4g ms, %zu switches",
                             time.median, segments - 1);
    return mae_error_new(
        MAE_ERR_INFEASIBLE, "nothing met the bounds when measured; nearest: %.4g ms, %.4g mJ (%s), %zu switches",
        time.median, mae_bench_energy_of(work, nearest, time.median), metered ? "measured" : "predicted", segments - 1);
}

static mae_error *nothing_to_offer(const mae_bench_work *work, mae_contender *mixed)
{
    MAE_TRY(bounds_not_met(work, work->single, work->context->n_pes));
    MAE_TRY(bounds_not_met(work, &mixed, 1));
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (work->single[p] && !work->single[p]->verdict.ok)
            return mae_error_new(
                MAE_ERR_VERIFY, "%s alone: output \"%s\" differs from the reference's by %.3g (relative)",
                work->context->infos[p].name, work->single[p]->verdict.output, work->single[p]->verdict.max_rel);
    return mae_error_new(MAE_ERR_VERIFY, "no mapping's outputs agree with the reference's");
}

static mae_error *fill_figures(mae_bench *bench, const mae_bench_work *work, const mae_contender *offered)
{
    MAE_TRY(mae_median_of(offered->frames_ms, offered->rounds, &bench->latency_ms));
    MAE_TRY(mae_median_of(offered->values, offered->rounds, &bench->objective));
    mae_bench_widen(&bench->objective, mae_bench_meter_half(work, offered));
    bench->energy_mj = mae_bench_energy_of(work, offered, bench->latency_ms.median);
    bench->predicted_mj = mae_bench_energy(work, bench->latency_ms.median, offered->dynamic_mj);
    if (offered->draw.rounds)
        MAE_TRY(mae_bench_measured_energy(work, offered, &bench->measured_mj));
    bench->meter = work->meter;
    bench->goal = work->options->goal;
    bench->before = work->before;
    bench->predicted = work->predicted;
    bench->predicted_error = mae_bench_expected_error(work);
    bench->threads = work->context->threads;
    bench->rounds = work->final_rounds;
    bench->refinements = work->refinements;
    bench->candidates = work->n_mixed;
    bench->races = work->races;
    bench->unverified = work->unverified;
    return NULL;
}

mae_error *mae_bench_conclude(mae_bench_result *result, mae_bench_work *work, mae_contender *mixed)
{
    mae_bench *bench = &result->bench;
    size_t best;
    MAE_TRY(mae_bench_best_of(work->single, work->context->n_pes, &best));
    mae_contender *best_single = best < work->context->n_pes ? work->single[best] : NULL;
    bool offer_mixed;
    MAE_TRY(choose(work, mixed, best_single, &offer_mixed, bench));
    mae_contender *offered = offer_mixed ? mixed : best_single;
    if (!offered)
        return nothing_to_offer(work, mixed);
    mae_error *error = mae_profile_clone(work->profile, &result->profile);
    if (error)
        return error;
    bench->profile = result->profile;
    MAE_TRY(fill_entries(result, work));
    bench->baseline = best_single ? bench->single[best].name : NULL;
    bench->enables = !best_single;
    bench->single_is_best = offered == best_single;
    MAE_TRY(fill_figures(bench, work, offered));
    MAE_TRY(predict(result, work, offered, mixed, best_single));
    MAE_TRY(make_plan(result, work, offered->runner->mapping));
    bench->plan = result->plan;
    MAE_TRY(mae_bench_find_precisions(result, best_single ? bench->single[best].precision : ""));
    return verify(result, work, offered);
}
