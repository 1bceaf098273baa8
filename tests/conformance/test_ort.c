/* What is particular to the ONNX Runtime backend: the evaluator's refusals, shapes known only at run
 * time, failing runs, the engine's threads. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/thread.h"
#include "core/graph.h"
#include "support/engines.h"

#define TEST_DATA "/usr/share/libonnx-testdata/data/node/"

static const char *model_path(const char *test)
{
    static char path[512];
    snprintf(path, sizeof(path), TEST_DATA "%s/model.onnx", test);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no test data at %s (Debian package libonnx-testdata)\n", path);
        skip();
    }
    return path;
}

static test_engine open_ort(int threads)
{
    test_engine engine;
    if (!test_engine_open("ort", threads, &engine))
        fail_msg("the ort backend cannot be opened");
    return engine;
}

/* -- the evaluator -- */

typedef struct seen {
    size_t n;
    mae_shape shape;
    float first;
} seen;

static mae_error *see(void *ctx, size_t output, const mae_onnx_value *value)
{
    seen *s = ctx;
    assert_int_equal(output, 0);
    assert_string_equal(value->name, "y");
    s->n++;
    s->shape = value->shape;
    memcpy(&s->first, value->data, sizeof(s->first));
    return NULL;
}

/* The model of ONNX's Relu test, read fresh so that tests can damage it. */
static mae_onnx_blob relu_model(void **ret_data)
{
    mae_onnx_blob blob = {0};
    test_ok(mae_file_read(model_path("test_relu"), 1 << 20, ret_data, &blob.size));
    blob.data = *ret_data;
    return blob;
}

static mae_error *evaluate(const mae_onnx_blob *model, const char *input, const mae_shape *shape, size_t bytes,
                           const char *output, seen *s)
{
    static float values[60] = {3.0F, -1.0F};
    const mae_onnx_evaluator *e = test_evaluator();
    const mae_onnx_value in = {input, *shape, values, bytes};
    return e->run(e->ctx, model, &in, 1, &output, 1, see, s);
}

static const mae_shape relu_shape = {MAE_F32, 3, {3, 4, 5}};

static void test_evaluator_runs(void **state)
{
    (void)state;
    void *data;
    seen s = {0};
    mae_onnx_blob model = relu_model(&data);
    for (int round = 0; round < 50; round++)
        test_ok(evaluate(&model, "x", &relu_shape, 240, "y", &s));
    assert_int_equal(s.n, 50);
    assert_true(s.first == 3.0F);
    assert_true(mae_shape_equal(&s.shape, &relu_shape));
    free(data);
}

static void test_evaluator_refuses(void **state)
{
    (void)state;
    void *data;
    seen s = {0};
    mae_onnx_blob model = relu_model(&data);
    const mae_shape flat = {MAE_F32, 1, {60}}, integers = {MAE_I32, 3, {3, 4, 5}};
    test_error(evaluate(&model, "nobody", &relu_shape, 240, "y", &s), MAE_ERR_INPUT);
    test_error(evaluate(&model, "x", &flat, 240, "y", &s), MAE_ERR_INPUT);
    test_error(evaluate(&model, "x", &integers, 240, "y", &s), MAE_ERR_INPUT);
    test_error(evaluate(&model, "x", &relu_shape, 8, "y", &s), MAE_ERR_INPUT);
    test_error(evaluate(&model, "x", &relu_shape, 240, "nobody", &s), MAE_ERR_INPUT);
    char *op = memmem(data, model.size, "Relu", 4);
    assert_non_null(op);
    op[0] = 'X';
    test_error(evaluate(&model, "x", &relu_shape, 240, "y", &s), MAE_ERR_UNSUPPORTED);
    assert_int_equal(s.n, 0);
    free(data);
}

/* Cut anywhere, a model is refused or, cut where a field ends, understood; it never harms. */
static void test_evaluator_damaged(void **state)
{
    (void)state;
    void *data;
    seen s = {0};
    mae_onnx_blob model = relu_model(&data);
    size_t whole = model.size;
    for (model.size = 0; model.size < whole; model.size++) {
        mae_error *error = evaluate(&model, "x", &relu_shape, 240, "y", &s);
        if (error) {
            assert_true(mae_error_code(error) == MAE_ERR_INPUT || mae_error_code(error) == MAE_ERR_UNSUPPORTED);
            assert_null(strchr(mae_error_message(error), '\n'));
        }
        mae_error_free(error);
    }
    free(data);
}

/* -- shapes known only at run time -- */

static size_t run_nonzero(mae_program *program, const mae_graph *graph, const uint8_t *input, size_t n)
{
    const void *data;
    mae_shape shape;
    test_ok(mae_program_write(program, graph->inputs[0], input, n));
    test_ok(mae_program_run(program, NULL));
    test_ok(mae_program_read(program, graph->outputs[0], &data, &shape));
    assert_int_equal(shape.dtype, MAE_I64);
    assert_int_equal(shape.rank, 2);
    assert_int_equal(shape.dims[0], 2);
    int64_t columns = shape.dims[1];
    for (int64_t i = 0; i < columns; i++) {
        int64_t row = ((const int64_t *)data)[i], column = ((const int64_t *)data)[columns + i];
        assert_true(input[row * 2 + column]);
    }
    return (size_t)columns;
}

static void test_dynamic_output(void **state)
{
    (void)state;
    mae_graph *graph = test_import(model_path("test_nonzero_example"));
    test_engine engine = open_ort(1);
    mae_program *program = NULL;
    const uint8_t some[] = {0, 1, 0, 0}, none[4] = {0}, all[] = {1, 1, 1, 1};
    assert_false(graph->tensors[graph->outputs[0]].is_static);
    test_ok(test_segment(&engine, graph, 0, (int)graph->n_layers - 1, 0, &program));
    assert_int_equal(run_nonzero(program, graph, some, 4), 1);
    assert_int_equal(run_nonzero(program, graph, none, 4), 0);
    assert_int_equal(run_nonzero(program, graph, all, 4), 4);
    assert_int_equal(run_nonzero(program, graph, some, 4), 1);
    mae_program_destroy(program);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
}

/* -- failing -- */

/* A run that fails says so, and the next one works. */
static void test_failed_run(void **state)
{
    (void)state;
    mae_graph *graph = test_import(model_path("test_gather_0"));
    test_engine engine = open_ort(1);
    mae_program *program = NULL;
    const int64_t good[] = {0, 1, 3}, bad[] = {0, 99, 3};
    const void *data;
    mae_shape shape;
    test_ok(test_segment(&engine, graph, 0, (int)graph->n_layers - 1, 0, &program));
    test_ok(mae_program_fill(program, 1));
    for (int round = 0; round < 3; round++) {
        test_ok(mae_program_write(program, graph->inputs[1], bad, sizeof(bad)));
        test_error(mae_program_run(program, NULL), MAE_ERR_FAILED);
        test_ok(mae_program_write(program, graph->inputs[1], good, sizeof(good)));
        test_ok(mae_program_run(program, NULL));
        test_ok(mae_program_read(program, graph->outputs[0], &data, &shape));
        const float *input = mae_program_buffer(program, graph->inputs[0])->host;
        assert_memory_equal(data, input, 24 * sizeof(float));
    }
    mae_program_destroy(program);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
}

static void test_unbound(void **state)
{
    (void)state;
    mae_graph *graph = test_import(model_path("test_relu"));
    test_engine engine = open_ort(1);
    mae_arena *arena = mae_arena_create();
    mae_segment segment;
    mae_unit *unit = NULL;
    test_ok(mae_segment_make(graph, 0, 0, arena, &segment));
    test_ok(engine.pe->ops->compile(engine.pe, graph, &segment, 0, &unit));
    test_error(engine.pe->ops->run(unit), MAE_ERR_USAGE);
    /* Buffers that are too small are refused, and nothing is left half bound. */
    float room[60];
    mae_buffer small = {.tensor = segment.inputs[0], .bytes = 8, .host = room};
    mae_buffer output = {.tensor = segment.outputs[0], .bytes = sizeof(room), .host = room};
    test_error(engine.pe->ops->bind(unit, (mae_buffer *[]){&small}, (mae_buffer *[]){&output}), MAE_ERR_FAILED);
    test_error(engine.pe->ops->run(unit), MAE_ERR_USAGE);
    engine.pe->ops->discard(unit);
    engine.pe->ops->discard(NULL);
    mae_arena_destroy(arena);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
}

static void test_open_refuses(void **state)
{
    (void)state;
    test_engine engine = open_ort(1);
    const mae_backend *backend = mae_module_backend(engine.module);
    mae_pe *pe = NULL;
    const mae_option option = {"colour", "red"};
    const mae_pe_config no_threads = {.name = "cpu/ort", .resource = "cpu", .threads = 0};
    const mae_pe_config unknown = {
        .name = "cpu/ort", .resource = "cpu", .threads = 1, .options = &option, .n_options = 1};
    test_error(backend->open(&no_threads, &pe), MAE_ERR_USAGE);
    test_error(backend->open(&unknown, &pe), MAE_ERR_USAGE);
    assert_null(pe);
    assert_null(backend->service("no such service"));
    test_engine_close(&engine);
}

static void test_strings(void **state)
{
    (void)state;
    mae_graph *graph = test_import(model_path("test_cast_FLOAT_to_STRING"));
    test_engine engine = open_ort(1);
    const char *reason = NULL;
    assert_false(test_supports(&engine, graph, 0, 0, &reason));
    assert_non_null(reason);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
}

/* -- threads -- */

typedef struct threads {
    size_t n;        /* of this process */
    size_t n_pinned; /* that may use the one processor in `pinned_to` only */
} threads;

static threads count_threads(int processor)
{
    threads result = {0};
    char path[128], line[256], wanted[64];
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    snprintf(wanted, sizeof(wanted), "Cpus_allowed_list:\t%d\n", processor);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%.32s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue; /* it has ended */
        result.n++;
        while (fgets(line, sizeof(line), file))
            result.n_pinned += strcmp(line, wanted) == 0;
        fclose(file);
    }
    closedir(dir);
    return result;
}

/* A PE bound to a processor has its own threads there, and there only. */
static void test_cores(void **state)
{
    (void)state;
    mae_graph *graph = test_import(model_path("test_relu"));
    test_engine engine = open_ort(1);
    const mae_backend *backend = mae_module_backend(engine.module);
    if (mae_thread_cores_allowed() < 2) {
        print_message("skipped: there is one processor only\n");
        test_engine_close(&engine);
        mae_onnx_graph_destroy(graph);
        skip();
    }
    const int core = 0;
    const mae_pe_config config = {.name = "cpu/ort", .resource = "cpu", .threads = 3, .cores = &core, .n_cores = 1};
    threads before = count_threads(core);
    test_engine bound = engine;
    mae_program *program = NULL;
    test_ok(backend->open(&config, &bound.pe));
    test_ok(test_segment(&bound, graph, 0, 0, 0, &program));
    /* They bind themselves as they start, which may be a while after they are made. */
    threads with = count_threads(core);
    for (int tries = 0; with.n_pinned - before.n_pinned < 2 && tries < 1000; tries++) {
        usleep(10000);
        with = count_threads(core);
    }
    assert_int_equal(with.n - before.n, 2);
    assert_int_equal(with.n_pinned - before.n_pinned, 2);
    mae_program_destroy(program);
    bound.pe->ops->close(bound.pe);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluator_runs),
        cmocka_unit_test(test_evaluator_refuses),
        cmocka_unit_test(test_evaluator_damaged),
        cmocka_unit_test(test_dynamic_output),
        cmocka_unit_test(test_failed_run),
        cmocka_unit_test(test_unbound),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
