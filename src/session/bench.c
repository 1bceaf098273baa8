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
    return mae_program_run(work->reference->program, NULL);
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
        error = mae_bench_enter(work, mapping, &work->single[p]);
    }
    free(mapping);
    return error;
}

/* The greedy baseline; left out where it is one of the single PEs. */
static mae_error *compile_greedy(mae_bench_work *work)
{
    size_t n = work->graph->n_layers;
    int *mapping = calloc(n + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = mae_greedy(work->profile, NULL, 0, mapping);
    bool mixed = false;
    for (size_t l = 1; l < n && !error; l++)
        mixed = mixed || mapping[l] != mapping[0];
    if (!error && mixed)
        error = mae_bench_enter(work, mapping, &work->greedy);
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

mae_error *mae_bench_best_of(mae_contender *const *contenders, size_t n, size_t rounds, size_t *ret_best)
{
    double best = INFINITY;
    *ret_best = n;
    for (size_t i = 0; i < n; i++) {
        if (!contenders[i] || !contenders[i]->verdict.ok)
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

/* Mixed candidates whose outputs differ from the reference's are never offered, however fast. */
static void drop_unverified(mae_bench_work *work)
{
    size_t kept = 0;
    for (size_t m = 0; m < work->n_mixed; m++) {
        if (work->mixed[m]->verdict.ok) {
            work->mixed[kept++] = work->mixed[m];
        } else {
            mae_contender_destroy(work->mixed[m]);
            work->unverified++;
        }
    }
    work->n_mixed = kept;
}

/* The mixed candidate to offer, if any; then the final rounds. */
static mae_error *race(mae_bench_work *work, mae_contender **ret_mixed)
{
    double seconds = work->options->race_s > 0 ? work->options->race_s : DEFAULT_RACE_S;
    drop_unverified(work);
    mae_contender *chosen = work->n_mixed ? work->mixed[0] : NULL;
    if (work->n_mixed > 1) {
        size_t best;
        MAE_TRY(mae_contend(work->mixed, work->n_mixed, seconds * CHOOSING_PART, MAE_BENCH_MOST_ROUNDS, &work->rounds));
        MAE_TRY(mae_bench_best_of(work->mixed, work->n_mixed, work->rounds, &best));
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

static mae_error *bench_all(mae_bench_work *work, mae_bench_result *result)
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
    return mae_bench_conclude(result, work, mixed);
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
    mae_bench_result *result = calloc(1, sizeof *result);
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
    mae_bench_result *result = bench->priv;
    mae_plan_destroy(result->plan);
    mae_profile_destroy(result->profile);
    mae_arena_destroy(result->arena);
    free(result);
}
