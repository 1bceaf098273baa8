/* Goals: what they ask, how well a cost answers, and how they stand in a file. */
#ifndef MAE_CORE_GOAL_H
#define MAE_CORE_GOAL_H

#include <jansson.h>

#include "base/error.h"
#include "core/json_writer.h"
#include "mae/plan.h"

/* MAE_ERR_USAGE for a goal that makes no sense: NaN, a negative bound, a power cap without a period. */
MAE_MUST_CHECK mae_error *mae_goal_check(const mae_goal *goal);

/* The same for a goal of least period, which mae_goal_check() refuses. */
MAE_MUST_CHECK mae_error *mae_goal_check_period(const mae_goal *goal);

/* MAE_ERR_INFEASIBLE for a goal that needs energy on a profile without. */
MAE_MUST_CHECK mae_error *mae_goal_check_energy(const mae_goal *goal, const mae_profile *profile);

/* J of docs/formats.md for a cost; `scale_latency`, `scale_energy` are L and E of a weighted goal. */
double mae_goal_objective(const mae_goal *goal, const mae_prediction *cost, double scale_latency, double scale_energy);

/* Are the bounds met, within 1e-9 relative? */
bool mae_goal_met(const mae_goal *goal, const mae_prediction *cost);

/* The tighter of max_energy_mj and what the power cap allows; infinity without either. */
double mae_goal_energy_bound(const mae_goal *goal);

/* Largest value / bound - 1 over the bounds: how far a cost misses; negative or 0 when all are met. */
double mae_goal_miss(const mae_goal *goal, const mae_prediction *cost);

/* "latency", "energy", "edp", "weighted:0.25" */
void mae_goal_minimize_text(const mae_goal *goal, char *text, size_t size);

json_t *mae_goal_to_json(const mae_goal *goal, mae_json_writer *out);

#endif
