/* Operators that compute nothing: reshapes, Transpose, Concat, Split, Slice, DepthToSpace. */
#include <string.h>

#include "backends/xnnpack/lower.h"

/* Dropout does nothing, unless it is told to train and to leave something out. */
mae_error *mae_xnn_lower_dropout(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int training = mae_node_input(node, 2);
    double ratio;

    if (training >= 0 && (!mae_node_number(b->graph, node, 1, "ratio", 0.5, &ratio) || ratio != 0.0)) {
        const mae_tensor *t = mae_xnn_tensor(b, training);
        if (!t->is_constant || t->bytes != 1 || !t->data || *(const unsigned char *)t->data != 0)
            return mae_xnn_unsupported(b, "a dropout that trains");
    }
    return mae_xnn_lower_reshape(b, index);
}

mae_error *mae_xnn_lower_reshape(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int from = node->inputs[0], out = node->outputs[0], value, view;

    for (size_t i = 1; i < node->n_outputs; i++) /* Dropout's mask */
        if (node->outputs[i] >= 0 && mae_xnn_needed(b, node->outputs[i]))
            return mae_xnn_unsupported(b, "a second output");
    if (mae_xnn_tensor(b, from)->bytes != mae_xnn_tensor(b, out)->bytes)
        return mae_xnn_unsupported(b, "a reshape to another size");
    if (!mae_shape_equal(mae_xnn_shape(b, from), mae_xnn_shape(b, out))) {
        MAE_TRY(mae_xnn_value_get(b, from, MAE_XNN_DENSE, true, &value));
        const mae_shape *s = mae_xnn_shape(b, out);
        size_t stride = mae_xnn_is_flat(s) ? (size_t)s->dims[1] : s->rank ? (size_t)s->dims[s->rank - 1] : 1;
        return mae_xnn_value_view(b, value, out, MAE_XNN_DENSE, 0, stride, &view);
    }
    MAE_TRY(mae_xnn_value_get(b, from, MAE_XNN_EITHER, false, &value));
    return mae_xnn_value_view(b, value, out, mae_xnn_order_at(b, value), 0, b->unit->values[value].stride, &view);
}

static void row_major(const mae_shape *s, size_t *strides)
{
    size_t stride = 1;

    for (int i = s->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= (size_t)s->dims[i];
    }
}

/* How far apart neighbours along each axis of the tensor lie in its value. */
static void strides_of(const mae_xnn_build *b, int value, const mae_shape *s, size_t *strides)
{
    const mae_xnn_value *v = &b->unit->values[value];
    size_t stride = v->stride;

    if (!v->last) {
        row_major(s, strides);
        return;
    }
    strides[1] = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        if (i == 1)
            continue;
        strides[i] = stride;
        stride *= (size_t)s->dims[i];
    }
}

/* The result with its elements at these places of the source. */
static mae_error *gather(mae_xnn_build *b, int in, int out, const size_t *strides, size_t offset, mae_xnn_order order)
{
    const mae_shape *y = mae_xnn_shape(b, out);
    mae_xnn_move move = {.n = y->rank, .from_offset = offset};
    int value;

    MAE_TRY(mae_xnn_value_new(b, out, order, true, &value));
    for (int i = 0; i < y->rank; i++)
        move.dims[i] = (size_t)y->dims[i];
    memcpy(move.from, strides, (size_t)y->rank * sizeof(*strides));
    strides_of(b, value, y, move.to);
    return mae_xnn_add_move(b, &move, in, value);
}

/* Do these strides, of axes longer than one, belong to a tensor of this shape in that order? */
static bool lies_as(const mae_shape *y, const size_t *strides, bool last)
{
    size_t stride = 1;

    for (int k = y->rank - 1; k >= 0; k--) {
        /* From the innermost axis on: the channels first, if they are. */
        int axis = !last || k == 0 ? k : k == y->rank - 1 ? 1 : k + 1;
        if (y->dims[axis] != 1 && strides[axis] != stride)
            return false;
        stride *= (size_t)y->dims[axis];
    }
    return true;
}

/* The tensor `out` with its elements at these places of a value: seen there, if they lie as they are wanted. */
static mae_error *see_or_gather(mae_xnn_build *b, int value, int out, const size_t *strides, size_t offset,
                                mae_xnn_order order)
{
    const mae_shape *y = mae_xnn_shape(b, out);
    bool dense = lies_as(y, strides, false), last = y->rank >= 3 && lies_as(y, strides, true);
    int view;

    if (!dense && !last)
        return gather(b, value, out, strides, offset, order);
    bool by_channels = last || mae_xnn_is_flat(y);
    size_t stride = y->rank == 0 ? 1 : (size_t)y->dims[by_channels ? 1 : y->rank - 1];
    return mae_xnn_value_view(b, value, out, last ? MAE_XNN_LAST : MAE_XNN_DENSE, offset, stride, &view);
}

mae_error *mae_xnn_lower_transpose(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    size_t own[MAE_MAX_RANK], strides[MAE_MAX_RANK];
    int64_t perm[MAE_MAX_RANK];
    int value;

    if (x->rank < 2)
        return mae_xnn_lower_reshape(b, index);
    for (int i = 0; i < x->rank; i++)
        perm[i] = x->rank - 1 - i;
    if ((mae_node_attr(node, "perm") && !mae_node_ints(node, "perm", (size_t)x->rank, 0, perm)) || y->rank != x->rank)
        return mae_xnn_unsupported(b, "a permutation of another rank");
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_EITHER, false, &value));
    strides_of(b, value, x, own);
    for (int i = 0; i < x->rank; i++) {
        if (perm[i] < 0 || perm[i] >= x->rank || y->dims[i] != x->dims[perm[i]])
            return mae_xnn_unsupported(b, "a permutation of another rank");
        strides[i] = own[perm[i]];
    }
    return see_or_gather(b, value, node->outputs[0], strides, 0, MAE_XNN_DENSE);
}

/* ---- Parts ---- */

/* Every so manieth element along each axis. Channels that are side by side, of all pixels, are seen where they lie. */
static mae_error *take_part(mae_xnn_build *b, int from, const size_t *starts, const size_t *steps, int to)
{
    const mae_shape *x = mae_xnn_shape(b, from), *y = mae_xnn_shape(b, to);
    size_t strides[MAE_MAX_RANK], offset = 0;
    bool whole = true; /* but for the channels */
    int value, view;

    MAE_TRY(mae_xnn_value_get(b, from, MAE_XNN_EITHER, false, &value));
    strides_of(b, value, x, strides);
    for (int i = 0; i < x->rank; i++) {
        whole = whole && steps[i] == 1 && (i == 1 || x->dims[i] == y->dims[i]);
        offset += starts[i] * strides[i];
        strides[i] *= steps[i];
    }
    if (whole && b->unit->values[value].last)
        return mae_xnn_value_view(b, value, to, MAE_XNN_LAST, offset, b->unit->values[value].stride, &view);
    return see_or_gather(b, value, to, strides, offset, mae_xnn_order_at(b, value));
}

mae_error *mae_xnn_lower_split(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);
    size_t starts[MAE_MAX_RANK] = {0}, steps[MAE_MAX_RANK];
    int64_t axis = mae_node_int(node, "axis", 0);

    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank)
        return mae_xnn_unsupported(b, "a split along that axis");
    for (int i = 0; i < x->rank; i++)
        steps[i] = 1;
    for (size_t i = 0; i < node->n_outputs; i++) { /* the parts' sizes are those of the outputs */
        if (node->outputs[i] < 0 || mae_xnn_tensor(b, node->outputs[i])->bytes == 0)
            return mae_xnn_unsupported(b, "a split with an output left out, or empty");
        int64_t size = mae_xnn_shape(b, node->outputs[i])->dims[axis];
        if ((int64_t)starts[axis] + size > x->dims[axis])
            break;
        MAE_TRY(take_part(b, node->inputs[0], starts, steps, node->outputs[i]));
        starts[axis] += (size_t)size;
    }
    return (int64_t)starts[axis] == x->dims[axis] ? NULL : mae_xnn_unsupported(b, "the parts of a split do not fit");
}

mae_error *mae_xnn_lower_slice(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    int64_t from[MAE_MAX_RANK], axes[MAE_MAX_RANK], by[MAE_MAX_RANK];
    size_t starts[MAE_MAX_RANK] = {0}, steps[MAE_MAX_RANK];
    int n, n_axes, n_steps;

    if (!mae_node_int_list(b->graph, node, 1, "starts", MAE_MAX_RANK, from, &n) ||
        !mae_node_int_list(b->graph, node, 3, "axes", MAE_MAX_RANK, axes, &n_axes) ||
        !mae_node_int_list(b->graph, node, 4, "steps", MAE_MAX_RANK, by, &n_steps) || n < 0 || n > x->rank ||
        (n_axes >= 0 && n_axes != n) || (n_steps >= 0 && n_steps != n) || y->rank != x->rank)
        return mae_xnn_unsupported(b, "a slice that is not constant");
    for (int i = 0; i < x->rank; i++)
        steps[i] = 1;
    for (int i = 0; i < n; i++) {
        int64_t axis = n_axes >= 0 ? axes[i] : i, start = from[i];
        axis += axis < 0 ? x->rank : 0;
        if (axis < 0 || axis >= x->rank || (n_steps >= 0 && by[i] < 1))
            return mae_xnn_unsupported(b, "a slice that runs backwards");
        start += start < 0 ? x->dims[axis] : 0;
        steps[axis] = n_steps >= 0 ? (size_t)by[i] : 1;
        starts[axis] = start < 0 ? 0 : (size_t)start;
    }
    for (int i = 0; i < x->rank; i++)
        if (starts[i] >= (size_t)x->dims[i] ||
            (size_t)(y->dims[i] - 1) > ((size_t)x->dims[i] - 1 - starts[i]) / steps[i])
            return mae_xnn_unsupported(b, "a slice whose shape does not fit");
    return take_part(b, node->inputs[0], starts, steps, node->outputs[0]);
}

/* By one constant index, or by a run of them: a part, without its axis if the index is a scalar. */
mae_error *mae_xnn_lower_gather(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *indices = mae_xnn_shape(b, node->inputs[1]);
    int64_t axis = mae_node_int(node, "axis", 0), which[64];
    size_t strides[MAE_MAX_RANK];
    int n, value;

    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank || indices->rank > 1 || !mae_node_int_list(b->graph, node, 1, "", 64, which, &n) ||
        n < 1)
        return mae_xnn_unsupported(b, "a gather that is not a constant slice");
    for (int i = 0; i < n; i++) {
        which[i] += which[i] < 0 ? x->dims[axis] : 0;
        if (which[i] < 0 || which[i] >= x->dims[axis] || which[i] != which[0] + i)
            return mae_xnn_unsupported(b, "a gather that is not a constant slice");
    }
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_EITHER, true, &value));
    strides_of(b, value, x, strides);
    size_t offset = (size_t)which[0] * strides[axis];
    if (indices->rank == 0)
        memmove(&strides[axis], &strides[axis + 1], (size_t)(x->rank - 1 - axis) * sizeof(*strides));
    return see_or_gather(b, value, node->outputs[0], strides, offset, mae_xnn_order_at(b, value));
}

/* ---- Concat ---- */

/* Rows of channels that are one part of wider rows. */
static mae_error *join_channels(mae_xnn_build *b, const mae_node *node)
{
    int whole, out = node->outputs[0];
    size_t offset = 0, stride = (size_t)mae_xnn_shape(b, out)->dims[1];

    MAE_TRY(mae_xnn_value_new(b, out, MAE_XNN_LAST, false, &whole));
    for (size_t i = 0; i < node->n_inputs; i++) {
        int part, place;
        MAE_TRY(mae_xnn_value_get(b, node->inputs[i], MAE_XNN_LAST, false, &part));
        mae_xnn_value *v = &b->unit->values[part];
        size_t channels = v->channels;
        if (mae_xnn_value_is_free(b, part)) { /* it is computed where it belongs */
            v->storage = b->unit->values[whole].storage;
            v->offset = offset * sizeof(float);
            v->stride = stride;
        } else {
            MAE_TRY(mae_xnn_value_part(b, whole, offset, channels, &place));
            MAE_TRY(mae_xnn_copy_rows(b, part, place));
        }
        offset += channels;
    }
    b->unit->values[whole].compact = true;
    return NULL;
}

/* Blocks of the inner axes, one behind the other. */
static mae_error *join_dense(mae_xnn_build *b, const mae_node *node, int axis)
{
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    size_t outer = mae_xnn_span(y, 0, axis), stride = mae_xnn_span(y, axis, y->rank), offset = 0;
    int whole;

    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], MAE_XNN_DENSE, true, &whole));
    for (size_t i = 0; i < node->n_inputs; i++) {
        size_t block = mae_xnn_span(mae_xnn_shape(b, node->inputs[i]), axis, y->rank);
        mae_xnn_move move = {
            .n = 2, .dims = {outer, block}, .from = {block, 1}, .to = {stride, 1}, .to_offset = offset};
        int part;
        MAE_TRY(mae_xnn_value_get(b, node->inputs[i], MAE_XNN_DENSE, true, &part));
        MAE_TRY(mae_xnn_add_move(b, &move, part, whole));
        offset += block;
    }
    return NULL;
}

mae_error *mae_xnn_lower_concat(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    int64_t axis = mae_node_int(node, "axis", 1);
    bool last = false;

    axis += axis < 0 ? y->rank : 0;
    if (axis < 0 || axis >= y->rank)
        return mae_xnn_unsupported(b, "a concat along that axis");
    for (size_t i = 0; i < node->n_inputs; i++) {
        const mae_tensor *t = node->inputs[i] >= 0 ? mae_xnn_tensor(b, node->inputs[i]) : NULL;
        if (!t || t->shape.dtype != MAE_F32 || !t->is_static || t->bytes == 0 || t->shape.rank != y->rank)
            return mae_xnn_unsupported(b, "a concat of what is not f32, or empty");
        last = last || (!mae_xnn_is_flat(&t->shape) && mae_xnn_order_of(b, node->inputs[i]) == MAE_XNN_LAST);
    }
    return axis == 1 && last ? join_channels(b, node) : join_dense(b, node, (int)axis);
}

/* ---- DepthToSpace, SpaceToDepth ---- */

/* Both are a permutation of axes, of which those of the blocks are counted on their own. */
mae_error *mae_xnn_lower_depth(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    bool to_space = !strcmp(node->op, "DepthToSpace"), crd = !strcmp(mae_node_string(node, "mode", "DCR"), "CRD");
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    const mae_shape *deep = to_space ? x : y, *wide = to_space ? y : x;
    int64_t k = mae_node_int(node, "blocksize", 0);
    size_t from[MAE_MAX_RANK], to[MAE_MAX_RANK];
    int in, out;

    if (x->rank != 4 || y->rank != 4 || k < 1 || deep->dims[1] != wide->dims[1] * k * k ||
        wide->dims[2] != deep->dims[2] * k || wide->dims[3] != deep->dims[3] * k || x->dims[0] != y->dims[0])
        return mae_xnn_unsupported(b, "a block size that does not fit");
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_EITHER, false, &in));
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], mae_xnn_order_at(b, in), true, &out));
    strides_of(b, in, x, from);
    strides_of(b, out, y, to);
    size_t n = (size_t)k, c = (size_t)wide->dims[1], *d = to_space ? from : to, *w = to_space ? to : from;
    size_t row = d[1] * (crd ? n : c * n), column = d[1] * (crd ? 1 : c), channel = d[1] * (crd ? n * n : 1);
    const size_t deep_strides[6] = {d[0], channel, d[2], row, d[3], column};
    const size_t wide_strides[6] = {w[0], w[1], w[2] * n, w[2], w[3] * n, w[3]};
    mae_xnn_move move = {.n = 6, .dims = {(size_t)x->dims[0], c, (size_t)deep->dims[2], n, (size_t)deep->dims[3], n}};
    memcpy(move.from, to_space ? deep_strides : wide_strides, sizeof(deep_strides));
    memcpy(move.to, to_space ? wide_strides : deep_strides, sizeof(deep_strides));
    return mae_xnn_add_move(b, &move, in, out);
}
