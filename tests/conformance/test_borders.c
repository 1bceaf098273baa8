/* Borders in a blocked layout: networks cut everywhere, on one engine and on two, single layers with every border
 * blocked, what happens when that cannot be had, and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/stats.h"
#include "core/graph.h"
#include "core/layout.h"
#include "run/compare.h"
#include "support/engines.h"

static const char *const networks[] = {"dronet", "fastestdet", "mlperf_resnet8", "mlperf_vww", "mobilenet_v1_025_128"};

static unsigned native_of(const test_engine *engine)
{
    assert_non_null(engine->pe->ops->layouts);
    return engine->pe->ops->layouts(engine->pe);
}

static test_engine open_blocking(const char *backend)
{
    test_engine engine;
    if (!test_engine_open(backend, 1, &engine))
        skip();
    if (native_of(&engine))
        return engine;
    print_message("skipped: this engine computes in no blocked layout on this processor\n");
    test_engine_close(&engine);
    skip();
    return engine;
}

/* Skips without the network: before an engine is opened, which would stay so. */
static const char *need_network(const char *name)
{
    char below[128];
    snprintf(below, sizeof(below), "models/%s/model.onnx", name);
    const char *path = test_shared(below);
    if (!path)
        skip();
    return path;
}

static mae_graph *import_network(const char *name)
{
    return test_import(need_network(name));
}

static mae_layout layout_in(unsigned layouts)
{
    mae_layout layout = MAE_LAYOUT_DENSE;
    while (!(layouts & MAE_LAYOUT_BIT(layout)))
        layout++;
    return layout;
}

/* -- networks cut -- */

static mae_program *run_mapped(mae_pe *const *pes, const int *mapping, const mae_graph *graph, const bool *cuts,
                               bool dense)
{
    mae_program *program = NULL;
    const mae_program_spec spec = {
        .graph = graph, .pes = pes, .mapping = mapping, .cuts = cuts, .last = (int)graph->n_layers - 1, .dense = dense};
    test_ok(mae_program_create(&spec, &program));
    for (int frame = 0; frame < 2; frame++) { /* what a frame leaves behind must not change the next */
        test_ok(mae_program_fill(program, 3));
        test_ok(mae_program_run(program, NULL));
    }
    return program;
}

static mae_program *cut(const test_engine *engine, const mae_graph *graph, const bool *cuts, bool dense)
{
    int *mapping = calloc(graph->n_layers + 1, sizeof(*mapping));
    assert_non_null(mapping);
    mae_program *program = run_mapped(&engine->pe, mapping, graph, cuts, dense);
    free(mapping);
    return program;
}

static size_t count_blocked(const mae_program *program)
{
    size_t n = 0;
    for (size_t i = 0; i < mae_program_n_segments(program); i++) {
        const mae_segment *segment = mae_program_segment(program, i);
        for (size_t k = 0; k < segment->n_outputs; k++)
            n += mae_program_buffer(program, segment->outputs[k])->layout != MAE_LAYOUT_DENSE;
    }
    return n;
}

static void same_tensor(const mae_graph *graph, const mae_pe *pe, int tensor, mae_program *a, mae_program *b)
{
    const void *x, *y;
    mae_shape of_x, of_y;
    test_ok(mae_program_read(a, tensor, &x, &of_x));
    test_ok(mae_program_read(b, tensor, &y, &of_y));
    assert_true(mae_shape_equal(&of_x, &of_y));
    mae_difference d = mae_compare(&of_x, x, y, pe->abs_tolerance, pe->rel_tolerance);
    if (!d.ok)
        fail_msg("tensor %s differs by %g, relative %g", graph->tensors[tensor].name, d.max_abs, d.max_rel);
}

/* Whatever crosses a border of the one is compared with the other's. */
static void same_borders(const mae_graph *graph, const mae_pe *pe, mae_program *a, mae_program *b)
{
    for (size_t i = 0; i < mae_program_n_segments(a); i++) {
        const mae_segment *segment = mae_program_segment(a, i);
        for (size_t k = 0; k < segment->n_outputs; k++)
            same_tensor(graph, pe, segment->outputs[k], a, b);
    }
}

/* Before every layer. */
static void test_cut_everywhere(void **state)
{
    need_network(*state);
    test_engine engine = open_blocking("ort");
    mae_graph *graph = import_network(*state);
    bool *cuts = calloc(graph->n_layers + 1, sizeof(*cuts));
    assert_non_null(cuts);
    memset(cuts, true, graph->n_layers);
    mae_program *dense = cut(&engine, graph, cuts, true), *blocked = cut(&engine, graph, cuts, false);
    assert_int_equal(count_blocked(dense), 0);
    assert_true(count_blocked(blocked) > 0);
    same_borders(graph, engine.pe, dense, blocked);
    print_message("%s: %zu of its borders are blocked\n", (const char *)*state, count_blocked(blocked));
    mae_program_destroy(dense);
    mae_program_destroy(blocked);
    free(cuts);
    mae_onnx_graph_destroy(graph);
    test_engine_close(&engine);
}

/* Every other run of layers on the other engine; tensors are handed over as they lie where both compute alike. */
static void test_two_engines(void **state)
{
    need_network(*state);
    test_engine engines[] = {open_blocking("ort"), open_blocking("onednn")};
    mae_graph *graph = import_network(*state);
    mae_pe *pes[] = {engines[0].pe, engines[1].pe};
    bool *cuts = calloc(graph->n_layers + 1, sizeof(*cuts));
    int *mapping = calloc(graph->n_layers + 1, sizeof(*mapping));
    assert_true(cuts && mapping);
    for (int stride = 1; stride <= 3; stride++) {
        for (int i = 0; i < (int)graph->n_layers; i++)
            mapping[i] = i / stride % 2 == 1 && test_supports(&engines[1], graph, i, i, NULL);
        mae_program *dense = run_mapped(pes, mapping, graph, cuts, true);
        mae_program *laid = run_mapped(pes, mapping, graph, cuts, false);
        same_borders(graph, pes[1], dense, laid);
        if (native_of(&engines[0]) == native_of(&engines[1]))
            assert_true(count_blocked(laid) > 0);
        else
            assert_int_equal(count_blocked(dense), 0);
        print_message("%s: %zu of its borders are blocked\n", (const char *)*state, count_blocked(laid));
        mae_program_destroy(dense);
        mae_program_destroy(laid);
    }
    free(cuts);
    free(mapping);
    mae_onnx_graph_destroy(graph);
    test_engine_close(&engines[0]);
    test_engine_close(&engines[1]);
}

static bool is_bitwise(const mae_graph *graph, mae_program *a, mae_program *b)
{
    bool same = true;
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *x, *y;
        mae_shape shape;
        test_ok(mae_program_read(a, graph->outputs[i], &x, &shape));
        test_ok(mae_program_read(b, graph->outputs[i], &y, &shape));
        same = same && memcmp(x, y, graph->tensors[graph->outputs[i]].bytes) == 0;
    }
    return same;
}

/* Are all tensors from the first segment to the second blocked? */
static bool is_blocked_cut(const mae_graph *graph, const mae_program *program)
{
    const mae_segment *first = mae_program_segment(program, 0);
    for (size_t i = 0; i < first->n_outputs; i++)
        if (!graph->tensors[first->outputs[i]].is_output &&
            mae_program_buffer(program, first->outputs[i])->layout == MAE_LAYOUT_DENSE)
            return false;
    return true;
}

#define MOST_CUTS 20

/* At single borders, against the network whole: where all that crosses is blocked, the engine computes the very
 * same. */
static void test_cut_once(void **state)
{
    need_network(*state);
    test_engine engine = open_blocking("ort");
    mae_graph *graph = import_network(*state);
    bool *cuts = calloc(graph->n_layers + 1, sizeof(*cuts));
    size_t n_blocked = 0;
    assert_non_null(cuts);
    mae_program *whole = cut(&engine, graph, cuts, false);
    for (size_t at = 1; at < graph->n_layers; at += graph->n_layers / MOST_CUTS + 1) {
        cuts[at] = true;
        mae_program *program = cut(&engine, graph, cuts, false);
        cuts[at] = false;
        for (size_t i = 0; i < graph->n_outputs; i++)
            same_tensor(graph, engine.pe, graph->outputs[i], whole, program);
        if (is_blocked_cut(graph, program)) {
            assert_true(is_bitwise(graph, whole, program));
            n_blocked++;
        }
        mae_program_destroy(program);
    }
    print_message("%s: %zu cuts are blocked\n", (const char *)*state, n_blocked);
    assert_true(n_blocked > 0);
    mae_program_destroy(whole);
    free(cuts);
    mae_onnx_graph_destroy(graph);
    test_engine_close(&engine);
}

/* -- single layers -- */

typedef struct laid_layer {
    const mae_graph *graph;
    mae_pe *pe;
    mae_arena *arena;
    mae_segment segment;
    mae_buffer *buffers; /* inputs, then outputs, dense; then the same again, as they lie */
    mae_buffer **lists;  /* to them */
    size_t n;
    mae_layout *layouts; /* of the inputs, then of the outputs */
    unsigned *offers;
} laid_layer;

static void block(mae_layout layout, const mae_shape *shape, const float *dense, float *blocked)
{
    size_t b = (size_t)mae_layout_block(layout), channels = (size_t)shape->dims[1];
    size_t plane = (size_t)(shape->dims[2] * shape->dims[3]);
    for (size_t n = 0; n < (size_t)shape->dims[0]; n++)
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < plane; i++)
                blocked[((n * channels + c) / b * plane + i) * b + c % b] = dense[(n * channels + c) * plane + i];
}

static void open_buffer(const laid_layer *l, int tensor, mae_buffer *buffer)
{
    const mae_tensor *t = &l->graph->tensors[tensor];
    *buffer = (mae_buffer){.tensor = tensor, .shape = t->shape, .bytes = t->bytes};
    buffer->host = aligned_alloc(64, (t->bytes + 64) / 64 * 64);
    assert_non_null(buffer->host);
    memset(buffer->host, 0, t->bytes);
}

/* The layer `index` with all blocked that can be. */
static void open_layer(const mae_graph *graph, mae_pe *pe, int index, laid_layer *l)
{
    unsigned native = pe->ops->layouts(pe);
    *l = (laid_layer){.graph = graph, .pe = pe, .arena = mae_arena_create()};
    test_ok(mae_segment_make(graph, index, index, l->arena, &l->segment));
    l->n = l->segment.n_inputs + l->segment.n_outputs;
    l->buffers = mae_arena_array(l->arena, 2 * l->n, sizeof(*l->buffers));
    l->lists = mae_arena_array(l->arena, 2 * l->n, sizeof(*l->lists));
    l->layouts = mae_arena_array(l->arena, l->n, sizeof(*l->layouts));
    l->offers = mae_arena_array(l->arena, l->n, sizeof(*l->offers));
    for (size_t i = 0; i < 2 * l->n; i++) {
        size_t k = i % l->n;
        int tensor = k < l->segment.n_inputs ? l->segment.inputs[k] : l->segment.outputs[k - l->segment.n_inputs];
        open_buffer(l, tensor, &l->buffers[i]);
        l->lists[i] = &l->buffers[i];
        l->offers[k] = mae_layouts_of(&graph->tensors[tensor]) & native;
        if (k < l->segment.n_inputs && l->offers[k])
            l->layouts[k] = layout_in(l->offers[k]);
    }
}

static void close_layer(laid_layer *l)
{
    for (size_t i = 0; i < 2 * l->n; i++)
        free(l->buffers[i].host);
    mae_arena_destroy(l->arena);
}

static void fill_inputs(laid_layer *l)
{
    mae_rng rng = {11};
    for (size_t k = 0; k < l->segment.n_inputs; k++) {
        mae_buffer *dense = &l->buffers[k], *laid = &l->buffers[l->n + k];
        for (size_t i = 0; dense->shape.dtype == MAE_F32 && i < dense->bytes / sizeof(float); i++)
            ((float *)dense->host)[i] = (float)mae_rng_normal(&rng);
        laid->layout = l->layouts[k];
        if (laid->layout == MAE_LAYOUT_DENSE)
            memcpy(laid->host, dense->host, dense->bytes);
        else
            block(laid->layout, &dense->shape, dense->host, laid->host);
    }
}

static void run_unit(laid_layer *l, mae_unit *unit, size_t first_buffer)
{
    const mae_pe_ops *ops = l->pe->ops;
    test_ok(ops->bind(unit, l->lists + first_buffer, l->lists + first_buffer + l->segment.n_inputs));
    test_ok(ops->run(unit));
    test_ok(ops->run(unit));
}

static void compare_outputs(laid_layer *l)
{
    for (size_t k = l->segment.n_inputs; k < l->n; k++) {
        const mae_buffer *wanted = &l->buffers[k], *got = &l->buffers[l->n + k];
        float *values = malloc(got->bytes + 1);
        assert_non_null(values);
        if (l->layouts[k] == MAE_LAYOUT_DENSE)
            memcpy(values, got->host, got->bytes);
        else
            mae_layout_unblock(l->layouts[k], &got->shape, got->host, values);
        mae_difference d = mae_compare(&got->shape, values, wanted->host, l->pe->abs_tolerance, l->pe->rel_tolerance);
        free(values);
        if (!d.ok)
            fail_msg("tensor %s differs by %g", l->graph->tensors[got->tensor].name, d.max_abs);
    }
}

/* Returns how many borders are blocked. */
static size_t check_layer(laid_layer *l, unsigned flags)
{
    const mae_pe_ops *ops = l->pe->ops;
    mae_unit *dense = NULL, *laid = NULL;
    size_t n = 0;
    const mae_borders borders = {l->layouts, l->offers + l->segment.n_inputs, l->layouts + l->segment.n_inputs};
    test_ok(ops->compile(l->pe, l->graph, &l->segment, 0, &dense));
    test_ok(ops->compile_laid(l->pe, l->graph, &l->segment, flags, &borders, &laid));
    fill_inputs(l);
    run_unit(l, dense, 0);
    run_unit(l, laid, l->n);
    compare_outputs(l);
    for (size_t k = 0; k < l->n; k++)
        n += l->layouts[k] != MAE_LAYOUT_DENSE;
    ops->discard(dense);
    ops->discard(laid);
    return n;
}

static bool can_be_laid(const mae_graph *graph, const test_engine *engine, int layer)
{
    const mae_layer *l = &graph->layers[layer];
    for (size_t i = 0; i < l->n_inputs; i++)
        if (!graph->tensors[l->inputs[i]].is_static || !graph->tensors[l->inputs[i]].bytes)
            return false;
    for (size_t i = 0; i < l->n_outputs; i++)
        if (!graph->tensors[l->outputs[i]].is_static || !graph->tensors[l->outputs[i]].bytes)
            return false;
    return test_supports(engine, graph, layer, layer, NULL);
}

static size_t check_layers(const test_engine *engine, const mae_graph *graph)
{
    size_t n = 0;
    for (int i = 0; i < (int)graph->n_layers; i++) {
        laid_layer l;
        if (!can_be_laid(graph, engine, i))
            continue;
        open_layer(graph, engine->pe, i, &l);
        n += check_layer(&l, 0);
        close_layer(&l);
    }
    return n;
}

static void test_layers(void **state)
{
    static const char *const backends[] = {"ort", "onednn"};
    mae_graph *graph = import_network(*state);
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        test_engine engine;
        if (!test_engine_open(backends[i], 1, &engine))
            continue;
        assert_true(native_of(&engine) == 0 || check_layers(&engine, graph) > 0);
        test_engine_close(&engine);
    }
    mae_onnx_graph_destroy(graph);
}

/* Where the engine's files cannot be written, nothing is given blocked, and what comes blocked is taken all the
 * same. */
static void test_no_files(void **state)
{
    need_network(*state);
    test_engine engine = open_blocking("ort");
    mae_graph *graph = import_network(*state);
    char *before = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
    setenv("TMPDIR", "/nonexistent", 1);
    size_t n_blocked = check_layers(&engine, graph), n_taken = 0;
    for (int i = 0; i < (int)graph->n_layers; i++)
        for (size_t k = 0; k < graph->layers[i].n_inputs; k++)
            n_taken += (mae_layouts_of(&graph->tensors[graph->layers[i].inputs[k]]) & native_of(&engine)) != 0;
    assert_true(n_taken > 0);
    assert_int_equal(n_blocked, n_taken);
    if (before)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
    mae_onnx_graph_destroy(graph);
    test_engine_close(&engine);
}

/* -- times -- */

/* The time of a blocked unit finds its layers: nearly all of it that is spent in kernels. */
static void test_times(void **state)
{
    need_network(*state);
    test_engine engine = open_blocking("ort");
    mae_graph *graph = import_network(*state);
    int *mapping = calloc(graph->n_layers + 1, sizeof(*mapping)), half = (int)graph->n_layers / 2;
    bool *cuts = calloc(graph->n_layers + 1, sizeof(*cuts));
    mae_program *program = NULL;
    assert_true(mapping && cuts);
    cuts[half] = true;
    const mae_program_spec spec = {.graph = graph,
                                   .pes = &engine.pe,
                                   .mapping = mapping,
                                   .cuts = cuts,
                                   .last = (int)graph->n_layers - 1,
                                   .flags = MAE_COMPILE_TIMED};
    test_ok(mae_program_create(&spec, &program));
    test_ok(mae_program_fill(program, 1));
    assert_true(count_blocked(program) > 0);
    for (int i = 0; i < 20; i++)
        test_ok(mae_program_run(program, NULL));
    for (size_t i = 0; i < 2; i++) {
        const mae_segment *segment = mae_program_segment(program, i);
        double layers[512] = {0}, inputs[64] = {0}, outputs[64] = {0}, sum = 0.0;
        mae_layer_times times = {.layer_ns = layers, .input_ns = inputs, .output_ns = outputs};
        assert_true(segment->last - segment->first < 512 && segment->n_inputs <= 64 && segment->n_outputs <= 64);
        test_ok(engine.pe->ops->layer_ns(mae_program_unit(program, i), 5, &times));
        for (int k = 0; k <= segment->last - segment->first; k++)
            sum += layers[k];
        assert_true(times.runs > 0 && sum > 0.0);
        /* Layers that compute have a time of their own. */
        for (int k = segment->first; k <= segment->last; k++)
            if (strcmp(graph->layers[k].op, "Conv") == 0)
                assert_true(layers[k - segment->first] > 0.0);
        /* Nothing is reordered at a blocked border. */
        for (size_t k = 0; k < segment->n_outputs; k++)
            if (mae_program_buffer(program, segment->outputs[k])->layout != MAE_LAYOUT_DENSE)
                assert_true(outputs[k] == 0.0);
    }
    mae_program_destroy(program);
    free(mapping);
    free(cuts);
    mae_onnx_graph_destroy(graph);
    test_engine_close(&engine);
}

#define NETWORKS_OF(test)                                                                                              \
    {#test " dronet", test, NULL, NULL, (void *)networks[0]},                                                          \
        {#test " fastestdet", test, NULL, NULL, (void *)networks[1]},                                                  \
        {#test " mlperf_resnet8", test, NULL, NULL, (void *)networks[2]},                                              \
        {#test " mlperf_vww", test, NULL, NULL, (void *)networks[3]},                                                  \
    {                                                                                                                  \
#test " mobilenet_v1_025_128", test, NULL, NULL, (void *)networks[4]                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        NETWORKS_OF(test_cut_everywhere),
        NETWORKS_OF(test_cut_once),
        NETWORKS_OF(test_two_engines),
        NETWORKS_OF(test_layers),
        {"test_no_files", test_no_files, NULL, NULL, (void *)networks[1]},
        {"test_times mlperf_vww", test_times, NULL, NULL, (void *)networks[3]},
        {"test_times mobilenet", test_times, NULL, NULL, (void *)networks[4]},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
