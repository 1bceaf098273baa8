/* The parts of the relaxation of dual.h, and the ascent that makes them agree. */
#ifndef MAE_PLAN_DUAL_ASCENT_H
#define MAE_PLAN_DUAL_ASCENT_H

#include "plan/dual_factor.h"

/* That a tensor's part has a charge at a layer. */
typedef struct mae_dual_touch {
    mae_dual_factor *factor;
    size_t use; /* SIZE_MAX: as its producer */
} mae_dual_touch;

typedef struct mae_dual_parts {
    const mae_model *m;
    mae_arena *arena;
    double line[2];
    double big;             /* what cannot be paid */
    double *share;          /* [layer * P + pe]: the least a layer adds, rows considered */
    double *unary;          /* the same, with bringing outputs to the host, less what tensors' parts are charged */
    double *pair;           /* [(layer * P + from) * P + to]: from the layer before, likewise */
    double *before, *after; /* [layer * P + pe]: least cost of the chain on either side */
    size_t n_factors;
    mae_dual_factor *factors;
    size_t *first_touch; /* n + 1 */
    mae_dual_touch *touches;
    size_t *first_paired; /* n + 1: touches by the first consumer of paired parts */
    mae_dual_touch *paired;
    double *least; /* room for the ascent: P a touch of one layer, or P * P a paired one */
} mae_dual_parts;

/* The whole bound. */
double mae_dual_parts_bound(const mae_dual_parts *d);

/* Ascends until little is gained. `before` and `after` are up to date then. */
void mae_dual_parts_ascend(mae_dual_parts *d);

#endif
