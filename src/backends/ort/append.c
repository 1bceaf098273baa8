/* How each provider is added to a session's options: most by name, some by functions of their own, the oldest by what
 * the library exports only if it was built with them. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "ort.h"

const char *const mae_ort_known_providers[] = {
    "ACLExecutionProvider",           "ArmNNExecutionProvider",    "CANNExecutionProvider",
    "CoreMLExecutionProvider",        "CUDAExecutionProvider",     "DmlExecutionProvider",
    "DnnlExecutionProvider",          "MIGraphXExecutionProvider", "NnapiExecutionProvider",
    "NvTensorRTRTXExecutionProvider", "OpenVINOExecutionProvider", "QNNExecutionProvider",
    "RknpuExecutionProvider",         "ROCMExecutionProvider",     "SNPEExecutionProvider",
    "TensorrtExecutionProvider",      "VitisAIExecutionProvider",  "VSINPUExecutionProvider",
    "WebGpuExecutionProvider",        "XnnpackExecutionProvider",  NULL};

typedef mae_error *append_fn(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options);

static const char *const *keys_of(const mae_ort_provider *provider)
{
    return (const char *const *)provider->keys;
}

static const char *const *values_of(const mae_ort_provider *provider)
{
    return (const char *const *)provider->values;
}

/* ---- functions of the C API ---- */

static mae_error *append_tensorrt(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    OrtTensorRTProviderOptionsV2 *own = NULL;
    MAE_TRY(mae_ort_check(ort, ort->api->CreateTensorRTProviderOptions(&own)));
    mae_error *error = mae_ort_check(
        ort, ort->api->UpdateTensorRTProviderOptions(own, keys_of(provider), values_of(provider), provider->n));
    if (!error)
        error = mae_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider_TensorRT_V2(options, own));
    ort->api->ReleaseTensorRTProviderOptions(own);
    return error;
}

static mae_error *append_cuda(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    OrtCUDAProviderOptionsV2 *own = NULL;
    MAE_TRY(mae_ort_check(ort, ort->api->CreateCUDAProviderOptions(&own)));
    mae_error *error = mae_ort_check(
        ort, ort->api->UpdateCUDAProviderOptions(own, keys_of(provider), values_of(provider), provider->n));
    if (!error)
        error = mae_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, own));
    ort->api->ReleaseCUDAProviderOptions(own);
    return error;
}

static mae_error *append_openvino(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    return mae_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider_OpenVINO_V2(
                                  options, keys_of(provider), values_of(provider), provider->n));
}

/* ---- functions that only a library built with the provider exports ---- */

typedef OrtStatus *plain_fn(OrtSessionOptions *options);
typedef OrtStatus *flags_fn(OrtSessionOptions *options, uint32_t flags);
typedef OrtStatus *switch_fn(OrtSessionOptions *options, bool enable);

/* In the library that has the rest of the API, however it was loaded. */
static mae_error *find_function(const mae_ort *ort, const char *name, void *ret_function)
{
    Dl_info info;
    void *library = NULL, *function = NULL;
    if (dladdr((void *)(uintptr_t)OrtGetApiBase, &info) && info.dli_fname)
        library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library) {
        function = dlsym(library, name);
        dlclose(library);
    }
    if (!function)
        return mae_error_new(MAE_ERR_FAILED, "%s has no function %s", ort->text, name);
    memcpy(ret_function, &function, sizeof function);
    return NULL;
}

/* The one number such a provider takes; 0 without it. */
static mae_error *only_option(const mae_ort_provider *provider, const char *key, uint32_t *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < provider->n; i++) {
        char *end;
        if (strcmp(provider->keys[i], key) != 0)
            return mae_error_new(MAE_ERR_USAGE, "%s has no option \"%s\", only \"%s\"", provider->name,
                                 provider->keys[i], key);
        *ret_value = (uint32_t)strtoul(provider->values[i], &end, 0);
        if (*end || end == provider->values[i])
            return mae_error_new(MAE_ERR_USAGE, "%s: %s \"%s\" is not a number", provider->name, key,
                                 provider->values[i]);
    }
    return NULL;
}

static mae_error *append_nnapi(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    flags_fn *append;
    uint32_t flags;
    MAE_TRY(only_option(provider, "flags", &flags));
    MAE_TRY(find_function(ort, "OrtSessionOptionsAppendExecutionProvider_Nnapi", &append));
    return mae_ort_check(ort, append(options, flags));
}

static mae_error *append_acl(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    switch_fn *append;
    uint32_t fast;
    MAE_TRY(only_option(provider, "enable_fast_math", &fast));
    MAE_TRY(find_function(ort, "OrtSessionOptionsAppendExecutionProvider_ACL", &append));
    return mae_ort_check(ort, append(options, fast != 0));
}

static mae_error *append_vsinpu(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    plain_fn *append;
    if (provider->n > 0)
        return mae_error_new(MAE_ERR_USAGE, "%s has no option \"%s\"", provider->name, provider->keys[0]);
    MAE_TRY(find_function(ort, "OrtSessionOptionsAppendExecutionProvider_VSINPU", &append));
    return mae_ort_check(ort, append(options));
}

/* ---- all of them ---- */

/* `by_name` is what engines of all ages know; those of today know the full name as well. */
static const struct {
    const char *name, *by_name;
    append_fn *append;
} ways[] = {{"TensorrtExecutionProvider", NULL, append_tensorrt},
            {"CUDAExecutionProvider", NULL, append_cuda},
            {"OpenVINOExecutionProvider", NULL, append_openvino},
            {"NnapiExecutionProvider", NULL, append_nnapi},
            {"ACLExecutionProvider", NULL, append_acl},
            {"VSINPUExecutionProvider", NULL, append_vsinpu},
            {"QNNExecutionProvider", "QNN", NULL},
            {"SNPEExecutionProvider", "SNPE", NULL},
            {"XnnpackExecutionProvider", "XNNPACK", NULL},
            {"WebGpuExecutionProvider", "WebGPU", NULL},
            {"VitisAIExecutionProvider", "VitisAI", NULL},
            {"CoreMLExecutionProvider", "CoreML", NULL}};

mae_error *mae_ort_provider_append(const mae_ort *ort, const mae_ort_provider *provider, OrtSessionOptions *options)
{
    const char *name = provider->name;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, provider->name) != 0)
            continue;
        if (ways[i].append)
            return ways[i].append(ort, provider, options);
        name = ways[i].by_name;
    }
    return mae_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider(options, name, keys_of(provider),
                                                                              values_of(provider), provider->n));
}
