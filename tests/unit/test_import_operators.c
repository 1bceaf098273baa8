/* ONNX's own operator tests, where the distribution installs them: every model is imported or refused with
 * a clean error; what is imported runs layer by layer and gives the expected outputs. */
#include <dirent.h>

#include "test_import_run.h"

#define ROOT "/usr/share/libonnx-testdata/data"

/* Operator tests (by the beginning of their names) whose expected outputs no run gives: they are random, or
 * were made for another reading of the operator than the engine's, or are of another type. */
static const char *const engine_differs[] = {"test_bernoulli",
                                             "test_training_dropout",
                                             "test_resize_downsample_scales_linear_align_corners",
                                             "test_resize_downsample_scales_cubic_align_corners",
                                             "test_cast_FLOAT_to_BFLOAT16",
                                             "test_maxunpool_export_with_output_shape",
                                             NULL};

typedef struct tally {
    size_t imported, refused, same, differ, skipped;
} tally;

static bool is_listed(const char *name)
{
    for (const char *const *listed = engine_differs; *listed; listed++)
        if (strncmp(*listed, name, strlen(*listed)) == 0)
            return true;
    return false;
}

static void try_model(const char *folder, const char *name, const mae_onnx_evaluator *engine, tally *t)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    mae_graph *graph = NULL;
    mae_error *error = mae_onnx_import(path, NULL, 0, engine, &graph);
    if (error) {
        mae_code code = mae_error_code(error);
        if (code != MAE_ERR_INPUT && code != MAE_ERR_UNSUPPORTED && code != MAE_ERR_USAGE)
            fail_msg("%s", mae_error_message(error));
        assert_non_null(strstr(mae_error_message(error), name));
        mae_error_free(error);
        t->refused++;
        return;
    }
    t->imported++;
    check_graph(graph);
    snprintf(path, sizeof path, "%s/%s/test_data_set_0", folder, name);
    verdict v = run_layers(graph, 1, path, engine);
    t->same += v == RUN_SAME;
    t->skipped += v == RUN_SKIPPED;
    t->skipped += v == RUN_DIFFERS && is_listed(name);
    if (v == RUN_DIFFERS && !is_listed(name)) {
        t->differ++;
        print_message("differs: %s/%s\n", folder, name);
    }
    mae_onnx_graph_destroy(graph);
}

static void runs_operator_tests(void **state)
{
    (void)state;
    static const char *const folders[] = {ROOT "/node", ROOT "/simple", ROOT "/pytorch-converted",
                                          ROOT "/pytorch-operator"};
    const mae_onnx_evaluator *engine = find_engine();
    tally t = {0};
    for (size_t f = 0; f < sizeof folders / sizeof *folders && engine; f++) {
        DIR *folder = opendir(folders[f]);
        for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder))
            if (strncmp(entry->d_name, "test_", 5) == 0)
                try_model(folders[f], entry->d_name, engine, &t);
        if (folder)
            closedir(folder);
    }
    if (!engine || t.imported + t.refused == 0) {
        print_message("no engine, or no operator tests in " ROOT "\n");
        skip();
    }
    print_message("%zu imported, %zu refused; outputs: %zu as expected, %zu differ, %zu not comparable\n", t.imported,
                  t.refused, t.same, t.differ, t.skipped);
    assert_int_equal(t.differ, 0);
    assert_true(t.same > t.refused + t.skipped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_operator_tests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
