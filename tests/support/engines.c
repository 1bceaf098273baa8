#include "engines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/graph.h"

void test_ok_at(mae_error *error, const char *file, int line)
{
    if (!error)
        return;
    print_error("%s (made at %s)\n", mae_error_message(error), mae_error_origin(error));
    mae_error_free(error);
    _fail(file, line);
}

void test_error_at(mae_error *error, mae_code code, const char *file, int line)
{
    if (mae_error_code(error) == code) {
        mae_error_free(error);
        return;
    }
    print_error("wanted an error of code %d, got %d: %s\n", code, mae_error_code(error),
                error ? mae_error_message(error) : "success");
    mae_error_free(error);
    _fail(file, line);
}

const char *test_shared(const char *below)
{
    static char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    snprintf(path, sizeof(path), "%s/../shared/%s", source ? source : ".", below);
    if (access(path, R_OK) == 0)
        return path;
    print_message("skipped: no shared data at %s\n", path);
    return NULL;
}

/* -- engines -- */

static mae_module *load(const char *backend)
{
    mae_module *module = NULL;
    mae_module_prepare_environment();
    mae_error *error = mae_module_load(backend, &module);
    if (error)
        print_message("no backend %s: %s\n", backend, mae_error_message(error));
    mae_error_free(error);
    return module;
}

const mae_onnx_evaluator *test_evaluator(void)
{
    mae_module *module = load("ort");
    if (!module)
        fail_msg("tests need the ort backend");
    const mae_onnx_evaluator *evaluator = mae_module_backend(module)->service(MAE_ONNX_EVALUATOR_SERVICE);
    assert_non_null(evaluator);
    mae_module_close(module); /* it stays in memory */
    return evaluator;
}

static mae_error *open_first(test_engine *engine, int threads)
{
    const mae_backend *backend = mae_module_backend(engine->module);
    const mae_pe_found *found;
    size_t n;
    MAE_TRY(backend->probe(&found, &n));
    if (n == 0)
        return mae_error_new(MAE_ERR_FAILED, "no PE found");
    snprintf(engine->name, sizeof(engine->name), "%s", found[0].name);
    const mae_pe_config config = {.name = found[0].name, .resource = found[0].resource, .threads = threads};
    return backend->open(&config, &engine->pe);
}

bool test_engine_open(const char *backend, int threads, test_engine *engine)
{
    *engine = (test_engine){.module = load(backend)};
    if (!engine->module)
        return false;
    mae_error *error = open_first(engine, threads);
    if (!error)
        return true;
    print_message("no PE of %s: %s\n", backend, mae_error_message(error));
    mae_error_free(error);
    mae_module_close(engine->module);
    return false;
}

void test_engine_close(test_engine *engine)
{
    engine->pe->ops->close(engine->pe);
    mae_module_close(engine->module);
}

mae_graph *test_import(const char *path)
{
    mae_graph *graph = NULL;
    test_ok(mae_onnx_import(path, NULL, 0, test_evaluator(), &graph));
    return graph;
}

bool test_supports(const test_engine *engine, const mae_graph *graph, int first, int last, const char **ret_reason)
{
    for (int i = first; i <= last; i++) {
        if (!engine->pe->ops->supports(engine->pe, graph, i, ret_reason))
            return false;
    }
    return true;
}

mae_error *test_program(mae_pe *const *pes, const mae_graph *graph, const int *mapping, bool cut,
                        mae_program **ret_program)
{
    bool *cuts = calloc(graph->n_layers + 1, sizeof(*cuts));
    if (!cuts)
        return mae_error_nomem();
    for (size_t i = 0; i < graph->n_layers; i++)
        cuts[i] = cut;
    const mae_program_spec spec = {
        .graph = graph, .pes = pes, .mapping = mapping, .cuts = cuts, .first = 0, .last = (int)graph->n_layers - 1};
    mae_error *error = mae_program_create(&spec, ret_program);
    free(cuts);
    return error;
}

mae_error *test_segment(const test_engine *engine, const mae_graph *graph, int first, int last, unsigned flags,
                        mae_program **ret_program)
{
    int *mapping = calloc(graph->n_layers + 1, sizeof(*mapping));
    if (!mapping)
        return mae_error_nomem();
    const mae_program_spec spec = {
        .graph = graph, .pes = &engine->pe, .mapping = mapping, .first = first, .last = last, .flags = flags};
    mae_error *error = mae_program_create(&spec, ret_program);
    free(mapping);
    return error;
}

/* -- test data -- */

static mae_error *append_value(const char *path, test_value **values, size_t *n)
{
    test_value *grown = realloc(*values, (*n + 1) * sizeof(*grown));
    if (!grown)
        return mae_error_nomem();
    *values = grown;
    test_value *v = &grown[*n];
    *v = (test_value){0};
    MAE_TRY(mae_onnx_read_tensor(path, &v->name, &v->shape, &v->data, &v->bytes));
    *n += 1;
    return NULL;
}

mae_error *test_read_values(const char *folder, const char *prefix, test_value **ret_values, size_t *ret_n)
{
    test_value *values = NULL;
    size_t n = 0;
    for (;;) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s_%zu.pb", folder, prefix, n);
        if (access(path, R_OK) != 0)
            break;
        mae_error *error = append_value(path, &values, &n);
        if (error) {
            test_free_values(values, n);
            return error;
        }
    }
    *ret_values = values;
    *ret_n = n;
    return NULL;
}

void test_free_values(test_value *values, size_t n)
{
    for (size_t i = 0; values && i < n; i++) {
        free(values[i].name);
        free(values[i].data);
    }
    free(values);
}

/* -- reference -- */

typedef struct wanted {
    const int *tensors;
    test_value *values;
} wanted;

static mae_error *keep(void *ctx, size_t output, const mae_onnx_value *value)
{
    wanted *w = ctx;
    test_value *v = &w->values[w->tensors[output]];
    v->shape = value->shape;
    v->bytes = value->bytes;
    v->data = malloc(value->bytes + 1);
    if (!v->data)
        return mae_error_nomem();
    if (value->bytes > 0 && value->data)
        memcpy(v->data, value->data, value->bytes);
    return NULL;
}

/* Every layer's outputs, each once: what a segment over the whole network does not give by itself. */
static size_t list_outputs(const mae_graph *graph, int *tensors, const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < graph->n_layers; i++) {
        for (size_t k = 0; k < graph->layers[i].n_outputs; k++) {
            int tensor = graph->layers[i].outputs[k];
            mae_dtype dtype = graph->tensors[tensor].shape.dtype;
            if (dtype == MAE_STRING || dtype == MAE_DTYPE_NONE)
                continue;
            names[n] = graph->tensors[tensor].name;
            tensors[n++] = tensor;
        }
    }
    return n;
}

static mae_error *evaluate(const mae_graph *graph, const test_value *inputs, size_t n_inputs, int *tensors,
                           const char **names, mae_onnx_value *values, test_reference *reference)
{
    const mae_onnx_evaluator *evaluator = test_evaluator();
    wanted w = {tensors, reference->values};
    mae_onnx_blob model = {0};
    size_t n = list_outputs(graph, tensors, names);
    const mae_segment all = {.first = 0,
                             .last = (int)graph->n_layers - 1,
                             .n_inputs = graph->n_inputs,
                             .inputs = graph->inputs,
                             .n_outputs = n,
                             .outputs = tensors};
    for (size_t i = 0; i < n_inputs; i++) {
        values[i] =
            (mae_onnx_value){graph->tensors[graph->inputs[i]].name, inputs[i].shape, inputs[i].data, inputs[i].bytes};
        test_value *v = &reference->values[graph->inputs[i]];
        v->shape = inputs[i].shape;
        v->bytes = inputs[i].bytes;
        v->data = malloc(inputs[i].bytes + 1);
        if (!v->data)
            return mae_error_nomem();
        memcpy(v->data, inputs[i].data, inputs[i].bytes);
    }
    MAE_TRY(mae_onnx_write_segment(graph, &all, &model));
    mae_error *error = evaluator->run(evaluator->ctx, &model, values, n_inputs, names, n, keep, &w);
    mae_onnx_blob_free(&model);
    return error;
}

mae_error *test_reference_make(const mae_graph *graph, const test_value *inputs, size_t n_inputs,
                               test_reference *ret_reference)
{
    if (n_inputs != graph->n_inputs)
        return mae_error_new(MAE_ERR_USAGE, "%zu values for %zu inputs", n_inputs, graph->n_inputs);
    test_reference reference = {.graph = graph, .values = calloc(graph->n_tensors + 1, sizeof(test_value))};
    int *tensors = calloc(graph->n_tensors + 1, sizeof(*tensors));
    const char **names = calloc(graph->n_tensors + 1, sizeof(*names));
    mae_onnx_value *values = calloc(n_inputs + 1, sizeof(*values));
    mae_error *error = reference.values && tensors && names && values
                           ? evaluate(graph, inputs, n_inputs, tensors, names, values, &reference)
                           : mae_error_nomem();
    free(values);
    free(names);
    free(tensors);
    if (error) {
        test_reference_finish(&reference);
        return error;
    }
    *ret_reference = reference;
    return NULL;
}

void test_reference_finish(test_reference *reference)
{
    test_free_values(reference->values, reference->values ? reference->graph->n_tensors : 0);
}
