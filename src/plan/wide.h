/* The front of a network too wide for a trellis of all its states. */
#ifndef MAE_PLAN_WIDE_H
#define MAE_PLAN_WIDE_H

#include "plan/solver.h"

typedef struct mae_wide_front {
    size_t n; /* by rising latency, none beaten by another */
    mae_answer *answers;
    bool exact;     /* nothing is missing */
    double epsilon; /* proven: no trade-off is missed by more than the factor 1 + epsilon; infinite: nothing is */
} mae_wide_front;

/* `epsilon`: what is wanted. No answers: no mapping exists, or, with an infinite epsilon, none was found. */
MAE_MUST_CHECK mae_error *mae_wide_front_solve(const mae_model *m, int max_switches, double epsilon,
                                               size_t memory_bytes, mae_wide_front *ret_front);
void mae_wide_front_finish(mae_wide_front *front);

#endif
