/* The backend's table: one PE, all of this machine's processors through oneDNN. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/build.h"
#include "base/heap.h"
#include "base/scratch.h"

static bool supports(mae_pe *base, const mae_graph *graph, int layer, const char **ret_reason)
{
    mae_dnn_pe *pe = (mae_dnn_pe *)base;
    mae_segment segment;
    mae_arena *arena = mae_arena_create();
    const char *reason = "out of memory";
    mae_error *error = arena ? NULL : mae_error_nomem();

    mae_dnn_use_threads(pe);
    if (!error)
        error = mae_segment_make(graph, layer, layer, arena, &segment);
    if (!error)
        error = mae_dnn_build_segment(pe, graph, &segment, NULL, true, NULL, &reason);
    bool yes = !error;
    mae_error_free(error);
    mae_arena_destroy(arena);
    if (!yes && ret_reason)
        *ret_reason = reason;
    return yes;
}

static unsigned layouts(mae_pe *pe)
{
    (void)pe;
    return MAE_LAYOUT_BIT(mae_dnn_native_layout());
}

static mae_error *compile_laid(mae_pe *base, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                               const mae_borders *borders, mae_unit **ret_unit)
{
    mae_dnn_pe *pe = (mae_dnn_pe *)base;
    mae_dnn_unit *unit;

    mae_dnn_use_threads(pe);
    MAE_TRY(mae_dnn_build_segment(pe, graph, segment, borders, false, &unit, NULL));
    if (flags & MAE_COMPILE_TIMED) {
        mae_error *error = mae_dnn_timer_create(unit->n_steps, &unit->timer);
        if (error) {
            mae_dnn_unit_discard(&unit->base);
            return error;
        }
    }
    *ret_unit = &unit->base;
    return NULL;
}

static mae_error *compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit)
{
    return compile_laid(pe, graph, segment, flags, NULL, ret_unit);
}

static void close_pe(mae_pe *base)
{
    mae_dnn_pe *pe = (mae_dnn_pe *)base;

    if (!pe)
        return;
    if (pe->attr)
        dnnl_primitive_attr_destroy(pe->attr);
    if (pe->stream)
        dnnl_stream_destroy(pe->stream);
    if (pe->engine)
        dnnl_engine_destroy(pe->engine);
    free(pe->places);
    free(pe->cores);
    free(pe);
    mae_scratch_trim();
}

static const mae_pe_ops ops = {
    .supports = supports,
    .compile = compile,
    .bind = mae_dnn_unit_bind,
    .run = mae_dnn_unit_run,
    .discard = mae_dnn_unit_discard,
    .close = close_pe,
    .layer_ns = mae_dnn_layer_ns,
    .layouts = layouts,
    .compile_laid = compile_laid,
};

MAE_API const mae_backend *mae_backend_entry(void);

static mae_error *open_engine(mae_dnn_pe *pe)
{
    MAE_TRY(mae_dnn_check(dnnl_engine_create(&pe->engine, dnnl_cpu, 0), "engine"));
    MAE_TRY(mae_dnn_check(dnnl_stream_create(&pe->stream, pe->engine, dnnl_stream_default_flags), "stream"));
    MAE_TRY(mae_dnn_check(dnnl_primitive_attr_create(&pe->attr), "attributes"));
    return mae_dnn_check(dnnl_primitive_attr_set_scratchpad_mode(pe->attr, dnnl_scratchpad_mode_user), "attributes");
}

static mae_error *refuse_options(const mae_pe_config *config)
{
    if (config->n_options == 0)
        return NULL;
    return mae_error_new(MAE_ERR_USAGE, "cpu/onednn has no option \"%s\"", config->options[0].key);
}

static mae_error *copy_cores(mae_dnn_pe *pe, const mae_pe_config *config)
{
    if (config->n_cores == 0)
        return NULL;
    pe->cores = malloc(config->n_cores * sizeof *pe->cores);
    if (!pe->cores)
        return mae_error_nomem();
    memcpy(pe->cores, config->cores, config->n_cores * sizeof *pe->cores);
    pe->n_cores = config->n_cores;
    return NULL;
}

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    MAE_TRY(refuse_options(config));
    mae_dnn_pe *pe = calloc(1, sizeof(*pe));
    if (!pe)
        return mae_error_nomem();
    pe->base = (mae_pe){.ops = &ops, .backend = mae_backend_entry(), .abs_tolerance = 1e-4, .rel_tolerance = 1e-4};
    pe->threads = config->threads;
    /* oneDNN may have been built without OpenMP, so the module does not link to it itself. */
    *(void **)&pe->set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    mae_error *error = copy_cores(pe, config);
    if (!error)
        error = mae_dnn_find_places(pe, config);
    if (!error)
        error = open_engine(pe);
    if (!error)
        error = mae_dnn_find_faults(pe);
    if (error) {
        close_pe(&pe->base);
        return error;
    }
    *ret_pe = &pe->base;
    return NULL;
}

static mae_error *probe(const mae_pe_found **ret_found, size_t *ret_n)
{
    static char engine[48];
    static const mae_pe_found found = {.name = "cpu/onednn", .resource = "cpu", .precision = "f32", .engine = engine};
    const dnnl_version_t *version = dnnl_version();

    if (version->major != DNNL_VERSION_MAJOR)
        return mae_error_new(MAE_ERR_FAILED, "oneDNN %d.x is installed, this backend was built for %d.x",
                             version->major, DNNL_VERSION_MAJOR);
    if (dnnl_engine_get_count(dnnl_cpu) == 0)
        return mae_error_new(MAE_ERR_FAILED, "oneDNN was built without its CPU engine");
    snprintf(engine, sizeof(engine), "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    *ret_found = &found;
    *ret_n = 1;
    return NULL;
}

static const mae_backend backend = {
    .abi = MAE_BACKEND_ABI, .name = "onednn", .probe = probe, .open = open_pe, .service = mae_heap_service};

const mae_backend *mae_backend_entry(void)
{
    return &backend;
}
