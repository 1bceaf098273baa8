/* Providers of ONNX Runtime: the CPU's by name, those that are not here, tolerances by precision, segments that are
 * limited, and the SoC files of boards that are elsewhere. (tests/provider has those that compute.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>

#include "core/profile.h"
#include "session/internal.h"

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static mae_error *open_machine(const char *pes, mae_context **ret_context)
{
    char path[] = "/tmp/mae-provider-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"desk\", \"pes\": [%s]}\n", pes);
    assert_int_equal(fclose(file), 0);
    const mae_context_options options = {.soc = path, .threads = 1};
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

#define ORT(name, options, more) "{\"name\": \"" name "\", \"backend\": \"ort\", \"options\": {" options "}" more "}"

static void one_line(const char *message)
{
    if (strchr(message, '\n') || strstr(message, ".cc:"))
        fail_msg("not a message for users: %s", message);
}

/* However it is spelt, it is what the PE is without an option. */
static void the_cpu_by_name(void **state)
{
    (void)state;
    mae_context *context = NULL;
    mae_model *model = NULL;
    succeed(open_machine(ORT("a", "", "") ", " ORT("b", "\"provider\": \"CPUExecutionProvider\"",
                                                   "") ", " ORT("c", "\"provider\": \"cpu\"", ""),
                         &context));
    assert_int_equal(context->n_pes, 3);
    open_model(context, &model);
    mae_frame_runner *runners[3];
    for (size_t p = 0; p < 3; p++) {
        int mapping[64];
        mae_pe *pe = context->pes[p].pe;
        for (size_t l = 0; l < model->graph->n_layers; l++) {
            mapping[l] = (int)p;
            assert_true(pe->ops->supports(pe, model->graph, (int)l, NULL));
        }
        assert_true(pe->ops->layer_ns && pe->abs_tolerance == context->pes[0].pe->abs_tolerance);
        succeed(mae_runner_create(context, model->graph, mapping, &runners[p]));
        succeed(mae_runner_fill(runners[p], 3));
        succeed(mae_program_run(runners[p]->program, NULL));
        mae_verdict verdict;
        succeed(mae_runner_compare(runners[p], runners[0], 0, 0, &verdict));
        assert_true(verdict.ok);
    }
    for (size_t p = 0; p < 3; p++)
        mae_runner_destroy(runners[p]);
    mae_model_close(model);
    mae_context_destroy(context);
}

static void expect_refusal(const char *pes, const char *words)
{
    mae_context *context = NULL;
    mae_error *error = open_machine(pes, &context);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    one_line(mae_error_message(error));
    if (!strstr(mae_error_message(error), words))
        fail_msg("%s", mae_error_message(error));
    mae_error_free(error);
}

static void slips_of_the_pen(void **state)
{
    (void)state;
    expect_refusal(ORT("a", "\"provider\": \"magic\"", ""), "PE a: \"magic\" is not a provider of ONNX Runtime's");
    expect_refusal(ORT("a", "\"provider\": \"magic\"", ""), "CPU");
    expect_refusal(ORT("a", "\"provider\": \"cpu\", \"device_id\": 0", ""), "has no option \"device_id\"");
    expect_refusal(ORT("a", "\"trt_dla_enable\": 1", ""), "has no option \"trt_dla_enable\"");
}

/* None of them is in a library for this kind of machine: the others go on, and the message names who is there. */
static void providers_that_are_elsewhere(void **state)
{
    (void)state;
    static const char *const names[] = {"vsinpu", "NnapiExecutionProvider", "CoreML", "QNN"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char pes[512];
        mae_context *context = NULL;
        snprintf(pes, sizeof pes, ORT("far", "\"provider\": \"%s\"", "") ", " ORT("near", "", ""), names[i]);
        succeed(open_machine(pes, &context));
        if (context->n_pes == 2) {
            print_message("%s is here\n", names[i]);
        } else {
            assert_int_equal(context->n_missing, 1);
            assert_string_equal(context->missing[0].backend, "far");
            one_line(context->missing[0].reason);
            assert_non_null(strstr(context->missing[0].reason, names[i]));
            assert_non_null(strstr(context->missing[0].reason, "it has "));
        }
        mae_context_destroy(context);
    }
}

static void tolerances(void **state)
{
    (void)state;
    mae_context *context = NULL;
    succeed(
        open_machine(ORT("a", "", ", \"precision\": \"f32\"") ", " ORT("b", "", ", \"precision\": \"f16\"") ", " ORT(
                         "c", "", ", \"precision\": \"i8\", \"rel_tolerance\": 0.25") ", " ORT("d", "", ""),
                     &context));
    const mae_pe *f32 = context->pes[0].pe, *f16 = context->pes[1].pe, *i8 = context->pes[2].pe;
    assert_true(f32->abs_tolerance < f16->abs_tolerance && f16->abs_tolerance < i8->abs_tolerance);
    assert_true(f32->rel_tolerance < f16->rel_tolerance && i8->rel_tolerance == 0.25);
    assert_true(context->pes[3].pe->rel_tolerance == f32->rel_tolerance);
    assert_string_equal(context->infos[1].precision, "f16");
    mae_context_destroy(context);
}

/* From the SoC file into the profile, from there into plans. */
static void limited_loadables(void **state)
{
    (void)state;
    mae_context *context = NULL;
    mae_model *model = NULL;
    mae_profile *profile = NULL;
    succeed(
        open_machine(ORT("free", "", "") ", " ORT("few", "\"provider\": \"cpu\"", ", \"max_segments\": 1"), &context));
    open_model(context, &model);
    const mae_profile_options options = {.budget_s = 0.5};
    succeed(mae_profile_measure(context, model, &options, &profile));
    assert_true(profile->pes[0].max_segments == 0 && profile->pes[1].max_segments == 1);
    assert_true(profile->n_layers >= 5);
    int mapping[64] = {0};
    mae_prediction prediction;
    mapping[1] = 1;
    succeed(mae_eval(profile, mapping, 0, &prediction));
    mapping[3] = 1;
    mae_error *error = mae_eval(profile, mapping, 0, &prediction);
    assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
    assert_non_null(strstr(mae_error_message(error), "few"));
    mae_error_free(error);
    /* Were it free of charge, a plan would use it for every other layer. */
    for (size_t l = 0; l < profile->n_layers; l++)
        for (int p = 0; p < 2; p++) {
            const mae_cost cost = {.supported = true, .time_ms = (l + (size_t)p) % 2 ? 1 : 100};
            mae_profile_set_cost(profile, (int)l, p, &cost);
        }
    mae_plan *plan = NULL;
    const mae_goal goal = MAE_GOAL_INIT;
    succeed(mae_plan_solve(profile, &goal, &plan));
    size_t n = 0;
    for (size_t s = 0; s < plan->n_segments; s++)
        n += strcmp(plan->segments[s].pe, "few") == 0;
    assert_int_equal(n, 1);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
    mae_model_close(model);
    mae_context_destroy(context);
}

/* Files of boards that this is not: a PE is there, or left out for a reason, or the file names a processor too many. */
static void open_board(const char *path)
{
    mae_context *context = NULL;
    const mae_context_options options = {.soc = path};
    mae_error *error = mae_context_create(&options, &context);
    if (error) {
        assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
        one_line(mae_error_message(error));
        if (!strstr(mae_error_message(error), "there is no processor"))
            fail_msg("%s", mae_error_message(error));
        mae_error_free(error);
        return;
    }
    assert_true(context->n_pes + context->n_missing > 0);
    for (size_t i = 0; i < context->n_missing; i++) {
        one_line(context->missing[i].reason);
        assert_true(*context->missing[i].reason);
    }
    mae_context_destroy(context);
}

static void boards_that_are_elsewhere(void **state)
{
    (void)state;
    char folder[4096], path[8192];
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/examples/socs", getenv("MAE_SOURCE_DIR"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        open_board(path);
        n++;
    }
    closedir(dir);
    assert_true(n >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_cpu_by_name),
                                       cmocka_unit_test(slips_of_the_pen),
                                       cmocka_unit_test(providers_that_are_elsewhere),
                                       cmocka_unit_test(tolerances),
                                       cmocka_unit_test(limited_loadables),
                                       cmocka_unit_test(boards_that_are_elsewhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
