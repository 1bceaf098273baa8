#include "core/fold.h"

#include <math.h>
#include <string.h>

#include "core/operator.h"

bool mae_graph_is_weight(const mae_graph *graph, int tensor)
{
    const mae_tensor *t = tensor >= 0 ? &graph->tensors[tensor] : NULL;
    return t && t->is_constant && t->data && t->shape.dtype == MAE_F32 && t->bytes > 0;
}

bool mae_graph_is_scalar(const mae_graph *graph, int tensor, int like, double *ret_value)
{
    size_t n;

    if (!mae_graph_is_weight(graph, tensor))
        return false;
    const mae_tensor *t = &graph->tensors[tensor];
    if (!mae_shape_count(&t->shape, &n) || n != 1 || t->shape.rank > graph->tensors[like].shape.rank)
        return false;
    *ret_value = mae_tensor_f64(t, 0);
    return true;
}

bool mae_norm_is_constant(const mae_graph *graph, const mae_node *node, int64_t channels)
{
    for (size_t i = 1; i < 5; i++) {
        int tensor = mae_node_input(node, i);
        size_t n;
        if (!mae_graph_is_weight(graph, tensor) || !mae_shape_count(&graph->tensors[tensor].shape, &n) ||
            n != (size_t)channels)
            return false;
    }
    for (size_t i = 1; i < node->n_outputs; i++) /* statistics of a training run */
        if (node->outputs[i] >= 0)
            return false;
    return mae_node_int(node, "training_mode", 0) == 0 && mae_node_int(node, "spatial", 1) == 1;
}

void mae_norm_factors(const mae_graph *graph, const mae_node *node, size_t c, double *ret_scale, double *ret_shift)
{
    double v[4];

    for (int i = 0; i < 4; i++)
        v[i] = mae_tensor_f64(&graph->tensors[node->inputs[i + 1]], c);
    *ret_scale = v[0] / sqrt(v[3] + (double)mae_node_float(node, "epsilon", 1e-5f));
    *ret_shift = v[1] - v[2] * *ret_scale;
}

/* One number, or one per channel along `axis` of `like`. */
static bool is_per_channel(const mae_graph *graph, int tensor, int like, int axis, int64_t channels)
{
    const mae_shape *shape = &graph->tensors[tensor].shape, *wide = &graph->tensors[like].shape;
    size_t n;
    double number;

    if (mae_graph_is_scalar(graph, tensor, like, &number))
        return true;
    if (!mae_graph_is_weight(graph, tensor) || shape->rank > wide->rank || !mae_shape_count(shape, &n))
        return false;
    int at = axis - (wide->rank - shape->rank);
    return n == (size_t)channels && at >= 0 && at < shape->rank && shape->dims[at] == channels;
}

/* y = scale * y + shift for one constant operand. */
static bool factors(const char *op, bool constant_left, double c, double *ret_scale, double *ret_shift)
{
    *ret_scale = 1.0;
    *ret_shift = 0.0;
    if (!strcmp(op, "Add"))
        *ret_shift = c;
    else if (!strcmp(op, "Mul"))
        *ret_scale = c;
    else if (!strcmp(op, "Sub")) {
        *ret_scale = constant_left ? -1.0 : 1.0;
        *ret_shift = constant_left ? c : -c;
    } else if (!strcmp(op, "Div") && !constant_left)
        *ret_scale = 1.0 / c;
    else
        return false;
    return true;
}

static void put_behind(mae_affine *affine, size_t c, double scale, double shift)
{
    affine->scale[c] *= scale;
    affine->shift[c] = affine->shift[c] * scale + shift;
}

bool mae_fold(const mae_graph *graph, int index, int tensor, int axis, int64_t channels, mae_affine *affine)
{
    const mae_node *node = &graph->nodes[index];
    double scale, shift;

    if (node->domain[0] || !mae_shape_equal(&graph->tensors[node->outputs[0]].shape, &graph->tensors[tensor].shape))
        return false;
    if (!strcmp(node->op, "BatchNormalization")) {
        if (node->inputs[0] != tensor || axis != 1 || !mae_norm_is_constant(graph, node, channels))
            return false;
        for (size_t c = 0; affine && c < affine->n; c++) {
            mae_norm_factors(graph, node, c, &scale, &shift);
            put_behind(affine, c, scale, shift);
        }
        return true;
    }
    if (node->n_inputs != 2)
        return false;
    bool left = node->inputs[1] == tensor;
    int other = node->inputs[left ? 0 : 1];
    if (other < 0 || other == tensor || !factors(node->op, left, 1.0, &scale, &shift) ||
        !is_per_channel(graph, other, tensor, axis, channels))
        return false;
    const mae_tensor *constant = &graph->tensors[other];
    size_t n = constant->bytes / sizeof(float);
    for (size_t c = 0; affine && c < affine->n; c++) {
        factors(node->op, left, mae_tensor_f64(constant, n == 1 ? 0 : c), &scale, &shift);
        put_behind(affine, c, scale, shift);
    }
    return true;
}
