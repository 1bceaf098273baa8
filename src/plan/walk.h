/* A front where not all mappings can be looked at together: one plan after another. */
#ifndef MAE_PLAN_WALK_H
#define MAE_PLAN_WALK_H

#include "plan/solver.h"

typedef struct mae_walk {
    size_t n; /* by falling latency, none beaten by another */
    mae_answer *answers;
    double epsilon; /* proven: no trade-off is missed by more than the factor 1 + epsilon; infinite: nothing is */
} mae_walk;

/* Steps of the factor 1 + epsilon, or larger ones where there would be too many. No answers: no
 * mapping exists, or, with an infinite epsilon, none was found. */
MAE_MUST_CHECK mae_error *mae_walk_front(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes,
                                         mae_walk *ret_walk);
void mae_walk_finish(mae_walk *walk);

#endif
