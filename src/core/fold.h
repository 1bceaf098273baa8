/* Constants per channel that follow a convolution or a product, and can be folded into its weights. */
#ifndef MAE_CORE_FOLD_H
#define MAE_CORE_FOLD_H

#include "core/graph.h"

/* Constant f32 with values at hand. */
bool mae_graph_is_weight(const mae_graph *graph, int tensor);
/* A constant of one element that does not widen `like`'s shape; its value. */
bool mae_graph_is_scalar(const mae_graph *graph, int tensor, int like, double *ret_value);

/* Multiplies and adds per channel: y = scale * y + shift. */
typedef struct mae_affine {
    size_t n;
    double *scale, *shift;
} mae_affine;

/* Is the node `index`, applied to `tensor`, such a step by constants along `axis`? If so, and if `affine` is
 * not NULL, puts it behind what is there. */
bool mae_fold(const mae_graph *graph, int index, int tensor, int axis, int64_t channels, mae_affine *affine);

/* Factors of a BatchNormalization with constant parameters, for channel `c`: y = *scale * x + *shift. */
bool mae_norm_is_constant(const mae_graph *graph, const mae_node *node, int64_t channels);
void mae_norm_factors(const mae_graph *graph, const mae_node *node, size_t c, double *ret_scale, double *ret_shift);

#endif
