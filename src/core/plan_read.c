/* Reading plans: what `mae run` needs is required, the rest may be missing. */
#include <math.h>
#include <string.h>

#include "core/cost.h"
#include "core/goal.h"
#include "core/graph.h"
#include "core/plan.h"
#include "core/plan_replicas.h"
#include "core/profile_reader.h"

static mae_error *read_cost(const mae_reader *r, const mae_place *at, mae_prediction *cost, bool *has_energy)
{
    double switches = 0;
    json_t *energy = json_object_get(at->object, "energy_mj");
    MAE_TRY(mae_reader_number(r, at, "latency_ms", true, HUGE_VAL, &cost->latency_ms));
    if (energy && !json_is_null(energy)) {
        MAE_TRY(mae_reader_number(r, at, "energy_mj", true, HUGE_VAL, &cost->energy_mj));
        *has_energy = true;
    }
    MAE_TRY(mae_reader_number(r, at, "switches", false, 1e9, &switches));
    cost->switches = (int)switches;
    return NULL;
}

mae_error *mae_reader_goal(const mae_reader *r, mae_goal *goal)
{
    mae_place root = {.object = r->root}, at = {.list = "goal", .index = -1};
    const char *minimize = "latency";
    double max_switches = -1;
    MAE_TRY(mae_reader_value(r, &root, "goal", JSON_OBJECT, false, &at.object));
    MAE_TRY(mae_reader_string(r, &at, "minimize", false, &minimize));
    mae_error *error = mae_goal_parse(minimize, goal);
    if (error) {
        mae_error_free(error);
        return mae_reader_error(r, &at, "minimize", "\"%s\" is not latency, energy, edp, weighted:W or period", minimize);
    }
    MAE_TRY(mae_reader_number(r, &at, "max_latency_ms", false, HUGE_VAL, &goal->max_latency_ms));
    MAE_TRY(mae_reader_number(r, &at, "max_energy_mj", false, HUGE_VAL, &goal->max_energy_mj));
    MAE_TRY(mae_reader_number(r, &at, "max_power_w", false, HUGE_VAL, &goal->max_power_w));
    MAE_TRY(mae_reader_number(r, &at, "period_ms", false, HUGE_VAL, &goal->period_ms));
    MAE_TRY(mae_reader_number(r, &at, "max_switches", false, 1e9, &max_switches));
    goal->max_switches = (int)max_switches;
    return NULL;
}

static mae_error *read_schedule(const mae_reader *r, mae_schedule *schedule)
{
    mae_place root = {.object = r->root};
    const char *text = "serial";
    MAE_TRY(mae_reader_string(r, &root, "schedule", false, &text));
    if (strcmp(text, "serial") != 0 && strcmp(text, "overlap") != 0)
        return mae_reader_error(r, &root, "schedule", "\"%s\" is not serial or overlap", text);
    *schedule = strcmp(text, "overlap") == 0 ? MAE_OVERLAP : MAE_SERIAL;
    return NULL;
}

mae_error *mae_reader_plan_segment(const mae_reader *r, const mae_place *at, mae_plan_segment *segment)
{
    json_t *list;
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_string(r, at, "pe", true, &segment->pe));
    MAE_TRY(mae_reader_value(r, at, "layers", JSON_ARRAY, true, &list));
    size_t n = json_array_size(list);
    const char **names = mae_arena_array(r->arena, n, sizeof *names);
    if (!names)
        return mae_error_nomem();
    if (n == 0)
        return mae_reader_error(r, at, "layers", "is empty");
    for (size_t k = 0; k < n; k++) {
        json_t *name = json_array_get(list, k);
        if (!json_is_string(name))
            return mae_reader_error(r, at, "layers", "entry %zu is not a name", k);
        names[k] = mae_arena_strdup(r->arena, json_string_value(name));
        if (!names[k])
            return mae_error_nomem();
    }
    segment->layers = names;
    segment->n_layers = n;
    return NULL;
}

mae_error *mae_plan_read_segments(const mae_reader *r, const char *name, json_t *list,
                                  const mae_plan_segment **ret_segments, size_t *ret_n)
{
    size_t n = json_array_size(list);
    if (n == 0)
        return mae_json_error(r->json, name, "is empty");
    mae_plan_segment *segments = mae_arena_array(r->arena, n, sizeof *segments);
    if (!segments)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = name, .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(mae_reader_plan_segment(r, &at, &segments[i]));
    }
    *ret_segments = segments;
    *ret_n = n;
    return NULL;
}

static mae_error *read_segments(const mae_reader *r, mae_plan *plan)
{
    json_t *list;
    size_t n;
    MAE_TRY(mae_reader_list(r, "segments", true, MAE_PROFILE_MAX_LAYERS, &list, &n));
    return mae_plan_read_segments(r, "segments", list, &plan->segments, &plan->n_segments);
}

static mae_error *read_singles(const mae_reader *r, mae_plan *plan)
{
    json_t *list;
    size_t n;
    MAE_TRY(mae_reader_list(r, "single_pe", false, MAE_PROFILE_MAX_PES, &list, &n));
    mae_plan_baseline *single = mae_arena_array(r->arena, n, sizeof *single);
    if (!single)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "single_pe", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_string(r, &at, "pe", true, &single[i].name));
        MAE_TRY(read_cost(r, &at, &single[i].cost, &plan->has_energy));
        single[i].meets_bounds = json_is_true(json_object_get(at.object, "meets_bounds"));
    }
    plan->single = single;
    plan->n_single = n;
    return NULL;
}

static mae_error *read_maeg(const mae_reader *r, mae_plan *plan)
{
    mae_place root = {.object = r->root}, at = {.list = "maeg", .index = -1};
    MAE_TRY(mae_reader_value(r, &root, "maeg", JSON_OBJECT, false, &at.object));
    json_t *value = json_object_get(at.object, "value");
    plan->has_maeg = json_is_number(value);
    plan->maeg = json_number_value(value);
    plan->enables = json_is_true(json_object_get(at.object, "enables"));
    if (json_is_string(json_object_get(at.object, "baseline")))
        MAE_TRY(mae_reader_string(r, &at, "baseline", true, &plan->baseline));
    return NULL;
}

static mae_error *read_input(const mae_reader *r, const mae_place *at, mae_shape *shape)
{
    const char *dtype;
    json_t *dims;
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_value(r, at, "shape", JSON_ARRAY, true, &dims));
    MAE_TRY(mae_reader_string(r, at, "dtype", true, &dtype));
    shape->dtype = mae_dtype_parse(dtype);
    return mae_reader_dims(r, at, dims, shape);
}

static mae_error *read_model(const mae_reader *r, mae_plan *plan)
{
    mae_place root = {.object = r->root};
    mae_place model = {.list = "model", .index = -1}, soc = {.list = "soc", .index = -1};
    json_t *inputs, *value;
    const char *name;
    MAE_TRY(mae_reader_value(r, &root, "model", JSON_OBJECT, false, &model.object));
    MAE_TRY(mae_reader_value(r, &root, "soc", JSON_OBJECT, false, &soc.object));
    MAE_TRY(mae_reader_string(r, &model, "name", false, &plan->model_name));
    MAE_TRY(mae_reader_string(r, &model, "sha256", false, &plan->model_sha256));
    MAE_TRY(mae_reader_string(r, &soc, "name", false, &plan->soc_name));
    MAE_TRY(mae_reader_string(r, &soc, "mode", false, &plan->soc_mode));
    MAE_TRY(mae_reader_value(r, &model, "inputs", JSON_OBJECT, false, &inputs));
    size_t n = json_object_size(inputs);
    const char **names = mae_arena_array(r->arena, n, sizeof *names);
    mae_shape *shapes = mae_arena_array(r->arena, n, sizeof *shapes);
    if (!names || !shapes)
        return mae_error_nomem();
    plan->model_input_names = names;
    plan->model_input_shapes = shapes;
    json_object_foreach (inputs, name, value) {
        mae_place at = {.list = "model.inputs", .index = -1, .object = value};
        MAE_TRY(read_input(r, &at, &shapes[plan->n_model_inputs]));
        names[plan->n_model_inputs] = mae_arena_strdup(r->arena, name);
        if (!names[plan->n_model_inputs++])
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *read_plan(const mae_reader *r, mae_plan *plan)
{
    mae_place root = {.object = r->root}, predicted = {.list = "predicted", .index = -1};
    MAE_TRY(mae_reader_format(r, "mae-plan"));
    MAE_TRY(read_model(r, plan));
    MAE_TRY(mae_reader_goal(r, &plan->goal));
    MAE_TRY(read_schedule(r, &plan->goal.schedule));
    MAE_TRY(read_segments(r, plan));
    MAE_TRY(mae_reader_value(r, &root, "predicted", JSON_OBJECT, false, &predicted.object));
    if (predicted.object)
        MAE_TRY(read_cost(r, &predicted, &plan->predicted, &plan->has_energy));
    MAE_TRY(read_singles(r, plan));
    MAE_TRY(read_maeg(r, plan));
    MAE_TRY(mae_plan_read_throughput(r, &root, plan));
    plan->optimal = json_is_true(json_object_get(r->root, "optimal"));
    MAE_TRY(mae_reader_number(r, &root, "gap", false, HUGE_VAL, &plan->gap));
    return mae_reader_number(r, &root, "solve_ms", false, HUGE_VAL, &plan->solve_ms);
}

mae_error *mae_plan_from_json(const mae_json *json, mae_plan **ret_plan)
{
    mae_plan *plan = NULL;
    MAE_TRY(mae_plan_alloc(&plan));
    mae_plan_priv *priv = plan->priv;
    mae_reader reader = {.json = json, .root = mae_json_root(json), .arena = priv->arena};
    mae_error *error = read_plan(&reader, plan);
    if (!error)
        error = mae_reader_keep(&reader, &priv->kept);
    if (error) {
        mae_plan_destroy(plan);
        return error;
    }
    *ret_plan = plan;
    return NULL;
}

mae_error *mae_plan_read(const char *path, mae_plan **ret_plan)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_read(path, MAE_PLAN_MAX_FILE_BYTES, &json));
    mae_error *error = mae_plan_from_json(json, ret_plan);
    mae_json_destroy(json);
    return error;
}
