/* Operators that compute nothing: reshapes, Concat, Transpose, Slice, Split, Pad. */
#include <string.h>

#include "backends/opencl/lower.h"

static mae_error *misfit(mae_cl_build *b)
{
    return mae_cl_unsupported(b, "the shapes do not fit");
}

mae_error *mae_cl_lower_reshape(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int storage, out = node->outputs[0];

    for (size_t i = 1; i < node->n_outputs; i++) /* Dropout's mask */
        if (node->outputs[i] >= 0 && mae_cl_needed(b, node->outputs[i], -1))
            return mae_cl_unsupported(b, "a second output");
    if (mae_cl_count(b, node->inputs[0]) != mae_cl_count(b, out))
        return misfit(b);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &storage));
    b->storage_of[out] = storage;
    return NULL;
}

/* Dropout does nothing, unless it is told to train and to leave something out. */
mae_error *mae_cl_lower_dropout(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int training = mae_node_input(node, 2);
    const mae_tensor *t = training >= 0 ? mae_cl_tensor(b, training) : NULL;

    if (t && (!t->is_constant || !t->data || t->bytes != 1 || *(const unsigned char *)t->data != 0))
        return mae_cl_unsupported(b, "a dropout that trains");
    if (node->opset < 7 && !mae_node_int(node, "is_test", 0))
        return mae_cl_unsupported(b, "a dropout that trains");
    return mae_cl_lower_reshape(b, index);
}

mae_error *mae_cl_lower_transpose(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *y = mae_cl_shape(b, node->outputs[0]);
    const mae_attr *perm = mae_node_attr(node, "perm");
    mae_cl_move move = {.rank = x->rank};
    int64_t strides[MAE_MAX_RANK];
    bool seen[MAE_MAX_RANK] = {false};
    int from, to;

    if (y->rank != x->rank || (perm && (perm->type != MAE_ATTR_INTS || perm->n != (size_t)x->rank)))
        return misfit(b);
    mae_cl_strides(x, x->rank, strides);
    for (int i = 0; i < x->rank; i++) {
        int64_t axis = perm ? perm->ints[i] : x->rank - 1 - i;
        if (axis < 0 || axis >= x->rank || seen[axis] || y->dims[i] != x->dims[axis])
            return misfit(b);
        seen[axis] = true;
        move.dims[i] = x->dims[axis];
        move.from[i] = strides[axis];
    }
    mae_cl_strides(y, y->rank, move.to);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &from));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, node->outputs[0]), node->outputs[0], &to));
    return mae_cl_step_move(b, &move, from, to);
}

/* A block that is the whole of `part`, at `offset` of `whole`'s `axis`; the first or the second as it is copied. */
static mae_cl_move block(const mae_shape *part, const mae_shape *whole, int axis, int64_t offset, bool into)
{
    mae_cl_move move = {.rank = part->rank};
    int64_t inner = (int64_t)mae_cl_product(whole, axis + 1, whole->rank);

    memcpy(move.dims, part->dims, sizeof move.dims);
    mae_cl_strides(part, part->rank, into ? move.from : move.to);
    mae_cl_strides(whole, part->rank, into ? move.to : move.from);
    *(into ? &move.offset_to : &move.offset_from) = offset * inner;
    return move;
}

/* Alike but along `axis`? */
static bool alike(const mae_shape *a, const mae_shape *b, int axis)
{
    for (int i = 0; i < a->rank && a->rank == b->rank; i++)
        if (i != axis && a->dims[i] != b->dims[i])
            return false;
    return a->rank == b->rank;
}

mae_error *mae_cl_lower_concat(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *y = mae_cl_shape(b, node->outputs[0]);
    int64_t at = 0;
    int axis, from, to;

    if (!mae_cl_axis(mae_node_int(node, "axis", node->opset < 4 ? 1 : 0), y->rank, &axis))
        return mae_cl_unsupported(b, "an axis that the tensor has not");
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, node->outputs[0]), node->outputs[0], &to));
    for (size_t i = 0; i < node->n_inputs; i++) {
        const mae_shape *x = node->inputs[i] >= 0 ? mae_cl_shape(b, node->inputs[i]) : y;
        if (node->inputs[i] < 0 || !alike(x, y, axis) || at + x->dims[axis] > y->dims[axis])
            return misfit(b);
        const mae_cl_move move = block(x, y, axis, at, true);
        MAE_TRY(mae_cl_storage_get(b, node->inputs[i], &from));
        MAE_TRY(mae_cl_step_move(b, &move, from, to));
        at += x->dims[axis];
    }
    return at == y->dims[axis] ? NULL : misfit(b);
}

mae_error *mae_cl_lower_split(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]);
    int64_t at = 0;
    int axis, from, to;

    if (!mae_cl_axis(mae_node_int(node, "axis", 0), x->rank, &axis))
        return mae_cl_unsupported(b, "an axis that the tensor has not");
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &from));
    for (size_t i = 0; i < node->n_outputs; i++) {
        int out = node->outputs[i];
        const mae_tensor *t = out >= 0 ? mae_cl_tensor(b, out) : NULL;
        /* Each part's shape is known; that it is empty matters only to who reads it. */
        if (!t || !t->is_static || t->shape.dtype != MAE_F32 || !alike(&t->shape, x, axis) ||
            at + t->shape.dims[axis] > x->dims[axis])
            return misfit(b);
        const mae_cl_move move = block(&t->shape, x, axis, at, false);
        at += t->shape.dims[axis];
        if (t->bytes == 0)
            continue;
        MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, out), out, &to));
        MAE_TRY(mae_cl_step_move(b, &move, from, to));
    }
    return at == x->dims[axis] ? NULL : misfit(b);
}

/* ---- Slice ---- */

typedef struct slice {
    int64_t start[MAE_MAX_RANK], end[MAE_MAX_RANK], axes[MAE_MAX_RANK], step[MAE_MAX_RANK];
    int n;
} slice;

static bool read_slice(const mae_cl_build *b, const mae_node *node, slice *s)
{
    int n_end, n_axes, n_step;

    if (!mae_node_int_list(b->graph, node, 1, "starts", MAE_MAX_RANK, s->start, &s->n) ||
        !mae_node_int_list(b->graph, node, 2, "ends", MAE_MAX_RANK, s->end, &n_end) ||
        !mae_node_int_list(b->graph, node, 3, "axes", MAE_MAX_RANK, s->axes, &n_axes) ||
        !mae_node_int_list(b->graph, node, 4, "steps", MAE_MAX_RANK, s->step, &n_step))
        return false;
    for (int i = 0; i < s->n; i++) {
        s->axes[i] = n_axes < 0 ? i : s->axes[i];
        s->step[i] = n_step < 0 ? 1 : s->step[i];
    }
    return s->n >= 0 && n_end == s->n && (n_axes < 0 || n_axes == s->n) && (n_step < 0 || n_step == s->n);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The first index and the number of indices along an axis of `size` elements. */
static void find_range(int64_t start, int64_t end, int64_t step, int64_t size, int64_t *ret_first, int64_t *ret_n)
{
    bool forward = step > 0;
    int64_t lowest = forward ? 0 : -1, highest = forward ? size : size - 1;

    start = clamp(start < 0 ? (start < -size ? -1 : start + size) : start, forward ? 0 : -1, highest);
    end = clamp(end < 0 ? (end < -size ? lowest : end + size) : end, lowest, highest);
    int64_t span = forward ? end - start : start - end, stride = forward ? step : -step;
    *ret_first = start;
    *ret_n = span > 0 ? (span - 1) / stride + 1 : 0;
}

mae_error *mae_cl_lower_slice(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *y = mae_cl_shape(b, node->outputs[0]);
    mae_cl_move move = {.rank = x->rank};
    slice s;
    int axis, from, to;

    if (!read_slice(b, node, &s))
        return mae_cl_unsupported(b, "a slice whose ends are not constant");
    if (y->rank != x->rank)
        return misfit(b);
    memcpy(move.dims, x->dims, sizeof move.dims);
    mae_cl_strides(x, x->rank, move.from);
    for (int i = 0; i < s.n; i++) {
        int64_t first, n;
        if (!mae_cl_axis(s.axes[i], x->rank, &axis) || s.step[i] == 0 || s.step[i] > INT32_MAX ||
            s.step[i] < -INT32_MAX)
            return mae_cl_unsupported(b, "a slice of this form");
        find_range(s.start[i], s.end[i], s.step[i], x->dims[axis], &first, &n);
        move.dims[axis] = n;
        move.offset_from += first * move.from[axis];
        move.from[axis] *= n > 1 ? s.step[i] : 0;
    }
    for (int i = 0; i < y->rank; i++)
        if (move.dims[i] != y->dims[i])
            return misfit(b);
    mae_cl_strides(y, y->rank, move.to);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &from));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, node->outputs[0]), node->outputs[0], &to));
    return mae_cl_step_move(b, &move, from, to);
}

/* ---- Pad ---- */

/* Numbers of elements before and behind each axis; false where they are not constant, or negative. */
static bool read_pads(const mae_cl_build *b, const mae_node *node, int rank, int64_t *low, int64_t *high)
{
    const mae_attr *attr = mae_node_attr(node, node->opset < 2 ? "paddings" : "pads");
    int input = mae_node_input(node, 1);
    const mae_tensor *t = input >= 0 ? mae_cl_tensor(b, input) : NULL;
    size_t n = 0, wanted = 2 * (size_t)rank;

    if (mae_node_input(node, 3) >= 0) /* axes */
        return false;
    if (t ? !t->is_constant || !t->data || t->shape.dtype != MAE_I64 || !mae_shape_count(&t->shape, &n) || n != wanted
          : !attr || attr->type != MAE_ATTR_INTS || attr->n != wanted)
        return false;
    for (int i = 0; i < rank; i++) {
        low[i] = t ? mae_tensor_i64(t, (size_t)i) : attr->ints[i];
        high[i] = t ? mae_tensor_i64(t, (size_t)rank + (size_t)i) : attr->ints[rank + i];
        if (low[i] < 0 || high[i] < 0)
            return false;
    }
    return true;
}

mae_error *mae_cl_lower_pad(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *y = mae_cl_shape(b, node->outputs[0]);
    size_t count = mae_cl_count(b, node->outputs[0]);
    int64_t low[MAE_MAX_RANK], high[MAE_MAX_RANK], strides[MAE_MAX_RANK];
    mae_cl_move move = {.rank = x->rank};
    double value;
    int from, to;

    if (strcmp(mae_node_string(node, "mode", "constant"), "constant") != 0)
        return mae_cl_unsupported(b, "a padding by other than a constant");
    if (!read_pads(b, node, x->rank, low, high) || !mae_node_number(b->graph, node, 2, "value", 0.0, &value))
        return mae_cl_unsupported(b, "a padding that is not constant, that crops, or that names axes");
    if (y->rank != x->rank)
        return misfit(b);
    int64_t stride = 1;
    for (int i = x->rank - 1; i >= 0; stride *= y->dims[i--]) {
        if (y->dims[i] != x->dims[i] + low[i] + high[i])
            return misfit(b);
        strides[i] = stride;
        move.offset_to += low[i] * stride;
    }
    memcpy(move.dims, x->dims, sizeof move.dims);
    memcpy(move.to, strides, sizeof move.to);
    mae_cl_strides(x, x->rank, move.from);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &from));
    MAE_TRY(mae_cl_storage_new(b, count, node->outputs[0], &to));
    MAE_TRY(mae_cl_step_fill(b, to, count, (float)value));
    return mae_cl_step_move(b, &move, from, to);
}
