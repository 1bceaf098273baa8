/* How much of a chain one primitive does, and what it is given. */
#include "backends/onednn/chain.h"

#include <string.h>

#define MOST_ARGS (8 + MAE_DNN_MOST_POSTS)

/* May the chain's i-th post-operation write over this value of its operand? Needed by nobody else: nor by the primitive
 * itself, or by another post-operation. */
static bool can_sum_over(const mae_dnn_build *b, const mae_dnn_chain *chain, size_t i, int value)
{
    size_t before = i ? chain->posts[i - 1].n_nodes : 1 + chain->n_folded;
    return mae_dnn_can_overwrite(b, value, chain->nodes + before, chain->posts[i].n_nodes - before);
}

/* The residual that may be summed in place: added in full, computed before, needed by nobody else. */
static int find_sum(const mae_dnn_build *b, const mae_dnn_chain *chain)
{
    for (size_t i = 0; i < chain->n_posts; i++) {
        const mae_dnn_post *post = &chain->posts[i];
        if (post->kind != MAE_DNN_POST_BINARY || post->alg != dnnl_binary_add || !post->full)
            continue;
        if (mae_dnn_tensor(b, post->tensor)->is_constant || b->heads[post->tensor] < 0)
            continue;
        if (can_sum_over(b, chain, i, b->heads[post->tensor]))
            return (int)i;
    }
    return -1;
}

static dnnl_status_t append(mae_dnn_build *b, const mae_dnn_post *post, dnnl_post_ops_t ops)
{
    mae_dnn_layout layout;

    switch (post->kind) {
    case MAE_DNN_POST_FUNCTION:
        return mae_dnn_append_eltwise(ops, post->function.alg, post->function.alpha, post->function.beta);
    case MAE_DNN_POST_SUM:
        return mae_dnn_append_sum(ops);
    default: /* a full operand comes in the result's layout, whatever that will be */
        layout = post->full ? mae_dnn_layout_any(b->pool, post->ndims, post->dims)
                            : mae_dnn_layout_plain(b->pool, post->ndims, post->dims);
        return layout ? dnnl_post_ops_append_binary(ops, post->alg, layout) : dnnl_out_of_memory;
    }
}

/* Tries the primitive with the first `n` post-operations. */
static dnnl_status_t try_posts(mae_dnn_build *b, const mae_dnn_chain *chain, size_t n, mae_dnn_create_fn *create,
                               void *ctx, dnnl_primitive_desc_t *ret_pd)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);

    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_post_ops_create(&ops);
    for (size_t i = 0; status == dnnl_success && i < n; i++)
        status = append(b, &chain->posts[i], ops);
    if (status == dnnl_success && n > 0)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    if (status == dnnl_success)
        status = create(ctx, attr, ret_pd);
    dnnl_post_ops_destroy(ops);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* The best found so far, and how it was made. */
typedef struct attempt {
    dnnl_primitive_desc_t pd;
    size_t n_posts;
    int sum; /* post-operation done as a sum in place, or -1 */
} attempt;

static bool can_end(const mae_dnn_chain *chain, size_t n)
{
    return n == 0 || chain->posts[n - 1].out >= 0;
}

/* The longest part of the chain that the library does without falling back to a reference implementation; if it
 * has nothing better, the longest with that. */
static void search(mae_dnn_build *b, mae_dnn_chain *chain, int sum, mae_dnn_create_fn *create, void *ctx, attempt *best)
{
    for (size_t n = chain->n_posts + 1; n-- > 0;) {
        if (!can_end(chain, n))
            continue;
        for (int with_sum = sum >= 0 && (size_t)sum < n; with_sum >= 0; with_sum--) {
            dnnl_primitive_desc_t pd;
            if (sum >= 0)
                chain->posts[sum].kind = with_sum ? MAE_DNN_POST_SUM : MAE_DNN_POST_BINARY;
            if (try_posts(b, chain, n, create, ctx, &pd) != dnnl_success)
                continue;
            bool slow = mae_dnn_is_reference(pd);
            if (slow && best->pd) {
                dnnl_primitive_desc_destroy(pd);
                continue;
            }
            dnnl_primitive_desc_destroy(best->pd);
            *best = (attempt){pd, n, with_sum ? sum : -1};
            if (!slow)
                return;
        }
    }
}

void mae_dnn_chain_cut(mae_dnn_chain *chain, size_t n)
{
    while (!can_end(chain, n))
        n--;
    chain->n_posts = n;
    chain->n_nodes = n ? chain->posts[n - 1].n_nodes : 1 + chain->n_folded;
}

mae_error *mae_dnn_chain_fuse(mae_dnn_build *b, mae_dnn_chain *chain, mae_dnn_create_fn *create, void *ctx,
                              dnnl_primitive_desc_t *ret_pd)
{
    attempt best = {NULL, 0, -1};
    int sum = find_sum(b, chain);

    search(b, chain, sum, create, ctx, &best);
    if (!best.pd)
        return mae_dnn_unsupported(b, "oneDNN has no implementation for these shapes");
    if (sum >= 0)
        chain->posts[sum].kind = best.sum >= 0 ? MAE_DNN_POST_SUM : MAE_DNN_POST_BINARY;
    chain->n_nodes = best.n_posts ? chain->posts[best.n_posts - 1].n_nodes : 1 + chain->n_folded;
    chain->n_posts = best.n_posts;
    *ret_pd = best.pd;
    return NULL;
}

dnnl_status_t mae_dnn_chain_again(mae_dnn_build *b, const mae_dnn_chain *chain, mae_dnn_create_fn *create, void *ctx,
                                  dnnl_primitive_desc_t *ret_pd)
{
    return try_posts(b, chain, chain->n_posts, create, ctx, ret_pd);
}

static bool sees_tensor(const mae_dnn_build *b, const mae_dnn_chain *chain, int tensor)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims);
    return ndims == chain->ndims && !memcmp(dims, chain->dims, (size_t)ndims * sizeof(*dims));
}

static mae_error *binary_operand(mae_dnn_build *b, const mae_dnn_chain *chain, const mae_dnn_post *post,
                                 const_dnnl_primitive_desc_t pd, int id, int *ret_value)
{
    if (!post->full || !sees_tensor(b, chain, post->tensor))
        return mae_dnn_value_reshaped(b, post->tensor, post->ndims, post->dims, ret_value);
    return mae_dnn_value_as(b, post->tensor, mae_dnn_query(pd, dnnl_query_exec_arg_md, id), ret_value);
}

/* The result in the residual's memory, if it lies somewhere as the primitive wants it; else a copy. */
static mae_error *sum_result(mae_dnn_build *b, const mae_dnn_chain *chain, int sum, mae_dnn_layout layout, int tensor,
                             int *ret_value)
{
    int residual = chain->posts[sum].tensor, native;

    MAE_TRY(mae_dnn_value_native(b, residual, &native));
    for (int v = b->heads[residual]; v >= 0; v = mae_dnn_at(b, v)->next)
        if (dnnl_memory_desc_equal(mae_dnn_at(b, v)->layout, layout) && can_sum_over(b, chain, (size_t)sum, v))
            return mae_dnn_value_view(b, v, mae_dnn_at(b, v)->layout, 0, tensor, ret_value);
    MAE_TRY(mae_dnn_value_new(b, layout, tensor, ret_value));
    return mae_dnn_reorder(b, native, *ret_value);
}

/* The post-operation done as a sum in place, or -1. */
static int sum_of(const mae_dnn_chain *chain)
{
    for (size_t i = 0; i < chain->n_posts; i++)
        if (chain->posts[i].kind == MAE_DNN_POST_SUM)
            return (int)i;
    return -1;
}

/* The value that belongs to the chain's last tensor, and that value as the primitive sees it. */
static mae_error *result(mae_dnn_build *b, const mae_dnn_chain *chain, mae_dnn_layout layout, int over, int *ret_value)
{
    int tensor = chain->n_posts ? chain->posts[chain->n_posts - 1].out : chain->out;
    dnnl_dims_t dims;
    int value, sum = sum_of(chain);

    if (sees_tensor(b, chain, tensor)) {
        if (sum >= 0)
            return sum_result(b, chain, sum, layout, tensor, ret_value);
        if (over >= 0 && mae_dnn_can_overwrite(b, over, chain->nodes, 1) &&
            dnnl_memory_desc_equal(mae_dnn_at(b, over)->layout, layout))
            return mae_dnn_value_view(b, over, mae_dnn_at(b, over)->layout, 0, tensor, ret_value);
        return mae_dnn_value_new(b, layout, tensor, ret_value);
    }
    int ndims = mae_dnn_dims(b, tensor, dims);
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, ndims, dims), own = mae_dnn_layout_copy(b->pool, layout);
    if (!plain || !own)
        return mae_error_nomem();
    if (!mae_dnn_is_dense(own))
        return mae_dnn_unsupported(b, "oneDNN's result is not dense");
    if (sum >= 0)
        MAE_TRY(sum_result(b, chain, sum, plain, tensor, &value));
    else if (over >= 0 && mae_dnn_can_overwrite(b, over, chain->nodes, 1) &&
             dnnl_memory_desc_equal(mae_dnn_at(b, over)->layout, own))
        MAE_TRY(mae_dnn_value_view(b, over, plain, 0, tensor, &value));
    else
        MAE_TRY(mae_dnn_value_new(b, plain, tensor, &value));
    return mae_dnn_value_view(b, value, own, 0, -1, ret_value);
}

static mae_error *add_step(mae_dnn_build *b, const mae_dnn_chain *chain, dnnl_primitive_desc_t pd,
                           const mae_dnn_arg *args, size_t n_args, int over, mae_dnn_arg *all, size_t *ret_n)
{
    int value;

    memcpy(all, args, n_args * sizeof(*args));
    for (size_t i = 0; i < chain->n_posts; i++) {
        int id = DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)i) | DNNL_ARG_SRC_1;
        if (chain->posts[i].kind != MAE_DNN_POST_BINARY)
            continue;
        MAE_TRY(binary_operand(b, chain, &chain->posts[i], pd, id, &value));
        all[n_args++] = (mae_dnn_arg){id, value};
    }
    MAE_TRY(result(b, chain, mae_dnn_query(pd, dnnl_query_dst_md, 0), over, &value));
    all[n_args++] = (mae_dnn_arg){DNNL_ARG_DST, value};
    *ret_n = n_args;
    return NULL;
}

mae_error *mae_dnn_chain_finish(mae_dnn_build *b, const mae_dnn_chain *chain, dnnl_primitive_desc_t pd,
                                const mae_dnn_arg *args, size_t n_args, int over)
{
    mae_dnn_arg all[MOST_ARGS];
    size_t n;
    mae_error *error = add_step(b, chain, pd, args, n_args, over, all, &n);

    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    for (size_t i = 0; i < chain->n_nodes; i++)
        b->done[chain->nodes[i] - b->first_node] = true;
    return mae_dnn_step_add(b, pd, all, n);
}
