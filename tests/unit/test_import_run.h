/* Runs an imported graph layer by layer, each layer written as a model of its own, from test data in
 * ONNX's folders, and compares the outputs with the expected ones. */
#ifndef MAE_TEST_IMPORT_RUN_H
#define MAE_TEST_IMPORT_RUN_H

#include <dirent.h>
#include <math.h>

#include "test_onnx_support.h"

/* The values of a graph's tensors, by number; freed by values_free. */
typedef struct values {
    const mae_graph *graph;
    mae_onnx_value *at;
    bool is_text; /* strings cannot be handed on: the run ends early */
} values;

static inline void values_free(values *v)
{
    for (size_t i = 0; i < v->graph->n_tensors; i++)
        free((void *)v->at[i].data);
    free(v->at);
}

typedef struct taking {
    values *values;
    const mae_segment *segment;
} taking;

static inline mae_error *take_output(void *ctx, size_t output, const mae_onnx_value *value)
{
    taking *t = ctx;
    mae_onnx_value *at = &t->values->at[t->segment->outputs[output]];
    const mae_tensor *tensor = &t->values->graph->tensors[t->segment->outputs[output]];
    t->values->is_text |= value->shape.dtype == MAE_STRING;
    if (tensor->is_static && !mae_shape_equal(&tensor->shape, &value->shape))
        fail_msg("tensor %s has another shape than import said", tensor->name);
    void *data = malloc(value->bytes + 1);
    assert_non_null(data);
    if (value->data)
        memcpy(data, value->data, value->bytes);
    *at = (mae_onnx_value){tensor->name, value->shape, data, value->bytes};
    return NULL;
}

/* Runs layers first..last as one segment. */
static inline mae_error *run_segment(values *v, int first, int last, const mae_onnx_evaluator *engine)
{
    mae_arena *arena = mae_arena_create();
    mae_segment segment;
    mae_onnx_blob blob;
    mae_onnx_value inputs[64];
    const char *outputs[64];
    expect_success(mae_segment_make(v->graph, first, last, arena, &segment));
    expect_success(mae_onnx_write_segment(v->graph, &segment, &blob));
    assert_true(segment.n_inputs <= 64 && segment.n_outputs <= 64);
    for (size_t i = 0; i < segment.n_inputs; i++)
        inputs[i] = v->at[segment.inputs[i]];
    for (size_t i = 0; i < segment.n_outputs; i++)
        outputs[i] = v->graph->tensors[segment.outputs[i]].name;
    taking t = {v, &segment};
    mae_error *error =
        engine->run(engine->ctx, &blob, inputs, segment.n_inputs, outputs, segment.n_outputs, take_output, &t);
    mae_onnx_blob_free(&blob);
    mae_arena_destroy(arena);
    return error;
}

/* Reads input_N.pb or output_N.pb; false if it is not there or not a tensor. */
static inline bool read_pb(const char *folder, const char *what, size_t i, mae_onnx_value *ret_value)
{
    char path[800], *name = NULL;
    void *data = NULL;
    snprintf(path, sizeof path, "%s/%s_%zu.pb", folder, what, i);
    mae_error *error = mae_onnx_read_tensor(path, &name, &ret_value->shape, &data, &ret_value->bytes);
    mae_error_free(error);
    free(name);
    ret_value->data = data;
    return !error;
}

/* Within 1e-3 (bf16: 1e-2) relative to the largest expected value, elements of any type. */
static inline bool is_close(const mae_onnx_value *got, const mae_onnx_value *want)
{
    size_t n = 0;
    if (!mae_shape_equal(&got->shape, &want->shape) || !mae_shape_count(&want->shape, &n))
        return false;
    mae_tensor a = {.shape = got->shape, .data = got->data}, b = {.shape = want->shape, .data = want->data};
    double largest = 1e-3, tolerance = want->shape.dtype == MAE_BF16 ? 1e-2 : 1e-3;
    for (size_t i = 0; i < n; i++)
        if (isfinite(mae_tensor_f64(&b, i)))
            largest = fmax(largest, fabs(mae_tensor_f64(&b, i)));
    for (size_t i = 0; i < n; i++) {
        double x = mae_tensor_f64(&a, i), y = mae_tensor_f64(&b, i);
        if (isnan(x) != isnan(y) || isinf(x) != isinf(y) || (isfinite(y) && fabs(x - y) > tolerance * largest))
            return false;
    }
    return true;
}

typedef enum verdict { RUN_SAME, RUN_DIFFERS, RUN_SKIPPED } verdict;

/* Fills in the graph inputs from a folder; their shapes must be those that import fixed. */
static inline bool read_inputs(values *v, const char *folder)
{
    for (size_t i = 0; i < v->graph->n_inputs; i++) {
        int number = v->graph->inputs[i];
        const mae_tensor *tensor = &v->graph->tensors[number];
        mae_onnx_value value = {.name = tensor->name};
        if (!read_pb(folder, "input", i, &value))
            return false;
        value.name = tensor->name;
        v->at[number] = value;
        if (tensor->shape.dtype == MAE_STRING || !mae_shape_equal(&value.shape, &tensor->shape))
            return false;
    }
    return true;
}

static inline verdict compare_outputs(const values *v, const char *folder)
{
    verdict result = RUN_SAME;
    for (size_t i = 0; i < v->graph->n_outputs; i++) {
        const mae_onnx_value *got = &v->at[v->graph->outputs[i]];
        mae_onnx_value want = {0};
        if (!got->data || !read_pb(folder, "output", i, &want))
            return RUN_SKIPPED;
        if (!is_close(got, &want))
            result = RUN_DIFFERS;
        free((void *)want.data);
    }
    return result;
}

/* Every layer a segment (step 1), or every `step` layers one. */
static inline verdict run_layers(const mae_graph *graph, int step, const char *folder, const mae_onnx_evaluator *engine)
{
    values v = {.graph = graph, .at = calloc(graph->n_tensors + 1, sizeof *v.at)};
    assert_non_null(v.at);
    verdict result = read_inputs(&v, folder) ? RUN_SAME : RUN_SKIPPED;
    for (int first = 0; first < (int)graph->n_layers && result == RUN_SAME; first += step) {
        int last = first + step < (int)graph->n_layers ? first + step - 1 : (int)graph->n_layers - 1;
        mae_error *error = run_segment(&v, first, last, engine);
        if (error)
            fail_msg("layers %d to %d of %s: %s", first, last, folder, mae_error_message(error));
        if (v.is_text)
            result = RUN_SKIPPED;
    }
    if (result == RUN_SAME)
        result = compare_outputs(&v, folder);
    values_free(&v);
    return result;
}

#endif
