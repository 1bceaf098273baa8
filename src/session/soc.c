/* The PEs that a SoC file names. */
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "core/profile_priv.h"
#include "pe/cluster.h"
#include "session/internal.h"
#include "session/level.h"

/* ---- backends ---- */

static mae_error *load_extra(mae_context *context, const char *name, const mae_backend **ret_backend)
{
    for (size_t i = 0; i < context->n_extras; i++)
        if (strcmp(context->extras[i].name, name) == 0) {
            *ret_backend = mae_module_backend(context->extras[i].module);
            return NULL;
        }
    if (context->n_extras == MAE_MOST_EXTRA_MODULES)
        return mae_error_new(MAE_ERR_FAILED, "more than %d backends", MAE_MOST_EXTRA_MODULES);
    mae_context_module *extra = &context->extras[context->n_extras];
    MAE_TRY(mae_module_load(name, &extra->module));
    extra->name = mae_module_backend(extra->module)->name;
    context->n_extras++;
    *ret_backend = mae_module_backend(extra->module);
    return NULL;
}

mae_error *mae_context_backend(mae_context *context, const char *name, const mae_backend **ret_backend)
{
    for (size_t b = 0; b < mae_builtin_n_backends; b++) {
        if (strcmp(mae_builtin_backends[b], name) != 0)
            continue;
        if (!context->modules[b])
            MAE_TRY(mae_module_load(name, &context->modules[b]));
        *ret_backend = mae_module_backend(context->modules[b]);
        return NULL;
    }
    return load_extra(context, name, ret_backend);
}

/* ---- the clock ---- */

static uint64_t now_ns(void *ctx)
{
    const mae_context *context = ctx;
    return context->clock_service->now_ns(context->clock_pe);
}

/* The first PE with a clock of its own brings it for all. */
void mae_context_take_clock(mae_context *context, mae_pe *pe)
{
    const mae_backend *backend = pe->backend;
    const void *service = backend->service ? backend->service(MAE_CLOCK_SERVICE) : NULL;
    if (!service || context->clock_pe)
        return;
    context->clock_pe = pe;
    context->clock_service = service;
    context->clock = (mae_program_clock){now_ns, context};
}

/* ---- PEs ---- */

static mae_error *open_device(mae_context *context, const mae_backend *backend, const mae_soc_pe *soc_pe,
                              mae_pe **ret_pe)
{
    mae_pe_config config = {.name = soc_pe->name,
                            .resource = soc_pe->resource,
                            .threads = soc_pe->threads ? soc_pe->threads : context->threads,
                            .cores = context->cores,
                            .n_cores = context->n_cores,
                            .options = soc_pe->options,
                            .n_options = soc_pe->n_options,
                            .precision = *soc_pe->precision ? soc_pe->precision : NULL};
    int *cores = NULL;
    if (soc_pe->cores) {
        MAE_TRY(mae_thread_parse_cores(soc_pe->cores, &cores, &config.n_cores));
        config.cores = cores;
        if (!soc_pe->threads)
            config.threads = (int)config.n_cores;
    }
    /* Processors of a virtual machine are not this one's. */
    bool is_virtual = backend->service && backend->service(MAE_CLOCK_SERVICE);
    mae_error *error =
        cores && !is_virtual ? mae_cluster_open(backend, &config, ret_pe) : backend->open(&config, ret_pe);
    free(cores);
    if (!error && soc_pe->abs_tolerance >= 0)
        (*ret_pe)->abs_tolerance = soc_pe->abs_tolerance;
    if (!error && soc_pe->rel_tolerance >= 0)
        (*ret_pe)->rel_tolerance = soc_pe->rel_tolerance;
    return error;
}

/* What the backend says of its PE of this name, or of its first; "" where it says nothing. */
static mae_pe_info describe(const mae_backend *backend, const mae_soc_pe *soc_pe)
{
    mae_pe_info info = {soc_pe->name, soc_pe->resource, backend->name, "", "", NULL};
    const mae_pe_found *found;
    size_t n;
    mae_error *error = backend->probe(&found, &n);
    for (size_t i = 0; !error && i < n; i++) {
        if (i > 0 && strcmp(found[i].name, soc_pe->name) != 0)
            continue;
        info.precision = found[i].precision;
        info.engine = found[i].engine;
    }
    mae_error_free(error);
    if (*soc_pe->precision)
        info.precision = soc_pe->precision;
    return info;
}

static mae_error *add(mae_context *context, const mae_backend *backend, const mae_soc_pe *soc_pe,
                      const mae_soc_level *level)
{
    mae_context_pe pe = {.backend = backend, .soc_pe = soc_pe, .level = level, .watts = soc_pe->watts};
    mae_pe_info info = describe(backend, soc_pe);
    MAE_TRY(open_device(context, backend, soc_pe, &pe.pe));
    mae_error *error = NULL;
    mae_pe *device = pe.pe;
    if (level) {
        info.name = mae_arena_printf(context->arena, "%s@%s", soc_pe->name, level->name);
        pe.watts = level->watts >= 0 ? level->watts : soc_pe->watts;
        error = info.name ? mae_level_create(context, pe.pe, info.resource, level, &pe.pe) : mae_error_nomem();
    }
    if (!error)
        error = mae_context_add_pe(context, &info, &pe);
    if (error)
        pe.pe->ops->close(pe.pe);
    else
        mae_context_take_clock(context, device);
    return error;
}

mae_error *mae_context_reopen(mae_context *context, size_t index, mae_pe **ret_pe)
{
    const mae_context_pe *pe = &context->pes[index];
    const mae_pe_info *info = &context->infos[index];
    if (!pe->soc_pe) {
        const mae_pe_config config = {.name = info->name,
                                      .resource = info->resource,
                                      .threads = context->threads,
                                      .cores = context->cores,
                                      .n_cores = context->n_cores};
        return pe->backend->open(&config, ret_pe);
    }
    mae_pe *device = NULL;
    MAE_TRY(open_device(context, pe->backend, pe->soc_pe, &device));
    mae_error *error = NULL;
    if (pe->level)
        error = mae_level_create(context, device, info->resource, pe->level, ret_pe);
    else
        *ret_pe = device;
    if (error)
        device->ops->close(device);
    return error;
}

static bool is_wanted(const char *wanted, const mae_soc_pe *pe, const mae_soc_level *level, mae_arena *arena)
{
    const char *name = level ? mae_arena_printf(arena, "%s@%s", pe->name, level->name) : pe->name;
    return !wanted || !name || mae_context_place_in_list(wanted, name) >= 0;
}

/* What the file asks for and the backend does not know is the file's fault; a device that is not here is nobody's. */
static mae_error *settle(mae_context *context, const mae_soc_pe *pe, mae_error *error)
{
    mae_code code = mae_error_code(error);
    if (code == MAE_ERR_USAGE || code == MAE_ERR_INPUT)
        return mae_error_recode(mae_error_wrap(error, "%s: PE %s", context->soc->file, pe->name), MAE_ERR_INPUT);
    return error ? mae_context_add_missing(context, pe->name, error) : NULL;
}

static mae_error *add_soc_pe(mae_context *context, const mae_soc_pe *pe, const char *wanted)
{
    const mae_backend *backend = NULL;
    for (size_t l = 0; l < (pe->n_levels ? pe->n_levels : 1); l++) {
        const mae_soc_level *level = pe->n_levels ? &pe->levels[l] : NULL;
        if (!is_wanted(wanted, pe, level, context->arena))
            continue;
        mae_error *error = mae_context_backend(context, pe->backend, &backend);
        if (!error)
            error = add(context, backend, pe, level);
        MAE_TRY(settle(context, pe, error));
        if (context->n_missing && strcmp(context->missing[context->n_missing - 1].backend, pe->name) == 0)
            return NULL;
    }
    return NULL;
}

mae_error *mae_context_open_soc_pes(mae_context *context, const char *wanted)
{
    const mae_soc *soc = context->soc;
    context->missing =
        mae_arena_array(context->arena, MAE_PROFILE_MAX_PES + mae_builtin_n_backends, sizeof *context->missing);
    if (!context->missing)
        return mae_error_nomem();
    /* A virtual SoC lays its meter's files when its first PE is opened. */
    for (size_t i = 0; i < soc->n_pes; i++)
        MAE_TRY(add_soc_pe(context, &soc->pes[i], wanted));
    MAE_TRY(mae_context_open_meter(context));
    for (size_t i = 0; i < context->n_pes; i++)
        MAE_TRY(mae_context_find_rails(context, i));
    return NULL;
}

mae_error *mae_context_open_soc(mae_context *context, const char *path, const char *wanted)
{
    MAE_TRY(mae_soc_read(path, &context->soc));
    return mae_context_open_soc_pes(context, wanted);
}
