/* BatchNormalization, LayerNormalization, LRN and the softmaxes. */
#include <string.h>

#include "backends/onednn/chain.h"
#include "backends/onednn/lower.h"

/* A normalization in the layout that its source has. */
typedef struct norm {
    const mae_dnn_build *b;
    const mae_node *node;
    mae_dnn_layout layout;
} norm;

/* With what follows, in the layout the tensor has, or else in row-major order. */
static mae_error *fuse(mae_dnn_build *b, int index, mae_dnn_create_fn *create, mae_dnn_chain *ret_chain, int *ret_src,
                       dnnl_primitive_desc_t *ret_pd)
{
    norm n = {.b = b, .node = &b->graph->nodes[index]};
    int tensor = n.node->inputs[0], ndims;
    dnnl_dims_t dims;

    ndims = mae_dnn_dims(b, tensor, dims);
    MAE_TRY(mae_dnn_chain_grow(b, index, ndims, dims, 1, false, ret_chain));
    MAE_TRY(mae_dnn_value_native(b, tensor, ret_src));
    n.layout = mae_dnn_at(b, *ret_src)->layout;
    mae_error *error = mae_dnn_chain_fuse(b, ret_chain, create, &n, ret_pd);
    if (!error || mae_error_code(error) != MAE_ERR_UNSUPPORTED)
        return error;
    mae_error_free(error);
    MAE_TRY(mae_dnn_value_dense(b, tensor, ret_src));
    n.layout = mae_dnn_at(b, *ret_src)->layout;
    return mae_dnn_chain_fuse(b, ret_chain, create, &n, ret_pd);
}

static dnnl_status_t create_batch_norm(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    const norm *n = ctx;
    return mae_dnn_pd_batch_norm(n->b->pe->engine, n->layout, 0.0f, attr, ret_pd); /* epsilon is in the factors */
}

/* The parameters come as a scale and a shift, with a mean of 0 and a variance of 1. */
static mae_error *batch_norm_parameters(mae_dnn_build *b, const mae_node *node, size_t channels, mae_dnn_arg *args)
{
    float *v = mae_arena_array(b->pool->arena, 4 * channels, sizeof(*v));
    static const int ids[] = {DNNL_ARG_SCALE, DNNL_ARG_SHIFT, DNNL_ARG_MEAN, DNNL_ARG_VARIANCE};
    const dnnl_dims_t dims = {(dnnl_dim_t)channels};

    if (!v)
        return mae_error_nomem();
    for (size_t c = 0; c < channels; c++) {
        double scale, shift;
        mae_norm_factors(b->graph, node, c, &scale, &shift);
        v[c] = (float)scale;
        v[channels + c] = (float)shift;
        v[3 * channels + c] = 1.0f;
    }
    for (size_t i = 0; i < 4; i++) {
        args[i].id = ids[i];
        MAE_TRY(mae_dnn_constant_copy(b, v + i * channels, 1, dims, &args[i].value));
    }
    return NULL;
}

mae_error *mae_dnn_lower_batch_norm(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    dnnl_primitive_desc_t pd;
    mae_dnn_chain chain;
    mae_dnn_arg args[5];
    int src;

    if (x->rank < 2 || x->rank > 5 || !mae_norm_is_constant(b->graph, node, x->dims[1]))
        return mae_dnn_unsupported(b, "a batch normalization that is not one of constants");
    args[0].id = DNNL_ARG_SRC;
    MAE_TRY(batch_norm_parameters(b, node, (size_t)x->dims[1], args + 1));
    MAE_TRY(fuse(b, index, create_batch_norm, &chain, &src, &pd));
    args[0].value = src;
    return mae_dnn_chain_finish(b, &chain, pd, args, 5, src);
}

typedef struct layer_norm {
    float epsilon;
    bool scale, shift;
} layer_norm;

static dnnl_status_t create_layer_norm(mae_dnn_build *b, const void *ctx, mae_dnn_layout layout,
                                       dnnl_primitive_desc_t *ret_pd)
{
    const layer_norm *l = ctx;
    return mae_dnn_pd_layer_norm(b->pe->engine, layout, l->epsilon, l->scale, l->shift, b->pe->attr, ret_pd);
}

/* A matrix of the tensor's elements: axes before `axis`, and those from there on. */
static bool as_matrix(const mae_shape *shape, int64_t axis, dnnl_dim_t dims[2])
{
    axis += axis < 0 ? shape->rank : 0;
    if (axis < 0 || axis > shape->rank)
        return false;
    dims[0] = dims[1] = 1;
    for (int i = 0; i < shape->rank; i++)
        dims[i >= axis] *= shape->dims[i];
    return true;
}

/* Source and result of a step that sees its tensor as another shape. */
static mae_error *reshaped_pair(mae_dnn_build *b, int from, int to, int ndims, const dnnl_dim_t *dims, int *ret_src,
                                int *ret_dst)
{
    dnnl_dims_t own;
    int value, n = mae_dnn_dims(b, to, own);
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, n, own);

    if (!plain)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_reshaped(b, from, ndims, dims, ret_src));
    MAE_TRY(mae_dnn_value_new(b, plain, to, &value));
    return mae_dnn_value_view(b, value, mae_dnn_layout_plain(b->pool, ndims, dims), 0, -1, ret_dst);
}

mae_error *mae_dnn_layer_norm(mae_dnn_build *b, int from, int to, int64_t axis, float epsilon, const int factors[2])
{
    layer_norm l = {epsilon, factors[0] >= 0, factors[1] >= 0};
    dnnl_dim_t dims[2];
    dnnl_primitive_desc_t pd;
    mae_dnn_arg args[4];
    size_t n = 2;
    int src, dst;

    if (!as_matrix(&mae_dnn_tensor(b, from)->shape, axis, dims))
        return mae_dnn_unsupported(b, "a layer normalization along that axis");
    MAE_TRY(reshaped_pair(b, from, to, 2, dims, &src, &dst));
    args[0] = (mae_dnn_arg){DNNL_ARG_SRC, src};
    args[1] = (mae_dnn_arg){DNNL_ARG_DST, dst};
    for (int i = 0; i < 2; i++) {
        if (factors[i] < 0)
            continue;
        if (mae_dnn_tensor(b, factors[i])->bytes != (size_t)dims[1] * sizeof(float))
            return mae_dnn_unsupported(b, "a layer normalization with broadcast factors");
        args[n].id = i ? DNNL_ARG_SHIFT : DNNL_ARG_SCALE;
        MAE_TRY(mae_dnn_value_reshaped(b, factors[i], 1, dims + 1, &args[n++].value));
    }
    if (create_layer_norm(b, &l, mae_dnn_at(b, src)->layout, &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN has no implementation for these shapes");
    return mae_dnn_step_add(b, pd, args, n);
}

mae_error *mae_dnn_lower_layer_norm(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const int factors[2] = {mae_dnn_node_input(node, 1), mae_dnn_node_input(node, 2)};

    for (size_t i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0)
            return mae_dnn_unsupported(b, "a layer normalization that also yields statistics");
    return mae_dnn_layer_norm(b, node->inputs[0], node->outputs[0], mae_node_int(node, "axis", -1),
                              mae_node_float(node, "epsilon", 1e-5f), factors);
}

static dnnl_status_t create_lrn(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    const norm *n = ctx;
    return mae_dnn_pd_lrn(n->b->pe->engine, n->layout, (int)mae_node_int(n->node, "size", 1),
                          mae_node_float(n->node, "alpha", 0.0001f), mae_node_float(n->node, "beta", 0.75f),
                          mae_node_float(n->node, "bias", 1.0f), attr, ret_pd);
}

mae_error *mae_dnn_lower_lrn(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int64_t size = mae_node_int(node, "size", 0);
    dnnl_primitive_desc_t pd;
    mae_dnn_chain chain;
    int src;

    if (mae_dnn_tensor(b, node->inputs[0])->shape.rank != 4 || size < 1 || size % 2 == 0 || size > 1023)
        return mae_dnn_unsupported(b, "a local response normalization of this form");
    MAE_TRY(fuse(b, index, create_lrn, &chain, &src, &pd));
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}};
    return mae_dnn_chain_finish(b, &chain, pd, args, 1, -1);
}

/* Since opset 13 along one axis; before, over all axes from there on. Seen as outer x axis x inner. */
mae_error *mae_dnn_lower_softmax(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    int64_t axis = mae_node_int(node, "axis", node->opset >= 13 ? -1 : 1);
    dnnl_dim_t dims[3] = {1, 1, 1};
    dnnl_primitive_desc_t pd;
    int src, dst;

    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis > x->rank || (node->opset >= 13 && axis == x->rank && axis > 0))
        return mae_dnn_unsupported(b, "a softmax along that axis");
    for (int i = 0; i < x->rank; i++)
        dims[i < axis ? 0 : i == axis || node->opset < 13 ? 1 : 2] *= x->dims[i];
    MAE_TRY(reshaped_pair(b, node->inputs[0], node->outputs[0], dims[2] == 1 ? 2 : 3, dims, &src, &dst));
    if (mae_dnn_pd_softmax(b->pe->engine, !strcmp(node->op, "LogSoftmax"), mae_dnn_at(b, src)->layout, 1, b->pe->attr,
                           &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN has no implementation for these shapes");
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}, {DNNL_ARG_DST, dst}};
    return mae_dnn_step_add(b, pd, args, 2);
}
