/* A bench as the object of docs/formats.md, section 4. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "session/internal.h"

/* JSON has no infinity: an error beyond all numbers is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *interval(const mae_interval *value)
{
    return json_pack("[f,f]", value->low, value->high);
}

static bool has_energy(const mae_bench *bench)
{
    return bench->meter.measured || bench->profile->energy != MAE_ENERGY_NONE;
}

static const char *source_of(const mae_bench *bench)
{
    return bench->meter.measured ? "measured" : "predicted";
}

/* Energy by the meter, or by the profile's figures, and J where it is not the latency itself. */
static void add_goal_figures(json_t *object, const mae_bench *bench, double energy_mj, const mae_interval *measured_mj,
                             const mae_interval *objective)
{
    if (has_energy(bench)) {
        json_object_set_new(object, "energy_mj", json_real(energy_mj));
        if (bench->meter.measured)
            json_object_set_new(object, "ci_mj", interval(measured_mj));
        json_object_set_new(object, "energy_source", json_string(source_of(bench)));
    }
    if (bench->goal.minimize != MAE_MIN_LATENCY) {
        json_object_set_new(object, "objective", number(objective->median));
        json_object_set_new(object, "objective_ci", interval(objective));
    }
}

static json_t *entry(const mae_bench *bench, const char *name_key, const mae_bench_entry *of)
{
    json_t *object = json_pack("{s:s,s:b}", name_key, of->name, "complete", of->complete);
    if (object && of->complete) {
        json_object_set_new(object, "latency_ms", json_real(of->latency_ms.median));
        json_object_set_new(object, "ci_ms", interval(&of->latency_ms));
        json_object_set_new(object, "verified", json_boolean(of->verified));
        json_object_set_new(object, "max_rel", number(of->max_rel));
        json_object_set_new(object, "meets_bounds", json_boolean(of->meets_bounds));
        add_goal_figures(object, bench, of->energy_mj, &of->measured_mj, &of->objective);
    }
    if (object && *of->precision)
        json_object_set_new(object, "precision", json_string(of->precision));
    if (object && of->reason)
        json_object_set_new(object, "reason", json_string(of->reason));
    return object;
}

static json_t *entries(const mae_bench *bench, const char *name_key, const mae_bench_entry *list, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, entry(bench, name_key, &list[i]));
    return array;
}

/* The plan's own JSON, for its segments and its model. */
static mae_error *plan_object(const mae_plan *plan, json_t **ret_object)
{
    char *text;
    MAE_TRY(mae_plan_to_json(plan, &text));
    *ret_object = json_loads(text, 0, NULL);
    free(text);
    return *ret_object ? NULL : mae_error_nomem();
}

static json_t *precisions(const mae_bench *bench)
{
    json_t *list = json_array();
    for (size_t i = 0; i < bench->n_precisions; i++)
        json_array_append_new(list, json_string(bench->precisions[i]));
    return list;
}

static json_t *plan_part(const mae_bench *bench, const json_t *plan)
{
    json_t *part =
        json_pack("{s:O,s:f,s:f,s:o,s:b,s:b}", "segments", json_object_get(plan, "segments"), "predicted_ms",
                  bench->predicted_ms, "latency_ms", bench->latency_ms.median, "ci_ms", interval(&bench->latency_ms),
                  "optimal", bench->plan->optimal, "single_pe", bench->single_is_best);
    if (part && bench->profile->energy != MAE_ENERGY_NONE)
        json_object_set_new(part, "predicted_mj", json_real(bench->predicted_mj));
    if (part)
        json_object_set_new(part, "precisions", precisions(bench));
    if (part)
        add_goal_figures(part, bench, bench->energy_mj, &bench->measured_mj, &bench->objective);
    return part;
}

static json_t *maeg_part(const mae_bench *bench)
{
    if (!bench->baseline)
        return json_pack("{s:n,s:n,s:n,s:n,s:b,s:b}", "predicted", "measured", "ci", "baseline", "enables",
                         bench->enables, "mixed_precision", bench->mixed_precision);
    return json_pack("{s:f,s:f,s:o,s:s,s:b,s:b}", "predicted", bench->maeg_predicted, "measured", bench->maeg.median,
                     "ci", interval(&bench->maeg), "baseline", bench->baseline, "enables", bench->enables,
                     "mixed_precision", bench->mixed_precision);
}

static json_t *forecast(const mae_bench_forecast *of)
{
    if (!of->exists)
        return json_null();
    return json_pack("{s:f,s:f,s:o,s:I}", "p_beats", of->p_beats, "maeg", of->maeg.median, "ci", interval(&of->maeg),
                     "draws", (json_int_t)of->draws);
}

/* How the choice was made: what was promised, what was measured, and how good promises are. */
static json_t *choice_part(const mae_bench *bench)
{
    return json_pack("{s:o,s:o,s:f,s:f,s:I,s:I}", "before", forecast(&bench->before), "predicted",
                     forecast(&bench->predicted), "p_beats", bench->p_beats, "predicted_error", bench->predicted_error,
                     "candidates", (json_int_t)bench->candidates, "races", (json_int_t)bench->races);
}

static json_t *scale_part(const mae_bench *bench)
{
    static const char *const origins[] = {"none", "single_pes", "others"};
    return json_pack("{s:f,s:s}", "factor", bench->drift, "origin", origins[bench->scale]);
}

/* Where the energies come from. */
static json_t *energy_part(const mae_bench *bench)
{
    static const char *const sources[] = {
        [MAE_ENERGY_NONE] = "none", [MAE_ENERGY_METER] = "meter", [MAE_ENERGY_MODEL] = "model"};
    const mae_bench_meter *meter = &bench->meter;
    json_t *part = json_pack("{s:s,s:s}", "source", source_of(bench), "profile", sources[bench->profile->energy]),
           *rails;
    if (part && meter->reason)
        json_object_set_new(part, "reason", json_string(meter->reason));
    if (!part || !meter->measured)
        return part;
    rails = json_array();
    for (size_t i = 0; i < meter->n_rails; i++)
        json_array_append_new(rails, json_string(meter->rails[i]));
    json_object_set_new(part, "meter", json_string(meter->meter));
    json_object_set_new(part, "rails", rails);
    json_object_set_new(part, "rounds", json_integer((json_int_t)meter->rounds));
    json_object_set_new(part, "span_ms", json_real(meter->span_s * 1e3));
    json_object_set_new(part, "static_w", json_real(meter->static_w));
    json_object_set_new(part, "static_source", json_string(meter->static_stated ? "stated" : "measured"));
    json_object_set_new(part, "throttled", json_boolean(meter->throttled));
    return part;
}

static json_t *whole(const mae_bench *bench, const json_t *plan)
{
    const mae_verdict *verdict = &bench->verdict;
    return json_pack("{s:s,s:i,s:O,s:O,s:i,s:I,s:o,s:o,s:o,s:o,s:{s:o,s:o,s:f,s:f,s:b},s:o,s:f,s:o,s:I,s:I}", "format",
                     "mae-bench", "version", 1, "model", json_object_get(plan, "model"), "goal",
                     json_object_get(plan, "goal"), "threads", bench->threads, "rounds", (json_int_t)bench->rounds,
                     "single_pe", entries(bench, "pe", bench->single, bench->n_single), "baselines",
                     entries(bench, "name", bench->baselines, bench->n_baselines), "plan", plan_part(bench, plan),
                     "maeg", maeg_part(bench), "verify", "max_abs", number(verdict->max_abs), "max_rel",
                     number(verdict->max_rel), "abs_tolerance", verdict->abs_tolerance, "rel_tolerance",
                     verdict->rel_tolerance, "ok", verdict->ok, "choice", choice_part(bench), "drift", bench->drift,
                     "scale", scale_part(bench), "refinements", (json_int_t)bench->refinements, "unverified",
                     (json_int_t)bench->unverified);
}

mae_error *mae_bench_to_json(const mae_bench *bench, char **ret_text)
{
    json_t *plan;
    MAE_TRY(plan_object(bench->plan, &plan));
    json_t *object = whole(bench, plan), *schedule = json_object_get(plan, "schedule");
    if (object && schedule)
        json_object_set(object, "schedule", schedule);
    json_decref(plan);
    if (!object)
        return mae_error_nomem();
    if (has_energy(bench) || bench->meter.reason)
        json_object_set_new(object, "energy", energy_part(bench));
    mae_error *error = mae_json_text(object, ret_text);
    json_decref(object);
    return error;
}
