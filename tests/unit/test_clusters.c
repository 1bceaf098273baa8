/* PEs on sets of processors: every thread of their engines stays on them, they are resources of their own, two of them
 * run at once, and a processor that is not here is one clear line. */
#include <pthread.h>
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

#include "base/thread.h"
#include "session/internal.h"
#include "support/threads.h"
#include "support/trace_check.h"

#define FRAMES 300

/* Under an emulator a handover between two threads takes longer than what they compute. */
static int count_frames(void)
{
    return getenv("MAE_FEW") ? 30 : FRAMES;
}

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

/* How many threads have come since those of `before`, and how many of them may leave the processor. */
static size_t count_new(const int *before, size_t n_before, int core, size_t *ret_outside)
{
    int now[TEST_MOST_THREADS];
    size_t n = test_threads_list(now), n_new = 0;
    *ret_outside = 0;
    for (size_t i = 0; i < n; i++) {
        if (test_threads_have(before, n_before, now[i]))
            continue;
        n_new++;
        *ret_outside += !test_thread_is_within(now[i], &core, 1);
    }
    return n_new;
}

/* ---- machines ---- */

static void two_processors(int *cores)
{
    cpu_set_t set;
    size_t n = 0;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    if (n < 2) {
        print_message("skipped: this process may use one processor only\n");
        skip();
    }
}

/* A SoC file of these PEs, opened. */
static mae_error *open_machine(const char *pes, mae_context **ret_context)
{
    char path[] = "/tmp/mae-clusters-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": [%s]}\n", pes);
    assert_int_equal(fclose(file), 0);
    const mae_context_options options = {.soc = path};
    mae_error *error = mae_context_create(&options, ret_context);
    unlink(path);
    return error;
}

static void open_model(mae_context *context, mae_model **ret_model)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    succeed(mae_model_open(context, path, NULL, 0, ret_model));
}

/* A runner of all layers on one PE, or, -1, on all in turn. */
static mae_frame_runner *make_runner(mae_context *context, const mae_graph *graph, int pe)
{
    int mapping[64];
    mae_frame_runner *runner = NULL;
    assert_true(graph->n_layers <= 64);
    for (size_t l = 0; l < graph->n_layers; l++)
        mapping[l] = pe >= 0 ? pe : (int)(l % context->n_pes);
    succeed(mae_runner_create(context, graph, mapping, &runner));
    succeed(mae_runner_fill(runner, 5));
    return runner;
}

static void expect_same(mae_frame_runner *a, mae_frame_runner *b)
{
    mae_verdict verdict;
    succeed(mae_runner_compare(a, b, 1e-5, 1e-4, &verdict));
    assert_true(verdict.ok);
}

/* ---- tests ---- */

static void *do_nothing(void *ctx)
{
    return ctx;
}

/* ONNX Runtime's environment has a thread that computes nothing, made with the first PE of the process; and so has
 * ThreadSanitizer, made with the first thread. */
static int wake_engines(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, do_nothing, NULL), 0);
    pthread_join(thread, NULL);
    mae_context *context = NULL;
    succeed(open_machine("{\"name\": \"p\", \"backend\": \"ort\"}", &context));
    mae_context_destroy(context);
    return 0;
}

/* One PE with two threads on one processor: whatever thread comes into being is there. */
static void check_backend(const char *backend, int core, size_t least)
{
    int before[TEST_MOST_THREADS];
    char pes[256];
    mae_context *context = NULL;
    mae_model *model = NULL;
    size_t n_before = test_threads_list(before), n_outside;
    snprintf(pes, sizeof pes, "{\"name\": \"p\", \"backend\": \"%s\", \"cores\": \"%d\", \"threads\": 2}", backend,
             core);
    succeed(open_machine(pes, &context));
    if (context->n_pes == 0) {
        print_message("%s is not here: %s\n", backend, context->missing[0].reason);
        mae_context_destroy(context);
        return;
    }
    open_model(context, &model);
    mae_frame_runner *runner = make_runner(context, model->graph, 0);
    for (int i = 0; i < 3; i++)
        succeed(mae_program_run(runner->program, NULL));
    size_t n_new = count_new(before, n_before, core, &n_outside);
    /* The importer's own sessions may have had threads; one that has ended stays in the list for a moment. */
    for (int k = 0; n_outside > 0 && k < 1000; k++) {
        usleep(1000);
        n_new = count_new(before, n_before, core, &n_outside);
    }
    if (n_outside > 0)
        fail_msg("%s: %zu of %zu threads may leave processor %d", backend, n_outside, n_new, core);
    assert_true(n_new >= least);
    print_message("%s: %zu threads, all on processor %d\n", backend, n_new, core);
    mae_runner_destroy(runner);
    mae_model_close(model);
    mae_context_destroy(context);
}

static void threads_stay_on_their_processors(void **state)
{
    (void)state;
    int cores[2];
    two_processors(cores);
    check_backend("ort", cores[1], 2); /* the one that is called, and one of the pool */
    check_backend("onednn", cores[1], 1);
    check_backend("xnnpack", cores[1], 1);
}

static void callers_keep_their_processors(void **state)
{
    (void)state;
    int cores[2];
    cpu_set_t before, after;
    two_processors(cores);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    check_backend("ort", cores[0], 2);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
}

typedef struct lane {
    mae_frame_runner *runner;
    pthread_barrier_t *start;
    mae_program_stamp stamps[FRAMES];
    mae_error *error;
} lane;

static void *run_lane(void *ctx)
{
    lane *l = ctx;
    pthread_barrier_wait(l->start);
    for (int i = 0; i < count_frames() && !l->error; i++)
        l->error = mae_program_run(l->runner->program, &l->stamps[i]);
    return NULL;
}

/* Frames of one during which the other ran, and the first such pair. */
static size_t count_overlaps(const lane *a, const lane *b)
{
    size_t n = 0;
    for (int i = 0; i < count_frames(); i++)
        for (int k = 0; k < count_frames(); k++) {
            const mae_program_stamp *x = &a->stamps[i], *y = &b->stamps[k];
            if (x->begin_ns >= y->end_ns || y->begin_ns >= x->end_ns)
                continue;
            if (n == 0)
                print_message("frame %d of one, %.1f to %.1f us, and frame %d of the other, %.1f to %.1f us\n", i,
                              (double)(x->begin_ns - a->stamps[0].begin_ns) / 1e3,
                              (double)(x->end_ns - a->stamps[0].begin_ns) / 1e3, k,
                              ((double)y->begin_ns - (double)a->stamps[0].begin_ns) / 1e3,
                              ((double)y->end_ns - (double)a->stamps[0].begin_ns) / 1e3);
            n++;
            break;
        }
    return n;
}

static void two_run_at_once(void **state)
{
    (void)state;
    int cores[2];
    char pes[512];
    mae_context *context = NULL;
    mae_model *model = NULL;
    two_processors(cores);
    snprintf(pes, sizeof pes,
             "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d\"}, {\"name\": \"b\", \"backend\": \"ort\", "
             "\"cores\": \"%d\"}",
             cores[0], cores[1]);
    succeed(open_machine(pes, &context));
    assert_string_not_equal(context->infos[0].resource, context->infos[1].resource);
    open_model(context, &model);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, 2);
    static lane lanes[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        lanes[i] = (lane){.runner = make_runner(context, model->graph, i), .start = &start};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_lane, &lanes[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        succeed(lanes[i].error);
    }
    size_t overlaps = count_overlaps(&lanes[0], &lanes[1]);
    print_message("%zu of %d frames ran while the other PE ran one, too\n", overlaps, count_frames());
    assert_true(overlaps > 0);
    expect_same(lanes[0].runner, lanes[1].runner);
    for (int i = 0; i < 2; i++)
        mae_runner_destroy(lanes[i].runner);
    pthread_barrier_destroy(&start);
    mae_model_close(model);
    mae_context_destroy(context);
}

/* ---- one frame on two PEs ---- */

/* The layers of the branch that comes second on the PE "b", all else on "a": what joins them is a segment of its own.
 */
static mae_session *open_branches(mae_context *context, mae_model *model)
{
    const mae_graph *graph = mae_model_graph(model);
    mae_plan_segment segments[64];
    const char *names[64];
    mae_session *session = NULL;
    assert_true(graph->n_layers <= 64);
    for (size_t l = 0; l < graph->n_layers; l++) {
        names[l] = graph->layers[l].name;
        segments[l] = (mae_plan_segment){strncmp(names[l], "right", 5) == 0 ? "b" : "a", 1, &names[l]};
    }
    const mae_plan plan = {.model_name = "", .model_sha256 = "", .n_segments = graph->n_layers, .segments = segments};
    succeed(mae_session_open(context, model, &plan, &session));
    succeed(mae_session_fill_inputs(session, 5));
    return session;
}

/* Runs frames and says what their trace shows. */
static trace_counts trace_frames(mae_session *session, const mae_graph *graph, int frames)
{
    mae_recorder *recorder;
    char *text;
    succeed(mae_recorder_create(graph, 100000, &recorder));
    succeed(mae_session_record(session, recorder));
    for (int i = 0; i < frames; i++)
        succeed(mae_session_run(session));
    succeed(mae_session_record(session, NULL));
    succeed(mae_recorder_to_json(recorder, &text));
    trace_counts counts = trace_check_text(text);
    free(text);
    mae_recorder_destroy(recorder);
    return counts;
}

static float *copy_output(mae_session *session, size_t *ret_bytes)
{
    const void *data;
    mae_shape shape;
    size_t bytes;
    succeed(mae_session_output(session, 0, &data, &shape));
    assert_true(mae_shape_bytes(&shape, &bytes));
    float *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    *ret_bytes = bytes;
    return copy;
}

static void check_branches(const char *backend, const int *cores)
{
    char pes[512], path[4096];
    mae_context *context = NULL;
    mae_model *model = NULL;
    size_t bytes, same;
    snprintf(pes, sizeof pes,
             "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d\"}, {\"name\": \"b\", \"backend\": \"%s\", "
             "\"cores\": \"%d\"}",
             cores[0], backend, cores[1]);
    succeed(open_machine(pes, &context));
    if (context->n_pes < 2) {
        print_message("%s is not here\n", backend);
        mae_context_destroy(context);
        return;
    }
    snprintf(path, sizeof path, "%s/tests/data/models/two_branches.onnx", getenv("MAE_SOURCE_DIR"));
    succeed(mae_model_open(context, path, NULL, 0, &model));
    mae_session *serial = open_branches(context, model), *overlapped = open_branches(context, model);
    succeed(mae_session_overlap(overlapped));
    trace_counts one = trace_frames(serial, mae_model_graph(model), count_frames()),
                 both = trace_frames(overlapped, mae_model_graph(model), count_frames());
    print_message("ort on processor %d and %s on %d: %zu of %zu segments began while one ran on the other\n", cores[0],
                  backend, cores[1], both.overlaps, both.segments);
    assert_int_equal(one.overlaps, 0);
    assert_int_equal(both.segments, one.segments);
    assert_int_equal(both.tracks, 2);
    assert_true(both.overlaps > 0);
    float *a = copy_output(serial, &bytes), *b = copy_output(overlapped, &same);
    assert_int_equal(bytes, same);
    assert_memory_equal(a, b, bytes);
    free(a);
    free(b);
    mae_session_close(serial);
    mae_session_close(overlapped);
    mae_model_close(model);
    mae_context_destroy(context);
}

/* A frame's branches on two PEs, each on a processor of its own: their segments overlap in the trace, and the outputs
 * are those of frames that run serially. */
static void branches_run_at_once(void **state)
{
    (void)state;
    int cores[2];
    two_processors(cores);
    check_branches("ort", cores);
    check_branches("onednn", cores);
    check_branches("xnnpack", cores);
}

/* Both engines, on both processors, layer by layer in turn: the same numbers as one of them. */
static void clusters_work_together(void **state)
{
    (void)state;
    int cores[2];
    char pes[1024];
    mae_context *context = NULL;
    mae_model *model = NULL;
    two_processors(cores);
    snprintf(pes, sizeof pes,
             "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d\"}, {\"name\": \"b\", \"backend\": \"ort\", "
             "\"cores\": \"%d\"}, {\"name\": \"c\", \"backend\": \"onednn\", \"cores\": \"%d\"}",
             cores[0], cores[1], cores[1]);
    succeed(open_machine(pes, &context));
    open_model(context, &model);
    mae_frame_runner *whole = make_runner(context, model->graph, 0), *mixed = make_runner(context, model->graph, -1);
    for (int i = 0; i < 5; i++) {
        succeed(mae_program_run(whole->program, NULL));
        succeed(mae_program_run(mixed->program, NULL));
    }
    expect_same(mixed, whole);
    mae_runner_destroy(whole);
    mae_runner_destroy(mixed);
    mae_model_close(model);
    mae_context_destroy(context);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    int cores[2], tids[TEST_MOST_THREADS];
    char pes[256];
    size_t first = 0;
    two_processors(cores);
    snprintf(pes, sizeof pes, "{\"name\": \"p\", \"backend\": \"ort\", \"cores\": \"%d\"}", cores[0]);
    for (int i = 0; i < 20; i++) {
        mae_context *context = NULL;
        succeed(open_machine(pes, &context));
        mae_context_destroy(context);
        size_t n = test_threads_list(tids);
        /* A thread that has been joined stays in the list for a moment. */
        for (int k = 0; i > 0 && n != first && k < 1000; k++) {
            usleep(1000);
            n = test_threads_list(tids);
        }
        if (i == 0) {
            usleep(20000);
            first = test_threads_list(tids);
        } else {
            assert_int_equal(n, first);
        }
    }
}

static void expect_refusal(const char *pes, const char *words)
{
    mae_context *context = NULL;
    mae_error *error = open_machine(pes, &context);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    if (!strstr(mae_error_message(error), words) || strchr(mae_error_message(error), '\n'))
        fail_msg("%s", mae_error_message(error));
    mae_error_free(error);
}

static void refusals(void **state)
{
    (void)state;
    expect_refusal("{\"name\": \"far\", \"backend\": \"ort\", \"cores\": \"0,1023\"}",
                   "PE far: there is no processor 1023 here");
    expect_refusal("{\"name\": \"far\", \"backend\": \"onednn\", \"cores\": \"1020-1023\"}",
                   "PE far: there is no processor 1020 here");
    expect_refusal("{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"0-1\"}, "
                   "{\"name\": \"b\", \"backend\": \"ort\", \"cores\": \"1-2\"}",
                   "pes[1].cores: processor 1 is also a's");
    expect_refusal("{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"0\"}, "
                   "{\"name\": \"b\", \"backend\": \"ort\", \"cores\": \"0\", \"resource\": \"other\"}",
                   "state one \"resource\" for both");
}

static void equal_sets_are_one_resource(void **state)
{
    (void)state;
    int cores[2];
    char pes[512];
    mae_context *context = NULL;
    two_processors(cores);
    snprintf(pes, sizeof pes,
             "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d,%d\"}, {\"name\": \"b\", \"backend\": \"ort\", "
             "\"cores\": \"%d,%d\"}",
             cores[0], cores[1], cores[1], cores[0]);
    succeed(open_machine(pes, &context));
    assert_string_equal(context->infos[0].resource, context->infos[1].resource);
    assert_true(strncmp(context->infos[0].resource, "cpu:", 4) == 0);
    mae_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_stay_on_their_processors),
                                       cmocka_unit_test(callers_keep_their_processors),
                                       cmocka_unit_test(two_run_at_once),
                                       cmocka_unit_test(branches_run_at_once),
                                       cmocka_unit_test(clusters_work_together),
                                       cmocka_unit_test(nothing_is_left_behind),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(equal_sets_are_one_resource)};
    return cmocka_run_group_tests(tests, wake_engines, NULL);
}
