/* A live session on the engines that are here: goals, outputs, and what stays compiled. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/profile.h"
#include "mae/mae.h"
#include "support/tree.h"

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

typedef struct scene {
    mae_context *context;
    mae_model *model;
    mae_profile *profile;
    mae_session *reference;
} scene;

/* The first PE is quick and the second needs little, by what we say: that is what the session goes by. */
static void make_profile(scene *s)
{
    const mae_graph *graph = mae_model_graph(s->model);
    mae_profile_pe pes[2];
    const mae_pe_info *infos;
    assert_int_equal(mae_context_pes(s->context, &infos), 2);
    for (int p = 0; p < 2; p++)
        pes[p] = (mae_profile_pe){
            .name = infos[p].name, .resource = infos[p].resource, .backend = infos[p].backend, .precision = "f32"};
    succeed(mae_profile_create(graph, pes, 2, &s->profile));
    for (size_t l = 0; l < graph->n_layers; l++)
        for (int p = 0; p < 2; p++) {
            const mae_cost cost = {.supported = mae_model_supports(s->model, p, (int)l, NULL),
                                   .time_ms = p ? 100 : 1, /* so far apart that live times change nothing */
                                   .energy_mj = p ? 1 : 5};
            if (cost.supported)
                mae_profile_set_cost(s->profile, (int)l, p, &cost);
        }
    for (int p = 0; p < 2; p++) {
        const mae_transfer row = {.crossable = true, .fixed_ms = 0.1, .fixed_mj = 0.1};
        mae_profile_set_transfer(s->profile, p, 1 - p, &row);
    }
    succeed(mae_profile_set_soc(s->profile, "desk", "", 0, MAE_ENERGY_MODEL));
}

static void open_scene(scene *s)
{
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", source);
    const mae_context_options options = {.threads = 1, .pes = "cpu/ort,cpu/onednn"};
    succeed(mae_context_create(&options, &s->context));
    succeed(mae_model_open(s->context, path, NULL, 0, &s->model));
    make_profile(s);
    succeed(mae_session_open(s->context, s->model, NULL, &s->reference));
}

static void close_scene(scene *s)
{
    mae_session_close(s->reference);
    mae_profile_destroy(s->profile);
    mae_model_close(s->model);
    mae_context_destroy(s->context);
}

/* A frame on new inputs, its outputs those of one engine alone. */
static void frame(scene *s, mae_live *live, uint64_t seed)
{
    const mae_graph *graph = mae_model_graph(s->model);
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const mae_tensor *tensor = &graph->tensors[graph->inputs[i]];
        void *data = malloc(tensor->bytes);
        assert_non_null(data);
        succeed(mae_tensor_fill(tensor, seed, data));
        succeed(mae_live_set_input(live, i, data, tensor->bytes));
        succeed(mae_session_set_input(s->reference, i, data, tensor->bytes));
        free(data);
    }
    succeed(mae_live_run(live, 0, 0));
    succeed(mae_session_run(s->reference));
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *a, *b;
        mae_shape shape;
        succeed(mae_live_output(live, i, &a, &shape));
        succeed(mae_session_output(s->reference, i, &b, &shape));
        size_t n = graph->tensors[graph->outputs[i]].bytes / sizeof(float);
        for (size_t k = 0; k < n; k++)
            if (!(fabsf(((const float *)a)[k] - ((const float *)b)[k]) <= 1e-3f * (1 + fabsf(((const float *)b)[k]))))
                fail_msg("output %zu, value %zu: %g, not %g", i, k, ((const float *)a)[k], ((const float *)b)[k]);
    }
}

static mae_live *open_live(scene *s, const mae_rules *rules, const char *root)
{
    mae_live *live = NULL;
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    params.drift_alarm = 1e9; /* the figures are ours, and stay */
    const mae_live_options options = {
        .rules = rules, .params = &params, .root = root, .timeout_ms = 20000, .sense_ms = 1};
    succeed(mae_live_open(s->context, s->model, s->profile, &options, &live));
    return live;
}

static void until_wanted(scene *s, mae_live *live, const char *pe)
{
    for (int i = 0; i < 2000; i++) {
        frame(s, live, (uint64_t)i);
        if (strcmp(mae_live_last(live)->segments[0].pe, pe) == 0)
            return;
        usleep(2000);
    }
    fail_msg("%s is never used", pe);
}

static void a_goal_is_obeyed_by_the_next_frame(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    mae_live *live = open_live(&s, NULL, NULL);
    mae_goal energy = MAE_GOAL_INIT, latency = MAE_GOAL_INIT;
    energy.minimize = MAE_MIN_ENERGY;
    succeed(mae_live_set_goal(live, &energy));
    until_wanted(&s, live, "cpu/onednn");
    for (int i = 0; i < 20; i++) {
        succeed(mae_live_set_goal(live, i % 2 ? &energy : &latency));
        frame(&s, live, 100 + (uint64_t)i);
        assert_string_equal(mae_live_last(live)->segments[0].pe, i % 2 ? "cpu/onednn" : "cpu/ort");
        assert_true(mae_live_last(live)->switched);
    }
    mae_live_status status;
    mae_live_get_status(live, &status);
    assert_int_equal(status.losses, 0);
    assert_true(status.builds >= 1 && status.n_compiled >= 2);
    mae_live_segment *segments = NULL;
    size_t n = 0;
    succeed(mae_live_segments(live, &segments, &n));
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++)
        assert_true(segments[i].compile_ms > 0);
    free(segments);
    mae_live_close(live);
    close_scene(&s);
}

typedef struct changer {
    mae_live *live;
    atomic_bool stop;
    atomic_int changes;
} changer;

/* cmocka's checks work on the main thread only. */
static void *change_goals(void *ctx)
{
    changer *c = ctx;
    for (int i = 0; !atomic_load(&c->stop); i++) {
        mae_goal goal = MAE_GOAL_INIT;
        goal.minimize = i % 2 ? MAE_MIN_ENERGY : MAE_MIN_LATENCY;
        if (mae_live_set_goal(c->live, &goal))
            abort();
        atomic_fetch_add(&c->changes, 1);
        usleep(1000);
    }
    return NULL;
}

static void goals_a_thousand_times_a_second(void **state)
{
    (void)state;
    scene s;
    pthread_t thread;
    open_scene(&s);
    mae_live *live = open_live(&s, NULL, NULL);
    changer c = {.live = live};
    assert_int_equal(pthread_create(&thread, NULL, change_goals, &c), 0);
    uint64_t frames = 0;
    for (; atomic_load(&c.changes) < 400 || frames < 400; frames++)
        frame(&s, live, frames);
    atomic_store(&c.stop, true);
    pthread_join(thread, NULL);
    mae_live_status status;
    mae_live_get_status(live, &status);
    assert_int_equal(status.frames, frames);
    assert_int_equal(status.losses, 0);
    assert_true(status.switches > 5);
    mae_live_close(live);
    close_scene(&s);
}

static void files_are_the_state(void **state)
{
    (void)state;
    static const char text[] = "hot above 80 C, until below 70 C, for at least 100 ms: least energy\n"
                               "battery below 20 %, for at least 100 ms: least energy\notherwise: least latency\n";
    scene s;
    test_tree tree;
    mae_rules *rules = NULL;
    mae_live_status status;
    tree_make(&tree);
    tree_put(&tree, "sys/class/power_supply/AC/type", "Mains\n");
    tree_put(&tree, "sys/class/power_supply/BAT0/type", "Battery\n");
    tree_put(&tree, "sys/class/power_supply/BAT0/capacity", "50\n");
    tree_put(&tree, "sys/class/thermal/thermal_zone0/temp", "40000\n");
    tree_put(&tree, "sys/class/thermal/thermal_zone1/temp", "45500\n");
    succeed(mae_rules_parse("rules", text, strlen(text), &rules));
    open_scene(&s);
    mae_live *live = open_live(&s, rules, tree.root);
    frame(&s, live, 1);
    mae_live_get_status(live, &status);
    assert_true(status.battery == 50 && status.celsius == 45.5 && isnan(status.power_w));
    assert_int_equal(status.rule_line, 3);
    tree_put(&tree, "sys/class/power_supply/BAT0/energy_full", "1000\n"); /* finer than percents */
    tree_put(&tree, "sys/class/power_supply/BAT0/energy_now", "155\n");
    until_wanted(&s, live, "cpu/onednn");
    mae_live_get_status(live, &status);
    assert_true(status.battery == 15.5);
    assert_int_equal(status.rule_line, 2);
    tree_put(&tree, "sys/class/thermal/thermal_zone0/temp", "81000\n");
    usleep(20000);
    frame(&s, live, 2);
    mae_live_get_status(live, &status);
    assert_int_equal(status.rule_line, 1);
    mae_live_set_readings(live, 90, 20, NAN); /* the application knows better */
    usleep(200000);
    frame(&s, live, 3);
    frame(&s, live, 4);
    mae_live_get_status(live, &status);
    assert_int_equal(status.rule_line, 3);
    mae_live_close(live);
    mae_rules_destroy(rules);
    close_scene(&s);
    tree_finish(&tree);
}

/* Little memory: what runs is there, and a goal whose mapping is not is served all the same. */
static void a_budget_too_small(void **state)
{
    (void)state;
    scene s;
    mae_live *live = NULL;
    open_scene(&s);
    const mae_live_options options = {.timeout_ms = 20000, .keep_bytes = 1};
    succeed(mae_live_open(s.context, s.model, s.profile, &options, &live));
    mae_goal energy = MAE_GOAL_INIT;
    energy.minimize = MAE_MIN_ENERGY;
    for (int i = 0; i < 40; i++) {
        succeed(mae_live_set_goal(live, i / 20 ? NULL : &energy));
        frame(&s, live, (uint64_t)i);
        usleep(1000);
    }
    mae_live_close(live);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_goal_is_obeyed_by_the_next_frame),
                                       cmocka_unit_test(goals_a_thousand_times_a_second),
                                       cmocka_unit_test(files_are_the_state), cmocka_unit_test(a_budget_too_small)};
    return cmocka_run_group_tests_name("live sessions on engines", tests, NULL, NULL);
}
