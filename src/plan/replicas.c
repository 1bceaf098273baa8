/* Plan objects for arrangements: what replicas cost together (docs/formats.md, section 3). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"
#include "core/plan.h"
#include "core/plan_replicas.h"
#include "plan/plan.h"

typedef struct work {
    const mae_profile *profile;
    mae_cost_index index;
    mae_arena *arena;
    double *per_pe; /* loads */
    int *user;      /* per PE, of the first with its resource: the replica that uses that; -1: none */
} work;

/* The first PE with the same resource. */
static int resource_of(const mae_profile *p, int pe)
{
    int first = 0;
    while (strcmp(p->pes[first].resource, p->pes[pe].resource) != 0)
        first++;
    return first;
}

/* Each resource has one stage, in one replica; its loads are counted in the order of stages. */
static mae_error *check_stages(work *w, const int *mapping, int replica, size_t *ret_stages)
{
    const mae_profile *p = w->profile;
    size_t stages = 0;
    for (int l = 0, before = -1; l < (int)p->n_layers; l++) {
        int resource = resource_of(p, mapping[l]);
        if (resource == before)
            continue;
        if (w->user[resource] == replica)
            return mae_error_new(MAE_ERR_INFEASIBLE, "replica %d returns to the resource %s at layer \"%s\"",
                                 replica + 1, p->pes[resource].resource, p->layers[l].name);
        if (w->user[resource] >= 0)
            return mae_error_new(MAE_ERR_INFEASIBLE, "replicas %d and %d both use the resource %s",
                                 w->user[resource] + 1, replica + 1, p->pes[resource].resource);
        w->user[resource] = replica;
        before = resource;
        stages++;
    }
    *ret_stages = stages;
    return NULL;
}

static mae_error *fill_loads(work *w, const int *mapping, size_t stages, mae_plan_replica *replica)
{
    const mae_profile *p = w->profile;
    mae_plan_load *loads = mae_arena_array(w->arena, stages, sizeof *loads);
    if (!loads)
        return mae_error_nomem();
    MAE_TRY(mae_cost_loads(&w->index, mapping, w->per_pe));
    for (int l = 0, before = -1, stage = -1; l < (int)p->n_layers; l++) {
        int resource = resource_of(p, mapping[l]);
        if (resource == before)
            continue;
        before = resource;
        mae_plan_load *load = &loads[++stage];
        load->resource = mae_arena_strdup(w->arena, p->pes[resource].resource);
        if (!load->resource)
            return mae_error_nomem();
        for (int pe = 0; pe < (int)p->n_pes; pe++)
            if (resource_of(p, pe) == resource)
                load->ms += w->per_pe[pe];
        replica->period_ms = fmax(replica->period_ms, load->ms);
    }
    replica->loads = loads;
    replica->n_loads = stages;
    return NULL;
}

static mae_error *make_replica(work *w, const int *mapping, int number, mae_plan_replica *replica)
{
    size_t stages = 0;
    MAE_TRY(mae_cost_of(&w->index, mapping, 0, &replica->cost)); /* also that the mapping is allowed */
    MAE_TRY(check_stages(w, mapping, number, &stages));
    MAE_TRY(fill_loads(w, mapping, stages, replica));
    if (!mae_plan_cut(w->arena, w->profile, mapping, &replica->segments, &replica->n_segments))
        return mae_error_nomem();
    return NULL;
}

static double rate_of(double period_ms)
{
    return period_ms > 0 ? 1 / period_ms : INFINITY;
}

/* Of all together; then the idle draw is known that a frame's energy has in it. */
static void sum_up(const mae_profile *p, mae_plan_replica *replicas, size_t n, mae_plan_throughput *sum)
{
    double rate = 0, mj = 0;
    for (size_t i = 0; i < n; i++) {
        rate += rate_of(replicas[i].period_ms);
        sum->latency_ms = fmax(sum->latency_ms, replicas[i].cost.latency_ms);
    }
    sum->period_ms = 1 / rate;
    for (size_t i = 0; i < n && p->energy != MAE_ENERGY_NONE; i++) {
        double share = isfinite(rate) ? rate_of(replicas[i].period_ms) / rate : 1 / (double)n;
        replicas[i].cost.energy_mj += p->static_w * (sum->period_ms - replicas[i].cost.latency_ms);
        mj += share * replicas[i].cost.energy_mj;
    }
    sum->energy_mj = mj;
    sum->n_replicas = n;
    sum->replicas = replicas;
}

/* By rising latency; few. */
static void sort(mae_plan_replica *replicas, const int **mappings, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && replicas[k].cost.latency_ms < replicas[k - 1].cost.latency_ms; k--) {
            mae_plan_replica replica = replicas[k];
            const int *mapping = mappings[k];
            replicas[k] = replicas[k - 1];
            mappings[k] = mappings[k - 1];
            replicas[k - 1] = replica;
            mappings[k - 1] = mapping;
        }
}

static mae_error *make_all(work *w, const int **mappings, size_t n, mae_plan_throughput **ret_throughput)
{
    mae_plan_throughput *throughput = mae_arena_alloc(w->arena, sizeof *throughput);
    mae_plan_replica *replicas = mae_arena_array(w->arena, n, sizeof *replicas);
    w->per_pe = mae_arena_array(w->arena, w->profile->n_pes, sizeof *w->per_pe);
    w->user = mae_arena_array(w->arena, w->profile->n_pes, sizeof *w->user);
    if (!throughput || !replicas || !w->per_pe || !w->user)
        return mae_error_nomem();
    for (size_t pe = 0; pe < w->profile->n_pes; pe++)
        w->user[pe] = -1;
    for (size_t i = 0; i < n; i++)
        MAE_TRY(mae_error_wrap(make_replica(w, mappings[i], (int)i, &replicas[i]), "replica %zu", i + 1));
    sort(replicas, mappings, n);
    sum_up(w->profile, replicas, n, throughput);
    *ret_throughput = throughput;
    return NULL;
}

/* What is made before the plan moves into its arena: the mapping that comes first is only known then. */
static mae_error *fill_plan(const mae_profile *profile, const mae_goal *goal, const int **mappings, size_t n,
                            mae_plan *plan)
{
    work w = {.profile = profile, .arena = mae_plan_private(plan)->arena};
    mae_plan_throughput *throughput = NULL;
    MAE_TRY(mae_cost_index_init(&w.index, profile));
    mae_error *error = make_all(&w, mappings, n, &throughput);
    mae_cost_index_finish(&w.index);
    if (error)
        return error;
    plan->throughput = throughput;
    plan->segments = throughput->replicas[0].segments;
    plan->n_segments = throughput->replicas[0].n_segments;
    plan->gap = 1;
    return mae_plan_fill(profile, goal, mappings[0], plan);
}

mae_error *mae_plan_of_replicas(const mae_profile *profile, const mae_goal *goal, const int *const *mappings, size_t n,
                                mae_plan **ret_plan)
{
    mae_plan *plan = NULL;
    mae_prediction cost;
    MAE_TRY(mae_goal_check_period(goal));
    if (n == 0 || n > profile->n_pes)
        return mae_error_new(MAE_ERR_USAGE, "%zu replicas on %zu PEs", n, profile->n_pes);
    for (size_t i = 0; i < n; i++) /* also that every layer has a PE */
        MAE_TRY(mae_error_wrap(mae_eval(profile, mappings[i], 0, &cost), "replica %zu", i + 1));
    const int **sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return mae_error_nomem();
    memcpy(sorted, mappings, n * sizeof *sorted);
    mae_error *error = mae_plan_create(profile, goal, mappings[0], &plan);
    if (!error)
        error = fill_plan(profile, goal, sorted, n, plan);
    free(sorted);
    if (error) {
        mae_plan_destroy(plan);
        return error;
    }
    *ret_plan = plan;
    return NULL;
}
