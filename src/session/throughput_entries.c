/* What is measured: single PEs, arrangements, and one session for all processors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"
#include "core/profile.h"
#include "plan/solve.h"
#include "session/throughput.h"

static mae_error *add(mae_throughput_work *work, const char *name, mae_throughput_kind kind, mae_plan *plan,
                      mae_throughput_lane **ret_lane)
{
    if (!name || work->n == MAE_THROUGHPUT_MOST) {
        mae_plan_destroy(plan);
        return name ? mae_error_new(MAE_ERR_FAILED, "more than %d things to measure", MAE_THROUGHPUT_MOST)
                    : mae_error_nomem();
    }
    mae_throughput_lane *lane = &work->lanes[work->n++];
    *lane = (mae_throughput_lane){.entry = {.name = name, .kind = kind, .plan = plan},
                                  .context = work->context,
                                  .model = *work->model,
                                  .plan = plan};
    *ret_lane = lane;
    return NULL;
}

/* ---- one PE ---- */

/* Everything on one PE, which the profile need not know. */
static mae_error *plan_single(const mae_throughput_work *work, const char *pe, mae_plan **ret_plan)
{
    const mae_graph *graph = work->graph;
    const mae_profile_pe only = {.name = pe, .resource = pe, .backend = "", .precision = ""};
    mae_profile *profile = NULL;
    const mae_goal goal = MAE_GOAL_INIT;
    int *mapping = calloc(graph->n_layers + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = mae_profile_create(graph, &only, 1, &profile);
    for (int l = 0; l < (int)graph->n_layers && !error; l++)
        mae_profile_set_cost(profile, l, 0, &(mae_cost){.supported = true});
    if (!error)
        error = mae_plan_of_mapping(profile, &goal, mapping, ret_plan);
    mae_profile_destroy(profile);
    free(mapping);
    return error;
}

static const char *first_unsupported(const mae_throughput_work *work, const mae_model *model, int pe)
{
    for (size_t l = 0; l < work->graph->n_layers; l++) {
        const char *reason = NULL;
        if (!mae_model_supports(model, pe, (int)l, &reason))
            return mae_arena_printf(work->arena, "layer \"%s\" (%s): %s", work->graph->layers[l].name,
                                    work->graph->layers[l].op, reason ? reason : "unsupported");
    }
    return NULL;
}

static mae_error *add_pes(mae_throughput_work *work, mae_context *context, mae_throughput_kind kind)
{
    for (size_t p = 0; p < context->n_pes; p++) {
        mae_plan *plan = NULL;
        mae_throughput_lane *lane = NULL;
        const mae_pe_info *info = &context->infos[p];
        const char *name = kind == MAE_THROUGHPUT_SINGLE
                               ? info->name
                               : mae_arena_printf(work->arena, "%s, %d threads", info->backend, context->threads);
        MAE_TRY(plan_single(work, info->name, &plan));
        MAE_TRY(add(work, name, kind, plan, &lane));
        lane->context = context;
        lane->model.context = context;
        lane->entry.reason = first_unsupported(work, &lane->model, (int)p);
    }
    return NULL;
}

mae_error *mae_throughput_add_singles(mae_throughput_work *work)
{
    MAE_TRY(add_pes(work, work->context, MAE_THROUGHPUT_SINGLE));
    return work->whole ? add_pes(work, work->whole, MAE_THROUGHPUT_WHOLE) : NULL;
}

/* ---- arrangements ---- */

static bool same_segments(const mae_plan_replica *a, const mae_plan_replica *b)
{
    bool same = a->n_segments == b->n_segments;
    for (size_t s = 0; same && s < a->n_segments; s++)
        same = a->segments[s].n_layers == b->segments[s].n_layers && strcmp(a->segments[s].pe, b->segments[s].pe) == 0;
    return same;
}

static bool same_plans(const mae_plan *a, const mae_plan *b)
{
    size_t n = a->throughput->n_replicas;
    if (n != b->throughput->n_replicas)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < n && !found; k++)
            found = same_segments(&a->throughput->replicas[i], &b->throughput->replicas[k]);
        if (!found)
            return false;
    }
    return true;
}

/* Once each. An error is an arrangement that does not exist: nothing is added. */
static mae_error *add_plan(mae_throughput_work *work, const char *name, mae_error *error, mae_plan *plan)
{
    mae_throughput_lane *lane;
    mae_code code = mae_error_code(error);
    if (code == MAE_ERR_INFEASIBLE || code == MAE_ERR_UNSUPPORTED) {
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    for (size_t i = 0; i < work->n; i++)
        if (work->lanes[i].entry.kind == MAE_THROUGHPUT_PLAN && same_plans(work->lanes[i].plan, plan)) {
            mae_plan_destroy(plan);
            return NULL;
        }
    return add(work, name, MAE_THROUGHPUT_PLAN, plan, &lane);
}

static mae_goal least_period(void)
{
    mae_goal goal = MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_PERIOD;
    return goal;
}

/* The first PE with the same resource. */
static size_t resource_of(const mae_profile *p, size_t pe)
{
    size_t first = 0;
    while (strcmp(p->pes[first].resource, p->pes[pe].resource) != 0)
        first++;
    return first;
}

/* A replica for each resource: `choose` writes its mapping, or says that there is none. */
typedef mae_error *choose_fn(const mae_throughput_work *work, size_t resource, const void *ctx, bool *ret_is,
                             int *mapping);

static mae_error *add_replicas(mae_throughput_work *work, const char *name, choose_fn *choose, const void *ctx)
{
    const mae_profile *p = work->profile;
    const mae_goal goal = least_period();
    size_t n = 0;
    int *mappings = calloc(p->n_pes * p->n_layers + 1, sizeof *mappings);
    const int **list = calloc(p->n_pes + 1, sizeof *list);
    mae_error *error = mappings && list ? NULL : mae_error_nomem();
    for (size_t pe = 0; pe < p->n_pes && !error; pe++) {
        bool is = false;
        if (resource_of(p, pe) != pe)
            continue;
        list[n] = &mappings[n * p->n_layers];
        error = choose(work, pe, ctx, &is, &mappings[n * p->n_layers]);
        n += is && !error;
    }
    mae_plan *plan = NULL;
    if (!error && n > 0) {
        error = mae_plan_of_replicas(p, &goal, list, n, &plan);
        error = add_plan(work, name, error, plan);
    }
    free(mappings);
    free(list);
    return error;
}

static void map_all(const mae_throughput_work *work, size_t pe, bool *ret_is, int *mapping)
{
    mae_prediction cost;
    for (size_t l = 0; l < work->profile->n_layers; l++)
        mapping[l] = (int)pe;
    mae_error *error = mae_eval(work->profile, mapping, 0, &cost);
    *ret_is = !error;
    mae_error_free(error);
}

static mae_error *choose_backend(const mae_throughput_work *work, size_t resource, const void *ctx, bool *ret_is,
                                 int *mapping)
{
    const mae_profile *p = work->profile;
    for (size_t pe = 0; pe < p->n_pes && !*ret_is; pe++)
        if (resource_of(p, pe) == resource && strcmp(p->pes[pe].backend, ctx) == 0)
            map_all(work, pe, ret_is, mapping);
    return NULL;
}

static mae_error *choose_mapping(const mae_throughput_work *work, size_t resource, const void *ctx, bool *ret_is,
                                 int *mapping)
{
    const mae_profile *p = work->profile;
    const mae_goal quickest = MAE_GOAL_INIT;
    mae_solution *solutions = NULL;
    size_t n = 0;
    uint64_t pes = 0;
    (void)ctx;
    for (size_t pe = 0; pe < p->n_pes; pe++)
        pes |= (uint64_t)(resource_of(p, pe) == resource) << pe;
    mae_error *error = mae_solve_with(p, &quickest, NULL, pes, 1, &solutions, &n);
    mae_code code = mae_error_code(error);
    if (code == MAE_ERR_INFEASIBLE || code == MAE_ERR_UNSUPPORTED) {
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    memcpy(mapping, solutions[0].mapping, p->n_layers * sizeof *mapping);
    mae_solutions_free(solutions, n);
    *ret_is = true;
    return NULL;
}

/* By the quick times. */
static mae_error *choose_pe(const mae_throughput_work *work, size_t resource, const void *ctx, bool *ret_is,
                            int *mapping)
{
    const mae_profile *p = work->profile;
    double best = INFINITY;
    size_t chosen = 0;
    (void)ctx;
    for (size_t i = 0; i < work->n; i++) {
        const mae_throughput_entry *entry = &work->lanes[i].entry;
        int pe = entry->kind == MAE_THROUGHPUT_SINGLE ? mae_profile_find_pe(p, entry->name) : -1;
        if (pe < 0 || resource_of(p, (size_t)pe) != resource || entry->reason || !entry->verified ||
            entry->quick_ms >= best)
            continue;
        best = entry->quick_ms;
        chosen = (size_t)pe;
    }
    if (isfinite(best))
        map_all(work, chosen, ret_is, mapping);
    return NULL;
}

mae_error *mae_throughput_add_plans(mae_throughput_work *work)
{
    const mae_profile *p = work->profile;
    const mae_goal goal = least_period();
    mae_plan *plan = NULL;
    mae_error *error = mae_plan_solve(p, &goal, &plan);
    MAE_TRY(add_plan(work, "planned", error, plan));
    for (size_t pe = 0; pe < p->n_pes; pe++) {
        size_t first = 0;
        while (strcmp(p->pes[first].backend, p->pes[pe].backend) != 0)
            first++;
        if (first == pe && *p->pes[pe].backend)
            MAE_TRY(add_replicas(work, mae_arena_printf(work->arena, "%s on each resource", p->pes[pe].backend),
                                 choose_backend, p->pes[pe].backend));
    }
    return add_replicas(work, "best mapping on each resource", choose_mapping, NULL);
}

mae_error *mae_throughput_add_best_pes(mae_throughput_work *work)
{
    return add_replicas(work, "best PE on each resource", choose_pe, NULL);
}

bool mae_throughput_is_sessions(const mae_throughput_lane *lane)
{
    const mae_plan_throughput *t = lane->plan->throughput;
    bool all = lane->entry.kind == MAE_THROUGHPUT_PLAN && t && t->n_replicas > 1;
    for (size_t i = 0; all && i < t->n_replicas; i++) {
        const mae_plan_replica *replica = &t->replicas[i];
        all = replica->n_segments == 1;
        for (size_t p = 0; all && p < lane->context->n_pes; p++)
            if (strcmp(lane->context->infos[p].name, replica->segments[0].pe) == 0)
                all = strcmp(lane->context->infos[p].backend, "ort") == 0;
    }
    return all;
}
