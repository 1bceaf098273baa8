/* Tensors as planes, in blocks of channels where they lie so, and zeros around them. */
#include "backends/onednn/build.h"

size_t mae_dnn_whole_block(mae_dnn_build *b, int ndims, const dnnl_dim_t *dims)
{
    mae_dnn_layout blocked = mae_dnn_layout_blocked(b->pool, ndims, dims);
    mae_dnn_lie lie;

    if (!blocked || !mae_dnn_layout_lie(blocked, &lie) || lie.n_blocks != 1 || dims[1] % lie.blocks[0] != 0)
        return 1;
    return (size_t)lie.blocks[0];
}

mae_dnn_layout mae_dnn_layout_planes(mae_dnn_build *b, int ndims, const dnnl_dim_t *dims, size_t block)
{
    return block > 1 ? mae_dnn_layout_blocked(b->pool, ndims, dims) : mae_dnn_layout_plain(b->pool, ndims, dims);
}

mae_error *mae_dnn_value_planes(mae_dnn_build *b, int tensor, int *ret_value, size_t *ret_block)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims);
    size_t block = mae_dnn_whole_block(b, ndims, dims);
    mae_dnn_layout layout = mae_dnn_layout_planes(b, ndims, dims, block);

    if (!layout)
        return mae_error_nomem();
    *ret_block = block;
    return mae_dnn_value_as(b, tensor, layout, ret_value);
}

mae_error *mae_dnn_pad(mae_dnn_build *b, int from, int to, const dnnl_dim_t *pads)
{
    mae_dnn_lie in;
    dnnl_dims_t dims, offsets = {0, 0};
    int inner;

    if (!mae_dnn_layout_lie(mae_dnn_at(b, from)->layout, &in))
        return mae_dnn_unsupported(b, "oneDNN cannot describe the padding");
    for (int i = 0; i < in.ndims; i++) {
        dims[i] = in.dims[i];
        offsets[i] = i < 2 ? 0 : pads[i - 2];
    }
    MAE_TRY(mae_dnn_value_part(b, to, dims, offsets, &inner));
    MAE_TRY(mae_dnn_step_fill(b, to, 0.0f));
    return mae_dnn_reorder(b, from, inner);
}
