/* Concat: inputs are computed where they belong in the result, or else brought there. */
#include <string.h>

#include "backends/onednn/lower.h"

/* Are blocks of channels worth it? When at least half of what comes in lies so, and no block would be cut. */
static mae_dnn_layout choose_layout(mae_dnn_build *b, const mae_node *node, int axis)
{
    dnnl_dims_t dims, own;
    int ndims = mae_dnn_dims(b, node->outputs[0], dims);
    size_t in_blocks = 0, all = 0;
    mae_dnn_layout blocked = mae_dnn_layout_blocked(b->pool, ndims, dims);
    mae_dnn_lie lie;
    bool fits = blocked && axis == 1 && mae_dnn_layout_lie(blocked, &lie) && lie.n_blocks == 1;

    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i], head = b->heads[tensor];
        mae_dnn_dims(b, tensor, own);
        fits = fits && own[1] % lie.blocks[0] == 0;
        all += mae_dnn_tensor(b, tensor)->bytes;
        if (head >= 0 && !mae_dnn_is_dense(mae_dnn_at(b, head)->layout))
            in_blocks += mae_dnn_tensor(b, tensor)->bytes;
    }
    return fits && in_blocks >= all - in_blocks && in_blocks > 0 ? blocked : mae_dnn_layout_plain(b->pool, ndims, dims);
}

/* One input: its memory becomes a piece of the result's if it lies there in one piece, in the same order. */
static mae_error *place_input(mae_dnn_build *b, int tensor, int dst, const dnnl_dim_t *offsets)
{
    dnnl_dims_t dims;
    int native, view;
    size_t at;

    mae_dnn_dims(b, tensor, dims);
    MAE_TRY(mae_dnn_value_native(b, tensor, &native));
    mae_dnn_layout part = mae_dnn_layout_part(b->pool, mae_dnn_at(b, dst)->layout, dims, offsets);
    if (!part)
        return mae_dnn_unsupported(b, "oneDNN cannot describe the part");
    if (mae_dnn_lies_as(part, mae_dnn_at(b, native)->layout, &at) && mae_dnn_value_merge(b, native, dst, at))
        return NULL;
    MAE_TRY(mae_dnn_value_view(b, dst, part, 0, -1, &view));
    return mae_dnn_reorder(b, native, view);
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

    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
        return mae_dnn_unsupported(b, "a concatenation along that axis");
    MAE_TRY(check(b, node));
    if (node->n_inputs == 1)
        return mae_dnn_lower_reshape(b, index);
    mae_dnn_layout layout = choose_layout(b, node, (int)axis);
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_new(b, layout, node->outputs[0], &dst));
    for (size_t i = 0; i < node->n_inputs; i++) {
        MAE_TRY(place_input(b, node->inputs[i], dst, offsets));
        offsets[axis] += mae_dnn_tensor(b, node->inputs[i])->shape.dims[axis];
    }
    return NULL;
}
