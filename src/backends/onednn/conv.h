/* A convolution being lowered: what conv.c and tiled.c share. */
#ifndef MAE_BACKENDS_ONEDNN_CONV_H
#define MAE_BACKENDS_ONEDNN_CONV_H

#include "backends/onednn/chain.h"

/* A convolution as oneDNN sees it. */
typedef struct mae_dnn_conv {
    mae_dnn_build *b;
    const mae_node *node;
    int src, weights, bias, dst; /* tensors; bias may be -1 */
    bool transposed, constant;   /* constant: weights and bias, so that factors can be folded */
    int64_t groups, channels;    /* channels of the result */
    int ndims, weight_ndims;
    dnnl_dims_t src_dims, weight_dims, dst_dims;
    int padded; /* value of the source with its padding, if that does not stay with the convolution; else -1 */
    mae_dnn_layout weight_layout; /* how the model's weights lie */
    mae_dnn_conv_desc desc;
} mae_dnn_conv;

/* The model's bias with what has been folded, one number per channel of the result; NULL when out of memory. */
float *mae_dnn_conv_bias(const mae_dnn_conv *conv, const mae_dnn_chain *chain);
/* Multiplies each output channel's weights by its factor. */
void mae_dnn_conv_scale(const mae_dnn_conv *conv, const double *scale, float *weights);

/* Replaces `*pd`, the library's favourite for the fused chain, by whichever of its implementations is fastest here:
 * they are run on numbers made for it, and timed, each once in the process. What the tensors' other layouts would cost
 * is counted in; what is less exact than a sum in another order can be is left out. */
MAE_MUST_CHECK mae_error *mae_dnn_conv_choose(mae_dnn_conv *conv, const mae_dnn_chain *chain,
                                              dnnl_primitive_desc_t *pd);

/* A transposed convolution whose windows touch but do not overlap is a matrix product whose results only have to
 * be put in order. Far faster than what the library does for it. */
bool mae_dnn_conv_is_tiled(const mae_dnn_conv *conv);
MAE_MUST_CHECK mae_error *mae_dnn_lower_tiled(mae_dnn_conv *conv, mae_dnn_chain *chain);

#endif
