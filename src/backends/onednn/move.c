/* Operators that compute nothing: reshapes, Transpose, Split, Slice, Gather. */
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/lower.h"

/* Dropout does nothing, unless it is told to train and to leave something out. */
mae_error *mae_dnn_lower_dropout(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int training = mae_dnn_node_input(node, 2);
    double ratio;

    if (training >= 0 && (!mae_dnn_number(b, node, 1, "ratio", 0.5, &ratio) || ratio != 0.0)) {
        const mae_tensor *t = mae_dnn_tensor(b, training);
        if (!t->is_constant || t->bytes != 1 || !t->data || *(const unsigned char *)t->data != 0)
            return mae_dnn_unsupported(b, "a dropout that trains");
    }
    return mae_dnn_lower_reshape(b, index);
}

mae_error *mae_dnn_lower_reshape(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    dnnl_dims_t dims;
    int out = node->outputs[0], ndims = mae_dnn_dims(b, out, dims), dense, view;

    for (size_t i = 1; i < node->n_outputs; i++) /* Dropout's mask */
        if (node->outputs[i] >= 0 && mae_dnn_needed(b, node->outputs[i], NULL, 0))
            return mae_dnn_unsupported(b, "a second output");
    if (mae_dnn_tensor(b, node->inputs[0])->bytes != mae_dnn_tensor(b, out)->bytes)
        return mae_dnn_unsupported(b, "the shapes do not fit");
    MAE_TRY(mae_dnn_value_native(b, node->inputs[0], &view));
    if (mae_dnn_same_shape(b, node->inputs[0], out))
        return mae_dnn_value_view(b, view, mae_dnn_at(b, view)->layout, 0, out, &dense);
    MAE_TRY(mae_dnn_value_dense(b, node->inputs[0], &dense));
    return mae_dnn_value_view(b, dense, mae_dnn_layout_plain(b->pool, ndims, dims), 0, out, &view);
}

/* New memory in row-major order for an output. */
static mae_error *new_dense(mae_dnn_build *b, int tensor, int *ret_value)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims);
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, ndims, dims);

    return plain ? mae_dnn_value_new(b, plain, tensor, ret_value) : mae_error_nomem();
}

/* Nothing else lies between the elements of a layout with channels last. */
static bool is_gapless(mae_dnn_build *b, mae_dnn_layout layout)
{
    mae_dnn_lie lie;
    size_t offset;

    if (!mae_dnn_is_last(layout) || !mae_dnn_layout_lie(layout, &lie))
        return false;
    mae_dnn_layout last = mae_dnn_layout_last(b->pool, lie.ndims, lie.dims);
    return last && mae_dnn_lies_as(layout, last, &offset) && offset == 0;
}

mae_error *mae_dnn_lower_transpose(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int rank = mae_dnn_tensor(b, node->inputs[0])->shape.rank, to[MAE_MAX_RANK], src, view, dst;
    int64_t from[MAE_MAX_RANK];
    dnnl_dims_t dims;

    if (rank < 2)
        return mae_dnn_lower_reshape(b, index);
    if (mae_node_attr(node, "perm") && !mae_dnn_ints(node, "perm", (size_t)rank, 0, from))
        return mae_dnn_unsupported(b, "a permutation of another rank");
    for (int i = 0; i < rank; i++) {
        int64_t axis = mae_node_attr(node, "perm") ? from[i] : rank - 1 - i;
        if (axis < 0 || axis >= rank)
            return mae_dnn_unsupported(b, "a permutation of another rank");
        to[axis] = i;
    }
    MAE_TRY(mae_dnn_value_native(b, node->inputs[0], &src));
    mae_dnn_layout layout = mae_dnn_layout_permute(b->pool, mae_dnn_at(b, src)->layout, to);
    if (!layout)
        return mae_dnn_unsupported(b, "oneDNN cannot describe the permutation");
    int ndims = mae_dnn_dims(b, node->outputs[0], dims);
    if (mae_dnn_is_dense(layout)) /* only axes of one element moved */
        return mae_dnn_value_view(b, src, mae_dnn_layout_plain(b->pool, ndims, dims), 0, node->outputs[0], &view);
    if (is_gapless(b, layout)) /* whoever reads it may take it as it lies */
        return mae_dnn_value_view(b, src, layout, 0, node->outputs[0], &view);
    MAE_TRY(mae_dnn_value_view(b, src, layout, 0, -1, &view));
    MAE_TRY(new_dense(b, node->outputs[0], &dst));
    return mae_dnn_reorder(b, view, dst);
}

/* A part of a value in one piece, in the same order as the whole: seen where it is. */
static mae_error *see_part(mae_dnn_build *b, int src, mae_dnn_layout part, int ndims, const dnnl_dim_t *dims,
                           int *ret_view)
{
    bool dense = mae_dnn_is_dense(mae_dnn_at(b, src)->layout);
    mae_dnn_layout wanted = (dense ? mae_dnn_layout_plain : mae_dnn_layout_blocked)(b->pool, ndims, dims);
    size_t offset;

    if (!wanted || !mae_dnn_lies_as(part, wanted, &offset))
        return NULL;
    return mae_dnn_value_view(b, src, wanted, offset, -1, ret_view);
}

/* Does a part with these dimensions end inside of a block? The library can describe that, but copies it element by
 * element. */
static bool cuts_block(mae_dnn_layout whole, const dnnl_dim_t *dims)
{
    mae_dnn_lie lie;

    if (!mae_dnn_layout_lie(whole, &lie))
        return true;
    for (int i = 0; i < lie.n_blocks; i++) {
        dnnl_dim_t axis = lie.block_axes[i];
        if (dims[axis] != lie.dims[axis] && dims[axis] % lie.blocks[i] != 0)
            return true;
    }
    return false;
}

/* One part of a tensor, with these dimensions, as a value of `to`: no copy where it lies in one piece. */
static mae_error *take_part(mae_dnn_build *b, int from, const dnnl_dim_t *offsets, const dnnl_dim_t *dims, int to)
{
    dnnl_dims_t whole, own;
    int ndims = mae_dnn_dims(b, from, whole), own_ndims = mae_dnn_dims(b, to, own), src, view = -1, dense;

    MAE_TRY(mae_dnn_value_native(b, from, &src));
    mae_dnn_layout part = cuts_block(mae_dnn_at(b, src)->layout, dims)
                              ? NULL
                              : mae_dnn_layout_part(b->pool, mae_dnn_at(b, src)->layout, dims, offsets);
    if (!part) { /* a block would be cut */
        MAE_TRY(mae_dnn_value_dense(b, from, &src));
        part = mae_dnn_layout_part(b->pool, mae_dnn_at(b, src)->layout, dims, offsets);
    }
    if (!part)
        return mae_dnn_unsupported(b, "oneDNN cannot describe the part");
    MAE_TRY(see_part(b, src, part, ndims, dims, &view));
    bool same = ndims == own_ndims && !memcmp(dims, own, (size_t)ndims * sizeof(*dims));
    if (view >= 0 && (same || mae_dnn_is_dense(mae_dnn_at(b, view)->layout)))
        return mae_dnn_value_view(
            b, view, same ? mae_dnn_at(b, view)->layout : mae_dnn_layout_plain(b->pool, own_ndims, own), 0, to, &dense);
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, ndims, dims);
    if (!plain)
        return mae_error_nomem();
    MAE_TRY(new_dense(b, to, &dense));
    MAE_TRY(mae_dnn_value_view(b, src, part, 0, -1, &src));
    MAE_TRY(mae_dnn_value_view(b, dense, plain, 0, -1, &view));
    return mae_dnn_reorder(b, src, view);
}

mae_error *mae_dnn_lower_split(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    int64_t axis = mae_node_int(node, "axis", 0);
    dnnl_dims_t offsets = {0}, dims;

    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank)
        return mae_dnn_unsupported(b, "a split along that axis");
    for (size_t i = 0; i < node->n_outputs; i++) { /* the parts' sizes are those of the outputs */
        if (node->outputs[i] < 0)
            return mae_dnn_unsupported(b, "a split with an output left out");
        mae_dnn_dims(b, node->outputs[i], dims);
        MAE_TRY(take_part(b, node->inputs[0], offsets, dims, node->outputs[i]));
        offsets[axis] += mae_dnn_tensor(b, node->outputs[i])->shape.dims[axis];
    }
    return offsets[axis] == x->dims[axis] ? NULL : mae_dnn_unsupported(b, "the parts of a split do not fit");
}

/* Every so manieth element along each axis. */
static mae_error *take_steps(mae_dnn_build *b, int from, const dnnl_dim_t *offsets, const int64_t *steps, int to)
{
    dnnl_dims_t whole, dims, strides;
    dnnl_dim_t stride = 1, offset = 0;
    int src, view, dst, rank = mae_dnn_dims(b, from, whole);

    mae_dnn_dims(b, to, dims);
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride * steps[i];
        offset += stride * offsets[i];
        stride *= whole[i];
    }
    mae_dnn_layout part = mae_dnn_layout_strided(b->pool, rank, dims, strides);
    if (!part)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_dense(b, from, &src));
    MAE_TRY(mae_dnn_value_view(b, src, part, (size_t)offset * sizeof(float), -1, &view));
    MAE_TRY(new_dense(b, to, &dst));
    return mae_dnn_reorder(b, view, dst);
}

mae_error *mae_dnn_lower_slice(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *y = &mae_dnn_tensor(b, node->outputs[0])->shape;
    int64_t starts[MAE_MAX_RANK], axes[MAE_MAX_RANK], steps[MAE_MAX_RANK], step_of[MAE_MAX_RANK];
    int n, n_axes, n_steps;
    bool stepped = false;
    dnnl_dims_t offsets = {0}, dims;

    if (!mae_dnn_int_list(b, node, 1, "starts", MAE_MAX_RANK, starts, &n) ||
        !mae_dnn_int_list(b, node, 3, "axes", MAE_MAX_RANK, axes, &n_axes) ||
        !mae_dnn_int_list(b, node, 4, "steps", MAE_MAX_RANK, steps, &n_steps) || n < 0 || n > x->rank ||
        (n_axes >= 0 && n_axes != n) || (n_steps >= 0 && n_steps != n))
        return mae_dnn_unsupported(b, "a slice that is not constant");
    for (int i = 0; i < x->rank; i++)
        step_of[i] = 1;
    for (int i = 0; i < n; i++) {
        int64_t axis = n_axes >= 0 ? axes[i] : i, start = starts[i];
        axis += axis < 0 ? x->rank : 0;
        if (axis < 0 || axis >= x->rank || (n_steps >= 0 && steps[i] < 1))
            return mae_dnn_unsupported(b, "a slice that runs backwards");
        step_of[axis] = n_steps >= 0 ? steps[i] : 1;
        stepped = stepped || step_of[axis] > 1;
        start += start < 0 ? x->dims[axis] : 0;
        offsets[axis] = start < 0 ? 0 : start;
    }
    for (int i = 0; i < x->rank; i++)
        if (offsets[i] + (y->dims[i] - 1) * step_of[i] >= x->dims[i])
            return mae_dnn_unsupported(b, "the slice's shape does not fit");
    if (stepped)
        return take_steps(b, node->inputs[0], offsets, step_of, node->outputs[0]);
    mae_dnn_dims(b, node->outputs[0], dims);
    return take_part(b, node->inputs[0], offsets, dims, node->outputs[0]);
}

/* By one constant index, or by a run of them: a slice, without its axis if the index is a scalar. */
mae_error *mae_dnn_lower_gather(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    const mae_tensor *indices = mae_dnn_tensor(b, node->inputs[1]);
    int64_t axis = mae_node_int(node, "axis", 0), which[64];
    dnnl_dims_t offsets = {0}, dims;
    int n;

    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank || indices->shape.rank > 1 || !mae_dnn_int_list(b, node, 1, "", 64, which, &n) ||
        n < 1)
        return mae_dnn_unsupported(b, "a gather that is not a constant slice");
    for (int i = 0; i < n; i++) {
        which[i] += which[i] < 0 ? x->dims[axis] : 0;
        if (which[i] < 0 || which[i] >= x->dims[axis] || which[i] != which[0] + i)
            return mae_dnn_unsupported(b, "a gather that is not a constant slice");
    }
    mae_dnn_dims(b, node->inputs[0], dims);
    dims[axis] = n;
    offsets[axis] = which[0];
    return take_part(b, node->inputs[0], offsets, dims, node->outputs[0]);
}
