/* Adding steps. */
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/build.h"

mae_cl_arg mae_cl_arg_int4(const int64_t *values)
{
    mae_cl_arg arg = {.type = MAE_CL_ARG_INT4};

    for (int i = 0; i < 3; i++)
        arg.value.ints[i] = (cl_int)values[i];
    return arg;
}

static mae_cl_arg arg_int8(const int64_t *values, int n)
{
    mae_cl_arg arg = {.type = MAE_CL_ARG_INT8};

    for (int i = 0; i < n; i++)
        arg.value.ints[i] = (cl_int)values[i];
    return arg;
}

static mae_error *step_add(mae_cl_build *b, const mae_cl_step *step)
{
    mae_cl_unit *unit = b->unit;

    if (unit->n_steps == b->room_steps) {
        size_t room = b->room_steps ? b->room_steps * 2 : 32;
        mae_cl_step *steps = realloc(unit->steps, room * sizeof *steps);
        if (!steps)
            return mae_error_nomem();
        unit->steps = steps;
        b->room_steps = room;
    }
    unit->steps[unit->n_steps] = *step;
    unit->steps[unit->n_steps].of_output = b->of_output;
    unit->steps[unit->n_steps++].owner = b->owner;
    return NULL;
}

mae_error *mae_cl_step_kernel(mae_cl_build *b, const char *kernel, size_t size, size_t planes, const mae_cl_arg *args,
                              size_t n_args)
{
    mae_cl_arg *copy = mae_arena_copy(b->unit->arena, args, n_args * sizeof *args);
    const mae_cl_step step = {
        .kind = MAE_CL_KERNEL, .kernel = kernel, .sizes = {size, planes}, .n_args = n_args, .args = copy};

    return copy ? step_add(b, &step) : mae_error_nomem();
}

static size_t *copy_offsets(mae_cl_build *b, const size_t *offsets, size_t n)
{
    size_t *copy = mae_arena_array(b->unit->arena, n, sizeof *copy);

    if (copy && offsets)
        memcpy(copy, offsets, n * sizeof *copy);
    return copy;
}

mae_error *mae_cl_step_gemm(mae_cl_build *b, const mae_cl_gemm *gemm)
{
    mae_cl_step step = {.kind = MAE_CL_GEMM, .gemm = *gemm};
    mae_cl_gemm *g = &step.gemm;

    g->n_batch = g->n_batch ? g->n_batch : 1;
    g->offsets_a = copy_offsets(b, gemm->offsets_a, g->n_batch);
    g->offsets_b = copy_offsets(b, gemm->offsets_b, g->n_batch);
    g->offsets_y = copy_offsets(b, gemm->offsets_y, g->n_batch);
    g->alphas = mae_arena_array(b->unit->arena, g->n_batch, sizeof *g->alphas);
    g->betas = mae_arena_array(b->unit->arena, g->n_batch, sizeof *g->betas);
    if (!g->offsets_a || !g->offsets_b || !g->offsets_y || !g->alphas || !g->betas)
        return mae_error_nomem();
    for (size_t i = 0; i < g->n_batch; i++) {
        g->alphas[i] = g->alpha;
        g->betas[i] = g->beta;
    }
    return step_add(b, &step);
}

mae_error *mae_cl_step_im2col(mae_cl_build *b, const mae_cl_im2col *im2col)
{
    const mae_cl_step step = {.kind = MAE_CL_IM2COL, .im2col = *im2col};
    return step_add(b, &step);
}

mae_error *mae_cl_step_fill(mae_cl_build *b, int y, size_t count, float value)
{
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)count), mae_cl_arg_mem(y), mae_cl_arg_float(value)};
    return mae_cl_step_kernel(b, "fill", count, 0, args, 3);
}

/* ---- strided ---- */

void mae_cl_strides(const mae_shape *shape, int rank, int64_t *ret_strides)
{
    int64_t stride = 1;

    for (int i = 0; i < rank; i++)
        ret_strides[i] = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        ret_strides[rank - shape->rank + i] = shape->dims[i] == 1 ? 0 : stride;
        stride *= shape->dims[i];
    }
}

/* Axes of one element disappear, and two neighbours become one where either way of walking allows that. Returns how
 * many are left, at least one. */
static int collapse(int rank, int64_t *dims, int64_t *p, int64_t *q)
{
    int n = 0;

    for (int i = 0; i < rank; i++) {
        if (dims[i] == 1)
            continue;
        bool joins = n > 0 && p[n - 1] == p[i] * dims[i] && q[n - 1] == q[i] * dims[i];
        int at = joins ? n - 1 : n++;
        dims[at] = joins ? dims[at] * dims[i] : dims[i];
        p[at] = p[i];
        q[at] = q[i];
    }
    if (n == 0) {
        dims[0] = 1;
        p[0] = q[0] = 0;
        n = 1;
    }
    return n;
}

static size_t volume(int rank, const int64_t *dims)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    return n;
}

mae_error *mae_cl_step_move(mae_cl_build *b, const mae_cl_move *move, int x, int y)
{
    mae_cl_move m = *move;

    m.rank = collapse(m.rank, m.dims, m.from, m.to);
    size_t n = volume(m.rank, m.dims);
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n),  mae_cl_arg_int(m.rank), arg_int8(m.dims, m.rank),
                               arg_int8(m.from, m.rank),    arg_int8(m.to, m.rank), mae_cl_arg_int(m.offset_from),
                               mae_cl_arg_int(m.offset_to), mae_cl_arg_mem(x),      mae_cl_arg_mem(y)};
    return mae_cl_step_kernel(b, "move", n, 0, args, sizeof args / sizeof *args);
}

mae_error *mae_cl_step_binary(mae_cl_build *b, int operation, const mae_shape *shape_y, int p, const mae_shape *shape_p,
                              int q, const mae_shape *shape_q, int y, const mae_cl_function *function)
{
    int64_t dims[MAE_MAX_RANK] = {1}, strides_p[MAE_MAX_RANK], strides_q[MAE_MAX_RANK];
    int rank = shape_y->rank;

    memcpy(dims, shape_y->dims, (size_t)rank * sizeof *dims);
    mae_cl_strides(shape_p, rank, strides_p);
    mae_cl_strides(shape_q, rank, strides_q);
    rank = collapse(rank, dims, strides_p, strides_q);
    size_t n = volume(rank, dims);
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n),
                               mae_cl_arg_int(rank),
                               arg_int8(dims, rank),
                               arg_int8(strides_p, rank),
                               arg_int8(strides_q, rank),
                               mae_cl_arg_mem(p),
                               mae_cl_arg_mem(q),
                               mae_cl_arg_mem(y),
                               mae_cl_arg_int(operation),
                               mae_cl_arg_int(function->number),
                               mae_cl_arg_float(function->a),
                               mae_cl_arg_float(function->b)};
    return mae_cl_step_kernel(b, "binary", n, 0, args, sizeof args / sizeof *args);
}
