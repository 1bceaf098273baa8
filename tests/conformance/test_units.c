/* Conformance of units: what holds for every backend whatever it computes. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conformance.h"
#include "core/graph.h"
#include "support/engines.h"

#define TEST_DATA "/usr/share/libonnx-testdata/data"
#define ROUNDS 50

/* Small models with their weights inside, one of which at least any engine should run. */
static const char *const models[] = {"pytorch-converted/test_Conv2d", "pytorch-converted/test_Conv2d_groups",
                                     "pytorch-converted/test_MaxPool2d", "pytorch-converted/test_Softmax"};

#define N_MODELS (sizeof(models) / sizeof(models[0]))
#define N_BACKENDS (sizeof(conformance_backends) / sizeof(conformance_backends[0]))

typedef void check_fn(const test_engine *engine, const mae_graph *graph);

static mae_graph *import_model(size_t i)
{
    char path[512];
    snprintf(path, sizeof(path), TEST_DATA "/%s/model.onnx", models[i]);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no test data at %s (Debian package libonnx-testdata)\n", path);
        skip();
    }
    return test_import(path);
}

static bool supports_all(const test_engine *engine, const mae_graph *graph)
{
    return test_supports(engine, graph, 0, (int)graph->n_layers - 1, NULL);
}

/* Runs a check for every backend and model it supports; each backend has to support one. */
static void for_each(check_fn *check)
{
    for (size_t b = 0; b < N_BACKENDS; b++) {
        test_engine engine;
        int checked = 0;
        if (!conformance_wants_backend(conformance_backends[b]) ||
            !test_engine_open(conformance_backends[b], 1, &engine))
            continue;
        for (size_t i = 0; i < N_MODELS; i++) {
            mae_graph *graph = import_model(i);
            if (supports_all(&engine, graph)) {
                check(&engine, graph);
                checked++;
            }
            mae_onnx_graph_destroy(graph);
        }
        test_engine_close(&engine);
        assert_true(checked > 0);
    }
}

static mae_program *whole(const test_engine *engine, const mae_graph *graph)
{
    mae_program *program = NULL;
    test_ok(test_segment(engine, graph, 0, (int)graph->n_layers - 1, 0, &program));
    return program;
}

/* A copy of the first output. */
static float *first_output(mae_program *program, const mae_graph *graph, size_t *ret_n)
{
    const void *data;
    mae_shape shape;
    test_ok(mae_program_read(program, graph->outputs[0], &data, &shape));
    assert_int_equal(shape.dtype, MAE_F32);
    assert_true(mae_shape_count(&shape, ret_n));
    float *copy = malloc(*ret_n * sizeof(float) + 1);
    assert_non_null(copy);
    memcpy(copy, data, *ret_n * sizeof(float));
    return copy;
}

static float *outputs_for(mae_program *program, const mae_graph *graph, uint64_t seed, size_t *ret_n)
{
    test_ok(mae_program_fill(program, seed));
    test_ok(mae_program_run(program, NULL));
    return first_output(program, graph, ret_n);
}

/* Opening, compiling, running and closing over and over leaves nothing behind (the leak checker looks)
 * and changes nothing. */
static void check_rounds(const test_engine *opened, const mae_graph *graph)
{
    size_t n, n_first;
    mae_program *program = whole(opened, graph);
    float *first = outputs_for(program, graph, 1, &n_first);
    mae_program_destroy(program);
    for (int round = 0; round < ROUNDS; round++) {
        test_engine engine;
        assert_true(test_engine_open(opened->pe->backend->name, 1, &engine));
        program = whole(&engine, graph);
        float *values = outputs_for(program, graph, 1, &n);
        assert_int_equal(n, n_first);
        assert_memory_equal(values, first, n * sizeof(float));
        free(values);
        mae_program_destroy(program);
        test_engine_close(&engine);
    }
    free(first);
}

/* Two units of one PE keep to their own buffers, run in any order. */
static void check_two_units(const test_engine *engine, const mae_graph *graph)
{
    size_t n, n_other;
    mae_program *a = whole(engine, graph), *b = whole(engine, graph);
    float *a_first = outputs_for(a, graph, 1, &n), *b_first = outputs_for(b, graph, 2, &n_other);
    assert_int_equal(n, n_other);
    assert_memory_not_equal(a_first, b_first, n * sizeof(float));
    for (int round = 0; round < 4; round++) {
        test_ok(mae_program_run(round & 1 ? a : b, NULL));
        test_ok(mae_program_run(round & 1 ? b : a, NULL));
        float *a_now = first_output(a, graph, &n), *b_now = first_output(b, graph, &n);
        assert_memory_equal(a_now, a_first, n * sizeof(float));
        assert_memory_equal(b_now, b_first, n * sizeof(float));
        free(a_now);
        free(b_now);
    }
    free(a_first);
    free(b_first);
    mae_program_destroy(a);
    mae_program_destroy(b);
}

/* Units compiled for timing compute the same, and their times add up. */
static void check_timed(const test_engine *engine, const mae_graph *graph)
{
    enum { MOST = 64 };
    double layers[MOST], inputs[MOST], outputs[MOST];
    mae_layer_times times = {.layer_ns = layers, .input_ns = inputs, .output_ns = outputs};
    mae_program *timed = NULL, *plain = whole(engine, graph);
    size_t n;
    if (!engine->pe->ops->layer_ns) {
        mae_program_destroy(plain);
        return;
    }
    assert_true(graph->n_layers <= MOST);
    test_ok(test_segment(engine, graph, 0, (int)graph->n_layers - 1, MAE_COMPILE_TIMED, &timed));
    float *wanted = outputs_for(plain, graph, 1, &n), *values = outputs_for(timed, graph, 1, &n);
    assert_memory_equal(values, wanted, n * sizeof(float));
    for (int i = 0; i < 20; i++)
        test_ok(mae_program_run(timed, NULL));
    test_ok(engine->pe->ops->layer_ns(mae_program_unit(timed, 0), 1, &times));
    const mae_segment *segment = mae_program_segment(timed, 0);
    double sum = times.other_ns;
    for (size_t i = 0; i < graph->n_layers; i++)
        sum += layers[i];
    for (size_t i = 0; i < segment->n_inputs; i++)
        sum += inputs[i];
    for (size_t i = 0; i < segment->n_outputs; i++)
        sum += outputs[i];
    assert_true(times.runs > 0 && times.runs <= 20);
    assert_true(times.total_ns > 0.0);
    assert_true(sum > times.total_ns * (1 - 1e-9) && sum < times.total_ns * (1 + 1e-9));
    free(wanted);
    free(values);
    mae_program_destroy(timed);
    mae_program_destroy(plain);
}

/* One PE and a unit of it, in a thread of its own. */
typedef struct worker {
    const mae_graph *graph;
    mae_program *program;
    const void *wanted;
    size_t bytes;
    bool failed;
} worker;

/* No assertions here: they leave by a jump, which must not cross threads. */
static void *work(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < ROUNDS && !w->failed; i++) {
        const void *data = NULL;
        mae_shape shape;
        mae_error *error = mae_program_run(w->program, NULL);
        if (!error)
            error = mae_program_read(w->program, w->graph->outputs[0], &data, &shape);
        w->failed = error || memcmp(data, w->wanted, w->bytes) != 0;
        mae_error_free(error);
    }
    return NULL;
}

/* Different PEs may be used at once. */
static void check_at_once(const test_engine *opened, const mae_graph *graph)
{
    enum { N = 2 };
    test_engine engines[N];
    worker workers[N];
    float *wanted[N];
    pthread_t threads[N];
    for (size_t i = 0; i < N; i++) {
        size_t n;
        assert_true(test_engine_open(opened->pe->backend->name, 1, &engines[i]));
        mae_program *program = whole(&engines[i], graph);
        wanted[i] = outputs_for(program, graph, i + 1, &n);
        workers[i] = (worker){.graph = graph, .program = program, .wanted = wanted[i], .bytes = n * sizeof(float)};
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (size_t i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        assert_false(workers[i].failed);
        mae_program_destroy(workers[i].program);
        test_engine_close(&engines[i]);
        free(wanted[i]);
    }
}

/* Units are destroyed in any order, and what is left goes on. */
static void check_any_order(const test_engine *engine, const mae_graph *graph)
{
    enum { N = 3 };
    static const int orders[][N] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
    for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
        mae_program *programs[N];
        float *wanted[N];
        size_t n;
        for (size_t i = 0; i < N; i++) {
            programs[i] = whole(engine, graph);
            wanted[i] = outputs_for(programs[i], graph, i + 1, &n);
        }
        for (int gone = 0; gone < N; gone++) {
            for (int k = gone; k < N; k++) {
                test_ok(mae_program_run(programs[orders[o][k]], NULL));
                float *now = first_output(programs[orders[o][k]], graph, &n);
                assert_memory_equal(now, wanted[orders[o][k]], n * sizeof(float));
                free(now);
            }
            mae_program_destroy(programs[orders[o][gone]]);
        }
        for (size_t i = 0; i < N; i++)
            free(wanted[i]);
    }
    engine->pe->ops->discard(NULL);
}

/* A buffer of the PE's own memory holds what is written, however long or short it is. */
static void check_memory(const test_engine *engine, const mae_graph *graph)
{
    static const size_t sizes[] = {4, 60, 4096, 1 << 20};
    const mae_pe_ops *ops = engine->pe->ops;
    (void)graph;
    assert_true(!ops->alloc == !ops->release && !ops->alloc == !ops->read && !ops->alloc == !ops->write);
    for (size_t i = 0; ops->alloc && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        mae_buffer buffer = {.shape = {MAE_F32, 1, {(int64_t)sizes[i] / 4}}, .bytes = sizes[i]}, other = buffer;
        unsigned char *in = malloc(sizes[i]), *out = malloc(sizes[i]);
        assert_true(in && out);
        test_ok(ops->alloc(engine->pe, &buffer));
        test_ok(ops->alloc(engine->pe, &other));
        for (size_t k = 0; k < sizes[i]; k++)
            in[k] = (unsigned char)(k * 7 + 3);
        test_ok(ops->write(engine->pe, &buffer, in));
        memset(out, 0, sizes[i]);
        test_ok(ops->write(engine->pe, &other, out));
        test_ok(ops->read(engine->pe, &buffer, out));
        assert_memory_equal(out, in, sizes[i]);
        ops->release(engine->pe, &buffer);
        ops->release(engine->pe, &other);
        free(in);
        free(out);
    }
}

/* What it said once it says again, whether or not the reason is wanted. */
static void check_supports_again(const test_engine *engine, const mae_graph *graph)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < (int)graph->n_layers; i++)
            assert_true(engine->pe->ops->supports(engine->pe, graph, i, NULL)); /* NULL: no reason wanted */
    }
}

/* What has to be an error, with a message and nothing left behind, leaves the PE as it was. */
static void check_refusals(const test_engine *engine, const mae_graph *graph)
{
    size_t n;
    int last = (int)graph->n_layers - 1;
    mae_program *program = whole(engine, graph), *none = NULL;
    float *wanted = outputs_for(program, graph, 1, &n);
    mae_error *error = test_segment(engine, graph, last, last + 1, 0, &none);
    test_error(error, MAE_ERR_USAGE);
    error = test_segment(engine, graph, 1, 0, 0, &none);
    test_error(error, MAE_ERR_USAGE);
    const mae_buffer *input = mae_program_buffer(program, graph->inputs[0]);
    error = mae_program_write(program, graph->inputs[0], wanted, input->bytes + 1);
    test_error(error, MAE_ERR_USAGE);
    assert_null(none);
    test_ok(mae_program_run(program, NULL));
    float *now = first_output(program, graph, &n);
    assert_memory_equal(now, wanted, n * sizeof(float));
    free(now);
    free(wanted);
    mae_program_destroy(program);
}

/* A backend that is asked for what it has not says so; it does not open something else. */
static void check_unknown_option(const test_engine *engine, const mae_graph *graph)
{
    static const mae_option option = {"no-such-option", "1"};
    const mae_pe_config config = {
        .name = engine->name, .resource = "cpu", .threads = 1, .options = &option, .n_options = 1};
    mae_pe *pe = NULL;
    (void)graph;
    mae_error *error = engine->pe->backend->open(&config, &pe);
    assert_non_null(error);
    assert_non_null(strstr(mae_error_message(error), option.key));
    assert_null(pe);
    mae_error_free(error);
}

static void test_rounds(void **state)
{
    (void)state;
    for_each(check_rounds);
}

static void test_two_units(void **state)
{
    (void)state;
    for_each(check_two_units);
}

static void test_timed(void **state)
{
    (void)state;
    for_each(check_timed);
}

static void test_at_once(void **state)
{
    (void)state;
    for_each(check_at_once);
}

static void test_any_order(void **state)
{
    (void)state;
    for_each(check_any_order);
}

static void test_memory(void **state)
{
    (void)state;
    for_each(check_memory);
}

static void test_supports_again(void **state)
{
    (void)state;
    for_each(check_supports_again);
}

static void test_refusals(void **state)
{
    (void)state;
    for_each(check_refusals);
}

static void test_unknown_option(void **state)
{
    (void)state;
    for_each(check_unknown_option);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),         cmocka_unit_test(test_two_units), cmocka_unit_test(test_timed),
        cmocka_unit_test(test_at_once),        cmocka_unit_test(test_any_order), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_supports_again), cmocka_unit_test(test_refusals),  cmocka_unit_test(test_unknown_option)};
    conformance_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
