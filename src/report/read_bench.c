/* Bench results (docs/formats.md, section 4). */
#include <math.h>
#include <string.h>

#include "report/read.h"

static mae_error *read_run(const mae_reader *r, const mae_place *at, const char *name_key, mae_report_run *run)
{
    MAE_TRY(mae_reader_object(r, at));
    MAE_TRY(mae_reader_string(r, at, name_key, true, &run->name));
    run->reason = run->precision = run->energy_source = "";
    run->complete = json_is_true(json_object_get(at->object, "complete"));
    run->verified = json_is_true(json_object_get(at->object, "verified"));
    run->meets_bounds = !json_is_false(json_object_get(at->object, "meets_bounds"));
    MAE_TRY(mae_reader_string(r, at, "reason", false, &run->reason));
    MAE_TRY(mae_reader_string(r, at, "precision", false, &run->precision));
    MAE_TRY(mae_reader_string(r, at, "energy_source", false, &run->energy_source));
    MAE_TRY(mae_report_read_value(r, at, "latency_ms", "ci_ms", &run->latency_ms));
    if (run->complete && !run->latency_ms.exists)
        return mae_reader_error(r, at, "latency_ms", "is missing");
    return mae_report_read_value(r, at, "energy_mj", "ci_mj", &run->energy_mj);
}

static mae_error *read_runs(const mae_reader *r, const char *list_key, const char *name_key, json_t *list,
                            mae_report_bench *bench)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        mae_report_run *run = &bench->runs[bench->n_runs++];
        mae_place at = {.list = list_key, .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(read_run(r, &at, name_key, run));
        run->ref = mae_arena_printf(r->arena, "/bench/%s/%zu", list_key, i);
        if (!run->ref)
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *read_segments(const mae_reader *r, const mae_place *plan, mae_report_bench *bench)
{
    json_t *list;
    MAE_TRY(mae_reader_value(r, plan, "segments", JSON_ARRAY, true, &list));
    size_t n = json_array_size(list);
    if (n == 0 || n > MAE_PROFILE_MAX_LAYERS)
        return mae_reader_error(r, plan, "segments", "%zu entries", n);
    mae_plan_segment *segments = mae_arena_array(r->arena, n, sizeof *segments);
    if (!segments)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_place at = {.list = "plan.segments", .index = (long)i, .object = json_array_get(list, i)};
        MAE_TRY(mae_reader_plan_segment(r, &at, &segments[i]));
    }
    bench->segments = segments;
    bench->n_segments = n;
    return NULL;
}

/* The plan is a run like the others, the last one. */
static mae_error *read_plan(const mae_reader *r, mae_report_bench *bench)
{
    mae_place at;
    mae_report_run *run = &bench->runs[bench->n_runs++];
    MAE_TRY(mae_report_read_object(r, "plan", true, &at));
    *run = (mae_report_run){.name = "plan", .ref = "/bench/plan", .complete = true, .reason = "", .precision = ""};
    run->energy_source = "";
    run->meets_bounds = true;
    MAE_TRY(mae_reader_string(r, &at, "energy_source", false, &run->energy_source));
    MAE_TRY(mae_reader_number(r, &at, "latency_ms", true, HUGE_VAL, &run->latency_ms.value));
    MAE_TRY(mae_report_read_value(r, &at, "latency_ms", "ci_ms", &run->latency_ms));
    MAE_TRY(mae_report_read_value(r, &at, "energy_mj", "ci_mj", &run->energy_mj));
    MAE_TRY(mae_reader_number(r, &at, "predicted_ms", true, HUGE_VAL, &bench->predicted_ms));
    bench->single_is_best = json_is_true(json_object_get(at.object, "single_pe"));
    bench->plan = run;
    MAE_TRY(read_segments(r, &at, bench));
    return mae_report_read_throughput(r, &at, &bench->throughput);
}

static mae_error *read_forecast(const mae_reader *r, const mae_place *choice, const char *key, const char *name,
                                const char *ref, mae_report_bench *bench)
{
    json_t *object = json_object_get(choice->object, key);
    if (!json_is_object(object))
        return NULL;
    mae_report_gain *gain = &bench->gains[bench->n_gains];
    mae_place at = {
        .list = strcmp(key, "before") == 0 ? "choice.before" : "choice.predicted", .index = -1, .object = object};
    *gain = (mae_report_gain){.name = name, .ref = ref};
    MAE_TRY(mae_report_read_value(r, &at, "maeg", "ci", &gain->maeg));
    MAE_TRY(mae_report_read_real(r, &at, "p_beats", &gain->has_chance, &gain->chance));
    bench->n_gains += gain->maeg.exists;
    return NULL;
}

static mae_error *read_gains(const mae_reader *r, mae_report_bench *bench)
{
    mae_place maeg, choice;
    MAE_TRY(mae_report_read_object(r, "maeg", true, &maeg));
    MAE_TRY(mae_report_read_object(r, "choice", false, &choice));
    MAE_TRY(read_forecast(r, &choice, "before", "by the profile alone", "/bench/choice/before/maeg", bench));
    MAE_TRY(read_forecast(r, &choice, "predicted", "before the final rounds", "/bench/choice/predicted/maeg", bench));
    mae_report_gain *gain = &bench->gains[bench->n_gains];
    *gain = (mae_report_gain){.name = "measured", .ref = "/bench/maeg/measured"};
    MAE_TRY(mae_report_read_value(r, &maeg, "measured", "ci", &gain->maeg));
    MAE_TRY(mae_report_read_real(r, &choice, "p_beats", &gain->has_chance, &gain->chance));
    if (gain->maeg.exists) {
        bench->measured = gain;
        bench->n_gains++;
    }
    bench->baseline = "";
    if (json_is_string(json_object_get(maeg.object, "baseline")))
        MAE_TRY(mae_reader_string(r, &maeg, "baseline", true, &bench->baseline));
    bench->enables = json_is_true(json_object_get(maeg.object, "enables"));
    bench->mixed_precision = json_is_true(json_object_get(maeg.object, "mixed_precision"));
    return NULL;
}

static mae_error *read_rest(const mae_reader *r, mae_report_bench *bench)
{
    mae_place root = {.object = r->root}, model, scale, verify;
    double threads = 0, rounds = 0;
    bool exists;
    bench->model_name = bench->model_sha256 = bench->scale_origin = "";
    MAE_TRY(mae_report_read_object(r, "model", true, &model));
    MAE_TRY(mae_reader_string(r, &model, "name", false, &bench->model_name));
    MAE_TRY(mae_reader_string(r, &model, "sha256", false, &bench->model_sha256));
    MAE_TRY(mae_reader_goal(r, &bench->goal));
    MAE_TRY(mae_reader_number(r, &root, "threads", true, 1e6, &threads));
    MAE_TRY(mae_reader_number(r, &root, "rounds", true, 1e9, &rounds));
    bench->threads = (int)threads;
    bench->rounds = (int)rounds;
    MAE_TRY(mae_report_read_object(r, "scale", false, &scale));
    MAE_TRY(mae_reader_number(r, &scale, "factor", false, HUGE_VAL, &bench->scale));
    MAE_TRY(mae_reader_string(r, &scale, "origin", false, &bench->scale_origin));
    MAE_TRY(mae_report_read_object(r, "verify", true, &verify));
    bench->verified = json_is_true(json_object_get(verify.object, "ok"));
    MAE_TRY(mae_report_read_real(r, &verify, "max_abs", &exists, &bench->max_abs));
    MAE_TRY(mae_report_read_real(r, &verify, "max_rel", &bench->has_verdict, &bench->max_rel));
    MAE_TRY(mae_report_read_real(r, &verify, "abs_tolerance", &exists, &bench->abs_tolerance));
    return mae_report_read_real(r, &verify, "rel_tolerance", &exists, &bench->rel_tolerance);
}

mae_error *mae_report_read_bench(const mae_reader *r, mae_report_bench **ret_bench)
{
    json_t *single, *baselines;
    size_t n_baselines = 0;
    mae_report_bench *bench = mae_arena_alloc(r->arena, sizeof *bench);
    if (!bench)
        return mae_error_nomem();
    bench->goal = (mae_goal)MAE_GOAL_INIT;
    MAE_TRY(mae_reader_format(r, "mae-bench"));
    MAE_TRY(mae_reader_list(r, "single_pe", true, MAE_PROFILE_MAX_PES, &single, &bench->n_single));
    MAE_TRY(mae_reader_list(r, "baselines", false, 1000, &baselines, &n_baselines));
    bench->runs = mae_arena_array(r->arena, bench->n_single + n_baselines + 1, sizeof *bench->runs);
    if (!bench->runs)
        return mae_error_nomem();
    MAE_TRY(read_runs(r, "single_pe", "pe", single, bench));
    MAE_TRY(read_runs(r, "baselines", "name", baselines, bench));
    MAE_TRY(read_plan(r, bench));
    MAE_TRY(read_gains(r, bench));
    MAE_TRY(read_rest(r, bench));
    *ret_bench = bench;
    return NULL;
}
