/* PEs of a CPU without a SoC file: each engine on each processor, or on all of them. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/thread.h"
#include "session/internal.h"

/* Does the backend compute on the CPU? Those are the ones a set of processors means something to. */
static bool is_of_cpu(mae_context *context, const char *name)
{
    const mae_backend *backend = NULL;
    const mae_pe_found *found;
    size_t n = 0;
    mae_error *error = mae_context_backend(context, name, &backend);
    if (!error)
        error = backend->probe(&found, &n);
    bool is = !error && n > 0 && strcmp(found[0].resource, "cpu") == 0 && !found[0].on_request;
    mae_error_free(error);
    return is;
}

static void add_pes(mae_context *context, json_t *pes, const char *cores)
{
    for (size_t b = 0; b < mae_builtin_n_backends; b++)
        if (is_of_cpu(context, mae_builtin_backends[b]))
            json_array_append_new(pes, json_pack("{s:o,s:s,s:s}", "name",
                                                 json_sprintf("cpu:%s/%s", cores, mae_builtin_backends[b]), "backend",
                                                 mae_builtin_backends[b], "cores", cores));
}

static mae_error *describe(mae_context *context, const int *cores, size_t n, bool each, json_t **ret_soc)
{
    char text[1024];
    json_t *pes = json_array();
    for (size_t i = 0; i < (each ? n : 1); i++) {
        mae_thread_cores_text(each ? &cores[i] : cores, each ? 1 : n, text, sizeof text);
        add_pes(context, pes, text);
    }
    if (json_array_size(pes) == 0) {
        json_decref(pes);
        return mae_error_new(MAE_ERR_FAILED, "no engine here computes on the CPU (see mae pes)");
    }
    *ret_soc = json_pack("{s:s,s:i,s:s,s:o}", "format", "mae-soc", "version", 1, "name", "cpu", "pes", pes);
    return *ret_soc ? NULL : mae_error_nomem();
}

static mae_error *take_soc(mae_context *context, const json_t *soc)
{
    mae_json *json = NULL;
    char *text = json_dumps(soc, 0);
    if (!text)
        return mae_error_nomem();
    mae_error *error = mae_json_parse("cpu", text, strlen(text), &json);
    if (!error)
        error = mae_soc_from_json("cpu", json, &context->soc);
    mae_json_destroy(json);
    free(text);
    return error;
}

mae_error *mae_context_open_cores(mae_context *context, bool each, const char *wanted)
{
    int *own = NULL;
    size_t n = context->n_cores;
    json_t *soc = NULL;
    if (!context->cores)
        MAE_TRY(mae_thread_allowed(&own, &n));
    mae_error *error = describe(context, own ? own : context->cores, n, each, &soc);
    free(own);
    if (!error)
        error = take_soc(context, soc);
    json_decref(soc);
    return error ? error : mae_context_open_soc_pes(context, wanted);
}

mae_error *mae_context_create_whole(const int *cores, size_t n, mae_context **ret_context)
{
    mae_context *context = calloc(1, sizeof *context);
    if (!context)
        return mae_error_nomem();
    context->arena = mae_arena_create();
    context->cores = malloc((n + 1) * sizeof *context->cores);
    context->threads = (int)n;
    mae_error *error = context->arena && context->cores ? NULL : mae_error_nomem();
    if (!error) {
        memcpy(context->cores, cores, n * sizeof *cores);
        context->n_cores = n;
        context->modules = mae_arena_array(context->arena, mae_builtin_n_backends, sizeof *context->modules);
        error = context->modules ? mae_context_open_cores(context, false, NULL) : mae_error_nomem();
    }
    if (error)
        mae_context_destroy(context);
    else
        *ret_context = context;
    return error;
}
