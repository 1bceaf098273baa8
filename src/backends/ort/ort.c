/* The backend's table: ONNX Runtime's CPU provider as the PE "cpu/ort", and others that a SoC file names. */
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/thread.h"
#include "core/graph.h"
#include "unit.h"

static mae_error *probe(const mae_pe_found **ret_found, size_t *ret_n)
{
    const mae_ort *ort;
    MAE_TRY(mae_ort_get(&ort));
    *ret_found = &ort->found;
    *ret_n = 1;
    return NULL;
}

static bool can_cross(const mae_graph *graph, const int *tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mae_dtype dtype = graph->tensors[tensors[i]].shape.dtype;
        if (dtype == MAE_STRING || dtype == MAE_DTYPE_NONE)
            return false;
    }
    return true;
}

/* Import has run the whole network on the CPU's provider, so that one has every operator. What is left is what a
 * buffer cannot hold. */
static bool supports(mae_pe *base, const mae_graph *graph, int layer, const char **ret_reason)
{
    mae_ort_pe *pe = (mae_ort_pe *)base;
    const mae_layer *l = &graph->layers[layer];
    if (can_cross(graph, l->inputs, l->n_inputs) && can_cross(graph, l->outputs, l->n_outputs))
        return !pe->provider.name ||
               mae_ort_provider_supports(pe->ort, &pe->provider, &pe->answers, graph, layer, ret_reason);
    if (ret_reason)
        *ret_reason = "strings, sequences and optionals cannot cross a layer's border";
    return false;
}

static void close_pe(mae_pe *base)
{
    mae_ort_pe *pe = (mae_ort_pe *)base;
    if (!pe)
        return;
    mae_ort_answers_finish(&pe->answers);
    mae_ort_provider_finish(&pe->provider);
    free(pe->cores);
    free(pe);
}

static const mae_pe_ops ops = {
    .supports = supports,
    .compile = mae_ort_unit_compile,
    .bind = mae_ort_unit_bind,
    .run = mae_ort_unit_run,
    .discard = mae_ort_unit_discard,
    .close = close_pe,
    .layer_ns = mae_ort_unit_layer_ns,
    .layouts = mae_ort_unit_layouts,
    .compile_laid = mae_ort_unit_compile_laid,
};

/* Other providers have no blocked layouts, and their sessions no model to read times by. */
static const mae_pe_ops provider_ops = {
    .supports = supports,
    .compile = mae_ort_unit_compile,
    .bind = mae_ort_unit_bind,
    .run = mae_ort_unit_run,
    .discard = mae_ort_unit_discard,
    .close = close_pe,
};

static mae_error *copy_cores(mae_ort_pe *pe, const mae_pe_config *config)
{
    if (!config->cores || config->n_cores == 0)
        return NULL;
    pe->cores = calloc(config->n_cores, sizeof(*pe->cores));
    if (!pe->cores)
        return mae_error_nomem();
    memcpy(pe->cores, config->cores, config->n_cores * sizeof(*pe->cores));
    pe->n_cores = config->n_cores;
    return NULL;
}

/* A processor for every thread, where there are as many: the pool's stay there, and the caller comes to its own. */
static mae_error *find_places(mae_ort_pe *pe, const mae_pe_config *config)
{
    int *places = calloc((size_t)config->threads, sizeof(*places));
    if (!places)
        return mae_error_nomem();
    if (!mae_thread_places(config->cores, config->n_cores, config->threads, places, (size_t)config->threads)) {
        free(places);
        return NULL;
    }
    free(pe->cores);
    pe->cores = places;
    pe->n_cores = (size_t)config->threads;
    pe->placed = true;
    return NULL;
}

static const mae_backend backend;

static mae_error *init_pe(mae_ort_pe *pe, const mae_pe_config *config)
{
    MAE_TRY(copy_cores(pe, config));
    MAE_TRY(mae_ort_provider_init(pe->ort, config, &pe->provider));
    mae_ort_provider_tolerance(&pe->provider, config->precision ? config->precision : "", &pe->base.abs_tolerance,
                               &pe->base.rel_tolerance);
    if (!pe->provider.name)
        return find_places(pe, config);
    pe->base.ops = &provider_ops;
    return mae_ort_provider_try(pe->ort, &pe->provider);
}

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    const mae_ort *ort;
    if (config->threads < 1)
        return mae_error_new(MAE_ERR_USAGE, "PE \"%s\": %d threads make no sense", config->name, config->threads);
    MAE_TRY(mae_ort_get(&ort));
    mae_ort_pe *pe = calloc(1, sizeof(*pe));
    if (!pe)
        return mae_error_nomem();
    pe->base = (mae_pe){.ops = &ops, .backend = &backend};
    pe->ort = ort;
    pe->threads = config->threads;
    mae_error *error = init_pe(pe, config);
    if (error) {
        close_pe(&pe->base);
        return error;
    }
    *ret_pe = &pe->base;
    return NULL;
}

static const void *service(const char *name)
{
    return strcmp(name, MAE_ONNX_EVALUATOR_SERVICE) == 0 ? &mae_ort_evaluator : mae_heap_service(name);
}

static const mae_backend backend = {
    .abi = MAE_BACKEND_ABI, .name = "ort", .probe = probe, .open = open_pe, .service = service};

MAE_API mae_backend_entry_fn mae_backend_entry;

const mae_backend *mae_backend_entry(void)
{
    return &backend;
}
