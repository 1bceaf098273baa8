/* The part of bench results that `mae bench --throughput` adds (docs/formats.md, section 4). */
#include <math.h>
#include <string.h>

#include "core/plan_replicas.h"
#include "report/read.h"

#define MOST_ENTRIES 1000

static mae_error *read_kind(const mae_reader *r, const mae_place *at, mae_report_entry_kind *ret_kind)
{
    static const char *const texts[] = {"single_pe", "arrangement", "session"};
    const char *text = "";
    MAE_TRY(mae_reader_string(r, at, "kind", true, &text));
    for (int kind = 0; kind < 3; kind++)
        if (strcmp(text, texts[kind]) == 0) {
            *ret_kind = (mae_report_entry_kind)kind;
            return NULL;
        }
    return mae_reader_error(r, at, "kind", "is not single_pe, arrangement or session");
}

/* What a race adds. */
static mae_error *read_race(const mae_reader *r, const mae_place *at, mae_report_entry *e)
{
    const char *place = mae_arena_printf(r->arena, "throughput.entries[%ld].latency_ms", at->index);
    mae_place latency = {.list = place, .index = -1};
    bool exists;
    if (!place)
        return mae_error_nomem();
    MAE_TRY(mae_report_read_value(r, at, "period_ms", "ci_ms", &e->period_ms));
    if (!e->period_ms.exists || !e->period_ms.has_interval)
        return mae_reader_error(r, at, e->period_ms.exists ? "ci_ms" : "period_ms", "is missing");
    MAE_TRY(mae_report_read_real(r, at, "frames_per_second", &e->per_second.exists, &e->per_second.value));
    MAE_TRY(mae_reader_value(r, at, "latency_ms", JSON_OBJECT, true, &latency.object));
    MAE_TRY(mae_report_read_value(r, &latency, "p50", "ci", &e->p50_ms));
    MAE_TRY(mae_report_read_real(r, &latency, "p99", &exists, &e->p99_ms));
    if (!exists || !e->p50_ms.exists)
        return mae_reader_error(r, &latency, exists ? "p50" : "p99", "is missing");
    /* The interval is the period's, turned over. */
    e->per_second.has_interval = e->period_ms.low > 0;
    e->per_second.low = 1e3 / e->period_ms.high;
    e->per_second.high = 1e3 / e->period_ms.low;
    return NULL;
}

static mae_error *read_entry(const mae_reader *r, const mae_place *at, mae_report_entry *e)
{
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_string(r, at, "name", true, &e->name));
    MAE_TRY(read_kind(r, at, &e->kind));
    e->reason = "";
    e->raced = json_is_true(json_object_get(at->object, "raced"));
    e->offered = json_is_true(json_object_get(at->object, "offered"));
    e->verified = json_is_true(json_object_get(at->object, "verified"));
    MAE_TRY(mae_reader_string(r, at, "reason", false, &e->reason));
    MAE_TRY(mae_report_read_real(r, at, "quick_ms", &e->quick_ms.exists, &e->quick_ms.value));
    MAE_TRY(mae_report_read_real(r, at, "predicted_period_ms", &e->predicted_ms.exists, &e->predicted_ms.value));
    if (!e->raced && !e->quick_ms.exists && !*e->reason)
        return mae_reader_error(r, at, NULL, "has neither a time nor a reason why there is none");
    return e->raced ? read_race(r, at, e) : NULL;
}

static mae_error *read_entries(const mae_reader *r, const mae_place *of, mae_report_throughput *t)
{
    json_t *list;
    MAE_TRY(mae_reader_value(r, of, "entries", JSON_ARRAY, true, &list));
    t->n_entries = json_array_size(list);
    if (t->n_entries == 0 || t->n_entries > MOST_ENTRIES)
        return mae_reader_error(r, of, "entries", "has %zu entries: 1 to %d are allowed", t->n_entries, MOST_ENTRIES);
    t->entries = mae_arena_array(r->arena, t->n_entries, sizeof *t->entries);
    if (!t->entries)
        return mae_error_nomem();
    for (size_t i = 0; i < t->n_entries; i++) {
        mae_place at = {.list = "throughput.entries", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(read_entry(r, &at, &t->entries[i]));
        t->entries[i].ref = mae_arena_printf(r->arena, "/bench/throughput/entries/%zu", i);
        if (!t->entries[i].ref)
            return mae_error_nomem();
        if (t->entries[i].offered)
            t->offered = &t->entries[i];
    }
    if (!t->offered || !t->offered->raced)
        return mae_reader_error(r, of, "entries", "none that was raced is offered");
    return NULL;
}

static mae_error *read_ratios(const mae_reader *r, const mae_place *of, mae_report_throughput *t)
{
    json_t *list;
    MAE_TRY(mae_reader_value(r, of, "ratios", JSON_ARRAY, true, &list));
    t->n_ratios = json_array_size(list);
    if (t->n_ratios > MOST_ENTRIES)
        return mae_reader_error(r, of, "ratios", "has %zu entries: %d are allowed", t->n_ratios, MOST_ENTRIES);
    t->ratios = mae_arena_array(r->arena, t->n_ratios, sizeof *t->ratios);
    if (!t->ratios)
        return mae_error_nomem();
    for (size_t i = 0; i < t->n_ratios; i++) {
        mae_place at = {.list = "throughput.ratios", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(mae_reader_object(r, &at));
        MAE_TRY(mae_reader_string(r, &at, "beside", true, &t->ratios[i].beside));
        MAE_TRY(mae_reader_string(r, &at, "what", true, &t->ratios[i].what));
        MAE_TRY(mae_report_read_value(r, &at, "frames", "ci", &t->ratios[i].frames));
        if (!t->ratios[i].frames.exists)
            return mae_reader_error(r, &at, "frames", "is missing");
    }
    return NULL;
}

/* The arrangement that is offered, as planned: within the bench's plan. */
static mae_error *read_arrangement(const mae_reader *r, const mae_place *plan, mae_report_throughput *t)
{
    mae_plan holder = {0};
    MAE_TRY(mae_plan_read_throughput(r, plan, &holder));
    t->arrangement = holder.throughput;
    t->has_energy = holder.has_energy;
    return NULL;
}

mae_error *mae_report_read_throughput(const mae_reader *r, const mae_place *plan, mae_report_throughput **ret)
{
    mae_place at;
    double resources = 0;
    *ret = NULL;
    MAE_TRY(mae_report_read_object(r, "throughput", false, &at));
    if (!at.object)
        return NULL;
    mae_report_throughput *t = mae_arena_alloc(r->arena, sizeof *t);
    if (!t)
        return mae_error_nomem();
    MAE_TRY(mae_reader_number(r, &at, "resources", true, 1e6, &resources));
    t->resources = (int)resources;
    MAE_TRY(read_entries(r, &at, t));
    MAE_TRY(read_ratios(r, &at, t));
    MAE_TRY(read_arrangement(r, plan, t));
    *ret = t;
    return NULL;
}
