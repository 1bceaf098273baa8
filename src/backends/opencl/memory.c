/* Memory of buffers: the device's own, or the host's where the device shares it. */
#include <stdlib.h>

#include "backends/opencl/unit.h"

mae_error *mae_cl_pe_check(const mae_cl_pe *pe, int status, const char *what)
{
    return mae_cl_check(status, pe->name, what);
}

mae_error *mae_cl_pe_lose(mae_cl_pe *pe, mae_error *error)
{
    if (!error)
        return NULL;
    pe->lost = true;
    mae_cl_context_lose(pe->shared);
    return mae_error_recode(error, MAE_ERR_LOST);
}

mae_error *mae_cl_pe_alive(const mae_cl_pe *pe)
{
    return pe->lost ? mae_error_new(MAE_ERR_LOST, "%s: lost by an earlier call", pe->name) : NULL;
}

/* ---- the device's own ---- */

mae_error *mae_cl_alloc(mae_pe *base, mae_buffer *buffer)
{
    mae_cl_pe *pe = (mae_cl_pe *)base;
    cl_int status;

    MAE_TRY(mae_cl_pe_alive(pe));
    cl_mem mem =
        clCreateBuffer(pe->shared->context, CL_MEM_READ_WRITE, buffer->bytes ? buffer->bytes : 1, NULL, &status);
    MAE_TRY(mae_cl_pe_check(pe, status, "clCreateBuffer"));
    buffer->host = NULL;
    buffer->device = mem;
    return NULL;
}

void mae_cl_release(mae_pe *pe, mae_buffer *buffer)
{
    (void)pe;
    if (buffer->device)
        clReleaseMemObject(buffer->device);
    buffer->device = NULL;
}

mae_error *mae_cl_read(mae_pe *base, const mae_buffer *buffer, void *host)
{
    mae_cl_pe *pe = (mae_cl_pe *)base;

    MAE_TRY(mae_cl_pe_alive(pe));
    if (buffer->bytes == 0)
        return NULL;
    int status = clEnqueueReadBuffer(pe->queue, buffer->device, CL_TRUE, 0, buffer->bytes, host, 0, NULL, NULL);
    return mae_cl_pe_lose(pe, mae_cl_pe_check(pe, status, "clEnqueueReadBuffer"));
}

mae_error *mae_cl_write(mae_pe *base, mae_buffer *buffer, const void *host)
{
    mae_cl_pe *pe = (mae_cl_pe *)base;

    MAE_TRY(mae_cl_pe_alive(pe));
    if (buffer->bytes == 0)
        return NULL;
    int status = clEnqueueWriteBuffer(pe->queue, buffer->device, CL_TRUE, 0, buffer->bytes, host, 0, NULL, NULL);
    return mae_cl_pe_lose(pe, mae_cl_pe_check(pe, status, "clEnqueueWriteBuffer"));
}

/* ---- the host's ---- */

static mae_cl_shared *known(const mae_cl_pe *pe, const void *host, size_t bytes)
{
    for (mae_cl_shared *s = pe->memories; s; s = s->next)
        if (s->host == host && s->bytes == bytes)
            return s;
    return NULL;
}

static void shared_destroy(mae_cl_pe *pe, mae_cl_shared *shared)
{
    if (shared->mem && shared->mapped && !pe->lost) {
        clEnqueueUnmapMemObject(pe->queue, shared->mem, shared->host, 0, NULL, NULL);
        clFinish(pe->queue);
    }
    if (shared->mem)
        clReleaseMemObject(shared->mem);
    free(shared);
}

mae_error *mae_cl_shared_take(mae_cl_pe *pe, void *host, size_t bytes, mae_cl_shared **ret_shared)
{
    mae_cl_shared *shared = known(pe, host, bytes);
    cl_int status;

    if (shared) {
        shared->users++;
        *ret_shared = shared;
        return NULL;
    }
    shared = calloc(1, sizeof *shared);
    if (!shared)
        return mae_error_nomem();
    shared->host = host;
    shared->bytes = bytes;
    shared->users = 1;
    shared->mem = clCreateBuffer(pe->shared->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, host, &status);
    mae_error *error = mae_cl_pe_check(pe, status, "clCreateBuffer");
    if (!error)
        error = mae_cl_shared_map(pe, pe->queue, shared);
    if (!error)
        error = mae_cl_pe_check(pe, clFinish(pe->queue), "clFinish");
    if (error) {
        shared_destroy(pe, shared);
        return error;
    }
    shared->next = pe->memories;
    pe->memories = shared;
    *ret_shared = shared;
    return NULL;
}

void mae_cl_shared_drop(mae_cl_pe *pe, mae_cl_shared *shared)
{
    if (!shared || --shared->users > 0)
        return;
    for (mae_cl_shared **at = &pe->memories; *at; at = &(*at)->next)
        if (*at == shared) {
            *at = shared->next;
            break;
        }
    shared_destroy(pe, shared);
}

/* Mapped memory made of the host's lies where the host's does. */
mae_error *mae_cl_shared_map(mae_cl_pe *pe, cl_command_queue queue, mae_cl_shared *shared)
{
    cl_int status = CL_SUCCESS;

    if (shared->mapped)
        return NULL;
    clEnqueueMapBuffer(queue, shared->mem, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 0, shared->bytes, 0, NULL, NULL,
                       &status);
    shared->mapped = status == CL_SUCCESS;
    return mae_cl_pe_check(pe, status, "clEnqueueMapBuffer");
}

mae_error *mae_cl_shared_unmap(mae_cl_pe *pe, cl_command_queue queue, mae_cl_shared *shared)
{
    if (!shared->mapped)
        return NULL;
    int status = clEnqueueUnmapMemObject(queue, shared->mem, shared->host, 0, NULL, NULL);
    shared->mapped = status != CL_SUCCESS;
    return mae_cl_pe_check(pe, status, "clEnqueueUnmapMemObject");
}
