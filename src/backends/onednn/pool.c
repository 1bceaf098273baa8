/* MaxPool, AveragePool and their global forms. */
#include <string.h>

#include "backends/onednn/lower.h"

static mae_error *describe(mae_dnn_build *b, const mae_node *node, const mae_shape *y, const mae_window *w,
                           mae_dnn_pool_desc *desc)
{
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    bool max = strstr(node->op, "Max") != NULL, counts = mae_node_int(node, "count_include_pad", 0) != 0;

    desc->alg = max ? dnnl_pooling_max : counts ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
    for (int i = 0; i < w->n; i++) {
        int64_t extent = (w->kernel[i] - 1) * w->dilations[i] + 1, last = (y->dims[i + 2] - 1) * w->strides[i];
        desc->kernel[i] = w->kernel[i];
        desc->strides[i] = w->strides[i];
        desc->dilates[i] = w->dilations[i] - 1;
        desc->pad_low[i] = w->pads_low[i];
        desc->pad_high[i] = last + extent - w->pads_low[i] - x->dims[i + 2];
        bool rounded_up = desc->pad_high[i] > w->pads_high[i];
        if (rounded_up && !mae_node_int(node, "ceil_mode", 0))
            return mae_dnn_unsupported(b, "the output's shape does not follow from the window");
        if (rounded_up && !max && counts) /* is what lies beyond the padding counted? engines disagree */
            return mae_dnn_unsupported(b, "an average with ceil_mode that counts padding");
        if (!max && w->dilations[i] > 1)
            return mae_dnn_unsupported(b, "a dilated average");
        if (last >= x->dims[i + 2] + w->pads_low[i] || w->pads_low[i] >= extent)
            return mae_dnn_unsupported(b, "a window that lies in the padding");
    }
    return NULL;
}

/* Tries one layout of the input; unless `any_code`, only with code generated for this processor. */
static bool try_value(mae_dnn_build *b, int src, bool any_code, mae_dnn_pool_desc *desc, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_primitive_desc_t pd;

    desc->src = mae_dnn_at(b, src)->layout;
    if (mae_dnn_pd_pool(b->pe->engine, desc, b->pe->attr, &pd) != dnnl_success)
        return false;
    if (!any_code && !mae_dnn_is_generated(pd)) {
        dnnl_primitive_desc_destroy(pd);
        return false;
    }
    *ret_pd = pd;
    return true;
}

/* In the layout the input has; else in blocks, which is worth the reorder; else in row-major order. */
static mae_error *choose(mae_dnn_build *b, int tensor, mae_dnn_pool_desc *desc, int *ret_src,
                         dnnl_primitive_desc_t *ret_pd)
{
    dnnl_dims_t dims;
    dnnl_primitive_desc_t pd;
    int ndims = mae_dnn_dims(b, tensor, dims);
    mae_dnn_layout blocked = mae_dnn_layout_blocked(b->pool, ndims, dims);

    MAE_TRY(mae_dnn_value_native(b, tensor, ret_src));
    if (try_value(b, *ret_src, false, desc, ret_pd))
        return NULL;
    desc->src = blocked;
    if (blocked && mae_dnn_pd_pool(b->pe->engine, desc, b->pe->attr, &pd) == dnnl_success) {
        bool generated = mae_dnn_is_generated(pd);
        dnnl_primitive_desc_destroy(pd);
        if (generated)
            MAE_TRY(mae_dnn_value_as(b, tensor, blocked, ret_src));
        if (generated && try_value(b, *ret_src, false, desc, ret_pd))
            return NULL;
    }
    MAE_TRY(mae_dnn_value_dense(b, tensor, ret_src));
    if (try_value(b, *ret_src, true, desc, ret_pd))
        return NULL;
    return mae_dnn_unsupported(b, "oneDNN has no such pooling");
}

/* The pooled tensor has this output's elements; the output may have lost the axes of one. */
static mae_error *drop_axes(mae_dnn_build *b, int value, int ndims, const dnnl_dim_t *dims, int tensor)
{
    dnnl_dims_t out_dims;
    int view, plain = value, out_ndims = mae_dnn_dims(b, tensor, out_dims);
    mae_dnn_layout layout = mae_dnn_layout_plain(b->pool, ndims, dims);

    if (!layout)
        return mae_error_nomem();
    if (!mae_dnn_is_dense(mae_dnn_at(b, value)->layout)) {
        MAE_TRY(mae_dnn_value_new(b, layout, -1, &plain));
        MAE_TRY(mae_dnn_reorder(b, value, plain));
    }
    return mae_dnn_value_view(b, plain, mae_dnn_layout_plain(b->pool, out_ndims, out_dims), 0, tensor, &view);
}

static mae_error *lower(mae_dnn_build *b, const mae_node *node, const mae_shape *y, const mae_window *window)
{
    bool same = mae_shape_equal(y, &mae_dnn_tensor(b, node->outputs[0])->shape);
    mae_dnn_pool_desc desc;
    dnnl_primitive_desc_t pd;
    int src, dst;
    dnnl_dims_t dims;

    memset(&desc, 0, sizeof(desc));
    for (int i = 0; i < y->rank; i++)
        dims[i] = y->dims[i];
    MAE_TRY(describe(b, node, y, window, &desc));
    desc.dst = mae_dnn_layout_any(b->pool, y->rank, dims);
    if (!desc.dst)
        return mae_error_nomem();
    MAE_TRY(choose(b, node->inputs[0], &desc, &src, &pd));
    mae_error *error =
        mae_dnn_value_new(b, mae_dnn_query(pd, dnnl_query_dst_md, 0), same ? node->outputs[0] : -1, &dst);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}, {DNNL_ARG_DST, dst}};
    MAE_TRY(mae_dnn_step_add(b, pd, args, 2));
    return same ? NULL : drop_axes(b, dst, y->rank, dims, node->outputs[0]);
}

mae_error *mae_dnn_lower_pool(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    mae_window window;

    for (size_t i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            return mae_dnn_unsupported(b, "a pooling that also yields indices");
    if (x->rank < 3 || x->rank > 5 || !mae_window_read(node, x, NULL, &window))
        return mae_dnn_unsupported(b, "a pooling of this form");
    return lower(b, node, &mae_dnn_tensor(b, node->outputs[0])->shape, &window);
}

mae_error *mae_dnn_lower_global_pool(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    mae_window window = {.n = x->rank - 2};
    mae_shape y = *x;

    if (x->rank < 3 || x->rank > 5)
        return mae_dnn_unsupported(b, "a global pooling of this rank");
    for (int i = 0; i < window.n; i++) {
        window.kernel[i] = x->dims[i + 2];
        window.strides[i] = window.dilations[i] = 1;
        y.dims[i + 2] = 1;
    }
    return lower(b, node, &y, &window);
}
