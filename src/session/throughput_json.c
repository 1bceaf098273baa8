/* Throughput as a mae-bench object (docs/formats.md, section 4). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "session/internal.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *interval(const mae_throughput_ci *value)
{
    return json_pack("[f,f]", value->low, value->high);
}

static json_t *entry(const mae_throughput_entry *e, bool offered)
{
    static const char *const kinds[] = {"single_pe", "arrangement", "session"};
    json_t *object = json_pack("{s:s,s:s,s:b,s:b,s:b,s:o}", "name", e->name, "kind", kinds[e->kind], "raced", e->raced,
                               "offered", offered, "verified", e->verified, "max_rel", number(e->max_rel));
    if (object && e->reason)
        json_object_set_new(object, "reason", json_string(e->reason));
    if (object && !e->reason)
        json_object_set_new(object, "quick_ms", json_real(e->quick_ms));
    if (object && e->kind == MAE_THROUGHPUT_PLAN)
        json_object_set_new(object, "predicted_period_ms", json_real(e->plan->throughput->period_ms));
    if (!object || !e->raced)
        return object;
    json_object_set_new(object, "period_ms", json_real(e->period_ms.median));
    json_object_set_new(object, "ci_ms", interval(&e->period_ms));
    json_object_set_new(object, "frames_per_second", number(1e3 / e->period_ms.median));
    json_object_set_new(
        object, "latency_ms",
        json_pack("{s:f,s:o,s:f}", "p50", e->latency_ms.median, "ci", interval(&e->latency_ms), "p99", e->p99_ms));
    return object;
}

static json_t *throughput_part(const mae_throughput *t)
{
    json_t *entries = json_array(), *ratios = json_array();
    for (size_t i = 0; i < t->n_entries; i++)
        json_array_append_new(entries, entry(&t->entries[i], i == t->offered));
    for (size_t i = 0; i < t->n_ratios; i++)
        json_array_append_new(ratios, json_pack("{s:s,s:s,s:f,s:o}", "beside", t->entries[t->ratios[i].entry].name,
                                                "what", t->ratios[i].what, "frames", t->ratios[i].ratio.median, "ci",
                                                interval(&t->ratios[i].ratio)));
    return json_pack("{s:s,s:I,s:o,s:o}", "offered", t->entries[t->offered].name, "resources",
                     (json_int_t)t->n_resources, "entries", entries, "ratios", ratios);
}

/* A single PE's latency is its period. */
static json_t *singles(const mae_throughput *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n_entries; i++) {
        const mae_throughput_entry *e = &t->entries[i];
        if (e->kind != MAE_THROUGHPUT_SINGLE)
            continue;
        json_t *object = json_pack("{s:s,s:b}", "pe", e->name, "complete", !e->reason);
        if (object && e->reason)
            json_object_set_new(object, "reason", json_string(e->reason));
        if (object && !e->reason) {
            json_object_set_new(object, "latency_ms", json_real(e->raced ? e->period_ms.median : e->quick_ms));
            if (e->raced)
                json_object_set_new(object, "ci_ms", interval(&e->period_ms));
            json_object_set_new(object, "verified", json_boolean(e->verified));
            json_object_set_new(object, "max_rel", number(e->max_rel));
        }
        json_array_append_new(list, object);
    }
    return list;
}

/* Segments are those of the first replica; its frames wait for no other. */
static mae_error *plan_part(const mae_throughput *t, json_t **ret_part)
{
    const mae_throughput_entry *e = &t->entries[t->offered];
    char *text;
    MAE_TRY(mae_plan_to_json(e->plan, &text));
    json_t *plan = json_loads(text, 0, NULL);
    free(text);
    *ret_part = json_pack("{s:O,s:f,s:f,s:o,s:b,s:b,s:O}", "segments", json_object_get(plan, "segments"),
                          "predicted_ms", e->plan->throughput->latency_ms, "latency_ms", e->latency_ms.median, "ci_ms",
                          interval(&e->latency_ms), "optimal", e->plan->optimal, "single_pe", 0, "throughput",
                          json_object_get(plan, "throughput"));
    json_decref(plan);
    return *ret_part ? NULL : mae_error_nomem();
}

static json_t *maeg_part(const mae_throughput *t)
{
    for (size_t i = 0; i < t->n_ratios; i++) {
        const mae_throughput_ratio *r = &t->ratios[i];
        if (strcmp(r->what, "best_single") != 0)
            continue;
        return json_pack("{s:o,s:f,s:[f,f],s:s,s:b}", "predicted",
                         t->entries[t->offered].plan->has_maeg ? json_real(t->entries[t->offered].plan->maeg)
                                                               : json_null(),
                         "measured", 1 - 1 / r->ratio.median, "ci", 1 - 1 / r->ratio.low, 1 - 1 / r->ratio.high,
                         "baseline", t->entries[r->entry].name, "enables", 0);
    }
    return json_pack("{s:n,s:n,s:n,s:n,s:b}", "predicted", "measured", "ci", "baseline", "enables", 1);
}

mae_error *mae_throughput_to_json(const mae_throughput *t, char **ret_text)
{
    json_t *plan = NULL;
    const mae_throughput_entry *e = &t->entries[t->offered];
    MAE_TRY(plan_part(t, &plan));
    json_t *root =
        json_pack("{s:s,s:i,s:{s:s,s:s},s:{s:s},s:I,s:I,s:o,s:o,s:o,s:{s:n,s:o,s:b},s:o}", "format", "mae-bench",
                  "version", 1, "model", "name", t->profile->model_name, "sha256", t->profile->model_sha256, "goal",
                  "minimize", "period", "threads", (json_int_t)t->n_resources, "rounds", (json_int_t)t->rounds,
                  "single_pe", singles(t), "plan", plan, "maeg", maeg_part(t), "verify", "max_abs", "max_rel",
                  number(e->max_rel), "ok", e->verified, "throughput", throughput_part(t));
    if (!root)
        return mae_error_nomem();
    mae_error *error = mae_json_text(root, ret_text);
    json_decref(root);
    return error;
}
