/* Memory that runs out while files are read and written, while it is planned and while a network is run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "each_alloc.h"

#include "base/file.h"
#include "core/plan.h"
#include "core/soc.h"
#include "mae/mae.h"
#include "onnx/import.h"
#include "onnx/write.h"
#include "support/sim_world.h"

static char written[64]; /* a file to write */

static const char *source(const char *path)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s/%s", getenv("MAE_SOURCE_DIR"), path);
    return text;
}

/* ---- files ---- */

static mae_error *profile_there_and_back(void *ctx)
{
    mae_profile *profile = NULL;
    MAE_TRY(mae_profile_read(ctx, &profile));
    mae_error *error = mae_profile_write(profile, written);
    mae_profile_destroy(profile);
    return error;
}

static mae_error *profiles_merged(void *ctx)
{
    mae_profile *merged = NULL;
    mae_error *error = mae_profile_merge(ctx, ctx, &merged);
    mae_profile_destroy(merged);
    return error;
}

static mae_error *soc_there_and_back(void *ctx)
{
    mae_soc *soc = NULL;
    json_t *json = NULL;
    MAE_TRY(mae_soc_read(ctx, &soc));
    mae_error *error = mae_soc_to_json(soc, &json);
    json_decref(json);
    mae_soc_destroy(soc);
    return error;
}

static mae_error *rules_there_and_back(void *ctx)
{
    mae_rules *rules = NULL;
    char *text = NULL;
    MAE_TRY(mae_rules_read(ctx, &rules));
    mae_error *error = mae_rules_text(rules, &text);
    free(text);
    mae_rules_destroy(rules);
    return error;
}

static mae_error *scenario_read(void *ctx)
{
    mae_scenario *scenario = NULL;
    MAE_TRY(mae_scenario_read(ctx, &scenario));
    mae_scenario_destroy(scenario);
    return NULL;
}

static void files(void **state)
{
    (void)state;
    each_alloc("a profile, read and written", profile_there_and_back,
               (void *)source("tests/data/profiles/three.profile.json"), 1);
    each_alloc("a long profile", profile_there_and_back, (void *)source("examples/profiles/xavier-agx-googlenet.json"),
               37);
    each_alloc("a SoC file", soc_there_and_back, (void *)source("examples/socs/jetson-agx-xavier.json"), 1);
    each_alloc("rules", rules_there_and_back, (void *)source("examples/quadcopter/rules.txt"), 1);
    each_alloc("a scenario", scenario_read, (void *)source("examples/quadcopter/scenario.json"), 1);
}

/* ---- a model ---- */

/* An engine that says every tensor is 2x2 zeros. */
static mae_error *evaluate(void *ctx, const mae_onnx_blob *model, const mae_onnx_value *inputs, size_t n_inputs,
                           const char *const *outputs, size_t n_outputs,
                           mae_error *(*sink)(void *sink_ctx, size_t output, const mae_onnx_value *value),
                           void *sink_ctx)
{
    static const float zeros[4];
    (void)ctx, (void)model, (void)inputs, (void)n_inputs;
    for (size_t i = 0; i < n_outputs; i++) {
        mae_onnx_value value = {outputs[i], {MAE_F32, 2, {2, 2}}, zeros, sizeof zeros};
        MAE_TRY(sink(sink_ctx, i, &value));
    }
    return NULL;
}

static mae_error *model_there_and_back(void *ctx)
{
    static const mae_onnx_evaluator engine = {NULL, evaluate};
    void *data = NULL;
    size_t size;
    mae_graph *graph = NULL;
    mae_segment all;
    mae_onnx_blob blob;
    MAE_TRY(mae_file_read(ctx, 1 << 20, &data, &size));
    MAE_TRY(mae_onnx_import_bytes(ctx, data, size, NULL, 0, &engine, &graph));
    mae_arena *arena = mae_arena_create();
    mae_error *error = arena ? NULL : mae_error_nomem();
    if (!error)
        error = mae_segment_make(graph, 0, (int)graph->n_layers - 1, arena, &all);
    if (!error)
        error = mae_onnx_write_segment(graph, &all, &blob);
    if (!error)
        mae_onnx_blob_free(&blob);
    mae_arena_destroy(arena);
    mae_onnx_graph_destroy(graph);
    return error;
}

static void model(void **state)
{
    (void)state;
    each_alloc("a model, imported and written", model_there_and_back, (void *)source("tests/data/models/tiny.onnx"), 1);
}

/* ---- plans ---- */

static mae_error *plan_there_and_back(void *ctx)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL, *again = NULL;
    MAE_TRY(mae_plan_solve(ctx, &goal, &plan));
    mae_error *error = mae_plan_write(plan, written);
    if (!error)
        error = mae_plan_read(written, &again);
    mae_plan_destroy(again);
    mae_plan_destroy(plan);
    return error;
}

static mae_error *period_there_and_back(void *ctx)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL, *again = NULL;
    goal.minimize = MAE_MIN_PERIOD;
    MAE_TRY(mae_plan_solve(ctx, &goal, &plan));
    mae_error *error = mae_plan_write(plan, written);
    if (!error)
        error = mae_plan_read(written, &again);
    mae_plan_destroy(again);
    mae_plan_destroy(plan);
    return error;
}

static mae_error *front_solved(void *ctx)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_front *front = NULL;
    MAE_TRY(mae_front_solve(ctx, &goal, 0, &front));
    mae_error *error = mae_front_write(ctx, front, written);
    mae_front_destroy(front);
    return error;
}

static void plans(void **state)
{
    (void)state;
    mae_profile *profile = NULL;
    assert_null(mae_profile_read(source("tests/data/profiles/branch.profile.json"), &profile));
    each_alloc("profiles, merged", profiles_merged, profile, 1);
    each_alloc("a plan, solved, written and read", plan_there_and_back, profile, 1);
    each_alloc("a plan of least period, solved, written and read", period_there_and_back, profile, 1);
    mae_profile_destroy(profile);
    assert_null(mae_profile_read(source("examples/profiles/xavier-agx-googlenet.json"), &profile));
    each_alloc("a front, solved and written", front_solved, profile, 1);
    mae_profile_destroy(profile);
}

/* ---- running ---- */

/* The whole session on a virtual SoC: contexts, compiled mappings, frames, a policy and its rules. */
static mae_error *flight(void *ctx)
{
    const mae_play_options options = {.compare = false};
    mae_play *play = NULL;
    MAE_TRY(mae_scenario_play(ctx, &options, &play));
    mae_play_destroy(play);
    return NULL;
}

static void running(void **state)
{
    (void)state;
    char script[4096], path[] = "/tmp/mae-scenario-XXXXXX";
    int n = snprintf(script, sizeof script,
                     "{\"format\": \"mae-scenario-script\", \"version\": 1, \"name\": \"hop\", \"profile\": \"%s\","
                     "\"phases\": [{\"name\": \"hop\", \"duration_s\": 0.05, \"frames_per_second\": 100, "
                     "\"deadline_ms\": 50}], \"faults\": [{\"at_s\": 0.02, \"pe\": \"gpu\", \"fault\": \"lose\"}]}",
                     source("examples/profiles/xavier-agx-googlenet.json"));
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, script, (size_t)n) == n);
    close(fd);
    each_alloc("a flight on a virtual SoC", flight, path, 97);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(model),
        cmocka_unit_test(plans),
        cmocka_unit_test(running),
    };
    if (!getenv("MAE_SOURCE_DIR"))
        return 77;
    strcpy(written, "/tmp/mae-alloc-XXXXXX");
    int fd = mkstemp(written);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests_name("memory that runs out", tests, NULL, NULL);
    unlink(written);
    return failed;
}
