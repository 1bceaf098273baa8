/* Flows opened from plans (mae_flow_open_plan): on virtual SoCs frames come exactly as often as the plan says, in
 * order, each with its own outputs, whatever the arrangement; what fails is that frame's. With engines outputs verify.
 */
#include <math.h>
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

#include "core/profile.h"
#include "session/internal.h"
#include "support/sim_world.h"
#include "support/trace_check.h"

#define FRAMES 120

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

/* ---- a context of a virtual SoC, and the network that its profile describes ---- */

typedef struct scene {
    sim_world world;
    mae_context *context;
    mae_model model;
    char script[64];
} scene;

static void open_pe(scene *s, size_t p)
{
    const mae_profile_pe *pe = &s->world.profile->pes[p];
    const mae_backend *backend = mae_module_backend(s->world.module);
    const mae_option options[] = {{"profile", s->world.path}, {"clock", "virtual"}, {"script", s->script}};
    const mae_pe_config config = {.name = pe->name,
                                  .resource = pe->resource,
                                  .threads = 1,
                                  .options = options,
                                  .n_options = s->script[0] ? 3 : 2};
    const mae_pe_info info = {pe->name, pe->resource, "sim", "", "virtual", NULL};
    mae_context_pe device = {.backend = backend, .watts = -1};
    succeed(backend->open(&config, &device.pe));
    succeed(mae_context_add_pe(s->context, &info, &device));
    mae_context_take_clock(s->context, device.pe);
}

static void begin(const sim_world_spec *spec, const char *script, scene *s)
{
    *s = (scene){.context = NULL};
    sim_world_make(spec, &s->world);
    if (script) {
        strcpy(s->script, "/tmp/mae-flow-plan-XXXXXX");
        int fd = mkstemp(s->script);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, script, strlen(script)), (ssize_t)strlen(script));
        close(fd);
    }
    s->context = calloc(1, sizeof *s->context);
    assert_non_null(s->context);
    s->context->arena = mae_arena_create();
    s->context->threads = 1;
    for (size_t p = 0; p < s->world.profile->n_pes; p++)
        open_pe(s, p);
    s->model = (mae_model){.context = s->context, .graph = (mae_graph *)s->world.graph};
}

static void end(scene *s)
{
    mae_context_destroy(s->context);
    sim_world_finish(&s->world);
    if (s->script[0])
        unlink(s->script);
}

static mae_plan *plan_of(const scene *s, const int *const *mappings, size_t n)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    goal.minimize = MAE_MIN_PERIOD;
    if (n)
        succeed(mae_plan_of_replicas(s->world.profile, &goal, mappings, n, &plan));
    else
        succeed(mae_plan_solve(s->world.profile, &goal, &plan));
    return plan;
}

/* ---- frames ---- */

static void fill(void *data, size_t bytes, uint64_t frame)
{
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        ((float *)data)[i] = (float)((frame * 31 + i) % 97) * 0.02f - 1;
}

static void hand_in(mae_flow *flow, const mae_graph *graph, uint64_t frame)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        void *data;
        size_t bytes;
        succeed(mae_flow_input(flow, i, &data, &bytes));
        fill(data, bytes, frame);
    }
    mae_flow_submit(flow);
}

/* The same frames one after the other, on a SoC of their own. */
typedef struct expected {
    scene scene;
    mae_session *session;
} expected;

static void expect(const sim_world_spec *spec, expected *e)
{
    begin(spec, NULL, &e->scene);
    succeed(mae_session_open(e->scene.context, &e->scene.model, NULL, &e->session));
}

static void check_outputs(expected *e, const mae_flow_frame *frame)
{
    const mae_graph *graph = e->scene.world.graph;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        size_t bytes = graph->tensors[graph->inputs[i]].bytes;
        float *data = calloc(1, bytes + 1);
        fill(data, bytes, frame->frame);
        succeed(mae_session_set_input(e->session, i, data, bytes));
        free(data);
    }
    succeed(mae_session_run(e->session));
    assert_int_equal(frame->n_outputs, graph->n_outputs);
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t bytes;
        succeed(mae_session_output(e->session, i, &data, &shape));
        assert_true(mae_shape_equal(&shape, &frame->shapes[i]) && mae_shape_bytes(&shape, &bytes));
        assert_memory_equal(data, frame->outputs[i], bytes);
    }
}

static void finish(expected *e)
{
    mae_session_close(e->session);
    end(&e->scene);
}

typedef struct journal {
    size_t n;
    double end_ms[FRAMES], latency_ms[FRAMES];
    size_t replica[FRAMES];
    mae_code code[FRAMES];
} journal;

/* All frames through the flow, as fast as it takes them. */
static void run_frames(mae_flow *flow, const mae_graph *graph, expected *e, journal *j)
{
    *j = (journal){.n = 0};
    for (uint64_t in = 0; j->n < FRAMES;) {
        mae_flow_frame frame;
        for (; in < FRAMES && mae_flow_has_room(flow); in++)
            hand_in(flow, graph, in);
        mae_error *error = mae_flow_take(flow, &frame);
        assert_int_equal(frame.frame, j->n);
        if (!error)
            check_outputs(e, &frame);
        j->end_ms[j->n] = frame.end_ms;
        j->latency_ms[j->n] = frame.latency_ms;
        j->replica[j->n] = frame.session;
        j->code[j->n++] = mae_error_code(error);
        mae_error_free(error);
    }
}

/* Once it is full, and until no more frames are handed in, a replica gives one every period. */
static size_t check_periods(const mae_plan *plan, const journal *j, size_t room)
{
    size_t checked = 0;
    for (size_t r = 0; r < plan->throughput->n_replicas; r++) {
        const mae_plan_replica *replica = &plan->throughput->replicas[r];
        double before = -1;
        size_t seen = 0;
        for (size_t i = 0; i + room < j->n; i++) {
            if (j->replica[i] != r)
                continue;
            assert_int_equal(j->code[i], MAE_OK);
            assert_true(j->latency_ms[i] >= replica->cost.latency_ms - 1e-5);
            if (seen++ > 2 * replica->n_loads && before >= 0) {
                if (fabs(j->end_ms[i] - before - replica->period_ms) > 3e-6)
                    fail_msg("replica %zu of %zu: frame %zu came after %.9g ms, not %.9g ms", r + 1,
                             plan->throughput->n_replicas, i, j->end_ms[i] - before, replica->period_ms);
                checked++;
            }
            before = j->end_ms[i];
        }
    }
    return checked;
}

/* Over all: what is not steady is at the most a frame of each replica at either end. */
static void check_throughput(const mae_plan *plan, const journal *j)
{
    double last = 0, first = INFINITY, latest = 0;
    for (size_t i = 0; i < j->n; i++) {
        last = fmax(last, j->end_ms[i]);
        first = fmin(first, j->end_ms[i]);
    }
    for (size_t r = 0; r < plan->throughput->n_replicas; r++)
        latest = fmax(latest, plan->throughput->replicas[r].cost.latency_ms);
    double span = (double)(j->n - 1) * plan->throughput->period_ms;
    assert_true(fabs(last - first - span) <= 2 * latest + 1e-5);
}

static sim_world_spec random_spec(uint64_t seed)
{
    sim_world_spec spec = {.seed = seed,
                           .layers = 4 + (int)(seed % 9),
                           .pes = 2 + (int)(seed % 3),
                           .unsupported = seed % 4 == 1 ? 0.3 : 0,
                           .chain = seed % 2 == 0,
                           .branches = seed % 6 == 1,
                           .host = seed % 5 < 2,
                           .rows = seed % 3 == 0,
                           .overrides = seed % 4 == 0,
                           .energy = seed % 2 == 0};
    return spec;
}

/* ---- tests ---- */

static void frames_come_as_often_as_predicted(void **state)
{
    (void)state;
    size_t several = 0, pipelines = 0, checked = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        scene s;
        expected e;
        mae_flow *flow;
        journal j;
        sim_world_spec spec = random_spec(seed);
        begin(&spec, NULL, &s);
        expect(&spec, &e);
        mae_plan *plan = plan_of(&s, NULL, 0);
        succeed(mae_flow_open_plan(s.context, &s.model, plan, 0, &flow));
        run_frames(flow, s.world.graph, &e, &j);
        checked += check_periods(plan, &j, mae_flow_room(flow));
        check_throughput(plan, &j);
        several += plan->throughput->n_replicas > 1;
        for (size_t r = 0; r < plan->throughput->n_replicas; r++)
            pipelines += plan->throughput->replicas[r].n_loads > 1;
        mae_flow_close(flow);
        mae_plan_destroy(plan);
        finish(&e);
        end(&s);
    }
    print_message("%zu with several replicas, %zu pipelines, %zu periods as predicted\n", several, pipelines, checked);
    assert_true(several > 5 && pipelines > 5 && checked > 1000);
}

/* Of any arrangement, not only of the best: stages where they come, two pipelines beside each other. */
static void any_arrangement_is_as_predicted(void **state)
{
    (void)state;
    size_t checked = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        scene s;
        expected e;
        mae_flow *flow;
        journal j;
        mae_rng rng = {seed};
        sim_world_spec spec = {.seed = seed, .layers = 8, .pes = 5, .chain = seed % 2, .host = seed % 3 == 0};
        int first[8], second[8];
        const int *const both[] = {first, second};
        int cut_a = 1 + (int)(mae_rng_uniform(&rng) * 3), cut_b = 5 + (int)(mae_rng_uniform(&rng) * 2);
        for (int l = 0; l < 8; l++) {
            first[l] = l < cut_a ? 3 : l < cut_b ? 0 : 1;
            second[l] = l < cut_b ? 4 : 2;
        }
        begin(&spec, NULL, &s);
        expect(&spec, &e);
        mae_plan *plan = plan_of(&s, both, 2);
        assert_int_equal(plan->throughput->n_replicas, 2);
        succeed(mae_flow_open_plan(s.context, &s.model, plan, 0, &flow));
        run_frames(flow, s.world.graph, &e, &j);
        checked += check_periods(plan, &j, mae_flow_room(flow));
        check_throughput(plan, &j);
        mae_flow_close(flow);
        mae_plan_destroy(plan);
        finish(&e);
        end(&s);
    }
    assert_true(checked > 500);
}

/* The second of two stages loses its fifth frame, and no other; those before and behind it are whole and in order. */
static void a_failed_frame_fails_alone(void **state)
{
    (void)state;
    scene s;
    expected e;
    mae_flow *flow;
    journal j;
    static const int stages[6] = {0, 0, 0, 1, 1, 1};
    const int *const mapping[] = {stages};
    sim_world_spec spec = {.seed = 7, .layers = 6, .pes = 2, .chain = true};
    begin(&spec,
          "{\"events\": [{\"at_run\": 5, \"pe\": \"pe1\", \"event\": \"lose\"}, "
          "{\"at_run\": 6, \"pe\": \"pe1\", \"event\": \"return\"}, "
          "{\"at_run\": 20, \"pe\": \"pe0\", \"event\": \"lose\"}, "
          "{\"at_run\": 22, \"pe\": \"pe0\", \"event\": \"return\"}]}",
          &s);
    expect(&spec, &e);
    mae_plan *plan = plan_of(&s, mapping, 1);
    succeed(mae_flow_open_plan(s.context, &s.model, plan, 4, &flow));
    run_frames(flow, s.world.graph, &e, &j);
    for (size_t i = 0; i < j.n; i++)
        assert_int_equal(j.code[i], i == 4 || i == 19 || i == 20 ? MAE_ERR_LOST : MAE_OK);
    mae_flow_close(flow);
    mae_plan_destroy(plan);
    finish(&e);
    end(&s);
}

static void slowing_shows(void **state)
{
    (void)state;
    scene s;
    expected e;
    mae_flow *flow;
    journal j;
    static const int stages[6] = {0, 0, 0, 1, 1, 1};
    const int *const mapping[] = {stages};
    sim_world_spec spec = {.seed = 8, .layers = 6, .pes = 2, .chain = true};
    begin(&spec, "{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"slow\", \"factor\": 3}]}", &s);
    expect(&spec, &e);
    mae_plan *plan = plan_of(&s, mapping, 1);
    double slow = fmax(3 * plan->throughput->replicas[0].loads[0].ms, plan->throughput->replicas[0].loads[1].ms);
    succeed(mae_flow_open_plan(s.context, &s.model, plan, 0, &flow));
    run_frames(flow, s.world.graph, &e, &j);
    for (size_t i = 10; i < FRAMES; i++)
        assert_true(fabs(j.end_ms[i] - j.end_ms[i - 1] - slow) < 3e-6);
    mae_flow_close(flow);
    mae_plan_destroy(plan);
    finish(&e);
    end(&s);
}

static void refusals_and_early_ends(void **state)
{
    (void)state;
    scene s;
    mae_flow *flow = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    static const int back[6] = {0, 1, 1, 0, 0, 0}, ahead[6] = {0, 0, 0, 1, 1, 1}, alone[6] = {1, 1, 1, 1, 1, 1};
    const int *const returning[] = {back}, *const sharing[] = {ahead, alone}, *const good[] = {ahead};
    sim_world_spec spec = {.seed = 7, .layers = 6, .pes = 3, .chain = true};
    begin(&spec, NULL, &s);
    mae_error *error = mae_plan_of_replicas(s.world.profile, &goal, good, 1, &plan);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE); /* not a goal of least period */
    mae_error_free(error);
    goal.minimize = MAE_MIN_PERIOD;
    error = mae_plan_of_replicas(s.world.profile, &goal, returning, 1, &plan);
    assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
    assert_non_null(strstr(mae_error_message(error), "returns to the resource r0 at layer \"layer3\""));
    mae_error_free(error);
    error = mae_plan_of_replicas(s.world.profile, &goal, sharing, 2, &plan);
    assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
    assert_non_null(strstr(mae_error_message(error), "both use the resource r1"));
    mae_error_free(error);
    plan = plan_of(&s, good, 1);
    /* On a board where the two PEs are one piece of hardware the stages are not apart. */
    const char *kept = s.context->infos[2].resource;
    s.context->infos[1].resource = s.context->infos[0].resource;
    succeed(mae_flow_open_plan(s.context, &s.model, plan, 0, &flow)); /* one stage: as good as serial */
    mae_flow_close(flow);
    s.context->infos[1].resource = kept;
    succeed(mae_flow_open_plan(s.context, &s.model, plan, 3, &flow));
    assert_int_equal(mae_flow_room(flow), 3);
    for (uint64_t i = 0; i < 3; i++)
        hand_in(flow, s.world.graph, i); /* never taken */
    assert_false(mae_flow_has_room(flow));
    mae_flow_close(flow);
    const mae_plan_throughput *throughput = plan->throughput;
    plan->throughput = NULL; /* a plan of any other goal: serially */
    succeed(mae_flow_open_plan(s.context, &s.model, plan, 0, &flow));
    hand_in(flow, s.world.graph, 0);
    mae_flow_frame frame;
    succeed(mae_flow_take(flow, &frame));
    assert_true(fabs(frame.latency_ms - throughput->latency_ms) < 3e-6);
    mae_flow_close(flow);
    plan->model_sha256 = "0123";
    s.model.graph->sha256 = "4567";
    error = mae_flow_open_plan(s.context, &s.model, plan, 0, &flow);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    mae_error_free(error);
    mae_plan_destroy(plan);
    end(&s);
}

/* ---- engines ---- */

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

static mae_context *open_processors(void)
{
    int cores[2];
    char path[] = "/tmp/mae-flow-plan-XXXXXX";
    mae_context *context = NULL;
    if (!two_processors(cores))
        return NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd,
            "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": [{\"name\": \"a\", \"backend\": "
            "\"ort\", \"cores\": \"%d\"}, {\"name\": \"b\", \"backend\": \"ort\", \"cores\": \"%d\"}]}\n",
            cores[0], cores[1]);
    close(fd);
    mae_error_free(mae_context_create(&(mae_context_options){.soc = path}, &context));
    unlink(path);
    return context;
}

/* A plan whose figures mean nothing, for its stages. */
static mae_plan *plan_stages(const mae_graph *graph, size_t cut)
{
    const mae_profile_pe pes[2] = {{.name = "a", .resource = "ra", .backend = "ort", .precision = ""},
                                   {.name = "b", .resource = "rb", .backend = "ort", .precision = ""}};
    mae_profile *profile;
    mae_plan *plan;
    mae_goal goal = MAE_GOAL_INIT;
    int *mapping = calloc(graph->n_layers, sizeof *mapping);
    const int *const mappings[] = {mapping};
    succeed(mae_profile_create(graph, pes, 2, &profile));
    for (int l = 0; l < (int)graph->n_layers; l++) {
        for (int pe = 0; pe < 2; pe++)
            mae_profile_set_cost(profile, l, pe, &(mae_cost){.supported = true, .time_ms = 1});
        mapping[l] = (size_t)l >= cut;
    }
    for (int pe = 0; pe < 2; pe++)
        mae_profile_set_transfer(profile, pe, !pe, &(mae_transfer){.crossable = true});
    goal.minimize = MAE_MIN_PERIOD;
    succeed(mae_plan_of_replicas(profile, &goal, mappings, 1, &plan));
    mae_profile_destroy(profile);
    free(mapping);
    return plan;
}

static void engines_verify(void **state)
{
    (void)state;
    char path[4096];
    mae_model *model;
    mae_flow *flow;
    mae_recorder *recorder;
    mae_context *context = open_processors();
    if (!context) {
        print_message("skipped: it takes ONNX Runtime and two processors\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    succeed(mae_model_open(context, path, NULL, 0, &model));
    const mae_graph *graph = mae_model_graph(model);
    mae_plan *plan = plan_stages(graph, graph->n_layers / 2);
    succeed(mae_flow_open_plan(context, model, plan, 0, &flow));
    succeed(mae_recorder_create(graph, 10000, &recorder));
    succeed(mae_flow_record(flow, recorder));
    for (uint64_t in = 0, out = 0; out < FRAMES; out++) {
        mae_flow_frame frame;
        mae_verdict verdict;
        for (; in < FRAMES && mae_flow_has_room(flow); in++)
            hand_in(flow, graph, in / 3);
        succeed(mae_flow_take(flow, &frame));
        assert_int_equal(frame.frame, out);
        succeed(mae_flow_verify(flow, &frame, &verdict));
        assert_true(verdict.ok);
        frame.frame++;
        mae_error *error = mae_flow_verify(flow, &frame, &verdict);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        mae_error_free(error);
    }
    mae_flow_close(flow);
    char *text;
    succeed(mae_recorder_to_json(recorder, &text));
    trace_counts counts = trace_check_text(text);
    free(text);
    assert_int_equal(counts.segments, 2 * FRAMES);
    assert_int_equal(counts.tracks, 2);
    mae_recorder_destroy(recorder);
    mae_plan_destroy(plan);
    mae_model_close(model);
    mae_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_as_often_as_predicted), cmocka_unit_test(any_arrangement_is_as_predicted),
        cmocka_unit_test(a_failed_frame_fails_alone),        cmocka_unit_test(slowing_shows),
        cmocka_unit_test(refusals_and_early_ends),           cmocka_unit_test(engines_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
