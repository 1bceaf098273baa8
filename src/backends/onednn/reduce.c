/* Reductions along any axes. */
#include <string.h>

#include "backends/onednn/lower.h"

static const struct reduction {
    const char *op;
    dnnl_alg_kind_t alg;
    float p;
} reductions[] = {
    {"ReduceMean", dnnl_reduction_mean, 0.0f},      {"ReduceSum", dnnl_reduction_sum, 0.0f},
    {"ReduceMax", dnnl_reduction_max, 0.0f},        {"ReduceMin", dnnl_reduction_min, 0.0f},
    {"ReduceProd", dnnl_reduction_mul, 0.0f},       {"ReduceL1", dnnl_reduction_norm_lp_power_p_sum, 1.0f},
    {"ReduceL2", dnnl_reduction_norm_lp_sum, 2.0f}, {"ReduceSumSquare", dnnl_reduction_norm_lp_power_p_sum, 2.0f},
};

/* Which axes go; no axes given means all, or none. */
static bool reduced_axes(const mae_dnn_build *b, const mae_node *node, bool *gone)
{
    int rank = mae_dnn_tensor(b, node->inputs[0])->shape.rank, n;
    int64_t axes[MAE_MAX_RANK];

    if (!mae_dnn_int_list(b, node, 1, "axes", MAE_MAX_RANK, axes, &n))
        return false;
    bool all = n <= 0 && !mae_node_int(node, "noop_with_empty_axes", 0);
    for (int i = 0; i < rank; i++)
        gone[i] = all;
    for (int i = 0; i < n; i++) {
        int64_t axis = axes[i] + (axes[i] < 0 ? rank : 0);
        if (axis < 0 || axis >= rank)
            return false;
        gone[axis] = true;
    }
    return true;
}

/* Neighbours that both go or both stay are one axis. */
static int merge(const mae_shape *x, const bool *gone, dnnl_dim_t *from, dnnl_dim_t *to)
{
    int n = 0;

    for (int i = 0; i < x->rank; i++) {
        if (x->dims[i] == 1)
            continue;
        if (n == 0 || gone[i] != (to[n - 1] == 1)) {
            from[n] = x->dims[i];
            to[n++] = gone[i] ? 1 : x->dims[i];
        } else {
            from[n - 1] *= x->dims[i];
            to[n - 1] *= gone[i] ? 1 : x->dims[i];
        }
    }
    return n;
}

/* Mean and maximum over all spatial axes, and no others, are what pooling is fast at. */
static bool is_spatial(const mae_node *node, const mae_shape *x, const bool *gone)
{
    if ((strcmp(node->op, "ReduceMean") != 0 && strcmp(node->op, "ReduceMax") != 0) || x->rank < 3 || x->rank > 5)
        return false;
    for (int i = 0; i < x->rank; i++)
        if (gone[i] != (i >= 2))
            return false;
    return true;
}

mae_error *mae_dnn_lower_reduce(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape;
    const struct reduction *r = NULL;
    bool gone[MAE_MAX_RANK], done = false;
    dnnl_dims_t from, to, dims;
    dnnl_primitive_desc_t pd;
    int src, dst, view;

    for (size_t i = 0; i < sizeof(reductions) / sizeof(reductions[0]); i++)
        r = strcmp(node->op, reductions[i].op) ? r : &reductions[i];
    if (!r || !reduced_axes(b, node, gone))
        return mae_dnn_unsupported(b, "a reduction along axes that are not constant");
    MAE_TRY(mae_dnn_lower_written_norm(b, index, &done));
    if (done)
        return NULL;
    if (is_spatial(node, x, gone))
        return mae_dnn_lower_global_pool(b, index);
    int ndims = merge(x, gone, from, to);
    bool nothing = ndims == 0 || (ndims == 1 && to[0] != 1);
    if (nothing && r->p != 2.0f && r->p != 1.0f)
        return mae_dnn_lower_reshape(b, index);
    if (nothing)
        return mae_dnn_unsupported(b, "a norm of single elements");
    MAE_TRY(mae_dnn_value_reshaped(b, node->inputs[0], ndims, from, &src));
    int out_ndims = mae_dnn_dims(b, node->outputs[0], dims);
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, out_ndims, dims);
    if (!plain)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_new(b, plain, node->outputs[0], &dst));
    MAE_TRY(mae_dnn_value_view(b, dst, mae_dnn_layout_plain(b->pool, ndims, to), 0, -1, &view));
    if (mae_dnn_pd_reduction(b->pe->engine, r->alg, mae_dnn_at(b, src)->layout, mae_dnn_at(b, view)->layout, r->p,
                             b->pe->attr, &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN has no such reduction");
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, src}, {DNNL_ARG_DST, view}};
    return mae_dnn_step_add(b, pd, args, 2);
}
