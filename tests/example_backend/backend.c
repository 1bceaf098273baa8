/* The table of the example backend: one PE, the thread that calls it. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "example_backend/example.h"

/* ---- what it supports ---- */

static bool supports(mae_pe *pe, const mae_graph *graph, int layer, const char **ret_reason)
{
    const mae_layer *l = &graph->layers[layer];
    example_step unused;
    (void)pe;
    for (int n = l->first_node; n < l->first_node + l->n_nodes; n++) {
        const char *reason = example_read(graph, &graph->nodes[n], &unused);
        if (reason && ret_reason)
            *ret_reason = reason;
        if (reason)
            return false;
    }
    return true;
}

/* ---- units ---- */

typedef struct unit {
    mae_unit base; /* first: a mae_unit * is a unit * */
    mae_arena *arena;
    size_t n_steps, n_inputs, n_outputs;
    example_step *steps;
    int *inputs, *outputs; /* tensors, as the segment lists them */
    float **at;            /* per tensor of the graph: where its values lie */
} unit;

static void discard(mae_unit *base)
{
    unit *u = (unit *)base;
    if (!u)
        return;
    mae_arena_destroy(u->arena);
    free(u);
}

/* Constants may lie at any address in the model's file: a copy is aligned. */
static mae_error *place_constants(unit *u, const mae_graph *graph, const mae_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++) {
        const mae_tensor *tensor = node->inputs[i] < 0 ? NULL : &graph->tensors[node->inputs[i]];
        if (!tensor || !tensor->is_constant || u->at[node->inputs[i]])
            continue;
        u->at[node->inputs[i]] = mae_arena_copy(u->arena, tensor->data, tensor->bytes);
        if (!u->at[node->inputs[i]])
            return mae_error_nomem();
    }
    return NULL;
}

/* What a node computes gets memory of the unit's; `bind` puts a buffer in its place where the border is. */
static mae_error *add_step(unit *u, const mae_graph *graph, const mae_node *node)
{
    const char *reason = example_read(graph, node, &u->steps[u->n_steps++]);
    if (reason)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "%s: %s", node->op, reason);
    MAE_TRY(place_constants(u, graph, node));
    u->at[node->outputs[0]] = mae_arena_alloc(u->arena, graph->tensors[node->outputs[0]].bytes);
    return u->at[node->outputs[0]] ? NULL : mae_error_nomem();
}

static mae_error *fill(unit *u, const mae_graph *graph, const mae_segment *segment)
{
    const mae_layer *first = &graph->layers[segment->first], *last = &graph->layers[segment->last];
    int end = last->first_node + last->n_nodes;
    u->n_inputs = segment->n_inputs;
    u->n_outputs = segment->n_outputs;
    u->inputs = mae_arena_copy(u->arena, segment->inputs, segment->n_inputs * sizeof(int));
    u->outputs = mae_arena_copy(u->arena, segment->outputs, segment->n_outputs * sizeof(int));
    u->steps = mae_arena_array(u->arena, (size_t)(end - first->first_node), sizeof(*u->steps));
    u->at = mae_arena_array(u->arena, graph->n_tensors, sizeof(*u->at));
    if (!u->inputs || !u->outputs || !u->steps || !u->at)
        return mae_error_nomem();
    for (int n = first->first_node; n < end; n++)
        MAE_TRY(add_step(u, graph, &graph->nodes[n]));
    return NULL;
}

static mae_error *compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit)
{
    unit *u = calloc(1, sizeof(*u));
    (void)flags; /* it keeps no times of its own, and has no `layer_ns` */
    if (!u)
        return mae_error_nomem();
    u->base.pe = pe;
    u->arena = mae_arena_create();
    mae_error *error = u->arena ? fill(u, graph, segment) : mae_error_nomem();
    if (error) {
        discard(&u->base);
        return error;
    }
    *ret_unit = &u->base;
    return NULL;
}

static mae_error *bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    unit *u = (unit *)base;
    for (size_t i = 0; i < u->n_inputs; i++)
        u->at[u->inputs[i]] = inputs[i]->host;
    for (size_t i = 0; i < u->n_outputs; i++)
        u->at[u->outputs[i]] = outputs[i]->host;
    return NULL;
}

static mae_error *run(mae_unit *base)
{
    const unit *u = (const unit *)base;
    for (size_t i = 0; i < u->n_steps; i++)
        u->steps[i].compute(&u->steps[i], u->at);
    return NULL;
}

/* ---- the PE ---- */

static void close_pe(mae_pe *pe)
{
    free(pe);
}

static const mae_pe_ops ops = {
    .supports = supports,
    .compile = compile,
    .bind = bind,
    .run = run,
    .discard = discard,
    .close = close_pe,
};

MAE_API const mae_backend *mae_backend_entry(void);

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    if (config->n_options > 0)
        return mae_error_new(MAE_ERR_USAGE, "cpu/example has no option \"%s\"", config->options[0].key);
    mae_pe *pe = calloc(1, sizeof(*pe));
    if (!pe)
        return mae_error_nomem();
    *pe = (mae_pe){.ops = &ops, .backend = mae_backend_entry(), .abs_tolerance = 1e-5, .rel_tolerance = 1e-5};
    *ret_pe = pe;
    return NULL;
}

static mae_error *probe(const mae_pe_found **ret_found, size_t *ret_n)
{
    static const mae_pe_found found = {.name = "cpu/example",
                                       .resource = "cpu",
                                       .precision = "f32",
                                       .engine = "plain loops",
                                       .on_request = "it is an example, and slow; used when named with --pes"};
    *ret_found = &found;
    *ret_n = 1;
    return NULL;
}

static const mae_backend backend = {.abi = MAE_BACKEND_ABI, .name = "example", .probe = probe, .open = open_pe};

const mae_backend *mae_backend_entry(void)
{
    return &backend;
}
