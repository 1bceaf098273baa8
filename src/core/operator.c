#include "core/operator.h"

#include <string.h>

int mae_node_input(const mae_node *node, size_t i)
{
    return i < node->n_inputs ? node->inputs[i] : -1;
}

bool mae_node_ints(const mae_node *node, const char *name, size_t n, int64_t otherwise, int64_t *ret_values)
{
    const mae_attr *attr = mae_node_attr(node, name);

    if (attr && (attr->type != MAE_ATTR_INTS || attr->n != n))
        return false;
    for (size_t i = 0; i < n; i++)
        ret_values[i] = attr ? attr->ints[i] : otherwise;
    return true;
}

bool mae_node_int_list(const mae_graph *graph, const mae_node *node, size_t i, const char *name, int room,
                       int64_t *ret_values, int *ret_n)
{
    int input = mae_node_input(node, i);
    const mae_attr *attr = mae_node_attr(node, name);
    size_t n;

    *ret_n = -1;
    if (input < 0) {
        if (!attr)
            return true;
        if (attr->type != MAE_ATTR_INTS || attr->n > (size_t)room)
            return false;
        for (size_t k = 0; k < attr->n; k++)
            ret_values[k] = attr->ints[k];
        *ret_n = (int)attr->n;
        return true;
    }
    const mae_tensor *t = &graph->tensors[input];
    bool integer = t->shape.dtype == MAE_I64 || t->shape.dtype == MAE_I32;
    if (!t->is_constant || !integer || !mae_shape_count(&t->shape, &n) || n > (size_t)room || (n && !t->data))
        return false;
    for (size_t k = 0; k < n; k++)
        ret_values[k] = mae_tensor_i64(t, k);
    *ret_n = (int)n;
    return true;
}

bool mae_node_number(const mae_graph *graph, const mae_node *node, size_t i, const char *name, double otherwise,
                     double *ret_value)
{
    int input = mae_node_input(node, i);
    size_t n;

    if (input < 0) {
        *ret_value = mae_node_attr(node, name) ? (double)mae_node_float(node, name, 0.0f) : otherwise;
        return true;
    }
    const mae_tensor *t = &graph->tensors[input];
    if (!t->is_constant || !t->data || !mae_shape_count(&t->shape, &n) || n != 1)
        return false;
    *ret_value = mae_tensor_f64(t, 0);
    return true;
}

/* Paddings that auto_pad asks for: the output has ceil(in / stride) elements. */
static void same_pads(mae_window *w, const mae_shape *in, bool upper)
{
    for (int i = 0; i < w->n; i++) {
        int64_t size = in->dims[i + 2], out = (size + w->strides[i] - 1) / w->strides[i];
        int64_t pad = (out - 1) * w->strides[i] + (w->kernel[i] - 1) * w->dilations[i] + 1 - size;
        pad = pad > 0 ? pad : 0;
        w->pads_low[i] = upper ? pad / 2 : pad - pad / 2;
        w->pads_high[i] = pad - w->pads_low[i];
    }
}

static bool in_range(const mae_window *w)
{
    const int64_t limit = 1 << 24;

    for (int i = 0; i < w->n; i++) {
        if (w->kernel[i] < 1 || w->strides[i] < 1 || w->dilations[i] < 1 || w->pads_low[i] < 0 || w->pads_high[i] < 0)
            return false;
        if (w->kernel[i] > limit || w->strides[i] > limit || w->dilations[i] > limit || w->pads_low[i] > limit ||
            w->pads_high[i] > limit)
            return false;
    }
    return true;
}

bool mae_window_read(const mae_node *node, const mae_shape *in, const int64_t *kernel, mae_window *ret_window)
{
    mae_window w = {.n = in->rank - 2};
    const char *automatic = mae_node_string(node, "auto_pad", "NOTSET");
    int64_t pads[12];

    if (in->rank < 3 || in->rank > MAE_MAX_RANK)
        return false;
    size_t n = (size_t)w.n;
    if (kernel)
        memcpy(w.kernel, kernel, n * sizeof(*kernel));
    else if (!mae_node_attr(node, "kernel_shape") || !mae_node_ints(node, "kernel_shape", n, 0, w.kernel))
        return false;
    if (!mae_node_ints(node, "strides", n, 1, w.strides) || !mae_node_ints(node, "dilations", n, 1, w.dilations) ||
        !mae_node_ints(node, "pads", 2 * n, 0, pads))
        return false;
    bool given = !strcmp(automatic, "NOTSET") || !*automatic;
    for (size_t i = 0; i < n; i++) {
        w.pads_low[i] = given ? pads[i] : 0;
        w.pads_high[i] = given ? pads[n + i] : 0;
    }
    if (!in_range(&w))
        return false;
    if (!strcmp(automatic, "SAME_UPPER") || !strcmp(automatic, "SAME_LOWER"))
        same_pads(&w, in, !strcmp(automatic, "SAME_UPPER"));
    else if (!given && strcmp(automatic, "VALID") != 0)
        return false;
    *ret_window = w;
    return true;
}
