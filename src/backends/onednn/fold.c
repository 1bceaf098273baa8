/* Folding constants per channel into the weights before them. */
#include "backends/onednn/fold.h"

#include <math.h>
#include <string.h>

#include "backends/onednn/lower.h"

bool mae_dnn_norm_is_constant(const mae_dnn_build *b, const mae_node *node, int64_t channels)
{
    for (size_t i = 1; i < 5; i++) {
        int tensor = mae_dnn_node_input(node, i);
        size_t n;
        if (!mae_dnn_is_weight(b, tensor) || !mae_shape_count(&mae_dnn_tensor(b, tensor)->shape, &n) ||
            n != (size_t)channels)
            return false;
    }
    for (size_t i = 1; i < node->n_outputs; i++) /* statistics of a training run */
        if (node->outputs[i] >= 0)
            return false;
    return mae_node_int(node, "training_mode", 0) == 0 && mae_node_int(node, "spatial", 1) == 1;
}

void mae_dnn_norm_factors(const mae_dnn_build *b, const mae_node *node, size_t c, double *ret_scale, double *ret_shift)
{
    double v[4];

    for (int i = 0; i < 4; i++)
        v[i] = mae_tensor_f64(mae_dnn_tensor(b, node->inputs[i + 1]), c);
    *ret_scale = v[0] / sqrt(v[3] + (double)mae_node_float(node, "epsilon", 1e-5f));
    *ret_shift = v[1] - v[2] * *ret_scale;
}

/* One number, or one per channel along `axis` of `like`. */
static bool is_per_channel(const mae_dnn_build *b, int tensor, int like, int axis, int64_t channels)
{
    const mae_shape *shape = &mae_dnn_tensor(b, tensor)->shape, *wide = &mae_dnn_tensor(b, like)->shape;
    size_t n;
    double number;

    if (mae_dnn_is_scalar(b, tensor, like, &number))
        return true;
    if (!mae_dnn_is_weight(b, tensor) || shape->rank > wide->rank || !mae_shape_count(shape, &n))
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

static void put_behind(mae_dnn_affine *affine, size_t c, double scale, double shift)
{
    affine->scale[c] *= scale;
    affine->shift[c] = affine->shift[c] * scale + shift;
}

bool mae_dnn_fold(const mae_dnn_build *b, int index, int tensor, int axis, int64_t channels, mae_dnn_affine *affine)
{
    const mae_node *node = &b->graph->nodes[index];
    double scale, shift;

    if (node->domain[0] || !mae_dnn_same_shape(b, node->outputs[0], tensor))
        return false;
    if (!strcmp(node->op, "BatchNormalization")) {
        if (node->inputs[0] != tensor || axis != 1 || !mae_dnn_norm_is_constant(b, node, channels))
            return false;
        for (size_t c = 0; affine && c < affine->n; c++) {
            mae_dnn_norm_factors(b, node, c, &scale, &shift);
            put_behind(affine, c, scale, shift);
        }
        return true;
    }
    if (node->n_inputs != 2)
        return false;
    bool left = node->inputs[1] == tensor;
    int other = node->inputs[left ? 0 : 1];
    if (other < 0 || other == tensor || !factors(node->op, left, 1.0, &scale, &shift) ||
        !is_per_channel(b, other, tensor, axis, channels))
        return false;
    const mae_tensor *constant = mae_dnn_tensor(b, other);
    size_t n = constant->bytes / sizeof(float);
    for (size_t c = 0; affine && c < affine->n; c++) {
        factors(node->op, left, mae_tensor_f64(constant, n == 1 ? 0 : c), &scale, &shift);
        put_behind(affine, c, scale, shift);
    }
    return true;
}
