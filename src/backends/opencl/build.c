/* The builder's driver: layer by layer, then the segment's outputs. */
#include "backends/opencl/build.h"

#include <stdlib.h>
#include <string.h>

#include "backends/opencl/lower.h"

mae_error *mae_cl_unsupported(mae_cl_build *b, const char *reason)
{
    b->reason = reason;
    return mae_error_new(MAE_ERR_UNSUPPORTED, "%s", reason);
}

/* ---- tensors ---- */

size_t mae_cl_count(const mae_cl_build *b, int tensor)
{
    size_t count = 0;
    return mae_shape_count(mae_cl_shape(b, tensor), &count) ? count : 0;
}

size_t mae_cl_product(const mae_shape *shape, int from, int to)
{
    size_t product = 1;
    for (int i = from; i < to; i++)
        product *= (size_t)shape->dims[i];
    return product;
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

bool mae_cl_needed(const mae_cl_build *b, int tensor, int except)
{
    if (listed(b->segment->outputs, b->segment->n_outputs, tensor))
        return true;
    for (int n = b->first_node; n < b->end_node; n++)
        if (n != except && !b->done[n - b->first_node] && reads(&b->graph->nodes[n], tensor))
            return true;
    return false;
}

int mae_cl_follower(const mae_cl_build *b, int index)
{
    const mae_layer *layer = &b->graph->layers[b->graph->nodes[index].layer];
    int tensor = b->graph->nodes[index].outputs[0];

    for (int n = index + 1; n < layer->first_node + layer->n_nodes; n++)
        if (!b->done[n - b->first_node] && reads(&b->graph->nodes[n], tensor))
            return mae_cl_needed(b, tensor, n) ? -1 : n;
    return -1;
}

/* ---- storages ---- */

static mae_error *storage_add(mae_cl_build *b, const mae_cl_storage *storage, int *ret_storage)
{
    mae_cl_unit *unit = b->unit;

    if (unit->n_storages == b->room_storages) {
        size_t room = b->room_storages ? b->room_storages * 2 : 32;
        mae_cl_storage *storages = realloc(unit->storages, room * sizeof *storages);
        if (!storages)
            return mae_error_nomem();
        unit->storages = storages;
        b->room_storages = room;
    }
    *ret_storage = (int)unit->n_storages;
    unit->storages[unit->n_storages++] = *storage;
    return NULL;
}

mae_error *mae_cl_storage_new(mae_cl_build *b, size_t count, int tensor, int *ret_storage)
{
    const mae_cl_storage storage = {.place = MAE_CL_INNER, .count = count, .first = -1};

    if (count > INT32_MAX / 2)
        return mae_cl_unsupported(b, "a tensor, or the columns of a convolution, of more than 2^30 elements");
    MAE_TRY(storage_add(b, &storage, ret_storage));
    if (tensor >= 0)
        b->storage_of[tensor] = *ret_storage;
    return NULL;
}

mae_error *mae_cl_constant(mae_cl_build *b, float *data, size_t count, int *ret_storage)
{
    const mae_cl_storage storage = {.place = MAE_CL_CONSTANT, .count = count, .data = data, .first = -1};
    mae_error *error = storage_add(b, &storage, ret_storage);

    if (error)
        free(data);
    return error;
}

mae_error *mae_cl_values(mae_cl_build *b, int tensor, float **ret_values)
{
    const mae_tensor *t = mae_cl_tensor(b, tensor);
    float *values = NULL;

    if (!b->trial) {
        values = malloc(t->bytes);
        if (!values)
            return mae_error_nomem();
        memcpy(values, t->data, t->bytes);
    }
    *ret_values = values;
    return NULL;
}

static bool fits(const mae_cl_build *b, int tensor)
{
    const mae_tensor *t = mae_cl_tensor(b, tensor);
    return t->is_static && t->shape.dtype == MAE_F32 && t->bytes > 0 && t->bytes / sizeof(float) <= INT32_MAX / 2;
}

mae_error *mae_cl_storage_get(mae_cl_build *b, int tensor, int *ret_storage)
{
    const mae_tensor *t = mae_cl_tensor(b, tensor);
    float *values;

    *ret_storage = b->storage_of[tensor];
    if (*ret_storage >= 0)
        return NULL;
    if (!t->is_constant || !t->data || !fits(b, tensor))
        return mae_cl_unsupported(b, "an input is not f32 of a fixed, non-empty shape");
    MAE_TRY(mae_cl_values(b, tensor, &values));
    MAE_TRY(mae_cl_constant(b, values, mae_cl_count(b, tensor), ret_storage));
    b->storage_of[tensor] = *ret_storage;
    return NULL;
}

/* ---- layers ---- */

static mae_error *check_tensors(mae_cl_build *b, const mae_layer *layer)
{
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (!fits(b, layer->inputs[i]))
            return mae_cl_unsupported(b, "an input is not f32 of a fixed, non-empty shape");
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++) {
        const mae_node *node = &b->graph->nodes[n];
        for (size_t i = 0; i < node->n_outputs; i++) {
            int out = node->outputs[i];
            if (out >= 0 && !fits(b, out) && (i == 0 || mae_cl_needed(b, out, -1)))
                return mae_cl_unsupported(b, "an output is not f32 of a fixed, non-empty shape");
        }
    }
    return NULL;
}

static mae_error *lower_layer(mae_cl_build *b, int index)
{
    const mae_layer *layer = &b->graph->layers[index];

    b->owner = (size_t)(index - b->segment->first);
    MAE_TRY(check_tensors(b, layer));
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++) {
        if (b->done[n - b->first_node])
            continue;
        b->done[n - b->first_node] = true;
        MAE_TRY(mae_cl_lower(b, n));
    }
    return NULL;
}

static mae_error *add_inputs(mae_cl_build *b)
{
    for (size_t i = 0; i < b->segment->n_inputs; i++) {
        int tensor = b->segment->inputs[i];
        const mae_cl_storage storage = {
            .place = MAE_CL_INPUT, .border = i, .count = mae_cl_count(b, tensor), .first = -1};
        if (!fits(b, tensor))
            return mae_cl_unsupported(b, "an input is not f32 of a fixed, non-empty shape");
        MAE_TRY(storage_add(b, &storage, &b->storage_of[tensor]));
    }
    return NULL;
}

/* The output's values are computed where it is bound, unless they are there as something else already. */
static mae_error *finish_output(mae_cl_build *b, size_t border)
{
    int tensor = b->segment->outputs[border], from, to;
    size_t count = mae_cl_count(b, tensor);

    b->of_output = true;
    b->owner = border;
    MAE_TRY(mae_cl_storage_get(b, tensor, &from));
    mae_cl_storage *storage = &b->unit->storages[from];
    if (storage->place == MAE_CL_INNER && storage->count == count) {
        storage->place = MAE_CL_OUTPUT;
        storage->border = border;
        return NULL;
    }
    const mae_cl_storage copy = {.place = MAE_CL_OUTPUT, .border = border, .count = count, .first = -1};
    const mae_cl_move move = {.rank = 1, .dims = {(int64_t)count}, .from = {1}, .to = {1}};
    MAE_TRY(storage_add(b, &copy, &to));
    return mae_cl_step_move(b, &move, from, to);
}

static mae_error *lower_all(mae_cl_build *b)
{
    MAE_TRY(add_inputs(b));
    for (int i = b->segment->first; i <= b->segment->last; i++)
        MAE_TRY(mae_error_wrap(lower_layer(b, i), "layer %s", b->graph->layers[i].name));
    for (size_t i = 0; i < b->segment->n_outputs; i++)
        MAE_TRY(finish_output(b, i));
    return NULL;
}

static mae_error *begin(mae_cl_build *b)
{
    const mae_layer *first = &b->graph->layers[b->segment->first], *last = &b->graph->layers[b->segment->last];
    mae_cl_unit *unit = calloc(1, sizeof *unit);

    if (!unit)
        return mae_error_nomem();
    b->unit = unit;
    unit->base.pe = &b->pe->base;
    unit->arena = mae_arena_create();
    unit->n_layers = (size_t)(b->segment->last - b->segment->first) + 1;
    unit->n_inputs = b->segment->n_inputs;
    unit->n_outputs = b->segment->n_outputs;
    b->first_node = first->first_node;
    b->end_node = last->first_node + last->n_nodes;
    b->storage_of = malloc((b->graph->n_tensors + 1) * sizeof *b->storage_of);
    b->done = calloc((size_t)(b->end_node - b->first_node) + 1, sizeof *b->done);
    if (!unit->arena || !b->storage_of || !b->done)
        return mae_error_nomem();
    for (size_t i = 0; i < b->graph->n_tensors; i++)
        b->storage_of[i] = -1;
    return NULL;
}

mae_error *mae_cl_build_segment(mae_cl_pe *pe, const mae_graph *graph, const mae_segment *segment, bool trial,
                                mae_cl_unit **ret_unit, const char **ret_reason)
{
    mae_cl_build b = {.pe = pe, .graph = graph, .segment = segment, .trial = trial};
    mae_error *error = begin(&b);

    if (!error)
        error = lower_all(&b);
    if (!error && !trial)
        error = mae_cl_unit_finish(b.unit);
    free(b.storage_of);
    free(b.done);
    if (error && ret_reason)
        *ret_reason = b.reason ? b.reason : "out of memory";
    if (error || trial)
        mae_cl_unit_discard(b.unit ? &b.unit->base : NULL);
    else
        *ret_unit = b.unit;
    return error;
}
