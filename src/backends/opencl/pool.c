/* Poolings, and reductions over neighbouring axes: ReduceMean and its kin, Softmax. */
#include <string.h>

#include "backends/opencl/lower.h"

static mae_error *lower_window(mae_cl_build *b, const mae_node *node, const mae_cl_window *w, bool largest,
                               bool counted)
{
    int x, y, out = node->outputs[0];
    size_t n = mae_cl_count(b, out);

    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &x));
    MAE_TRY(mae_cl_storage_new(b, n, out, &y));
    const mae_cl_arg args[] = {
        mae_cl_arg_int((int64_t)n), mae_cl_arg_int(largest),  mae_cl_arg_int(counted),    mae_cl_arg_int4(w->in),
        mae_cl_arg_int4(w->out),    mae_cl_arg_int4(w->size), mae_cl_arg_int4(w->stride), mae_cl_arg_int4(w->dilation),
        mae_cl_arg_int4(w->low),    mae_cl_arg_mem(x),        mae_cl_arg_mem(y)};
    return mae_cl_step_kernel(b, "pool", n, 0, args, sizeof args / sizeof *args);
}

static mae_error *lower_reduction(mae_cl_build *b, int tensor, int out, size_t length, size_t inner, int operation,
                                  float factor)
{
    int x, y;
    size_t n = mae_cl_count(b, tensor) / length;

    MAE_TRY(mae_cl_storage_get(b, tensor, &x));
    MAE_TRY(mae_cl_storage_new(b, n, out, &y));
    const mae_cl_arg args[] = {
        mae_cl_arg_int((int64_t)n), mae_cl_arg_int((int64_t)length), mae_cl_arg_int((int64_t)inner), mae_cl_arg_mem(x),
        mae_cl_arg_mem(y),          mae_cl_arg_int(operation),       mae_cl_arg_float(factor)};
    return mae_cl_step_kernel(b, "reduce", n, 0, args, 7);
}

static mae_error *lower_global(mae_cl_build *b, const mae_node *node, bool largest)
{
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]);
    int out = node->outputs[0];

    if (x->rank < 3 || mae_cl_count(b, out) != mae_cl_product(x, 0, 2))
        return mae_cl_unsupported(b, "a global pooling of this form");
    size_t length = mae_cl_product(x, 2, x->rank);
    return lower_reduction(b, node->inputs[0], out, length, 1, largest ? MAE_CL_MAX : MAE_CL_ADD,
                           largest ? 1.0f : 1.0f / (float)length);
}

mae_error *mae_cl_lower_pool(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *y = mae_cl_shape(b, node->outputs[0]);
    bool largest = strstr(node->op, "Max") != NULL, counted = mae_node_int(node, "count_include_pad", 0) != 0;
    mae_cl_window w;

    for (size_t i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            return mae_cl_unsupported(b, "a pooling that also yields indices");
    if (strncmp(node->op, "Global", 6) == 0)
        return lower_global(b, node, largest);
    const char *reason = mae_cl_window_read(node, x, y, NULL, &w);
    if (reason)
        return mae_cl_unsupported(b, reason);
    if (w.outside)
        return mae_cl_unsupported(b, "a window that lies in the padding");
    if (w.size[0] * w.size[1] * w.size[2] > INT32_MAX / 2) /* of at most 2^16 each */
        return mae_cl_unsupported(b, "a window of this size");
    if (w.ceil && counted && !largest) /* is what lies beyond the padding counted? engines disagree */
        return mae_cl_unsupported(b, "an average with ceil_mode that counts padding");
    if (x->dims[0] != y->dims[0] || x->dims[1] != y->dims[1])
        return mae_cl_unsupported(b, "the shapes do not fit");
    return lower_window(b, node, &w, largest, counted);
}

/* ---- Softmax ---- */

mae_error *mae_cl_lower_softmax(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *shape = mae_cl_shape(b, node->inputs[0]);
    bool flattens = node->opset < 13; /* then all axes from this one on are one */
    int axis = 0, x, y, out = node->outputs[0];

    if (!mae_shape_equal(shape, mae_cl_shape(b, out)))
        return mae_cl_unsupported(b, "the shapes do not fit");
    if (shape->rank > 0 && !mae_cl_axis(mae_node_int(node, "axis", flattens ? 1 : -1), shape->rank, &axis))
        return mae_cl_unsupported(b, "an axis that the tensor has not");
    int end = flattens ? shape->rank : axis + 1;
    end = end > shape->rank ? shape->rank : end;
    size_t length = mae_cl_product(shape, axis, end), n = mae_cl_count(b, out) / length;
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &x));
    MAE_TRY(mae_cl_storage_new(b, n * length, out, &y));
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n),
                               mae_cl_arg_int((int64_t)length),
                               mae_cl_arg_int((int64_t)mae_cl_product(shape, end, shape->rank)),
                               mae_cl_arg_mem(x),
                               mae_cl_arg_mem(y),
                               mae_cl_arg_int(strcmp(node->op, "LogSoftmax") == 0)};
    return mae_cl_step_kernel(b, "softmax", n, 0, args, 6);
}

/* ---- Reduce* ---- */

/* The axes as first..end, those of one element aside; false if others lie between them. */
static bool find_stretch(const mae_shape *shape, const int64_t *axes, int n, int *ret_first, int *ret_end)
{
    bool reduced[MAE_MAX_RANK] = {false};
    int first = shape->rank, end = 0, axis;

    for (int i = 0; i < n; i++) {
        if (!mae_cl_axis(axes[i], shape->rank, &axis))
            return false;
        reduced[axis] = true;
        if (shape->dims[axis] == 1)
            continue;
        first = axis < first ? axis : first;
        end = axis + 1 > end ? axis + 1 : end;
    }
    for (int i = first; i < end; i++)
        if (!reduced[i] && shape->dims[i] != 1)
            return false;
    *ret_first = first < end ? first : 0;
    *ret_end = first < end ? end : 0;
    return true;
}

mae_error *mae_cl_lower_reduce(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *shape = mae_cl_shape(b, node->inputs[0]);
    int64_t axes[MAE_MAX_RANK];
    int n, first = 0, end = shape->rank, out = node->outputs[0];
    bool mean = strcmp(node->op, "ReduceMean") == 0;
    int operation = strcmp(node->op, "ReduceMax") == 0   ? MAE_CL_MAX
                    : strcmp(node->op, "ReduceMin") == 0 ? MAE_CL_MIN
                                                         : MAE_CL_ADD;

    if (!mae_node_int_list(b->graph, node, 1, "axes", MAE_MAX_RANK, axes, &n))
        return mae_cl_unsupported(b, "axes that are not constant");
    if (n <= 0 && mae_node_int(node, "noop_with_empty_axes", 0))
        end = 0;
    if (n > 0 && !find_stretch(shape, axes, n, &first, &end))
        return mae_cl_unsupported(b, "a reduction over axes that are not neighbours");
    size_t length = mae_cl_product(shape, first, end), inner = mae_cl_product(shape, end, shape->rank);
    if (mae_cl_count(b, out) * length != mae_cl_count(b, node->inputs[0]))
        return mae_cl_unsupported(b, "the shapes do not fit");
    return lower_reduction(b, node->inputs[0], out, length, inner, operation, mean ? 1.0f / (float)length : 1.0f);
}
