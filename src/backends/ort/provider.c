#include "provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ort.h"
#include "proto.h"

#define SUFFIX "ExecutionProvider"

/* ---- names ---- */

/* "tensorrt", "TensorRT" and "TensorrtExecutionProvider" are the same. */
static bool is_called(const char *full, const char *name)
{
    size_t length = strlen(name), stem = strlen(full), suffix = strlen(SUFFIX);
    if (strcasecmp(full, name) == 0)
        return true;
    if (stem > suffix && strcmp(full + stem - suffix, SUFFIX) == 0)
        stem -= suffix;
    return length == stem && strncasecmp(full, name, stem) == 0;
}

/* "TensorRT, CUDA, CPU": the list for a message. */
static void list_names(char *const *names, int n, char *text, size_t size)
{
    size_t at = 0;
    *text = 0;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]), suffix = strlen(SUFFIX);
        if (length > suffix && strcmp(names[i] + length - suffix, SUFFIX) == 0)
            length -= suffix;
        int wrote = snprintf(text + at, size - at, "%s%.*s", i ? ", " : "", (int)length, names[i]);
        if (wrote < 0 || (size_t)wrote >= size - at)
            return;
        at += (size_t)wrote;
    }
}

static mae_error *not_here(const mae_ort *ort, const char *name, char *const *names, int n)
{
    char list[512];
    list_names(names, n, list, sizeof list);
    for (size_t i = 0; mae_ort_known_providers[i]; i++)
        if (is_called(mae_ort_known_providers[i], name))
            return mae_error_new(MAE_ERR_FAILED, "%s here was built without the provider \"%s\"; it has %s", ort->text,
                                 name, list);
    return mae_error_new(MAE_ERR_USAGE, "\"%s\" is not a provider of ONNX Runtime's; %s here has %s", name, ort->text,
                         list);
}

/* ret_name is NULL for the CPU's. */
static mae_error *find_name(const mae_ort *ort, const char *name, char **ret_name)
{
    char **names;
    int n;
    MAE_TRY(mae_ort_check(ort, ort->api->GetAvailableProviders(&names, &n)));
    int i = 0;
    while (i < n && !is_called(names[i], name))
        i++;
    mae_error *error = i < n ? NULL : not_here(ort, name, names, n);
    if (!error && !is_called("CPU" SUFFIX, name)) {
        *ret_name = strdup(names[i]);
        error = *ret_name ? NULL : mae_error_nomem();
    }
    mae_error_free(mae_ort_check(ort, ort->api->ReleaseAvailableProviders(names, n)));
    return error;
}

/* ---- options ---- */

static mae_error *refuse_options(const mae_pe_config *config)
{
    for (size_t i = 0; i < config->n_options; i++)
        if (strcmp(config->options[i].key, "provider") != 0)
            return mae_error_new(MAE_ERR_USAGE, "PE \"%s\": ONNX Runtime's CPU provider has no option \"%s\"",
                                 config->name, config->options[i].key);
    return NULL;
}

static mae_error *copy_options(const mae_pe_config *config, mae_ort_provider *provider)
{
    provider->keys = calloc(config->n_options + 1, sizeof *provider->keys);
    provider->values = calloc(config->n_options + 1, sizeof *provider->values);
    if (!provider->keys || !provider->values)
        return mae_error_nomem();
    for (size_t i = 0; i < config->n_options; i++) {
        if (strcmp(config->options[i].key, "provider") == 0)
            continue;
        provider->keys[provider->n] = strdup(config->options[i].key);
        provider->values[provider->n] = strdup(config->options[i].value);
        if (!provider->keys[provider->n] || !provider->values[provider->n++])
            return mae_error_nomem();
    }
    return NULL;
}

mae_error *mae_ort_provider_init(const mae_ort *ort, const mae_pe_config *config, mae_ort_provider *provider)
{
    *provider = (mae_ort_provider){0};
    for (size_t i = 0; i < config->n_options; i++)
        if (strcmp(config->options[i].key, "provider") == 0)
            MAE_TRY(find_name(ort, config->options[i].value, &provider->name));
    return provider->name ? copy_options(config, provider) : refuse_options(config);
}

void mae_ort_provider_finish(mae_ort_provider *provider)
{
    for (size_t i = 0; i < provider->n; i++) {
        free(provider->keys[i]);
        free(provider->values[i]);
    }
    free(provider->keys);
    free(provider->values);
    free(provider->name);
    *provider = (mae_ort_provider){0};
}

/* ---- is it here, and how good is it? ---- */

mae_error *mae_ort_provider_try(const mae_ort *ort, const mae_ort_provider *provider)
{
    const mae_ort_session_config config = {.threads = 1, .provider = provider, .may_fall_back = true};
    OrtSession *session = NULL;
    void *data = NULL;
    mae_onnx_blob model = {0};
    MAE_TRY(mae_ort_one_node("Relu", "", &data, &model.size));
    model.data = data;
    mae_error *error = mae_ort_session_create(ort, &model, &config, &session);
    if (session)
        ort->api->ReleaseSession(session);
    free(data);
    return mae_error_wrap(error, "provider %s", provider->name);
}

void mae_ort_provider_tolerance(const mae_ort_provider *provider, const char *precision, double *ret_abs,
                                double *ret_rel)
{
    static const struct {
        const char *precision;
        double abs, rel;
    } rows[] = {
        {"f16", 1e-2, 2e-2}, {"fp16", 1e-2, 2e-2}, {"bf16", 5e-2, 5e-2}, {"i8", 1e-1, 1e-1}, {"int8", 1e-1, 1e-1}};
    /* The CPU's allows for a cut network being fused, and so rounded, otherwise than a whole one; other devices sum in
     * another order besides, and have functions of their own. */
    *ret_abs = provider->name ? 1e-4 : 1e-5;
    *ret_rel = provider->name ? 1e-3 : 1e-4;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcasecmp(rows[i].precision, precision) != 0)
            continue;
        *ret_abs = rows[i].abs;
        *ret_rel = rows[i].rel;
    }
}
