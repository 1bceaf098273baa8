/* The OpenCL devices of this machine, and what all PEs on one of them share. */
#ifndef MAE_BACKENDS_OPENCL_DEVICE_H
#define MAE_BACKENDS_OPENCL_DEVICE_H

#include "backends/opencl/cl.h"
#include "mae/backend.h"

#define MAE_CL_MOST_DEVICES 16
#define MAE_CL_MOST_ICDS 32

/* What PEs can be opened: real accelerators first. Where none but PoCL's driver is installed nothing is asked of it
 * (which takes some 50 ms and starts its threads): its processor is listed, to be looked at when it is opened. */
MAE_MUST_CHECK mae_error *mae_cl_find(const mae_pe_found **ret_found, size_t *ret_n);

/* A device, whole or so many of its compute units, with its context and our kernels. Never closed, because CLBlast's
 * cache of kernels keeps contexts anyway; PEs opened later use the same, unless it has been lost. */
typedef struct mae_cl_context {
    struct mae_cl_context *next;
    cl_device_id whole, device;
    cl_uint units; /* asked for; 0: all */
    cl_context context;
    cl_program program;
    char name[128]; /* of the device, for messages */
    size_t group;   /* work-items in a group of our kernels */
    bool unified;   /* it has the host's memory */
    bool lost;
} mae_cl_context;

/* The device of that PE name, else the one that `wanted` is part of the name of, else the first. `threads` limits a
 * device that is the processor itself. */
MAE_MUST_CHECK mae_error *mae_cl_context_get(const char *pe_name, const char *wanted, int threads,
                                             mae_cl_context **ret_context);
/* Not to be used for PEs opened from now on. */
void mae_cl_context_lose(mae_cl_context *context);

/* Are all drivers that the loader would load PoCL's? *ret_n is how many there are; 1 if that cannot be told. */
bool mae_cl_only_pocl(size_t *ret_n);

#endif
