/* From steps and storages to kernels and memory: once, when a segment is compiled. */
#include <stdlib.h>

#include <clblast_c.h>

#include "backends/opencl/unit.h"

/* ---- lifetimes ---- */

static void use(mae_cl_unit *unit, int storage, size_t step)
{
    mae_cl_storage *s = &unit->storages[storage];

    if (s->first < 0)
        s->first = (int)step;
    s->last = (int)step;
}

static void find_lifetimes(mae_cl_unit *unit)
{
    for (size_t i = 0; i < unit->n_steps; i++) {
        const mae_cl_step *step = &unit->steps[i];
        for (size_t k = 0; k < step->n_args; k++)
            if (step->args[k].type == MAE_CL_ARG_MEM)
                use(unit, step->args[k].storage, i);
        if (step->kind == MAE_CL_GEMM) {
            use(unit, step->gemm.a, i);
            use(unit, step->gemm.b, i);
            use(unit, step->gemm.y, i);
        } else if (step->kind == MAE_CL_IM2COL) {
            use(unit, step->im2col.x, i);
            use(unit, step->im2col.y, i);
        }
    }
}

/* ---- blocks ---- */

typedef struct block {
    size_t count;
    int free_from; /* step */
} block;

/* The block that fits best: the smallest that is large enough, else the largest. Blocks begin at 0, as CLBlast likes
 * its matrices to, so they are objects of their own and not parts of one. */
static size_t choose_block(block *blocks, size_t *n, const mae_cl_storage *s)
{
    size_t best = *n;

    for (size_t i = 0; i < *n; i++) {
        if (blocks[i].free_from > s->first)
            continue;
        bool fits = blocks[i].count >= s->count, best_fits = best < *n && blocks[best].count >= s->count;
        bool smaller = best < *n && blocks[i].count < blocks[best].count;
        if (best == *n || (fits && (!best_fits || smaller)) || (!fits && !best_fits && !smaller))
            best = i;
    }
    if (best == *n)
        blocks[(*n)++] = (block){0};
    blocks[best].count = blocks[best].count > s->count ? blocks[best].count : s->count;
    blocks[best].free_from = s->last + 1;
    return best;
}

static mae_error *make_mem(const mae_cl_unit *unit, size_t count, float *data, cl_mem *ret_mem)
{
    const mae_cl_pe *pe = (const mae_cl_pe *)unit->base.pe;
    const cl_mem_flags flags = data ? CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR : CL_MEM_READ_WRITE;
    cl_int status;
    cl_mem mem = clCreateBuffer(pe->shared->context, flags, count * sizeof(float), data, &status);

    MAE_TRY(mae_error_wrap(mae_cl_pe_check(pe, status, "clCreateBuffer"), "%zu bytes", count * sizeof(float)));
    *ret_mem = mem;
    return NULL;
}

static mae_error *place_blocks(mae_cl_unit *unit, block *blocks)
{
    size_t n = 0;

    for (int step = 0; step < (int)unit->n_steps; step++)
        for (size_t i = 0; i < unit->n_storages; i++) {
            mae_cl_storage *s = &unit->storages[i];
            if (s->place == MAE_CL_INNER && s->first == step)
                s->block = (int)choose_block(blocks, &n, s);
        }
    unit->blocks = mae_arena_array(unit->arena, n, sizeof *unit->blocks);
    if (!unit->blocks)
        return mae_error_nomem();
    for (; unit->n_blocks < n; unit->n_blocks++)
        MAE_TRY(make_mem(unit, blocks[unit->n_blocks].count, NULL, &unit->blocks[unit->n_blocks]));
    return NULL;
}

static mae_error *make_blocks(mae_cl_unit *unit)
{
    block *blocks = calloc(unit->n_storages + 1, sizeof *blocks);

    if (!blocks)
        return mae_error_nomem();
    mae_error *error = place_blocks(unit, blocks);
    free(blocks);
    return error;
}

static mae_error *load_constants(mae_cl_unit *unit)
{
    for (size_t i = 0; i < unit->n_storages; i++) {
        mae_cl_storage *s = &unit->storages[i];
        if (s->place != MAE_CL_CONSTANT)
            continue;
        if (s->first >= 0)
            MAE_TRY(make_mem(unit, s->count, s->data, &s->mem));
        free(s->data);
        s->data = NULL;
    }
    return NULL;
}

/* ---- kernels ---- */

static mae_error *make_kernel(const mae_cl_pe *pe, mae_cl_step *step)
{
    cl_int status;
    size_t most = pe->shared->group; /* a kernel that needs many registers may allow fewer */
    cl_kernel kernel = clCreateKernel(pe->shared->program, step->kernel, &status);

    MAE_TRY(mae_cl_pe_check(pe, status, "clCreateKernel"));
    step->object = kernel;
    clGetKernelWorkGroupInfo(kernel, pe->shared->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL);
    step->group = most < pe->shared->group ? most : pe->shared->group;
    step->group += step->group == 0;
    return NULL;
}

static mae_error *make_kernels(mae_cl_unit *unit)
{
    for (size_t i = 0; i < unit->n_steps; i++)
        if (unit->steps[i].kind == MAE_CL_KERNEL)
            MAE_TRY(make_kernel((const mae_cl_pe *)unit->base.pe, &unit->steps[i]));
    return NULL;
}

static mae_error *scratch_of(const mae_cl_unit *unit, const mae_cl_gemm *g, size_t *ret_bytes)
{
    mae_cl_pe *pe = (mae_cl_pe *)unit->base.pe;
    const CLBlastTranspose ta = g->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastTranspose tb = g->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t bytes = 0;
    int status = (int)CLBlastSGemmTempBufferSize(
        CLBlastLayoutRowMajor, ta, tb, g->m, g->n, g->k, g->offsets_a[0], g->transpose_a ? g->m : g->k, g->offsets_b[0],
        g->transpose_b ? g->k : g->n, g->offsets_y[0], g->n, &pe->queue, &bytes);

    MAE_TRY(mae_cl_pe_check(pe, status, "CLBlast's GEMM"));
    *ret_bytes = bytes > *ret_bytes ? bytes : *ret_bytes;
    return NULL;
}

/* One for all products, which run one after the other. */
static mae_error *make_scratch(mae_cl_unit *unit)
{
    size_t bytes = sizeof(float);

    for (size_t i = 0; i < unit->n_steps; i++)
        if (unit->steps[i].kind == MAE_CL_GEMM && unit->steps[i].gemm.n_batch == 1)
            MAE_TRY(scratch_of(unit, &unit->steps[i].gemm, &bytes));
    return make_mem(unit, (bytes + sizeof(float) - 1) / sizeof(float), NULL, &unit->scratch);
}

/* ---- the first run ---- */

static mae_cl_border *border_of(mae_cl_unit *unit, const mae_cl_storage *s)
{
    if (s->place != MAE_CL_INPUT && s->place != MAE_CL_OUTPUT)
        return NULL;
    return s->place == MAE_CL_INPUT ? &unit->inputs[s->border] : &unit->outputs[s->border];
}

static mae_error *run_once(mae_cl_unit *unit)
{
    mae_cl_pe *pe = (mae_cl_pe *)unit->base.pe;

    for (size_t i = 0; i < unit->n_storages; i++) {
        mae_cl_border *border = border_of(unit, &unit->storages[i]);
        if (border && !border->mem)
            MAE_TRY(make_mem(unit, unit->storages[i].count, NULL, &border->mem));
    }
    MAE_TRY(mae_cl_steps_set(unit));
    mae_error *error = mae_cl_steps_queue(unit, pe->queue, NULL);
    int status = clFinish(pe->queue);
    return error ? error : mae_cl_pe_check(pe, status, "clFinish");
}

/* CLBlast compiles a kernel when it is first called for, and drivers finish code when it is first run: so that no frame
 * has to wait for that, everything runs once on memory of no meaning. */
static mae_error *warm_up(mae_cl_unit *unit)
{
    mae_error *error = run_once(unit);

    for (size_t i = 0; i < unit->n_storages; i++) {
        mae_cl_border *border = border_of(unit, &unit->storages[i]);
        if (border && border->mem) {
            clReleaseMemObject(border->mem);
            border->mem = NULL;
        }
    }
    return error;
}

mae_error *mae_cl_unit_finish(mae_cl_unit *unit)
{
    find_lifetimes(unit);
    unit->inputs = mae_arena_array(unit->arena, unit->n_inputs, sizeof *unit->inputs);
    unit->outputs = mae_arena_array(unit->arena, unit->n_outputs, sizeof *unit->outputs);
    if (!unit->inputs || !unit->outputs)
        return mae_error_nomem();
    MAE_TRY(make_blocks(unit));
    MAE_TRY(load_constants(unit));
    MAE_TRY(make_kernels(unit));
    MAE_TRY(make_scratch(unit));
    return warm_up(unit);
}
