/* The backend's table: one PE per OpenCL device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/build.h"

MAE_API const mae_backend *mae_backend_entry(void);

static bool supports(mae_pe *base, const mae_graph *graph, int layer, const char **ret_reason)
{
    mae_segment segment;
    mae_arena *arena = mae_arena_create();
    const char *reason = "out of memory";
    mae_error *error = arena ? mae_segment_make(graph, layer, layer, arena, &segment) : mae_error_nomem();

    if (!error)
        error = mae_cl_build_segment((mae_cl_pe *)base, graph, &segment, true, NULL, &reason);
    bool yes = !error;
    mae_error_free(error);
    mae_arena_destroy(arena);
    if (!yes && ret_reason)
        *ret_reason = reason;
    return yes;
}

/* The queue that keeps times: only for who asks for them, because some drivers are slower with it. */
static mae_error *need_timing(mae_cl_pe *pe)
{
    cl_int status;

    if (pe->timing)
        return NULL;
    cl_command_queue queue =
        clCreateCommandQueue(pe->shared->context, pe->shared->device, CL_QUEUE_PROFILING_ENABLE, &status);
    MAE_TRY(mae_cl_pe_check(pe, status, "clCreateCommandQueue"));
    pe->timing = queue;
    return NULL;
}

static mae_error *compile(mae_pe *base, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit)
{
    mae_cl_pe *pe = (mae_cl_pe *)base;
    mae_cl_unit *unit;

    MAE_TRY(mae_cl_pe_alive(pe));
    if (flags & MAE_COMPILE_TIMED)
        MAE_TRY(need_timing(pe));
    mae_error *error = mae_cl_build_segment(pe, graph, segment, false, &unit, NULL);
    if (mae_error_code(error) == MAE_ERR_LOST) /* or too much was wanted, which drivers tell in the same words */
        mae_cl_context_lose(pe->shared);
    MAE_TRY(error);
    if (flags & MAE_COMPILE_TIMED) {
        error = mae_cl_timer_create(unit->n_steps, &unit->timer);
        if (error) {
            mae_cl_unit_discard(&unit->base);
            return error;
        }
    }
    *ret_unit = &unit->base;
    return NULL;
}

static void close_pe(mae_pe *base)
{
    mae_cl_pe *pe = (mae_cl_pe *)base;

    if (!pe)
        return;
    if (pe->queue)
        clReleaseCommandQueue(pe->queue);
    if (pe->timing)
        clReleaseCommandQueue(pe->timing);
    free(pe);
}

/* The device has memory of its own. */
static const mae_pe_ops own_ops = {
    .supports = supports,
    .compile = compile,
    .bind = mae_cl_unit_bind,
    .run = mae_cl_unit_run,
    .discard = mae_cl_unit_discard,
    .close = close_pe,
    .alloc = mae_cl_alloc,
    .release = mae_cl_release,
    .read = mae_cl_read,
    .write = mae_cl_write,
    .layer_ns = mae_cl_layer_ns,
};

/* It shares the host's, so buffers are the host's. */
static const mae_pe_ops shared_ops = {
    .supports = supports,
    .compile = compile,
    .bind = mae_cl_unit_bind,
    .run = mae_cl_unit_run,
    .discard = mae_cl_unit_discard,
    .close = close_pe,
    .layer_ns = mae_cl_layer_ns,
};

typedef struct options {
    const char *device, *memory;
} options;

static mae_error *read_options(const mae_pe_config *config, options *ret_options)
{
    options o = {NULL, "auto"};

    for (size_t i = 0; i < config->n_options; i++) {
        const mae_option *option = &config->options[i];
        if (strcmp(option->key, "device") == 0)
            o.device = option->value;
        else if (strcmp(option->key, "memory") == 0)
            o.memory = option->value;
        else
            return mae_error_new(MAE_ERR_USAGE, "the opencl backend has no option \"%s\", only device and memory",
                                 option->key);
    }
    if (strcmp(o.memory, "auto") != 0 && strcmp(o.memory, "own") != 0 && strcmp(o.memory, "shared") != 0)
        return mae_error_new(MAE_ERR_USAGE, "option memory: \"%s\" is none of auto, own, shared", o.memory);
    *ret_options = o;
    return NULL;
}

static mae_error *fill_pe(const mae_pe_config *config, const options *o, mae_cl_pe *pe)
{
    cl_int status;

    MAE_TRY(mae_cl_context_get(config->name, o->device, config->threads, &pe->shared));
    snprintf(pe->name, sizeof pe->name, "%.24s (%s)", config->name, pe->shared->name);
    if (strcmp(o->memory, "shared") == 0 && !pe->shared->unified)
        return mae_error_new(MAE_ERR_USAGE, "option memory: %s does not share the host's memory", pe->name);
    bool shared = pe->shared->unified && strcmp(o->memory, "own") != 0;
    pe->base = (mae_pe){.ops = shared ? &shared_ops : &own_ops,
                        .backend = mae_backend_entry(),
                        .abs_tolerance = 1e-4,
                        .rel_tolerance = 1e-4};
    pe->queue = clCreateCommandQueue(pe->shared->context, pe->shared->device, 0, &status);
    return mae_cl_pe_check(pe, status, "clCreateCommandQueue");
}

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    options o;

    MAE_TRY(read_options(config, &o));
    mae_cl_pe *pe = calloc(1, sizeof *pe);
    if (!pe)
        return mae_error_nomem();
    mae_error *error = fill_pe(config, &o, pe);
    if (error) {
        close_pe(&pe->base);
        return error;
    }
    *ret_pe = &pe->base;
    return NULL;
}

static const mae_backend backend = {.abi = MAE_BACKEND_ABI, .name = "opencl", .probe = mae_cl_find, .open = open_pe};

const mae_backend *mae_backend_entry(void)
{
    return &backend;
}
