/* Plans (mae/plan.h) as objects: built from a profile and a mapping, read and written as JSON. */
#ifndef MAE_CORE_PLAN_H
#define MAE_CORE_PLAN_H

#include "base/arena.h"
#include "base/json.h"
#include "mae/plan.h"

#define MAE_PLAN_MAX_FILE_BYTES (64u << 20)

typedef struct mae_plan_priv {
    mae_arena *arena;
    json_t *kept; /* the file as it was read; unknown keys are taken from here when writing */
} mae_plan_priv;

static inline mae_plan_priv *mae_plan_private(const mae_plan *plan)
{
    return plan->priv;
}

/* An empty plan with its arena; freed by mae_plan_destroy(). */
MAE_MUST_CHECK mae_error *mae_plan_alloc(mae_plan **ret_plan);

/* Names, goal, segments and model inputs for a mapping; costs are left for the planner to fill in. */
MAE_MUST_CHECK mae_error *mae_plan_create(const mae_profile *profile, const mae_goal *goal, const int *mapping,
                                          mae_plan **ret_plan);

MAE_MUST_CHECK mae_error *mae_plan_from_json(const mae_json *json, mae_plan **ret_plan);

#endif
