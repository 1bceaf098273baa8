/* The planner: pure (no clock, no thread, no device, no file). */
#ifndef MAE_PLAN_PLAN_H
#define MAE_PLAN_PLAN_H

#include "base/error.h"
#include "core/goal.h"
#include "mae/plan.h"

/* What planning found: a mapping and its proof. */
typedef struct mae_solution {
    int *mapping; /* PE per layer; freed with free() */
    mae_prediction cost;
    double objective;   /* J */
    double lower_bound; /* of J, over all mappings that meet the goal */
    bool optimal;       /* proven: lower_bound equals objective within 1e-9 relative */
} mae_solution;

typedef struct mae_plan_limits {
    size_t memory_bytes; /* of labels; 0: 1 GiB, for fronts 2 GiB */
} mae_plan_limits;

/* Errors as mae_plan_solve(). `limits` may be NULL. */
MAE_MUST_CHECK mae_error *mae_solve(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits,
                                    mae_solution *ret_solution);

/* As mae_nearest(). `limits` may be NULL. MAE_ERR_FAILED where no mapping was found with so little memory, but there
 * may be one. */
MAE_MUST_CHECK mae_error *mae_nearest_within(const mae_profile *profile, const mae_goal *goal,
                                             const mae_plan_limits *limits, bool *ret_exists,
                                             mae_prediction *ret_nearest);

/* The `k` best mappings, best first; fewer if there are no more. Array and mappings are freed by
 * mae_solutions_free(). */
MAE_MUST_CHECK mae_error *mae_solve_best(const mae_profile *profile, const mae_goal *goal,
                                         const mae_plan_limits *limits, size_t k, mae_solution **ret_solutions,
                                         size_t *ret_n);
void mae_solutions_free(mae_solution *solutions, size_t n);

/* As mae_front_solve(). Where the front does not fit into memory it is not exact, its epsilon the proven one even if
 * that is larger than what was asked for. `limits` may be NULL. */
MAE_MUST_CHECK mae_error *mae_front_within(const mae_profile *profile, const mae_goal *goal,
                                           const mae_plan_limits *limits, double epsilon, mae_front **ret_front);

/* As mae_plan_solve(), for a goal of least period. `limits` may be NULL. */
MAE_MUST_CHECK mae_error *mae_period_plan(const mae_profile *profile, const mae_goal *goal,
                                          const mae_plan_limits *limits, mae_plan **ret_plan);

/* Fills in predicted costs, the single PEs and MAEG of a plan of this mapping, whose `throughput` is filled in. */
MAE_MUST_CHECK mae_error *mae_plan_fill(const mae_profile *profile, const mae_goal *goal, const int *mapping,
                                        mae_plan *plan);

/* L and E of a weighted goal (mae_goal_objective() of core/goal.h); 1 and 1 for the others. */
MAE_MUST_CHECK mae_error *mae_goal_scales(const mae_profile *profile, const mae_goal *goal, double *ret_latency,
                                          double *ret_energy);

#endif
