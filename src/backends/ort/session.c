/* Making sessions: options, weights, threads. */
#include "ort.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* The pool has threads - 1 threads of its own (the caller is the first): each is bound to its own processor, where
 * there is one for every thread, or else to all that are given. The engine counts processors from 1. */
static char *affinity_text(const mae_ort_session_config *config)
{
    size_t threads = (size_t)config->threads - 1;
    bool each = config->n_cores == (size_t)config->threads;
    char *text = malloc(threads * config->n_cores * 12 + 1);
    if (!text)
        return NULL;
    char *at = text;
    *at = 0;
    for (size_t i = 0; i < threads; i++) {
        size_t first = each ? i + 1 : 0, end = each ? i + 2 : config->n_cores;
        for (size_t k = first; k < end; k++)
            at += sprintf(at, "%s%d", k > first ? "," : i > 0 ? ";" : "", config->cores[k] + 1);
    }
    return text;
}

static mae_error *set_affinity(const mae_ort *ort, OrtSessionOptions *options, const mae_ort_session_config *config)
{
    if (config->n_cores == 0 || config->threads < 2)
        return NULL;
    char *affinity = affinity_text(config);
    if (!affinity)
        return mae_error_nomem();
    mae_error *error =
        mae_ort_check(ort, ort->api->AddSessionConfigEntry(options, "session.intra_op_thread_affinities", affinity));
    free(affinity);
    return error;
}

/* Threads that wait for the next operator may do so awake, those that wait for the next run not: the processors are
 * wanted by other engines then. Only of who computes the whole network is the next run the next frame, which may come
 * at once, and waking a thread takes 50 us: there they stay awake for a moment, where the engine can be told for how
 * long. */
static mae_error *set_waiting(const mae_ort *ort, OrtSessionOptions *options, const mae_ort_session_config *config)
{
    if (config->whole_network && ort->takes_spin_duration)
        return mae_ort_check(ort, ort->api->AddSessionConfigEntry(options, "session.intra_op.spin_duration_us", "300"));
    return mae_ort_check(ort, ort->api->AddSessionConfigEntry(options, "session.force_spinning_stop", "1"));
}

static mae_error *set_threads(const mae_ort *ort, OrtSessionOptions *options, const mae_ort_session_config *config)
{
    const OrtApi *api = ort->api;
    MAE_TRY(mae_ort_check(ort, api->SetIntraOpNumThreads(options, config->threads)));
    MAE_TRY(mae_ort_check(ort, api->SetInterOpNumThreads(options, 1)));
    MAE_TRY(mae_ort_check(ort, api->SetSessionExecutionMode(options, ORT_SEQUENTIAL)));
    MAE_TRY(set_waiting(ort, options, config));
    return set_affinity(ort, options, config);
}

/* The engine has the CPU compute what the provider does not take, and says so nowhere, unless it is told not to. */
static mae_error *set_provider(const mae_ort *ort, OrtSessionOptions *options, const mae_ort_session_config *config)
{
    if (!config->provider || !config->provider->name)
        return NULL;
    MAE_TRY(mae_ort_provider_append(ort, config->provider, options));
    if (config->may_fall_back)
        return NULL;
    return mae_ort_check(ort, ort->api->AddSessionConfigEntry(options, "session.disable_cpu_ep_fallback", "1"));
}

static mae_error *set_memory(const mae_ort *ort, OrtSessionOptions *options, const mae_ort_session_config *config)
{
    if (!ort->has_memory || (config->provider && config->provider->name))
        return NULL;
    return mae_ort_check(ort, ort->api->AddSessionConfigEntry(options, "session.use_env_allocators", "1"));
}

static mae_error *set_options(const mae_ort *ort, OrtSessionOptions *options, const mae_ort_session_config *config)
{
    const OrtApi *api = ort->api;
    MAE_TRY(set_threads(ort, options, config));
    MAE_TRY(set_provider(ort, options, config));
    MAE_TRY(set_memory(ort, options, config));
    MAE_TRY(mae_ort_check(ort, api->SetSessionLogSeverityLevel(options, ORT_LOGGING_LEVEL_ERROR)));
    MAE_TRY(mae_ort_check(
        ort, api->SetSessionGraphOptimizationLevel(options, config->optimise ? ORT_ENABLE_ALL : ORT_DISABLE_ALL)));
    if (config->only_optimise)
        MAE_TRY(mae_ort_check(ort, api->AddSessionConfigEntry(options, "session.disable_prepacking", "1")));
    if (config->profile_prefix)
        MAE_TRY(mae_ort_check(ort, api->EnableProfiling(options, config->profile_prefix)));
    if (!config->optimised_path)
        return NULL;
    MAE_TRY(mae_ort_check(ort, api->SetOptimizedModelFilePath(options, config->optimised_path)));
    return mae_ort_check(ort,
                         api->AddSessionConfigEntry(options, "session.optimized_model_external_initializers_file_name",
                                                    config->optimised_weights));
}

typedef struct weights {
    size_t n;
    const char **names;
    OrtValue **values;
} weights;

static void finish_weights(const mae_ort *ort, weights *w)
{
    for (size_t i = 0; w->values && i < w->n; i++) {
        if (w->values[i])
            ort->api->ReleaseValue(w->values[i]);
    }
    free(w->names);
    free(w->values);
}

static mae_error *wrap_weights(const mae_ort *ort, const mae_onnx_blob *model, weights *w)
{
    w->n = model->n_weights;
    w->names = calloc(w->n + 1, sizeof(*w->names));
    w->values = calloc(w->n + 1, sizeof(*w->values));
    if (!w->names || !w->values)
        return mae_error_nomem();
    for (size_t i = 0; i < w->n; i++) {
        const mae_onnx_weight *weight = &model->weights[i];
        w->names[i] = weight->name;
        /* The engine takes a pointer it may write through, but does not write to initializers. */
        MAE_TRY(
            mae_error_wrap(mae_ort_value_wrap(ort, weight->shape, (void *)weight->data, weight->bytes, &w->values[i]),
                           "weight \"%s\"", weight->name));
    }
    return NULL;
}

static mae_error *create(const mae_ort *ort, const mae_onnx_blob *model, OrtSessionOptions *options,
                         OrtSession **ret_session)
{
    OrtSession *session = NULL;
    weights w = {0};
    mae_error *error = wrap_weights(ort, model, &w);
    if (!error && w.n > 0)
        error = mae_ort_check(
            ort, ort->api->AddExternalInitializers(options, w.names, (const OrtValue *const *)w.values, w.n));
    if (!error)
        error =
            mae_ort_check(ort, ort->api->CreateSessionFromArray(ort->env, model->data, model->size, options, &session));
    finish_weights(ort, &w);
    if (!error)
        *ret_session = session;
    return error;
}

/* `model` NULL: from the file. */
static mae_error *configure_and_create(const mae_ort *ort, const mae_onnx_blob *model, const char *path,
                                       const mae_ort_session_config *config, OrtSession **ret_session)
{
    OrtSessionOptions *options = NULL;
    MAE_TRY(mae_ort_check(ort, ort->api->CreateSessionOptions(&options)));
    mae_error *error = set_options(ort, options, config);
    if (!error)
        error = model ? create(ort, model, options, ret_session)
                      : mae_ort_check(ort, ort->api->CreateSession(ort->env, path, options, ret_session));
    ort->api->ReleaseSessionOptions(options);
    return error;
}

mae_error *mae_ort_session_create(const mae_ort *ort, const mae_onnx_blob *model, const mae_ort_session_config *config,
                                  OrtSession **ret_session)
{
    return configure_and_create(ort, model, NULL, config, ret_session);
}

mae_error *mae_ort_session_load(const mae_ort *ort, const char *path, const mae_ort_session_config *config,
                                OrtSession **ret_session)
{
    return configure_and_create(ort, NULL, path, config, ret_session);
}
