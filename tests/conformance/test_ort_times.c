/* Times of layers inside units of the ONNX Runtime backend. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/engines.h"

#define RELU "/usr/share/libonnx-testdata/data/node/test_relu/model.onnx"

static test_engine open_ort(int threads)
{
    test_engine engine;
    if (!test_engine_open("ort", threads, &engine))
        fail_msg("the ort backend cannot be opened");
    return engine;
}

static size_t count_entries(const char *folder)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void test_files_are_removed(void **state)
{
    (void)state;
    char folder[] = "/tmp/mae-test-ort-XXXXXX";
    if (access(RELU, R_OK) != 0) {
        print_message("skipped: no test data at %s (Debian package libonnx-testdata)\n", RELU);
        skip();
    }
    char *before = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    mae_graph *graph = test_import(RELU);
    test_engine engine = open_ort(1);
    double ns[3];
    mae_layer_times times = {.layer_ns = &ns[0], .input_ns = &ns[1], .output_ns = &ns[2]};
    mae_program *program = NULL;
    assert_non_null(mkdtemp(folder));
    setenv("TMPDIR", folder, 1);
    for (int use = 0; use < 3; use++) {
        test_ok(test_segment(&engine, graph, 0, 0, MAE_COMPILE_TIMED, &program));
        assert_int_equal(count_entries(folder), 1);
        if (use > 0)
            test_ok(mae_program_run(program, NULL));
        if (use > 1) /* one run, and that to be skipped */
            test_error(engine.pe->ops->layer_ns(mae_program_unit(program, 0), 1, &times), MAE_ERR_USAGE);
        mae_program_destroy(program);
        assert_int_equal(count_entries(folder), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    test_error(test_segment(&engine, graph, 0, 0, MAE_COMPILE_TIMED, &program), MAE_ERR_FAILED);
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
    test_ok(test_segment(&engine, graph, 0, 0, 0, &program));
    test_error(engine.pe->ops->layer_ns(mae_program_unit(program, 0), 0, &times), MAE_ERR_USAGE);
    mae_program_destroy(program);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
}

/* Operators that cannot be folded into others have to have been found in the profile. */
static bool must_take_time(mae_kind kind)
{
    switch (kind) {
    case MAE_KIND_CONV1X1:
    case MAE_KIND_CONV3X3:
    case MAE_KIND_CONV:
    case MAE_KIND_DEPTHWISE:
    case MAE_KIND_DECONV:
    case MAE_KIND_GEMM:
    case MAE_KIND_POOL:
    case MAE_KIND_SOFTMAX:
        return true;
    default:
        return false;
    }
}

static void check_times(const mae_graph *graph, const mae_segment *segment, const mae_layer_times *times)
{
    double sum = times->other_ns;
    for (int i = segment->first; i <= segment->last; i++) {
        double ns = times->layer_ns[i - segment->first];
        sum += ns;
        if (must_take_time(graph->layers[i].kind) && !(ns > 0.0))
            fail_msg("%s: no time was found for layer %s (%s)", graph->name, graph->layers[i].name,
                     graph->layers[i].op);
    }
    for (size_t i = 0; i < segment->n_inputs; i++)
        sum += times->input_ns[i];
    for (size_t i = 0; i < segment->n_outputs; i++)
        sum += times->output_ns[i];
    assert_true(times->other_ns >= 0.0);
    assert_true(sum > times->total_ns * (1 - 1e-9) && sum < times->total_ns * (1 + 1e-9));
}

static void time_stretch(const test_engine *engine, const mae_graph *graph, int first, int last)
{
    mae_program *program = NULL;
    test_ok(test_segment(engine, graph, first, last, MAE_COMPILE_TIMED, &program));
    test_ok(mae_program_fill(program, 1));
    for (int i = 0; i < 12; i++)
        test_ok(mae_program_run(program, NULL));
    const mae_segment *segment = mae_program_segment(program, 0);
    size_t n_layers = (size_t)(last - first + 1);
    double *ns = calloc(n_layers + segment->n_inputs + segment->n_outputs, sizeof(*ns));
    assert_non_null(ns);
    mae_layer_times times = {.layer_ns = ns, .input_ns = ns + n_layers, .output_ns = ns + n_layers + segment->n_inputs};
    test_ok(engine->pe->ops->layer_ns(mae_program_unit(program, 0), 2, &times));
    assert_true(times.runs >= 5 && times.runs <= 10); /* the faster half at least */
    check_times(graph, segment, &times);
    free(ns);
    mae_program_destroy(program);
}

static void test_times_of_networks(void **state)
{
    static const char *const names[] = {"dronet", "fastestdet", "mlperf_resnet8", "mobilenet_v1_025_128"};
    (void)state;
    if (!test_shared("models"))
        skip();
    test_engine engine = open_ort(1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char below[128];
        snprintf(below, sizeof(below), "models/%s/model.onnx", names[i]);
        const char *path = test_shared(below);
        if (!path)
            continue;
        mae_graph *graph = test_import(path);
        int n = (int)graph->n_layers;
        time_stretch(&engine, graph, 0, n - 1);
        time_stretch(&engine, graph, n / 3, 2 * n / 3);
        mae_onnx_graph_destroy(graph);
    }
    test_engine_close(&engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files_are_removed),
                                       cmocka_unit_test(test_times_of_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
