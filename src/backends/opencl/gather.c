/* Gather by constant indices at equal distances: a block, copied. */
#include <string.h>

#include "backends/opencl/lower.h"

/* Constant indices first, first + step, ...; false for others, and for any that is not below `size`. */
static bool read_indices(const mae_cl_build *b, int tensor, int64_t size, int64_t *ret_first, int64_t *ret_step,
                         int64_t *ret_n)
{
    const mae_tensor *t = mae_cl_tensor(b, tensor);
    size_t n;

    if (!t->is_constant || !t->data || (t->shape.dtype != MAE_I64 && t->shape.dtype != MAE_I32) ||
        !mae_shape_count(&t->shape, &n) || n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t index = mae_tensor_i64(t, i);
        if (index < -size || index >= size)
            return false;
        index += index < 0 ? size : 0;
        if (i == 0)
            *ret_first = index;
        if (i == 1)
            *ret_step = index - *ret_first;
        if (i > 1 && index != *ret_first + (int64_t)i * *ret_step)
            return false;
    }
    *ret_n = (int64_t)n;
    return true;
}

mae_error *mae_cl_lower_gather(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]);
    int64_t first = 0, step = 0, n = 0;
    int axis, from, to, out = node->outputs[0];

    if (!mae_cl_axis(mae_node_int(node, "axis", 0), x->rank, &axis))
        return mae_cl_unsupported(b, "an axis that the tensor has not");
    if (!read_indices(b, node->inputs[1], x->dims[axis], &first, &step, &n))
        return mae_cl_unsupported(b, "indices that are not constant and at equal distances");
    int64_t outer = (int64_t)mae_cl_product(x, 0, axis), inner = (int64_t)mae_cl_product(x, axis + 1, x->rank);
    const mae_cl_move move = {.rank = 3,
                              .dims = {outer, n, inner},
                              .from = {x->dims[axis] * inner, step * inner, 1},
                              .to = {n * inner, inner, 1},
                              .offset_from = first * inner};
    if (mae_cl_count(b, out) != (size_t)(outer * n * inner))
        return mae_cl_unsupported(b, "the shapes do not fit");
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &from));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, out), out, &to));
    return mae_cl_step_move(b, &move, from, to);
}
