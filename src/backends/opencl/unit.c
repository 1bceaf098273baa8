/* Binding, running and discarding a unit. */
#include "backends/opencl/unit.h"

#include <stdlib.h>

#include <clblast_c.h>

#include "base/clock.h"

cl_mem mae_cl_mem(const mae_cl_unit *unit, int storage)
{
    const mae_cl_storage *s = &unit->storages[storage];

    switch (s->place) {
    case MAE_CL_INPUT:
        return unit->inputs[s->border].mem;
    case MAE_CL_OUTPUT:
        return unit->outputs[s->border].mem;
    case MAE_CL_CONSTANT:
        return s->mem;
    default:
        return unit->blocks[s->block];
    }
}

/* ---- arguments ---- */

static int set_arg(const mae_cl_unit *unit, cl_kernel kernel, cl_uint index, const mae_cl_arg *arg)
{
    static const size_t sizes[] = {[MAE_CL_ARG_INT] = sizeof(cl_int),
                                   [MAE_CL_ARG_FLOAT] = sizeof(cl_float),
                                   [MAE_CL_ARG_INT4] = sizeof(cl_int4),
                                   [MAE_CL_ARG_INT8] = sizeof(cl_int8)};

    if (arg->type != MAE_CL_ARG_MEM)
        return clSetKernelArg(kernel, index, sizes[arg->type], &arg->value);
    cl_mem mem = mae_cl_mem(unit, arg->storage);
    return clSetKernelArg(kernel, index, sizeof mem, &mem);
}

mae_error *mae_cl_steps_set(mae_cl_unit *unit)
{
    const mae_cl_pe *pe = (const mae_cl_pe *)unit->base.pe;

    for (size_t i = 0; i < unit->n_steps; i++) {
        const mae_cl_step *step = &unit->steps[i];
        for (size_t k = 0; k < step->n_args; k++)
            MAE_TRY(mae_cl_pe_check(pe, set_arg(unit, step->object, (cl_uint)k, &step->args[k]), "clSetKernelArg"));
    }
    return NULL;
}

/* ---- steps ---- */

static int queue_kernel(cl_command_queue queue, const mae_cl_step *step)
{
    const size_t local[2] = {step->group, 1};
    const size_t global[2] = {(step->sizes[0] + step->group - 1) / step->group * step->group, step->sizes[1]};

    return clEnqueueNDRangeKernel(queue, step->object, step->sizes[1] ? 2 : 1, NULL, global, local, 0, NULL, NULL);
}

static int queue_gemm(const mae_cl_unit *unit, cl_command_queue queue, const mae_cl_gemm *g)
{
    const CLBlastTranspose ta = g->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastTranspose tb = g->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t lda = g->transpose_a ? g->m : g->k, ldb = g->transpose_b ? g->k : g->n;
    cl_mem a = mae_cl_mem(unit, g->a), b = mae_cl_mem(unit, g->b), y = mae_cl_mem(unit, g->y);

    if (g->n_batch == 1)
        return (int)CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, ta, tb, g->m, g->n, g->k, g->alpha, a,
                                               g->offsets_a[0], lda, b, g->offsets_b[0], ldb, g->beta, y,
                                               g->offsets_y[0], g->n, &queue, NULL, unit->scratch);
    return (int)CLBlastSgemmBatched(CLBlastLayoutRowMajor, ta, tb, g->m, g->n, g->k, g->alphas, a, g->offsets_a, lda, b,
                                    g->offsets_b, ldb, g->betas, y, g->offsets_y, g->n, g->n_batch, &queue, NULL);
}

static int queue_im2col(const mae_cl_unit *unit, cl_command_queue queue, const mae_cl_im2col *c)
{
    return (int)CLBlastSim2col(CLBlastKernelModeCrossCorrelation, c->channels, c->height, c->width, c->kernel[0],
                               c->kernel[1], c->pad[0], c->pad[1], c->stride[0], c->stride[1], c->dilation[0],
                               c->dilation[1], mae_cl_mem(unit, c->x), c->offset, mae_cl_mem(unit, c->y), 0, &queue,
                               NULL);
}

static mae_error *queue_step(const mae_cl_unit *unit, cl_command_queue queue, const mae_cl_step *step)
{
    const mae_cl_pe *pe = (const mae_cl_pe *)unit->base.pe;

    switch (step->kind) {
    case MAE_CL_GEMM:
        return mae_cl_pe_check(pe, queue_gemm(unit, queue, &step->gemm), "CLBlast's GEMM");
    case MAE_CL_IM2COL:
        return mae_cl_pe_check(pe, queue_im2col(unit, queue, &step->im2col), "CLBlast's im2col");
    default:
        return mae_error_wrap(mae_cl_pe_check(pe, queue_kernel(queue, step), "clEnqueueNDRangeKernel"), "kernel %s",
                              step->kernel);
    }
}

mae_error *mae_cl_steps_queue(mae_cl_unit *unit, cl_command_queue queue, mae_cl_timer *timer)
{
    const mae_cl_pe *pe = (const mae_cl_pe *)unit->base.pe;

    for (int i = -1; i < (int)unit->n_steps; i++) {
        if (i >= 0)
            MAE_TRY(queue_step(unit, queue, &unit->steps[i]));
        if (timer)
            MAE_TRY(mae_cl_pe_check(pe, mae_cl_timer_mark(timer, queue, i), "clEnqueueMarkerWithWaitList"));
    }
    return NULL;
}

/* ---- a frame ---- */

typedef mae_error *pass_fn(mae_cl_pe *pe, cl_command_queue queue, mae_cl_shared *shared);

/* Memory that is the host's between frames goes over to the device, or back. */
static mae_error *pass_borders(mae_cl_unit *unit, cl_command_queue queue, pass_fn *pass)
{
    mae_cl_pe *pe = (mae_cl_pe *)unit->base.pe;

    for (size_t i = 0; i < unit->n_inputs; i++)
        if (unit->inputs[i].shared)
            MAE_TRY(pass(pe, queue, unit->inputs[i].shared));
    for (size_t i = 0; i < unit->n_outputs; i++)
        if (unit->outputs[i].shared)
            MAE_TRY(pass(pe, queue, unit->outputs[i].shared));
    return NULL;
}

static mae_error *run(mae_cl_unit *unit, cl_command_queue queue)
{
    const mae_cl_pe *pe = (const mae_cl_pe *)unit->base.pe;
    uint64_t begin = mae_clock_now_ns();

    MAE_TRY(pass_borders(unit, queue, mae_cl_shared_unmap));
    MAE_TRY(mae_cl_steps_queue(unit, queue, unit->timer));
    MAE_TRY(pass_borders(unit, queue, mae_cl_shared_map));
    MAE_TRY(mae_cl_pe_check(pe, clFinish(queue), "clFinish"));
    double total_ns = (double)(mae_clock_now_ns() - begin);
    int status = unit->timer ? mae_cl_timer_note(unit->timer, total_ns) : CL_SUCCESS;
    return mae_cl_pe_check(pe, status, "clGetEventProfilingInfo");
}

mae_error *mae_cl_unit_run(mae_unit *base)
{
    mae_cl_unit *unit = (mae_cl_unit *)base;
    mae_cl_pe *pe = (mae_cl_pe *)base->pe;
    cl_command_queue queue = unit->timer ? pe->timing : pe->queue;

    MAE_TRY(mae_cl_pe_alive(pe));
    mae_error *error = run(unit, queue);
    if (!error)
        return NULL;
    clFinish(queue); /* what has been queued may still be at work in the host's memory */
    if (unit->timer)
        mae_cl_timer_forget(unit->timer);
    return mae_cl_pe_lose(pe, error);
}

/* ---- binding ---- */

static mae_error *bind_border(mae_cl_pe *pe, mae_cl_border *border, const mae_buffer *buffer)
{
    mae_cl_shared *old = border->shared;

    if (buffer->device) {
        border->mem = buffer->device;
        return NULL;
    }
    MAE_TRY(mae_cl_shared_take(pe, buffer->host, buffer->bytes, &border->shared));
    mae_cl_shared_drop(pe, old);
    border->mem = border->shared->mem;
    return NULL;
}

mae_error *mae_cl_unit_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    mae_cl_unit *unit = (mae_cl_unit *)base;
    mae_cl_pe *pe = (mae_cl_pe *)base->pe;

    MAE_TRY(mae_cl_pe_alive(pe));
    for (size_t i = 0; i < unit->n_inputs; i++)
        MAE_TRY(bind_border(pe, &unit->inputs[i], inputs[i]));
    for (size_t i = 0; i < unit->n_outputs; i++)
        MAE_TRY(bind_border(pe, &unit->outputs[i], outputs[i]));
    return mae_cl_steps_set(unit);
}

static void storages_finish(mae_cl_unit *unit)
{
    for (size_t i = 0; i < unit->n_storages; i++) {
        free(unit->storages[i].data);
        if (unit->storages[i].mem)
            clReleaseMemObject(unit->storages[i].mem);
    }
    for (size_t i = 0; i < unit->n_blocks; i++)
        if (unit->blocks[i])
            clReleaseMemObject(unit->blocks[i]);
    if (unit->scratch)
        clReleaseMemObject(unit->scratch);
}

/* A frame that failed may have left work behind that still writes to the host's memory, also on a device that has been
 * said to be lost: what has been queued ends before the memory is its owner's again. */
static void settle(const mae_cl_pe *pe)
{
    if (pe->queue)
        clFinish(pe->queue);
    if (pe->timing)
        clFinish(pe->timing);
}

void mae_cl_unit_discard(mae_unit *base)
{
    mae_cl_unit *unit = (mae_cl_unit *)base;

    if (!unit)
        return;
    mae_cl_pe *pe = (mae_cl_pe *)base->pe;
    settle(pe);
    for (size_t i = 0; unit->inputs && i < unit->n_inputs; i++)
        mae_cl_shared_drop(pe, unit->inputs[i].shared);
    for (size_t i = 0; unit->outputs && i < unit->n_outputs; i++)
        mae_cl_shared_drop(pe, unit->outputs[i].shared);
    for (size_t i = 0; i < unit->n_steps; i++)
        if (unit->steps[i].object)
            clReleaseKernel(unit->steps[i].object);
    storages_finish(unit);
    mae_cl_timer_destroy(unit->timer);
    free(unit->storages);
    free(unit->steps);
    mae_arena_destroy(unit->arena);
    free(unit);
}
