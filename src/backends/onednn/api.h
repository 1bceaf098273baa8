/* What differs between the C APIs of oneDNN 2.x and 3.x, and nothing else.
 *
 * A layout is a memory descriptor that somebody else owns: a pool, or a primitive descriptor. In 2.x
 * descriptors are plain structs, in 3.x opaque handles; both are passed to the library by this type.
 */
#ifndef MAE_BACKENDS_ONEDNN_API_H
#define MAE_BACKENDS_ONEDNN_API_H

#include <stdbool.h>
#include <stddef.h>

#include <dnnl.h>
#include <dnnl_debug.h>
#include <dnnl_version.h>

#include "base/arena.h"
#include "base/error.h"
#include "mae/backend.h"

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t mae_dnn_layout;
#else
typedef const dnnl_memory_desc_t *mae_dnn_layout;
#endif

/* Owns layouts; freed all at once. */
typedef struct mae_dnn_pool {
    mae_arena *arena;
    struct mae_dnn_pooled *first; /* 3.x only: handles to give back */
} mae_dnn_pool;

MAE_MUST_CHECK mae_error *mae_dnn_pool_init(mae_dnn_pool *pool);
void mae_dnn_pool_finish(mae_dnn_pool *pool);

/* All f32. NULL when out of memory or when the descriptor is not possible. */
mae_dnn_layout mae_dnn_layout_plain(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims);
mae_dnn_layout mae_dnn_layout_strided(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims, const dnnl_dim_t *strides);
/* Channels (axis 1) in blocks as wide as this processor's vectors, for 3 to 5 axes; else NULL. */
mae_dnn_layout mae_dnn_layout_blocked(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims);
/* Channels last. */
mae_dnn_layout mae_dnn_layout_last(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims);
/* That layout in blocks, for tensors of 4 axes, as other backends know it. */
mae_layout mae_dnn_native_layout(void);
mae_dnn_layout mae_dnn_layout_any(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims);
mae_dnn_layout mae_dnn_layout_copy(mae_dnn_pool *pool, mae_dnn_layout layout);
mae_dnn_layout mae_dnn_layout_part(mae_dnn_pool *pool, mae_dnn_layout layout, const dnnl_dim_t *dims,
                                   const dnnl_dim_t *offsets);
/* Axis i of `layout` becomes axis permutation[i] of the result. */
mae_dnn_layout mae_dnn_layout_permute(mae_dnn_pool *pool, mae_dnn_layout layout, const int *permutation);

/* How a layout lies in memory. Without inner blocks, element x is at sum of x[i] * strides[i]. */
typedef struct mae_dnn_lie {
    int ndims;
    dnnl_dim_t dims[DNNL_MAX_NDIMS], padded[DNNL_MAX_NDIMS], strides[DNNL_MAX_NDIMS];
    dnnl_dim_t offset;
    int n_blocks;
    dnnl_dim_t blocks[DNNL_MAX_NDIMS], block_axes[DNNL_MAX_NDIMS];
} mae_dnn_lie;

/* False for a layout that is not a blocked one. */
bool mae_dnn_layout_lie(mae_dnn_layout layout, mae_dnn_lie *ret_lie);

/* ---- Attributes ---- */

dnnl_status_t mae_dnn_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha, float beta);
dnnl_status_t mae_dnn_append_sum(dnnl_post_ops_t ops);

/* ---- Primitive descriptors, all for forward inference in f32 ---- */

typedef struct mae_dnn_conv_desc {
    bool transposed;
    mae_dnn_layout src, weights, bias, dst;          /* bias may be NULL */
    dnnl_dims_t strides, dilates, pad_low, pad_high; /* dilates: 0 is dense */
} mae_dnn_conv_desc;

typedef struct mae_dnn_matmul_desc {
    mae_dnn_layout src, weights, bias, dst; /* bias NULL: none */
} mae_dnn_matmul_desc;

typedef struct mae_dnn_pool_desc {
    dnnl_alg_kind_t alg;
    mae_dnn_layout src, dst;
    dnnl_dims_t strides, kernel, dilates, pad_low, pad_high;
} mae_dnn_pool_desc;

/* Every function gives a primitive descriptor, or the library's refusal. */
dnnl_status_t mae_dnn_pd_conv(dnnl_engine_t engine, const mae_dnn_conv_desc *desc, const_dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *ret_pd);
/* What the library calls its implementation; "" where it does not say. Static. */
const char *mae_dnn_name_of(const_dnnl_primitive_desc_t pd);
/* Not the library's favourite but the one it would take `nth`, each of another name, of those that compute a
 * convolution (not a transposed one) by `algorithm`: dnnl_convolution_direct, which may be a product of matrices, too,
 * or dnnl_convolution_winograd. An error where there are fewer. */
dnnl_status_t mae_dnn_pd_conv_nth(dnnl_engine_t engine, const mae_dnn_conv_desc *desc, dnnl_alg_kind_t algorithm,
                                  int nth, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
/* The `nth` implementation, as above. Weights of any layout: they come as it wants them. */
dnnl_status_t mae_dnn_pd_matmul(dnnl_engine_t engine, const mae_dnn_matmul_desc *desc, int nth,
                                const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_pool(dnnl_engine_t engine, const mae_dnn_pool_desc *desc, const_dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_eltwise(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout layout, float alpha,
                                 float beta, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_binary(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout a, mae_dnn_layout b,
                                mae_dnn_layout dst, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_prelu(dnnl_engine_t engine, mae_dnn_layout src, mae_dnn_layout weights,
                               const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_softmax(dnnl_engine_t engine, bool logarithm, mae_dnn_layout layout, int axis,
                                 const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
/* Given mean and variance; scale and shift as two arguments. */
dnnl_status_t mae_dnn_pd_batch_norm(dnnl_engine_t engine, mae_dnn_layout layout, float epsilon,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
/* Over the last axis; scale and shift as two arguments, if any. */
dnnl_status_t mae_dnn_pd_layer_norm(dnnl_engine_t engine, mae_dnn_layout layout, float epsilon, bool scale, bool shift,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_lrn(dnnl_engine_t engine, mae_dnn_layout layout, int size, float alpha, float beta, float k,
                             const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_resampling(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout src, mae_dnn_layout dst,
                                    const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);
dnnl_status_t mae_dnn_pd_reduction(dnnl_engine_t engine, dnnl_alg_kind_t alg, mae_dnn_layout src, mae_dnn_layout dst,
                                   float p, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);

#endif
