/* Attributes and primitive descriptors, for oneDNN 2.x and 3.x. */
#include "backends/onednn/api.h"

#include <string.h>

#define NORM_FLAGS (dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift)

static unsigned layer_norm_flags(bool scale, bool shift)
{
    return (scale ? (unsigned)dnnl_use_scale : 0U) | (shift ? (unsigned)dnnl_use_shift : 0U);
}

const char *mae_dnn_name_of(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name) == dnnl_success && name ? name
                                                                                                             : "";
}

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t mae_dnn_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, alg, alpha, beta);
}

dnnl_status_t mae_dnn_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
}

dnnl_status_t mae_dnn_pd_conv(dnnl_engine_t engine, const mae_dnn_conv_desc *d, const_dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *ret_pd)
{
    if (d->transposed)
        return dnnl_deconvolution_forward_primitive_desc_create(
            ret_pd, engine, dnnl_forward_inference, dnnl_deconvolution_direct, d->src, d->weights, d->bias, d->dst,
            d->strides, d->dilates, d->pad_low, d->pad_high, attr);
    return dnnl_convolution_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference,
                                                          dnnl_convolution_direct, d->src, d->weights, d->bias, d->dst,
                                                          d->strides, d->dilates, d->pad_low, d->pad_high, attr);
}

/* The nth implementation, from the first one, which was made with `status`. */
static dnnl_status_t advance(dnnl_status_t status, dnnl_primitive_desc_t pd, int nth, dnnl_primitive_desc_t *ret_pd)
{
    if (status != dnnl_success)
        return status;
    for (int i = 0; i < nth && status == dnnl_success; i++) {
        const char *before = mae_dnn_name_of(pd);
        do
            status = dnnl_primitive_desc_next_impl(pd);
        while (status == dnnl_success && !strcmp(mae_dnn_name_of(pd), before));
    }
    if (status == dnnl_success)
        *ret_pd = pd;
    else
        dnnl_primitive_desc_destroy(pd);
    return status;
}

dnnl_status_t mae_dnn_pd_conv_nth(dnnl_engine_t engine, const mae_dnn_conv_desc *d, dnnl_alg_kind_t algorithm, int nth,
                                  const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        &pd, engine, dnnl_forward_inference, algorithm, d->src, d->weights, d->bias, d->dst, d->strides, d->dilates,
        d->pad_low, d->pad_high, attr);
    return advance(status, pd, nth, ret_pd);
}

dnnl_status_t mae_dnn_pd_matmul(dnnl_engine_t engine, const mae_dnn_matmul_desc *d, int nth,
                                const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnnl_matmul_primitive_desc_create(&pd, engine, d->src, d->weights, d->bias, d->dst, attr);
    return advance(status, pd, nth, ret_pd);
}

dnnl_status_t mae_dnn_pd_pool(dnnl_engine_t engine, const mae_dnn_pool_desc *d, const_dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_pooling_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, d->alg, d->src, d->dst,
                                                      d->strides, d->kernel, d->dilates, d->pad_low, d->pad_high, attr);
}

dnnl_status_t mae_dnn_pd_eltwise(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout layout, float alpha,
                                 float beta, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_eltwise_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, alg, layout, layout,
                                                      alpha, beta, attr);
}

dnnl_status_t mae_dnn_pd_binary(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout a, mae_dnn_layout b,
                                mae_dnn_layout dst, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_binary_primitive_desc_create(ret_pd, engine, alg, a, b, dst, attr);
}

dnnl_status_t mae_dnn_pd_prelu(dnnl_engine_t engine, mae_dnn_layout src, mae_dnn_layout weights,
                               const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_prelu_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, src, weights, src, attr);
}

dnnl_status_t mae_dnn_pd_softmax(dnnl_engine_t engine, bool logarithm, mae_dnn_layout layout, int axis,
                                 const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_alg_kind_t alg = logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
    return dnnl_softmax_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, alg, layout, layout, axis,
                                                      attr);
}

dnnl_status_t mae_dnn_pd_batch_norm(dnnl_engine_t engine, mae_dnn_layout layout, float epsilon,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_batch_normalization_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, layout,
                                                                  layout, epsilon, NORM_FLAGS, attr);
}

dnnl_status_t mae_dnn_pd_layer_norm(dnnl_engine_t engine, mae_dnn_layout layout, float epsilon, bool scale, bool shift,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_layer_normalization_forward_primitive_desc_create(
        ret_pd, engine, dnnl_forward_inference, layout, layout, NULL, epsilon, layer_norm_flags(scale, shift), attr);
}

dnnl_status_t mae_dnn_pd_lrn(dnnl_engine_t engine, mae_dnn_layout layout, int size, float alpha, float beta, float k,
                             const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_lrn_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, dnnl_lrn_across_channels,
                                                  layout, layout, size, alpha, beta, k, attr);
}

dnnl_status_t mae_dnn_pd_resampling(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout src, mae_dnn_layout dst,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_resampling_forward_primitive_desc_create(ret_pd, engine, dnnl_forward_inference, alg, NULL, src, dst,
                                                         attr);
}

dnnl_status_t mae_dnn_pd_reduction(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout src, mae_dnn_layout dst,
                                   float p, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return dnnl_reduction_primitive_desc_create(ret_pd, engine, alg, src, dst, p, 0.0f, attr);
}

#else

dnnl_status_t mae_dnn_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0f, alg, alpha, beta);
}

dnnl_status_t mae_dnn_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f);
}

/* From the description of an operation, if there is one, to a primitive descriptor. */
static dnnl_status_t create(dnnl_status_t status, const void *op, dnnl_engine_t engine,
                            const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    return status == dnnl_success ? dnnl_primitive_desc_create(ret_pd, op, attr, engine, NULL) : status;
}

dnnl_status_t mae_dnn_pd_conv(dnnl_engine_t engine, const mae_dnn_conv_desc *d, const_dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *ret_pd)
{
    dnnl_status_t status;

    if (d->transposed) {
        dnnl_deconvolution_desc_t deconv;
        status = dnnl_dilated_deconvolution_forward_desc_init(&deconv, dnnl_forward_inference,
                                                              dnnl_deconvolution_direct, d->src, d->weights, d->bias,
                                                              d->dst, d->strides, d->dilates, d->pad_low, d->pad_high);
        return create(status, &deconv, engine, attr, ret_pd);
    }
    dnnl_convolution_desc_t conv;
    status = dnnl_dilated_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct, d->src,
                                                        d->weights, d->bias, d->dst, d->strides, d->dilates, d->pad_low,
                                                        d->pad_high);
    return create(status, &conv, engine, attr, ret_pd);
}

/* Goes on to the next implementation that is called something else. The library's iterator may come by the same one
 * several times: what its cache of primitives holds for one place of the iteration does not count as a step there. */
static dnnl_status_t next_other(dnnl_primitive_desc_iterator_t iterator, const char *name)
{
    dnnl_status_t status;
    bool same = true;

    while (same && (status = dnnl_primitive_desc_iterator_next(iterator)) == dnnl_success) {
        dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch(iterator);
        if (!pd)
            return dnnl_out_of_memory;
        same = !strcmp(mae_dnn_name_of(pd), name);
        dnnl_primitive_desc_destroy(pd);
    }
    return same ? status : dnnl_success;
}

/* The nth implementation of an operation that was described with `status`. */
static dnnl_status_t create_nth(dnnl_status_t status, const_dnnl_op_desc_t op, dnnl_engine_t engine, int nth,
                                const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_primitive_desc_iterator_t iterator;

    if (status == dnnl_success)
        status = dnnl_primitive_desc_iterator_create(&iterator, op, attr, engine, NULL);
    if (status != dnnl_success)
        return status;
    dnnl_primitive_desc_t pd = NULL;
    for (int i = 0; status == dnnl_success; i++) {
        pd = dnnl_primitive_desc_iterator_fetch(iterator);
        if (!pd || i == nth)
            break;
        status = next_other(iterator, mae_dnn_name_of(pd));
        dnnl_primitive_desc_destroy(pd);
        pd = NULL;
    }
    dnnl_primitive_desc_iterator_destroy(iterator);
    if (status != dnnl_success)
        return status;
    *ret_pd = pd;
    return pd ? dnnl_success : dnnl_out_of_memory;
}

dnnl_status_t mae_dnn_pd_conv_nth(dnnl_engine_t engine, const mae_dnn_conv_desc *d, dnnl_alg_kind_t algorithm, int nth,
                                  const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_convolution_desc_t op;
    dnnl_status_t status =
        dnnl_dilated_convolution_forward_desc_init(&op, dnnl_forward_inference, algorithm, d->src, d->weights, d->bias,
                                                   d->dst, d->strides, d->dilates, d->pad_low, d->pad_high);
    return create_nth(status, &op, engine, nth, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_matmul(dnnl_engine_t engine, const mae_dnn_matmul_desc *d, int nth,
                                const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_matmul_desc_t op;
    dnnl_status_t status = dnnl_matmul_desc_init(&op, d->src, d->weights, d->bias, d->dst);
    return create_nth(status, &op, engine, nth, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_pool(dnnl_engine_t engine, const mae_dnn_pool_desc *d, const_dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *ret_pd)
{
    dnnl_pooling_v2_desc_t op;
    dnnl_status_t status =
        dnnl_pooling_v2_forward_desc_init(&op, dnnl_forward_inference, d->alg, d->src, d->dst, d->strides, d->kernel,
                                          d->dilates, d->pad_low, d->pad_high);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_eltwise(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout layout, float alpha,
                                 float beta, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_eltwise_desc_t op;
    dnnl_status_t status = dnnl_eltwise_forward_desc_init(&op, dnnl_forward_inference, alg, layout, alpha, beta);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_binary(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout a, mae_dnn_layout b,
                                mae_dnn_layout dst, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_binary_desc_t op;
    dnnl_status_t status = dnnl_binary_desc_init(&op, alg, a, b, dst);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_prelu(dnnl_engine_t engine, mae_dnn_layout src, mae_dnn_layout weights,
                               const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_prelu_desc_t op;
    dnnl_status_t status = dnnl_prelu_forward_desc_init(&op, dnnl_forward_inference, src, weights);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_softmax(dnnl_engine_t engine, bool logarithm, mae_dnn_layout layout, int axis,
                                 const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_softmax_v2_desc_t op;
    dnnl_alg_kind_t alg = logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
    dnnl_status_t status = dnnl_softmax_v2_forward_desc_init(&op, dnnl_forward_inference, alg, layout, layout, axis);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_batch_norm(dnnl_engine_t engine, mae_dnn_layout layout, float epsilon,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_batch_normalization_desc_t op;
    dnnl_status_t status =
        dnnl_batch_normalization_forward_desc_init(&op, dnnl_forward_inference, layout, epsilon, NORM_FLAGS);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_layer_norm(dnnl_engine_t engine, mae_dnn_layout layout, float epsilon, bool scale, bool shift,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_layer_normalization_desc_t op;
    dnnl_status_t status = dnnl_layer_normalization_forward_desc_init(&op, dnnl_forward_inference, layout, NULL,
                                                                      epsilon, layer_norm_flags(scale, shift));
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_lrn(dnnl_engine_t engine, mae_dnn_layout layout, int size, float alpha, float beta, float k,
                             const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_lrn_desc_t op;
    dnnl_status_t status =
        dnnl_lrn_forward_desc_init(&op, dnnl_forward_inference, dnnl_lrn_across_channels, layout, size, alpha, beta, k);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_resampling(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout src, mae_dnn_layout dst,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_resampling_desc_t op;
    dnnl_status_t status = dnnl_resampling_forward_desc_init(&op, dnnl_forward_inference, alg, NULL, src, dst);
    return create(status, &op, engine, attr, ret_pd);
}

dnnl_status_t mae_dnn_pd_reduction(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout src, mae_dnn_layout dst,
                                   float p, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_reduction_desc_t op;
    dnnl_status_t status = dnnl_reduction_desc_init(&op, alg, src, dst, p, 0.0f);
    return create(status, &op, engine, attr, ret_pd);
}

#endif
