/* Lowering: from a node, with the followers that fuse into it, to steps. */
#ifndef MAE_BACKENDS_ONEDNN_LOWER_H
#define MAE_BACKENDS_ONEDNN_LOWER_H

#include "backends/onednn/build.h"

/* Lowers one node, and marks the followers it took in as done. */
MAE_MUST_CHECK mae_error *mae_dnn_lower(mae_dnn_build *build, int node);

MAE_MUST_CHECK mae_error *mae_dnn_lower_conv(mae_dnn_build *build, int node);   /* Conv, ConvTranspose */
MAE_MUST_CHECK mae_error *mae_dnn_lower_matmul(mae_dnn_build *build, int node); /* MatMul, Gemm */
MAE_MUST_CHECK mae_error *mae_dnn_lower_pool(mae_dnn_build *build, int node);   /* MaxPool, AveragePool */
MAE_MUST_CHECK mae_error *mae_dnn_lower_global_pool(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_eltwise(mae_dnn_build *build, int node); /* one tensor in */
MAE_MUST_CHECK mae_error *mae_dnn_lower_binary(mae_dnn_build *build, int node);  /* two or more */
MAE_MUST_CHECK mae_error *mae_dnn_lower_prelu(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_batch_norm(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_layer_norm(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_lrn(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_softmax(mae_dnn_build *build, int node); /* Softmax, LogSoftmax */
MAE_MUST_CHECK mae_error *mae_dnn_lower_reduce(mae_dnn_build *build, int node);  /* Reduce* */
MAE_MUST_CHECK mae_error *mae_dnn_lower_resize(mae_dnn_build *build, int node);  /* Resize, Upsample */
MAE_MUST_CHECK mae_error *mae_dnn_lower_reshape(mae_dnn_build *build, int node); /* and all that only renames axes */
MAE_MUST_CHECK mae_error *mae_dnn_lower_dropout(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_transpose(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_concat(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_split(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_slice(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_gather(mae_dnn_build *build, int node);
MAE_MUST_CHECK mae_error *mae_dnn_lower_pad(mae_dnn_build *build, int node);

/* Does the node compute a function of one tensor that mae_dnn_lower_eltwise() can lower? */
bool mae_dnn_is_function(const mae_dnn_build *build, int node);

/* Normalises `from` over its axes from `axis` on; `factors` are tensors of scale and shift, or -1. */
MAE_MUST_CHECK mae_error *mae_dnn_layer_norm(mae_dnn_build *build, int from, int to, int64_t axis, float epsilon,
                                             const int factors[2]);
/* Is the ReduceMean `node` the first of a layer normalization over the last axis that is written out? Then lowers all
 * of it; *ret_done says so. */
MAE_MUST_CHECK mae_error *mae_dnn_lower_written_norm(mae_dnn_build *build, int node, bool *ret_done);

/* dst = first alg operand, where `first` and `dst` are values in row-major order and the operand is a tensor that may
 * be broadcast. `dst` belongs to a tensor. */
MAE_MUST_CHECK mae_error *mae_dnn_apply_operand(mae_dnn_build *build, dnnl_alg_kind_t alg, int first, int operand,
                                                int dst);

/* ---- Parameters of nodes: see core/operator.h ---- */

static inline bool mae_dnn_ints(const mae_node *node, const char *name, size_t n, int64_t otherwise,
                                int64_t *ret_values)
{
    return mae_node_ints(node, name, n, otherwise, ret_values);
}

static inline bool mae_dnn_int_list(const mae_dnn_build *build, const mae_node *node, size_t i, const char *name,
                                    int room, int64_t *ret_values, int *ret_n)
{
    return mae_node_int_list(build->graph, node, i, name, room, ret_values, ret_n);
}

static inline bool mae_dnn_number(const mae_dnn_build *build, const mae_node *node, size_t i, const char *name,
                                  double otherwise, double *ret_value)
{
    return mae_node_number(build->graph, node, i, name, otherwise, ret_value);
}

#endif
