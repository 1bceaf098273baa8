/* A goal that cannot be met. */
#ifndef MAE_CLI_INFEASIBLE_H
#define MAE_CLI_INFEASIBLE_H

#include "mae/plan.h"

/* Says what comes nearest, with `json` also as an object on standard output; the exit status. Takes the error.
 * `profile` NULL: nothing was measured yet, so nothing is near. */
int cli_explain_infeasible(const mae_profile *profile, const mae_goal *goal, bool json, mae_error *infeasible);

#endif
