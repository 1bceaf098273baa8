/* Conformance on real networks: every layer alone, every longest stretch a backend supports (the whole
 * network, if it supports that), and several backends mixed, against the reference engine's values.
 *
 *     conformance_test_networks [--backend NAME] [--only TEXT] [--verbose]
 *
 * MAE_CONFORMANCE_BACKEND is the same as --backend. With MAE_LONG the demo's networks, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conformance.h"
#include "base/stats.h"
#include "core/graph.h"
#include "support/engines.h"

typedef struct network {
    const char *name; /* its folder below the shared models, which has values, too */
    bool demo;        /* it is one of demo/models, which have none: values are random */
    bool pixels;      /* its values are 0 to 255, else about 0 */
    int64_t dims[4];  /* of input "x", where the model leaves them open */
} network;

static const network networks[] = {
    {.name = "dronet"},
    {.name = "fastestdet"},
    {.name = "mlperf_resnet8"},
    {.name = "mlperf_vww"},
    {.name = "mobilenet_v1_025_128"},
    {.name = "blazeface", .demo = true},
    {.name = "mlsd_tiny", .demo = true, .pixels = true},
    {.name = "ppocrv4_cls", .demo = true, .dims = {1, 3, 48, 192}},
    {.name = "ppocrv4_det", .demo = true, .dims = {1, 3, 384, 768}},
    {.name = "ppocrv4_rec", .demo = true, .dims = {1, 3, 48, 320}},
};

typedef struct scene {
    const char *network;
    const mae_graph *graph;
    const test_reference *reference;
    const test_engine *engine;
    conformance_counts counts;
} scene;

static bool is_close(const scene *s, int tensor, const void *data, const mae_shape *shape)
{
    const test_value *wanted = &s->reference->values[tensor];
    const mae_pe *pe = s->engine->pe;
    if (!wanted->data)
        return true;
    if (!mae_shape_equal(shape, &wanted->shape)) {
        print_error("tensor %s: another shape than the reference's\n", s->graph->tensors[tensor].name);
        return false;
    }
    mae_difference d = mae_compare(shape, data, wanted->data, pe->abs_tolerance, pe->rel_tolerance);
    if (!d.ok)
        print_error("tensor %s: differs by %g, relative %g\n", s->graph->tensors[tensor].name, d.max_abs, d.max_rel);
    return d.ok;
}

/* Runs twice: what a run leaves behind must not change the next. */
static mae_error *run_segment(const scene *s, mae_program *program, bool *ret_close)
{
    const mae_segment *segment = mae_program_segment(program, 0);
    for (size_t i = 0; i < segment->n_inputs; i++) {
        const test_value *v = &s->reference->values[segment->inputs[i]];
        MAE_TRY(mae_program_write(program, segment->inputs[i], v->data, v->bytes));
    }
    *ret_close = true;
    for (int round = 0; round < 2; round++) {
        MAE_TRY(mae_program_run(program, NULL));
        for (size_t i = 0; i < segment->n_outputs; i++) {
            const void *data;
            mae_shape shape;
            MAE_TRY(mae_program_read(program, segment->outputs[i], &data, &shape));
            *ret_close = is_close(s, segment->outputs[i], data, &shape) && *ret_close;
        }
    }
    return NULL;
}

/* Layers first..last as one segment. */
static void check_stretch(scene *s, int first, int last)
{
    char name[256];
    snprintf(name, sizeof(name), "%s:%s..%s", s->network, s->graph->layers[first].name, s->graph->layers[last].name);
    mae_program *program = NULL;
    bool close = false;
    mae_error *error = test_segment(s->engine, s->graph, first, last, 0, &program);
    if (!error)
        error = run_segment(s, program, &close);
    conformance_count(&s->counts, s->engine->pe->backend->name, name, error, close);
    mae_error_free(error);
    mae_program_destroy(program);
}

static void check_layers(scene *s)
{
    const char *reason = NULL;
    for (int i = 0; i < (int)s->graph->n_layers; i++) {
        if (test_supports(s->engine, s->graph, i, i, &reason)) {
            check_stretch(s, i, i);
            continue;
        }
        s->counts.unsupported++;
        conformance_say("%s does not support %s:%s (%s): %s\n", s->engine->name, s->network, s->graph->layers[i].name,
                        s->graph->layers[i].op, reason ? reason : "no reason given");
        assert_non_null(reason);
    }
}

static void check_stretches(scene *s)
{
    int n = (int)s->graph->n_layers;
    for (int first = 0; first < n; first++) {
        int last = first;
        while (last < n && test_supports(s->engine, s->graph, last, last, NULL))
            last++;
        if (last > first + 1)
            check_stretch(s, first, last - 1);
        first = last;
    }
}

/* The reference itself is held to the outputs that came with the network. */
static void check_reference(const char *folder, const mae_graph *graph, const test_reference *reference)
{
    test_value *outputs = NULL;
    size_t n = 0;
    test_ok(test_read_values(folder, "output", &outputs, &n));
    assert_int_equal(n, graph->n_outputs);
    for (size_t i = 0; i < n; i++) {
        const test_value *got = &reference->values[graph->outputs[i]];
        assert_true(mae_shape_equal(&got->shape, &outputs[i].shape));
        assert_true(mae_compare(&got->shape, got->data, outputs[i].data, 1e-5, 1e-3).ok);
    }
    test_free_values(outputs, n);
}

typedef struct subject {
    const char *name;
    mae_graph *graph;
    test_value *inputs;
    size_t n_inputs;
    test_reference reference;
} subject;

/* A network that came with values. */
static void load_shared(const char *name, subject *s)
{
    char below[256], path[4096];
    snprintf(below, sizeof(below), "models/%s/model.onnx", name);
    const char *model = test_shared(below);
    if (!model)
        skip();
    snprintf(path, sizeof(path), "%s", model);
    *s = (subject){.name = name, .graph = test_import(path)};
    snprintf(strrchr(path, '/'), 32, "/test_data_set_0");
    test_ok(test_read_values(path, "input", &s->inputs, &s->n_inputs));
    test_ok(test_reference_make(s->graph, s->inputs, s->n_inputs, &s->reference));
    check_reference(path, s->graph, &s->reference);
}

static test_value random_value(const mae_tensor *tensor, bool pixels, uint64_t seed)
{
    mae_rng rng = {seed};
    float *values = malloc(tensor->bytes + 1);
    assert_true(values && tensor->is_static && tensor->shape.dtype == MAE_F32);
    for (size_t i = 0; i < tensor->bytes / sizeof(float); i++)
        values[i] = pixels ? (float)(mae_rng_next(&rng) % 256) : (float)mae_rng_normal(&rng);
    return (test_value){.shape = tensor->shape, .data = values, .bytes = tensor->bytes};
}

static void load_demo(const network *of, subject *s)
{
    char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    const mae_onnx_shape shape = {"x", 4, of->dims};
    snprintf(path, sizeof(path), "%s/demo/models/%s.onnx", source ? source : ".", of->name);
    if (!getenv("MAE_LONG") || access(path, R_OK) != 0) {
        print_message("skipped: %s\n", getenv("MAE_LONG") ? "not there, see `make demo`" : "MAE_LONG is not set");
        skip();
    }
    *s = (subject){.name = of->name};
    test_ok(mae_onnx_import(path, &shape, of->dims[0] ? 1 : 0, test_evaluator(), &s->graph));
    s->n_inputs = s->graph->n_inputs;
    s->inputs = calloc(s->n_inputs + 1, sizeof(*s->inputs));
    assert_non_null(s->inputs);
    for (size_t i = 0; i < s->n_inputs; i++)
        s->inputs[i] = random_value(&s->graph->tensors[s->graph->inputs[i]], of->pixels, i + 1);
    test_ok(test_reference_make(s->graph, s->inputs, s->n_inputs, &s->reference));
}

static void finish_subject(subject *s)
{
    test_reference_finish(&s->reference);
    test_free_values(s->inputs, s->n_inputs);
    mae_onnx_graph_destroy(s->graph);
}

static int check_engine(const subject *of, const test_engine *engine)
{
    scene s = {.network = of->name, .graph = of->graph, .reference = &of->reference, .engine = engine};
    check_layers(&s);
    check_stretches(&s);
    conformance_report(of->name, engine->name, &s.counts);
    return s.counts.failed;
}

/* -- several backends in one network -- */

/* A random PE for stretches of random length, among those that support the layer. */
static void choose(const subject *s, const test_engine *engines, size_t n, mae_rng *rng, int *mapping)
{
    size_t wish = 0;
    for (int i = 0; i < (int)s->graph->n_layers; i++) {
        if (mae_rng_next(rng) % 4 == 0)
            wish = mae_rng_next(rng) % n;
        mapping[i] = -1; /* which making the program refuses */
        for (size_t k = 0; k < n && mapping[i] < 0; k++) {
            size_t e = (wish + k) % n;
            if (test_supports(&engines[e], s->graph, i, i, NULL))
                mapping[i] = (int)e;
        }
    }
}

static const test_engine *loosest(const test_engine *engines, size_t n)
{
    const test_engine *found = engines;
    for (size_t i = 1; i < n; i++) {
        const mae_pe *pe = engines[i].pe;
        if (pe->abs_tolerance + pe->rel_tolerance > found->pe->abs_tolerance + found->pe->rel_tolerance)
            found = &engines[i];
    }
    return found;
}

static mae_error *run_mixed(const subject *s, const test_engine *judge, mae_program *program)
{
    const scene view = {.network = s->name, .graph = s->graph, .reference = &s->reference, .engine = judge};
    for (size_t i = 0; i < s->n_inputs; i++)
        MAE_TRY(mae_program_write(program, s->graph->inputs[i], s->inputs[i].data, s->inputs[i].bytes));
    MAE_TRY(mae_program_run(program, NULL));
    for (size_t i = 0; i < s->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        MAE_TRY(mae_program_read(program, s->graph->outputs[i], &data, &shape));
        assert_true(is_close(&view, s->graph->outputs[i], data, &shape));
    }
    return NULL;
}

static void check_mixed(const subject *s, const test_engine *engines, size_t n)
{
    mae_pe *pes[sizeof(conformance_backends) / sizeof(conformance_backends[0])];
    int *mapping = calloc(s->graph->n_layers + 1, sizeof(*mapping));
    size_t segments = 0;
    mae_rng rng = {7};
    assert_non_null(mapping);
    for (size_t i = 0; i < n; i++)
        pes[i] = engines[i].pe;
    for (int round = 0; round < 5; round++) {
        mae_program *program = NULL;
        choose(s, engines, n, &rng, mapping);
        test_ok(test_program(pes, s->graph, mapping, false, &program));
        test_ok(run_mixed(s, loosest(engines, n), program));
        segments += mae_program_n_segments(program);
        mae_program_destroy(program);
    }
    free(mapping);
    printf("%s on %zu PEs: 5 mappings of %zu segments passed\n", s->name, n, segments);
}

static void test_network(void **state)
{
    test_engine engines[sizeof(conformance_backends) / sizeof(conformance_backends[0])];
    const network *of = *state;
    subject s;
    size_t n = 0;
    int failed = 0;
    if (of->demo)
        load_demo(of, &s);
    else
        load_shared(of->name, &s);
    for (size_t i = 0; i < sizeof(conformance_backends) / sizeof(conformance_backends[0]); i++) {
        if (conformance_wants_backend(conformance_backends[i]) &&
            test_engine_open(conformance_backends[i], 2, &engines[n]))
            failed += check_engine(&s, &engines[n++]);
    }
    if (n > 1)
        check_mixed(&s, engines, n);
    for (size_t i = 0; i < n; i++)
        test_engine_close(&engines[i]);
    finish_subject(&s);
    assert_int_equal(failed, 0);
    if (n == 0)
        skip();
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[sizeof(networks) / sizeof(networks[0])];
    size_t n = 0;
    conformance_arguments(argc, argv);
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        if (conformance_wants(networks[i].name))
            tests[n++] = (struct CMUnitTest){networks[i].name, test_network, NULL, NULL, (void *)&networks[i]};
    }
    return _cmocka_run_group_tests("networks", tests, n, NULL, NULL);
}
