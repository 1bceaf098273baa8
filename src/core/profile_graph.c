/* The graph a profile describes: layers and tensors without nodes. */
#include <string.h>

#include "core/graph.h"
#include "core/profile_priv.h"

static mae_kind parse_kind(const char *name)
{
    for (int kind = 0; kind < MAE_KIND_COUNT; kind++)
        if (strcmp(mae_kind_name((mae_kind)kind), name) == 0)
            return (mae_kind)kind;
    return MAE_KIND_OTHER;
}

/* A shape that the profile does not state, or that does not fit its bytes, is a row of f32 values. */
static mae_shape shape_of(const mae_profile_tensor *tensor)
{
    size_t bytes;
    if (tensor->has_shape && tensor->shape.dtype != MAE_DTYPE_NONE && mae_shape_bytes(&tensor->shape, &bytes) &&
        (double)bytes == tensor->bytes)
        return tensor->shape;
    int64_t elements = (int64_t)((tensor->bytes + 3) / 4);
    return (mae_shape){.dtype = MAE_F32, .rank = 1, .dims = {elements > 0 ? elements : 1}};
}

static const mae_tensor *make_tensors(mae_arena *arena, const mae_profile *profile)
{
    mae_tensor *tensors = mae_arena_array(arena, profile->n_tensors, sizeof *tensors);
    for (size_t t = 0; tensors && t < profile->n_tensors; t++) {
        const mae_profile_tensor *from = &profile->tensors[t];
        tensors[t] = (mae_tensor){.shape = shape_of(from),
                                  .is_static = true,
                                  .is_output = from->is_output,
                                  .producer_node = -1,
                                  .producer_layer = from->producer};
        tensors[t].name = mae_arena_strdup(arena, from->name);
        if (!tensors[t].name || !mae_shape_bytes(&tensors[t].shape, &tensors[t].bytes))
            return NULL;
    }
    for (size_t k = 0; tensors && k < profile->n_inputs; k++)
        tensors[profile->inputs[k]].is_input = true;
    return tensors;
}

static const mae_layer *make_layers(mae_arena *arena, const mae_profile *profile)
{
    mae_layer *layers = mae_arena_array(arena, profile->n_layers, sizeof *layers);
    for (size_t l = 0; layers && l < profile->n_layers; l++) {
        const mae_profile_layer *from = &profile->layers[l];
        layers[l] = (mae_layer){.kind = parse_kind(from->kind),
                                .anchor = -1,
                                .n_inputs = from->n_inputs,
                                .n_outputs = from->n_outputs,
                                .flops = from->flops,
                                .bytes = from->bytes};
        layers[l].name = mae_arena_strdup(arena, from->name);
        layers[l].op = mae_arena_strdup(arena, from->op);
        layers[l].inputs = mae_arena_copy(arena, from->inputs, from->n_inputs * sizeof *from->inputs);
        layers[l].outputs = mae_arena_copy(arena, from->outputs, from->n_outputs * sizeof *from->outputs);
        if (!layers[l].name || !layers[l].op || !layers[l].inputs || !layers[l].outputs)
            return NULL;
    }
    return layers;
}

/* The graph is the first object of the arena that `source` holds. */
mae_error *mae_profile_graph(const mae_profile *profile, const mae_graph **ret_graph)
{
    mae_arena *arena = mae_arena_create();
    mae_graph *graph = arena ? mae_arena_alloc(arena, sizeof *graph) : NULL;
    if (!graph) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    *graph = (mae_graph){.n_tensors = profile->n_tensors,
                         .n_layers = profile->n_layers,
                         .n_inputs = profile->n_inputs,
                         .n_outputs = profile->n_outputs,
                         .source = arena};
    graph->name = mae_arena_strdup(arena, profile->model_name);
    graph->sha256 = mae_arena_strdup(arena, profile->model_sha256);
    graph->tensors = make_tensors(arena, profile);
    graph->layers = make_layers(arena, profile);
    graph->inputs = mae_arena_copy(arena, profile->inputs, profile->n_inputs * sizeof(int));
    graph->outputs = mae_arena_copy(arena, profile->outputs, profile->n_outputs * sizeof(int));
    if (!graph->name || !graph->sha256 || !graph->tensors || !graph->layers || !graph->inputs || !graph->outputs) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    *ret_graph = graph;
    return NULL;
}

void mae_profile_graph_destroy(const mae_graph *graph)
{
    if (graph)
        mae_arena_destroy((mae_arena *)graph->source);
}
