/* Which point serves a goal best. */
#include <math.h>

#include "core/goal.h"
#include "policy/policy_impl.h"

void policy_view_plain(policy_view *view)
{
    for (size_t p = 0; p < MAE_POLICY_MAX_PES; p++) {
        view->ratio[p] = 1;
        view->sigma[p] = 0;
    }
    view->margin = 0;
}

static double energy_at(const mae_policy *policy, double dynamic_mj, double latency_ms, double period_ms)
{
    return mae_cost_energy(policy->profile, dynamic_mj, latency_ms, period_ms);
}

static void least(double *scale, double value)
{
    if (value < *scale)
        *scale = value;
}

/* L and E: over complete PEs, or else over all points. */
static void find_scales(const mae_policy *policy, policy_query *query)
{
    double latency = INFINITY, energy = INFINITY, period = query->goal->period_ms;
    for (size_t p = 0; p < policy->profile->n_pes; p++) {
        if (!policy->complete[p] || !(query->pes >> p & 1))
            continue;
        least(&latency, policy->single_ms[p]);
        least(&energy, energy_at(policy, policy->single_mj[p], policy->single_ms[p], period));
    }
    bool none = isinf(latency) || latency <= 0 || energy <= 0;
    for (size_t k = 0; none && k < policy->n_points; k++) {
        const mae_policy_point *point = &policy->points[k];
        if (point->pes & ~query->pes)
            continue;
        least(&latency, point->latency_ms);
        least(&energy, energy_at(policy, point->dynamic_mj, point->latency_ms, period));
    }
    query->scale_latency = latency > 0 ? latency : 1;
    query->scale_energy = energy > 0 ? energy : 1;
}

void policy_query_init(policy_query *query, const mae_policy *policy, const mae_goal *goal, uint64_t pes,
                       const bool *compiled, const policy_view *view)
{
    *query = (policy_query){goal, pes, compiled, view, 1, 1};
    if (goal->minimize == MAE_MIN_WEIGHTED)
        find_scales(policy, query);
}

bool policy_can(const mae_policy *policy, const policy_query *query, int point)
{
    return point >= 0 && (size_t)point < policy->n_points && !(policy->points[point].pes & ~query->pes) &&
           (!query->compiled || query->compiled[point]);
}

/* Latency by the view: as it is, and with the margins. */
static void estimate(const mae_policy *policy, const policy_view *view, int k, double *ret_ms, double *ret_safe_ms)
{
    const double *pe_ms = &policy->pe_ms[(size_t)k * policy->profile->n_pes];
    double ms = policy->points[k].latency_ms, safe = ms;
    for (size_t p = 0; p < policy->profile->n_pes; p++) {
        ms += pe_ms[p] * (view->ratio[p] - 1);
        safe += pe_ms[p] * (view->ratio[p] * (1 + view->sigma[p]) - 1);
    }
    *ret_ms = ms;
    *ret_safe_ms = safe / (1 - view->margin);
}

static mae_prediction cost_at(const mae_policy *policy, const policy_query *query, int k, double ms)
{
    const mae_policy_point *point = &policy->points[k];
    return (mae_prediction){ms, energy_at(policy, point->dynamic_mj, ms, query->goal->period_ms), point->switches};
}

policy_merit policy_merit_of(const mae_policy *policy, const policy_query *query, int point)
{
    double ms, safe_ms;
    mae_goal goal = *query->goal;
    estimate(policy, query->view, point, &ms, &safe_ms);
    if (goal.max_power_w > 0 && goal.period_ms == 0)
        goal.period_ms = ms; /* the rate is not known: as if frames came one after the other */
    mae_prediction cost = cost_at(policy, query, point, ms), safe = cost;
    safe.latency_ms = safe_ms; /* margins are for times: more energy than estimated is not at stake */
    policy_merit merit = {.cost = cost};
    bool met = mae_goal_met(&goal, &cost);
    merit.miss = met ? 0 : fmax(0, mae_goal_miss(&goal, &cost));
    merit.tier = mae_goal_met(&goal, &safe) ? 0 : met ? 1 : 2;
    if (merit.tier == 0)
        merit.value = mae_goal_objective(&goal, &cost, query->scale_latency, query->scale_energy);
    else
        merit.value = merit.tier == 1 ? mae_goal_miss(&goal, &safe) : merit.miss;
    if (merit.tier == 2 && goal.max_switches >= 0 && cost.switches > goal.max_switches)
        merit.tier = 3; /* no figure says how much a mapping misses this by */
    return merit;
}

bool policy_is_better(const policy_merit *a, const policy_merit *b)
{
    if (a->tier != b->tier)
        return a->tier < b->tier;
    if (!mae_cost_equal(a->value, b->value))
        return a->value < b->value;
    if (!mae_cost_equal(a->cost.latency_ms, b->cost.latency_ms))
        return a->cost.latency_ms < b->cost.latency_ms;
    if (!mae_cost_equal(a->cost.energy_mj, b->cost.energy_mj))
        return a->cost.energy_mj < b->cost.energy_mj;
    return a->cost.switches < b->cost.switches;
}

int policy_choose(const mae_policy *policy, const policy_query *query)
{
    int best = -1;
    policy_merit best_merit = {.tier = 4};
    for (int k = 0; k < (int)policy->n_points; k++) {
        if (!policy_can(policy, query, k))
            continue;
        policy_merit merit = policy_merit_of(policy, query, k);
        if (best < 0 || policy_is_better(&merit, &best_merit)) {
            best = k;
            best_merit = merit;
        }
    }
    return best;
}

int mae_policy_best(const mae_policy *policy, const mae_goal *goal, uint64_t pes, const bool *compiled,
                    double *ret_miss)
{
    policy_view view;
    policy_query query;
    policy_view_plain(&view);
    policy_query_init(&query, policy, goal, pes, compiled, &view);
    int best = policy_choose(policy, &query);
    if (best >= 0)
        *ret_miss = policy_merit_of(policy, &query, best).miss;
    return best;
}
