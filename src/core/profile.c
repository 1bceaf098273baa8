#include "core/profile.h"

#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "core/profile_priv.h"

mae_error *mae_profile_alloc(mae_profile **ret_profile)
{
    mae_profile *profile = calloc(1, sizeof *profile);
    mae_profile_priv *priv = calloc(1, sizeof *priv);
    if (priv) {
        priv->arena = mae_arena_create();
        priv->kept = json_object();
    }
    if (!profile || !priv || !priv->arena || !priv->kept) {
        if (priv) {
            mae_arena_destroy(priv->arena);
            json_decref(priv->kept);
        }
        free(priv);
        free(profile);
        return mae_error_nomem();
    }
    profile->priv = priv;
    profile->host = -1;
    profile->model_name = profile->model_sha256 = profile->soc_name = profile->soc_mode = "";
    *ret_profile = profile;
    return NULL;
}

void mae_profile_destroy(mae_profile *profile)
{
    if (!profile)
        return;
    mae_profile_priv *priv = profile->priv;
    mae_arena_destroy(priv->arena);
    json_decref(priv->kept);
    free(priv);
    free(profile);
}

int mae_profile_find_pe(const mae_profile *profile, const char *name)
{
    for (size_t p = 0; p < profile->n_pes; p++)
        if (strcmp(profile->pes[p].name, name) == 0)
            return (int)p;
    return -1;
}

int mae_profile_find_layer(const mae_profile *profile, const char *name)
{
    return mae_names_find(&mae_profile_private(profile)->layer_names, name);
}

static bool copy_pes(mae_profile *profile, mae_arena *arena, const mae_profile_pe *pes, size_t n)
{
    mae_profile_pe *copies = mae_arena_array(arena, n, sizeof *copies);
    profile->pes = copies;
    profile->n_pes = n;
    for (size_t p = 0; copies && p < n; p++) {
        copies[p] = pes[p];
        copies[p].name = mae_arena_strdup(arena, pes[p].name);
        copies[p].resource = mae_arena_strdup(arena, pes[p].resource);
        copies[p].backend = mae_arena_strdup(arena, pes[p].backend);
        copies[p].precision = mae_arena_strdup(arena, pes[p].precision ? pes[p].precision : "");
        if (!copies[p].name || !copies[p].resource || !copies[p].backend || !copies[p].precision)
            return false;
    }
    return copies != NULL;
}

/* Tensors of the profile are the graph's that an input, an output or a layer's border names. */
static bool copy_tensors(mae_profile *profile, mae_arena *arena, const mae_graph *graph, int *index)
{
    mae_profile_tensor *tensors = mae_arena_array(arena, graph->n_tensors, sizeof *tensors);
    if (!tensors)
        return false;
    memset(index, 0, graph->n_tensors * sizeof *index);
    for (size_t l = 0; l < graph->n_layers; l++) {
        for (size_t k = 0; k < graph->layers[l].n_inputs; k++)
            index[graph->layers[l].inputs[k]] = 1;
        for (size_t k = 0; k < graph->layers[l].n_outputs; k++)
            index[graph->layers[l].outputs[k]] = 1;
    }
    for (size_t k = 0; k < graph->n_inputs; k++)
        index[graph->inputs[k]] = 1;
    for (size_t k = 0; k < graph->n_outputs; k++)
        index[graph->outputs[k]] = graph->tensors[graph->outputs[k]].is_constant ? 0 : 1;
    size_t n = 0;
    for (size_t t = 0; t < graph->n_tensors; t++) {
        const mae_tensor *tensor = &graph->tensors[t];
        if (!index[t])
            continue;
        char *name = mae_arena_strdup(arena, tensor->name);
        if (!name)
            return false;
        tensors[n] = (mae_profile_tensor){.name = name,
                                          .bytes = (double)tensor->bytes,
                                          .has_shape = tensor->is_static,
                                          .shape = tensor->shape,
                                          .producer = tensor->producer_layer,
                                          .is_output = tensor->is_output};
        index[t] = (int)n++;
    }
    profile->tensors = tensors;
    profile->n_tensors = n;
    return true;
}

static const int *map_tensors(mae_arena *arena, const mae_graph *graph, const int *index, const int *list, size_t n,
                              size_t *ret_n)
{
    int *mapped = mae_arena_array(arena, n, sizeof *mapped);
    size_t kept = 0;
    for (size_t k = 0; mapped && k < n; k++)
        if (!graph->tensors[list[k]].is_constant)
            mapped[kept++] = index[list[k]];
    *ret_n = kept;
    return mapped;
}

static mae_error *copy_layers(mae_profile *profile, mae_arena *arena, const mae_graph *graph, const int *index)
{
    mae_profile_layer *layers = mae_arena_array(arena, graph->n_layers, sizeof *layers);
    mae_names *names = &mae_profile_private(profile)->layer_names;
    if (!layers)
        return mae_error_nomem();
    mae_names_init(names, arena);
    profile->layers = layers;
    profile->n_layers = graph->n_layers;
    for (size_t l = 0; l < graph->n_layers; l++) {
        const mae_layer *from = &graph->layers[l];
        mae_profile_layer *to = &layers[l];
        to->name = mae_arena_strdup(arena, from->name);
        to->op = mae_arena_strdup(arena, from->op);
        to->kind = mae_kind_name(from->kind);
        to->flops = from->flops;
        to->bytes = from->bytes;
        to->inputs = map_tensors(arena, graph, index, from->inputs, from->n_inputs, &to->n_inputs);
        to->outputs = map_tensors(arena, graph, index, from->outputs, from->n_outputs, &to->n_outputs);
        if (!to->name || !to->op || !to->inputs || !to->outputs)
            return mae_error_nomem();
        MAE_TRY(mae_names_put(names, to->name, (int)l));
    }
    profile->inputs = map_tensors(arena, graph, index, graph->inputs, graph->n_inputs, &profile->n_inputs);
    profile->outputs = map_tensors(arena, graph, index, graph->outputs, graph->n_outputs, &profile->n_outputs);
    return profile->inputs && profile->outputs ? NULL : mae_error_nomem();
}

static mae_error *build(mae_profile *profile, const mae_graph *graph, const mae_profile_pe *pes, size_t n_pes)
{
    mae_arena *arena = mae_profile_private(profile)->arena;
    int *index = mae_arena_array(arena, graph->n_tensors, sizeof *index);
    profile->model_name = mae_arena_strdup(arena, graph->name);
    profile->model_sha256 = mae_arena_strdup(arena, graph->sha256);
    profile->costs = mae_arena_array(arena, graph->n_layers * n_pes, sizeof *profile->costs);
    profile->transfers = mae_arena_array(arena, n_pes * n_pes, sizeof *profile->transfers);
    profile->contention = mae_arena_array(arena, n_pes * n_pes, sizeof *profile->contention);
    if (!index || !profile->contention || !profile->model_name || !profile->model_sha256 || !profile->costs ||
        !profile->transfers || !copy_pes(profile, arena, pes, n_pes) || !copy_tensors(profile, arena, graph, index))
        return mae_error_nomem();
    return copy_layers(profile, arena, graph, index);
}

mae_error *mae_profile_create(const mae_graph *graph, const mae_profile_pe *pes, size_t n_pes,
                              mae_profile **ret_profile)
{
    if (graph->n_layers == 0 || n_pes == 0)
        return mae_error_new(MAE_ERR_USAGE, "a profile needs at least one layer and one PE");
    if (graph->n_layers > MAE_PROFILE_MAX_LAYERS || n_pes > MAE_PROFILE_MAX_PES)
        return mae_error_new(MAE_ERR_USAGE, "a profile has at most %d layers and %d PEs", MAE_PROFILE_MAX_LAYERS,
                             MAE_PROFILE_MAX_PES);
    mae_profile *profile = NULL;
    MAE_TRY(mae_profile_alloc(&profile));
    mae_error *error = build(profile, graph, pes, n_pes);
    if (error) {
        mae_profile_destroy(profile);
        return error;
    }
    *ret_profile = profile;
    return NULL;
}

mae_error *mae_profile_from_value(const char *name, const json_t *value, mae_profile **ret_profile)
{
    char *text = NULL;
    mae_json *json = NULL;
    MAE_TRY(mae_json_text(value, &text));
    mae_error *error = mae_json_parse(name, text, strlen(text), &json);
    if (!error)
        error = mae_profile_from_json(json, ret_profile);
    mae_json_destroy(json);
    free(text);
    return error;
}

/* What survives a file survives a clone: one definition of what a profile holds. */
mae_error *mae_profile_clone(const mae_profile *profile, mae_profile **ret_profile)
{
    json_t *value = NULL;
    MAE_TRY(mae_profile_to_json(profile, &value));
    mae_error *error = mae_profile_from_value("profile", value, ret_profile);
    json_decref(value);
    return error;
}
