/* The builder's driver: layer by layer, then the segment's outputs. */
#include "backends/onednn/build.h"

#include <stdlib.h>
#include <string.h>

#include "backends/onednn/lower.h"

mae_error *mae_dnn_unsupported(mae_dnn_build *b, const char *reason)
{
    b->reason = reason;
    return mae_error_new(MAE_ERR_UNSUPPORTED, "%s", reason);
}

const mae_tensor *mae_dnn_tensor(const mae_dnn_build *b, int tensor)
{
    return &b->graph->tensors[tensor];
}

int mae_dnn_dims(const mae_dnn_build *b, int tensor, dnnl_dim_t *dims)
{
    const mae_shape *shape = &mae_dnn_tensor(b, tensor)->shape;

    dims[0] = 1;
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dims[i];
    return shape->rank ? shape->rank : 1;
}

bool mae_dnn_same_shape(const mae_dnn_build *b, int a, int z)
{
    return mae_shape_equal(&mae_dnn_tensor(b, a)->shape, &mae_dnn_tensor(b, z)->shape);
}

static bool listed(const int *list, size_t n, int what)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == what)
            return true;
    return false;
}

bool mae_dnn_needed(const mae_dnn_build *b, int tensor, const int *except, size_t n_except)
{
    if (listed(b->segment->outputs, b->segment->n_outputs, tensor))
        return true;
    for (int n = b->first_node; n < b->end_node; n++) {
        const mae_node *node = &b->graph->nodes[n];
        if (!b->done[n - b->first_node] && !listed(except, n_except, n) &&
            listed(node->inputs, node->n_inputs + node->n_captures, tensor))
            return true;
    }
    return false;
}

/* Of nodes first to end, whose results are these. */
static int only_reader(const mae_dnn_build *b, int first, int end, const int *outputs, size_t n_outputs, int tensor)
{
    int reader = -1;

    if (listed(outputs, n_outputs, tensor))
        return -1;
    for (int n = first; n < end; n++) {
        const mae_node *node = &b->graph->nodes[n];
        for (size_t i = 0; i < node->n_inputs + node->n_captures; i++) {
            if (node->inputs[i] != tensor)
                continue;
            if (reader >= 0) /* also when one node reads it twice */
                return -1;
            reader = n;
        }
    }
    return reader;
}

int mae_dnn_only_reader(const mae_dnn_build *b, int tensor)
{
    return only_reader(b, b->first_node, b->end_node, b->segment->outputs, b->segment->n_outputs, tensor);
}

int mae_dnn_only_reader_in_layer(const mae_dnn_build *b, int tensor)
{
    const mae_layer *layer = &b->graph->layers[b->layer];
    return only_reader(b, layer->first_node, layer->first_node + layer->n_nodes, layer->outputs, layer->n_outputs,
                       tensor);
}

mae_dnn_layout mae_dnn_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what, int index)
{
    return dnnl_primitive_desc_query_md(pd, what, index);
}

static bool is_called(const_dnnl_primitive_desc_t pd, const char *part)
{
    return strstr(mae_dnn_name_of(pd), part) != NULL;
}

bool mae_dnn_is_reference(const_dnnl_primitive_desc_t pd)
{
    return is_called(pd, "ref");
}

bool mae_dnn_is_direct(const_dnnl_primitive_desc_t pd)
{
    return mae_dnn_is_generated(pd) && !is_called(pd, "gemm");
}

bool mae_dnn_is_generated(const_dnnl_primitive_desc_t pd)
{
    return is_called(pd, "jit") || is_called(pd, "acl");
}

bool mae_dnn_is_old(const_dnnl_primitive_desc_t pd)
{
    return is_called(pd, "sse41");
}

static mae_error *step_room(mae_dnn_build *b)
{
    mae_dnn_unit *unit = b->unit;

    if (unit->n_steps < b->room_steps)
        return NULL;
    size_t room = b->room_steps ? b->room_steps * 2 : 32;
    mae_dnn_step *steps = realloc(unit->steps, room * sizeof(*steps));
    if (!steps)
        return mae_error_nomem();
    unit->steps = steps;
    b->room_steps = room;
    return NULL;
}

static mae_error *step_add(mae_dnn_build *b, dnnl_primitive_desc_t pd, const mae_dnn_arg *args, size_t n_args,
                           float fill)
{
    mae_dnn_arg *copy = mae_arena_copy(b->pool->arena, args, n_args * sizeof(*args));

    if (!copy)
        return mae_error_nomem();
    MAE_TRY(step_room(b));
    b->unit->steps[b->unit->n_steps++] = (mae_dnn_step){
        .pd = pd, .owner = b->owner, .owner_index = b->owner_index, .fill = fill, .n_args = n_args, .args = copy};
    return NULL;
}

mae_error *mae_dnn_step_add(mae_dnn_build *b, dnnl_primitive_desc_t pd, const mae_dnn_arg *args, size_t n_args)
{
    mae_error *error = step_add(b, pd, args, n_args, 0.0f);

    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    return b->weighs ? mae_dnn_weigh(b, pd, args, n_args) : NULL;
}

mae_error *mae_dnn_step_fill(mae_dnn_build *b, int value, float number)
{
    const mae_dnn_arg arg = {DNNL_ARG_DST, value};
    return step_add(b, NULL, &arg, 1, number);
}

/* Everything this backend computes with is f32 of a known, non-empty shape. */
static bool tensor_fits(const mae_dnn_build *b, int tensor)
{
    const mae_tensor *t = mae_dnn_tensor(b, tensor);
    return t->is_static && t->shape.dtype == MAE_F32 && t->bytes > 0;
}

static mae_error *check_tensors(mae_dnn_build *b, const mae_layer *layer)
{
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (!tensor_fits(b, layer->inputs[i]))
            return mae_dnn_unsupported(b, "an input is not f32 of a fixed, non-empty shape");
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++) {
        const mae_node *node = &b->graph->nodes[n];
        for (size_t i = 0; i < node->n_outputs; i++)
            if (node->outputs[i] >= 0 && !tensor_fits(b, node->outputs[i]) &&
                (i == 0 || mae_dnn_needed(b, node->outputs[i], NULL, 0)))
                return mae_dnn_unsupported(b, "an output is not f32 of a fixed, non-empty shape");
    }
    return NULL;
}

static mae_error *lower_layer(mae_dnn_build *b, int index)
{
    const mae_layer *layer = &b->graph->layers[index];

    b->layer = index;
    b->owner = MAE_DNN_OF_LAYER;
    b->owner_index = (size_t)(index - b->segment->first);
    MAE_TRY(check_tensors(b, layer));
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++) {
        if (b->done[n - b->first_node])
            continue;
        MAE_TRY(mae_dnn_lower(b, n));
        b->done[n - b->first_node] = true;
    }
    return NULL;
}

/* Has the value of an output written right where it is bound, if nothing forbids that. */
static bool promote(mae_dnn_build *b, int value, size_t border)
{
    const mae_dnn_value *v = mae_dnn_at(b, value);
    mae_dnn_storage *storage = &b->unit->storages[v->storage];

    if (storage->place != MAE_DNN_ARENA || v->offset != 0 || storage->bytes != mae_dnn_bytes(v->layout))
        return false;
    storage->place = MAE_DNN_OUTPUT;
    storage->border = border;
    return true;
}

/* The output as it leaves the segment: blocked, if it was made so and may stay so, or else dense. */
static mae_error *value_of_output(mae_dnn_build *b, size_t border, int *ret_value)
{
    int tensor = b->segment->outputs[border], native;
    dnnl_dims_t dims;
    size_t offset;
    mae_layout native_layout = mae_dnn_native_layout();

    if (!b->borders || !(b->borders->offers[border] & MAE_LAYOUT_BIT(native_layout)))
        return mae_dnn_value_dense(b, tensor, ret_value);
    mae_dnn_layout blocked = mae_dnn_layout_blocked(b->pool, mae_dnn_dims(b, tensor, dims), dims);
    if (!blocked)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_native(b, tensor, &native));
    if (!mae_dnn_lies_as(mae_dnn_at(b, native)->layout, blocked, &offset))
        return mae_dnn_value_dense(b, tensor, ret_value);
    b->borders->outputs[border] = native_layout;
    return mae_dnn_value_as(b, tensor, blocked, ret_value);
}

static mae_error *finish_output(mae_dnn_build *b, size_t border)
{
    int value, copy;

    b->owner = MAE_DNN_OF_OUTPUT;
    b->owner_index = border;
    MAE_TRY(value_of_output(b, border, &value));
    if (promote(b, value, border))
        return NULL;
    MAE_TRY(mae_dnn_value_new(b, mae_dnn_at(b, value)->layout, -1, &copy));
    promote(b, copy, border);
    return mae_dnn_reorder(b, value, copy);
}

static mae_error *lower_all(mae_dnn_build *b)
{
    for (int i = b->segment->first; i <= b->segment->last; i++)
        MAE_TRY(mae_error_wrap(lower_layer(b, i), "layer %s", b->graph->layers[i].name));
    for (size_t i = 0; i < b->segment->n_outputs; i++)
        MAE_TRY(finish_output(b, i));
    return NULL;
}

static mae_error *begin(mae_dnn_build *b)
{
    const mae_layer *first = &b->graph->layers[b->segment->first], *last = &b->graph->layers[b->segment->last];
    mae_dnn_unit *unit = calloc(1, sizeof(*unit));

    if (!unit)
        return mae_error_nomem();
    mae_error *error = mae_dnn_pool_init(&unit->pool);
    if (error) {
        free(unit);
        return error;
    }
    b->unit = unit;
    b->pool = &unit->pool;
    unit->base.pe = &b->pe->base;
    unit->n_layers = (size_t)(b->segment->last - b->segment->first) + 1;
    unit->n_inputs = b->segment->n_inputs;
    unit->n_outputs = b->segment->n_outputs;
    b->first_node = first->first_node;
    b->end_node = last->first_node + last->n_nodes;
    b->heads = malloc((b->graph->n_tensors + 1) * sizeof(*b->heads));
    b->done = calloc((size_t)(b->end_node - b->first_node) + 1, sizeof(*b->done));
    if (!b->heads || !b->done)
        return mae_error_nomem();
    for (size_t i = 0; i < b->graph->n_tensors; i++)
        b->heads[i] = -1;
    return NULL;
}

mae_error *mae_dnn_build_begin(mae_dnn_build *b)
{
    for (size_t i = 0; b->borders && i < b->segment->n_outputs; i++)
        b->borders->outputs[i] = MAE_LAYOUT_DENSE; /* until they are found to be something else */
    MAE_TRY(begin(b));
    return lower_all(b);
}

void mae_dnn_build_finish(mae_dnn_build *b)
{
    free(b->heads);
    free(b->done);
    mae_dnn_unit_discard(b->unit ? &b->unit->base : NULL);
}

mae_error *mae_dnn_build_segment(mae_dnn_pe *pe, const mae_graph *graph, const mae_segment *segment,
                                 const mae_borders *borders, bool trial, mae_dnn_unit **ret_unit,
                                 const char **ret_reason)
{
    mae_dnn_build b = {.pe = pe, .graph = graph, .segment = segment, .borders = borders, .trial = trial};

    if (!trial)
        MAE_TRY(mae_dnn_choose_leaning(&b, &b.leaning));
    mae_error *error = mae_dnn_build_begin(&b);
    if (!error && !trial)
        error = mae_dnn_unit_finish(b.unit);
    if (error && ret_reason)
        *ret_reason = b.reason ? b.reason : "oneDNN refused it";
    if (!error && !trial) {
        *ret_unit = b.unit;
        b.unit = NULL;
    }
    mae_dnn_build_finish(&b);
    return error;
}
