/* Lowering: from a node, with the followers it takes in, to steps. */
#ifndef MAE_BACKENDS_OPENCL_LOWER_H
#define MAE_BACKENDS_OPENCL_LOWER_H

#include "backends/opencl/build.h"

/* Lowers one node, which is marked as done, and marks the followers it took in. */
MAE_MUST_CHECK mae_error *mae_cl_lower(mae_cl_build *build, int node);

MAE_MUST_CHECK mae_error *mae_cl_lower_conv(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_gemm(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_matmul(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_unary(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_binary(mae_cl_build *build, int node); /* one tensor or more */
MAE_MUST_CHECK mae_error *mae_cl_lower_batch_norm(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_pool(mae_cl_build *build, int node); /* global ones included */
MAE_MUST_CHECK mae_error *mae_cl_lower_softmax(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_reduce(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_reshape(mae_cl_build *build, int node); /* and all that only renames axes */
MAE_MUST_CHECK mae_error *mae_cl_lower_dropout(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_concat(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_transpose(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_slice(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_split(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_gather(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_resize(mae_cl_build *build, int node);
MAE_MUST_CHECK mae_error *mae_cl_lower_pad(mae_cl_build *build, int node);

/* ---- Parameters ---- */

/* A window that moves over one to three spatial axes, as three: the first ones are of one element. */
typedef struct mae_cl_window {
    int64_t in[3], out[3], size[3], stride[3], dilation[3], low[3], high[3];
    bool ceil;    /* it goes beyond the padding that is stated */
    bool outside; /* somewhere it lies in the padding alone */
} mae_cl_window;

/* Of a node from a tensor of shape `x` to one of `y`, whose window is of `size` or (NULL) what kernel_shape says. NULL,
 * or why it cannot be. */
const char *mae_cl_window_read(const mae_node *node, const mae_shape *x, const mae_shape *y, const int64_t *size,
                               mae_cl_window *ret_window);

/* An axis of -rank..rank-1 brought into 0..rank-1; false beyond. */
bool mae_cl_axis(int64_t axis, int rank, int *ret_axis);

#endif
