/* ConvTranspose. */
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct deconv {
    uint32_t kernel[2], strides[2], dilations[2], low[2], high[2], extra[2];
    uint32_t groups;
    size_t in, out;       /* channels of a group */
    size_t height, width; /* of the source */
    float min, max;
} deconv;

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const deconv *c = step->params;

    return xnn_create_deconvolution2d_nhwc_f32(
        c->low[0], c->high[1], c->high[0], c->low[1], c->kernel[0], c->kernel[1], c->strides[0], c->strides[1],
        c->dilations[0], c->dilations[1], c->groups, c->in, c->out, mae_xnn_value_of(unit, step->in[0])->stride,
        mae_xnn_value_of(unit, step->out)->stride, step->weights[0], step->weights[1], c->min, c->max, 0, ret_op);
}

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const deconv *c = step->params;
    size_t batch = mae_xnn_value_of(unit, step->in[0])->rows / (c->height * c->width);

    return xnn_setup_deconvolution2d_nhwc_f32(step->op, batch, c->height, c->width, c->extra[0], c->extra[1],
                                              mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out),
                                              mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "transposed convolution"};

static const char *shapes_fit(const mae_xnn_build *b, const mae_node *node, deconv *c)
{
    int bias = mae_node_input(node, 2);
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *w = mae_xnn_shape(b, node->inputs[1]);
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    int64_t groups = mae_node_int(node, "group", 1);

    if (!mae_graph_is_weight(b->graph, node->inputs[1]) || (bias >= 0 && !mae_graph_is_weight(b->graph, bias)))
        return "a transposed convolution whose weights are not constant";
    if (x->rank < 3 || x->rank > 4)
        return "a transposed convolution of other than one or two spatial axes";
    if (w->rank != x->rank || y->rank != x->rank || groups < 1 || groups > w->dims[0] || w->dims[0] % groups != 0 ||
        x->dims[1] != w->dims[0] || y->dims[1] != w->dims[1] * groups || y->dims[0] != x->dims[0])
        return "a transposed convolution whose shapes do not fit";
    if (bias >= 0 && mae_xnn_tensor(b, bias)->bytes != (size_t)y->dims[1] * sizeof(float))
        return "a transposed convolution whose bias does not fit";
    c->groups = (uint32_t)groups;
    c->in = (size_t)(w->dims[0] / groups);
    c->out = (size_t)w->dims[1];
    return NULL;
}

/* Where a node states its output's shape instead of its paddings, engines disagree about which end gets an odd one. */
static bool pads_of_shape(int64_t total, int64_t *low, int64_t *high)
{
    *low = *high = total / 2;
    return total >= 0 && total % 2 == 0;
}

static const char *window_fits(const mae_xnn_build *b, const mae_node *node, deconv *c)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *w = mae_xnn_shape(b, node->inputs[1]);
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    bool by_shape =
        mae_node_attr(node, "output_shape") || !strncmp(mae_node_string(node, "auto_pad", "NOTSET"), "SAME", 4);
    mae_window window;
    int64_t extra[6];

    if (!mae_window_read(node, x, w->dims + 2, &window) ||
        !mae_node_ints(node, "output_padding", (size_t)window.n, 0, extra))
        return "a transposed convolution with an unusual window";
    for (int i = 0; i < window.n; i++) {
        int k = i + 2 - window.n; /* a single axis is the width */
        int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1, low = window.pads_low[i];
        int64_t whole = (x->dims[i + 2] - 1) * window.strides[i] + extent + extra[i], high = window.pads_high[i];
        if (by_shape && !pads_of_shape(whole - y->dims[i + 2], &low, &high))
            return "a transposed convolution with an odd padding and a stated shape";
        if (whole - low - high != y->dims[i + 2])
            return "a transposed convolution whose output's shape does not follow from its window";
        if (extra[i] < 0 || extra[i] >= window.strides[i] || low >= extent + window.strides[i])
            return "a transposed convolution with an unusual padding";
        c->kernel[k] = (uint32_t)window.kernel[i];
        c->strides[k] = (uint32_t)window.strides[i];
        c->dilations[k] = (uint32_t)window.dilations[i];
        c->low[k] = (uint32_t)low;
        c->high[k] = (uint32_t)high;
        c->extra[k] = (uint32_t)extra[i];
    }
    c->height = x->rank == 4 ? (size_t)x->dims[2] : 1;
    c->width = (size_t)x->dims[x->rank - 1];
    return NULL;
}

/* From (group, in), out, height, width to group, out, height, width, in. */
static mae_error *pack(mae_xnn_build *b, const mae_node *node, const deconv *c, const mae_affine *affine, float **ret)
{
    size_t area = (size_t)c->kernel[0] * c->kernel[1];
    const mae_tensor *w = mae_xnn_tensor(b, node->inputs[1]);

    MAE_TRY(mae_xnn_numbers(b, w->bytes / sizeof(float), ret));
    for (size_t i = 0; *ret && i < w->bytes / sizeof(float); i++) {
        size_t at = i % area, out = i / area % c->out, in = i / area / c->out % c->in, g = i / area / c->out / c->in;
        double factor = affine->n ? affine->scale[g * c->out + out] : 1.0;
        (*ret)[((g * c->out + out) * area + at) * c->in + in] = (float)(mae_tensor_f64(w, i) * factor);
    }
    return NULL;
}

mae_error *mae_xnn_lower_deconv(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    deconv c = {.kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}};
    float *weights[2] = {NULL, NULL};
    mae_xnn_tail tail;
    int in, out;
    const char *reason = shapes_fit(b, node, &c);

    if (!reason)
        reason = window_fits(b, node, &c);
    if (reason)
        return mae_xnn_unsupported(b, reason);
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
