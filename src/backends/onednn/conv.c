/* Conv and ConvTranspose. */
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/conv.h"
#include "backends/onednn/lower.h"

typedef mae_dnn_conv conv;

/* Weights as [group,] out, in, spatial. The model has them so, or, transposed, as (group, in), out, spatial. */
static mae_error *describe_weights(conv *c)
{
    const mae_shape *w = &mae_dnn_tensor(c->b, c->weights)->shape;
    dnnl_dim_t *dims = c->weight_dims;
    dnnl_dims_t strides;
    int at = c->groups > 1, spatial = c->ndims - 2;
    dnnl_dim_t area = 1;

    for (int i = 0; i < spatial; i++)
        area *= w->dims[i + 2];
    dnnl_dim_t first = w->dims[0] / c->groups, second = w->dims[1];
    c->weight_ndims = c->ndims + at;
    dims[0] = c->groups;
    strides[0] = first * second * area;
    dims[at] = c->transposed ? second : first;
    dims[at + 1] = c->transposed ? first : second;
    strides[at] = c->transposed ? area : second * area;
    strides[at + 1] = c->transposed ? second * area : area;
    for (int i = 0; i < spatial; i++) {
        dims[at + 2 + i] = w->dims[i + 2];
        area /= w->dims[i + 2];
        strides[at + 2 + i] = area;
    }
    c->weight_layout = mae_dnn_layout_strided(c->b->pool, c->weight_ndims, dims, strides);
    return c->weight_layout ? NULL : mae_error_nomem();
}

static bool shapes_fit(conv *c)
{
    const mae_shape *x = &mae_dnn_tensor(c->b, c->src)->shape, *w = &mae_dnn_tensor(c->b, c->weights)->shape;
    const mae_shape *y = &mae_dnn_tensor(c->b, c->dst)->shape;

    c->groups = mae_node_int(c->node, "group", 1);
    if (x->rank < 3 || x->rank > 5 || w->rank != x->rank || y->rank != x->rank || c->groups < 1 ||
        w->dims[0] % c->groups != 0)
        return false;
    c->channels = c->transposed ? w->dims[1] * c->groups : w->dims[0];
    int64_t in = c->transposed ? w->dims[0] : w->dims[1] * c->groups;
    if (x->dims[1] != in || y->dims[1] != c->channels)
        return false;
    return c->bias < 0 || mae_dnn_tensor(c->b, c->bias)->bytes == (size_t)c->channels * sizeof(float);
}

/* A stride may leave elements at the end unread; the padding there is then less than stated. */
static bool pads_fit(const conv *c, const mae_window *window, int i)
{
    return c->desc.pad_high[i] <= window->pads_high[i] &&
           c->desc.pad_high[i] > window->pads_high[i] - window->strides[i];
}

/* Where a ConvTranspose states its output's shape instead of its paddings, engines disagree about which end gets
 * an odd one. Finds the lower padding; false if it is not certain. */
static bool transposed_pads_fit(conv *c, const mae_window *window, const int64_t *extra, int i)
{
    bool by_shape =
        mae_node_attr(c->node, "output_shape") || !strncmp(mae_node_string(c->node, "auto_pad", "NOTSET"), "SAME", 4);
    int64_t total = c->desc.pad_high[i] + c->desc.pad_low[i] + extra[i]; /* both ends, whatever was taken as lower */

    if (!by_shape)
        return c->desc.pad_high[i] == window->pads_high[i] - extra[i];
    c->desc.pad_low[i] = total / 2;
    c->desc.pad_high[i] = total / 2 - extra[i];
    return total >= 0 && total % 2 == 0;
}

/* The window from the node; the padding at its upper end from the result's shape. */
static bool window_fits(conv *c)
{
    const mae_shape *x = &mae_dnn_tensor(c->b, c->src)->shape, *w = &mae_dnn_tensor(c->b, c->weights)->shape;
    const mae_shape *y = &mae_dnn_tensor(c->b, c->dst)->shape;
    mae_window window;
    int64_t extra[6];

    if (!mae_window_read(c->node, x, w->dims + 2, &window) ||
        !mae_dnn_ints(c->node, "output_padding", (size_t)window.n, 0, extra))
        return false;
    for (int i = 0; i < window.n; i++) {
        int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1;
        int64_t small = c->transposed ? x->dims[i + 2] : y->dims[i + 2];
        int64_t large = c->transposed ? y->dims[i + 2] : x->dims[i + 2];
        c->desc.strides[i] = window.strides[i];
        c->desc.dilates[i] = window.dilations[i] - 1;
        c->desc.pad_low[i] = window.pads_low[i];
        c->desc.pad_high[i] = (small - 1) * window.strides[i] + extent - window.pads_low[i] - large;
        if (!(c->transposed ? transposed_pads_fit(c, &window, extra, i) : pads_fit(c, &window, i)))
            return false;
    }
    return true;
}

static dnnl_status_t create(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    conv *c = ctx;
    return mae_dnn_pd_conv(c->b->pe->engine, &c->desc, attr, ret_pd);
}

static mae_error *describe(conv *c, bool with_bias)
{
    mae_dnn_pool *pool = c->b->pool;
    const dnnl_dims_t channels = {c->channels};

    c->desc.transposed = c->transposed;
    c->desc.src = mae_dnn_layout_any(pool, c->ndims, c->src_dims);
    c->desc.weights = mae_dnn_layout_any(pool, c->weight_ndims, c->weight_dims);
    c->desc.dst = mae_dnn_layout_any(pool, c->ndims, c->dst_dims);
    c->desc.bias = with_bias ? mae_dnn_layout_plain(pool, 1, channels) : NULL;
    if (!c->desc.src || !c->desc.weights || !c->desc.dst || (with_bias && !c->desc.bias))
        return mae_error_nomem();
    return NULL;
}

void mae_dnn_conv_scale(const conv *c, const double *scale, float *w)
{
    const mae_shape *shape = &mae_dnn_tensor(c->b, c->weights)->shape;
    size_t first = (size_t)shape->dims[0], second = (size_t)shape->dims[1], area = 1;
    size_t in_per_group = first / (size_t)c->groups;

    for (int i = 2; i < shape->rank; i++)
        area *= (size_t)shape->dims[i];
    for (size_t i = 0; i < first; i++) {
        for (size_t j = 0; j < second; j++) {
            double factor = c->transposed ? scale[i / in_per_group * second + j] : scale[i];
            float *part = w + (i * second + j) * area;
            for (size_t k = 0; k < area; k++)
                part[k] = (float)(part[k] * factor);
        }
    }
}

static mae_error *weights_value(conv *c, const mae_dnn_chain *chain, mae_dnn_layout wanted, int *ret_value)
{
    float *w;

    if (!mae_dnn_is_weight(c->b, c->weights)) {
        int dense, seen;
        MAE_TRY(mae_dnn_value_dense(c->b, c->weights, &dense));
        MAE_TRY(mae_dnn_value_view(c->b, dense, c->weight_layout, 0, -1, &seen));
        MAE_TRY(mae_dnn_value_new(c->b, wanted, -1, ret_value));
        return mae_dnn_reorder(c->b, seen, *ret_value);
    }
    MAE_TRY(mae_dnn_weights(c->b, c->weights, &w));
    if (w && chain->scale)
        mae_dnn_conv_scale(c, chain->scale, w);
    return mae_dnn_constant(c->b, w, c->weight_layout, wanted, ret_value);
}

float *mae_dnn_conv_bias(const conv *c, const mae_dnn_chain *chain)
{
    float *sum = mae_arena_array(c->b->pool->arena, (size_t)c->channels, sizeof(float));

    for (size_t i = 0; sum && i < (size_t)c->channels; i++) {
        double own = c->bias >= 0 ? mae_tensor_f64(mae_dnn_tensor(c->b, c->bias), i) : 0.0;
        sum[i] = (float)(chain->scale ? own * chain->scale[i] + chain->shift[i] : own);
    }
    return sum;
}

static mae_error *bias_value(conv *c, const mae_dnn_chain *chain, int *ret_value)
{
    const dnnl_dims_t dims = {c->channels};

    if (!chain->scale)
        return mae_dnn_value_dense(c->b, c->bias, ret_value);
    float *sum = mae_dnn_conv_bias(c, chain);
    return sum ? mae_dnn_constant_copy(c->b, sum, 1, dims, ret_value) : mae_error_nomem();
}

/* Takes over the zeros that a Pad puts around the source. */
static void take_padding(conv *c)
{
    const mae_dnn_padding *p = c->b->paddings;

    while (p && p->tensor != c->src)
        p = p->next;
    if (!p)
        return;
    c->src = p->source;
    for (int i = 0; i < mae_dnn_tensor(c->b, c->src)->shape.rank - 2; i++) {
        c->desc.pad_low[i] += p->low[i];
        c->desc.pad_high[i] += p->high[i];
    }
}

static bool is_direct(const conv *c, const mae_dnn_conv_desc *desc)
{
    dnnl_primitive_desc_t pd;

    if (mae_dnn_pd_conv(c->b->pe->engine, desc, c->b->pe->attr, &pd) != dnnl_success)
        return false;
    bool direct = mae_dnn_is_direct(pd);
    dnnl_primitive_desc_destroy(pd);
    return direct;
}

/* The library has no direct code for paddings that are wide (as dilated windows have them); with the zeros written out
 * it has. That copy is far cheaper than a product of matrices. */
static mae_error *write_padding(conv *c)
{
    mae_dnn_conv_desc desc = c->desc;
    dnnl_dims_t dims = {c->src_dims[0], c->src_dims[1]};
    size_t block;
    int src, widest = 0;

    for (int i = 0; i < c->ndims - 2; i++) {
        widest = c->desc.pad_low[i] > widest ? (int)c->desc.pad_low[i] : widest;
        dims[i + 2] = c->src_dims[i + 2] + c->desc.pad_low[i] + c->desc.pad_high[i];
        desc.pad_low[i] = desc.pad_high[i] = 0;
    }
    if (c->transposed || c->ndims > 4 || widest == 0 || is_direct(c, &c->desc))
        return NULL;
    desc.src = mae_dnn_layout_any(c->b->pool, c->ndims, dims);
    for (int i = 0; i < c->ndims - 2; i++)
        if (dims[i + 2] < c->src_dims[i + 2] + c->desc.pad_low[i]) /* what is not read is not padding */
            return NULL;
    if (!desc.src || !is_direct(c, &desc))
        return desc.src ? NULL : mae_error_nomem();
    MAE_TRY(mae_dnn_value_planes(c->b, c->src, &src, &block));
    mae_dnn_layout layout = mae_dnn_layout_planes(c->b, c->ndims, dims, block);
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_new(c->b, layout, -1, &c->padded));
    MAE_TRY(mae_dnn_pad(c->b, src, c->padded, c->desc.pad_low));
    c->desc = desc;
    return NULL;
}

static mae_error *source_value(conv *c, mae_dnn_layout wanted, int *ret_value)
{
    if (c->padded < 0)
        return mae_dnn_value_as(c->b, c->src, wanted, ret_value);
    *ret_value = c->padded;
    if (dnnl_memory_desc_equal(mae_dnn_at(c->b, c->padded)->layout, wanted))
        return NULL;
    MAE_TRY(mae_dnn_value_new(c->b, wanted, -1, ret_value));
    return mae_dnn_reorder(c->b, c->padded, *ret_value);
}

static mae_error *arguments(conv *c, const mae_dnn_chain *chain, const_dnnl_primitive_desc_t pd, mae_dnn_arg *args,
                            size_t *ret_n)
{
    int src, weights, bias;
    size_t n = 0;

    MAE_TRY(source_value(c, mae_dnn_query(pd, dnnl_query_src_md, 0), &src));
    MAE_TRY(weights_value(c, chain, mae_dnn_query(pd, dnnl_query_weights_md, 0), &weights));
    args[n++] = (mae_dnn_arg){DNNL_ARG_SRC, src};
    args[n++] = (mae_dnn_arg){DNNL_ARG_WEIGHTS, weights};
    if (c->desc.bias) {
        MAE_TRY(bias_value(c, chain, &bias));
        args[n++] = (mae_dnn_arg){DNNL_ARG_BIAS, bias};
    }
    *ret_n = n;
    return NULL;
}

mae_error *mae_dnn_lower_conv(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    conv c = {.b = b,
              .node = node,
              .src = node->inputs[0],
              .weights = node->inputs[1],
              .bias = mae_dnn_node_input(node, 2),
              .dst = node->outputs[0],
              .padded = -1,
              .transposed = !strcmp(node->op, "ConvTranspose")};
    dnnl_primitive_desc_t pd;
    mae_dnn_chain chain;
    mae_dnn_arg args[4];
    size_t n;

    if (!shapes_fit(&c) || !window_fits(&c))
        return mae_dnn_unsupported(b, "a convolution of this form is not supported");
    take_padding(&c);
    c.ndims = mae_dnn_dims(b, c.src, c.src_dims);
    mae_dnn_dims(b, c.dst, c.dst_dims);
    MAE_TRY(describe_weights(&c));
    c.constant = mae_dnn_is_weight(b, c.weights) && (c.bias < 0 || mae_dnn_is_weight(b, c.bias));
    MAE_TRY(mae_dnn_chain_grow(b, index, c.ndims, c.dst_dims, 1, c.constant, &chain));
    if (mae_dnn_conv_is_tiled(&c))
        return mae_dnn_lower_tiled(&c, &chain);
    if (c.transposed) /* the library does its post-operations element by element */
        mae_dnn_chain_cut(&chain, 0);
    MAE_TRY(describe(&c, c.bias >= 0 || chain.scale));
    MAE_TRY(write_padding(&c));
    MAE_TRY(mae_dnn_chain_fuse(b, &chain, create, &c, &pd));
    mae_error *error = mae_dnn_conv_choose(&c, &chain, &pd);
    if (!error)
        error = arguments(&c, &chain, pd, args, &n);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    return mae_dnn_chain_finish(b, &chain, pd, args, n, -1);
}
