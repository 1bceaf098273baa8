/* Windows as the kernels want them: over three axes. What attributes mean stands in core/operator.h. */
#include <string.h>

#include "backends/opencl/lower.h"

bool mae_cl_axis(int64_t axis, int rank, int *ret_axis)
{
    if (axis < -rank || axis >= rank)
        return false;
    *ret_axis = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

/* The output's shape must be the one that the window makes. */
static const char *check(const mae_node *node, mae_cl_window *w)
{
    for (int i = 0; i < 3; i++) {
        int64_t extent = (w->size[i] - 1) * w->dilation[i] + 1, last = (w->out[i] - 1) * w->stride[i];
        int64_t room = w->in[i] + w->low[i] + w->high[i] - extent;
        bool exact = room >= 0 && w->out[i] == room / w->stride[i] + 1;
        bool rounded_up = room >= 0 && w->out[i] == (room + w->stride[i] - 1) / w->stride[i] + 1;
        if (!exact && !(rounded_up && mae_node_int(node, "ceil_mode", 0)))
            return "the output's shape does not follow from the window";
        if (extent > INT32_MAX / 2 || last > INT32_MAX / 2)
            return "a window of this size";
        w->outside = w->outside || last >= w->in[i] + w->low[i] || w->low[i] >= extent;
        w->ceil = w->ceil || !exact;
    }
    return NULL;
}

const char *mae_cl_window_read(const mae_node *node, const mae_shape *x, const mae_shape *y, const int64_t *size,
                               mae_cl_window *ret_window)
{
    mae_cl_window w = {0};
    mae_window read;

    if (x->rank < 3 || x->rank > 5 || y->rank != x->rank || !mae_window_read(node, x, size, &read))
        return "a window of this form, or not over one to three axes";
    for (int i = 0; i < 3; i++) {
        int axis = i - (3 - read.n);
        w.in[i] = axis < 0 ? 1 : x->dims[axis + 2];
        w.out[i] = axis < 0 ? 1 : y->dims[axis + 2];
        w.size[i] = axis < 0 ? 1 : read.kernel[axis];
        w.stride[i] = axis < 0 ? 1 : read.strides[axis];
        w.dilation[i] = axis < 0 ? 1 : read.dilations[axis];
        w.low[i] = axis < 0 ? 0 : read.pads_low[axis];
        w.high[i] = axis < 0 ? 0 : read.pads_high[axis];
    }
    const char *reason = check(node, &w);
    *ret_window = w;
    return reason;
}
