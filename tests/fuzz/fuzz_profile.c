/* A profile: what was read must be writable, readable again, and plannable where that is quick. */
#include "targets.h"

#include <stdlib.h>

#include "core/profile.h"
#include "mae/plan.h"

static int use(const mae_profile *profile)
{
    mae_profile *clone = NULL;
    mae_error *error = mae_profile_clone(profile, &clone);
    if (error) {
        mae_error_free(error);
        return -1;
    }
    int *mapping = calloc(clone->n_layers, sizeof *mapping);
    mae_prediction cost;
    if (mapping)
        mae_error_free(mae_eval(clone, mapping, 0, &cost));
    if (clone->n_layers * clone->n_pes <= 64) {
        mae_goal goal = MAE_GOAL_INIT;
        mae_plan *plan = NULL;
        mae_error_free(mae_plan_solve(clone, &goal, &plan));
        mae_plan_destroy(plan);
        goal.schedule = MAE_OVERLAP;
        plan = NULL;
        mae_error_free(mae_plan_solve(clone, &goal, &plan));
        mae_plan_destroy(plan);
    }
    free(mapping);
    mae_profile_destroy(clone);
    return 1;
}

int fuzz_profile(const uint8_t *data, size_t size)
{
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    mae_error *error = mae_json_parse("fuzz", (const char *)data, size, &json);
    if (!error)
        error = mae_profile_from_json(json, &profile);
    int result = error ? 0 : use(profile);
    mae_error_free(error);
    mae_profile_destroy(profile);
    mae_json_destroy(json);
    return result;
}
