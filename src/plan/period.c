/* The least period: pipelines on sets of resources (period_labels.c), and the sets that together give most frames. */
#include "plan/period.h"

#include <math.h>
#include <stdlib.h>

#include "plan/solver.h"

#define CELLS_SHARE 4 /* of the memory, for the trellis and what hangs on its states */

/* ---- the trellis ---- */

static double least_latency(const void *context, const double *least)
{
    (void)context;
    return least[0];
}

/* All states where they fit, else those through which frames are quickest; *ret_all says which. */
static mae_error *make_trellis(const mae_model *m, size_t memory_bytes, size_t n_groups, mae_trellis **ret_trellis,
                               bool *ret_all)
{
    static const double line[1][2] = {{1, 0}};
    size_t per_state = n_groups * 2 * sizeof(void *) + sizeof(mae_arc) * (size_t)m->n_pes;
    size_t room = memory_bytes / CELLS_SHARE, most = room / per_state / (size_t)(m->n + 1);
    mae_trellis *t = NULL;
    MAE_TRY(mae_trellis_create(m, NULL, room, &t));
    *ret_all = t && mae_trellis_states(t) * per_state <= room;
    if (!*ret_all) {
        mae_trellis_destroy(t);
        mae_dual_set duals = {.m = m};
        mae_scout scout = {.n_lines = 1,
                           .lines = line,
                           .score = least_latency,
                           .duals = &duals,
                           .upper = INFINITY,
                           .max_states = most > 0 ? most : 1};
        mae_error *error = mae_trellis_create(m, &scout, 0, &t);
        mae_dual_set_finish(&duals);
        MAE_TRY(error);
        *ret_all = !t->dropped;
    }
    *ret_trellis = t;
    return NULL;
}

/* ---- what is found ---- */

typedef struct found {
    size_t n;
    int *mappings[64]; /* the profile's PEs */
    double period_ms;
    bool all; /* nothing better is elsewhere */
} found;

static void finish(found *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->mappings[i]);
    f->n = 0;
}

static mae_error *take_chosen(mae_period_groups *groups, const bool *chosen, double rate, found *f)
{
    const mae_model *m = groups->m;
    f->period_ms = mae_model_ms(m, rate > 0 ? 1 / rate : INFINITY);
    for (size_t i = 0; i < groups->n; i++) {
        if (!chosen[i])
            continue;
        MAE_TRY(mae_period_refine(groups, i));
        int *mapping = malloc((size_t)m->n * sizeof *mapping);
        if (!mapping)
            return mae_error_nomem();
        for (int l = 0; l < m->n; l++)
            mapping[l] = m->pe_of[groups->groups[i].mapping[l]];
        f->mappings[f->n++] = mapping;
    }
    return NULL;
}

static mae_error *search(mae_period_groups *groups, found *f)
{
    double rate = 0;
    bool *chosen = calloc(groups->n + 1, sizeof *chosen);
    if (!chosen)
        return mae_error_nomem();
    uint64_t all = groups->resources->n < 64 ? (UINT64_C(1) << groups->resources->n) - 1 : UINT64_MAX;
    mae_error *error = mae_period_search(groups);
    if (!error)
        error = mae_period_share(groups, all, groups->n, &rate, chosen);
    if (!error)
        error = take_chosen(groups, chosen, rate, f);
    f->all = !groups->too_many && groups->resources->n <= MAE_PERIOD_EXACT;
    free(chosen);
    return error;
}

static int64_t quanta(double bound, double per)
{
    double most = bound * (1 + MAE_COST_EQUAL) * per;
    return most < 9e18 ? (int64_t)floor(most) : MAE_NEVER;
}

/* With frames of at most so much energy, idle draw aside. Nothing found: f->n is 0. */
static mae_error *search_within(const mae_model *m, const mae_goal *goal, double dynamic_mj, size_t memory_bytes,
                                found *f)
{
    mae_period_resources resources;
    mae_period_find_resources(m, &resources);
    mae_period_groups groups = {.m = m,
                                .resources = &resources,
                                .bounds = {MAE_NEVER, MAE_NEVER, goal->max_switches},
                                .memory_bytes = memory_bytes - memory_bytes / CELLS_SHARE};
    if (goal->max_latency_ms > 0)
        groups.bounds.lat = quanta(goal->max_latency_ms, m->per_ms);
    if (isfinite(dynamic_mj))
        groups.bounds.en = quanta(dynamic_mj, m->per_mj);
    mae_trellis *t = NULL;
    bool all = false;
    MAE_TRY(mae_period_groups_make(&groups));
    mae_error *error = make_trellis(m, memory_bytes, groups.n, &t, &all);
    groups.t = t;
    if (!error)
        error = search(&groups, f);
    f->all = f->all && all;
    mae_trellis_destroy(t);
    mae_period_groups_finish(&groups);
    return error;
}

/* The idle draw of a frame is that of its period. No arrangement is faster than what frames of the whole energy bound
 * allow, so all have at least that period's idle draw in their frames, which leaves the less for computing: the least
 * period that comes out unchanged is the least of all. */
static mae_error *search_bounds(const mae_model *m, const mae_goal *goal, double static_w, size_t memory_bytes,
                                found *f)
{
    double bound = mae_goal_energy_bound(goal), idle_ms = 0;
    for (;;) {
        finish(f);
        double left_mj = bound - static_w * idle_ms;
        if (left_mj < -MAE_COST_EQUAL * bound)
            return NULL;
        MAE_TRY(search_within(m, goal, fmax(left_mj, 0), memory_bytes, f));
        if (f->n == 0 || !isfinite(bound) || static_w == 0 || mae_cost_equal(f->period_ms, idle_ms) ||
            f->period_ms < idle_ms)
            return NULL;
        idle_ms = f->period_ms;
    }
}

/* ---- the plan ---- */

static mae_error *nothing_found(const found *f)
{
    if (!f->all)
        return mae_error_new(MAE_ERR_INFEASIBLE, "no arrangement that meets the bounds was found with the memory there "
                                                 "is; that there is none is not proven");
    return mae_error_new(MAE_ERR_INFEASIBLE, "no arrangement of replicas and stages meets the bounds, or a transfer "
                                             "that every one needs has no row");
}

static mae_error *make_plan(const mae_profile *profile, const mae_goal *goal, const mae_model *m, const found *f,
                            mae_plan **ret_plan)
{
    mae_plan *plan = NULL;
    if (f->n == 0)
        return nothing_found(f);
    MAE_TRY(mae_plan_of_replicas(profile, goal, (const int *const *)f->mappings, f->n, &plan));
    double least = mae_period_bound(profile), period = plan->throughput->period_ms;
    plan->optimal = (f->all && m->rounding <= MAE_COST_EQUAL) || mae_cost_equal(least, period) || period == 0;
    plan->gap = plan->optimal ? 0 : fmax(0, 1 - (f->all ? fmax(least, f->period_ms) : least) / period);
    *ret_plan = plan;
    return NULL;
}

mae_error *mae_period_plan(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits,
                           mae_plan **ret_plan)
{
    MAE_TRY(mae_goal_check_period(goal));
    MAE_TRY(mae_goal_check_energy(goal, profile));
    mae_profile idle_free = *profile; /* so that energies are those of computing alone */
    idle_free.static_w = 0;
    mae_model *model = NULL;
    MAE_TRY(mae_model_create(&idle_free, 0, UINT64_MAX, &model));
    found f = {.n = 0};
    mae_error *error = search_bounds(model, goal, profile->static_w, mae_default_memory(limits), &f);
    if (!error)
        error = make_plan(profile, goal, model, &f, ret_plan);
    finish(&f);
    mae_model_destroy(model);
    return error;
}
