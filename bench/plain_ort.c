#include "plain_ort.h"

#include <onnxruntime_c_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/stats.h"

#define MOST_VALUES 64
#define MOST_RANK 16

struct plain_ort {
    const OrtApi *api;
    OrtEnv *env;
    OrtSession *session;
    size_t n_inputs, n_outputs;
    char *input_names[MOST_VALUES], *output_names[MOST_VALUES];
    OrtValue *inputs[MOST_VALUES], *outputs[MOST_VALUES];
};

static bool good(const plain_ort *p, OrtStatus *status)
{
    if (!status)
        return true;
    fprintf(stderr, "ONNX Runtime: %s\n", p->api->GetErrorMessage(status));
    p->api->ReleaseStatus(status);
    return false;
}

static bool open_session(plain_ort *p, const char *model, int threads, bool spin)
{
    OrtSessionOptions *options;
    if (!good(p, p->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "plain", &p->env)) ||
        !good(p, p->api->CreateSessionOptions(&options)))
        return false;
    bool done = good(p, p->api->SetIntraOpNumThreads(options, threads)) &&
                (spin || good(p, p->api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"))) &&
                good(p, p->api->CreateSession(p->env, model, options, &p->session));
    p->api->ReleaseSessionOptions(options);
    return done;
}

/* The dimensions that `shapes` state for this input, if they do. */
static void state_shape(const char *name, const char *const *shapes, int n_shapes, size_t rank, int64_t *dims)
{
    size_t length = strlen(name);
    for (int i = 0; i < n_shapes; i++) {
        if (strncmp(shapes[i], name, length) != 0 || shapes[i][length] != '=')
            continue;
        char *at = (char *)shapes[i] + length;
        for (size_t d = 0; d < rank && *at; d++)
            dims[d] = strtoll(at + 1, &at, 10);
    }
}

static bool make_input(plain_ort *p, size_t i, OrtAllocator *allocator, const char *const *shapes, int n_shapes)
{
    OrtTypeInfo *type;
    const OrtTensorTypeAndShapeInfo *info;
    ONNXTensorElementDataType element;
    size_t rank;
    int64_t dims[MOST_RANK];
    void *data;
    if (!good(p, p->api->SessionGetInputTypeInfo(p->session, i, &type)))
        return false;
    bool done = good(p, p->api->CastTypeInfoToTensorInfo(type, &info)) &&
                good(p, p->api->GetTensorElementType(info, &element)) &&
                good(p, p->api->GetDimensionsCount(info, &rank)) && rank <= MOST_RANK &&
                good(p, p->api->GetDimensions(info, dims, rank));
    p->api->ReleaseTypeInfo(type);
    if (!done)
        return false;
    state_shape(p->input_names[i], shapes, n_shapes, rank, dims);
    if (!good(p, p->api->CreateTensorAsOrtValue(allocator, dims, rank, element, &p->inputs[i])) ||
        !good(p, p->api->GetTensorMutableData(p->inputs[i], &data)))
        return false;
    bool real = element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    if (!real)
        return true; /* fresh memory of the arena; only networks with float inputs are raced */
    size_t n = 1;
    for (size_t d = 0; d < rank; d++)
        n *= (size_t)dims[d];
    mae_rng rng = {7};
    for (size_t k = 0; k < n; k++)
        ((float *)data)[k] = (float)mae_rng_uniform(&rng);
    return true;
}

static bool make_values(plain_ort *p, const char *const *shapes, int n_shapes)
{
    OrtAllocator *allocator;
    if (!good(p, p->api->GetAllocatorWithDefaultOptions(&allocator)) ||
        !good(p, p->api->SessionGetInputCount(p->session, &p->n_inputs)) ||
        !good(p, p->api->SessionGetOutputCount(p->session, &p->n_outputs)))
        return false;
    if (p->n_inputs > MOST_VALUES || p->n_outputs > MOST_VALUES)
        return false;
    for (size_t i = 0; i < p->n_inputs; i++)
        if (!good(p, p->api->SessionGetInputName(p->session, i, allocator, &p->input_names[i])) ||
            !make_input(p, i, allocator, shapes, n_shapes))
            return false;
    for (size_t i = 0; i < p->n_outputs; i++)
        if (!good(p, p->api->SessionGetOutputName(p->session, i, allocator, &p->output_names[i])))
            return false;
    double ms;
    return plain_ort_run(p, 1, &ms); /* makes the outputs, which later runs write to again */
}

plain_ort *plain_ort_open(const char *model, int threads, bool spin, const char *const *shapes, int n_shapes)
{
    plain_ort *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->api = OrtGetApiBase()->GetApi(17);
    if (open_session(p, model, threads, spin) && make_values(p, shapes, n_shapes))
        return p;
    plain_ort_close(p);
    return NULL;
}

bool plain_ort_run(void *session, int frames, double *ret_ms)
{
    plain_ort *p = session;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        if (!good(p,
                  p->api->Run(p->session, NULL, (const char *const *)p->input_names, (const OrtValue *const *)p->inputs,
                              p->n_inputs, (const char *const *)p->output_names, p->n_outputs, p->outputs)))
            return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

void plain_ort_close(plain_ort *p)
{
    if (!p)
        return;
    OrtAllocator *allocator = NULL;
    if (p->session)
        (void)good(p, p->api->GetAllocatorWithDefaultOptions(&allocator));
    for (size_t i = 0; i < MOST_VALUES; i++) {
        if (p->inputs[i])
            p->api->ReleaseValue(p->inputs[i]);
        if (p->outputs[i])
            p->api->ReleaseValue(p->outputs[i]);
        if (p->input_names[i] && allocator)
            (void)good(p, p->api->AllocatorFree(allocator, p->input_names[i]));
        if (p->output_names[i] && allocator)
            (void)good(p, p->api->AllocatorFree(allocator, p->output_names[i]));
    }
    if (p->session)
        p->api->ReleaseSession(p->session);
    if (p->env)
        p->api->ReleaseEnv(p->env);
    free(p);
}
