/* The PEs of this machine: found, chosen, opened. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "core/graph.h"
#include "session/internal.h"
#include "session/level.h"

#define MOST_MISSING 64

static mae_error *find_cores(mae_context *context, const mae_context_options *options)
{
    if (options->cores) {
        MAE_TRY(mae_thread_parse_cores(options->cores, &context->cores, &context->n_cores));
        /* Engines compute on the calling thread too, and their threads inherit its processors. */
        MAE_TRY(mae_thread_bind(context->cores, context->n_cores));
    }
    int allowed = mae_thread_cores_allowed();
    if (options->threads < 0 || options->threads > 1024)
        return mae_error_new(MAE_ERR_USAGE, "threads: %d is not between 1 and 1024", options->threads);
    context->threads = options->threads ? options->threads : allowed;
    return NULL;
}

mae_error *mae_context_add_missing(mae_context *context, const char *backend, mae_error *why)
{
    char *reason = mae_arena_strdup(context->arena, mae_error_message(why));
    bool no_memory = mae_error_code(why) == MAE_ERR_NOMEM || !reason;
    mae_error_free(why);
    if (no_memory)
        return mae_error_nomem();
    context->missing[context->n_missing++] = (mae_missing_backend){backend, reason};
    return NULL;
}

static mae_error *open_pe(mae_context *context, const mae_backend *backend, const mae_pe_found *found, mae_pe **ret_pe)
{
    mae_pe_config config = {.name = found->name,
                            .resource = found->resource,
                            .threads = context->threads,
                            .cores = context->cores,
                            .n_cores = context->n_cores};
    return mae_error_wrap(backend->open(&config, ret_pe), "%s", found->name);
}

mae_error *mae_context_add_pe(mae_context *context, const mae_pe_info *info, const mae_context_pe *pe)
{
    size_t i = context->n_pes;
    mae_pe_info *infos = realloc(context->infos, (i + 1) * sizeof *infos);
    if (!infos)
        return mae_error_nomem();
    context->infos = infos;
    mae_context_pe *pes = realloc(context->pes, (i + 1) * sizeof *pes);
    if (!pes)
        return mae_error_nomem();
    context->pes = pes;
    pes[i] = *pe;
    infos[i] = *info;
    context->n_pes++;
    return NULL;
}

static mae_error *add_pe(mae_context *context, const mae_backend *backend, const mae_pe_found *found)
{
    mae_context_pe pe = {.backend = backend, .watts = -1};
    const mae_pe_info info = {found->name, found->resource, backend->name, found->precision, found->engine, NULL};
    MAE_TRY(open_pe(context, backend, found, &pe.pe));
    mae_error *error = mae_context_add_pe(context, &info, &pe);
    if (error)
        pe.pe->ops->close(pe.pe);
    return error;
}

/* Is `name` one of the comma-separated names of `list`? Its place among them, or -1. */
int mae_context_place_in_list(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (int place = 0;; place++) {
        size_t span = strcspn(list, ",");
        if (span == length && memcmp(list, name, length) == 0)
            return place;
        if (!list[span])
            return -1;
        list += span + 1;
    }
}

static mae_error *add_spare(mae_context *context, const mae_backend *backend, const mae_pe_found *found)
{
    mae_spare_pe *spare = mae_arena_array(context->arena, context->n_spare + 1, sizeof *spare);
    if (!spare)
        return mae_error_nomem();
    for (size_t i = 0; i < context->n_spare; i++)
        spare[i] = context->spare[i];
    spare[context->n_spare++] = (mae_spare_pe){
        {found->name, found->resource, backend->name, found->precision, found->engine, NULL}, found->on_request};
    context->spare = spare;
    return NULL;
}

/* Opens the PEs of a backend that are wanted: those that are named, or, NULL, those that need not be. */
static mae_error *load_backend(mae_context *context, const char *name, const char *wanted)
{
    const mae_backend *backend;
    mae_error *error = mae_context_backend(context, name, &backend);
    if (error)
        return mae_context_add_missing(context, name, error);
    const mae_pe_found *found;
    size_t n;
    error = backend->probe(&found, &n);
    if (error)
        return mae_context_add_missing(context, name, error);
    for (size_t i = 0; i < n; i++) {
        if (!wanted && found[i].on_request)
            MAE_TRY(add_spare(context, backend, &found[i]));
        else if (!wanted || mae_context_place_in_list(wanted, found[i].name) >= 0)
            MAE_TRY(add_pe(context, backend, &found[i]));
    }
    return NULL;
}

static bool is_builtin(const char *name)
{
    for (size_t b = 0; b < mae_builtin_n_backends; b++)
        if (strcmp(mae_builtin_backends[b], name) == 0)
            return true;
    return false;
}

static bool is_missing(const mae_context *context, const char *name)
{
    for (size_t i = 0; i < context->n_missing; i++)
        if (strcmp(context->missing[i].backend, name) == 0)
            return true;
    return false;
}

/* The backend in a PE's name, "example" of "cpu/example" and of "cpu/example2"; NULL where there is none. */
static mae_error *backend_of(mae_context *context, const char *pe, size_t length, const char **ret_backend)
{
    const char *slash = memrchr(pe, '/', length);
    size_t n = slash ? length - (size_t)(slash + 1 - pe) : 0;
    while (n > 0 && slash[n] >= '0' && slash[n] <= '9')
        n--;
    *ret_backend = n ? mae_arena_strndup(context->arena, slash + 1, n) : NULL;
    return n && !*ret_backend ? mae_error_nomem() : NULL;
}

/* Backends that are not among those that are always looked for, because PEs of them are named. */
static mae_error *load_named(mae_context *context, const char *wanted)
{
    for (const char *at = wanted;; at++) {
        const char *name = NULL;
        size_t span = strcspn(at, ",");
        MAE_TRY(backend_of(context, at, span, &name));
        bool loaded = name && (is_builtin(name) || is_missing(context, name));
        for (size_t i = 0; name && i < context->n_extras; i++)
            loaded = loaded || strcmp(context->extras[i].name, name) == 0;
        if (name && !loaded && context->n_missing < MOST_MISSING)
            MAE_TRY(load_backend(context, name, wanted));
        at += span;
        if (!*at)
            return NULL;
    }
}

static void swap_pes(mae_context *context, size_t a, size_t b)
{
    mae_pe_info info = context->infos[a];
    mae_context_pe pe = context->pes[a];
    context->infos[a] = context->infos[b];
    context->pes[a] = context->pes[b];
    context->infos[b] = info;
    context->pes[b] = pe;
}

static const char *why_missing(const mae_context *context, const char *pe)
{
    for (size_t i = 0; i < context->n_missing; i++)
        if (strstr(pe, context->missing[i].backend))
            return context->missing[i].reason;
    for (size_t i = 0; i < context->n_spare; i++)
        if (strcmp(pe, context->spare[i].info.name) == 0)
            return context->spare[i].reason;
    return "no such PE here";
}

/* Puts the PEs into the order of the list; every name of the list must be there. */
static mae_error *order_pes(mae_context *context, const char *wanted)
{
    size_t place = 0;
    for (const char *at = wanted;; place++) {
        size_t span = strcspn(at, ",");
        char name[128];
        if (span == 0 || span >= sizeof name)
            return mae_error_new(MAE_ERR_USAGE, "PEs \"%s\": expected a list like cpu/ort,cpu/onednn", wanted);
        memcpy(name, at, span);
        name[span] = 0;
        size_t i = place;
        while (i < context->n_pes && strcmp(context->infos[i].name, name) != 0)
            i++;
        if (mae_context_place_in_list(wanted, name) != (int)place)
            return mae_error_new(MAE_ERR_USAGE, "PE \"%s\" is named twice", name);
        if (i == context->n_pes)
            return mae_error_new(MAE_ERR_USAGE, "PE \"%s\": %s (see mae pes)", name, why_missing(context, name));
        swap_pes(context, place, i);
        if (!at[span])
            return NULL;
        at += span + 1;
    }
}

static mae_error *build(mae_context *context, const mae_context_options *options)
{
    MAE_TRY(find_cores(context, options));
    mae_module_prepare_environment();
    context->modules = mae_arena_array(context->arena, mae_builtin_n_backends, sizeof *context->modules);
    context->missing = mae_arena_array(context->arena, MOST_MISSING, sizeof *context->missing);
    if (!context->modules || !context->missing)
        return mae_error_nomem();
    if (options->soc)
        MAE_TRY(mae_context_open_soc(context, options->soc, options->pes));
    else if (options->each_core)
        MAE_TRY(mae_context_open_cores(context, true, options->pes));
    bool look = !options->soc && !options->each_core;
    for (size_t b = 0; b < mae_builtin_n_backends && look; b++)
        MAE_TRY(load_backend(context, mae_builtin_backends[b], options->pes));
    if (options->pes && look)
        MAE_TRY(load_named(context, options->pes));
    return options->pes ? order_pes(context, options->pes) : NULL;
}

mae_error *mae_context_create(const mae_context_options *options, mae_context **ret_context)
{
    static const mae_context_options defaults;
    mae_context *context = calloc(1, sizeof *context);
    if (!context)
        return mae_error_nomem();
    context->arena = mae_arena_create();
    mae_error *error = context->arena ? build(context, options ? options : &defaults) : mae_error_nomem();
    if (error) {
        mae_context_destroy(context);
        return error;
    }
    *ret_context = context;
    return NULL;
}

void mae_context_destroy(mae_context *context)
{
    if (!context)
        return;
    mae_levels_restore(context);
    for (size_t i = 0; i < context->n_pes; i++)
        if (!context->pes[i].abandoned)
            context->pes[i].pe->ops->close(context->pes[i].pe);
    if (context->abandoned) /* somebody is still inside an engine */
        return;
    if (context->reference)
        context->reference->ops->close(context->reference);
    mae_context_close_meters(context);
    mae_soc_destroy(context->soc);
    for (size_t i = 0; i < context->n_extras; i++)
        mae_module_close(context->extras[i].module);
    for (size_t b = 0; context->modules && b < mae_builtin_n_backends; b++)
        mae_module_close(context->modules[b]);
    free(context->infos);
    free(context->pes);
    free(context->cores);
    mae_arena_destroy(context->arena);
    free(context);
}

size_t mae_context_pes(const mae_context *context, const mae_pe_info **ret_pes)
{
    *ret_pes = context->infos;
    return context->n_pes;
}

size_t mae_context_missing(const mae_context *context, const mae_missing_backend **ret_missing)
{
    *ret_missing = context->missing;
    return context->n_missing;
}

size_t mae_context_spare(const mae_context *context, const mae_spare_pe **ret_spare)
{
    *ret_spare = context->spare;
    return context->n_spare;
}

int mae_context_threads(const mae_context *context)
{
    return context->threads;
}

static const mae_backend *reference_backend(const mae_context *context)
{
    for (size_t b = 0; b < mae_builtin_n_backends; b++)
        if (context->modules[b] && strcmp(mae_builtin_backends[b], MAE_REFERENCE_BACKEND) == 0)
            return mae_module_backend(context->modules[b]);
    return NULL;
}

uint64_t mae_context_now_ns(const mae_context *context)
{
    return context->clock.now_ns ? context->clock.now_ns(context->clock.ctx) : mae_clock_now_ns();
}

mae_error *mae_context_reference(mae_context *context, mae_pe **ret_pe)
{
    if (context->reference) {
        *ret_pe = context->reference;
        return NULL;
    }
    if (context->soc) { /* which need not name it */
        const mae_backend *unused;
        mae_error_free(mae_context_backend(context, MAE_REFERENCE_BACKEND, &unused));
    }
    const mae_backend *backend = reference_backend(context);
    if (!backend)
        return mae_error_new(MAE_ERR_FAILED, "no reference engine: %s", why_missing(context, MAE_REFERENCE_BACKEND));
    for (size_t i = 0; i < context->n_pes; i++)
        if (context->pes[i].backend == backend && !context->pes[i].soc_pe) {
            *ret_pe = context->pes[i].pe;
            return NULL;
        }
    const mae_pe_found *found;
    size_t n;
    MAE_TRY(backend->probe(&found, &n));
    MAE_TRY(open_pe(context, backend, &found[0], &context->reference));
    *ret_pe = context->reference;
    return NULL;
}

mae_error *mae_context_map_plan(const mae_context *context, const mae_graph *graph, const mae_plan *plan,
                                int *ret_mapping)
{
    size_t layer = 0;
    for (size_t s = 0; s < plan->n_segments; s++) {
        const mae_plan_segment *segment = &plan->segments[s];
        size_t pe = 0;
        while (pe < context->n_pes && strcmp(context->infos[pe].name, segment->pe) != 0)
            pe++;
        if (pe == context->n_pes)
            return mae_error_new(MAE_ERR_INPUT, "the plan needs PE \"%s\": %s", segment->pe,
                                 why_missing(context, segment->pe));
        for (size_t i = 0; i < segment->n_layers; i++, layer++) {
            if (layer >= graph->n_layers || strcmp(graph->layers[layer].name, segment->layers[i]) != 0)
                return mae_error_new(
                    MAE_ERR_INPUT, "the plan is for another network: its layer %zu is \"%s\", the model's is \"%s\"",
                    layer, segment->layers[i], layer < graph->n_layers ? graph->layers[layer].name : "(none)");
            ret_mapping[layer] = (int)pe;
        }
    }
    if (layer != graph->n_layers)
        return mae_error_new(MAE_ERR_INPUT, "the plan is for another network: it has %zu layers, the model %zu", layer,
                             graph->n_layers);
    return NULL;
}
