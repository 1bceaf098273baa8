/* Conformance on real networks: every layer alone, every longest stretch a backend supports, and the
 * whole network, against the reference engine's values.
 *
 *     conformance_test_networks [--backend NAME] [--only TEXT] [--verbose]
 *
 * MAE_CONFORMANCE_BACKEND is the same as --backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conformance.h"
#include "core/graph.h"
#include "support/engines.h"

typedef struct network {
    const char *name; /* its folder below the shared models */
} network;

static const network networks[] = {
    {"dronet"}, {"fastestdet"}, {"mlperf_resnet8"}, {"mlperf_vww"}, {"mobilenet_v1_025_128"},
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

/* False when the backend or the network cannot be had. */
static bool check_network(const char *name, const char *backend)
{
    char below[256], path[4096];
    snprintf(below, sizeof(below), "models/%s/model.onnx", name);
    const char *model = test_shared(below);
    scene s = {.network = name};
    test_engine engine;
    if (!model || !test_engine_open(backend, 2, &engine))
        return false;
    snprintf(path, sizeof(path), "%s", model);
    mae_graph *graph = test_import(path);
    snprintf(strrchr(path, '/'), 32, "/test_data_set_0");
    test_value *inputs = NULL;
    size_t n_inputs = 0;
    test_reference reference = {0};
    test_ok(test_read_values(path, "input", &inputs, &n_inputs));
    test_ok(test_reference_make(graph, inputs, n_inputs, &reference));
    check_reference(path, graph, &reference);
    s.graph = graph;
    s.reference = &reference;
    s.engine = &engine;
    check_layers(&s);
    check_stretches(&s);
    conformance_report(name, engine.name, &s.counts);
    test_reference_finish(&reference);
    test_free_values(inputs, n_inputs);
    test_engine_close(&engine);
    mae_onnx_graph_destroy(graph);
    assert_int_equal(s.counts.failed, 0);
    return true;
}

static void test_network(void **state)
{
    const network *n = *state;
    int checked = 0;
    for (size_t i = 0; i < sizeof(conformance_backends) / sizeof(conformance_backends[0]); i++) {
        if (conformance_wants_backend(conformance_backends[i]))
            checked += check_network(n->name, conformance_backends[i]);
    }
    if (checked == 0)
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
