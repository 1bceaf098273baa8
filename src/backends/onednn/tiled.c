/* ConvTranspose with windows side by side, as a matrix product. */
#include <string.h>

#include "backends/onednn/conv.h"

/* Positions x channels in, times channels in x (channels out, window), per element of the batch. */
typedef struct tiles {
    mae_dnn_conv *c;
    int spatial, ndims;
    dnnl_dim_t batch, positions, in, window, columns;
    mae_dnn_layout src, weights, bias, dst;
} tiles;

bool mae_dnn_conv_is_tiled(const mae_dnn_conv *c)
{
    bool tiled = c->transposed && c->groups == 1 && c->constant;

    for (int i = 0; i < c->ndims - 2; i++)
        tiled = tiled && c->desc.strides[i] == c->weight_dims[i + 2] && c->desc.dilates[i] == 0 &&
                c->desc.pad_low[i] == 0 && c->desc.pad_high[i] == 0;
    return tiled;
}

static mae_error *describe(tiles *t)
{
    mae_dnn_pool *pool = t->c->b->pool;
    int first = t->batch == 1; /* of three axes, the batch is left out */
    const dnnl_dims_t src = {t->batch, t->positions, t->in}, strides = {t->positions * t->in, 1, t->positions};
    const dnnl_dims_t weights = {1, t->in, t->columns}, bias = {1, 1, t->columns};
    const dnnl_dims_t dst = {t->batch, t->positions, t->columns};

    t->ndims = 3 - first;
    t->src = mae_dnn_layout_strided(pool, t->ndims, src + first, strides + first);
    t->weights = mae_dnn_layout_plain(pool, t->ndims, weights + first);
    t->bias = mae_dnn_layout_plain(pool, t->ndims, bias + first);
    t->dst = mae_dnn_layout_plain(pool, t->ndims, dst + first);
    return t->src && t->weights && t->bias && t->dst ? NULL : mae_error_nomem();
}

static dnnl_status_t create(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    tiles *t = ctx;
    const mae_dnn_matmul_desc d = {t->src, t->weights, t->bias, t->dst};
    return mae_dnn_pd_matmul(t->c->b->pe->engine, &d, 0, attr, ret_pd);
}

/* Functions can be applied before the results are put in order; other operands would have to be put so, too. */
static void keep_functions(mae_dnn_chain *chain)
{
    size_t n = 0;

    while (n < chain->n_posts && chain->posts[n].kind == MAE_DNN_POST_FUNCTION)
        n++;
    mae_dnn_chain_cut(chain, n);
}

/* Every channel's bias once per element of its window. */
static mae_error *bias_value(const tiles *t, const mae_dnn_chain *chain, int *ret_value)
{
    const mae_dnn_conv *c = t->c;
    const dnnl_dims_t dims = {1, 1, t->columns};
    float *own = mae_dnn_conv_bias(c, chain);
    float *all = mae_arena_array(c->b->pool->arena, (size_t)t->columns, sizeof(float));

    if (!own || !all)
        return mae_error_nomem();
    for (size_t i = 0; i < (size_t)t->columns; i++)
        all[i] = own[i / (size_t)t->window];
    return mae_dnn_constant_copy(c->b, all, t->ndims, dims + 3 - t->ndims, ret_value);
}

static mae_error *product(const tiles *t, const mae_dnn_chain *chain, mae_dnn_arg *args)
{
    mae_dnn_build *b = t->c->b;
    float *w;
    int dense, src, weights, bias, dst;

    MAE_TRY(mae_dnn_value_dense(b, t->c->src, &dense));
    MAE_TRY(mae_dnn_value_view(b, dense, t->src, 0, -1, &src));
    MAE_TRY(mae_dnn_weights(b, t->c->weights, &w));
    if (w && chain->scale)
        mae_dnn_conv_scale(t->c, chain->scale, w);
    MAE_TRY(mae_dnn_constant(b, w, t->weights, t->weights, &weights));
    MAE_TRY(bias_value(t, chain, &bias));
    MAE_TRY(mae_dnn_value_new(b, t->dst, -1, &dst));
    args[0] = (mae_dnn_arg){DNNL_ARG_SRC, src};
    args[1] = (mae_dnn_arg){DNNL_ARG_WEIGHTS, weights};
    args[2] = (mae_dnn_arg){DNNL_ARG_BIAS, bias};
    args[3] = (mae_dnn_arg){DNNL_ARG_DST, dst};
    return NULL;
}

/* From positions x (channels, window) to channels x (position, element of the window) along every axis. */
static mae_error *put_in_order(const tiles *t, int from, int tensor)
{
    const mae_dnn_conv *c = t->c;
    mae_dnn_build *b = c->b;
    dnnl_dims_t dims = {t->batch, c->channels}, strides = {t->positions * t->columns, t->window}, out_dims;
    dnnl_dim_t position = t->columns, element = 1;
    int n = 2 + 2 * t->spatial, seen, dst, whole, out_ndims = mae_dnn_dims(b, tensor, out_dims);

    for (int i = t->spatial - 1; i >= 0; i--) {
        dims[2 + 2 * i] = c->src_dims[2 + i];
        dims[3 + 2 * i] = c->weight_dims[2 + i];
        strides[2 + 2 * i] = position;
        strides[3 + 2 * i] = element;
        position *= c->src_dims[2 + i];
        element *= c->weight_dims[2 + i];
    }
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, out_ndims, out_dims);
    if (!plain)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_view(b, from, mae_dnn_layout_strided(b->pool, n, dims, strides), 0, -1, &seen));
    MAE_TRY(mae_dnn_value_new(b, plain, tensor, &whole));
    MAE_TRY(mae_dnn_value_view(b, whole, mae_dnn_layout_plain(b->pool, n, dims), 0, -1, &dst));
    return mae_dnn_reorder(b, seen, dst);
}

mae_error *mae_dnn_lower_tiled(mae_dnn_conv *c, mae_dnn_chain *chain)
{
    mae_dnn_build *b = c->b;
    tiles t = {
        .c = c, .spatial = c->ndims - 2, .batch = c->src_dims[0], .positions = 1, .in = c->src_dims[1], .window = 1};
    dnnl_primitive_desc_t pd;
    mae_dnn_arg args[4];

    for (int i = 0; i < t.spatial; i++) {
        t.positions *= c->src_dims[2 + i];
        t.window *= c->weight_dims[2 + i];
    }
    t.columns = c->channels * t.window;
    keep_functions(chain);
    MAE_TRY(describe(&t));
    MAE_TRY(mae_dnn_chain_fuse(b, chain, create, &t, &pd));
    mae_error *error = product(&t, chain, args);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    MAE_TRY(mae_dnn_step_add(b, pd, args, 4));
    for (size_t i = 0; i < chain->n_nodes; i++)
        b->done[chain->nodes[i] - b->first_node] = true;
    return put_in_order(&t, args[3].value, chain->n_posts ? chain->posts[chain->n_posts - 1].out : chain->out);
}
