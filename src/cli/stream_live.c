/* mae stream MODEL: frames on the engines of this machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/control.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/stream.h"
#include "cli/stream_frames.h"
#include "cli/stream_trace.h"

#define LIVE_LINE_S 0.25
#define METER_S 0.1    /* so often a trace shows the power that the session knows */
#define RECENT 256     /* frames that the live line speaks of */
#define RETRY_S 0.01   /* before a frame that nothing can run is tried again ... */
#define GIVE_UP_S 10.0 /* ... for so long */
#define MIB 1048576.0

typedef struct stream {
    const cli_stream_args *args;
    mae_context *context;
    mae_model *model;
    mae_profile *profile;
    mae_rules *rules;
    mae_live *live;
    cli_stream_frames frames;
    cli_control *control;
    cli_stream_trace *trace;
    cli_progress progress;
    double *latency_ms; /* of all frames, from their arrival */
    size_t n, room;
    size_t misses;
    double begin_s, end_s, shown_s, metered_s;
} stream;

/* ---- opening ---- */

static int set_goal(stream *s)
{
    const cli_goal *g = &s->args->goal;
    mae_goal goal;
    bool any =
        g->minimize || g->max_latency_ms >= 0 || g->max_energy_mj >= 0 || g->max_power_w >= 0 || g->max_switches >= 0;
    if (!any)
        return 0;
    if (s->args->rules)
        return cli_usage("stream", "either --rules or a goal");
    CLI_TRY(cli_goal_parse(g, "stream", &goal));
    return cli_report(mae_live_set_goal(s->live, &goal));
}

static int open_all(stream *s, const char *path)
{
    const cli_stream_args *args = s->args;
    CLI_TRY(cli_report(mae_profile_read(args->profile, &s->profile)));
    if (args->rules)
        CLI_TRY(cli_report(mae_rules_read(args->rules, &s->rules)));
    CLI_TRY(cli_machine_open(&args->machine, &s->context));
    CLI_TRY(cli_model_open(s->context, "stream", path, &args->shapes, NULL, &s->model));
    CLI_TRY(cli_stream_frames_load(&args->inputs, mae_model_graph(s->model), &s->frames));
    const mae_live_options options = {.rules = s->rules,
                                      .expected_period_ms = args->rate > 0 ? 1e3 / args->rate : 0,
                                      .expected_deadline_ms = args->deadline_ms,
                                      .keep_bytes = args->keep_mib * MIB,
                                      .timeout_ms = args->timeout_ms,
                                      .root = args->root};
    CLI_TRY(cli_report(mae_live_open(s->context, s->model, s->profile, &options, &s->live)));
    CLI_TRY(set_goal(s));
    if (args->trace)
        CLI_TRY(cli_stream_trace_open(args->trace, s->context, mae_model_graph(s->model), &s->trace));
    return args->socket ? cli_control_open(args->socket, s->live, &s->control) : 0;
}

/* ---- frames ---- */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Ctrl-C ends the sleep. */
static void sleep_until(double time_s)
{
    struct timespec until = {(time_t)time_s, (long)((time_s - floor(time_s)) * 1e9)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static bool is_over(const stream *s)
{
    return cli_interrupted() || cli_control_stopped(s->control) ||
           (s->args->frames > 0 && s->n >= (size_t)s->args->frames);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nearest rank. */
static double percentile(const double *sorted, size_t n, double part)
{
    size_t rank = (size_t)ceil(part * (double)n);
    return n ? sorted[rank < 1 ? 0 : rank > n ? n - 1 : rank - 1] : 0;
}

static void pes_text(const stream *s, uint64_t pes, char *text, size_t room)
{
    size_t at = 0;
    text[0] = 0;
    for (size_t p = 0; p < s->profile->n_pes && at + 1 < room; p++)
        if (pes >> p & 1)
            at += (size_t)snprintf(text + at, room - at, "%s%s", at ? "+" : "", s->profile->pes[p].name);
}

static void show(stream *s, double time_s)
{
    double recent[RECENT];
    size_t n = s->n < RECENT ? s->n : RECENT;
    char pes[128], watts[32] = "", rule[32] = "";
    static const char *const goals[] = {"latency", "energy", "edp", "weighted"};
    mae_live_status status;
    if (!s->progress.terminal || time_s - s->shown_s < LIVE_LINE_S || n == 0)
        return;
    s->shown_s = time_s;
    memcpy(recent, s->latency_ms + s->n - n, n * sizeof *recent);
    qsort(recent, n, sizeof *recent, compare_doubles);
    mae_live_get_status(s->live, &status);
    pes_text(s, status.used, pes, sizeof pes);
    if (!isnan(status.power_w))
        snprintf(watts, sizeof watts, "  %.2f W", status.power_w);
    if (status.rule_line > 0)
        snprintf(rule, sizeof rule, " (line %d)", status.rule_line);
    fprintf(stderr, "\r\033[K%zu frames  %.1f/s  p50 %.3f  p99 %.3f ms%s  %s%s  %s", s->n,
            (double)s->n / (time_s - s->begin_s + 1e-9), percentile(recent, n, 0.5), percentile(recent, n, 0.99), watts,
            goals[status.goal.minimize], rule, pes);
    fflush(stderr);
    s->progress.shown = true;
}

static int keep(stream *s, double latency_ms)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 4096;
        double *more = realloc(s->latency_ms, room * sizeof *more);
        if (!more)
            return cli_nomem();
        s->latency_ms = more;
        s->room = room;
    }
    s->latency_ms[s->n++] = latency_ms;
    s->misses += s->args->deadline_ms > 0 && latency_ms > s->args->deadline_ms;
    return 0;
}

static void record(stream *s, double begin_s)
{
    mae_live_status status;
    if (!s->trace)
        return;
    cli_stream_trace_frame(s->trace, s->n, (begin_s - s->begin_s) * 1e3, mae_live_last(s->live));
    if (begin_s - s->metered_s < METER_S)
        return;
    s->metered_s = begin_s;
    mae_live_get_status(s->live, &status);
    cli_stream_trace_watts(s->trace, (begin_s - s->begin_s) * 1e3, status.power_w);
}

/* The frame is served as soon as there is a PE that can. */
static int serve(stream *s, double arrival_s, bool *ret_served)
{
    double deadline_ms = s->args->deadline_ms, period_ms = s->args->rate > 0 ? 1e3 / s->args->rate : 0;
    double first_s = now_s();
    for (;;) {
        double begin_s = now_s(), left_ms = deadline_ms - (begin_s - arrival_s) * 1e3;
        mae_error *error = mae_live_run(s->live, period_ms, deadline_ms > 0 ? fmax(left_ms, 1e-6) : 0);
        *ret_served = !error;
        if (!error) {
            record(s, begin_s);
            return keep(s, (now_s() - arrival_s) * 1e3);
        }
        if (mae_error_code(error) != MAE_ERR_LOST || begin_s - first_s > GIVE_UP_S)
            return cli_report(error);
        mae_error_free(error);
        if (is_over(s))
            return 0;
        sleep_until(begin_s + RETRY_S);
    }
}

static int run_frames(stream *s)
{
    int status = 0;
    bool served = true;
    cli_progress_begin(&s->progress);
    s->begin_s = now_s();
    while (!status && served && !is_over(s)) {
        double arrival_s = s->args->rate > 0 ? s->begin_s + (double)s->n / s->args->rate : now_s();
        if (arrival_s > now_s())
            sleep_until(arrival_s);
        if (is_over(s))
            break;
        status = cli_stream_frames_set(&s->frames, s->n, mae_model_graph(s->model), s->live);
        if (!status)
            status = serve(s, arrival_s, &served);
        show(s, now_s());
    }
    s->end_s = now_s();
    cli_progress_end(&s->progress);
    return status;
}

/* ---- the summary ---- */

static json_t *segments_json(const stream *s)
{
    mae_live_segment *segments = NULL;
    size_t n = 0;
    json_t *array = json_array();
    mae_error *error = mae_live_segments(s->live, &segments, &n);
    for (size_t i = 0; !error && i < n; i++)
        json_array_append_new(array, json_pack("{s:s, s:i, s:i, s:f, s:f}", "pe", segments[i].pe, "first",
                                               segments[i].first, "last", segments[i].last, "compile_ms",
                                               segments[i].compile_ms, "bytes", segments[i].bytes));
    mae_error_free(error);
    free(segments);
    return array;
}

static int print_json(const stream *s, const mae_live_status *status)
{
    json_t *json = json_pack("{s:s, s:i, s:I, s:f, s:f, s:{s:f, s:f, s:f}, s:I, s:I, s:I}", "format", "mae-stream",
                             "version", 1, "frames", (json_int_t)s->n, "seconds", s->end_s - s->begin_s,
                             "frames_per_second", (double)s->n / fmax(s->end_s - s->begin_s, 1e-9), "latency_ms", "p50",
                             percentile(s->latency_ms, s->n, 0.5), "p99", percentile(s->latency_ms, s->n, 0.99), "max",
                             percentile(s->latency_ms, s->n, 1), "deadline_misses", (json_int_t)s->misses, "switches",
                             (json_int_t)status->switches, "repeats", (json_int_t)status->repeats);
    if (!json)
        return cli_nomem();
    const struct {
        const char *key;
        uint64_t n;
    } counts[] = {{"losses", status->losses},         {"hung", status->hung},
                  {"reprofiles", status->reprofiles}, {"replans", status->replans},
                  {"builds", status->builds},         {"build_failures", status->build_failures},
                  {"mappings", status->n_mappings},   {"compiled", status->n_compiled}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(json, counts[i].key, json_integer((json_int_t)counts[i].n));
    json_object_set_new(json, "leaked_bytes", json_real(status->leaked_bytes));
    json_object_set_new(json, "compiled_bytes", json_real(status->compiled_bytes));
    json_object_set_new(json, "power_w", cli_json_number(status->power_w));
    json_object_set_new(json, "segments", segments_json(s));
    return cli_json_print(json);
}

static int print_text(const stream *s, const mae_live_status *status)
{
    char pes[128];
    double seconds = fmax(s->end_s - s->begin_s, 1e-9);
    printf("%zu frames in %.2f s, %.1f a second: median %.4f ms, 99th percentile %.4f ms, longest %.4f ms\n", s->n,
           seconds, (double)s->n / seconds, percentile(s->latency_ms, s->n, 0.5), percentile(s->latency_ms, s->n, 0.99),
           percentile(s->latency_ms, s->n, 1));
    if (s->args->deadline_ms > 0)
        printf("%zu later than %g ms\n", s->misses, s->args->deadline_ms);
    pes_text(s, status->used, pes, sizeof pes);
    printf("%llu switches, %llu frames begun again, a PE taken out %llu times (%llu hung); last on %s\n",
           (unsigned long long)status->switches, (unsigned long long)status->repeats,
           (unsigned long long)status->losses, (unsigned long long)status->hung, *pes ? pes : "none");
    printf("%zu of %zu mappings compiled, %.1f MiB; measured anew %llu times, planned anew %llu times\n",
           status->n_compiled, status->n_mappings, status->compiled_bytes / MIB, (unsigned long long)status->reprofiles,
           (unsigned long long)status->replans);
    if (status->leaked_bytes > 0)
        printf("%.0f bytes were left to calls that did not come back in time\n", status->leaked_bytes);
    return 0;
}

static int finish(stream *s)
{
    mae_live_status status;
    mae_live_get_status(s->live, &status);
    if (s->n > 0)
        qsort(s->latency_ms, s->n, sizeof *s->latency_ms, compare_doubles);
    CLI_TRY(s->args->json ? print_json(s, &status) : print_text(s, &status));
    int written = cli_stream_trace_close(s->trace);
    s->trace = NULL;
    return written;
}

int cli_stream_live(const cli_stream_args *args, const char *model)
{
    stream s = {.args = args};
    int status = open_all(&s, model);
    if (!status) {
        status = run_frames(&s);
        int finished = finish(&s);
        status = status ? status : finished;
    }
    cli_control_close(s.control);
    if (s.trace)
        cli_stream_trace_close(s.trace);
    mae_live_close(s.live);
    cli_stream_frames_clear(&s.frames);
    free(s.latency_ms);
    mae_rules_destroy(s.rules);
    mae_profile_destroy(s.profile);
    mae_model_close(s.model);
    mae_context_destroy(s.context);
    return status;
}
