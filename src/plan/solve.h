/* Solving with restricted PEs, for the functions that ask what a plan is worth. */
#ifndef MAE_PLAN_SOLVE_H
#define MAE_PLAN_SOLVE_H

#include "plan/plan.h"

/* As mae_solve_best(), with only the PEs of the mask `pes` (profile's numbers). */
MAE_MUST_CHECK mae_error *mae_solve_with(const mae_profile *profile, const mae_goal *goal,
                                         const mae_plan_limits *limits, uint64_t pes, size_t k,
                                         mae_solution **ret_solutions, size_t *ret_n);

#endif
