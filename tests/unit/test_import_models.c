/* Whole networks: imported, then run layer by layer, they give what their authors say. */
#include "test_import_run.h"

static const char *const models[] = {"dronet", "fastestdet", "mlperf_resnet8", "mlperf_vww", "mobilenet_v1_025_128"};

static void runs_the_networks(void **state)
{
    (void)state;
    const mae_onnx_evaluator *engine = find_engine();
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!engine || !source)
        skip();
    size_t found = 0;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        char folder[512], path[600];
        snprintf(folder, sizeof folder, "%s/../shared/models/%s", source, models[m]);
        snprintf(path, sizeof path, "%s/model.onnx", folder);
        FILE *file = fopen(path, "rb");
        if (!file)
            continue;
        fclose(file);
        found++;
        mae_graph *graph = NULL;
        expect_success(mae_onnx_import(path, NULL, 0, engine, &graph));
        check_graph(graph);
        snprintf(path, sizeof path, "%s/test_data_set_0", folder);
        const int steps[] = {1, 5, 1000};
        for (size_t s = 0; s < 3; s++)
            assert_int_equal(run_layers(graph, steps[s], path, engine), RUN_SAME);
        mae_onnx_graph_destroy(graph);
    }
    if (!found) {
        print_message("no models in %s/../shared/models\n", source);
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_the_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
