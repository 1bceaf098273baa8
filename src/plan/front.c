/* The whole front: every non-dominated (latency, energy), each with the fewest switches that reach it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/front_search.h"
#include "plan/plan.h"
#include "plan/solver.h"
#include "plan/wide.h"

#define FRONT_MEMORY ((size_t)2 << 30)
#define TRELLIS_SHARE 64 /* that part of it: each gap between supported points keeps bounds of all states */
#define LABEL_BYTES 16   /* that a kept label takes: its trace, and what arrays that grow have to spare */
#define NO_MAPPING "no mapping exists within the limits of segments and switches"

/* ---- the result ---- */

typedef struct owned {
    mae_front front;
    mae_front_point *points;
    int *mappings;
} owned;

static mae_error *new_front(size_t n_points, size_t n_layers, owned **ret_front)
{
    owned *o = calloc(1, sizeof *o);
    if (!o)
        return mae_error_nomem();
    o->points = calloc(n_points + 1, sizeof *o->points);
    o->mappings = malloc((n_points + 1) * n_layers * sizeof *o->mappings);
    o->front = (mae_front){.n_points = n_points, .points = o->points, .exact = true, .priv = o};
    if (!o->points || !o->mappings) {
        mae_front_destroy(&o->front);
        return mae_error_nomem();
    }
    for (size_t i = 0; i < n_points; i++)
        o->points[i].mapping = &o->mappings[i * n_layers];
    *ret_front = o;
    return NULL;
}

void mae_front_destroy(mae_front *front)
{
    if (!front)
        return;
    owned *o = front->priv;
    free(o->points);
    free(o->mappings);
    free(o);
}

static mae_error *hand_out(const mae_front_search *s, mae_front **ret_front)
{
    const mae_model *m = s->t->model;
    owned *o = NULL;
    MAE_TRY(new_front(s->n_hits, (size_t)m->n, &o));
    int **mappings = malloc((s->n_hits + 1) * sizeof *mappings);
    if (!mappings) {
        mae_front_destroy(&o->front);
        return mae_error_nomem();
    }
    for (size_t i = 0; i < s->n_hits; i++) {
        mappings[i] = o->points[i].mapping;
        o->points[i].cost = s->hits[i].cost;
    }
    mae_front_search_mappings(s, 0, s->n_hits, mappings);
    for (size_t i = 0; i < s->n_hits * (size_t)m->n; i++)
        o->mappings[i] = m->pe_of[o->mappings[i]];
    free(mappings);
    *ret_front = &o->front;
    return NULL;
}

/* Without energy: the fastest mapping alone. */
static mae_error *single_point(const mae_profile *profile, const mae_goal *goal, mae_front **ret_front)
{
    mae_goal fastest = MAE_GOAL_INIT;
    mae_solution solution;
    owned *o = NULL;
    fastest.max_switches = goal->max_switches;
    MAE_TRY(mae_solve(profile, &fastest, NULL, &solution));
    mae_error *error = new_front(1, profile->n_layers, &o);
    if (!error) {
        memcpy(o->mappings, solution.mapping, profile->n_layers * sizeof *o->mappings);
        o->points[0].cost = solution.cost;
        *ret_front = &o->front;
    }
    free(solution.mapping);
    return error;
}

/* *ret_front stays NULL where there are too many labels. */
static mae_error *solve_on(const mae_trellis *t, int max_switches, double epsilon, size_t memory_bytes,
                           mae_front **ret_front)
{
    const mae_aim aim = {.kind = MAE_BY_ENERGY, .max_ms = INFINITY, .max_mj = INFINITY, .max_switches = -1};
    mae_front_search search = {.t = t, .max_switches = max_switches};
    mae_bounds *bounds = NULL;
    MAE_TRY(mae_bounds_create(t, &aim, &bounds));
    search.max_labels = memory_bytes / LABEL_BYTES < UINT32_MAX - 1 ? memory_bytes / LABEL_BYTES : UINT32_MAX - 1;
    mae_error *error = mae_front_search_run(&search, bounds, epsilon);
    if (!error && search.n_hits == 0 && !search.too_many)
        error = mae_error_new(MAE_ERR_INFEASIBLE, NO_MAPPING);
    if (!error && !search.too_many)
        error = hand_out(&search, ret_front);
    mae_front_search_finish(&search);
    mae_bounds_destroy(bounds);
    return error;
}

/* Where there is no room for the whole. */
static mae_error *solve_wide(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes,
                             mae_front **ret_front)
{
    mae_wide_front wide;
    owned *o = NULL;
    MAE_TRY(mae_wide_front_solve(m, max_switches, epsilon, memory_bytes, &wide));
    mae_error *error = NULL;
    if (!isfinite(wide.epsilon))
        error = mae_error_new(MAE_ERR_FAILED,
                              "there is no room for the front of so wide a network, even with --front-epsilon");
    else if (wide.n == 0)
        error = mae_error_new(MAE_ERR_INFEASIBLE, NO_MAPPING);
    else
        error = new_front(wide.n, (size_t)m->n, &o);
    for (size_t i = 0; i < wide.n && !error; i++) {
        for (int l = 0; l < m->n; l++)
            o->points[i].mapping[l] = m->pe_of[wide.answers[i].mapping[l]];
        o->points[i].cost = wide.answers[i].cost;
    }
    if (!error) {
        o->front.exact = wide.exact;
        o->front.epsilon = wide.epsilon;
        *ret_front = &o->front;
    }
    mae_wide_front_finish(&wide);
    return error;
}

static mae_error *solve_model(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes,
                              mae_front **ret_front)
{
    mae_trellis *t = NULL;
    mae_front *front = NULL;
    MAE_TRY(mae_trellis_create(m, NULL, memory_bytes / TRELLIS_SHARE, &t));
    mae_error *error = t ? solve_on(t, max_switches, epsilon, memory_bytes, &front) : NULL;
    mae_trellis_destroy(t);
    if (!error && front) {
        front->exact = epsilon == 0;
        front->epsilon = epsilon;
    } else if (!error) {
        error = solve_wide(m, max_switches, epsilon, memory_bytes, &front);
    }
    if (!error)
        *ret_front = front;
    return error;
}

mae_error *mae_front_within(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits,
                            double epsilon, mae_front **ret_front)
{
    mae_model *model = NULL;
    MAE_TRY(mae_goal_check(goal));
    if (goal->schedule != MAE_SERIAL)
        return mae_error_new(MAE_ERR_USAGE, "fronts are of serial frames");
    if (!(epsilon >= 0) || !isfinite(epsilon))
        return mae_error_new(MAE_ERR_USAGE, "the front's epsilon is %g: it must be 0 or more", epsilon);
    if (profile->energy == MAE_ENERGY_NONE)
        return single_point(profile, goal, ret_front);
    size_t memory_bytes = limits && limits->memory_bytes > 0 ? limits->memory_bytes : FRONT_MEMORY;
    MAE_TRY(mae_model_create(profile, goal->period_ms, UINT64_MAX, &model));
    mae_error *error = solve_model(model, goal->max_switches, epsilon, memory_bytes, ret_front);
    mae_model_destroy(model);
    return error;
}

mae_error *mae_front_solve(const mae_profile *profile, const mae_goal *goal, double epsilon, mae_front **ret_front)
{
    return mae_front_within(profile, goal, NULL, epsilon, ret_front);
}
