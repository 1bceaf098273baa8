/* The main job: profile, plan, refine, then every single PE and the plan measured turn by turn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/goal.h"
#include "core/profile.h"
#include "plan/plan.h"
#include "session/race.h"

#define DEFAULT_RACE_S 10.0
/* Choosing among mixes may take as long again as the final rounds, which measure the one chosen anew, so that the
 * figures reported are not those of the luckiest of several. */
#define CHOOSING_PART 1.0
#define MEASURED_ERROR 0.01 /* relative, of a prediction by segments that were measured: what changes between races */
#define HALF_WIDTH 1.96     /* of a 95 % interval, in standard deviations */

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
                                   .progress_ctx = work->options->progress_ctx,
                                   .inputs = work->options->inputs,
                                   .n_inputs = work->options->n_inputs};
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

mae_error *mae_bench_report(mae_bench_work *work, const char *what, double fraction, double left_s)
{
    const mae_bench_options *options = work->options;
    work->done = fmax(work->done, fraction);
    if (!options->progress || options->progress(options->progress_ctx, what, work->done, left_s))
        return NULL;
    return mae_error_new(MAE_ERR_FAILED, "cancelled");
}

mae_error *mae_bench_meets(const mae_contender *contender, bool *ret_meets)
{
    mae_interval miss;
    MAE_TRY(mae_median_of(contender->misses, contender->rounds, &miss));
    *ret_meets = contender->rounds > 0 && miss.median <= 0;
    return NULL;
}

mae_error *mae_bench_best_of(mae_contender *const *contenders, size_t n, size_t *ret_best)
{
    double best = INFINITY;
    *ret_best = n;
    for (size_t i = 0; i < n; i++) {
        if (!contenders[i] || !contenders[i]->allowed)
            continue;
        mae_interval value;
        bool meets;
        MAE_TRY(mae_bench_meets(contenders[i], &meets));
        MAE_TRY(mae_median_of(contenders[i]->values, contenders[i]->rounds, &value));
        if (meets && value.median < best) {
            best = value.median;
            *ret_best = i;
        }
    }
    return NULL;
}

/* What a contender is in a recorder. */
static const char *name_of(const mae_bench_work *work, const mae_contender *contender)
{
    for (size_t p = 0; p < work->context->n_pes; p++)
        if (contender == work->single[p])
            return work->context->infos[p].name;
    return contender == work->greedy ? "greedy" : "mix";
}

static mae_error *record_all(mae_bench_work *work, const mae_race *race, mae_recorder *recorder)
{
    for (size_t i = 0; i < race->n; i++) {
        const mae_contender *c = race->racers[i].contender;
        MAE_TRY(mae_runner_record(work->context, c->runner, recorder, name_of(work, c)));
    }
    return NULL;
}

/* A race whose frames, and watts between turns, are recorded where that is asked for. */
static mae_error *run_recorded(mae_bench_work *work, mae_race *race)
{
    mae_recorder *recorder = work->options->recorder;
    if (!recorder)
        return mae_race_run(work, race);
    MAE_TRY(mae_watts_create(work->context, recorder, &work->watts));
    mae_error *error = record_all(work, race, recorder);
    if (!error)
        error = mae_race_run(work, race);
    mae_watts_destroy(work->watts);
    work->watts = NULL;
    return error ? error : record_all(work, race, NULL);
}

/* Every single PE, the greedy choice, and the mix that was chosen: their times, then, where there is a meter, what they
 * draw. */
static mae_error *final_race(mae_bench_work *work, mae_contender *mixed, double seconds, mae_arena *arena)
{
    mae_race race = {.seconds = seconds, .what = "final rounds", .begin = 0.5, .end = work->context->meter ? 0.75 : 1};
    for (size_t p = 0; p < work->context->n_pes && p < 64; p++)
        mae_race_add(&race, work->single[p], true);
    mae_race_add(&race, work->greedy, true);
    if (mixed != work->greedy)
        mae_race_add(&race, mixed, true);
    MAE_TRY(run_recorded(work, &race));
    work->final_rounds = race.rounds;
    mae_contender *finalists[MAE_RACE_MOST];
    for (size_t i = 0; i < race.n; i++)
        finalists[i] = race.racers[i].contender;
    return mae_bench_measure_energy(work, finalists, race.n, seconds, arena);
}

/* What the profile alone promises of the best mix, before anything is raced. */
static mae_error *foresee_plan(mae_bench_work *work)
{
    mae_solution solution;
    mae_error *error = mae_solve(work->profile, &work->options->goal, NULL, &solution);
    if (error)
        return error;
    bool mixed = false;
    for (size_t l = 1; l < work->graph->n_layers; l++)
        mixed = mixed || solution.mapping[l] != solution.mapping[0];
    if (mixed)
        error = mae_bench_foresee(work, work->profile, solution.mapping, mae_bench_expected_error(work), true,
                                  &work->before);
    free(solution.mapping);
    return error;
}

/* The relative error (standard deviation) of a prediction by segments that were measured: times of whole PEs were
 * divided by to bring them into the profile, and these are known so well only. */
static mae_error *error_of_measured(const mae_bench_work *work, double *ret_error)
{
    double sum = 0;
    size_t n = 0;
    for (size_t p = 0; p < work->context->n_pes; p++) {
        const mae_contender *single = work->single[p];
        mae_interval time;
        if (!single || single->rounds == 0)
            continue;
        MAE_TRY(mae_median_of(single->frames_ms, single->rounds, &time));
        double half = time.median > 0 ? (time.high - time.low) / 2 / time.median / HALF_WIDTH : 0;
        sum += half * half;
        n++;
    }
    *ret_error = sqrt(MEASURED_ERROR * MEASURED_ERROR + (n ? 2 * sum / (double)n : 0));
    return NULL;
}

/* The same of the mix that was chosen, by segments measured and at the speeds of today. */
static mae_error *foresee_final(mae_bench_work *work, const mae_contender *mixed)
{
    mae_profile *today;
    double error_of = mae_bench_expected_error(work);
    if (!mixed)
        return NULL;
    if (work->races > 0)
        MAE_TRY(error_of_measured(work, &error_of));
    MAE_TRY(mae_bench_todays_profile(work, &today));
    mae_error *error = mae_bench_foresee(work, today, mixed->runner->mapping, error_of, false, &work->predicted);
    mae_profile_destroy(today);
    return error;
}

static mae_error *race(mae_bench_work *work, mae_arena *arena, mae_contender **ret_mixed)
{
    double seconds = work->options->race_s > 0 ? work->options->race_s : DEFAULT_RACE_S;
    MAE_TRY(mae_bench_refine(work, seconds * CHOOSING_PART, ret_mixed));
    MAE_TRY(foresee_final(work, *ret_mixed));
    return final_race(work, *ret_mixed, seconds, arena);
}

static mae_error *prepare_goal(mae_bench_work *work)
{
    const mae_goal *goal = &work->options->goal;
    MAE_TRY(mae_goal_check(goal));
    MAE_TRY(mae_goal_check_energy(goal, work->profile));
    MAE_TRY(mae_bench_prior_error(work->profile, &work->prior_error));
    return mae_goal_scales(work->profile, goal, &work->scale_latency, &work->scale_energy);
}

static mae_error *bench_all(mae_bench_work *work, mae_bench_result *result)
{
    work->single = mae_arena_array(result->arena, work->context->n_pes, sizeof *work->single);
    work->why_not = mae_arena_array(result->arena, work->context->n_pes, sizeof *work->why_not);
    work->mixed = mae_arena_array(result->arena, MAE_BENCH_MOST_MIXED, sizeof *work->mixed);
    work->speed = mae_arena_array(result->arena, work->context->n_pes, sizeof *work->speed);
    if (!work->single || !work->why_not || !work->mixed || !work->speed)
        return mae_error_nomem();
    for (size_t p = 0; p < work->context->n_pes; p++)
        work->speed[p] = 1;
    MAE_TRY(prepare_inputs(work));
    MAE_TRY(get_profile(work));
    MAE_TRY(prepare_goal(work));
    MAE_TRY(compile_single(work, result->arena));
    MAE_TRY(compile_greedy(work));
    MAE_TRY(foresee_plan(work));
    mae_contender *mixed = NULL;
    MAE_TRY(race(work, result->arena, &mixed));
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
