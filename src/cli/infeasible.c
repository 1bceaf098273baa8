/* A goal that cannot be met: what comes nearest (docs/formats.md, section 3). */
#include "cli/infeasible.h"

#include <jansson.h>

#include "cli/json.h"
#include "cli/message.h"

static int print_nearest_json(const mae_profile *profile, const mae_prediction *nearest, const char *reason)
{
    json_t *point = NULL;
    if (nearest)
        point = json_pack("{s:o,s:o,s:i}", "latency_ms", cli_json_number(nearest->latency_ms), "energy_mj",
                          profile->energy == MAE_ENERGY_NONE ? json_null() : cli_json_number(nearest->energy_mj),
                          "switches", nearest->switches);
    else
        point = json_null();
    return cli_json_print(json_pack("{s:b,s:o,s:s}", "feasible", 0, "nearest", point, "reason", reason));
}

static int report_nearest(const mae_profile *profile, const mae_prediction *nearest, const char *reason)
{
    if (!nearest)
        return cli_error(MAE_ERR_INFEASIBLE, "%s", reason);
    if (profile->energy == MAE_ENERGY_NONE)
        return cli_error(MAE_ERR_INFEASIBLE, "%s; nearest: %.4g ms, %d switches", reason, nearest->latency_ms,
                         nearest->switches);
    return cli_error(MAE_ERR_INFEASIBLE, "%s; nearest: %.4g ms, %.4g mJ, %d switches", reason, nearest->latency_ms,
                     nearest->energy_mj, nearest->switches);
}

int cli_explain_infeasible(const mae_profile *profile, const mae_goal *goal, bool json, mae_error *infeasible)
{
    bool exists = false;
    mae_prediction nearest;
    int status = profile ? cli_report(mae_nearest(profile, goal, &exists, &nearest)) : 0;
    const char *reason = mae_error_message(infeasible);
    if (!status && json)
        status = print_nearest_json(profile, exists ? &nearest : NULL, reason);
    if (!status)
        status = report_nearest(profile, exists ? &nearest : NULL, reason);
    mae_error_free(infeasible);
    return status;
}
