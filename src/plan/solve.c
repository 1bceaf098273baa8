/* The planner's goals: what solver.h finds, in the profile's terms. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/solve.h"
#include "plan/plan.h"
#include "plan/solver.h"

/* ---- L and E of a weighted goal ---- */

/* The least latency and energy over complete PEs; infinite where there is none. */
static mae_error *single_scales(const mae_profile *profile, const mae_goal *goal, double *ms, double *mj)
{
    mae_cost_index index;
    int *mapping = malloc(profile->n_layers * sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = mae_cost_index_init(&index, profile);
    *ms = *mj = INFINITY;
    for (size_t pe = 0; pe < profile->n_pes && !error; pe++) {
        mae_prediction cost;
        for (size_t l = 0; l < profile->n_layers; l++)
            mapping[l] = (int)pe;
        error = mae_cost_of(&index, mapping, goal->period_ms, &cost);
        if (!error) {
            *ms = fmin(*ms, cost.latency_ms);
            *mj = fmin(*mj, cost.energy_mj);
        } else if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
            mae_error_free(error);
            error = NULL;
        }
    }
    if (index.profile)
        mae_cost_index_finish(&index);
    free(mapping);
    return error;
}

static mae_error *least_over_all(const mae_profile *profile, const mae_goal *goal, mae_objective objective,
                                 double *ret_least)
{
    mae_goal plain = MAE_GOAL_INIT;
    mae_solution solution;
    plain.minimize = objective;
    plain.period_ms = goal->period_ms;
    MAE_TRY(mae_solve(profile, &plain, NULL, &solution));
    *ret_least = solution.objective;
    free(solution.mapping);
    return NULL;
}

mae_error *mae_goal_scales(const mae_profile *profile, const mae_goal *goal, double *ret_latency, double *ret_energy)
{
    double ms = 1, mj = 1;
    if (goal->minimize == MAE_MIN_WEIGHTED) {
        MAE_TRY(single_scales(profile, goal, &ms, &mj));
        if (!isfinite(ms) || ms == 0)
            MAE_TRY(least_over_all(profile, goal, MAE_MIN_LATENCY, &ms));
        if (!isfinite(mj) || mj == 0)
            MAE_TRY(least_over_all(profile, goal, MAE_MIN_ENERGY, &mj));
    }
    *ret_latency = ms > 0 ? ms : 1; /* all is 0 then, whatever it is divided by */
    *ret_energy = mj > 0 ? mj : 1;
    return NULL;
}

/* ---- solving ---- */

static void fill(const mae_solver *s, size_t i, mae_solution *solution)
{
    const mae_answer *answer = &s->answers[i];
    double lower = fmin(s->lower, answer->value);
    /* What rounding to quanta may hide is no proof. */
    bool proven = mae_cost_equal(lower, answer->value) && s->model->rounding <= MAE_COST_EQUAL && i == 0;
    *solution = (mae_solution){.mapping = answer->mapping,
                               .cost = answer->cost,
                               .objective = answer->value,
                               .lower_bound = proven ? answer->value : lower,
                               .optimal = proven};
    for (int l = 0; l < s->model->n; l++)
        solution->mapping[l] = s->model->pe_of[solution->mapping[l]];
}

/* None was found. Where the bound is finite there may be one all the same. */
static mae_error *nothing_found(const mae_solver *s)
{
    if (!s->exists)
        return mae_error_new(MAE_ERR_INFEASIBLE, "no mapping exists: a transfer that every mapping needs has no row");
    if (!isfinite(s->lower))
        return mae_error_new(MAE_ERR_INFEASIBLE, "no mapping meets the bounds");
    return mae_error_new(MAE_ERR_INFEASIBLE, "no mapping that meets the bounds was found with the memory there is; "
                                             "that there is none is not proven");
}

static mae_error *hand_out(mae_solver *s, mae_solution **ret_solutions, size_t *ret_n)
{
    if (s->n_answers == 0)
        return nothing_found(s);
    mae_solution *solutions = calloc(s->n_answers, sizeof *solutions);
    if (!solutions)
        return mae_error_nomem();
    for (size_t i = 0; i < s->n_answers; i++)
        fill(s, i, &solutions[i]);
    *ret_solutions = solutions;
    *ret_n = s->n_answers;
    s->n_answers = 0; /* the mappings have changed hands */
    return NULL;
}

static mae_error *solve_aim(const mae_profile *profile, const mae_goal *goal, const mae_aim *aim, uint64_t pes,
                            size_t k, const mae_plan_limits *limits, mae_solution **ret_solutions, size_t *ret_n)
{
    mae_model *model = NULL;
    MAE_TRY(mae_model_create(profile, goal->period_ms, pes, &model));
    mae_solver solver = {
        .model = model, .aim = *aim, .schedule = goal->schedule, .memory_bytes = mae_default_memory(limits), .k = k};
    mae_error *error = mae_solver_run_scheduled(&solver);
    if (!error)
        error = hand_out(&solver, ret_solutions, ret_n);
    mae_solver_finish(&solver);
    mae_model_destroy(model);
    return error;
}

mae_error *mae_solve_with(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits, uint64_t pes,
                          size_t k, mae_solution **ret_solutions, size_t *ret_n)
{
    double ms, mj;
    MAE_TRY(mae_goal_check(goal));
    if (k == 0)
        return mae_error_new(MAE_ERR_USAGE, "the best 0 mappings are asked for");
    MAE_TRY(mae_goal_check_energy(goal, profile));
    MAE_TRY(mae_goal_scales(profile, goal, &ms, &mj));
    mae_aim aim = mae_aim_for(goal, ms, mj);
    return solve_aim(profile, goal, &aim, pes, k, limits, ret_solutions, ret_n);
}

mae_error *mae_solve_best(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits, size_t k,
                          mae_solution **ret_solutions, size_t *ret_n)
{
    return mae_solve_with(profile, goal, limits, UINT64_MAX, k, ret_solutions, ret_n);
}

mae_error *mae_solve(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits,
                     mae_solution *ret_solution)
{
    mae_solution *solutions = NULL;
    size_t n = 0;
    MAE_TRY(mae_solve_best(profile, goal, limits, 1, &solutions, &n));
    *ret_solution = solutions[0];
    free(solutions);
    return NULL;
}

void mae_solutions_free(mae_solution *solutions, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(solutions[i].mapping);
    free(solutions);
}

/* ---- the nearest point of the front ---- */

static mae_aim nearest_aim(const mae_profile *profile, const mae_goal *goal)
{
    double most_mj = profile->energy == MAE_ENERGY_NONE ? INFINITY : mae_goal_energy_bound(goal);
    mae_aim aim = {.kind = MAE_BY_LATENCY, .max_ms = INFINITY, .max_mj = INFINITY, .max_switches = goal->max_switches};
    if (goal->max_latency_ms > 0 && isfinite(most_mj))
        aim = (mae_aim){MAE_BY_MISS, 1 / goal->max_latency_ms, 1 / most_mj, INFINITY, INFINITY, goal->max_switches};
    else if (isfinite(most_mj))
        aim.kind = MAE_BY_ENERGY;
    return aim;
}

mae_error *mae_nearest_within(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits,
                              bool *ret_exists, mae_prediction *ret_nearest)
{
    mae_model *model = NULL;
    MAE_TRY(mae_goal_check(goal));
    MAE_TRY(mae_model_create(profile, goal->period_ms, UINT64_MAX, &model));
    mae_solver solver = {.model = model,
                         .aim = nearest_aim(profile, goal),
                         .schedule = goal->schedule,
                         .memory_bytes = mae_default_memory(limits),
                         .k = 1};
    mae_error *error = mae_solver_run_scheduled(&solver);
    bool found = !error && solver.n_answers > 0;
    if (!error && !found && solver.exists && isfinite(solver.lower))
        error = mae_error_new(MAE_ERR_FAILED, "the nearest mapping was not found with the memory there is");
    if (found)
        *ret_nearest = solver.answers[0].cost;
    if (!error)
        *ret_exists = found;
    mae_solver_finish(&solver);
    mae_model_destroy(model);
    return error;
}

mae_error *mae_nearest(const mae_profile *profile, const mae_goal *goal, bool *ret_exists, mae_prediction *ret_nearest)
{
    return mae_nearest_within(profile, goal, NULL, ret_exists, ret_nearest);
}
