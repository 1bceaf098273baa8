/* Traces: what mae_recorder writes, and what --trace of mae run, mae bench and mae stream gives, checked by
 * support/trace_check.h. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mae/mae.h"
#include "pe/overlap.h"
#include "support/sim_world.h"
#include "support/trace_check.h"

#define LAYERS 10
#define PES 3

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static trace_counts check(const mae_recorder *recorder)
{
    char *text;
    succeed(mae_recorder_to_json(recorder, &text));
    trace_counts counts = trace_check_text(text);
    free(text);
    return counts;
}

/* ---- the recorder ---- */

static void empty_ones_are_valid(void **state)
{
    (void)state;
    mae_recorder *recorder;
    succeed(mae_recorder_create(NULL, 0, &recorder));
    assert_int_equal(check(recorder).segments, 0);
    mae_recorder_mark(recorder, -1, 0, 5);
    trace_counts counts = check(recorder);
    assert_int_equal(counts.marks, 0);
    assert_int_equal(counts.lost, 1);
    mae_recorder_destroy(recorder);
}

static void names_are_escaped(void **state)
{
    (void)state;
    mae_recorder *recorder;
    int track, same, text;
    succeed(mae_recorder_create(NULL, 10, &recorder));
    succeed(mae_recorder_track(recorder, "a \"resource\"\n", "back\\slash\t\x01", &track));
    succeed(mae_recorder_track(recorder, "a \"resource\"\n", "back\\slash\t\x01", &same));
    assert_int_equal(track, same);
    succeed(mae_recorder_text(recorder, "\x1f\"", &text));
    const mae_recorder_span span = {track, mae_recorder_next_frame(recorder), 100, 200, text};
    mae_recorder_segment(recorder, &span, 0, 3);
    mae_recorder_mark(recorder, text, 0, 150);
    mae_recorder_watts(recorder, text, 160, 2.5);
    trace_counts counts = check(recorder);
    assert_int_equal(counts.segments, 1);
    assert_int_equal(counts.marks, 1);
    assert_int_equal(counts.watts, 1);
    assert_int_equal(counts.tracks, 1);
    assert_int_equal(counts.flows, 0); /* of one segment there is nothing to follow */
    mae_recorder_destroy(recorder);
}

#define THREADS 4
#define EACH 2000

typedef struct writer {
    mae_recorder *recorder;
    int track;
    pthread_t thread;
} writer;

static void *write_many(void *ctx)
{
    writer *w = ctx;
    for (uint64_t i = 0; i < EACH; i++) {
        const mae_recorder_span span = {w->track, i, 10 * i, 10 * i + 10, -1};
        mae_recorder_segment(w->recorder, &span, w->track, w->track);
    }
    return NULL;
}

/* Several threads at once: none of their events is torn or twice, and what has no room is counted. */
static void threads_record_at_once(void **state)
{
    (void)state;
    size_t room = THREADS * 100;
    mae_recorder *recorder;
    writer writers[THREADS];
    succeed(mae_recorder_create(NULL, room, &recorder));
    for (int i = 0; i < THREADS; i++) {
        char pe[8];
        snprintf(pe, sizeof pe, "pe%d", i);
        writers[i].recorder = recorder;
        succeed(mae_recorder_track(recorder, pe, pe, &writers[i].track));
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(writers[i].thread, NULL);
    trace_counts counts = check(recorder);
    assert_int_equal(counts.segments, room);
    assert_int_equal(counts.lost, THREADS * EACH - room);
    assert_int_equal(counts.lost, mae_recorder_lost(recorder));
    mae_recorder_destroy(recorder);
}

/* ---- programs ---- */

/* Serial frames, then overlapped ones, of a mapping over three PEs with their transfers. */
static void frames_of_programs(void **state)
{
    (void)state;
    static const char *const resources[PES] = {"r0", "r1", "r2"};
    static const int lanes[PES] = {0, 1, 2};
    sim_world world;
    sim_world_spec spec = {.seed = 4, .layers = LAYERS, .pes = PES, .branches = true};
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    int mapping[LAYERS];
    for (int l = 0; l < LAYERS; l++)
        mapping[l] = l % PES;
    mae_program *program = sim_world_program(&world, mapping, NULL);
    mae_recorder *recorder;
    succeed(mae_recorder_create(world.graph, 1000, &recorder));
    succeed(mae_program_record(program, recorder, resources, world.names, "mix"));
    for (int i = 0; i < 3; i++)
        succeed(mae_program_run(program, NULL));
    trace_counts serial = check(recorder);
    assert_int_equal(serial.segments, 3 * LAYERS);
    assert_int_equal(serial.flows, 3);
    assert_int_equal(serial.tracks, PES);
    assert_int_equal(serial.overlaps, 0);

    const mae_virtual_service *service = world.pes[0]->backend->service(MAE_VIRTUAL_SERVICE);
    mae_overlap *overlap;
    succeed(mae_overlap_create(program, lanes, (mae_overlap_machine){service, world.pes[0]}, &overlap));
    succeed(mae_overlap_run(overlap, NULL));
    trace_counts both = check(recorder);
    assert_int_equal(both.segments, 4 * LAYERS);
    assert_int_equal(both.flows, 4);
    assert_true(both.overlaps > 0);
    succeed(mae_program_record(program, NULL, NULL, NULL, NULL));
    succeed(mae_overlap_run(overlap, NULL));
    assert_int_equal(check(recorder).segments, 4 * LAYERS);
    mae_overlap_destroy(overlap);
    mae_program_destroy(program);
    mae_recorder_destroy(recorder);
    sim_world_finish(&world);
}

/* ---- the program ---- */

static char folder[] = "/tmp/mae-trace-XXXXXX";

static const char soc_text[] =
    "{ \"format\": \"mae-soc\", \"version\": 1, \"name\": \"virtual\", \"pes\": ["
    " { \"name\": \"gpu@high\", \"backend\": \"sim\", \"resource\": \"gpu\", \"options\": { \"profile\": \"%s\" } },"
    " { \"name\": \"dla\", \"backend\": \"sim\", \"resource\": \"dla\", \"options\": { \"profile\": \"%s\" } } ] }";

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    char path[128], profile[2048];
    snprintf(path, sizeof path, "%s/soc.json", folder);
    snprintf(profile, sizeof profile, "%s/tests/data/profiles/virtual_soc.truth.json", getenv("MAE_SOURCE_DIR"));
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    fprintf(file, soc_text, profile, profile);
    return fclose(file);
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];
    static const char *const files[] = {"soc.json", "trace.json", "plan.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* `mae ARGUMENTS --trace ...` in the folder; the trace it left. */
static trace_counts trace_of(const char *arguments)
{
    char command[8192], path[128];
    snprintf(command, sizeof command, "cd %s && '%s' %s --trace trace.json >/dev/null 2>&1", folder,
             getenv("MAE_PROGRAM"), arguments);
    int status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: %d", command, status);
    snprintf(path, sizeof path, "%s/trace.json", folder);
    return trace_check_file(path);
}

static void of_mae_run(void **state)
{
    (void)state;
    char arguments[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    snprintf(arguments, sizeof arguments,
             "plan '%s/tests/data/profiles/virtual_soc.truth.json' -o plan.json >/dev/null && '%s' run "
             "'%s/tests/data/models/tiny.onnx' --plan plan.json --frames 7 --soc soc.json",
             source, getenv("MAE_PROGRAM"), source);
    trace_counts counts = trace_of(arguments);
    assert_true(counts.segments >= 7 && counts.segments % 7 == 0);
    assert_int_equal(counts.lost, 0);
}

/* Outputs of the virtual PEs would not verify; a machine without engines has nothing to bench. */
static void of_mae_bench(void **state)
{
    (void)state;
    mae_context *context = NULL;
    mae_error *error = mae_context_create(&(mae_context_options){.pes = "cpu/ort"}, &context);
    bool here = error == NULL;
    mae_context_destroy(context);
    mae_error_free(error);
    if (!here)
        skip();
    char arguments[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    snprintf(arguments, sizeof arguments, "bench '%s/tests/data/models/tiny.onnx' --budget 1 --race 0.2", source);
    trace_counts counts = trace_of(arguments);
    assert_true(counts.segments > 0);
    assert_true(counts.tracks >= 1);
}

static void of_mae_stream(void **state)
{
    (void)state;
    char arguments[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    snprintf(arguments, sizeof arguments,
             "stream '%s/tests/data/models/tiny.onnx' --profile '%s/tests/data/profiles/virtual_soc.truth.json' "
             "--frames 9 --soc soc.json",
             source, source);
    trace_counts counts = trace_of(arguments);
    assert_true(counts.segments >= 9);
    assert_int_equal(counts.lost, 0);
}

int main(void)
{
    if (!getenv("MAE_SOURCE_DIR") || !getenv("MAE_PROGRAM"))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_ones_are_valid),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(threads_record_at_once),
        cmocka_unit_test(frames_of_programs),
        cmocka_unit_test(of_mae_run),
        cmocka_unit_test(of_mae_bench),
        cmocka_unit_test(of_mae_stream),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
