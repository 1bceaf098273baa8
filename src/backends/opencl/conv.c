/* Conv: columns of the image and a product of matrices, both CLBlast's; directly where that would be a poor product. */
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/lower.h"

#define LEAST_CHANNELS 16 /* of a group, in and out, for a product of its own */

typedef struct conv {
    const mae_node *node;
    mae_cl_window w;
    size_t batch, groups, in, out; /* channels of all groups */
    size_t window, pixels;         /* elements of a window and of a plane of the output */
    int x, weights, bias, y;       /* storages; bias -1: none */
    int tensor;                    /* what is computed, followers included */
    mae_cl_function function;
} conv;

static mae_error *read_conv(mae_cl_build *b, const mae_node *node, conv *c)
{
    const mae_shape *x = mae_cl_shape(b, node->inputs[0]), *k = mae_cl_shape(b, node->inputs[1]);
    const mae_shape *y = mae_cl_shape(b, node->outputs[0]);
    int64_t groups = mae_node_int(node, "group", 1);
    int bias = mae_node_input(node, 2);

    if (x->rank < 3 || x->rank > 5 || k->rank != x->rank || y->rank != x->rank)
        return mae_cl_unsupported(b, "a convolution over other than one to three axes");
    const char *reason = mae_cl_window_read(node, x, y, k->dims + 2, &c->w);
    if (reason)
        return mae_cl_unsupported(b, reason);
    if (groups < 1 || k->dims[0] % groups || k->dims[1] * groups != x->dims[1] || y->dims[1] != k->dims[0] ||
        y->dims[0] != x->dims[0] || c->w.ceil)
        return mae_cl_unsupported(b, "the shapes do not fit");
    if (bias >= 0 && (mae_cl_shape(b, bias)->rank != 1 || mae_cl_shape(b, bias)->dims[0] != k->dims[0]))
        return mae_cl_unsupported(b, "the shapes do not fit");
    c->node = node;
    c->batch = (size_t)x->dims[0];
    c->groups = (size_t)groups;
    c->in = (size_t)x->dims[1];
    c->out = (size_t)k->dims[0];
    c->window = mae_cl_product(k, 2, k->rank);
    c->pixels = mae_cl_product(y, 2, y->rank);
    c->tensor = node->outputs[0];
    return NULL;
}

/* ---- weights ---- */

static bool is_constant(const mae_cl_build *b, const conv *c)
{
    int bias = mae_node_input(c->node, 2);
    return mae_graph_is_weight(b->graph, c->node->inputs[1]) && (bias < 0 || mae_graph_is_weight(b->graph, bias));
}

/* Nodes that multiply or add constants per channel, one behind the other, from `*last` on: marked as done, which ends
 * up in *last. */
static bool take_factors(mae_cl_build *b, conv *c, mae_affine *affine, int *last)
{
    bool any = false;

    for (int next; (next = mae_cl_follower(b, *last)) >= 0; any = true) {
        if (!mae_fold(b->graph, next, c->tensor, 1, (int64_t)c->out, affine))
            return any;
        b->done[next - b->first_node] = true;
        *last = next;
        c->tensor = b->graph->nodes[next].outputs[0];
    }
    return any;
}

/* The weights by the factors, and the bias behind them. */
static mae_error *fold(mae_cl_build *b, conv *c, const mae_affine *affine)
{
    int weights = c->node->inputs[1];
    size_t row = c->in / c->groups * c->window;
    float *values, *bias = NULL;

    MAE_TRY(mae_cl_values(b, weights, &values));
    for (size_t i = 0; values && i < c->out; i++)
        for (size_t k = 0; k < row; k++)
            values[i * row + k] = (float)((double)values[i * row + k] * affine->scale[i]);
    MAE_TRY(mae_cl_constant(b, values, mae_cl_count(b, weights), &c->weights));
    if (!b->trial && !(bias = malloc(c->out * sizeof *bias)))
        return mae_error_nomem();
    for (size_t i = 0; bias && i < c->out; i++)
        bias[i] = (float)affine->shift[i];
    return mae_cl_constant(b, bias, c->out, &c->bias);
}

static mae_error *take_affine(mae_cl_build *b, int *last, conv *c)
{
    mae_affine affine = {.n = c->out};
    int bias = mae_node_input(c->node, 2);

    if (!is_constant(b, c))
        return NULL;
    affine.scale = mae_arena_array(b->unit->arena, c->out, sizeof(double));
    affine.shift = mae_arena_array(b->unit->arena, c->out, sizeof(double));
    if (!affine.scale || !affine.shift)
        return mae_error_nomem();
    for (size_t i = 0; i < c->out; i++) {
        affine.scale[i] = 1.0;
        affine.shift[i] = bias >= 0 ? mae_tensor_f64(mae_cl_tensor(b, bias), i) : 0.0;
    }
    return take_factors(b, c, &affine, last) ? fold(b, c, &affine) : NULL;
}

static mae_error *take_weights(mae_cl_build *b, int index, conv *c)
{
    int last = index, bias = mae_node_input(c->node, 2);

    c->weights = c->bias = -1;
    MAE_TRY(take_affine(b, &last, c));
    mae_cl_take_function(b, last, &c->tensor, &c->function);
    if (c->weights >= 0)
        return NULL;
    MAE_TRY(mae_cl_storage_get(b, c->node->inputs[1], &c->weights));
    return bias >= 0 ? mae_cl_storage_get(b, bias, &c->bias) : NULL;
}

/* A bias of zeros, for kernels that want one. */
static mae_error *need_bias(mae_cl_build *b, conv *c)
{
    float *zeros;

    if (c->bias >= 0)
        return NULL;
    zeros = b->trial ? NULL : calloc(c->out, sizeof *zeros);
    if (!zeros && !b->trial)
        return mae_error_nomem();
    return mae_cl_constant(b, zeros, c->out, &c->bias);
}

/* ---- directly ---- */

static mae_error *lower_direct(mae_cl_build *b, conv *c)
{
    const mae_cl_window *w = &c->w;
    size_t n = c->batch * c->out * c->pixels;
    mae_cl_arg groups = {.type = MAE_CL_ARG_INT4};

    MAE_TRY(need_bias(b, c));
    groups.value.ints[0] = (cl_int)(c->in / c->groups);
    groups.value.ints[1] = (cl_int)(c->out / c->groups);
    groups.value.ints[2] = (cl_int)c->in;
    groups.value.ints[3] = (cl_int)c->out;
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n),
                               groups,
                               mae_cl_arg_int4(w->in),
                               mae_cl_arg_int4(w->out),
                               mae_cl_arg_int4(w->size),
                               mae_cl_arg_int4(w->stride),
                               mae_cl_arg_int4(w->dilation),
                               mae_cl_arg_int4(w->low),
                               mae_cl_arg_mem(c->x),
                               mae_cl_arg_mem(c->weights),
                               mae_cl_arg_mem(c->bias),
                               mae_cl_arg_mem(c->y),
                               mae_cl_arg_int(c->function.number),
                               mae_cl_arg_float(c->function.a),
                               mae_cl_arg_float(c->function.b)};
    return mae_cl_step_kernel(b, "conv", n, 0, args, sizeof args / sizeof *args);
}

/* ---- by a product ---- */

/* CLBlast pads both ends alike: another padding is written out beforehand. */
static mae_error *write_padding(mae_cl_build *b, conv *c)
{
    mae_cl_window *w = &c->w;
    int64_t height = w->in[1] + w->low[1] + w->high[1], width = w->in[2] + w->low[2] + w->high[2];
    size_t planes = c->batch * c->in, count = planes * (size_t)(height * width);
    int padded;

    if (w->low[1] == w->high[1] && w->low[2] == w->high[2])
        return NULL;
    const mae_cl_move move = {.rank = 3,
                              .dims = {(int64_t)planes, w->in[1], w->in[2]},
                              .from = {w->in[1] * w->in[2], w->in[2], 1},
                              .to = {height * width, width, 1},
                              .offset_to = w->low[1] * width + w->low[2]};
    MAE_TRY(mae_cl_storage_new(b, count, -1, &padded));
    MAE_TRY(mae_cl_step_fill(b, padded, count, 0.0f));
    MAE_TRY(mae_cl_step_move(b, &move, c->x, padded));
    c->x = padded;
    w->in[1] = height;
    w->in[2] = width;
    memset(w->low, 0, sizeof w->low);
    memset(w->high, 0, sizeof w->high);
    return NULL;
}

static bool is_product(const conv *c)
{
    const mae_cl_window *w = &c->w;
    for (int i = 1; i < 3; i++)
        if (w->size[i] != 1 || w->stride[i] != 1 || w->low[i] || w->high[i])
            return false;
    return true;
}

/* One image, one group. */
static mae_error *lower_one(mae_cl_build *b, const conv *c, int columns, size_t image, size_t group)
{
    const mae_cl_window *w = &c->w;
    size_t in = c->in / c->groups, out = c->out / c->groups, depth = in * c->window;
    size_t plane = (size_t)(w->in[1] * w->in[2]);
    size_t from = (image * c->in + group * in) * plane, weights = group * out * depth;
    size_t to = (image * c->out + group * out) * c->pixels, zero = 0;
    bool product = columns < 0;
    const mae_cl_im2col im2col = {.channels = in,
                                  .height = (size_t)w->in[1],
                                  .width = (size_t)w->in[2],
                                  .kernel = {(size_t)w->size[1], (size_t)w->size[2]},
                                  .pad = {(size_t)w->low[1], (size_t)w->low[2]},
                                  .stride = {(size_t)w->stride[1], (size_t)w->stride[2]},
                                  .dilation = {(size_t)w->dilation[1], (size_t)w->dilation[2]},
                                  .offset = from,
                                  .x = c->x,
                                  .y = columns};
    const mae_cl_gemm gemm = {.m = out,
                              .n = c->pixels,
                              .k = depth,
                              .alpha = 1.0f,
                              .a = c->weights,
                              .b = product ? c->x : columns,
                              .y = c->y,
                              .offsets_a = &weights,
                              .offsets_b = product ? &from : &zero,
                              .offsets_y = &to};
    if (!product)
        MAE_TRY(mae_cl_step_im2col(b, &im2col));
    return mae_cl_step_gemm(b, &gemm);
}

static mae_error *lower_product(mae_cl_build *b, conv *c)
{
    int columns = -1;

    MAE_TRY(write_padding(b, c));
    if (!is_product(c))
        MAE_TRY(mae_cl_storage_new(b, c->in / c->groups * c->window * c->pixels, -1, &columns));
    for (size_t image = 0; image < c->batch; image++)
        for (size_t group = 0; group < c->groups; group++)
            MAE_TRY(lower_one(b, c, columns, image, group));
    if (c->bias < 0 && c->function.number == MAE_CL_SAME)
        return NULL;
    MAE_TRY(need_bias(b, c));
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)c->pixels),
                               mae_cl_arg_int((int64_t)c->out),
                               mae_cl_arg_mem(c->y),
                               mae_cl_arg_mem(c->bias),
                               mae_cl_arg_int(c->function.number),
                               mae_cl_arg_float(c->function.a),
                               mae_cl_arg_float(c->function.b)};
    return mae_cl_step_kernel(b, "finish", c->pixels, c->batch * c->out, args, 7);
}

mae_error *mae_cl_lower_conv(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    conv c = {0};

    MAE_TRY(read_conv(b, node, &c));
    MAE_TRY(take_weights(b, index, &c));
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &c.x));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, c.tensor), c.tensor, &c.y));
    bool wide = c.in / c.groups >= LEAST_CHANNELS && c.out / c.groups >= LEAST_CHANNELS;
    bool flat = mae_cl_shape(b, node->inputs[0])->rank < 5;
    return flat && (c.groups == 1 || wide) ? lower_product(b, &c) : lower_direct(b, &c);
}
