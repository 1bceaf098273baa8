/* MaxPool, AveragePool, their global forms, and ReduceMean. */
#include <math.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct pool {
    bool max;
    uint32_t kernel[2], strides[2], dilations[2], low[2], high[2];
    size_t height, width; /* of the source */
    float least, most;
} pool;

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const pool *p = step->params;
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]), *y = mae_xnn_value_of(unit, step->out);

    if (p->max)
        return xnn_create_max_pooling2d_nhwc_f32(
            p->low[0], p->high[1], p->high[0], p->low[1], p->kernel[0], p->kernel[1], p->strides[0], p->strides[1],
            p->dilations[0], p->dilations[1], x->channels, x->stride, y->stride, p->least, p->most, 0, ret_op);
    return xnn_create_average_pooling2d_nhwc_f32(p->low[0], p->high[1], p->high[0], p->low[1], p->kernel[0],
                                                 p->kernel[1], p->strides[0], p->strides[1], x->channels, x->stride,
                                                 y->stride, p->least, p->most, 0, ret_op);
}

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const pool *p = step->params;
    size_t batch = mae_xnn_value_of(unit, step->in[0])->rows / (p->height * p->width);

    return (p->max ? xnn_setup_max_pooling2d_nhwc_f32 : xnn_setup_average_pooling2d_nhwc_f32)(
        step->op, batch, p->height, p->width, mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out),
        mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "pooling"};

/* The library moves what lies outside of the source to its edge, so every window has to reach into it, and a dilated
 * one must not reach out of it. */
static const char *window_fits(const mae_xnn_build *b, const mae_node *node, pool *p)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *y = mae_xnn_shape(b, node->outputs[0]);
    mae_window w;

    if (x->rank < 3 || x->rank > 4 || y->rank != x->rank || !mae_window_read(node, x, NULL, &w))
        return "a pooling of this form";
    for (int i = 0; i < w.n; i++) {
        int k = i + 2 - w.n; /* a single axis is the width */
        int64_t extent = (w.kernel[i] - 1) * w.dilations[i] + 1, last = (y->dims[i + 2] - 1) * w.strides[i];
        int64_t high = last + extent - w.pads_low[i] - x->dims[i + 2];
        if (high > w.pads_high[i] && (!mae_node_int(node, "ceil_mode", 0) || high >= w.pads_high[i] + w.strides[i]))
            return "a pooling whose output's shape does not follow from its window";
        if (high > w.pads_high[i] && !p->max && mae_node_int(node, "count_include_pad", 0))
            return "an average with ceil_mode that counts padding"; /* engines disagree about what is beyond it */
        if (last >= x->dims[i + 2] + w.pads_low[i] || w.pads_low[i] >= extent)
            return "a window that lies in the padding";
        if (w.dilations[i] > 1 && (!p->max || w.pads_low[i] || high > 0))
            return "a dilated pooling with padding, or of averages";
        p->kernel[k] = (uint32_t)w.kernel[i];
        p->strides[k] = (uint32_t)w.strides[i];
        p->dilations[k] = (uint32_t)w.dilations[i];
        p->low[k] = (uint32_t)w.pads_low[i];
        p->high[k] = high > 0 ? (uint32_t)high : 0; /* what a stride leaves unread is not padding */
    }
    if (p->kernel[0] * p->kernel[1] == 1)
        return "a pooling of single elements";
    p->height = x->rank == 4 ? (size_t)x->dims[2] : 1;
    p->width = (size_t)x->dims[x->rank - 1];
    return NULL;
}

static mae_error *add_pool(mae_xnn_build *b, pool *p, int src, int dst)
{
    mae_xnn_tail tail;
    int in, out;

    MAE_TRY(mae_xnn_tail_grow(b, dst, -1, 0, &tail));
    p->least = tail.low;
    p->most = tail.high;
    MAE_TRY(mae_xnn_value_get(b, src, MAE_XNN_LAST, false, &in));
    MAE_TRY(mae_xnn_value_new(b, tail.out, MAE_XNN_LAST, false, &out));
    return mae_xnn_step_add(b, &kind, p, sizeof(*p), (int[]){in, -1}, out, NULL);
}

mae_error *mae_xnn_lower_pool(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    pool p = {.max = !strcmp(node->op, "MaxPool"), .kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}};

    for (size_t i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            return mae_xnn_unsupported(b, "a pooling that also yields indices");
    const char *reason = window_fits(b, node, &p);
    if (reason)
        return mae_xnn_unsupported(b, reason);
    bool padded = p.low[0] || p.low[1] || p.high[0] || p.high[1];
    if (!p.max && padded && mae_node_int(node, "count_include_pad", 0))
        return mae_xnn_unsupported(b, "an average that counts padding");
    return add_pool(b, &p, node->inputs[0], node->outputs[0]);
}

/* ---- Means of everything ---- */

typedef struct mean {
    size_t batch, n, channels;
    float least, most;
} mean;

static enum xnn_status create_mean(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const mean *m = step->params;
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]), *y = mae_xnn_value_of(unit, step->out);
    size_t from = x->channels == m->channels ? x->stride : m->channels;
    size_t to = y->channels == m->channels ? y->stride : m->channels;

    return xnn_create_global_average_pooling_nwc_f32(m->channels, from, to, m->least, m->most, 0, ret_op);
}

static enum xnn_status setup_mean(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const mean *m = step->params;

    return xnn_setup_global_average_pooling_nwc_f32(step->op, m->batch, m->n, mae_xnn_at(unit, step->in[0]),
                                                    mae_xnn_at(unit, step->out), mae_xnn_pool(unit));
}

static const mae_xnn_kind mean_kind = {create_mean, setup_mean, NULL, "mean"};

static mae_error *add_mean(mae_xnn_build *b, mean *m, int src, int dst, mae_xnn_order order)
{
    mae_xnn_tail tail;
    int in, out;

    MAE_TRY(mae_xnn_tail_grow(b, dst, -1, 0, &tail));
    m->least = tail.low;
    m->most = tail.high;
    MAE_TRY(mae_xnn_value_get(b, src, order, true, &in));
    MAE_TRY(mae_xnn_value_new(b, tail.out, order, true, &out));
    return mae_xnn_step_add(b, &mean_kind, m, sizeof(*m), (int[]){in, -1}, out, NULL);
}

/* Over all spatial axes: rows of channels. The result is as large in either order. */
static mae_error *add_spatial_mean(mae_xnn_build *b, int src, int dst)
{
    const mae_shape *x = mae_xnn_shape(b, src);
    mean m = {(size_t)x->dims[0], mae_xnn_span(x, 2, x->rank), (size_t)x->dims[1], 0, 0};

    return add_mean(b, &m, src, dst, MAE_XNN_LAST);
}

mae_error *mae_xnn_lower_global_pool(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);

    if (x->rank < 3)
        return mae_xnn_unsupported(b, "a global pooling without spatial axes");
    if (!strcmp(node->op, "GlobalAveragePool"))
        return add_spatial_mean(b, node->inputs[0], node->outputs[0]);
    size_t height = mae_xnn_span(x, 2, x->rank - 1), width = (size_t)x->dims[x->rank - 1];
    pool p = {.max = true,
              .kernel = {(uint32_t)height, (uint32_t)width},
              .strides = {1, 1},
              .dilations = {1, 1},
              .height = height,
              .width = width};
    if (height * width == 1 || height > INT32_MAX || width > INT32_MAX)
        return mae_xnn_unsupported(b, "a pooling of single elements");
    return add_pool(b, &p, node->inputs[0], node->outputs[0]);
}

/* Axes that lie side by side, from..to-1; false if they do not. */
static bool mean_axes(const mae_xnn_build *b, const mae_node *node, int *ret_from, int *ret_to)
{
    int rank = mae_xnn_shape(b, node->inputs[0])->rank, n, low = rank, high = 0;
    int64_t axes[MAE_MAX_RANK];

    if (!mae_node_int_list(b->graph, node, 1, "axes", MAE_MAX_RANK, axes, &n))
        return false;
    if (n <= 0) {
        *ret_from = 0;
        *ret_to = n < 0 || !mae_node_int(node, "noop_with_empty_axes", 0) ? rank : 0;
        return *ret_to > 0;
    }
    for (int i = 0; i < n; i++) {
        int axis = (int)(axes[i] < 0 ? axes[i] + rank : axes[i]);
        if (axes[i] < -rank || axes[i] >= rank)
            return false;
        low = axis < low ? axis : low;
        high = axis + 1 > high ? axis + 1 : high;
    }
    *ret_from = low;
    *ret_to = high;
    return high - low == n;
}

mae_error *mae_xnn_lower_mean(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);
    int from, to;

    if (!mean_axes(b, node, &from, &to))
        return mae_xnn_unsupported(b, "a mean over axes that are not constant or not side by side");
    if (from == 2 && to == x->rank && x->rank > 2)
        return add_spatial_mean(b, node->inputs[0], node->outputs[0]);
    mean m = {mae_xnn_span(x, 0, from), mae_xnn_span(x, from, to), mae_xnn_span(x, to, x->rank), 0, 0};
    return add_mean(b, &m, node->inputs[0], node->outputs[0], MAE_XNN_DENSE);
}
