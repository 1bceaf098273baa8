#include "core/goal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"

mae_error *mae_goal_check(const mae_goal *goal)
{
    const double bounds[] = {goal->max_latency_ms, goal->max_energy_mj, goal->max_power_w, goal->period_ms};
    static const char *const names[] = {"max-latency-ms", "max-energy-mj", "max-power-w", "period-ms"};
    if (goal->minimize == MAE_MIN_PERIOD)
        return mae_error_new(MAE_ERR_USAGE, "least period is a goal of whole plans, across frames: this takes latency, "
                                            "energy, edp or weighted:W");
    if ((int)goal->minimize < MAE_MIN_LATENCY || goal->minimize > MAE_MIN_PERIOD)
        return mae_error_new(MAE_ERR_USAGE, "unknown objective %d", (int)goal->minimize);
    if (goal->schedule != MAE_SERIAL && goal->schedule != MAE_OVERLAP)
        return mae_error_new(MAE_ERR_USAGE, "unknown schedule %d", (int)goal->schedule);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (!isfinite(bounds[i]) || bounds[i] < 0)
            return mae_error_new(MAE_ERR_USAGE, "%s is %g: it must be a positive number", names[i], bounds[i]);
    if (goal->minimize == MAE_MIN_WEIGHTED && !(goal->weight >= 0 && goal->weight <= 1))
        return mae_error_new(MAE_ERR_USAGE, "the weight is %g: it must be from 0 to 1", goal->weight);
    if (goal->max_power_w > 0 && goal->period_ms == 0)
        return mae_error_new(MAE_ERR_USAGE, "max-power-w needs period-ms: power is energy of a frame per period");
    return NULL;
}

mae_error *mae_goal_check_period(const mae_goal *goal)
{
    mae_goal rest = *goal;
    if (goal->minimize != MAE_MIN_PERIOD)
        return mae_error_new(MAE_ERR_USAGE, "an arrangement of replicas is for a goal of least period");
    if (goal->schedule != MAE_SERIAL)
        return mae_error_new(MAE_ERR_USAGE, "least period: frames of replicas and stages are serial, not overlapped");
    if (goal->period_ms > 0 || goal->max_power_w > 0)
        return mae_error_new(MAE_ERR_USAGE,
                             "least period: period-ms, and max-power-w with it, are not for the caller to set");
    rest.minimize = MAE_MIN_LATENCY;
    return mae_goal_check(&rest);
}

mae_error *mae_goal_check_energy(const mae_goal *goal, const mae_profile *profile)
{
    bool needs = (goal->minimize != MAE_MIN_LATENCY && goal->minimize != MAE_MIN_PERIOD) || goal->max_energy_mj > 0 ||
                 goal->max_power_w > 0;
    if (needs && profile->energy == MAE_ENERGY_NONE)
        return mae_error_new(MAE_ERR_INFEASIBLE, "the goal needs energy and the profile has none");
    return NULL;
}

double mae_goal_objective(const mae_goal *goal, const mae_prediction *cost, double scale_latency, double scale_energy)
{
    switch (goal->minimize) {
    case MAE_MIN_ENERGY:
        return cost->energy_mj;
    case MAE_MIN_EDP:
        return cost->energy_mj * cost->latency_ms;
    case MAE_MIN_WEIGHTED:
        return (goal->weight > 0 ? goal->weight * cost->latency_ms / scale_latency : 0) +
               (goal->weight < 1 ? (1 - goal->weight) * cost->energy_mj / scale_energy : 0);
    case MAE_MIN_PERIOD: /* of one frame after the other */
    case MAE_MIN_LATENCY:
        break;
    }
    return cost->latency_ms;
}

static bool within(double value, double bound)
{
    return value <= bound * (1 + MAE_COST_EQUAL);
}

double mae_goal_energy_bound(const mae_goal *goal)
{
    double bound = goal->max_energy_mj > 0 ? goal->max_energy_mj : INFINITY;
    return goal->max_power_w > 0 ? fmin(bound, goal->max_power_w * goal->period_ms) : bound;
}

bool mae_goal_met(const mae_goal *goal, const mae_prediction *cost)
{
    return (goal->max_latency_ms == 0 || within(cost->latency_ms, goal->max_latency_ms)) &&
           within(cost->energy_mj, mae_goal_energy_bound(goal)) &&
           (goal->max_switches < 0 || cost->switches <= goal->max_switches);
}

double mae_goal_miss(const mae_goal *goal, const mae_prediction *cost)
{
    double miss = -INFINITY, energy = mae_goal_energy_bound(goal);
    if (goal->max_latency_ms > 0)
        miss = fmax(miss, cost->latency_ms / goal->max_latency_ms - 1);
    if (isfinite(energy))
        miss = fmax(miss, cost->energy_mj / energy - 1);
    return miss;
}

void mae_goal_minimize_text(const mae_goal *goal, char *text, size_t size)
{
    static const char *const names[] = {"latency", "energy", "edp", "weighted", "period"};
    if (goal->minimize == MAE_MIN_WEIGHTED)
        snprintf(text, size, "weighted:%.17g", goal->weight);
    else
        snprintf(text, size, "%s", names[goal->minimize]);
}

mae_error *mae_goal_parse(const char *text, mae_goal *goal)
{
    if (strcmp(text, "latency") == 0) {
        goal->minimize = MAE_MIN_LATENCY;
    } else if (strcmp(text, "energy") == 0) {
        goal->minimize = MAE_MIN_ENERGY;
    } else if (strcmp(text, "edp") == 0) {
        goal->minimize = MAE_MIN_EDP;
    } else if (strcmp(text, "period") == 0) {
        goal->minimize = MAE_MIN_PERIOD;
    } else if (strncmp(text, "weighted:", 9) == 0) {
        char *end;
        double weight = strtod(text + 9, &end);
        if (end == text + 9 || *end || !(weight >= 0 && weight <= 1))
            return mae_error_new(MAE_ERR_USAGE, "\"%s\": the weight must be a number from 0 to 1", text);
        goal->minimize = MAE_MIN_WEIGHTED;
        goal->weight = weight;
    } else {
        return mae_error_new(MAE_ERR_USAGE, "\"%s\" is not latency, energy, edp, weighted:W or period", text);
    }
    return NULL;
}

json_t *mae_goal_to_json(const mae_goal *goal, mae_json_writer *out)
{
    char text[64];
    json_t *object = json_object();
    mae_goal_minimize_text(goal, text, sizeof text);
    mae_json_put(out, object, "minimize", json_string(text));
    mae_json_put_optional(out, object, "max_latency_ms", goal->max_latency_ms);
    mae_json_put_optional(out, object, "max_energy_mj", goal->max_energy_mj);
    mae_json_put_optional(out, object, "max_power_w", goal->max_power_w);
    mae_json_put_optional(out, object, "period_ms", goal->period_ms);
    if (goal->max_switches >= 0)
        mae_json_put(out, object, "max_switches", json_integer(goal->max_switches));
    return object;
}
