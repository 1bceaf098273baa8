#include "core/plan_replicas.h"

#include <math.h>

#include "core/profile_priv.h"

/* ---- writing ---- */

static json_t *write_energy(const mae_plan *plan, double mj)
{
    return plan->has_energy ? json_real(mj) : json_null();
}

static json_t *write_replica(mae_json_writer *out, const mae_plan *plan, const mae_plan_replica *replica)
{
    json_t *object = json_object(), *loads = json_array();
    mae_json_put(out, object, "segments", mae_plan_write_segments(out, replica->segments, replica->n_segments));
    mae_json_put(out, object, "period_ms", json_real(replica->period_ms));
    mae_json_put(out, object, "latency_ms", json_real(replica->cost.latency_ms));
    mae_json_put(out, object, "energy_mj", write_energy(plan, replica->cost.energy_mj));
    mae_json_put(out, object, "switches", json_integer(replica->cost.switches));
    for (size_t i = 0; i < replica->n_loads; i++) {
        json_t *load = json_object();
        mae_json_put(out, load, "resource", json_string(replica->loads[i].resource));
        mae_json_put(out, load, "time_ms", json_real(replica->loads[i].ms));
        mae_json_append(out, loads, load);
    }
    mae_json_put(out, object, "loads", loads);
    return object;
}

json_t *mae_plan_write_throughput(mae_json_writer *out, const mae_plan *plan)
{
    const mae_plan_throughput *throughput = plan->throughput;
    json_t *object = json_object(), *replicas = json_array();
    mae_json_put(out, object, "period_ms", json_real(throughput->period_ms));
    mae_json_put(out, object, "latency_ms", json_real(throughput->latency_ms));
    mae_json_put(out, object, "energy_mj", write_energy(plan, throughput->energy_mj));
    for (size_t i = 0; i < throughput->n_replicas; i++)
        mae_json_append(out, replicas, write_replica(out, plan, &throughput->replicas[i]));
    mae_json_put(out, object, "replicas", replicas);
    return object;
}

/* ---- reading ---- */

static mae_error *read_energy(const mae_reader *r, const mae_place *at, mae_plan *plan, double *ret_mj)
{
    json_t *energy = json_object_get(at->object, "energy_mj");
    if (!energy || json_is_null(energy))
        return NULL;
    plan->has_energy = true;
    return mae_reader_number(r, at, "energy_mj", true, HUGE_VAL, ret_mj);
}

static mae_error *read_loads(const mae_reader *r, const mae_place *at, mae_plan_replica *replica)
{
    json_t *list;
    MAE_TRY(mae_reader_value(r, at, "loads", JSON_ARRAY, false, &list));
    size_t n = json_array_size(list);
    const char *name = mae_arena_printf(r->arena, "%s[%ld].loads", at->list, at->index);
    mae_plan_load *loads = mae_arena_array(r->arena, n, sizeof *loads);
    if (!name || !loads)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place load = {.list = name, .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(mae_reader_object(r, &load));
        MAE_TRY(mae_reader_string(r, &load, "resource", true, &loads[i].resource));
        MAE_TRY(mae_reader_number(r, &load, "time_ms", true, HUGE_VAL, &loads[i].ms));
    }
    replica->loads = loads;
    replica->n_loads = n;
    return NULL;
}

static mae_error *read_replica(const mae_reader *r, const mae_place *at, mae_plan *plan, mae_plan_replica *replica)
{
    json_t *segments;
    double switches = 0;
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_value(r, at, "segments", JSON_ARRAY, true, &segments));
    const char *name = mae_arena_printf(r->arena, "%s[%ld].segments", at->list, at->index);
    if (!name)
        return mae_error_nomem();
    MAE_TRY(mae_plan_read_segments(r, name, segments, &replica->segments, &replica->n_segments));
    MAE_TRY(mae_reader_number(r, at, "period_ms", true, HUGE_VAL, &replica->period_ms));
    MAE_TRY(mae_reader_number(r, at, "latency_ms", true, HUGE_VAL, &replica->cost.latency_ms));
    MAE_TRY(mae_reader_number(r, at, "switches", false, 1e9, &switches));
    replica->cost.switches = (int)switches;
    MAE_TRY(read_energy(r, at, plan, &replica->cost.energy_mj));
    return read_loads(r, at, replica);
}

static mae_error *read_replicas(const mae_reader *r, const mae_place *at, mae_plan *plan,
                                mae_plan_throughput *throughput)
{
    json_t *list;
    MAE_TRY(mae_reader_value(r, at, "replicas", JSON_ARRAY, true, &list));
    size_t n = json_array_size(list);
    if (n == 0 || n > MAE_PROFILE_MAX_PES)
        return mae_reader_error(r, at, "replicas", "has %zu entries: 1 to %d are allowed", n, MAE_PROFILE_MAX_PES);
    const char *name = mae_arena_printf(r->arena, "%s.replicas", at->list);
    mae_plan_replica *replicas = mae_arena_array(r->arena, n, sizeof *replicas);
    if (!name || !replicas)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place replica = {.list = name, .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(read_replica(r, &replica, plan, &replicas[i]));
    }
    throughput->replicas = replicas;
    throughput->n_replicas = n;
    return NULL;
}

mae_error *mae_plan_read_throughput(const mae_reader *r, const mae_place *of, mae_plan *plan)
{
    mae_place at = {.index = -1};
    MAE_TRY(mae_reader_value(r, of, "throughput", JSON_OBJECT, false, &at.object));
    if (!at.object)
        return NULL;
    mae_plan_throughput *throughput = mae_arena_alloc(r->arena, sizeof *throughput);
    at.list = of->list ? mae_arena_printf(r->arena, "%s.throughput", of->list) : "throughput";
    if (!throughput || !at.list)
        return mae_error_nomem();
    MAE_TRY(mae_reader_number(r, &at, "period_ms", true, HUGE_VAL, &throughput->period_ms));
    MAE_TRY(mae_reader_number(r, &at, "latency_ms", true, HUGE_VAL, &throughput->latency_ms));
    MAE_TRY(read_energy(r, &at, plan, &throughput->energy_mj));
    MAE_TRY(read_replicas(r, &at, plan, throughput));
    plan->throughput = throughput;
    return NULL;
}
