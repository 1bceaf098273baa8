/* session: contexts, models, sessions and the bench, on the engines that are here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/profile.h"
#include "mae/mae.h"
#include "session/internal.h"

#define MODELS "/usr/share/libonnx-testdata/data/"
#define CONV MODELS "pytorch-converted/test_Conv2d_groups/model.onnx"
#define OTHER MODELS "pytorch-converted/test_Conv2d_padding/model.onnx"

static void expect_error(mae_error *error, mae_code code, const char *part)
{
    assert_non_null(error);
    assert_int_equal(mae_error_code(error), code);
    if (!strstr(mae_error_message(error), part))
        fail_msg("\"%s\" does not say \"%s\"", mae_error_message(error), part);
    mae_error_free(error);
}

static void expect_done(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static void test_context(void **state)
{
    (void)state;
    mae_context *context;
    mae_context_options options = {.threads = 1, .pes = "cpu/onednn,cpu/ort"};
    expect_done(mae_context_create(&options, &context));
    const mae_pe_info *pes;
    assert_int_equal(mae_context_pes(context, &pes), 2);
    assert_string_equal(pes[0].name, "cpu/onednn"); /* in the order asked for */
    assert_string_equal(pes[1].resource, "cpu");
    assert_null(pes[0].meter);
    assert_int_equal(mae_context_threads(context), 1);
    mae_context_destroy(context);
    mae_context_destroy(NULL);

    options.pes = "cpu/ort,gpu0/nothing";
    expect_error(mae_context_create(&options, &context), MAE_ERR_USAGE, "gpu0/nothing");
    options.pes = "cpu/ort,cpu/ort";
    expect_error(mae_context_create(&options, &context), MAE_ERR_USAGE, "twice");
    options.pes = "cpu/ort,,";
    expect_error(mae_context_create(&options, &context), MAE_ERR_USAGE, "expected a list");
    options = (mae_context_options){.cores = "0-"};
    expect_error(mae_context_create(&options, &context), MAE_ERR_USAGE, "cores");
    options = (mae_context_options){.threads = -1};
    expect_error(mae_context_create(&options, &context), MAE_ERR_USAGE, "threads");
}

/* Without engines there is a context that says why, and no import. */
static void test_no_engines(void **state)
{
    (void)state;
    char *path = strdup(getenv("MAE_BACKEND_PATH"));
    setenv("MAE_BACKEND_PATH", "/nonexistent", 1);
    mae_context *context;
    mae_error *error = mae_context_create(NULL, &context);
    setenv("MAE_BACKEND_PATH", path, 1);
    free(path);
    expect_done(error);
    const mae_missing_backend *missing;
    assert_int_equal(mae_context_missing(context, &missing), mae_builtin_n_backends);
    assert_non_null(strstr(missing[0].reason, "ort"));
    mae_model *model;
    expect_error(mae_model_open(context, CONV, NULL, 0, &model), MAE_ERR_FAILED, "needs ONNX Runtime");
    mae_context_destroy(context);
}

typedef struct opened {
    mae_context *context;
    mae_model *model;
} opened;

static opened open_model(const char *pes, const char *path)
{
    opened o;
    mae_context_options options = {.threads = 1, .pes = pes};
    expect_done(mae_context_create(&options, &o.context));
    expect_done(mae_model_open(o.context, path, NULL, 0, &o.model));
    return o;
}

static void close_model(opened o)
{
    mae_model_close(o.model);
    mae_context_destroy(o.context);
}

static void test_session(void **state)
{
    (void)state;
    opened o = open_model("cpu/onednn", CONV); /* the reference is opened beside it */
    mae_session *session;
    expect_done(mae_session_open(o.context, o.model, NULL, &session));
    expect_done(mae_session_fill_inputs(session, 3));
    expect_done(mae_session_run(session));
    mae_verdict verdict;
    expect_done(mae_session_verify(session, &verdict));
    assert_true(verdict.ok);
    mae_session_set_tolerance(session, -1, 0); /* nothing is within less than nothing */
    expect_done(mae_session_verify(session, &verdict));
    assert_false(verdict.ok);
    assert_non_null(verdict.output);

    const mae_graph *graph = mae_model_graph(o.model);
    const void *data;
    mae_shape shape;
    expect_done(mae_session_output(session, 0, &data, &shape));
    assert_int_equal(shape.rank, 4);
    const mae_frame_segment *segments;
    double latency_ms;
    assert_int_equal(mae_session_frame(session, &segments, &latency_ms), 1);
    assert_string_equal(segments[0].pe, "cpu/onednn");
    assert_int_equal(segments[0].last, (int)graph->n_layers - 1);
    expect_error(mae_session_set_input(session, 0, data, 3), MAE_ERR_USAGE, "3 bytes");
    expect_error(mae_session_set_input(session, 9, data, 3), MAE_ERR_USAGE, "input 9");
    expect_error(mae_session_output(session, 9, &data, &shape), MAE_ERR_USAGE, "output 9");
    mae_session_close(session);
    mae_session_close(NULL);
    close_model(o);
}

static void test_plan_of_another_model(void **state)
{
    (void)state;
    opened one = open_model(NULL, CONV), other = open_model(NULL, OTHER);
    mae_profile *profile;
    mae_profile_options quick = {.budget_s = 0.2};
    expect_done(mae_profile_measure(one.context, one.model, &quick, &profile));
    mae_plan *plan;
    mae_goal goal = MAE_GOAL_INIT;
    expect_done(mae_plan_solve(profile, &goal, &plan));
    mae_session *session;
    expect_error(mae_session_open(other.context, other.model, plan, &session), MAE_ERR_INPUT, "another");
    expect_done(mae_session_open(one.context, one.model, plan, &session));
    expect_done(mae_session_run(session));
    mae_session_close(session);
    goal.minimize = MAE_MIN_ENERGY; /* no meter here: no energy, and that is said */
    mae_plan *frugal;
    expect_error(mae_plan_solve(profile, &goal, &frugal), MAE_ERR_INFEASIBLE, "energy");
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
    close_model(one);
    close_model(other);
}

static bool cancel(void *ctx, const char *what, double fraction, double left_s)
{
    (void)what;
    (void)left_s;
    (*(int *)ctx)++;
    return fraction < 0;
}

static void test_bench(void **state)
{
    (void)state;
    opened o = open_model(NULL, CONV);
    int calls = 0;
    mae_bench_options options = {
        .goal = MAE_GOAL_INIT, .budget_s = 0.3, .race_s = 0.2, .progress = cancel, .progress_ctx = &calls};
    mae_bench *bench;
    expect_error(mae_bench_run(o.context, o.model, &options, &bench), MAE_ERR_FAILED, "cancelled");
    assert_true(calls > 0);
    options.progress = NULL;
    expect_done(mae_bench_run(o.context, o.model, &options, &bench));
    assert_true(bench->verdict.ok);
    assert_true(bench->n_single >= 2); /* cpu/xnnpack, where it is installed */
    assert_true(bench->single[0].complete && bench->single[0].latency_ms.median > 0);
    /* What is offered is a mix that won, or the best single PE itself: never a mix that lost. */
    if (bench->single_is_best) {
        assert_int_equal(bench->plan->n_segments, 1);
        assert_string_equal(bench->plan->segments[0].pe, bench->baseline);
        assert_true(bench->maeg.median == 0);
    } else {
        assert_true(bench->maeg.low > 0);
    }
    char *text;
    expect_done(mae_bench_to_json(bench, &text));
    json_t *json = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "format")), "mae-bench");
    assert_int_equal(json_array_size(json_object_get(json, "single_pe")), bench->n_single);
    assert_true(json_is_true(json_object_get(json_object_get(json, "verify"), "ok")));
    assert_true(json_array_size(json_object_get(json_object_get(json, "plan"), "segments")) >= 1);
    json_decref(json);
    free(text);
    mae_bench_destroy(bench);
    mae_bench_destroy(NULL);
    close_model(o);
}

/* By a profile in which layers are cheap on alternating PEs the plan is a mix: it is compiled, verified like the single
 * PEs, and measured; that it then loses or wins is the machine's business. */
static void test_bench_of_a_mix(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/tests/data/models/tiny.onnx", getenv("MAE_SOURCE_DIR"));
    opened o = open_model(NULL, path);
    const mae_graph *graph = mae_model_graph(o.model);
    assert_true(graph->n_layers >= 2);
    const mae_pe_info *infos;
    size_t n = mae_context_pes(o.context, &infos);
    mae_profile_pe *pes = calloc(n, sizeof *pes);
    for (size_t p = 0; p < n; p++)
        pes[p] = (mae_profile_pe){
            .name = infos[p].name, .resource = infos[p].resource, .backend = infos[p].backend, .precision = "f32"};
    mae_profile *profile;
    expect_done(mae_profile_create(graph, pes, n, &profile));
    free(pes);
    const mae_transfer free_of_charge = {.crossable = true};
    for (size_t p = 0; p < n; p++) {
        for (size_t q = 0; q < n; q++)
            mae_profile_set_transfer(profile, (int)p, (int)q, &free_of_charge);
        for (size_t l = 0; l < graph->n_layers; l++) {
            const mae_cost cost = {.supported = mae_model_supports(o.model, (int)p, (int)l, NULL),
                                   .time_ms = l % n == p ? 0.001 : 10};
            mae_profile_set_cost(profile, (int)l, (int)p, &cost);
        }
    }
    mae_bench_options options = {.goal = MAE_GOAL_INIT, .race_s = 0.2, .profile = profile};
    mae_bench *bench;
    expect_done(mae_bench_run(o.context, o.model, &options, &bench));
    assert_true(bench->refinements > 0);
    assert_int_equal(bench->unverified, 0);
    assert_true(bench->verdict.ok);
    for (size_t i = 0; i < bench->n_single; i++)
        assert_true(!bench->single[i].complete || bench->single[i].verified);
    mae_bench_destroy(bench);
    mae_profile_destroy(profile);
    close_model(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context),        cmocka_unit_test(test_no_engines),
        cmocka_unit_test(test_session),        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_bench_of_a_mix), cmocka_unit_test(test_plan_of_another_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
