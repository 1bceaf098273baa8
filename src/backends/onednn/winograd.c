/* A 3x3 convolution by Winograd's F(4x4, 3x3).
 *
 * The library has it for AVX-512 only. Here its products, a quarter of the multiplications of the direct way, are one
 * 1x1 convolution of the library with a group per element of a tile; what goes before and after are kernels of mae's.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/choice.h"
#include "backends/onednn/conv.h"

/* Limits of the result from the functions that follow: none, a Relu or a Clip. */
static bool take_limits(const mae_dnn_chain *chain, size_t *at, float *low, float *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    for (; *at < chain->n_posts && chain->posts[*at].kind == MAE_DNN_POST_FUNCTION; ++*at) {
        const mae_dnn_function *f = &chain->posts[*at].function;
        bool relu = f->alg == dnnl_eltwise_relu && f->alpha == 0.0f;
        if (!relu && f->alg != dnnl_eltwise_clip)
            return false;
        *low = fmaxf(*low, relu ? 0.0f : f->alpha);
        *high = fminf(*high, relu ? INFINITY : f->beta);
        if (*low > *high)
            return false;
    }
    return true;
}

/* Can the kernel do all that follows? */
static bool take_posts(const mae_dnn_chain *chain, mae_dnn_winograd *w, size_t *ret_addition)
{
    size_t at = 0;

    if (!take_limits(chain, &at, &w->low[0], &w->high[0]))
        return false;
    *ret_addition = at;
    w->adds = at < chain->n_posts;
    if (w->adds && (!chain->posts[at].full || chain->posts[at].alg != dnnl_binary_add))
        return false;
    at += w->adds;
    return take_limits(chain, &at, &w->low[1], &w->high[1]) && at == chain->n_posts;
}

static mae_dnn_winograd describe(const mae_dnn_conv *c, size_t block)
{
    mae_dnn_winograd w = {.batch = (size_t)c->src_dims[0],
                          .block = block,
                          .in_blocks = (size_t)c->src_dims[1] / block,
                          .out_blocks = (size_t)c->dst_dims[1] / block,
                          .in_height = (int)c->src_dims[2],
                          .in_width = (int)c->src_dims[3],
                          .out_height = (int)c->dst_dims[2],
                          .out_width = (int)c->dst_dims[3],
                          .pads = {(int)c->desc.pad_low[0], (int)c->desc.pad_low[1]}};

    w.tiles_down = (w.out_height + MAE_DNN_WINOGRAD_TILE - 1) / MAE_DNN_WINOGRAD_TILE;
    w.tiles_across = (w.out_width + MAE_DNN_WINOGRAD_TILE - 1) / MAE_DNN_WINOGRAD_TILE;
    w.row = w.batch * (size_t)w.tiles_down * (size_t)w.tiles_across;
    w.row += w.row % 16 == 0; /* else a tile's elements would fight for the same lines of the cache */
    return w;
}

/* The products, as a 1x1 convolution whose groups are the elements of a tile. */
static bool describe_products(const mae_dnn_conv *c, const mae_dnn_winograd *w, mae_dnn_conv_desc *desc)
{
    mae_dnn_pool *pool = c->b->pool;
    const dnnl_dim_t points = MAE_DNN_WINOGRAD_POINTS, row = (dnnl_dim_t)w->row;
    const dnnl_dims_t src = {1, points * c->src_dims[1], 1, row}, dst = {1, points * c->dst_dims[1], 1, row};
    const dnnl_dims_t weights = {points, c->dst_dims[1], c->src_dims[1], 1, 1};

    memset(desc, 0, sizeof(*desc));
    desc->src = mae_dnn_layout_blocked(pool, 4, src);
    desc->weights = mae_dnn_layout_any(pool, 5, weights);
    desc->dst = mae_dnn_layout_blocked(pool, 4, dst);
    desc->strides[0] = desc->strides[1] = 1;
    return desc->src && desc->weights && desc->dst;
}

static bool make_products(const mae_dnn_conv *c, const mae_dnn_winograd *w, dnnl_primitive_desc_t *ret_pd)
{
    mae_dnn_conv_desc desc;

    if (!describe_products(c, w, &desc) ||
        mae_dnn_pd_conv(c->b->pe->engine, &desc, c->b->pe->attr, ret_pd) != dnnl_success)
        return false;
    if (mae_dnn_is_generated(*ret_pd))
        return true;
    dnnl_primitive_desc_destroy(*ret_pd);
    return false;
}

/* Is it of the form that this can do? The kernel takes the channels in whole blocks of eight or more. */
static bool fits(const mae_dnn_conv *c, const mae_dnn_chain *chain, size_t *ret_block)
{
    mae_dnn_winograd w;
    size_t addition;

    if (c->transposed || !c->constant || c->groups != 1 || c->ndims != 4)
        return false;
    for (int i = 0; i < 2; i++)
        if (c->weight_dims[2 + i] != 3 || c->desc.strides[i] != 1 || c->desc.dilates[i] != 0 || c->desc.pad_low[i] < 0)
            return false;
    *ret_block = mae_dnn_whole_block(c->b, 4, c->src_dims);
    return *ret_block >= 8 && mae_dnn_whole_block(c->b, 4, c->dst_dims) == *ret_block &&
           take_posts(chain, &w, &addition);
}

/* Adds the three steps. The weights lie as [point][out][in], or, if they are not `in_order`, as the library wants them.
 * `last` are the kernel's values after the products: bias, result, and what is added. */
static mae_error *add_steps(mae_dnn_build *b, const mae_dnn_conv *c, const mae_dnn_winograd *w, int src, float *weights,
                            bool in_order, const int *last, size_t n_last)
{
    const dnnl_dim_t points = MAE_DNN_WINOGRAD_POINTS;
    const dnnl_dims_t dims = {points, c->dst_dims[1], c->src_dims[1], 1, 1};
    size_t tiles = w->row * w->block * MAE_DNN_WINOGRAD_POINTS;
    dnnl_primitive_desc_t pd;
    int values[3] = {src}, factors;

    if (!make_products(c, w, &pd)) {
        free(weights);
        return mae_dnn_unsupported(b, "oneDNN has no implementation for these shapes");
    }
    mae_dnn_layout wanted = mae_dnn_query(pd, dnnl_query_weights_md, 0);
    mae_dnn_layout given = in_order ? mae_dnn_layout_plain(b->pool, 5, dims) : wanted;
    mae_error *error = mae_dnn_constant(b, weights, given, wanted, &factors);
    if (!error)
        error = mae_dnn_value_new(b, mae_dnn_query(pd, dnnl_query_src_md, 0), -1, &values[1]);
    if (!error)
        error = mae_dnn_value_new(b, mae_dnn_query(pd, dnnl_query_dst_md, 0), -1, &values[2]);
    if (!error)
        error = mae_dnn_step_kernel(b, mae_dnn_kernel_winograd_in, w, sizeof(*w), values, 2, tiles * w->in_blocks);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC, values[1]}, {DNNL_ARG_WEIGHTS, factors}, {DNNL_ARG_DST, values[2]}};
    MAE_TRY(mae_dnn_step_add(b, pd, args, 3));
    int out[MAE_DNN_MOST_KERNEL_ARGS] = {values[2]};
    memcpy(out + 1, last, n_last * sizeof(*last));
    return mae_dnn_step_kernel(b, mae_dnn_kernel_winograd_out, w, sizeof(*w), out, n_last + 1, tiles * w->out_blocks);
}

/* ---- Which way is faster ---- */

typedef struct rivals {
    const mae_dnn_conv *c;
    mae_dnn_winograd w;
} rivals;

/* A source that is filled first, so that nothing is computed with what happens to be in the memory. */
static mae_error *new_source(mae_dnn_build *b, mae_dnn_layout layout, int *ret_src)
{
    MAE_TRY(mae_dnn_value_new(b, layout, -1, ret_src));
    return mae_dnn_step_fill(b, *ret_src, 0.5f);
}

static mae_error *zeros(mae_dnn_layout layout, float **ret_zeros)
{
    size_t bytes = mae_dnn_bytes(layout);

    *ret_zeros = mae_dnn_alloc(bytes);
    if (!*ret_zeros)
        return mae_error_nomem();
    memset(*ret_zeros, 0, bytes);
    return NULL;
}

static mae_error *direct_values(mae_dnn_build *b, const_dnnl_primitive_desc_t pd, mae_dnn_arg *args)
{
    static const struct {
        dnnl_query_t what;
        int id;
    } constants[] = {{dnnl_query_weights_md, DNNL_ARG_WEIGHTS}, {dnnl_query_weights_md, DNNL_ARG_BIAS}};

    args[0].id = DNNL_ARG_SRC;
    args[1].id = DNNL_ARG_DST;
    MAE_TRY(new_source(b, mae_dnn_query(pd, dnnl_query_src_md, 0), &args[0].value));
    MAE_TRY(mae_dnn_value_new(b, mae_dnn_query(pd, dnnl_query_dst_md, 0), -1, &args[1].value));
    for (int i = 0; i < 2; i++) {
        mae_dnn_layout layout = mae_dnn_query(pd, constants[i].what, i);
        float *data;
        MAE_TRY(zeros(layout, &data));
        args[2 + i].id = constants[i].id;
        MAE_TRY(mae_dnn_constant(b, data, layout, layout, &args[2 + i].value));
    }
    return NULL;
}

static mae_error *direct_way(mae_dnn_build *b, const void *ctx)
{
    const rivals *r = ctx;
    const dnnl_dims_t channels = {r->c->channels};
    mae_dnn_conv_desc desc = r->c->desc;
    dnnl_primitive_desc_t pd;
    mae_dnn_arg args[4];

    desc.bias = mae_dnn_layout_plain(b->pool, 1, channels);
    if (mae_dnn_pd_conv(b->pe->engine, &desc, b->pe->attr, &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN has no implementation for these shapes");
    mae_error *error = direct_values(b, pd, args);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    return mae_dnn_step_add(b, pd, args, 4);
}

static mae_error *winograd_way(mae_dnn_build *b, const void *ctx)
{
    const rivals *r = ctx;
    const mae_dnn_conv *c = r->c;
    const dnnl_dim_t points = MAE_DNN_WINOGRAD_POINTS;
    const dnnl_dims_t dims = {points, c->channels, c->src_dims[1]}, channels = {c->channels};
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, 3, dims), one = mae_dnn_layout_plain(b->pool, 1, channels);
    float *weights, *bias;
    int src, last[2];

    MAE_TRY(new_source(b, mae_dnn_layout_blocked(b->pool, 4, c->src_dims), &src));
    MAE_TRY(zeros(one, &bias));
    MAE_TRY(mae_dnn_constant(b, bias, one, one, &last[0]));
    MAE_TRY(mae_dnn_value_new(b, mae_dnn_layout_blocked(b->pool, 4, c->dst_dims), -1, &last[1]));
    MAE_TRY(zeros(plain, &weights));
    return add_steps(b, c, &r->w, src, weights, false, last, 2);
}

/* By measuring, without what follows: that is the same work either way. */
static mae_error *is_faster(const mae_dnn_conv *c, const mae_dnn_winograd *w, bool *ret_faster)
{
    static mae_dnn_way_fn *const ways[] = {direct_way, winograd_way};
    rivals r = {c, *w};
    const mae_dnn_key key = {{MAE_DNN_KEY_WINOGRAD, (int64_t)w->batch, c->src_dims[1], c->dst_dims[1], w->in_height,
                              w->in_width, w->out_height, w->out_width, w->pads[0], w->pads[1]}};
    size_t way;

    r.w.adds = false;
    MAE_TRY(mae_dnn_choose(c->b, &key, ways, 2, &r, &way));
    *ret_faster = way == 1;
    return NULL;
}

mae_error *mae_dnn_conv_is_winograd(const mae_dnn_conv *c, const mae_dnn_chain *chain, bool *ret_yes)
{
    const mae_dnn_pe *pe = c->b->pe;
    dnnl_primitive_desc_t pd;
    mae_dnn_winograd w;
    size_t block, addition;

    *ret_yes = false;
    if (c->b->trial || pe->winograd == MAE_DNN_WINOGRAD_NEVER || !fits(c, chain, &block))
        return NULL;
    w = describe(c, block);
    take_posts(chain, &w, &addition);
    if (!make_products(c, &w, &pd))
        return NULL;
    dnnl_primitive_desc_destroy(pd);
    *ret_yes = pe->winograd == MAE_DNN_WINOGRAD_ALWAYS;
    return *ret_yes ? NULL : is_faster(c, &w, ret_yes);
}

/* ---- Lowering ---- */

/* The model's weights with what has been folded, transformed: [point][out][in]. */
static mae_error *transformed_weights(const mae_dnn_conv *c, const mae_dnn_chain *chain, float **ret_weights)
{
    size_t pairs = (size_t)(c->channels * c->src_dims[1]);
    float *w, *points = mae_dnn_alloc(pairs * MAE_DNN_WINOGRAD_POINTS * sizeof(*points));
    mae_error *error = points ? mae_dnn_weights(c->b, c->weights, &w) : mae_error_nomem();

    if (error) {
        free(points);
        return error;
    }
    if (chain->scale)
        mae_dnn_conv_scale(c, chain->scale, w);
    for (size_t i = 0; i < pairs; i++) {
        double kernel[9], out[MAE_DNN_WINOGRAD_POINTS];
        for (size_t k = 0; k < 9; k++)
            kernel[k] = w[i * 9 + k];
        mae_dnn_winograd_weights(kernel, out);
        for (size_t k = 0; k < MAE_DNN_WINOGRAD_POINTS; k++)
            points[k * pairs + i] = (float)out[k];
    }
    free(w);
    *ret_weights = points;
    return NULL;
}

/* Bias, result and addition. */
static mae_error *last_values(const mae_dnn_conv *c, mae_dnn_chain *chain, mae_dnn_post *addition, int *last)
{
    mae_dnn_build *b = c->b;
    const dnnl_dims_t channels = {c->channels};
    mae_dnn_layout layout = mae_dnn_layout_blocked(b->pool, 4, c->dst_dims);
    float *bias = mae_dnn_conv_bias(c, chain);
    int sum = mae_dnn_chain_sum(b, chain);

    if (!bias || !layout)
        return mae_error_nomem();
    if (addition && sum >= 0 && &chain->posts[sum] == addition)
        addition->kind = MAE_DNN_POST_SUM;
    MAE_TRY(mae_dnn_constant_copy(b, bias, 1, channels, &last[0]));
    if (addition && addition->kind == MAE_DNN_POST_BINARY)
        MAE_TRY(mae_dnn_chain_operand(b, chain, addition, layout, &last[2]));
    MAE_TRY(mae_dnn_chain_result(b, chain, layout, -1, &last[1]));
    if (addition && addition->kind == MAE_DNN_POST_SUM)
        last[2] = last[1];
    return NULL;
}

mae_error *mae_dnn_lower_winograd(mae_dnn_conv *c, mae_dnn_chain *chain)
{
    mae_dnn_build *b = c->b;
    mae_dnn_winograd w;
    size_t block, addition;
    float *weights;
    int src, last[3];

    if (!fits(c, chain, &block))
        return mae_error_new(MAE_ERR_FAILED, "not a convolution for Winograd's products");
    w = describe(c, block);
    take_posts(chain, &w, &addition);
    mae_dnn_layout layout = mae_dnn_layout_blocked(b->pool, 4, c->src_dims);
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_value_as(b, c->src, layout, &src));
    MAE_TRY(last_values(c, chain, w.adds ? &chain->posts[addition] : NULL, last));
    MAE_TRY(transformed_weights(c, chain, &weights));
    MAE_TRY(add_steps(b, c, &w, src, weights, true, last, w.adds ? 3 : 2));
    mae_dnn_chain_done(b, chain);
    return NULL;
}
