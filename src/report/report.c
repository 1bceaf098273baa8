#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan.h"
#include "core/profile.h"
#include "report/read.h"

static const char *const formats[MAE_REPORT_KINDS] = {"mae-profile", "mae-plan",     "mae-front",
                                                      "mae-bench",   "mae-scenario", "a trace"};

const char *mae_report_kind_text(mae_report_kind kind)
{
    static const char *const texts[MAE_REPORT_KINDS] = {"profile", "plan", "front", "bench", "scenario", "trace"};
    return texts[kind];
}

mae_error *mae_report_alloc(mae_report **ret_report)
{
    mae_arena *arena = mae_arena_create();
    mae_report *report = arena ? mae_arena_alloc(arena, sizeof *report) : NULL;
    if (!report) {
        mae_arena_destroy(arena);
        return mae_error_nomem();
    }
    report->arena = arena;
    *ret_report = report;
    return NULL;
}

void mae_report_release(mae_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->n_files; i++)
        mae_json_destroy(report->files[i].json);
    mae_profile_destroy(report->profile);
    mae_plan_destroy(report->plan);
    free(report->pes);
    mae_arena_destroy(report->arena);
}

const mae_report_file *mae_report_find(const mae_report *report, mae_report_kind kind)
{
    for (size_t i = 0; i < report->n_files; i++)
        if (report->files[i].kind == kind)
            return &report->files[i];
    return NULL;
}

int mae_report_pe(const mae_report *report, const char *name)
{
    for (size_t i = 0; i < report->n_pes; i++)
        if (strcmp(report->pes[i], name) == 0)
            return (int)i;
    return -1;
}

mae_error *mae_report_add_pe(mae_report *report, const char *name)
{
    if (mae_report_pe(report, name) >= 0)
        return NULL;
    if (report->n_pes == report->pes_room) {
        size_t room = report->pes_room * 2 + 16;
        const char **more = realloc(report->pes, room * sizeof *more);
        if (!more)
            return mae_error_nomem();
        report->pes = more;
        report->pes_room = room;
    }
    report->pes[report->n_pes++] = name;
    return NULL;
}

size_t mae_report_segments(const mae_report *report, const mae_plan_segment **ret_segments)
{
    *ret_segments = report->bench ? report->bench->segments : report->plan ? report->plan->segments : NULL;
    return report->bench ? report->bench->n_segments : report->plan ? report->plan->n_segments : 0;
}

const mae_plan_throughput *mae_report_arrangement(const mae_report *report, const char **ret_ref)
{
    const mae_report_bench *bench = report->bench;
    *ret_ref = bench ? "/bench/plan/throughput" : "/plan/throughput";
    if (bench)
        return bench->throughput ? bench->throughput->arrangement : NULL;
    return report->plan ? report->plan->throughput : NULL;
}

const mae_goal *mae_report_goal(const mae_report *report)
{
    static const mae_goal least_latency = MAE_GOAL_INIT;
    return report->bench ? &report->bench->goal : report->plan ? &report->plan->goal : &least_latency;
}

/* ---- which file it is ---- */

static mae_error *kind_of(const mae_json *json, mae_report_kind *ret_kind)
{
    const json_t *root = mae_json_root(json);
    const char *format = json_string_value(json_object_get(root, "format"));
    if (!format && json_is_array(json_object_get(root, "traceEvents"))) {
        *ret_kind = MAE_REPORT_TRACE;
        return NULL;
    }
    for (int kind = 0; format && kind < MAE_REPORT_TRACE; kind++)
        if (strcmp(format, formats[kind]) == 0) {
            *ret_kind = (mae_report_kind)kind;
            return NULL;
        }
    static const char wanted[] = "a profile, plan, front, bench result, scenario result or trace is expected";
    if (format)
        return mae_json_error(json, "format", "\"%.60s\": %s", format, wanted);
    return mae_json_error(json, "", "no \"format\": %s", wanted);
}

static mae_error *read_kind(mae_report *report, mae_report_kind kind, const mae_json *json)
{
    mae_reader r = {.json = json, .root = mae_json_root(json), .arena = report->arena};
    switch (kind) {
    case MAE_REPORT_PROFILE:
        return mae_profile_from_json(json, &report->profile);
    case MAE_REPORT_PLAN:
        return mae_plan_from_json(json, &report->plan);
    case MAE_REPORT_FRONT:
        return mae_report_read_front(&r, &report->front);
    case MAE_REPORT_BENCH:
        return mae_report_read_bench(&r, &report->bench);
    case MAE_REPORT_SCENARIO:
        return mae_report_read_scenario(&r, &report->scenario);
    default:
        return mae_report_read_trace(&r, &report->trace);
    }
}

/* ---- do the files belong together ---- */

static const char *sha_of(const mae_report *report, mae_report_kind kind)
{
    switch (kind) {
    case MAE_REPORT_PROFILE:
        return report->profile->model_sha256;
    case MAE_REPORT_PLAN:
        return report->plan->model_sha256;
    case MAE_REPORT_FRONT:
        return report->front->model_sha256;
    case MAE_REPORT_BENCH:
        return report->bench->model_sha256;
    default:
        return "";
    }
}

static mae_error *check_model(const mae_report *report, const char *name, mae_report_kind kind)
{
    const char *sha = sha_of(report, kind);
    for (size_t i = 0; sha && *sha && i < report->n_files; i++) {
        const char *other = sha_of(report, report->files[i].kind);
        if (other && *other && strcmp(other, sha) != 0)
            return mae_error_new(MAE_ERR_INPUT, "%s: is of another network than %s (sha256 %.12s, not %.12s)", name,
                                 report->files[i].name, sha, other);
    }
    return NULL;
}

/* The segments of a plan hold layers of the profile, on PEs of it. */
static mae_error *check_layers(const mae_report *report, const char *name, const mae_plan_segment *segments, size_t n)
{
    size_t n_layers = 0;
    for (size_t s = 0; report->profile && s < n; s++) {
        if (mae_profile_find_pe(report->profile, segments[s].pe) < 0)
            return mae_error_new(MAE_ERR_INPUT, "%s: the profile has no PE '%s'", name, segments[s].pe);
        for (size_t i = 0; i < segments[s].n_layers; i++, n_layers++)
            if (mae_profile_find_layer(report->profile, segments[s].layers[i]) != (int)n_layers)
                return mae_error_new(MAE_ERR_INPUT, "%s: layer %zu is '%s', which it is not in the profile", name,
                                     n_layers, segments[s].layers[i]);
    }
    if (report->profile && n && n_layers != report->profile->n_layers)
        return mae_error_new(MAE_ERR_INPUT, "%s: maps %zu layers, but the profile has %zu", name, n_layers,
                             report->profile->n_layers);
    return NULL;
}

static const char *name_of(const mae_report *report, mae_report_kind kind)
{
    const mae_report_file *file = mae_report_find(report, kind);
    return file ? file->name : "";
}

static mae_error *check_together(const mae_report *report, const char *name, mae_report_kind kind)
{
    MAE_TRY(check_model(report, name, kind));
    if (report->plan && (kind == MAE_REPORT_PLAN || kind == MAE_REPORT_PROFILE))
        MAE_TRY(check_layers(report, kind == MAE_REPORT_PLAN ? name : name_of(report, MAE_REPORT_PLAN),
                             report->plan->segments, report->plan->n_segments));
    if (report->bench && (kind == MAE_REPORT_BENCH || kind == MAE_REPORT_PROFILE))
        MAE_TRY(check_layers(report, kind == MAE_REPORT_BENCH ? name : name_of(report, MAE_REPORT_BENCH),
                             report->bench->segments, report->bench->n_segments));
    return NULL;
}

static mae_error *add_pes(mae_report *report)
{
    const mae_plan_segment *segments;
    report->n_pes = 0; /* anew, so that colours do not depend on the order of the files */
    for (size_t i = 0; report->profile && i < report->profile->n_pes; i++)
        MAE_TRY(mae_report_add_pe(report, report->profile->pes[i].name));
    for (size_t i = 0; report->bench && i < report->bench->n_single; i++)
        MAE_TRY(mae_report_add_pe(report, report->bench->runs[i].name));
    for (size_t i = 0; report->plan && i < report->plan->n_single; i++)
        MAE_TRY(mae_report_add_pe(report, report->plan->single[i].name));
    for (size_t i = 0, n = mae_report_segments(report, &segments); i < n; i++)
        MAE_TRY(mae_report_add_pe(report, segments[i].pe));
    for (size_t i = 0; report->trace && i < report->trace->n_tracks; i++)
        MAE_TRY(mae_report_add_pe(report, report->trace->tracks[i].pe));
    return NULL;
}

/* What was read and then refused is as if it had never been there. */
static void forget(mae_report *report, mae_report_kind kind)
{
    switch (kind) {
    case MAE_REPORT_PROFILE:
        mae_profile_destroy(report->profile);
        report->profile = NULL;
        break;
    case MAE_REPORT_PLAN:
        mae_plan_destroy(report->plan);
        report->plan = NULL;
        break;
    case MAE_REPORT_FRONT:
        report->front = NULL;
        break;
    case MAE_REPORT_BENCH:
        report->bench = NULL;
        break;
    case MAE_REPORT_SCENARIO:
        report->scenario = NULL;
        break;
    default:
        report->trace = NULL;
    }
}

static mae_error *take_new(mae_report *report, const char *name, const mae_json *json, mae_report_kind kind)
{
    MAE_TRY(read_kind(report, kind, json));
    MAE_TRY(check_together(report, name, kind));
    return add_pes(report);
}

static mae_error *take(mae_report *report, const char *name, const mae_json *json, mae_report_kind *ret_kind)
{
    MAE_TRY(kind_of(json, ret_kind));
    const mae_report_file *other = mae_report_find(report, *ret_kind);
    if (other)
        return mae_error_new(MAE_ERR_USAGE, "%s and %s are both a %s: a report shows one", other->name, name,
                             mae_report_kind_text(*ret_kind));
    mae_error *error = take_new(report, name, json, *ret_kind);
    if (error)
        forget(report, *ret_kind);
    return error;
}

mae_error *mae_report_take(mae_report *report, const char *name, mae_json *json)
{
    mae_report_kind kind = MAE_REPORT_PROFILE;
    const char *copy = mae_arena_strdup(report->arena, name);
    mae_error *error = copy ? take(report, copy, json, &kind) : mae_error_nomem();
    if (error) {
        mae_json_destroy(json);
        return error;
    }
    report->files[report->n_files++] = (mae_report_file){copy, kind, json};
    return NULL;
}
