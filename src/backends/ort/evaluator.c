/* The importer's evaluator: runs a model once, unoptimised, so that what it says is what the model means. */
#include "ort.h"

#include <stdlib.h>

#include "core/graph.h"

typedef struct evaluation {
    const mae_ort *ort;
    OrtSession *session;
    size_t n_inputs;
    const char **names;
    OrtValue **inputs;
    size_t n_outputs;
    OrtValue **outputs;
} evaluation;

static void release_values(const mae_ort *ort, OrtValue **values, size_t n)
{
    for (size_t i = 0; values && i < n; i++) {
        if (values[i])
            ort->api->ReleaseValue(values[i]);
    }
    free(values);
}

static void finish(evaluation *e)
{
    if (e->session)
        e->ort->api->ReleaseSession(e->session);
    release_values(e->ort, e->inputs, e->n_inputs);
    release_values(e->ort, e->outputs, e->n_outputs);
    free(e->names);
}

/* A tensor of empty strings: for shapes any string will do. */
static mae_error *make_strings(const mae_ort *ort, const mae_shape *shape, OrtValue **ret_value)
{
    OrtAllocator *allocator;
    MAE_TRY(mae_ort_check(ort, ort->api->GetAllocatorWithDefaultOptions(&allocator)));
    return mae_ort_check(ort, ort->api->CreateTensorAsOrtValue(allocator, shape->dims, (size_t)shape->rank,
                                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, ret_value));
}

static mae_error *wrap_inputs(evaluation *e, const mae_onnx_value *inputs)
{
    for (size_t i = 0; i < e->n_inputs; i++) {
        const mae_shape *shape = &inputs[i].shape;
        e->names[i] = inputs[i].name;
        mae_error *error = shape->dtype == MAE_STRING ? make_strings(e->ort, shape, &e->inputs[i])
                                                      : mae_ort_value_wrap(e->ort, shape, (void *)inputs[i].data,
                                                                           inputs[i].bytes, &e->inputs[i]);
        if (error)
            return mae_error_wrap(error, "input \"%s\"", inputs[i].name);
    }
    return NULL;
}

static mae_error *hand_over(evaluation *e, size_t i, const char *name,
                            mae_error *(*sink)(void *ctx, size_t output, const mae_onnx_value *value), void *ctx)
{
    mae_onnx_value value = {.name = name};
    MAE_TRY(mae_ort_value_shape(e->ort, e->outputs[i], &value.shape));
    if (value.shape.dtype != MAE_DTYPE_NONE && value.shape.dtype != MAE_STRING) {
        void *data = NULL;
        MAE_TRY(mae_ort_check(e->ort, e->ort->api->GetTensorMutableData(e->outputs[i], &data)));
        if (!mae_shape_bytes(&value.shape, &value.bytes))
            return mae_error_new(MAE_ERR_FAILED, "output \"%s\" has a shape that overflows", name);
        value.data = data;
    }
    return sink(ctx, i, &value);
}

static mae_error *run(evaluation *e, const mae_onnx_blob *model, const mae_onnx_value *inputs,
                      const char *const *outputs)
{
    static const mae_ort_session_config config = {.threads = 1};
    e->names = calloc(e->n_inputs + 1, sizeof(*e->names));
    e->inputs = calloc(e->n_inputs + 1, sizeof(*e->inputs));
    e->outputs = calloc(e->n_outputs + 1, sizeof(*e->outputs));
    if (!e->names || !e->inputs || !e->outputs)
        return mae_error_nomem();
    MAE_TRY(mae_ort_session_create(e->ort, model, &config, &e->session));
    MAE_TRY(wrap_inputs(e, inputs));
    if (e->n_outputs == 0)
        return NULL;
    return mae_ort_check(e->ort, e->ort->api->Run(e->session, NULL, e->names, (const OrtValue *const *)e->inputs,
                                                  e->n_inputs, outputs, e->n_outputs, e->outputs));
}

static mae_error *evaluate(void *ctx, const mae_onnx_blob *model, const mae_onnx_value *inputs, size_t n_inputs,
                           const char *const *outputs, size_t n_outputs,
                           mae_error *(*sink)(void *sink_ctx, size_t output, const mae_onnx_value *value),
                           void *sink_ctx)
{
    (void)ctx;
    evaluation e = {.n_inputs = n_inputs, .n_outputs = n_outputs};
    MAE_TRY(mae_ort_get(&e.ort));
    mae_error *error = run(&e, model, inputs, outputs);
    /* What the engine refuses here is the model's fault. */
    if (mae_error_code(error) == MAE_ERR_FAILED)
        error = mae_error_recode(error, MAE_ERR_INPUT);
    for (size_t i = 0; !error && i < n_outputs; i++)
        error = hand_over(&e, i, outputs[i], sink, sink_ctx);
    finish(&e);
    return error;
}

const mae_onnx_evaluator mae_ort_evaluator = {.run = evaluate};
