/* Values and storages of a unit being built: found, made, seen otherwise, reordered. */
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/build.h"

size_t mae_dnn_bytes(mae_dnn_layout layout)
{
    return dnnl_memory_desc_get_size(layout);
}

/* Without blocks, or with one block that happens to lie where row-major order would put it. */
bool mae_dnn_is_dense(mae_dnn_layout layout)
{
    mae_dnn_lie lie;
    dnnl_dim_t stride = 1;

    if (!mae_dnn_layout_lie(layout, &lie) || lie.offset != 0 || lie.n_blocks > 1)
        return false;
    for (int i = lie.ndims - 1; i >= 0; i--) {
        bool blocked = lie.n_blocks == 1 && lie.block_axes[0] == i;
        if (lie.padded[i] != lie.dims[i] || (blocked && stride != 1))
            return false;
        dnnl_dim_t inner = blocked ? lie.blocks[0] : 1, outer = lie.dims[i] / inner;
        if (outer != 1 && lie.strides[i] != stride * inner)
            return false;
        stride *= lie.dims[i];
    }
    return true;
}

bool mae_dnn_is_last(mae_dnn_layout layout)
{
    mae_dnn_lie lie;
    return mae_dnn_layout_lie(layout, &lie) && lie.ndims > 2 && lie.n_blocks == 0 && lie.strides[1] == 1 &&
           !mae_dnn_is_dense(layout);
}

/* What tells where the elements of an axis lie; axes of one element lie anywhere. */
static bool same_axis(const mae_dnn_lie *a, const mae_dnn_lie *b, int i)
{
    if (a->dims[i] != b->dims[i] || a->padded[i] != b->padded[i])
        return false;
    return a->dims[i] == 1 || a->strides[i] == b->strides[i];
}

bool mae_dnn_lies_as(mae_dnn_layout layout, mae_dnn_layout wanted, size_t *ret_offset)
{
    mae_dnn_lie a, b;

    if (!mae_dnn_layout_lie(layout, &a) || !mae_dnn_layout_lie(wanted, &b) || a.ndims != b.ndims ||
        a.n_blocks != b.n_blocks || a.offset < b.offset)
        return false;
    for (int i = 0; i < a.ndims; i++)
        if (!same_axis(&a, &b, i))
            return false;
    for (int i = 0; i < a.n_blocks; i++)
        if (a.blocks[i] != b.blocks[i] || a.block_axes[i] != b.block_axes[i])
            return false;
    *ret_offset = (size_t)(a.offset - b.offset) * sizeof(float);
    return true;
}

bool mae_dnn_value_merge(mae_dnn_build *b, int part, int whole, size_t offset)
{
    int from = mae_dnn_at(b, part)->storage, to = mae_dnn_at(b, whole)->storage;
    const mae_dnn_storage *storage = &b->unit->storages[from];

    if (from == to || storage->place != MAE_DNN_ARENA || mae_dnn_at(b, part)->offset != 0 ||
        storage->bytes != mae_dnn_bytes(mae_dnn_at(b, part)->layout))
        return false;
    for (size_t i = 0; i < b->unit->n_values; i++) {
        mae_dnn_value *value = &b->unit->values[i];
        if (value->storage != from)
            continue;
        value->storage = to;
        value->offset += offset;
    }
    return true;
}

bool mae_dnn_value_widen(mae_dnn_build *b, int value, size_t bytes, size_t wanted_bytes)
{
    mae_dnn_storage *storage = &b->unit->storages[mae_dnn_at(b, value)->storage];

    if (storage->place != MAE_DNN_ARENA || storage->bytes != bytes || wanted_bytes < bytes)
        return false;
    storage->bytes = wanted_bytes;
    return true;
}

/* Room for one more element in a growing array. */
static mae_error *reserve(void **array, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return NULL;
    size_t more = *room ? *room * 2 : 32;
    if (more > SIZE_MAX / size)
        return mae_error_nomem();
    void *grown = realloc(*array, more * size);
    if (!grown)
        return mae_error_nomem();
    *array = grown;
    *room = more;
    return NULL;
}

static mae_error *storage_add(mae_dnn_build *b, mae_dnn_place place, size_t border, size_t bytes, int *ret_storage)
{
    mae_dnn_unit *unit = b->unit;

    MAE_TRY(reserve((void **)&unit->storages, unit->n_storages, &b->room_storages, sizeof(*unit->storages)));
    unit->storages[unit->n_storages] =
        (mae_dnn_storage){.place = place, .border = border, .bytes = bytes, .first = 1, .last = 0};
    *ret_storage = (int)unit->n_storages++;
    return NULL;
}

static mae_error *value_add(mae_dnn_build *b, int storage, size_t offset, mae_dnn_layout layout, int tensor,
                            int *ret_value)
{
    mae_dnn_unit *unit = b->unit;

    if (!layout)
        return mae_error_new(MAE_ERR_FAILED, "oneDNN cannot describe a tensor's layout");
    MAE_TRY(reserve((void **)&unit->values, unit->n_values, &b->room_values, sizeof(*unit->values)));
    int value = (int)unit->n_values++;
    unit->values[value] =
        (mae_dnn_value){.storage = storage, .offset = offset, .layout = layout, .tensor = tensor, .next = -1};
    if (tensor >= 0) { /* the first of the list stays the native one */
        int *link = &b->heads[tensor];
        while (*link >= 0)
            link = &unit->values[*link].next;
        *link = value;
    }
    *ret_value = value;
    return NULL;
}

mae_error *mae_dnn_value_view(mae_dnn_build *b, int value, mae_dnn_layout layout, size_t offset, int tensor,
                              int *ret_value)
{
    const mae_dnn_value *from = mae_dnn_at(b, value);
    return value_add(b, from->storage, from->offset + offset, layout, tensor, ret_value);
}

mae_error *mae_dnn_value_part(mae_dnn_build *b, int value, const dnnl_dim_t *dims, const dnnl_dim_t *offsets,
                              int *ret_value)
{
    mae_dnn_layout part = mae_dnn_layout_part(b->pool, mae_dnn_at(b, value)->layout, dims, offsets);

    if (!part)
        return mae_dnn_unsupported(b, "oneDNN cannot describe the part");
    return mae_dnn_value_view(b, value, part, 0, -1, ret_value);
}

mae_error *mae_dnn_value_new(mae_dnn_build *b, mae_dnn_layout layout, int tensor, int *ret_value)
{
    int storage;
    mae_dnn_layout own = mae_dnn_layout_copy(b->pool, layout);

    if (!own)
        return mae_error_nomem();
    MAE_TRY(storage_add(b, MAE_DNN_ARENA, 0, mae_dnn_bytes(own), &storage));
    return value_add(b, storage, 0, own, tensor, ret_value);
}

/* A segment input, as it is bound. */
static mae_error *value_of_input(mae_dnn_build *b, int tensor, size_t border, int *ret_value)
{
    dnnl_dims_t dims;
    int storage, ndims = mae_dnn_dims(b, tensor, dims);
    bool blocked = b->borders && b->borders->inputs[border] != MAE_LAYOUT_DENSE;
    mae_dnn_layout layout = (blocked ? mae_dnn_layout_blocked : mae_dnn_layout_plain)(b->pool, ndims, dims);

    MAE_TRY(storage_add(b, MAE_DNN_INPUT, border, mae_dnn_tensor(b, tensor)->bytes, &storage));
    return value_add(b, storage, 0, layout, tensor, ret_value);
}

static mae_error *value_of_weight(mae_dnn_build *b, int tensor, int *ret_value)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims), value;
    float *values;
    mae_dnn_layout layout = mae_dnn_layout_plain(b->pool, ndims, dims);

    MAE_TRY(mae_dnn_weights(b, tensor, &values));
    MAE_TRY(mae_dnn_constant(b, values, layout, layout, &value));
    return mae_dnn_value_view(b, value, layout, 0, tensor, ret_value);
}

mae_error *mae_dnn_value_native(mae_dnn_build *b, int tensor, int *ret_value)
{
    if (b->heads[tensor] >= 0) {
        *ret_value = b->heads[tensor];
        return NULL;
    }
    if (mae_dnn_is_weight(b, tensor))
        return value_of_weight(b, tensor, ret_value);
    for (size_t i = 0; i < b->segment->n_inputs; i++)
        if (b->segment->inputs[i] == tensor)
            return value_of_input(b, tensor, i, ret_value);
    return mae_error_new(MAE_ERR_FAILED, "tensor %s is read before it is computed", mae_dnn_tensor(b, tensor)->name);
}

mae_error *mae_dnn_reorder(mae_dnn_build *b, int from, int to)
{
    dnnl_primitive_desc_t pd;
    mae_dnn_layout source = mae_dnn_at(b, from)->layout, target = mae_dnn_at(b, to)->layout;
    const mae_dnn_arg args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};

    if (dnnl_reorder_primitive_desc_create(&pd, source, b->pe->engine, target, b->pe->engine, b->pe->attr) !=
        dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN has no such reorder");
    return mae_dnn_step_add(b, pd, args, 2);
}

/* A reorder that brings a bound input into the engine's layout is the input's cost, not a layer's. */
static mae_error *reorder_charged(mae_dnn_build *b, int from, int to)
{
    const mae_dnn_storage *storage = &b->unit->storages[mae_dnn_at(b, from)->storage];
    mae_dnn_owner owner = b->owner;
    size_t index = b->owner_index;

    if (owner == MAE_DNN_OF_LAYER && storage->place == MAE_DNN_INPUT) {
        b->owner = MAE_DNN_OF_INPUT;
        b->owner_index = storage->border;
    }
    mae_error *error = mae_dnn_reorder(b, from, to);
    b->owner = owner;
    b->owner_index = index;
    return error;
}

/* Constants are reordered once, now. */
static mae_error *constant_as(mae_dnn_build *b, int tensor, mae_dnn_layout layout, int *ret_value)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims), value;
    float *values;

    MAE_TRY(mae_dnn_weights(b, tensor, &values));
    MAE_TRY(mae_dnn_constant(b, values, mae_dnn_layout_plain(b->pool, ndims, dims), layout, &value));
    return mae_dnn_value_view(b, value, mae_dnn_at(b, value)->layout, 0, tensor, ret_value);
}

mae_error *mae_dnn_value_as(mae_dnn_build *b, int tensor, mae_dnn_layout layout, int *ret_value)
{
    int native, made;
    size_t offset;
    bool dense = mae_dnn_is_dense(layout);

    MAE_TRY(mae_dnn_value_native(b, tensor, &native));
    for (int v = b->heads[tensor]; v >= 0; v = mae_dnn_at(b, v)->next) {
        if (dnnl_memory_desc_equal(mae_dnn_at(b, v)->layout, layout)) {
            *ret_value = v;
            return NULL;
        }
        offset = 0;
        if ((dense && mae_dnn_is_dense(mae_dnn_at(b, v)->layout)) ||
            mae_dnn_lies_as(mae_dnn_at(b, v)->layout, layout, &offset)) {
            mae_dnn_layout own = mae_dnn_layout_copy(b->pool, layout);
            return own ? mae_dnn_value_view(b, v, own, offset, tensor, ret_value) : mae_error_nomem();
        }
    }
    if (b->unit->storages[mae_dnn_at(b, native)->storage].place == MAE_DNN_CONSTANT)
        return constant_as(b, tensor, layout, ret_value);
    MAE_TRY(mae_dnn_value_new(b, layout, tensor, &made));
    MAE_TRY(reorder_charged(b, native, made));
    *ret_value = made;
    return NULL;
}

mae_error *mae_dnn_value_dense(mae_dnn_build *b, int tensor, int *ret_value)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims);
    mae_dnn_layout layout = mae_dnn_layout_plain(b->pool, ndims, dims);

    return layout ? mae_dnn_value_as(b, tensor, layout, ret_value) : mae_error_nomem();
}

mae_error *mae_dnn_value_reshaped(mae_dnn_build *b, int tensor, int ndims, const dnnl_dim_t *dims, int *ret_value)
{
    int dense;

    MAE_TRY(mae_dnn_value_dense(b, tensor, &dense));
    return mae_dnn_value_view(b, dense, mae_dnn_layout_plain(b->pool, ndims, dims), 0, -1, ret_value);
}

bool mae_dnn_can_overwrite(const mae_dnn_build *b, int value, const int *nodes, size_t n_nodes)
{
    int storage = mae_dnn_at(b, value)->storage;

    if (b->unit->storages[storage].place != MAE_DNN_ARENA)
        return false;
    for (size_t i = 0; i < b->unit->n_values; i++) {
        const mae_dnn_value *other = &b->unit->values[i];
        if (other->storage == storage && other->tensor >= 0 && mae_dnn_needed(b, other->tensor, nodes, n_nodes))
            return false;
    }
    return true;
}

mae_error *mae_dnn_value_over(mae_dnn_build *b, int value, int node, mae_dnn_layout layout, int tensor, int *ret_value)
{
    const mae_dnn_value *old = mae_dnn_at(b, value);

    if (mae_dnn_can_overwrite(b, value, &node, 1) && dnnl_memory_desc_equal(old->layout, layout))
        return mae_dnn_value_view(b, value, old->layout, 0, tensor, ret_value);
    return mae_dnn_value_new(b, layout, tensor, ret_value);
}

mae_error *mae_dnn_weights(mae_dnn_build *b, int tensor, float **ret_values)
{
    const mae_tensor *t = mae_dnn_tensor(b, tensor);

    if (b->trial) {
        *ret_values = NULL;
        return NULL;
    }
    float *values = mae_dnn_alloc(t->bytes);
    if (!values)
        return mae_error_nomem();
    memcpy(values, t->data, t->bytes);
    *ret_values = values;
    return NULL;
}

mae_error *mae_dnn_reorder_now(const mae_dnn_pe *pe, mae_dnn_layout from, void *source, mae_dnn_layout to, void *target)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t a = NULL, z = NULL;
    dnnl_engine_t engine = pe->engine;

    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive, pd);
    if (status == dnnl_success)
        status = dnnl_memory_create(&a, from, engine, source);
    if (status == dnnl_success)
        status = dnnl_memory_create(&z, to, engine, target);
    if (status == dnnl_success) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, z}};
        status = dnnl_primitive_execute(primitive, pe->stream, 2, args);
    }
    if (status == dnnl_success)
        status = dnnl_stream_wait(pe->stream);
    dnnl_memory_destroy(a);
    dnnl_memory_destroy(z);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    return mae_dnn_check(status, "reordering");
}

/* Brings `*values` from one layout into another, replacing the array. */
static mae_error *repack(mae_dnn_build *b, mae_dnn_layout from, mae_dnn_layout to, float **values)
{
    if (dnnl_memory_desc_equal(from, to))
        return NULL;
    float *packed = mae_dnn_alloc(mae_dnn_bytes(to));
    if (!packed)
        return mae_error_nomem();
    mae_error *error = mae_dnn_reorder_now(b->pe, from, *values, to, packed);
    if (error) {
        mae_dnn_free(packed);
        return error;
    }
    mae_dnn_free(*values);
    *values = packed;
    return NULL;
}

mae_error *mae_dnn_constant(mae_dnn_build *b, float *values, mae_dnn_layout from, mae_dnn_layout to, int *ret_value)
{
    int storage;
    mae_dnn_layout own = from && to ? mae_dnn_layout_copy(b->pool, to) : NULL;
    mae_error *error = own ? NULL : mae_error_nomem();

    if (!error && !b->trial)
        error = repack(b, from, own, &values);
    if (!error)
        error = storage_add(b, MAE_DNN_CONSTANT, 0, mae_dnn_bytes(own), &storage);
    if (error) {
        mae_dnn_free(values);
        return error;
    }
    b->unit->storages[storage].data = values;
    return value_add(b, storage, 0, own, -1, ret_value);
}

mae_error *mae_dnn_constant_copy(mae_dnn_build *b, const float *values, int ndims, const dnnl_dim_t *dims,
                                 int *ret_value)
{
    mae_dnn_layout layout = mae_dnn_layout_plain(b->pool, ndims, dims);
    float *copy = NULL;

    if (!layout)
        return mae_error_nomem();
    if (!b->trial) {
        copy = mae_dnn_alloc(mae_dnn_bytes(layout));
        if (!copy)
            return mae_error_nomem();
        memcpy(copy, values, mae_dnn_bytes(layout));
    }
    return mae_dnn_constant(b, copy, layout, layout, ret_value);
}
