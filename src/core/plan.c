#include "core/plan.h"

#include "core/plan_replicas.h"

#include <stdlib.h>
#include <string.h>

mae_error *mae_plan_alloc(mae_plan **ret_plan)
{
    mae_plan *plan = calloc(1, sizeof *plan);
    mae_plan_priv *priv = calloc(1, sizeof *priv);
    if (priv) {
        priv->arena = mae_arena_create();
        priv->kept = json_object();
    }
    if (!plan || !priv || !priv->arena || !priv->kept) {
        if (priv) {
            mae_arena_destroy(priv->arena);
            json_decref(priv->kept);
        }
        free(priv);
        free(plan);
        return mae_error_nomem();
    }
    plan->priv = priv;
    plan->goal = (mae_goal)MAE_GOAL_INIT;
    plan->model_name = plan->model_sha256 = plan->soc_name = plan->soc_mode = "";
    *ret_plan = plan;
    return NULL;
}

void mae_plan_destroy(mae_plan *plan)
{
    if (!plan)
        return;
    mae_plan_priv *priv = plan->priv;
    mae_arena_destroy(priv->arena);
    json_decref(priv->kept);
    free(priv);
    free(plan);
}

static bool copy_names(mae_plan *plan, mae_arena *arena, const mae_profile *profile)
{
    plan->model_name = mae_arena_strdup(arena, profile->model_name);
    plan->model_sha256 = mae_arena_strdup(arena, profile->model_sha256);
    plan->soc_name = mae_arena_strdup(arena, profile->soc_name);
    plan->soc_mode = mae_arena_strdup(arena, profile->soc_mode);
    return plan->model_name && plan->model_sha256 && plan->soc_name && plan->soc_mode;
}

bool mae_plan_cut(mae_arena *arena, const mae_profile *profile, const int *mapping,
                  const mae_plan_segment **ret_segments, size_t *ret_n)
{
    size_t n = profile->n_layers, count = 1;
    for (size_t l = 1; l < n; l++)
        count += mapping[l] != mapping[l - 1];
    const char **names = mae_arena_array(arena, n, sizeof *names);
    mae_plan_segment *segments = mae_arena_array(arena, count, sizeof *segments);
    if (!names || !segments)
        return false;
    for (size_t l = 0, s = 0; l < n; l++) {
        names[l] = mae_arena_strdup(arena, profile->layers[l].name);
        if (l > 0 && mapping[l] != mapping[l - 1])
            s++;
        if (!segments[s].pe) {
            segments[s].pe = mae_arena_strdup(arena, profile->pes[mapping[l]].name);
            segments[s].layers = &names[l];
        }
        if (!names[l] || !segments[s].pe)
            return false;
        segments[s].n_layers++;
    }
    *ret_segments = segments;
    *ret_n = count;
    return true;
}

/* Inputs whose shape and type the profile states: what a model is checked against. */
static bool copy_inputs(mae_plan *plan, mae_arena *arena, const mae_profile *profile)
{
    const char **names = mae_arena_array(arena, profile->n_inputs, sizeof *names);
    mae_shape *shapes = mae_arena_array(arena, profile->n_inputs, sizeof *shapes);
    if (!names || !shapes)
        return false;
    plan->model_input_names = names;
    plan->model_input_shapes = shapes;
    for (size_t k = 0; k < profile->n_inputs; k++) {
        const mae_profile_tensor *tensor = &profile->tensors[profile->inputs[k]];
        if (!tensor->has_shape || tensor->shape.dtype == MAE_DTYPE_NONE)
            continue;
        names[plan->n_model_inputs] = mae_arena_strdup(arena, tensor->name);
        if (!names[plan->n_model_inputs])
            return false;
        shapes[plan->n_model_inputs++] = tensor->shape;
    }
    return true;
}

mae_error *mae_plan_create(const mae_profile *profile, const mae_goal *goal, const int *mapping, mae_plan **ret_plan)
{
    mae_plan *plan = NULL;
    MAE_TRY(mae_plan_alloc(&plan));
    mae_arena *arena = mae_plan_private(plan)->arena;
    plan->goal = *goal;
    plan->has_energy = profile->energy != MAE_ENERGY_NONE;
    if (!copy_names(plan, arena, profile) ||
        !mae_plan_cut(arena, profile, mapping, &plan->segments, &plan->n_segments) ||
        !copy_inputs(plan, arena, profile)) {
        mae_plan_destroy(plan);
        return mae_error_nomem();
    }
    *ret_plan = plan;
    return NULL;
}

mae_error *mae_plan_mapping(const mae_plan *plan, const mae_profile *profile, int *ret_mapping)
{
    size_t n = profile->n_layers, given = 0;
    if (*plan->model_sha256 && *profile->model_sha256 && strcmp(plan->model_sha256, profile->model_sha256) != 0)
        return mae_error_new(MAE_ERR_INPUT, "the plan is for another model: sha256 %s, the profile's is %s",
                             plan->model_sha256, profile->model_sha256);
    int *mapping = malloc(n * sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = NULL;
    for (size_t s = 0; s < plan->n_segments && !error; s++) {
        const mae_plan_segment *segment = &plan->segments[s];
        int pe = mae_profile_find_pe(profile, segment->pe);
        if (pe < 0)
            error =
                mae_error_new(MAE_ERR_INPUT, "the plan uses PE \"%s\", which the profile does not have", segment->pe);
        for (size_t k = 0; k < segment->n_layers && !error; k++, given++) {
            int layer = mae_profile_find_layer(profile, segment->layers[k]);
            if (layer < 0 || (size_t)layer != given)
                error = mae_error_new(MAE_ERR_INPUT, "the plan is for another network: layer %zu is \"%s\"%s", given,
                                      segment->layers[k],
                                      layer < 0 ? ", which the profile does not have" : ", out of the profile's order");
            else
                mapping[layer] = pe;
        }
    }
    if (!error && given != n)
        error = mae_error_new(MAE_ERR_INPUT, "the plan is for another network: it has %zu layers, the profile %zu",
                              given, n);
    if (!error)
        memcpy(ret_mapping, mapping, n * sizeof *mapping);
    free(mapping);
    return error;
}
