/* Frames through several sessions at once (mae/flow.h): each frame's outputs are its own, in order; no more are under
 * way than there is room for; what fails is that frame's. On two processors the sessions are seen to run at once. */
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

#include "core/graph.h"
#include "mae/mae.h"
#include "support/trace_check.h"

#define FRAMES 200

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

/* ---- two PEs, each a resource, and a session of the whole network on each ---- */

typedef struct scene {
    mae_context *contexts[2];
    mae_model *models[2];
    mae_session *sessions[2];
} scene;

static void write_soc(char *path, const char *pes)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": [%s]}\n", pes);
    close(fd);
}

/* False: no such PEs here. */
static bool open_scene(const char *pes, const char *a, const char *b, scene *s)
{
    char path[] = "/tmp/mae-flow-XXXXXX", model[4096];
    const char *const names[2] = {a, b};
    *s = (scene){.contexts = {NULL}};
    write_soc(path, pes);
    snprintf(model, sizeof model, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    bool there = true;
    for (int i = 0; i < 2 && there; i++) {
        mae_error *error = mae_context_create(&(mae_context_options){.soc = path, .pes = names[i]}, &s->contexts[i]);
        there = !error;
        mae_error_free(error);
        if (!there)
            break;
        succeed(mae_model_open(s->contexts[i], model, NULL, 0, &s->models[i]));
        succeed(mae_session_open(s->contexts[i], s->models[i], NULL, &s->sessions[i]));
        succeed(mae_session_fill_inputs(s->sessions[i], 1));
    }
    unlink(path);
    return there;
}

static void close_scene(scene *s)
{
    for (int i = 0; i < 2; i++) {
        mae_session_close(s->sessions[i]);
        mae_model_close(s->models[i]);
        mae_context_destroy(s->contexts[i]);
    }
}

static void open_virtual(const char *script, scene *s)
{
    char pes[16384], profile[4096];
    snprintf(profile, sizeof profile, "%s/tests/data/profiles/virtual_soc.truth.json", getenv("MAE_SOURCE_DIR"));
    snprintf(pes, sizeof pes,
             "{\"name\": \"gpu@high\", \"backend\": \"sim\", \"resource\": \"gpu\", \"options\": {\"profile\": \"%s\", "
             "\"clock\": \"real\"%s}}, {\"name\": \"dla\", \"backend\": \"sim\", \"resource\": \"dla\", \"options\": "
             "{\"profile\": \"%s\", \"clock\": \"real\"%s}}",
             profile, script, profile, script);
    if (!open_scene(pes, "gpu@high", "dla", s))
        fail_msg("no virtual SoC");
}

static void hand_in(mae_flow *flow, const mae_graph *graph, float value)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        void *data;
        size_t bytes;
        succeed(mae_flow_input(flow, i, &data, &bytes));
        assert_int_equal(bytes, graph->tensors[graph->inputs[i]].bytes);
        for (size_t k = 0; k < bytes / sizeof(float); k++)
            ((float *)data)[k] = value * (float)(k % 17);
    }
    mae_flow_submit(flow);
}

/* ---- tests ---- */

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    scene s;
    mae_flow *flow;
    mae_flow_frame frame;
    open_virtual("", &s);
    const mae_graph *graph = mae_model_graph(s.models[0]);
    succeed(mae_flow_open(s.sessions, 2, 3, &flow));
    mae_error *error = mae_flow_take(flow, &frame);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    for (uint64_t i = 0; i < 30; i += 3) {
        for (int k = 0; k < 3; k++) {
            assert_true(mae_flow_has_room(flow));
            hand_in(flow, graph, 1);
        }
        assert_false(mae_flow_has_room(flow));
        for (uint64_t k = 0; k < 3; k++) {
            succeed(mae_flow_take(flow, &frame));
            assert_int_equal(frame.frame, i + k);
            assert_true(frame.session < 2);
            assert_true(frame.service_ms <= frame.latency_ms);
            assert_int_equal(frame.n_outputs, graph->n_outputs);
        }
    }
    hand_in(flow, graph, 1); /* never taken */
    hand_in(flow, graph, 1);
    mae_flow_close(flow);
    close_scene(&s);
}

static void refusals(void **state)
{
    (void)state;
    scene s;
    mae_flow *flow = NULL;
    open_virtual("", &s);
    mae_session *const twice[2] = {s.sessions[0], s.sessions[0]};
    mae_error *error = mae_flow_open(twice, 2, 0, &flow);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    assert_non_null(strstr(mae_error_message(error), "both use the resource gpu"));
    mae_error_free(error);
    error = mae_flow_open(twice, 0, 0, &flow);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_flow_close(NULL);
    close_scene(&s);
}

/* A script's events of the virtual machine, in a file. */
static void open_scripted(const char *events, char *path, scene *s)
{
    char option[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "{\"events\": [%s]}", events);
    close(fd);
    snprintf(option, sizeof option, ", \"script\": \"%s\"", path);
    open_virtual(option, s);
}

#define UNDER_WAY 3u
#define TAKEN 37u

/* Hands a frame in, and takes the one that many before it, in order; false: there is none yet. */
static bool take_next(const scene *s, mae_flow *flow, uint64_t frame, mae_flow_frame *ret_frame, mae_error **ret_error)
{
    hand_in(flow, mae_model_graph(s->models[0]), 1);
    if (frame < UNDER_WAY)
        return false;
    *ret_error = mae_flow_take(flow, ret_frame);
    assert_int_equal(ret_frame->frame, frame - UNDER_WAY);
    return true;
}

/* A PE is lost in its third run, and stays so: its frame begins again on the other one, which runs all from then on. */
static void a_lost_replica_gives_its_frames_back(void **state)
{
    (void)state;
    scene s;
    mae_flow *flow;
    mae_error *error;
    size_t by[2] = {0};
    char script[] = "/tmp/mae-flow-script-XXXXXX";
    open_scripted("{\"at_run\": 3, \"pe\": \"dla\", \"event\": \"lose\"}", script, &s);
    succeed(mae_flow_open(s.sessions, 2, 4, &flow));
    for (uint64_t i = 0; i < TAKEN + UNDER_WAY; i++) {
        mae_flow_frame frame;
        if (!take_next(&s, flow, i, &frame, &error))
            continue;
        succeed(error);
        by[frame.session]++;
    }
    assert_true(by[1] > 0 && by[1] <= 2 && by[0] == TAKEN - by[1]);
    mae_flow_close(flow);
    close_scene(&s);
    unlink(script);
}

/* Where every PE is gone each frame is answered with that, in order. */
static void without_replicas_frames_fail(void **state)
{
    (void)state;
    scene s;
    mae_flow *flow;
    mae_error *error;
    size_t failed = 0;
    char script[] = "/tmp/mae-flow-script-XXXXXX";
    open_scripted("{\"at_run\": 3, \"pe\": \"dla\", \"event\": \"lose\"}, "
                  "{\"at_run\": 9, \"pe\": \"gpu@high\", \"event\": \"lose\"}",
                  script, &s);
    succeed(mae_flow_open(s.sessions, 2, 4, &flow));
    for (uint64_t i = 0; i < TAKEN + UNDER_WAY; i++) {
        mae_flow_frame frame;
        if (!take_next(&s, flow, i, &frame, &error))
            continue;
        assert_true(failed == 0 || error); /* none comes back to life */
        assert_true(!error || mae_error_code(error) == MAE_ERR_LOST);
        failed += error != NULL;
        mae_error_free(error);
    }
    assert_true(failed > 0 && failed < TAKEN);
    mae_flow_close(flow);
    close_scene(&s);
    unlink(script);
}

static bool two_processors(int *cores)
{
    cpu_set_t set;
    size_t n = 0;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
        if (CPU_ISSET((size_t)i, &set))
            cores[n++] = i;
    return n == 2;
}

static bool open_processors(scene *s)
{
    int cores[2];
    char pes[512];
    *s = (scene){.contexts = {NULL}};
    if (!two_processors(cores))
        return false;
    snprintf(pes, sizeof pes,
             "{\"name\": \"a\", \"backend\": \"ort\", \"cores\": \"%d\"}, {\"name\": \"b\", \"backend\": \"ort\", "
             "\"cores\": \"%d\"}",
             cores[0], cores[1]);
    return open_scene(pes, "a", "b", s);
}

static float value_of(uint64_t frame)
{
    return 0.01f * (float)(frame % 41) - 0.2f;
}

/* Frame by frame through one session. */
static void expect_outputs(mae_session *session, const mae_graph *graph, const mae_flow_frame *frame)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        size_t bytes = graph->tensors[graph->inputs[i]].bytes;
        float *data = calloc(1, bytes + 1);
        for (size_t k = 0; k < bytes / sizeof(float); k++)
            data[k] = value_of(frame->frame) * (float)(k % 17);
        succeed(mae_session_set_input(session, i, data, bytes));
        free(data);
    }
    succeed(mae_session_run(session));
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t bytes;
        succeed(mae_session_output(session, i, &data, &shape));
        assert_true(mae_shape_equal(&shape, &frame->shapes[i]) && mae_shape_bytes(&shape, &bytes));
        assert_memory_equal(data, frame->outputs[i], bytes);
    }
}

/* All frames through the two sessions, each as it comes out of one alone; how many began while one ran on the other
 * processor. */
static size_t run_both(scene *s, scene *alone)
{
    mae_flow *flow;
    mae_recorder *recorder;
    size_t per_session[2] = {0, 0};
    const mae_graph *graph = mae_model_graph(s->models[0]);
    succeed(mae_recorder_create(graph, 10000, &recorder));
    for (int i = 0; i < 2; i++)
        succeed(mae_session_record(s->sessions[i], recorder));
    succeed(mae_flow_open(s->sessions, 2, 6, &flow));
    for (uint64_t i = 0; i < FRAMES + 5; i++) {
        mae_flow_frame frame;
        if (i < FRAMES)
            hand_in(flow, graph, value_of(i));
        if (i < 5)
            continue;
        succeed(mae_flow_take(flow, &frame));
        assert_int_equal(frame.frame, i - 5);
        expect_outputs(alone->sessions[0], graph, &frame);
        per_session[frame.session]++;
    }
    mae_flow_close(flow);
    char *text;
    succeed(mae_recorder_to_json(recorder, &text));
    trace_counts counts = trace_check_text(text);
    free(text);
    print_message("%zu and %zu frames; %zu began while one ran on the other processor\n", per_session[0],
                  per_session[1], counts.overlaps);
    assert_int_equal(counts.segments, FRAMES);
    assert_int_equal(counts.tracks, 2);
    mae_recorder_destroy(recorder);
    return counts.overlaps;
}

static void frames_keep_their_outputs_and_their_order(void **state)
{
    (void)state;
    scene s, alone = {.contexts = {NULL}};
    size_t overlaps = 0;
    if (!open_processors(&s) || !open_processors(&alone)) {
        print_message("skipped: it takes ONNX Runtime and two processors\n");
        close_scene(&s);
        close_scene(&alone);
        skip();
    }
    /* On a machine that does other things both threads may have had one processor. */
    for (int round = 0; overlaps == 0 && round < 20; round++)
        overlaps = run_both(&s, &alone);
    assert_true(overlaps > 0);
    close_scene(&alone);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_there_is_room_for),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_lost_replica_gives_its_frames_back),
        cmocka_unit_test(without_replicas_frames_fail),
        cmocka_unit_test(frames_keep_their_outputs_and_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
