/* A lower bound for what is left to pay from any state, on graphs of any width. The network is cut into a chain of
 * layers (their costs, opening segments, moves between neighbours) and one part for each tensor (dual_factor.h).
 * Each part may choose its own PE for a layer; charges on these choices, which cancel in the sum of all parts, make
 * them agree as far as they can (Lagrangian decomposition; block coordinate ascent as in Werner, "A linear
 * programming approach to max-sum problem", 2007, and Kolmogorov's TRW-S, 2006). */
#ifndef MAE_PLAN_DUAL_H
#define MAE_PLAN_DUAL_H

#include "plan/model.h"

typedef struct mae_dual mae_dual;

/* For the sum of lat and en by the weights of `line`. false: out of memory. */
bool mae_dual_create(const mae_model *m, const double line[2], mae_dual **ret_dual);
void mae_dual_destroy(mae_dual *dual); /* takes NULL */

/* All that were asked for so far, by their lines. Starts as {.m = m}. */
typedef struct mae_dual_set {
    const mae_model *m;
    size_t n;
    mae_dual **duals;
    double (*lines)[2];
} mae_dual_set;

/* Creates it where it is not there; the set's. NULL: out of memory. */
const mae_dual *mae_dual_set_get(mae_dual_set *set, const double line[2]);
void mae_dual_set_finish(mae_dual_set *set);

/* No completion of this state (its key in the trellis) costs less. May be a little below 0. */
double mae_dual_to_go(const mae_dual *dual, int boundary, const uint64_t *key);

#endif
