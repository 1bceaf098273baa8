/* Concat: inputs are computed where they belong in the result, or else brought there. */
#include <string.h>

#include "backends/onednn/lower.h"

/* As at least half of what comes in lies: in blocks of channels, if none would be cut, or with channels last. */
static mae_dnn_layout choose_layout(mae_dnn_build *b, const mae_node *node, int axis)
{
    dnnl_dims_t dims, own;
    int ndims = mae_dnn_dims(b, node->outputs[0], dims);
    size_t in_blocks = 0, last = 0, all = 0;
    mae_dnn_layout blocked = mae_dnn_layout_blocked(b->pool, ndims, dims);
    mae_dnn_lie lie;
    bool fits = blocked && axis == 1 && mae_dnn_layout_lie(blocked, &lie) && lie.n_blocks == 1;

    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i], head = b->heads[tensor];
        mae_dnn_dims(b, tensor, own);
        fits = fits && own[1] % lie.blocks[0] == 0;
        all += mae_dnn_tensor(b, tensor)->bytes;
        if (head < 0 || mae_dnn_is_dense(mae_dnn_at(b, head)->layout))
            continue;
        *(mae_dnn_is_last(mae_dnn_at(b, head)->layout) ? &last : &in_blocks) += mae_dnn_tensor(b, tensor)->bytes;
    }
    if (fits && in_blocks >= last && in_blocks + last >= all - in_blocks - last && in_blocks > 0)
        return blocked;
    return last > all / 2 ? mae_dnn_layout_last(b->pool, ndims, dims) : mae_dnn_layout_plain(b->pool, ndims, dims);
}

/* An input as it lies; a constant in the order of the result, once and for all. */
static mae_error *value_of_input(mae_dnn_build *b, int tensor, int dst, int *ret_value)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims);

    if (!mae_dnn_is_weight(b, tensor) || !mae_dnn_is_last(mae_dnn_at(b, dst)->layout))
        return mae_dnn_value_native(b, tensor, ret_value);
    mae_dnn_layout last = mae_dnn_layout_last(b->pool, ndims, dims);
    return last ? mae_dnn_value_as(b, tensor, last, ret_value) : mae_error_nomem();
}

/* One input: its memory becomes a piece of the result's if it lies there in one piece, in the same order. */
static mae_error *place_input(mae_dnn_build *b, int tensor, int dst, const dnnl_dim_t *offsets)
{
    dnnl_dims_t dims;
    int native, view;
    size_t at;

    mae_dnn_dims(b, tensor, dims);
    MAE_TRY(value_of_input(b, tensor, dst, &native));
    mae_dnn_layout part = mae_dnn_layout_part(b->pool, mae_dnn_at(b, dst)->layout, dims, offsets);
    if (!part)
        return mae_dnn_unsupported(b, "oneDNN cannot describe the part");
    if (mae_dnn_lies_as(part, mae_dnn_at(b, native)->layout, &at) && mae_dnn_value_merge(b, native, dst, at))
        return NULL;
    MAE_TRY(mae_dnn_value_view(b, dst, part, 0, -1, &view));
    return mae_dnn_reorder(b, native, view);
}

/* How many of the inputs, from the first on, lie in one storage already just as in the result, from its start? */
static size_t lying(const mae_dnn_build *b, const mae_node *node, int axis, mae_dnn_layout layout, size_t *ret_bytes)
{
    dnnl_dims_t dims, offsets = {0};
    size_t i, at;

    *ret_bytes = 0;
    for (i = 0; i < node->n_inputs; i++) {
        int head = b->heads[node->inputs[i]], first = b->heads[node->inputs[0]];
        mae_dnn_dims(b, node->inputs[i], dims);
        mae_dnn_layout part = head < 0 ? NULL : mae_dnn_layout_part(b->pool, layout, dims, offsets);
        if (!part || mae_dnn_at(b, head)->storage != mae_dnn_at(b, first)->storage ||
            !mae_dnn_lies_as(part, mae_dnn_at(b, head)->layout, &at) || mae_dnn_at(b, head)->offset != at)
            break;
        *ret_bytes = at + mae_dnn_bytes(mae_dnn_at(b, head)->layout);
        offsets[axis] += dims[axis];
    }
    return i;
}

/* The result: where the first inputs lie, made larger, or new memory. A chain of concatenations, each of what there
 * was and something new, copies nothing then. *ret_n inputs are in their place. */
static mae_error *make_result(mae_dnn_build *b, const mae_node *node, int axis, mae_dnn_layout layout, int *ret_dst,
                              size_t *ret_n)
{
    size_t bytes, n = lying(b, node, axis, layout, &bytes);

    if (n > 0 && mae_dnn_value_widen(b, b->heads[node->inputs[0]], bytes, mae_dnn_bytes(layout))) {
        *ret_n = n;
        return mae_dnn_value_view(b, b->heads[node->inputs[0]], layout, 0, node->outputs[0], ret_dst);
    }
    *ret_n = 0;
    return mae_dnn_value_new(b, layout, node->outputs[0], ret_dst);
}

static mae_error *check(mae_dnn_build *b, const mae_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i];
        if (tensor < 0 || (mae_dnn_tensor(b, tensor)->is_constant && !mae_dnn_is_weight(b, tensor)))
            return mae_dnn_unsupported(b, "an operand is not f32, or empty");
    }
    return NULL;
}

mae_error *mae_dnn_lower_concat(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int rank = mae_dnn_tensor(b, node->outputs[0])->shape.rank, dst;
    int64_t axis = mae_node_int(node, "axis", 0);
    dnnl_dims_t offsets = {0};
    size_t in_place;

    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
        return mae_dnn_unsupported(b, "a concatenation along that axis");
    MAE_TRY(check(b, node));
    if (node->n_inputs == 1)
        return mae_dnn_lower_reshape(b, index);
    mae_dnn_layout layout = choose_layout(b, node, (int)axis);
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(make_result(b, node, (int)axis, layout, &dst, &in_place));
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (i >= in_place)
            MAE_TRY(place_input(b, node->inputs[i], dst, offsets));
        offsets[axis] += mae_dnn_tensor(b, node->inputs[i])->shape.dims[axis];
    }
    return NULL;
}
