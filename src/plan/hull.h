/* Supported points: the corners of the lower convex hull of (latency, energy), where an aim may have its
 * best. Each line through two of them bounds every mapping from below. */
#ifndef MAE_PLAN_HULL_H
#define MAE_PLAN_HULL_H

#include "plan/bound.h"

/* Told of every path found on the way. */
typedef mae_error *mae_hull_found(void *context, const mae_path *path);
/* The best J known; infinite: none. */
typedef double mae_hull_upper(void *context);

/* Finds the edge of the hull where the aim of `bounds` can be least and adds its line. Where the aim is a
 * product, its best may lie above several edges: their lines are added, and the bounds narrowed to them.
 * *ret_least is a lower bound of J; infinite if no mapping meets the bounds. */
MAE_MUST_CHECK mae_error *mae_hull_refine(mae_bounds *bounds, mae_hull_found *found, mae_hull_upper *upper,
                                          void *context, double *ret_least);

#endif
