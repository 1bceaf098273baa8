/* A script, played by one strategy after the other on virtual SoCs of its own. */
#include <stdlib.h>
#include <string.h>

#include "core/profile.h"
#include "session/stream_play.h"

#define LONG_PERIOD_MS 1e6

static const char by_energy[] = "otherwise: least energy under the deadline\n";
static const char by_latency[] = "otherwise: least latency\n";

/* ---- reading ---- */

/* A script's network computes tags. */
static mae_error *check_rules(const mae_rules *rules, const char *path)
{
    for (size_t i = 0; i < rules->n_rules; i++)
        if (rules->rules[i].when == MAE_WHEN_OUTPUT)
            return mae_error_new(MAE_ERR_INPUT,
                                 "%s:%d:1: \"output\": in a script outputs mean nothing: expected an event", path,
                                 rules->rules[i].line);
    return NULL;
}

static mae_error *read_rules(play_work *work)
{
    const char *path = work->options->rules ? work->options->rules : work->scenario->rules_path;
    if (path) {
        MAE_TRY(mae_rules_read(path, &work->rules));
        return check_rules(work->rules, path);
    }
    const char *text = work->profile->energy == MAE_ENERGY_NONE ? by_latency : by_energy;
    return mae_rules_parse("rules", text, strlen(text), &work->rules);
}

static mae_error *solve_front(play_work *work)
{
    mae_goal goal = MAE_GOAL_INIT;
    goal.period_ms = work->profile->static_w > 0 ? LONG_PERIOD_MS : 0;
    return mae_front_solve(work->profile, &goal, 0, &work->front);
}

static mae_error *read_all(play_work *work, const char *path)
{
    MAE_TRY(mae_scenario_read(path, &work->scenario));
    MAE_TRY(mae_profile_read(work->scenario->profile_path, &work->profile));
    MAE_TRY(mae_error_wrap(mae_timeline_create(work->scenario, work->profile, &work->timeline), "%s", path));
    MAE_TRY(read_rules(work));
    MAE_TRY(solve_front(work));
    work->latency_ms = mae_arena_array(work->arena, work->timeline->n_frames + 1, sizeof(double));
    return work->latency_ms ? NULL : mae_error_nomem();
}

/* ---- single PEs and the front ---- */

static mae_error *play_singles(play_work *work, mae_play_strategy **at)
{
    int *mapping = mae_arena_array(work->arena, work->profile->n_layers, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    for (size_t p = 0; p < work->profile->n_pes; p++) {
        mae_prediction cost;
        for (size_t l = 0; l < work->profile->n_layers; l++)
            mapping[l] = (int)p;
        mae_error *error = mae_eval(work->profile, mapping, 0, &cost);
        bool complete = !error;
        if (mae_error_code(error) == MAE_ERR_NOMEM)
            return error;
        mae_error_free(error);
        if (!complete)
            continue;
        const char *name = mae_arena_printf(work->arena, "%s only", work->profile->pes[p].name);
        const int *const mappings[] = {mapping};
        if (!name)
            return mae_error_nomem();
        MAE_TRY(play_fixed(work, name, mappings, 1, NULL, (*at)++));
    }
    return NULL;
}

static mae_error *play_front(play_work *work, mae_play_strategy **at)
{
    for (size_t i = 0; i < work->front->n_points; i++) {
        const int *const mappings[] = {work->front->points[i].mapping};
        const char *name = mae_arena_printf(work->arena, "front %zu", i + 1);
        if (!name)
            return mae_error_nomem();
        MAE_TRY(play_fixed(work, name, mappings, 1, NULL, (*at)++));
    }
    return NULL;
}

/* ---- the clairvoyant ---- */

static mae_error *add_mapping(play_work *work, const int *mapping)
{
    size_t bytes = work->profile->n_layers * sizeof(int);
    for (size_t k = 0; k < work->n_mappings; k++)
        if (memcmp(work->mappings[k], mapping, bytes) == 0)
            return NULL;
    const int *copy = mae_arena_copy(work->arena, mapping, bytes);
    const int **mappings = realloc(work->mappings, (work->n_mappings + 1) * sizeof(int *));
    if (mappings)
        work->mappings = mappings;
    if (!copy || !mappings)
        return mae_error_nomem();
    work->mappings[work->n_mappings++] = copy;
    return NULL;
}

/* The front of one condition; there may be none. */
static mae_error *add_condition(play_work *work, size_t condition)
{
    mae_profile *under = NULL;
    mae_front *front = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    MAE_TRY(mae_timeline_profile(work->timeline, condition, &under));
    mae_error *error = mae_front_solve(under, &goal, 0, &front);
    for (size_t i = 0; !error && i < front->n_points; i++)
        error = add_mapping(work, front->points[i].mapping);
    mae_front_destroy(front);
    mae_profile_destroy(under);
    if (mae_error_code(error) == MAE_ERR_UNSUPPORTED || mae_error_code(error) == MAE_ERR_INFEASIBLE) {
        mae_error_free(error);
        return NULL;
    }
    return error;
}

/* Misses and energy are the optimum's: what no run can undercut. Latencies are those of its choices, played. */
static mae_error *play_optimum(play_work *work, mae_play_strategy **at)
{
    for (size_t c = 0; c < work->timeline->n_conditions; c++)
        MAE_TRY(add_condition(work, c));
    MAE_TRY(
        mae_optimum_of(work->timeline, work->mappings, work->n_mappings, play_noise, work->scenario, &work->optimum));
    mae_play_strategy *s = (*at)++;
    MAE_TRY(play_fixed(work, "clairvoyant", work->mappings, work->n_mappings, work->optimum->choice, s));
    s->bound = true;
    s->attained = work->optimum->attained;
    s->misses = work->optimum->misses;
    s->energy_mj = work->profile->energy == MAE_ENERGY_NONE ? 0 : work->optimum->energy_mj;
    return NULL;
}

/* ---- the whole ---- */

static mae_error *play_all(play_work *work, const char *path, mae_play *play)
{
    MAE_TRY(read_all(work, path));
    work->n_strategies = work->options->compare ? work->profile->n_pes + work->front->n_points + 2 : 1;
    work->strategies = mae_arena_array(work->arena, work->n_strategies, sizeof *work->strategies);
    mae_play_strategy *at = work->strategies;
    if (!at)
        return mae_error_nomem();
    MAE_TRY(play_reference(work));
    if (work->options->compare) {
        MAE_TRY(play_singles(work, &at));
        if (!work->options->skip_front)
            MAE_TRY(play_front(work, &at));
    }
    MAE_TRY(play_live(work, "policy", at++));
    if (work->options->compare)
        MAE_TRY(play_optimum(work, &at));
    play->script = mae_arena_strdup(work->arena, work->scenario->name ? work->scenario->name : "");
    play->model = mae_arena_strdup(work->arena, work->profile->model_name);
    play->soc = mae_arena_strdup(work->arena, work->profile->soc_name);
    play->duration_s = work->scenario->duration_s;
    play->has_energy = work->profile->energy != MAE_ENERGY_NONE;
    play->n_strategies = (size_t)(at - work->strategies);
    play->strategies = work->strategies;
    play->priv = work->arena;
    return play->script && play->model && play->soc ? NULL : mae_error_nomem();
}

mae_error *mae_scenario_play(const char *path, const mae_play_options *options, mae_play **ret_play)
{
    static const mae_play_options defaults;
    play_work work = {.options = options ? options : &defaults, .arena = mae_arena_create()};
    mae_play *play = work.arena ? mae_arena_alloc(work.arena, sizeof *play) : NULL;
    mae_error *error = play ? play_all(&work, path, play) : mae_error_nomem();
    free(work.mappings);
    mae_optimum_destroy(work.optimum);
    mae_front_destroy(work.front);
    mae_timeline_destroy(work.timeline);
    mae_rules_destroy(work.rules);
    mae_profile_destroy(work.profile);
    mae_scenario_destroy(work.scenario);
    if (error) {
        mae_arena_destroy(work.arena);
        return error;
    }
    *ret_play = play;
    return NULL;
}

void mae_play_destroy(mae_play *play)
{
    if (play)
        mae_arena_destroy(play->priv);
}
