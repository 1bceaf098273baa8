/* Plan objects: a mapping with its costs, the single PEs beside it, and MAEG. */
#include <math.h>
#include <stdlib.h>

#include "core/makespan.h"
#include "core/plan.h"
#include "plan/plan.h"

/* Complete PEs with their costs, in the profile's order. */
static mae_error *fill_singles(const mae_profile *profile, const mae_goal *goal, const mae_cost_index *index,
                               mae_plan *plan)
{
    mae_arena *arena = mae_plan_private(plan)->arena;
    mae_plan_baseline *single = mae_arena_array(arena, profile->n_pes, sizeof *single);
    int *mapping = mae_arena_array(arena, profile->n_layers, sizeof *mapping);
    if (!single || !mapping)
        return mae_error_nomem();
    plan->single = single;
    for (size_t pe = 0; pe < profile->n_pes; pe++) {
        mae_plan_baseline *entry = &single[plan->n_single];
        for (size_t l = 0; l < profile->n_layers; l++)
            mapping[l] = (int)pe;
        mae_error *error = mae_cost_of(index, mapping, goal->period_ms, &entry->cost);
        if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
            mae_error_free(error);
            continue;
        }
        if (error)
            return error;
        entry->name = mae_arena_strdup(arena, profile->pes[pe].name);
        entry->meets_bounds = mae_goal_met(goal, &entry->cost);
        if (!entry->name)
            return mae_error_nomem();
        plan->n_single++;
    }
    return NULL;
}

static mae_error *fill_maeg(const mae_profile *profile, const mae_goal *goal, mae_plan *plan)
{
    double ms, mj, best = INFINITY;
    mae_prediction cost = plan->predicted;
    MAE_TRY(mae_goal_scales(profile, goal, &ms, &mj));
    if (plan->throughput)
        cost.latency_ms = plan->throughput->period_ms; /* as a single PE's latency is its period */
    for (size_t i = 0; i < plan->n_single; i++) {
        double value = mae_goal_objective(goal, &plan->single[i].cost, ms, mj);
        if (!plan->single[i].meets_bounds || value >= best)
            continue;
        best = value;
        plan->baseline = plan->single[i].name;
    }
    plan->has_maeg = plan->baseline != NULL;
    plan->enables = !plan->has_maeg;
    if (plan->has_maeg && best > 0)
        plan->maeg = 1 - mae_goal_objective(goal, &cost, ms, mj) / best;
    return NULL;
}

static mae_error *fill_all(const mae_profile *profile, const mae_goal *goal, const int *mapping, mae_plan *plan)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, profile));
    mae_error *error = mae_cost_scheduled(&index, goal->schedule, mapping, goal->period_ms, &plan->predicted);
    if (!error)
        error = fill_singles(profile, goal, &index, plan);
    mae_cost_index_finish(&index);
    return error ? error : fill_maeg(profile, goal, plan);
}

mae_error *mae_plan_fill(const mae_profile *profile, const mae_goal *goal, const int *mapping, mae_plan *plan)
{
    return fill_all(profile, goal, mapping, plan);
}

mae_error *mae_plan_of_mapping(const mae_profile *profile, const mae_goal *goal, const int *mapping,
                               mae_plan **ret_plan)
{
    mae_plan *plan = NULL;
    mae_prediction cost;
    MAE_TRY(mae_goal_check(goal));
    MAE_TRY(mae_eval(profile, mapping, goal->period_ms, &cost)); /* also that every layer has a PE */
    MAE_TRY(mae_plan_create(profile, goal, mapping, &plan));
    plan->gap = 1;
    mae_error *error = fill_all(profile, goal, mapping, plan);
    if (error) {
        mae_plan_destroy(plan);
        return error;
    }
    *ret_plan = plan;
    return NULL;
}

mae_error *mae_plan_solve(const mae_profile *profile, const mae_goal *goal, mae_plan **ret_plan)
{
    mae_solution solution;
    mae_plan *plan = NULL;
    if (goal->minimize == MAE_MIN_PERIOD)
        return mae_period_plan(profile, goal, NULL, ret_plan);
    MAE_TRY(mae_solve(profile, goal, NULL, &solution));
    mae_error *error = mae_plan_of_mapping(profile, goal, solution.mapping, &plan);
    free(solution.mapping);
    if (error)
        return error;
    plan->optimal = solution.optimal;
    plan->gap = solution.objective > 0 ? (solution.objective - solution.lower_bound) / solution.objective : 0;
    *ret_plan = plan;
    return NULL;
}
