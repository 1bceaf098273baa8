/* What a plan is worth: each PE, each bound, and what a runtime with a priority list loses. */
#include <stdlib.h>

#include "base/arena.h"
#include "core/cost.h"
#include "plan/plan.h"
#include "plan/solve.h"

#define LOOSER 1.01

typedef struct work {
    const mae_profile *profile;
    const mae_goal *goal;
    double scale_ms, scale_mj; /* of the whole profile: a weighted goal keeps its meaning without a PE */
    mae_worth *worth;
    mae_arena *arena;
} work;

static double objective(const work *w, const mae_prediction *cost)
{
    return mae_goal_objective(w->goal, cost, w->scale_ms, w->scale_mj);
}

static double increase(const work *w, const mae_prediction *cost)
{
    return w->worth->objective > 0 ? objective(w, cost) / w->worth->objective - 1 : 0;
}

/* *ret_feasible is false where the goal cannot be met. */
static mae_error *solve(const work *w, const mae_goal *goal, uint64_t pes, bool *ret_feasible, mae_prediction *ret_cost)
{
    mae_solution *solutions = NULL;
    size_t n = 0;
    mae_error *error = mae_solve_with(w->profile, goal, NULL, pes, 1, &solutions, &n);
    mae_code code = mae_error_code(error);
    *ret_feasible = !error;
    if (code == MAE_ERR_INFEASIBLE || code == MAE_ERR_UNSUPPORTED) {
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    *ret_cost = solutions[0].cost;
    mae_solutions_free(solutions, n);
    return NULL;
}

static mae_error *worth_of_pes(work *w)
{
    size_t n = w->profile->n_pes;
    mae_pe_worth *pes = mae_arena_array(w->arena, n, sizeof *pes);
    if (!pes)
        return mae_error_nomem();
    for (size_t p = 0; p < n; p++) {
        pes[p].pe = mae_arena_strdup(w->arena, w->profile->pes[p].name);
        if (!pes[p].pe)
            return mae_error_nomem();
        MAE_TRY(solve(w, w->goal, ~((uint64_t)1 << p), &pes[p].feasible, &pes[p].cost));
        if (pes[p].feasible)
            pes[p].increase = increase(w, &pes[p].cost);
    }
    w->worth->pes = pes;
    w->worth->n_pes = n;
    return NULL;
}

/* J saved per unit of a bound that is one percent looser. */
static mae_error *price(const work *w, const mae_goal *looser, double unit, bool *ret_has, double *ret_price)
{
    mae_prediction cost;
    bool feasible;
    MAE_TRY(solve(w, looser, UINT64_MAX, &feasible, &cost));
    *ret_has = feasible && unit > 0;
    if (*ret_has)
        *ret_price = (w->worth->objective - objective(w, &cost)) / unit;
    return NULL;
}

static mae_error *prices(work *w)
{
    mae_worth *worth = w->worth;
    mae_goal later = *w->goal, larger = *w->goal;
    later.max_latency_ms *= LOOSER;
    larger.max_energy_mj *= LOOSER;
    if (w->goal->max_latency_ms > 0)
        MAE_TRY(
            price(w, &later, later.max_latency_ms - w->goal->max_latency_ms, &worth->has_price_ms, &worth->price_ms));
    if (w->goal->max_energy_mj > 0)
        MAE_TRY(
            price(w, &larger, larger.max_energy_mj - w->goal->max_energy_mj, &worth->has_price_mj, &worth->price_mj));
    return NULL;
}

static mae_error *greedy(work *w)
{
    mae_worth *worth = w->worth;
    int *mapping = mae_arena_array(w->arena, w->profile->n_layers, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    MAE_TRY(mae_greedy(w->profile, NULL, 0, mapping));
    mae_error *error = w->goal->schedule == MAE_OVERLAP
                           ? mae_eval_overlap(w->profile, mapping, w->goal->period_ms, &worth->greedy)
                           : mae_eval(w->profile, mapping, w->goal->period_ms, &worth->greedy);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
        worth->greedy_reason = mae_arena_strdup(w->arena, mae_error_message(error));
        mae_error_free(error);
        return worth->greedy_reason ? NULL : mae_error_nomem();
    }
    if (error)
        return error;
    worth->has_greedy = true;
    worth->greedy_meets_bounds = mae_goal_met(w->goal, &worth->greedy);
    worth->greedy_increase = increase(w, &worth->greedy);
    return NULL;
}

static mae_error *fill(work *w)
{
    mae_solution best;
    MAE_TRY(mae_goal_scales(w->profile, w->goal, &w->scale_ms, &w->scale_mj));
    MAE_TRY(mae_solve(w->profile, w->goal, NULL, &best));
    w->worth->objective = best.objective;
    free(best.mapping);
    MAE_TRY(worth_of_pes(w));
    MAE_TRY(prices(w));
    return greedy(w);
}

mae_error *mae_plan_worth(const mae_profile *profile, const mae_goal *goal, mae_worth **ret_worth)
{
    MAE_TRY(mae_goal_check(goal));
    work w = {.profile = profile, .goal = goal, .worth = calloc(1, sizeof(mae_worth)), .arena = mae_arena_create()};
    if (!w.worth || !w.arena) {
        free(w.worth);
        mae_arena_destroy(w.arena);
        return mae_error_nomem();
    }
    w.worth->priv = w.arena;
    mae_error *error = fill(&w);
    if (error) {
        mae_worth_destroy(w.worth);
        return error;
    }
    *ret_worth = w.worth;
    return NULL;
}

void mae_worth_destroy(mae_worth *worth)
{
    if (!worth)
        return;
    mae_arena_destroy(worth->priv);
    free(worth);
}
