/* Tensors as planes: what kernels go over. */
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

mae_error *mae_dnn_pad(mae_dnn_build *b, int from, int to, size_t block, const dnnl_dim_t *pads)
{
    const int values[] = {from, to};
    mae_dnn_lie in, out;

    if (!mae_dnn_layout_lie(mae_dnn_at(b, from)->layout, &in) || !mae_dnn_layout_lie(mae_dnn_at(b, to)->layout, &out))
        return mae_dnn_unsupported(b, "oneDNN cannot describe the padding");
    bool flat = in.ndims == 3;
    const mae_dnn_planes planes = {.planes = (size_t)(in.dims[0] * in.dims[1]) / block,
                                   .block = block,
                                   .in_height = flat ? 1 : (int)in.dims[2],
                                   .in_width = (int)in.dims[in.ndims - 1],
                                   .out_height = flat ? 1 : (int)out.dims[2],
                                   .out_width = (int)out.dims[in.ndims - 1],
                                   .pads = {flat ? 0 : (int)pads[0], (int)pads[flat ? 0 : 1]}};
    return mae_dnn_step_kernel(b, mae_dnn_kernel_pad, &planes, sizeof(planes), values, 2,
                               mae_dnn_bytes(mae_dnn_at(b, to)->layout) / sizeof(float));
}
