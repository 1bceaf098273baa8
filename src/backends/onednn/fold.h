/* Operands of followers: what they are to the tensor they are applied to. */
#ifndef MAE_BACKENDS_ONEDNN_FOLD_H
#define MAE_BACKENDS_ONEDNN_FOLD_H

#include "backends/onednn/chain.h"

/* Multiplies and adds per channel: y = scale * y + shift. */
typedef struct mae_dnn_affine {
    size_t n;
    double *scale, *shift;
} mae_dnn_affine;

/* Is the follower `node`, applied to `tensor`, such a step by constants along `axis`? If so, and if `affine` is
 * not NULL, puts it behind what is there. */
bool mae_dnn_fold(const mae_dnn_build *build, int node, int tensor, int axis, int64_t channels, mae_dnn_affine *affine);

/* Factors of a BatchNormalization with constant parameters, for channel `c`: y = *scale * x + *shift. */
bool mae_dnn_norm_is_constant(const mae_dnn_build *build, const mae_node *node, int64_t channels);
void mae_dnn_norm_factors(const mae_dnn_build *build, const mae_node *node, size_t c, double *ret_scale,
                          double *ret_shift);

#endif
