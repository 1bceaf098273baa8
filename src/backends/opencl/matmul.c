/* Gemm and MatMul. */
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/lower.h"

static mae_error *finish(mae_cl_build *b, int y, size_t n, const mae_cl_function *f)
{
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n), mae_cl_arg_mem(y),      mae_cl_arg_mem(y),
                               mae_cl_arg_int(f->number),  mae_cl_arg_float(f->a), mae_cl_arg_float(f->b)};
    return f->number == MAE_CL_SAME ? NULL : mae_cl_step_kernel(b, "unary", n, 0, args, 6);
}

/* What is added is written first, broadcast, and the product added to it. */
static mae_error *write_addend(mae_cl_build *b, int tensor, const mae_shape *shape, int y)
{
    mae_cl_move move = {.rank = 2, .dims = {shape->dims[0], shape->dims[1]}, .to = {shape->dims[1], 1}};
    const mae_shape *own = mae_cl_shape(b, tensor);
    int from;

    if (own->rank > 2)
        return mae_cl_unsupported(b, "the shapes do not fit");
    for (int i = 0; i < own->rank; i++)
        if (own->dims[i] != 1 && own->dims[i] != shape->dims[2 - own->rank + i])
            return mae_cl_unsupported(b, "the shapes do not fit");
    mae_cl_strides(own, 2, move.from);
    MAE_TRY(mae_cl_storage_get(b, tensor, &from));
    return mae_cl_step_move(b, &move, from, y);
}

mae_error *mae_cl_lower_gemm(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *p = mae_cl_shape(b, node->inputs[0]), *q = mae_cl_shape(b, node->inputs[1]);
    const mae_shape *y = mae_cl_shape(b, node->outputs[0]);
    int ta = mae_node_int(node, "transA", 0) != 0, tb = mae_node_int(node, "transB", 0) != 0, addend;
    int tensor = node->outputs[0];
    mae_cl_function f;

    if (p->rank != 2 || q->rank != 2 || y->rank != 2 || p->dims[!ta] != q->dims[tb] || y->dims[0] != p->dims[ta] ||
        y->dims[1] != q->dims[!tb])
        return mae_cl_unsupported(b, "the shapes do not fit");
    mae_cl_gemm gemm = {.transpose_a = ta,
                        .transpose_b = tb,
                        .m = (size_t)y->dims[0],
                        .n = (size_t)y->dims[1],
                        .k = (size_t)p->dims[!ta],
                        .alpha = mae_node_float(node, "alpha", 1.0f)};
    addend = mae_node_input(node, 2);
    gemm.beta = addend >= 0 ? mae_node_float(node, "beta", 1.0f) : 0.0f;
    mae_cl_take_function(b, index, &tensor, &f);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &gemm.a));
    MAE_TRY(mae_cl_storage_get(b, node->inputs[1], &gemm.b));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, tensor), tensor, &gemm.y));
    if (gemm.beta != 0.0f)
        MAE_TRY(write_addend(b, addend, y, gemm.y));
    MAE_TRY(mae_cl_step_gemm(b, &gemm));
    return finish(b, gemm.y, gemm.m * gemm.n, &f);
}

/* ---- MatMul ---- */

/* As a stack of matrices: a vector is a row at the left and a column at the right. */
static mae_shape as_matrices(const mae_shape *shape, bool left)
{
    mae_shape s = *shape;

    if (s.rank != 1)
        return s;
    s.rank = 2;
    s.dims[0] = left ? 1 : shape->dims[0];
    s.dims[1] = left ? shape->dims[0] : 1;
    return s;
}

/* The stack's own shape, and those axes of y that are stacked; false if they do not fit. */
static bool stack(const mae_shape *p, const mae_shape *q, mae_shape *ret_shape)
{
    mae_shape s = {.dtype = MAE_F32, .rank = (p->rank > q->rank ? p->rank : q->rank) - 2};

    for (int i = 0; i < s.rank; i++) {
        int ip = i - (s.rank - (p->rank - 2)), iq = i - (s.rank - (q->rank - 2));
        int64_t dp = ip >= 0 ? p->dims[ip] : 1, dq = iq >= 0 ? q->dims[iq] : 1;
        if (dp != dq && dp != 1 && dq != 1)
            return false;
        s.dims[i] = dp > dq ? dp : dq;
    }
    *ret_shape = s;
    return true;
}

/* Where the matrices of an operand begin, for every product of the stack. */
static void find_offsets(const mae_shape *operand, const mae_shape *stacked, size_t matrix, size_t n, size_t *offsets)
{
    mae_shape own = *operand;
    int64_t strides[MAE_MAX_RANK];

    own.rank -= 2;
    mae_cl_strides(&own, stacked->rank, strides);
    for (size_t i = 0; i < n; i++) {
        size_t rest = i, at = 0;
        for (int axis = stacked->rank - 1; axis >= 0; axis--) {
            at += rest % (size_t)stacked->dims[axis] * (size_t)strides[axis];
            rest /= (size_t)stacked->dims[axis];
        }
        offsets[i] = at * matrix;
    }
}

static mae_error *multiply(mae_cl_build *b, mae_cl_gemm *g, const mae_shape *p, const mae_shape *q,
                           const mae_shape *stacked)
{
    size_t n = mae_cl_product(stacked, 0, stacked->rank);

    if (mae_cl_product(q, 0, q->rank - 2) == 1) { /* the same right side for all: their rows make one matrix */
        g->m *= n;
        return mae_cl_step_gemm(b, g);
    }
    size_t *offsets = malloc(3 * n * sizeof *offsets);
    if (!offsets)
        return mae_error_nomem();
    find_offsets(p, stacked, g->m * g->k, n, offsets);
    find_offsets(q, stacked, g->k * g->n, n, offsets + n);
    for (size_t i = 0; i < n; i++)
        offsets[2 * n + i] = i * g->m * g->n;
    g->n_batch = n;
    g->offsets_a = offsets;
    g->offsets_b = offsets + n;
    g->offsets_y = offsets + 2 * n;
    mae_error *error = mae_cl_step_gemm(b, g);
    free(offsets);
    return error;
}

mae_error *mae_cl_lower_matmul(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *z = mae_cl_shape(b, node->inputs[1]);
    int tensor = node->outputs[0];
    mae_shape stacked;
    mae_cl_function f;

    if (x->rank < 1 || z->rank < 1)
        return mae_cl_unsupported(b, "the shapes do not fit");
    mae_shape p = as_matrices(x, true), q = as_matrices(z, false);
    mae_cl_gemm gemm = {.m = (size_t)p.dims[p.rank - 2],
                        .n = (size_t)q.dims[q.rank - 1],
                        .k = (size_t)p.dims[p.rank - 1],
                        .alpha = 1.0f};
    if (!stack(&p, &q, &stacked) || q.dims[q.rank - 2] != p.dims[p.rank - 1] ||
        mae_cl_count(b, tensor) != mae_cl_product(&stacked, 0, stacked.rank) * gemm.m * gemm.n)
        return mae_cl_unsupported(b, "the shapes do not fit");
    mae_cl_take_function(b, index, &tensor, &f);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &gemm.a));
    MAE_TRY(mae_cl_storage_get(b, node->inputs[1], &gemm.b));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, tensor), tensor, &gemm.y));
    MAE_TRY(multiply(b, &gemm, &p, &q, &stacked));
    return finish(b, gemm.y, mae_cl_count(b, tensor), &f);
}
