/* The main job: profile, plan, refine, then every single PE and the plan measured turn by turn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/profile.h"
#include "plan/plan.h"
#include "session/bench.h"

#define DEFAULT_RACE_S 10.0
/* Part of the race's time that chooses among mixed candidates; the rest measures the one chosen, so that the
 * figures reported are not those of the luckiest of several. */
#define CHOOSING_PART 0.3

typedef struct bench_result {
    mae_bench bench; /* first: what the caller holds */
    mae_arena *arena;
    mae_profile *profile;
    mae_plan *plan;
} bench_result;

/* ---- setting up ---- */

static mae_error *prepare_inputs(mae_bench_work *work)
{
    mae_pe *pe;
    MAE_TRY(mae_context_reference(work->context, &pe));
    MAE_TRY(mae_runner_create_single(pe, work->graph, &work->reference));
    MAE_TRY(mae_runner_fill(work->reference, 1));
    for (size_t i = 0; i < work->options->n_inputs; i++) {
        const mae_bench_input *input = &work->options->inputs[i];
        if (input->input >= work->graph->n_inputs)
            return mae_error_new(MAE_ERR_USAGE, "input %zu of %zu", input->input, work->graph->n_inputs);
        MAE_TRY(mae_runner_set_input(work->reference, input->input, input->data, input->bytes));
    }
    return NULL;
}

static mae_error *check_profile(const mae_bench_work *work)
{
    const mae_profile *profile = work->profile;
    bool same = profile->n_layers == work->graph->n_layers && profile->n_pes == work->context->n_pes;
    for (size_t l = 0; same && l < profile->n_layers; l++)
        same = strcmp(profile->layers[l].name, work->graph->layers[l].name) == 0;
    if (!same)
        return mae_error_new(MAE_ERR_INPUT, "the profile is for another network or other PEs than the model's");
    for (size_t p = 0; p < profile->n_pes; p++)
        if (strcmp(profile->pes[p].name, work->context->infos[p].name) != 0)
            return mae_error_new(MAE_ERR_INPUT, "the profile's PE \"%s\" is not \"%s\"", profile->pes[p].name,
                                 work->context->infos[p].name);
    return NULL;
}

static mae_error *get_profile(mae_bench_work *work)
{
    if (work->options->profile) {
        MAE_TRY(mae_profile_clone(work->options->profile, &work->profile));
        return check_profile(work);
    }
    mae_profile_options options = {.budget_s = work->options->budget_s,
                                   .progress = work->options->progress,
                                   .progress_ctx = work->options->progress_ctx};
    return mae_profile_measure(work->context, work->model, &options, &work->profile);
}

static const char *first_unsupported(mae_bench_work *work, int pe, mae_arena *arena)
{
    for (size_t l = 0; l < work->graph->n_layers; l++) {
        const char *reason = NULL;
        if (!mae_model_supports(work->model, pe, (int)l, &reason))
            return mae_arena_printf(arena, "layer \"%s\" (%s): %s", work->graph->layers[l].name,
                                    work->graph->layers[l].op, reason ? reason : "unsupported");
    }
    return NULL;
}

static mae_error *compile_single(mae_bench_work *work, mae_arena *arena)
{
    int *mapping = calloc(work->graph->n_layers + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = NULL;
    for (size_t p = 0; p < work->context->n_pes && !error; p++) {
        work->why_not[p] = first_unsupported(work, (int)p, arena);
        if (work->why_not[p])
            continue;
        for (size_t l = 0; l < work->graph->n_layers; l++)
            mapping[l] = (int)p;
        error = mae_contender_create(work->context, work->graph, mapping, work->reference, MAE_BENCH_MOST_ROUNDS,
                                     &work->single[p]);
    }
    free(mapping);
    return error;
}

/* The order of today's runtimes: special engines first, the one that runs everything last. */
static void priority_order(const mae_profile *profile, int *order)
{
    for (size_t p = 0; p < profile->n_pes; p++)
        order[p] = (int)p;
    size_t n = profile->n_pes;
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0; j--) {
            size_t here = 0, before = 0;
            for (size_t l = 0; l < profile->n_layers; l++) {
                here += profile->costs[l * n + (size_t)order[j]].supported;
                before += profile->costs[l * n + (size_t)order[j - 1]].supported;
            }
            if (here >= before)
                break;
            int swap = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swap;
        }
}

/* The greedy baseline; left out where it is one of the single PEs. */
static mae_error *compile_greedy(mae_bench_work *work)
{
    size_t n = work->graph->n_layers;
    int *mapping = calloc(n + work->context->n_pes + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    int *order = mapping + n;
    priority_order(work->profile, order);
    mae_error *error = mae_greedy(work->profile, order, mapping);
    bool mixed = false;
    for (size_t l = 1; l < n && !error; l++)
        mixed = mixed || mapping[l] != mapping[0];
    if (!error && mixed)
        error = mae_contender_create(work->context, work->graph, mapping, work->reference, MAE_BENCH_MOST_ROUNDS,
                                     &work->greedy);
    free(mapping);
    return error;
}

/* ---- the race ---- */

typedef struct lineup {
    mae_contender *all[64 + MAE_BENCH_MOST_MIXED + 1];
    size_t n;
} lineup;

static void line_up_single(const mae_bench_work *work, lineup *line)
{
    for (size_t p = 0; p < work->context->n_pes && p < 64; p++)
        if (work->single[p])
            line->all[line->n++] = work->single[p];
}

static mae_error *best_of(mae_contender *const *contenders, size_t n, size_t rounds, size_t *ret_best)
{
    double best = INFINITY;
    *ret_best = n;
    for (size_t i = 0; i < n; i++) {
        if (!contenders[i])
            continue;
        mae_interval time;
        MAE_TRY(mae_median_of(contenders[i]->frames_ms, rounds, &time));
        if (time.median < best) {
            best = time.median;
            *ret_best = i;
        }
    }
    return NULL;
}

/* The mixed candidate to offer, if any; then the final rounds. */
static mae_error *race(mae_bench_work *work, mae_contender **ret_mixed)
{
    double seconds = work->options->race_s > 0 ? work->options->race_s : DEFAULT_RACE_S;
    mae_contender *chosen = work->n_mixed ? work->mixed[0] : NULL;
    if (work->n_mixed > 1) {
        size_t best;
        MAE_TRY(mae_contend(work->mixed, work->n_mixed, seconds * CHOOSING_PART, MAE_BENCH_MOST_ROUNDS, &work->rounds));
        MAE_TRY(best_of(work->mixed, work->n_mixed, work->rounds, &best));
        chosen = work->mixed[best];
        seconds *= 1 - CHOOSING_PART;
    }
    lineup line = {.n = 0};
    line_up_single(work, &line);
    if (chosen)
        line.all[line.n++] = chosen;
    if (work->greedy)
        line.all[line.n++] = work->greedy;
    MAE_TRY(mae_contend(line.all, line.n, seconds, MAE_BENCH_MOST_ROUNDS, &work->rounds));
    *ret_mixed = chosen;
    return NULL;
}

/* ---- the result ---- */

static mae_error *fill_entry(mae_bench_entry *entry, const char *name, const mae_contender *contender,
                             const char *why_not, size_t rounds)
{
    *entry = (mae_bench_entry){.name = name, .complete = contender != NULL, .reason = why_not};
    return contender ? mae_median_of(contender->frames_ms, rounds, &entry->latency_ms) : NULL;
}

static mae_error *fill_entries(bench_result *result, const mae_bench_work *work)
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

static mae_error *make_plan(bench_result *result, const mae_bench_work *work, const int *mapping)
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

/* The drift of a mapping: each PE's own, weighted by the time its layers take. */
static double drift_of(const mae_profile *profile, const int *mapping, const double *per_pe)
{
    double now = 0, then = 0;
    for (size_t l = 0; l < profile->n_layers; l++) {
        double time_ms = profile->costs[l * profile->n_pes + (size_t)mapping[l]].time_ms;
        then += time_ms;
        now += time_ms * per_pe[mapping[l]];
    }
    return then > 0 ? now / then : 1;
}

static mae_error *predict(bench_result *result, const mae_bench_work *work, const mae_contender *offered,
                          const mae_contender *best_single)
{
    mae_bench *bench = &result->bench;
    const mae_profile *profile = result->profile;
    double *per_pe = calloc(work->context->n_pes + 1, sizeof *per_pe), mean;
    if (!per_pe)
        return mae_error_nomem();
    mae_prediction plan, single = {0};
    mae_error *error = mae_bench_drift(work, profile, work->rounds, &mean, per_pe);
    if (!error)
        error = mae_eval(profile, offered->runner->mapping, 0, &plan);
    if (!error && best_single)
        error = mae_eval(profile, best_single->runner->mapping, 0, &single);
    if (!error) {
        bench->drift = drift_of(profile, offered->runner->mapping, per_pe);
        bench->predicted_ms = plan.latency_ms * bench->drift;
        if (best_single && single.latency_ms > 0)
            bench->maeg_predicted = 1 - plan.latency_ms / single.latency_ms;
    }
    free(per_pe);
    return error;
}

static mae_error *verify(bench_result *result, const mae_bench_work *work, const mae_contender *offered)
{
    MAE_TRY(mae_program_run(work->reference->program, NULL));
    MAE_TRY(mae_program_run(offered->runner->program, NULL));
    mae_verdict *verdict = &result->bench.verdict;
    double abs_tolerance, rel_tolerance;
    mae_runner_tolerance(work->context, offered->runner, &abs_tolerance, &rel_tolerance);
    MAE_TRY(mae_runner_compare(offered->runner, work->reference, abs_tolerance, rel_tolerance, verdict));
    if (verdict->output)
        verdict->output = mae_arena_strdup(result->arena, verdict->output);
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

static mae_error *conclude(bench_result *result, mae_bench_work *work, mae_contender *mixed)
{
    mae_bench *bench = &result->bench;
    size_t best;
    MAE_TRY(best_of(work->single, work->context->n_pes, work->rounds, &best));
    mae_contender *best_single = best < work->context->n_pes ? work->single[best] : NULL;
    bool offer_mixed;
    mae_interval ratio;
    MAE_TRY(choose(work, mixed, best_single, &offer_mixed, &ratio));
    mae_contender *offered = offer_mixed ? mixed : best_single;
    if (!offered)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "no PE runs the whole network, and no mapping was found");
    result->profile = work->profile;
    work->profile = NULL;
    bench->profile = result->profile;
    MAE_TRY(fill_entries(result, work));
    bench->baseline = best_single ? bench->single[best].name : NULL;
    bench->single_is_best = offered == best_single;
    bench->maeg = (mae_interval){1 - ratio.median, 1 - ratio.high, 1 - ratio.low};
    MAE_TRY(mae_median_of(offered->frames_ms, work->rounds, &bench->latency_ms));
    MAE_TRY(predict(result, work, offered, best_single));
    MAE_TRY(make_plan(result, work, offered->runner->mapping));
    bench->plan = result->plan;
    bench->threads = work->context->threads;
    bench->rounds = work->rounds;
    bench->refinements = work->refinements;
    return verify(result, work, offered);
}

static mae_error *bench_all(mae_bench_work *work, bench_result *result)
{
    work->single = mae_arena_array(result->arena, work->context->n_pes, sizeof *work->single);
    work->why_not = mae_arena_array(result->arena, work->context->n_pes, sizeof *work->why_not);
    work->mixed = mae_arena_array(result->arena, MAE_BENCH_MOST_MIXED, sizeof *work->mixed);
    if (!work->single || !work->why_not || !work->mixed)
        return mae_error_nomem();
    MAE_TRY(prepare_inputs(work));
    MAE_TRY(get_profile(work));
    MAE_TRY(compile_single(work, result->arena));
    MAE_TRY(compile_greedy(work));
    MAE_TRY(mae_bench_refine(work));
    mae_contender *mixed = NULL;
    MAE_TRY(race(work, &mixed));
    return conclude(result, work, mixed);
}

static void free_work(mae_bench_work *work)
{
    for (size_t p = 0; work->single && p < work->context->n_pes; p++)
        mae_contender_destroy(work->single[p]);
    for (size_t m = 0; m < work->n_mixed; m++)
        mae_contender_destroy(work->mixed[m]);
    mae_contender_destroy(work->greedy);
    mae_runner_destroy(work->reference);
    mae_profile_destroy(work->profile);
}

mae_error *mae_bench_run(mae_context *context, mae_model *model, const mae_bench_options *options,
                         mae_bench **ret_bench)
{
    static const mae_bench_options defaults = {.goal = MAE_GOAL_INIT};
    bench_result *result = calloc(1, sizeof *result);
    if (!result)
        return mae_error_nomem();
    result->bench.priv = result;
    result->arena = mae_arena_create();
    mae_bench_work work = {
        .context = context, .model = model, .graph = model->graph, .options = options ? options : &defaults};
    mae_error *error = result->arena ? bench_all(&work, result) : mae_error_nomem();
    free_work(&work);
    if (error) {
        mae_bench_destroy(&result->bench);
        return error;
    }
    *ret_bench = &result->bench;
    return NULL;
}

void mae_bench_destroy(mae_bench *bench)
{
    if (!bench)
        return;
    bench_result *result = bench->priv;
    mae_plan_destroy(result->plan);
    mae_profile_destroy(result->profile);
    mae_arena_destroy(result->arena);
    free(result);
}
