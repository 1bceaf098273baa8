/* Conv, and everything that is one: factors per channel, BatchNormalization. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct conv {
    uint32_t kernel[2], strides[2], dilations[2], low[2], high[2];
    uint32_t groups;
    size_t in, out;       /* channels of a group */
    size_t height, width; /* of the source */
    bool depthwise;       /* weights as height, width, channels */
    float min, max;
} conv;

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const conv *c = step->params;

    return xnn_create_convolution2d_nhwc_f32(
        c->low[0], c->high[1], c->high[0], c->low[1], c->kernel[0], c->kernel[1], c->strides[0], c->strides[1],
        c->dilations[0], c->dilations[1], c->groups, c->in, c->out, mae_xnn_value_of(unit, step->in[0])->stride,
        mae_xnn_value_of(unit, step->out)->stride, step->weights[0], step->weights[1], c->min, c->max,
        c->depthwise ? XNN_FLAG_DEPTHWISE_CONVOLUTION : 0, ret_op);
}

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const conv *c = step->params;
    size_t batch = mae_xnn_value_of(unit, step->in[0])->rows / (c->height * c->width);

    return xnn_setup_convolution2d_nhwc_f32(step->op, batch, c->height, c->width, mae_xnn_at(unit, step->in[0]),
                                            mae_xnn_at(unit, step->out), mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "convolution"};

/* Shapes as the node's: one or two spatial axes, the weights constant. */
static const char *shapes_fit(const mae_xnn_build *b, const mae_node *node, conv *c)
{
    int bias = mae_node_input(node, 2);
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *w = mae_xnn_shape(b, node->inputs[1]);
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    int64_t groups = mae_node_int(node, "group", 1);

    if (!mae_graph_is_weight(b->graph, node->inputs[1]) || (bias >= 0 && !mae_graph_is_weight(b->graph, bias)))
        return "a convolution whose weights are not constant";
    if (x->rank < 3 || x->rank > 4)
        return "a convolution of other than one or two spatial axes";
    if (w->rank != x->rank || y->rank != x->rank || groups < 1 || groups > w->dims[0] || w->dims[0] % groups != 0 ||
        x->dims[1] != w->dims[1] * groups || y->dims[1] != w->dims[0] || y->dims[0] != x->dims[0])
        return "a convolution whose shapes do not fit";
    if (bias >= 0 && mae_xnn_tensor(b, bias)->bytes != (size_t)w->dims[0] * sizeof(float))
        return "a convolution whose bias does not fit";
    c->groups = (uint32_t)groups;
    c->in = (size_t)w->dims[1];
    c->out = (size_t)(w->dims[0] / groups);
    return NULL;
}

/* The window from the node; the padding at its upper end so that the result has its size. */
static const char *window_fits(const mae_xnn_build *b, const mae_node *node, conv *c)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *w = mae_xnn_shape(b, node->inputs[1]);
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    mae_window window;

    if (!mae_window_read(node, x, w->dims + 2, &window))
        return "a convolution with an unusual window";
    for (int i = 0; i < window.n; i++) {
        int k = i + 2 - window.n; /* a single axis is the width */
        int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1;
        int64_t padded = x->dims[i + 2] + window.pads_low[i] + window.pads_high[i];
        if (extent > padded || (padded - extent) / window.strides[i] + 1 != y->dims[i + 2])
            return "a convolution whose output's shape does not follow from its window";
        c->kernel[k] = (uint32_t)window.kernel[i];
        c->strides[k] = (uint32_t)window.strides[i];
        c->dilations[k] = (uint32_t)window.dilations[i];
        c->low[k] = (uint32_t)window.pads_low[i];
        c->high[k] = (uint32_t)window.pads_high[i];
    }
    c->height = x->rank == 4 ? (size_t)x->dims[2] : 1;
    c->width = (size_t)x->dims[x->rank - 1];
    return NULL;
}

/* Weights as [group, out, height, width, in] or, of a depthwise one, [height, width, out], times the factors. */
static mae_error *pack(mae_xnn_build *b, const mae_node *node, const conv *c, const mae_affine *affine, float **ret)
{
    size_t area = (size_t)c->kernel[0] * c->kernel[1], outs = c->groups * c->out;
    const mae_tensor *w = mae_xnn_tensor(b, node->inputs[1]);
    float *to, *from;

    MAE_TRY(mae_xnn_numbers(b, outs * c->in * area, &to));
    *ret = to;
    if (!to)
        return NULL;
    mae_error *error = mae_xnn_weights(b, node->inputs[1], &from);
    if (error) {
        mae_xnn_free(to);
        return error;
    }
    for (size_t i = 0; i < w->bytes / sizeof(float); i++) {
        size_t at = i % area, in = i / area % c->in, out = i / area / c->in;
        double factor = affine->n ? affine->scale[out] : 1.0;
        to[c->depthwise ? at * outs + out : (out * area + at) * c->in + in] = (float)((double)from[i] * factor);
    }
    mae_xnn_free(from);
    return NULL;
}

mae_error *mae_xnn_pack_bias(mae_xnn_build *b, int bias, size_t n, const mae_affine *affine, float **ret)
{
    MAE_TRY(mae_xnn_numbers(b, n, ret));
    for (size_t i = 0; *ret && i < n; i++) {
        double own = bias >= 0 ? mae_tensor_f64(mae_xnn_tensor(b, bias), i) : 0.0;
        (*ret)[i] = (float)(affine->n ? own * affine->scale[i] + affine->shift[i] : own);
    }
    return NULL;
}

mae_error *mae_xnn_lower_conv(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    conv c = {.kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}};
    float *weights[2] = {NULL, NULL};
    mae_xnn_tail tail;
    int in, out;
    const char *reason = shapes_fit(b, node, &c);

    if (!reason)
        reason = window_fits(b, node, &c);
    if (reason)
        return mae_xnn_unsupported(b, reason);
    c.depthwise = c.in == 1 && c.groups > 1;
    MAE_TRY(mae_xnn_tail_grow(b, node->outputs[0], 1, (int64_t)(c.groups * c.out), &tail));
    c.min = tail.low;
    c.max = tail.high;
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_LAST, false, &in));
    MAE_TRY(mae_xnn_value_new(b, tail.out, MAE_XNN_LAST, false, &out));
    MAE_TRY(pack(b, node, &c, &tail.affine, &weights[0]));
    mae_error *error = mae_xnn_pack_bias(b, mae_node_input(node, 2), c.groups * c.out, &tail.affine, &weights[1]);
    if (error) {
        mae_xnn_free(weights[0]);
        return error;
    }
    return mae_xnn_step_add(b, &kind, &c, sizeof(c), (int[]){in, -1}, out, weights);
}

/* One factor and one shift per channel are a depthwise convolution of one pixel. */
mae_error *mae_xnn_add_affine(mae_xnn_build *b, int in, int out, float *scale, float *shift, float low, float high)
{
    const mae_xnn_value *v = &b->unit->values[in];
    conv c = {.kernel = {1, 1},
              .strides = {1, 1},
              .dilations = {1, 1},
              .groups = (uint32_t)v->channels,
              .in = 1,
              .out = 1,
              .height = 1,
              .width = v->rows,
              .depthwise = v->channels > 1,
              .min = low,
              .max = high};

    return mae_xnn_step_add(b, &kind, &c, sizeof(c), (int[]){in, -1}, out, (float *const[]){scale, shift});
}

mae_error *mae_xnn_lower_batch_norm(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);
    float *scale, *shift;
    mae_xnn_tail tail;
    double m, a;
    int in, out;

    if (x->rank < 2 || !mae_norm_is_constant(b->graph, node, x->dims[1]))
        return mae_xnn_unsupported(b, "a normalization by what is not constant");
    size_t n = (size_t)x->dims[1];
    MAE_TRY(mae_xnn_tail_grow(b, node->outputs[0], -1, 0, &tail));
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_LAST, false, &in));
    MAE_TRY(mae_xnn_value_new(b, tail.out, MAE_XNN_LAST, false, &out));
    MAE_TRY(mae_xnn_numbers(b, n, &scale));
    mae_error *error = mae_xnn_numbers(b, n, &shift);
    if (error) {
        mae_xnn_free(scale);
        return error;
    }
    for (size_t i = 0; scale && i < n; i++) {
        mae_norm_factors(b->graph, node, i, &m, &a);
        scale[i] = (float)m;
        shift[i] = (float)a;
    }
    return mae_xnn_add_affine(b, in, out, scale, shift, tail.low, tail.high);
}
