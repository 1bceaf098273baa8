/* A compiled segment: steps (kernels of ours, calls of CLBlast) over storages (row-major tensors on the device). */
#ifndef MAE_BACKENDS_OPENCL_UNIT_H
#define MAE_BACKENDS_OPENCL_UNIT_H

#include <stdint.h>

#include "backends/opencl/device.h"
#include "base/arena.h"
#include "mae/backend.h"

/* Host memory that the device sees, where it shares the host's: one memory object for all units bound to it. */
typedef struct mae_cl_shared {
    struct mae_cl_shared *next;
    void *host;
    size_t bytes, users;
    cl_mem mem;
    bool mapped;
} mae_cl_shared;

typedef struct mae_cl_pe {
    mae_pe base;
    mae_cl_context *shared;         /* with all PEs of the device */
    cl_command_queue queue, timing; /* the latter keeps times; NULL until a unit wants it */
    mae_cl_shared *memories;
    char name[160]; /* "gpu/opencl (DEVICE)", for messages */
    bool lost;
} mae_cl_pe;

typedef enum mae_cl_place {
    MAE_CL_INNER,   /* in a block, which storages that are never alive together share */
    MAE_CL_INPUT,   /* a bound buffer */
    MAE_CL_OUTPUT,  /* a bound buffer */
    MAE_CL_CONSTANT /* weights */
} mae_cl_place;

typedef struct mae_cl_storage {
    mae_cl_place place;
    size_t border; /* which input or output of the segment */
    size_t count;  /* elements */
    int block;
    float *data;     /* of a constant until it is on the device, owned; NULL in a trial */
    cl_mem mem;      /* of a constant */
    int first, last; /* steps between which it is alive; first < 0: never */
} mae_cl_storage;

typedef enum mae_cl_arg_type {
    MAE_CL_ARG_MEM,
    MAE_CL_ARG_INT,
    MAE_CL_ARG_FLOAT,
    MAE_CL_ARG_INT4,
    MAE_CL_ARG_INT8
} mae_cl_arg_type;

typedef struct mae_cl_arg {
    mae_cl_arg_type type;
    int storage;
    union {
        cl_int i;
        cl_float f;
        cl_int ints[8]; /* cl_int8 would want more alignment than an arena gives */
    } value;
} mae_cl_arg;

#define MAE_CL_MOST_ARGS 16

/* y = alpha * a * b + beta * y, row-major, one after the other at these offsets (elements). */
typedef struct mae_cl_gemm {
    bool transpose_a, transpose_b;
    size_t m, n, k;
    float alpha, beta;
    int a, b, y;
    size_t n_batch;
    size_t *offsets_a, *offsets_b, *offsets_y; /* the unit's arena's */
    float *alphas, *betas;                     /* the same, of a batch */
} mae_cl_gemm;

/* The columns of an image, so that a convolution is a product of matrices. */
typedef struct mae_cl_im2col {
    size_t channels, height, width, kernel[2], pad[2], stride[2], dilation[2], offset;
    int x, y;
} mae_cl_im2col;

typedef enum mae_cl_kind { MAE_CL_KERNEL, MAE_CL_GEMM, MAE_CL_IM2COL } mae_cl_kind;

typedef struct mae_cl_step {
    mae_cl_kind kind;
    bool of_output;     /* it brings an output into its buffer; else it computes a layer */
    size_t owner;       /* the output or layer of the segment */
    const char *kernel; /* of ours: its name */
    cl_kernel object;
    size_t group;            /* work-items in a group */
    size_t n_args, sizes[2]; /* sizes[1] 0: one axis */
    mae_cl_arg *args;
    mae_cl_gemm gemm;
    mae_cl_im2col im2col;
} mae_cl_step;

typedef struct mae_cl_border {
    cl_mem mem;
    mae_cl_shared *shared; /* NULL: memory of the device's own */
} mae_cl_border;

typedef struct mae_cl_timer mae_cl_timer;

typedef struct mae_cl_unit {
    mae_unit base;
    mae_arena *arena;
    size_t n_layers, n_inputs, n_outputs;
    size_t n_storages, n_steps, n_blocks;
    mae_cl_storage *storages;
    mae_cl_step *steps;
    cl_mem *blocks;
    cl_mem scratch; /* CLBlast's */
    mae_cl_border *inputs, *outputs;
    mae_cl_timer *timer; /* NULL: not timed */
} mae_cl_unit;

/* Everything is on the device, kernels are compiled and have run once. */
MAE_MUST_CHECK mae_error *mae_cl_unit_finish(mae_cl_unit *unit);
MAE_MUST_CHECK mae_error *mae_cl_unit_bind(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs);
MAE_MUST_CHECK mae_error *mae_cl_unit_run(mae_unit *unit);
void mae_cl_unit_discard(mae_unit *unit);

/* The steps, queued; `timer` may be NULL. */
MAE_MUST_CHECK mae_error *mae_cl_steps_queue(mae_cl_unit *unit, cl_command_queue queue, mae_cl_timer *timer);
/* The arguments of all kernels, borders included. */
MAE_MUST_CHECK mae_error *mae_cl_steps_set(mae_cl_unit *unit);
cl_mem mae_cl_mem(const mae_cl_unit *unit, int storage);

/* As mae_cl_check. After a call to the device has failed in a frame the PE is lost, whatever was said. */
MAE_MUST_CHECK mae_error *mae_cl_pe_check(const mae_cl_pe *pe, int status, const char *what);
MAE_MUST_CHECK mae_error *mae_cl_pe_lose(mae_cl_pe *pe, mae_error *error);
MAE_MUST_CHECK mae_error *mae_cl_pe_alive(const mae_cl_pe *pe);

/* ---- Memory ---- */

/* Buffers in memory of the device's own: slots of mae_pe_ops. */
MAE_MUST_CHECK mae_error *mae_cl_alloc(mae_pe *pe, mae_buffer *buffer);
void mae_cl_release(mae_pe *pe, mae_buffer *buffer);
MAE_MUST_CHECK mae_error *mae_cl_read(mae_pe *pe, const mae_buffer *buffer, void *host);
MAE_MUST_CHECK mae_error *mae_cl_write(mae_pe *pe, mae_buffer *buffer, const void *host);

/* Host memory that the device shares: used from taking it on, the host's while it is mapped. */
MAE_MUST_CHECK mae_error *mae_cl_shared_take(mae_cl_pe *pe, void *host, size_t bytes, mae_cl_shared **ret_shared);
void mae_cl_shared_drop(mae_cl_pe *pe, mae_cl_shared *shared); /* takes NULL */
MAE_MUST_CHECK mae_error *mae_cl_shared_map(mae_cl_pe *pe, cl_command_queue queue, mae_cl_shared *shared);
MAE_MUST_CHECK mae_error *mae_cl_shared_unmap(mae_cl_pe *pe, cl_command_queue queue, mae_cl_shared *shared);

/* ---- Times per step ---- */

MAE_MUST_CHECK mae_error *mae_cl_timer_create(size_t n_steps, mae_cl_timer **ret_timer);
void mae_cl_timer_destroy(mae_cl_timer *timer);
/* Marks the end of step `step`, or, for -1, the beginning of the first. */
int mae_cl_timer_mark(mae_cl_timer *timer, cl_command_queue queue, int step);
/* Takes in the times of a run that is over. */
int mae_cl_timer_note(mae_cl_timer *timer, double total_ns);
void mae_cl_timer_forget(mae_cl_timer *timer); /* the marks of a run that failed */
MAE_MUST_CHECK mae_error *mae_cl_layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times);

#endif
