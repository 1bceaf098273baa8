/* Element-wise operators of one tensor. */
#include <string.h>

#include "backends/onednn/chain.h"
#include "backends/onednn/lower.h"

/* One function; in place where the input is not needed any more. */
static mae_error *apply(mae_dnn_build *b, const mae_dnn_function *f, int src, int node, int tensor, int *ret_dst)
{
    dnnl_primitive_desc_t pd;
    mae_dnn_layout layout = mae_dnn_at(b, src)->layout;

    if (tensor < 0)
        *ret_dst = src;
    else
        MAE_TRY(mae_dnn_value_over(b, src, node, layout, tensor, ret_dst));
    layout = mae_dnn_at(b, src)->layout;
    if (mae_dnn_pd_eltwise(b->pe->engine, f->alg, layout, f->alpha, f->beta, b->pe->attr, &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN does not have this function");
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}, {DNNL_ARG_DST, *ret_dst}};
    return mae_dnn_step_add(b, pd, args, 2);
}

static bool contains(const mae_dnn_region *region, int node)
{
    for (size_t i = 0; i < region->n_nodes; i++)
        if (region->nodes[i] == node)
            return true;
    return false;
}

/* The operand of `node` that it is a function of: the first that is not a constant. */
static int variable_operand(const mae_dnn_build *b, const mae_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] >= 0 && !mae_dnn_tensor(b, node->inputs[i])->is_constant)
            return node->inputs[i];
    return -1;
}

/* The function, alone or with the nodes it makes up a larger one with. False if it is none. */
static bool find(const mae_dnn_build *b, int index, int tensor, mae_dnn_region *ret_region)
{
    if (mae_dnn_region_find(b, tensor, false, ret_region) && contains(ret_region, index))
        return true;
    ret_region->nodes[0] = index;
    ret_region->n_nodes = 1;
    ret_region->out = b->graph->nodes[index].outputs[0];
    return mae_dnn_function_of(b, index, tensor, ret_region->functions, &ret_region->n_functions);
}

/* The tensor as it is, unless the library has fast code only for row-major order: the channels that fill up a
 * block must stay 0, and not every function keeps a 0. */
static mae_error *source(mae_dnn_build *b, int tensor, const mae_dnn_function *f, int *ret_src)
{
    dnnl_primitive_desc_t pd;

    MAE_TRY(mae_dnn_value_native(b, tensor, ret_src));
    mae_dnn_layout layout = mae_dnn_at(b, *ret_src)->layout;
    if (mae_dnn_pd_eltwise(b->pe->engine, f->alg, layout, f->alpha, f->beta, b->pe->attr, &pd) == dnnl_success) {
        bool fast = !mae_dnn_is_reference(pd);
        dnnl_primitive_desc_destroy(pd);
        if (fast)
            return NULL;
    }
    return mae_dnn_value_dense(b, tensor, ret_src);
}

static mae_error *lower_region(mae_dnn_build *b, int index, int tensor, const mae_dnn_region *region)
{
    int src, dst;

    MAE_TRY(source(b, tensor, &region->functions[0], &src));
    for (size_t i = 0; i < region->n_nodes; i++)
        b->done[region->nodes[i] - b->first_node] = true;
    MAE_TRY(apply(b, &region->functions[0], src, index, region->out, &dst));
    for (size_t i = 1; i < region->n_functions; i++)
        MAE_TRY(apply(b, &region->functions[i], dst, index, -1, &dst));
    return NULL;
}

bool mae_dnn_is_function(const mae_dnn_build *b, int index)
{
    int tensor = variable_operand(b, &b->graph->nodes[index]);
    mae_dnn_region region;

    return tensor >= 0 && find(b, index, tensor, &region);
}

mae_error *mae_dnn_lower_eltwise(mae_dnn_build *b, int index)
{
    int tensor = variable_operand(b, &b->graph->nodes[index]);
    mae_dnn_region region;

    if (tensor < 0 || !find(b, index, tensor, &region))
        return mae_dnn_unsupported(b, "oneDNN does not have this function");
    return lower_region(b, index, tensor, &region);
}

/* PReLU by slopes that differ between channels, or elements. */
mae_error *mae_dnn_lower_prelu(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int tensor = node->inputs[0], slopes = node->inputs[1], src, weights, dst;
    const mae_shape *slope = &mae_dnn_tensor(b, slopes)->shape;
    dnnl_dims_t dims, wide;
    dnnl_primitive_desc_t pd;
    int ndims = mae_dnn_dims(b, tensor, dims);

    if (slope->rank > ndims || !mae_dnn_same_shape(b, tensor, node->outputs[0]) ||
        (mae_dnn_tensor(b, slopes)->is_constant && !mae_dnn_is_weight(b, slopes)))
        return mae_dnn_unsupported(b, "a PRelu of this form");
    for (int i = 0; i < ndims; i++)
        wide[i] = i < ndims - slope->rank ? 1 : slope->dims[i - (ndims - slope->rank)];
    mae_dnn_layout any = mae_dnn_layout_any(b->pool, ndims, wide);
    if (!any)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_reshaped(b, slopes, ndims, wide, &weights));
    MAE_TRY(mae_dnn_value_native(b, tensor, &src));
    if (mae_dnn_pd_prelu(b->pe->engine, mae_dnn_at(b, src)->layout, any, b->pe->attr, &pd) != dnnl_success) {
        MAE_TRY(mae_dnn_value_dense(b, tensor, &src));
        if (mae_dnn_pd_prelu(b->pe->engine, mae_dnn_at(b, src)->layout, any, b->pe->attr, &pd) != dnnl_success)
            return mae_dnn_unsupported(b, "oneDNN does not broadcast these slopes");
    }
    mae_dnn_layout layout = mae_dnn_at(b, src)->layout;
    mae_dnn_layout wanted = mae_dnn_layout_copy(b->pool, mae_dnn_query(pd, dnnl_query_weights_md, 0));
    mae_error *error = wanted ? NULL : mae_error_nomem();
    if (!error && !dnnl_memory_desc_equal(wanted, mae_dnn_at(b, weights)->layout)) {
        int plain = weights;
        error = mae_dnn_value_new(b, wanted, -1, &weights);
        if (!error)
            error = mae_dnn_reorder(b, plain, weights);
    }
    if (!error)
        error = mae_dnn_value_over(b, src, index, layout, node->outputs[0], &dst);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, dst}};
    return mae_dnn_step_add(b, pd, args, 3);
}
