#include "core/cost.h"
#include "core/goal.h"
#include "core/graph.h"
#include "core/json_writer.h"
#include "core/plan.h"
#include "core/plan_replicas.h"

static json_t *write_cost(mae_json_writer *out, const mae_plan *plan, json_t *object, const mae_prediction *cost)
{
    mae_json_put(out, object, "latency_ms", json_real(cost->latency_ms));
    mae_json_put(out, object, "energy_mj", plan->has_energy ? json_real(cost->energy_mj) : json_null());
    mae_json_put(out, object, "switches", json_integer(cost->switches));
    return object;
}

json_t *mae_plan_write_segments(mae_json_writer *out, const mae_plan_segment *segments, size_t n)
{
    json_t *list = json_array();
    for (size_t s = 0; s < n; s++) {
        json_t *object = json_object(), *layers = json_array();
        for (size_t k = 0; k < segments[s].n_layers; k++)
            mae_json_append(out, layers, json_string(segments[s].layers[k]));
        mae_json_put(out, object, "pe", json_string(segments[s].pe));
        mae_json_put(out, object, "layers", layers);
        mae_json_append(out, list, object);
    }
    return list;
}

static json_t *write_singles(mae_json_writer *out, const mae_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->n_single; i++) {
        json_t *object = json_object();
        mae_json_put(out, object, "pe", json_string(plan->single[i].name));
        write_cost(out, plan, object, &plan->single[i].cost);
        mae_json_put(out, object, "meets_bounds", json_boolean(plan->single[i].meets_bounds));
        mae_json_append(out, list, object);
    }
    return list;
}

static json_t *write_maeg(mae_json_writer *out, const mae_plan *plan)
{
    json_t *object = json_object();
    mae_json_put(out, object, "value", plan->has_maeg ? json_real(plan->maeg) : json_null());
    mae_json_put(out, object, "baseline", plan->baseline ? json_string(plan->baseline) : json_null());
    mae_json_put(out, object, "enables", json_boolean(plan->enables));
    mae_json_put(out, object, "definition", json_string("1 - J(plan)/J(best single PE)"));
    return object;
}

static json_t *write_model(mae_json_writer *out, const mae_plan *plan, json_t *kept)
{
    static const char *const known[] = {"name", "sha256", "inputs", NULL};
    json_t *model = json_object();
    mae_json_put_string(out, model, "name", plan->model_name);
    mae_json_put_string(out, model, "sha256", plan->model_sha256);
    if (plan->n_model_inputs > 0) {
        json_t *inputs = json_object();
        for (size_t k = 0; k < plan->n_model_inputs; k++) {
            const mae_shape *shape = &plan->model_input_shapes[k];
            json_t *input = json_object(), *dims = json_array();
            for (int d = 0; d < shape->rank; d++)
                mae_json_append(out, dims, json_integer(shape->dims[d]));
            mae_json_put(out, input, "shape", dims);
            mae_json_put(out, input, "dtype", json_string(mae_dtype_name(shape->dtype)));
            mae_json_put(out, inputs, plan->model_input_names[k], input);
        }
        mae_json_put(out, model, "inputs", inputs);
    }
    mae_json_graft(out, model, json_object_get(kept, "model"), known);
    return model;
}

static json_t *write_plan(mae_json_writer *out, const mae_plan *plan)
{
    static const char *const soc_keys[] = {"name", "mode", NULL};
    static const char *const known[] = {"format",   "version",   "model",      "soc",      "goal",
                                        "segments", "predicted", "single_pe",  "maeg",     "optimal",
                                        "gap",      "solve_ms",  "throughput", "schedule", NULL};
    json_t *kept = mae_plan_private(plan)->kept;
    json_t *root = json_object(), *soc = json_object();
    mae_json_put(out, root, "format", json_string("mae-plan"));
    mae_json_put(out, root, "version", json_integer(1));
    mae_json_put(out, root, "model", write_model(out, plan, kept));
    mae_json_put_string(out, soc, "name", plan->soc_name);
    mae_json_put_string(out, soc, "mode", plan->soc_mode);
    mae_json_graft(out, soc, json_object_get(kept, "soc"), soc_keys);
    mae_json_put(out, root, "soc", soc);
    mae_json_put(out, root, "goal", mae_goal_to_json(&plan->goal, out));
    if (plan->goal.schedule == MAE_OVERLAP)
        mae_json_put(out, root, "schedule", json_string("overlap"));
    mae_json_put(out, root, "segments", mae_plan_write_segments(out, plan->segments, plan->n_segments));
    mae_json_put(out, root, "predicted", write_cost(out, plan, json_object(), &plan->predicted));
    mae_json_put(out, root, "single_pe", write_singles(out, plan));
    mae_json_put(out, root, "maeg", write_maeg(out, plan));
    mae_json_put(out, root, "optimal", json_boolean(plan->optimal));
    mae_json_put(out, root, "gap", json_real(plan->gap));
    mae_json_put_optional(out, root, "solve_ms", plan->solve_ms);
    if (plan->throughput)
        mae_json_put(out, root, "throughput", mae_plan_write_throughput(out, plan));
    mae_json_graft(out, root, kept, known);
    return root;
}

static mae_error *plan_json(const mae_plan *plan, json_t **ret_json)
{
    mae_json_writer out = {0};
    json_t *root = write_plan(&out, plan);
    if (out.failed) {
        json_decref(root);
        return mae_error_nomem();
    }
    *ret_json = root;
    return NULL;
}

mae_error *mae_plan_to_json(const mae_plan *plan, char **ret_text)
{
    json_t *json = NULL;
    MAE_TRY(plan_json(plan, &json));
    mae_error *error = mae_json_text(json, ret_text);
    json_decref(json);
    return error;
}

mae_error *mae_plan_write(const mae_plan *plan, const char *path)
{
    json_t *json = NULL;
    MAE_TRY(plan_json(plan, &json));
    mae_error *error = mae_json_write(json, path);
    json_decref(json);
    return error;
}
