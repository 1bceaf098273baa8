/* Pad: left to the convolution that reads it, appended where the tensor lies, or copied into something larger. */
#include <string.h>

#include "backends/onednn/lower.h"

/* Leaves zeros around the spatial axes to the convolution that reads the result, if nothing else does. */
static mae_error *leave_to_reader(mae_dnn_build *b, const mae_node *node, const dnnl_dim_t *offsets, bool *ret_left)
{
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *y = &mae_dnn_tensor(b, node->outputs[0])->shape;
    int reader = mae_dnn_only_reader(b, node->outputs[0]);
    const mae_node *conv = reader >= 0 ? &b->graph->nodes[reader] : NULL;

    *ret_left = conv && !conv->domain[0] && !strcmp(conv->op, "Conv") && conv->n_inputs >= 2 &&
                conv->inputs[0] == node->outputs[0];
    if (!*ret_left)
        return NULL;
    mae_dnn_padding *padding = mae_arena_alloc(b->pool->arena, sizeof(*padding));
    if (!padding)
        return mae_error_nomem();
    *padding = (mae_dnn_padding){.next = b->paddings, .tensor = node->outputs[0], .source = node->inputs[0]};
    for (int i = 2; i < x->rank; i++) {
        padding->low[i - 2] = offsets[i];
        padding->high[i - 2] = y->dims[i] - x->dims[i] - offsets[i];
    }
    b->paddings = padding;
    return NULL;
}

typedef struct padding {
    mae_dnn_build *b;
    int from, to; /* tensors */
    int ndims;
    dnnl_dims_t dims, padded_dims, offsets;
    float number;
} padding;

static bool is_along(const padding *p, int axis)
{
    return p->dims[axis] != p->padded_dims[axis];
}

/* ---- around the spatial axes ---- */

static bool is_spatial(const padding *p)
{
    return p->ndims >= 3 && p->ndims <= 5 && !is_along(p, 0) && !is_along(p, 1);
}

/* Zeros around planes in whichever layout they come. */
static mae_error *pad_planes(const padding *p)
{
    mae_dnn_build *b = p->b;
    mae_dnn_layout layout;
    size_t block;
    int src, dst;

    MAE_TRY(mae_dnn_value_native(b, p->from, &src));
    if (mae_dnn_is_last(mae_dnn_at(b, src)->layout)) {
        layout = mae_dnn_layout_last(b->pool, p->ndims, p->padded_dims);
    } else {
        MAE_TRY(mae_dnn_value_planes(b, p->from, &src, &block));
        layout = mae_dnn_layout_planes(b, p->ndims, p->padded_dims, block);
    }
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_new(b, layout, p->to, &dst));
    return mae_dnn_pad(b, src, dst, p->offsets + 2);
}

/* ---- more channels ---- */

static bool is_of_channels(const padding *p)
{
    for (int i = 0; i < p->ndims; i++)
        if (i != 1 && is_along(p, i))
            return false;
    return p->ndims >= 3 && p->ndims <= 5;
}

/* Dimensions as before, but for the channels. */
static const dnnl_dim_t *with_channels(const padding *p, dnnl_dim_t channels, dnnl_dims_t ret_dims)
{
    memcpy(ret_dims, p->dims, sizeof p->dims);
    ret_dims[1] = channels;
    return ret_dims;
}

/* Channels that are only there in the result, brought to where they belong. */
static mae_error *add_channels(const padding *p, int dst, dnnl_dim_t first, dnnl_dim_t n)
{
    mae_dnn_build *b = p->b;
    dnnl_dims_t dims, offsets = {0, first};
    float *numbers = NULL;
    size_t count = 1;
    int src, view;

    if (n == 0)
        return NULL;
    with_channels(p, n, dims);
    for (int i = 0; i < p->ndims; i++)
        count *= (size_t)dims[i];
    bool last = mae_dnn_is_last(mae_dnn_at(b, dst)->layout);
    mae_dnn_layout layout = (last ? mae_dnn_layout_last : mae_dnn_layout_plain)(b->pool, p->ndims, dims);
    if (!layout)
        return mae_error_nomem();
    if (!b->trial) {
        numbers = mae_dnn_alloc(count * sizeof(float));
        if (!numbers)
            return mae_error_nomem();
        for (size_t i = 0; i < count; i++)
            numbers[i] = p->number;
    }
    MAE_TRY(mae_dnn_constant(b, numbers, layout, layout, &src));
    MAE_TRY(mae_dnn_value_part(b, dst, dims, offsets, &view));
    return mae_dnn_reorder(b, src, view);
}

/* Row-major, or with channels last. */
static mae_error *copy_channels(const padding *p)
{
    mae_dnn_build *b = p->b;
    dnnl_dim_t low = p->offsets[1], end = low + p->dims[1];
    int src, dst, view;

    MAE_TRY(mae_dnn_value_native(b, p->from, &src));
    bool last = mae_dnn_is_last(mae_dnn_at(b, src)->layout);
    mae_dnn_layout layout = (last ? mae_dnn_layout_last : mae_dnn_layout_plain)(b->pool, p->ndims, p->padded_dims);
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_new(b, layout, p->to, &dst));
    MAE_TRY(mae_dnn_value_part(b, dst, p->dims, p->offsets, &view));
    MAE_TRY(mae_dnn_reorder(b, src, view));
    MAE_TRY(add_channels(p, dst, 0, low));
    return add_channels(p, dst, end, p->padded_dims[1] - end);
}

/* Where blocks of channels are filled up with zeros, these are already some of the wanted ones, and blocks of only
 * zeros can follow the others where those lie. Sets *ret_done if it could be done so. */
static mae_error *append_blocks(const padding *p, bool *ret_done)
{
    mae_dnn_build *b = p->b;
    mae_dnn_layout before = mae_dnn_layout_blocked(b->pool, p->ndims, p->dims), rest = NULL;
    mae_dnn_layout after = mae_dnn_layout_blocked(b->pool, p->ndims, p->padded_dims);
    mae_dnn_lie from, to;
    dnnl_dims_t dims;
    size_t offset;
    int src, dst, tail;

    MAE_TRY(mae_dnn_value_native(b, p->from, &src));
    *ret_done = false;
    if (p->number != 0.0f || p->offsets[1] != 0 || !before || !after ||
        !mae_dnn_lies_as(mae_dnn_at(b, src)->layout, before, &offset) || offset != 0 ||
        !mae_dnn_layout_lie(before, &from) || !mae_dnn_layout_lie(after, &to))
        return NULL;
    size_t bytes = mae_dnn_bytes(before), more = mae_dnn_bytes(after) - bytes;
    if (more > 0) {
        rest = mae_dnn_layout_blocked(b->pool, p->ndims, with_channels(p, to.padded[1] - from.padded[1], dims));
        if (p->dims[0] != 1 || !rest || mae_dnn_at(b, src)->offset != 0 ||
            !mae_dnn_value_widen(b, src, bytes, bytes + more))
            return NULL;
    }
    *ret_done = true;
    MAE_TRY(mae_dnn_value_view(b, src, after, 0, p->to, &dst));
    if (more == 0)
        return NULL;
    MAE_TRY(mae_dnn_value_view(b, src, rest, bytes, -1, &tail));
    return mae_dnn_step_fill(b, tail, 0.0f);
}

static mae_error *pad_channels(const padding *p)
{
    bool done;

    MAE_TRY(append_blocks(p, &done));
    return done ? NULL : copy_channels(p);
}

/* ---- anything ---- */

static mae_error *pad_dense(const padding *p)
{
    mae_dnn_build *b = p->b;
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, p->ndims, p->padded_dims);
    int src, dst, view;

    if (!plain)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_native(b, p->from, &src));
    MAE_TRY(mae_dnn_value_new(b, plain, p->to, &dst));
    MAE_TRY(mae_dnn_value_part(b, dst, p->dims, p->offsets, &view));
    MAE_TRY(mae_dnn_step_fill(b, dst, p->number));
    return mae_dnn_reorder(b, src, view);
}

static mae_error *pad_offsets(mae_dnn_build *b, const mae_node *node, dnnl_dim_t *offsets)
{
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *y = &mae_dnn_tensor(b, node->outputs[0])->shape;
    int64_t pads[2 * MAE_MAX_RANK], axes[MAE_MAX_RANK];
    int n, n_axes;

    if (strcmp(mae_node_string(node, "mode", "constant"), "constant") != 0)
        return mae_dnn_unsupported(b, "padding by anything but a constant");
    if (!mae_dnn_int_list(b, node, 1, "pads", 2 * MAE_MAX_RANK, pads, &n) ||
        !mae_dnn_int_list(b, node, 3, "axes", MAE_MAX_RANK, axes, &n_axes) || n != 2 * (n_axes >= 0 ? n_axes : x->rank))
        return mae_dnn_unsupported(b, "padding that is not constant");
    for (int i = 0; i < n / 2; i++) {
        int64_t axis = n_axes >= 0 ? axes[i] : i;
        axis += axis < 0 ? x->rank : 0;
        if (axis < 0 || axis >= x->rank || pads[i] < 0 || pads[n / 2 + i] < 0 ||
            y->dims[axis] != x->dims[axis] + pads[i] + pads[n / 2 + i])
            return mae_dnn_unsupported(b, "padding that takes away");
        offsets[axis] = pads[i];
    }
    return NULL;
}

mae_error *mae_dnn_lower_pad(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    padding p = {.b = b, .from = node->inputs[0], .to = node->outputs[0]};
    double number;
    bool left = false;

    MAE_TRY(pad_offsets(b, node, p.offsets));
    if (!mae_dnn_number(b, node, 2, "value", 0.0, &number))
        return mae_dnn_unsupported(b, "padding by a number that is not constant");
    p.number = (float)number;
    p.ndims = mae_dnn_dims(b, p.from, p.dims);
    mae_dnn_dims(b, p.to, p.padded_dims);
    if (mae_dnn_same_shape(b, p.from, p.to)) /* as torchvision's DenseNet has before its poolings */
        return mae_dnn_lower_reshape(b, index);
    if (number == 0.0 && is_spatial(&p)) {
        MAE_TRY(leave_to_reader(b, node, p.offsets, &left));
        if (left || p.ndims < 5)
            return left ? NULL : pad_planes(&p);
    }
    return is_of_channels(&p) ? pad_channels(&p) : pad_dense(&p);
}
