/* Frames for a long time: serial over two resources, overlapped, and as a flow of two replicas, all of them recorded.
 * The process must not grow. MAE_LONG runs it for ten minutes, MAE_SOAK_S for as long as it says. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/stats.h"
#include "mae/mae.h"

#define SHORT_S 3.0
#define LONG_S 600.0
#define WARM_PART 0.25 /* of the time, until allocators and pools have what they need */
#define MOST_GROWTH_KIB 2048
#define LEAST_FRAMES 1024 /* however slow the machine: more than the recorder holds */
#define MOST_TIMES 4000000u

typedef struct scene {
    mae_context *context;
    mae_model *model;
    mae_recorder *recorder;
    double *times_ms;
} scene;

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static double seconds(void)
{
    const char *stated = getenv("MAE_SOAK_S");
    return stated ? atof(stated) : getenv("MAE_LONG") ? LONG_S : SHORT_S;
}

static long resident_kib(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    int n = fscanf(file, "%ld %ld", &size, &resident);
    fclose(file);
    return n == 2 ? resident * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

/* ---- frames ---- */

typedef mae_error *run_fn(void *ctx, double *ret_ms);

static mae_error *run_session(void *ctx, double *ret_ms)
{
    const mae_frame_segment *segments;
    mae_error *error = mae_session_run(ctx);
    if (!error)
        mae_session_frame(ctx, &segments, ret_ms);
    return error;
}

static mae_error *run_flow(void *ctx, double *ret_ms)
{
    mae_flow_frame frame;
    while (mae_flow_has_room(ctx))
        mae_flow_submit(ctx);
    mae_error *error = mae_flow_take(ctx, &frame);
    if (!error)
        *ret_ms = frame.latency_ms;
    return error;
}

static void soak(const scene *s, const char *what, run_fn *run, void *ctx, double for_s)
{
    uint64_t begin = mae_clock_now_ns(), length = (uint64_t)(for_s * 1e9), now = begin;
    size_t n = 0, kept = 0;
    long warm_kib = 0, most_kib = 0;
    while (now - begin < length || n < LEAST_FRAMES) {
        double ms = 0;
        succeed(run(ctx, &ms));
        if (kept < MOST_TIMES)
            s->times_ms[kept++] = ms;
        n++;
        now = mae_clock_now_ns();
        if (n % 256 != 0 || (double)(now - begin) < WARM_PART * (double)length)
            continue;
        long kib = resident_kib();
        warm_kib = warm_kib ? warm_kib : kib;
        most_kib = kib > most_kib ? kib : most_kib;
    }
    mae_stats_sort(s->times_ms, kept);
    print_message("%-12s %8zu frames: p50 %.4f, p99 %.4f, p99.9 %.4f, most %.4f ms; %ld KiB, later at most %+ld\n",
                  what, n, mae_stats_quantile(s->times_ms, kept, 0.5), mae_stats_quantile(s->times_ms, kept, 0.99),
                  mae_stats_quantile(s->times_ms, kept, 0.999), s->times_ms[kept - 1], warm_kib, most_kib - warm_kib);
    if (most_kib - warm_kib > MOST_GROWTH_KIB)
        fail_msg("%s: grew by %ld KiB in %zu frames", what, most_kib - warm_kib, n);
}

/* ---- what they run on ---- */

static bool open_scene(scene *s)
{
    cpu_set_t set;
    int cores[2];
    size_t n = 0;
    char path[] = "/tmp/mae-soak-XXXXXX", model[4096];
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    if (n < 2)
        return false;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd,
            "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": ["
            "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d\"}, "
            "{\"name\": \"b\", \"backend\": \"ort\", \"cores\": \"%d\"}]}",
            cores[0], cores[1]);
    close(fd);
    mae_error *error = mae_context_create(&(mae_context_options){.soc = path}, &s->context);
    unlink(path);
    const mae_pe_info *infos;
    bool there = !error && mae_context_pes(s->context, &infos) == 2;
    mae_error_free(error);
    if (!there)
        return false;
    snprintf(model, sizeof model, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    succeed(mae_model_open(s->context, model, NULL, 0, &s->model));
    succeed(mae_recorder_create(mae_model_graph(s->model), 5000, &s->recorder));
    s->times_ms = calloc(MOST_TIMES, sizeof *s->times_ms);
    memset(s->times_ms, 0xff, MOST_TIMES * sizeof *s->times_ms); /* all of its pages, before anything is looked at */
    return s->times_ms != NULL;
}

/* Layers on a and b in turn: `swapped` begins with b; `only` stays there. */
static mae_session *open_session(scene *s, int first, bool only)
{
    const mae_graph *graph = mae_model_graph(s->model);
    mae_plan_segment *segments = calloc(graph->n_layers, sizeof *segments);
    const char **names = calloc(graph->n_layers, sizeof *names);
    mae_session *session = NULL;
    for (size_t l = 0; l < graph->n_layers; l++) {
        names[l] = graph->layers[l].name;
        segments[l] = (mae_plan_segment){(first + (only ? 0 : (int)l)) % 2 ? "b" : "a", 1, &names[l]};
    }
    mae_plan plan = {.model_name = "", .model_sha256 = "", .n_segments = graph->n_layers, .segments = segments};
    succeed(mae_session_open(s->context, s->model, &plan, &session));
    succeed(mae_session_fill_inputs(session, 1));
    succeed(mae_session_record(session, s->recorder));
    free(segments);
    free(names);
    return session;
}

static void memory_stays_flat(void **state)
{
    (void)state;
    scene s = {.context = NULL};
    if (!open_scene(&s)) {
        mae_context_destroy(s.context);
        print_message("skipped: it takes ONNX Runtime and two processors\n");
        skip();
    }
    mae_session *serial = open_session(&s, 0, false), *overlapped = open_session(&s, 0, false);
    succeed(mae_session_overlap(overlapped));
    soak(&s, "serial", run_session, serial, seconds() / 3);
    soak(&s, "overlapped", run_session, overlapped, seconds() / 3);
    mae_session *replicas[2] = {open_session(&s, 0, true), open_session(&s, 1, true)};
    mae_flow *flow;
    succeed(mae_flow_open(replicas, 2, 0, &flow));
    soak(&s, "flow", run_flow, flow, seconds() / 3);
    assert_true(mae_recorder_lost(s.recorder) > 0);
    mae_flow_close(flow);
    mae_session_close(replicas[0]);
    mae_session_close(replicas[1]);
    mae_session_close(serial);
    mae_session_close(overlapped);
    mae_recorder_destroy(s.recorder);
    mae_model_close(s.model);
    mae_context_destroy(s.context);
    free(s.times_ms);
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skipped: a sanitizer keeps what is freed\n");
    return 77;
#endif
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_stays_flat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
