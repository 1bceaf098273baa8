/* A product of matrices being lowered. */
#ifndef MAE_BACKENDS_ONEDNN_PRODUCT_H
#define MAE_BACKENDS_ONEDNN_PRODUCT_H

#include "backends/onednn/chain.h"

/* A product as oneDNN sees it: batches broadcast, the last two axes multiplied. */
typedef struct mae_dnn_product {
    mae_dnn_build *b;
    int src, weights, bias, dst; /* tensors; bias -1: none */
    double alpha, beta;          /* alpha * src * weights + beta * bias */
    bool transposed_src, transposed_weights;
    bool constant; /* weights of two dimensions, so that factors can be folded */
    int ndims;
    dnnl_dims_t src_dims, weight_dims, dst_dims;
    mae_dnn_layout given_layout; /* how the model's weights lie */
    mae_dnn_layout src_layout, weight_layout, bias_layout, dst_layout;
    int nth; /* of the library's implementations */
} mae_dnn_product;

/* A mae_dnn_create_fn for a product. */
dnnl_status_t mae_dnn_product_create(void *product, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);

/* Replaces *pd by the implementation, and the layout of constant weights, that is fastest here. */
MAE_MUST_CHECK mae_error *mae_dnn_product_choose(mae_dnn_product *product, const mae_dnn_chain *chain,
                                                 dnnl_primitive_desc_t *pd);

#endif
