/* Lowering: from a node, with the followers that fuse into it, to steps. */
#ifndef MAE_BACKENDS_XNNPACK_LOWER_H
#define MAE_BACKENDS_XNNPACK_LOWER_H

#include "backends/xnnpack/build.h"

/* Lowers one node, and marks the followers it took in as done. */
MAE_MUST_CHECK mae_error *mae_xnn_lower(mae_xnn_build *build, int node);

MAE_MUST_CHECK mae_error *mae_xnn_lower_conv(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_deconv(mae_xnn_build *build, int node);  /* ConvTranspose */
MAE_MUST_CHECK mae_error *mae_xnn_lower_product(mae_xnn_build *build, int node); /* MatMul, Gemm */
MAE_MUST_CHECK mae_error *mae_xnn_lower_pool(mae_xnn_build *build, int node);    /* MaxPool, AveragePool */
MAE_MUST_CHECK mae_error *mae_xnn_lower_global_pool(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_mean(mae_xnn_build *build, int node);  /* ReduceMean */
MAE_MUST_CHECK mae_error *mae_xnn_lower_unary(mae_xnn_build *build, int node); /* one tensor in */
MAE_MUST_CHECK mae_error *mae_xnn_lower_clamp(mae_xnn_build *build, int node); /* Relu, Clip */
MAE_MUST_CHECK mae_error *mae_xnn_lower_linear(mae_xnn_build *build,
                                               int node); /* HardSigmoid, Tanh: by several steps */
MAE_MUST_CHECK mae_error *mae_xnn_lower_softmax(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_prelu(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_binary(mae_xnn_build *build, int node); /* two or more */
MAE_MUST_CHECK mae_error *mae_xnn_lower_batch_norm(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_resize(mae_xnn_build *build, int node);  /* Resize, Upsample */
MAE_MUST_CHECK mae_error *mae_xnn_lower_reshape(mae_xnn_build *build, int node); /* and all that only renames axes */
MAE_MUST_CHECK mae_error *mae_xnn_lower_dropout(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_transpose(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_depth(mae_xnn_build *build, int node); /* DepthToSpace, SpaceToDepth */
MAE_MUST_CHECK mae_error *mae_xnn_lower_concat(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_split(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_slice(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_gather(mae_xnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_xnn_lower_pad(mae_xnn_build *build, int node);

/* ---- Followers ---- */

/* What follows an operator and is computed by it: factors folded into its weights, then one clamp. */
typedef struct mae_xnn_tail {
    int out; /* the tensor yielded */
    float low, high;
    mae_affine affine; /* n 0: nothing is folded */
} mae_xnn_tail;

/* Takes in what follows the tensor `out` inside of its layer. With `axis` >= 0 constants along that axis of so many
 * channels are folded. */
MAE_MUST_CHECK mae_error *mae_xnn_tail_grow(mae_xnn_build *build, int out, int axis, int64_t channels,
                                            mae_xnn_tail *ret_tail);

/* Is the node a clamp by constants that XNNPACK can do? */
bool mae_xnn_is_clamp(const mae_xnn_build *build, int node, float *ret_low, float *ret_high);

/* The bias of `n` channels, zeros if it is left out (-1), with the factors; NULL in a trial. */
MAE_MUST_CHECK mae_error *mae_xnn_pack_bias(mae_xnn_build *build, int bias, size_t n, const mae_affine *affine,
                                            float **ret_bias);

/* ---- Parts that others use ---- */

typedef enum mae_xnn_arithmetic {
    MAE_XNN_ADD,
    MAE_XNN_SUB,
    MAE_XNN_MUL,
    MAE_XNN_DIV,
    MAE_XNN_MAX,
    MAE_XNN_MIN
} mae_xnn_arithmetic;

/* out = in[0] op in[1], as tensors of so many dimensions, broadcast; everything is compact. */
MAE_MUST_CHECK mae_error *mae_xnn_add_arithmetic(mae_xnn_build *build, mae_xnn_arithmetic op, const int in[2],
                                                 const size_t *dims[2], const int n_dims[2], int out, float low,
                                                 float high);
/* out = scale * in + shift with clamping: factors per channel, `n` of them, given away (NULL in a trial). */
MAE_MUST_CHECK mae_error *mae_xnn_add_affine(mae_xnn_build *build, int in, int out, float *scale, float *shift,
                                             float low, float high);

#endif
