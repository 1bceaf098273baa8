/* Pad. */
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct padding {
    size_t n, dims[XNN_MAX_TENSOR_DIMS], low[XNN_MAX_TENSOR_DIMS], high[XNN_MAX_TENSOR_DIMS];
    float number;
} padding;

static enum xnn_status create_pad(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const padding *p = step->params;

    (void)unit;
    return xnn_create_constant_pad_nd_x32(&p->number, 0, ret_op);
}

static enum xnn_status setup_pad(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const padding *p = step->params;

    return xnn_setup_constant_pad_nd_x32(step->op, p->n, p->dims, p->low, p->high, mae_xnn_at(unit, step->in[0]),
                                         mae_xnn_at(unit, step->out), mae_xnn_pool(unit));
}

static const mae_xnn_kind pad_kind = {create_pad, setup_pad, NULL, "padding"};

static const char *read_pads(const mae_xnn_build *b, const mae_node *node, int64_t *low, int64_t *high)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    int64_t pads[2 * MAE_MAX_RANK], axes[MAE_MAX_RANK];
    int n, n_axes;

    if (strcmp(mae_node_string(node, "mode", "constant"), "constant") != 0)
        return "padding by anything but a constant";
    if (!mae_node_int_list(b->graph, node, 1, "pads", 2 * MAE_MAX_RANK, pads, &n) ||
        !mae_node_int_list(b->graph, node, 3, "axes", MAE_MAX_RANK, axes, &n_axes) ||
        n != 2 * (n_axes >= 0 ? n_axes : x->rank) || y->rank != x->rank)
        return "padding that is not constant";
    for (int i = 0; i < n / 2; i++) {
        int64_t axis = n_axes >= 0 ? axes[i] : i;
        axis += axis < 0 ? x->rank : 0;
        if (axis < 0 || axis >= x->rank || pads[i] < 0 || pads[n / 2 + i] < 0)
            return "padding that takes away";
        low[axis] = pads[i];
        high[axis] = pads[n / 2 + i];
    }
    for (int i = 0; i < x->rank; i++)
        if (y->dims[i] != x->dims[i] + low[i] + high[i])
            return "padding whose shape does not fit";
    return NULL;
}

mae_error *mae_xnn_lower_pad(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);
    int64_t low[MAE_MAX_RANK] = {0}, high[MAE_MAX_RANK] = {0};
    const char *reason = read_pads(b, node, low, high);
    padding p = {.n = (size_t)x->rank};
    double number;
    int in, out;

    if (reason)
        return mae_xnn_unsupported(b, reason);
    if (mae_shape_equal(x, mae_xnn_shape(b, node->outputs[0]))) /* nothing is added */
        return mae_xnn_lower_reshape(b, index);
    if (x->rank < 1 || x->rank > XNN_MAX_TENSOR_DIMS || !mae_node_number(b->graph, node, 2, "value", 0.0, &number))
        return mae_xnn_unsupported(b, "padding by a number that is not constant, or of more than six axes");
    p.number = (float)number;
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_EITHER, true, &in));
    bool last = b->unit->values[in].last;
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], last ? MAE_XNN_LAST : MAE_XNN_DENSE, true, &out));
    last = b->unit->values[out].last; /* what was the same in both orders may not be so any more */
    if (last)
        MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_LAST, true, &in));
    for (int i = 0; i < x->rank; i++) {
        int axis = !last || i == 0 ? i : i + 1 < x->rank ? i + 1 : 1;
        p.dims[i] = (size_t)x->dims[axis];
        p.low[i] = (size_t)low[axis];
        p.high[i] = (size_t)high[axis];
    }
    return mae_xnn_step_add(b, &pad_kind, &p, sizeof(p), (int[]){in, -1}, out, NULL);
}
