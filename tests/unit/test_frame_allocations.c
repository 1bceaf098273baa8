/* A frame allocates nothing of mae's own, on every PE that is here, mixed, overlapped, and recorded: a counting malloc
 * that tells mae's modules from the engines' libraries. */
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

#include "alloc_count.h"
#include "session/internal.h"

#define WARM 5
#define FRAMES 50

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

/* The counter counts: else the rest would prove nothing. */
static void counter_counts(void **state)
{
    (void)state;
    alloc_count_begin();
    void *volatile memory = malloc(100);
    free(memory);
    memory = strdup("by the C library, for this program");
    free(memory);
    memory = aligned_alloc(64, 128);
    free(memory);
    alloc_counts counts = alloc_count_end();
    assert_int_equal(counts.own, 3);
    assert_int_equal(counts.engines, 0);
    assert_true(counts.own_bytes >= 228);
    assert_true(*counts.first_own);
    memory = malloc(1);
    free(memory);
    assert_int_equal(alloc_count_end().own, 3);
}

static void open_model(mae_context *context, const char *name, mae_model **ret_model)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/models/%s", getenv("MAE_SOURCE_DIR"), name);
    succeed(mae_model_open(context, path, NULL, 0, ret_model));
}

static void check_frames(mae_frame_runner *runner, const char *what)
{
    mae_program_stamp *stamps = calloc(mae_program_n_segments(runner->program), sizeof *stamps);
    for (int i = 0; i < WARM; i++)
        succeed(mae_runner_run(runner, stamps));
    alloc_count_begin();
    for (int i = 0; i < FRAMES; i++) {
        mae_error *error = mae_runner_run(runner, stamps);
        if (error)
            abort();
    }
    alloc_counts counts = alloc_count_end();
    free(stamps);
    print_message("%-32s %2zu segments: own 0, engines %.1f allocations a frame\n", what,
                  mae_program_n_segments(runner->program), (double)counts.engines / FRAMES);
    if (counts.own > 0)
        fail_msg("%s: %zu allocations of mae's own in %d frames, the first from %s", what, counts.own, FRAMES,
                 counts.first_own);
}

/* All layers on one PE, or, -1, on all in turn, those that a PE lacks on the first. */
static mae_frame_runner *make_runner(mae_context *context, const mae_model *model, int pe)
{
    mae_frame_runner *runner = NULL;
    int *mapping = calloc(model->graph->n_layers + 1, sizeof *mapping);
    for (size_t l = 0; l < model->graph->n_layers; l++) {
        mapping[l] = pe >= 0 ? pe : (int)(l % context->n_pes);
        if (!mae_model_supports(model, mapping[l], (int)l, NULL))
            mapping[l] = 0;
    }
    succeed(mae_runner_create(context, model->graph, mapping, &runner));
    succeed(mae_runner_fill(runner, 3));
    free(mapping);
    return runner;
}

static void check_machine(mae_context *context, const char *name)
{
    mae_model *model;
    char what[128];
    open_model(context, name, &model);
    for (int pe = -1; pe < (int)context->n_pes; pe++) {
        mae_frame_runner *runner = make_runner(context, model, pe);
        snprintf(what, sizeof what, "%s, %s", name, pe < 0 ? "mixed" : context->infos[pe].name);
        check_frames(runner, what);
        mae_recorder *recorder;
        succeed(mae_recorder_create(model->graph, 10000, &recorder));
        succeed(mae_runner_record(context, runner, recorder, NULL));
        check_frames(runner, "the same, recorded");
        mae_runner_destroy(runner);
        mae_recorder_destroy(recorder);
    }
    mae_model_close(model);
}

static void frames_of_all_pes(void **state)
{
    (void)state;
    mae_context *context = NULL;
    mae_error *error = mae_context_create(NULL, &context);
    if (error || context->n_pes == 0) {
        mae_error_free(error);
        mae_context_destroy(context);
        skip();
    }
    check_machine(context, "tiny.onnx");
    mae_context_destroy(context);
}

static size_t two_processors(int *cores)
{
    cpu_set_t set;
    size_t n = 0;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    return n;
}

/* Two resources at the same time, each PE called on a thread of its own. */
static void overlapped_frames(void **state)
{
    (void)state;
    int cores[2];
    char path[] = "/tmp/mae-allocations-XXXXXX";
    if (two_processors(cores) < 2)
        skip();
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd,
            "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": ["
            "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d\"}, "
            "{\"name\": \"b\", \"backend\": \"ort\", \"cores\": \"%d\"}]}",
            cores[0], cores[1]);
    close(fd);
    mae_context *context = NULL;
    mae_error *error = mae_context_create(&(mae_context_options){.soc = path}, &context);
    unlink(path);
    if (error || context->n_pes < 2) {
        mae_error_free(error);
        mae_context_destroy(context);
        skip();
    }
    mae_model *model;
    open_model(context, "tiny.onnx", &model);
    mae_frame_runner *runner = make_runner(context, model, -1);
    succeed(mae_runner_overlap(context, runner));
    assert_int_equal(mae_overlap_n_lanes(runner->overlap), 2);
    check_frames(runner, "tiny.onnx, overlapped");
    mae_runner_destroy(runner);
    mae_model_close(model);
    mae_context_destroy(context);
}

int main(void)
{
    if (!alloc_count_works()) {
        print_message("skipped: a sanitizer has its own malloc\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_counts),
        cmocka_unit_test(frames_of_all_pes),
        cmocka_unit_test(overlapped_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
