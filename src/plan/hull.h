/* Supported points: the corners of the lower convex hull of (latency, energy), where an aim may have its
 * best. Each line through two of them bounds every mapping from below. */
#ifndef MAE_PLAN_HULL_H
#define MAE_PLAN_HULL_H

#include "plan/bound.h"

/* Told of every path found on the way. */
typedef mae_error *mae_hull_found(void *context, const mae_path *path);

/* Finds the edge of the hull where the aim of `bounds` can be least, and adds its line (and, for aims whose
 * best may lie on several edges, the lines met on the way). *ret_least is a lower bound of J; infinite if no
 * mapping meets the bounds. */
MAE_MUST_CHECK mae_error *mae_hull_refine(mae_bounds *bounds, mae_hull_found *found, void *context, double *ret_least);

#endif
