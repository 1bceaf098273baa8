/* The builder's driver: layer by layer, then the segment's outputs. */
#include "backends/xnnpack/build.h"

#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

mae_error *mae_xnn_unsupported(mae_xnn_build *b, const char *reason)
{
    b->reason = reason;
    return mae_error_new(MAE_ERR_UNSUPPORTED, "%s", reason);
}

size_t mae_xnn_span(const mae_shape *shape, int from, int to)
{
    size_t n = 1;

    for (int i = from; i < to; i++)
        n *= (size_t)shape->dims[i];
    return n;
}

static bool listed(const int *list, size_t n, int what)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == what)
            return true;
    return false;
}

static bool reads(const mae_node *node, int tensor)
{
    return listed(node->inputs, node->n_inputs + node->n_captures, tensor);
}

bool mae_xnn_needed(const mae_xnn_build *b, int tensor)
{
    if (listed(b->segment->outputs, b->segment->n_outputs, tensor))
        return true;
    for (int n = b->first_node; n < b->end_node; n++)
        if (!b->done[n - b->first_node] && reads(&b->graph->nodes[n], tensor))
            return true;
    return false;
}

int mae_xnn_only_reader(const mae_xnn_build *b, int tensor)
{
    int reader = -1;

    if (listed(b->segment->outputs, b->segment->n_outputs, tensor))
        return -1;
    for (int n = b->first_node; n < b->end_node; n++) {
        if (b->done[n - b->first_node] || !reads(&b->graph->nodes[n], tensor))
            continue;
        if (reader >= 0 || b->graph->nodes[n].layer != b->layer)
            return -1;
        reader = n;
    }
    return reader;
}

void mae_xnn_done(mae_xnn_build *b, int node)
{
    b->done[node - b->first_node] = true;
}

static mae_error *step_room(mae_xnn_build *b)
{
    mae_xnn_unit *unit = b->unit;

    if (unit->n_steps < b->room_steps)
        return NULL;
    size_t room = b->room_steps ? b->room_steps * 2 : 32;
    mae_xnn_step *steps = realloc(unit->steps, room * sizeof(*steps));
    if (!steps)
        return mae_error_nomem();
    unit->steps = steps;
    b->room_steps = room;
    return NULL;
}

/* Makes the operator and drops it again. */
static mae_error *try_step(mae_xnn_build *b, const mae_xnn_step *step)
{
    xnn_operator_t op = NULL;
    enum xnn_status status = step->kind->create(b->unit, step, &op);

    if (op)
        xnn_delete_operator(op);
    return status == xnn_status_success ? NULL : mae_xnn_unsupported(b, "XNNPACK refuses the operator");
}

mae_error *mae_xnn_step_add(mae_xnn_build *b, const mae_xnn_kind *kind, const void *params, size_t size,
                            const int in[2], int out, float *const weights[2])
{
    mae_xnn_step step = {.kind = kind,
                         .params = mae_arena_copy(b->unit->arena, params ? params : "", params ? size : 1),
                         .in = {in[0], in[1]},
                         .out = out,
                         .weights = {weights ? weights[0] : NULL, weights ? weights[1] : NULL},
                         .owner = b->owner,
                         .owner_index = b->owner_index};
    mae_error *error = step.params ? step_room(b) : mae_error_nomem();

    if (error) {
        mae_xnn_free(step.weights[0]);
        mae_xnn_free(step.weights[1]);
        return error;
    }
    b->unit->steps[b->unit->n_steps++] = step;
    return b->trial && !weights && kind->create ? try_step(b, &step) : NULL;
}

/* Everything this backend computes with is f32 of a known, non-empty shape. */
static bool tensor_fits(const mae_xnn_build *b, int tensor)
{
    const mae_tensor *t = mae_xnn_tensor(b, tensor);
    return t->is_static && t->shape.dtype == MAE_F32 && t->bytes > 0;
}

static mae_error *check_tensors(mae_xnn_build *b, const mae_layer *layer)
{
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (!tensor_fits(b, layer->inputs[i]))
            return mae_xnn_unsupported(b, "an input is not f32 of a fixed, non-empty shape");
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++) {
        const mae_node *node = &b->graph->nodes[n];
        for (size_t i = 0; i < node->n_outputs; i++)
            if (node->outputs[i] >= 0 && !tensor_fits(b, node->outputs[i]) &&
                (i == 0 || mae_xnn_needed(b, node->outputs[i])))
                return mae_xnn_unsupported(b, "an output is not f32 of a fixed, non-empty shape");
    }
    return NULL;
}

static mae_error *lower_layer(mae_xnn_build *b, int index)
{
    const mae_layer *layer = &b->graph->layers[index];

    b->layer = index;
    b->owner = MAE_XNN_OF_LAYER;
    b->owner_index = (size_t)(index - b->segment->first);
    MAE_TRY(check_tensors(b, layer));
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++) {
        if (b->done[n - b->first_node])
            continue;
        mae_xnn_done(b, n);
        MAE_TRY(mae_xnn_lower(b, n));
    }
    return NULL;
}

/* Has the value of an output written right where it is bound, if nothing forbids that. */
static bool promote(mae_xnn_build *b, int value, size_t border)
{
    const mae_xnn_value *v = &b->unit->values[value];
    mae_xnn_storage *s = &b->unit->storages[v->storage];

    if (s->place != MAE_XNN_ARENA || v->offset || s->bytes != v->rows * v->channels * sizeof(float))
        return false;
    s->place = MAE_XNN_OUTPUT;
    s->border = border;
    return true;
}

static mae_error *finish_output(mae_xnn_build *b, size_t border)
{
    int value, copy, tensor = b->segment->outputs[border];

    b->owner = MAE_XNN_OF_OUTPUT;
    b->owner_index = border;
    MAE_TRY(mae_xnn_value_get(b, tensor, MAE_XNN_DENSE, true, &value));
    if (promote(b, value, border))
        return NULL;
    const mae_xnn_value *v = &b->unit->values[value];
    MAE_TRY(mae_xnn_value_scratch(b, v->rows, v->channels, &copy));
    promote(b, copy, border);
    return mae_xnn_copy_rows(b, value, copy);
}

static mae_error *lower_all(mae_xnn_build *b)
{
    for (int i = b->segment->first; i <= b->segment->last; i++)
        MAE_TRY(mae_error_wrap(lower_layer(b, i), "layer %s", b->graph->layers[i].name));
    for (size_t i = 0; i < b->segment->n_outputs; i++)
        MAE_TRY(finish_output(b, i));
    return NULL;
}

static mae_error *begin(mae_xnn_build *b)
{
    const mae_layer *first = &b->graph->layers[b->segment->first], *last = &b->graph->layers[b->segment->last];
    mae_xnn_unit *unit = calloc(1, sizeof(*unit));

    if (!unit)
        return mae_error_nomem();
    b->unit = unit;
    unit->arena = mae_arena_create();
    unit->base.pe = &b->pe->base;
    unit->n_layers = (size_t)(b->segment->last - b->segment->first) + 1;
    unit->n_inputs = b->segment->n_inputs;
    unit->n_outputs = b->segment->n_outputs;
    b->first_node = first->first_node;
    b->end_node = last->first_node + last->n_nodes;
    b->heads = malloc((b->graph->n_tensors + 1) * sizeof(*b->heads));
    b->done = calloc((size_t)(b->end_node - b->first_node) + 1, sizeof(*b->done));
    if (!unit->arena || !b->heads || !b->done)
        return mae_error_nomem();
    for (size_t i = 0; i < b->graph->n_tensors; i++)
        b->heads[i] = -1;
    return NULL;
}

mae_error *mae_xnn_build_segment(mae_xnn_pe *pe, const mae_graph *graph, const mae_segment *segment, bool trial,
                                 mae_xnn_unit **ret_unit, const char **ret_reason)
{
    mae_xnn_build b = {.pe = pe, .graph = graph, .segment = segment, .trial = trial};
    mae_error *error = begin(&b);

    if (!error)
        error = lower_all(&b);
    if (!error && !trial)
        error = mae_xnn_unit_finish(b.unit);
    free(b.heads);
    free(b.done);
    if (error && ret_reason)
        *ret_reason = b.reason ? b.reason : "XNNPACK refused it";
    if (error || trial)
        mae_xnn_unit_discard(b.unit ? &b.unit->base : NULL);
    else
        *ret_unit = b.unit;
    return error;
}
