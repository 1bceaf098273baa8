/* MatMul and Gemm. */
#include <string.h>

#include "backends/onednn/lower.h"
#include "backends/onednn/product.h"

/* A matrix that lies in memory with its axes swapped. */
static mae_dnn_layout swapped(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims)
{
    dnnl_dims_t strides;
    dnnl_dim_t stride = dims[ndims - 1] * dims[ndims - 2];

    strides[ndims - 2] = 1;
    strides[ndims - 1] = dims[ndims - 2];
    for (int i = ndims - 3; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    return mae_dnn_layout_strided(pool, ndims, dims, strides);
}

/* Multiplies the columns of constant weights by `factor`, and by one factor each. */
static void scale_columns(const mae_dnn_product *p, double factor, const double *scale, float *w)
{
    size_t rows = (size_t)p->weight_dims[p->ndims - 2], columns = (size_t)p->weight_dims[p->ndims - 1];

    for (size_t i = 0; i < rows * columns; i++) {
        size_t column = p->transposed_weights ? i / rows : i % columns;
        w[i] = (float)(w[i] * factor * (scale ? scale[column] : 1.0));
    }
}

static mae_error *weights_value(mae_dnn_product *p, const mae_dnn_chain *chain, int *ret_value)
{
    int dense;
    float *w;

    if (p->constant) {
        MAE_TRY(mae_dnn_weights(p->b, p->weights, &w));
        if (w && (chain->scale || p->alpha != 1.0))
            scale_columns(p, p->alpha, chain->scale, w);
        return mae_dnn_constant(p->b, w, p->given_layout, p->weight_layout, ret_value);
    }
    MAE_TRY(mae_dnn_value_dense(p->b, p->weights, &dense));
    return mae_dnn_value_view(p->b, dense, p->weight_layout, 0, -1, ret_value);
}

/* A row vector: the constant bias with what has been folded. */
static mae_error *bias_value(mae_dnn_product *p, const mae_dnn_chain *chain, int *ret_value)
{
    dnnl_dims_t dims;
    size_t columns = (size_t)p->dst_dims[p->ndims - 1];
    const mae_tensor *bias = p->bias >= 0 ? mae_dnn_tensor(p->b, p->bias) : NULL;
    float *sum = mae_arena_array(p->b->pool->arena, columns, sizeof(float));

    if (!sum)
        return mae_error_nomem();
    for (size_t i = 0; i < columns; i++) {
        double own = bias ? p->beta * mae_tensor_f64(bias, bias->bytes == sizeof(float) ? 0 : i) : 0.0;
        sum[i] = (float)(chain->scale ? own * chain->scale[i] + chain->shift[i] : own);
    }
    for (int i = 0; i < p->ndims; i++)
        dims[i] = i + 1 < p->ndims ? 1 : (dnnl_dim_t)columns;
    return mae_dnn_constant_copy(p->b, sum, p->ndims, dims, ret_value);
}

/* Rows that are a multiple of 1 KiB long begin in the same few sets of the cache, which makes packing the weights, as
 * the library does in every run, several times slower. Constant ones get some space behind each row. */
static mae_dnn_layout spaced(const mae_dnn_product *p, mae_dnn_layout given)
{
    dnnl_dim_t rows = p->weight_dims[p->ndims - 2], row = p->weight_dims[p->ndims - 1];
    const dnnl_dims_t strides = {row + 16, 1};

    if (!p->constant || p->transposed_weights || p->ndims != 2 || row % 256 != 0 || rows < 16)
        return given;
    return mae_dnn_layout_strided(p->b->pool, 2, p->weight_dims, strides);
}

static mae_error *describe(mae_dnn_product *p, bool with_bias)
{
    mae_dnn_pool *pool = p->b->pool;
    dnnl_dims_t row;

    for (int i = 0; i < p->ndims; i++)
        row[i] = i + 1 < p->ndims ? 1 : p->dst_dims[i];
    p->src_layout = (p->transposed_src ? swapped : mae_dnn_layout_plain)(pool, p->ndims, p->src_dims);
    p->given_layout = (p->transposed_weights ? swapped : mae_dnn_layout_plain)(pool, p->ndims, p->weight_dims);
    p->weight_layout = p->given_layout ? spaced(p, p->given_layout) : NULL;
    p->dst_layout = mae_dnn_layout_plain(pool, p->ndims, p->dst_dims);
    p->bias_layout = with_bias ? mae_dnn_layout_plain(pool, p->ndims, row) : NULL;
    if (!p->src_layout || !p->weight_layout || !p->dst_layout || (with_bias && !p->bias_layout))
        return mae_error_nomem();
    return NULL;
}

static mae_error *arguments(mae_dnn_product *p, const mae_dnn_chain *chain, mae_dnn_arg *args, size_t *ret_n)
{
    int dense, src, weights, bias;
    size_t n = 0;

    MAE_TRY(mae_dnn_value_dense(p->b, p->src, &dense));
    MAE_TRY(mae_dnn_value_view(p->b, dense, p->src_layout, 0, -1, &src));
    MAE_TRY(weights_value(p, chain, &weights));
    args[n++] = (mae_dnn_arg){DNNL_ARG_SRC, src};
    args[n++] = (mae_dnn_arg){DNNL_ARG_WEIGHTS, weights};
    if (p->bias_layout) {
        MAE_TRY(bias_value(p, chain, &bias));
        args[n++] = (mae_dnn_arg){DNNL_ARG_BIAS, bias};
    }
    *ret_n = n;
    return NULL;
}

static mae_error *lower(mae_dnn_product *p, int index)
{
    mae_dnn_build *b = p->b;
    const int last = mae_dnn_tensor(b, p->dst)->shape.rank - 1;
    dnnl_primitive_desc_t pd;
    mae_dnn_chain chain;
    mae_dnn_arg args[4];
    size_t n;

    MAE_TRY(mae_dnn_chain_grow(b, index, p->ndims, p->dst_dims, last, p->constant && last >= 0, &chain));
    MAE_TRY(describe(p, p->bias >= 0 || chain.scale));
    MAE_TRY(mae_dnn_chain_fuse(b, &chain, mae_dnn_product_create, p, &pd));
    mae_error *error = mae_dnn_product_choose(p, &chain, &pd);
    if (!error)
        error = arguments(p, &chain, args, &n);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    return mae_dnn_chain_finish(b, &chain, pd, args, n, -1);
}

/* One element, or one per column. */
static bool is_row(const mae_dnn_build *b, int tensor, int64_t columns)
{
    const mae_shape *shape = &mae_dnn_tensor(b, tensor)->shape;
    size_t n;

    if (!mae_dnn_is_weight(b, tensor) || !mae_shape_count(shape, &n))
        return false;
    return n == 1 || (n == (size_t)columns && shape->dims[shape->rank - 1] == columns);
}

/* The product, its factor and the bias one after the other: variable weights cannot be scaled beforehand, and a
 * bias of another shape than a constant row is not one to the library. */
static mae_error *lower_apart(mae_dnn_product *p)
{
    mae_dnn_build *b = p->b;
    const mae_dnn_chain nothing = {0};
    dnnl_primitive_desc_t pd;
    mae_dnn_arg args[4];
    float alpha = p->constant ? 1.0f : (float)p->alpha;
    int bias = p->bias, dst;
    size_t n;

    p->bias = -1;
    if (bias >= 0 && p->beta != 1.0)
        return mae_dnn_unsupported(b, "a Gemm with beta and a bias that is not a constant row");
    MAE_TRY(describe(p, false));
    MAE_TRY(arguments(p, &nothing, args, &n));
    MAE_TRY(mae_dnn_value_new(b, p->dst_layout, p->dst, &dst));
    args[n++] = (mae_dnn_arg){DNNL_ARG_DST, dst};
    if (mae_dnn_product_create(p, b->pe->attr, &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN has no implementation for these shapes");
    MAE_TRY(mae_dnn_step_add(b, pd, args, n));
    if (alpha != 1.0f) {
        const mae_dnn_arg in_place[] = {{DNNL_ARG_SRC, dst}, {DNNL_ARG_DST, dst}};
        if (mae_dnn_pd_eltwise(b->pe->engine, dnnl_eltwise_linear, p->dst_layout, alpha, 0.0f, b->pe->attr, &pd) !=
            dnnl_success)
            return mae_dnn_unsupported(b, "oneDNN does not have this function");
        MAE_TRY(mae_dnn_step_add(b, pd, in_place, 2));
    }
    return bias >= 0 ? mae_dnn_apply_operand(b, dnnl_binary_add, dst, bias, dst) : NULL;
}

static mae_error *lower_gemm(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *w = &mae_dnn_tensor(b, node->inputs[1])->shape;
    mae_dnn_product p = {.b = b,
                         .src = node->inputs[0],
                         .weights = node->inputs[1],
                         .bias = mae_dnn_node_input(node, 2),
                         .dst = node->outputs[0],
                         .ndims = 2,
                         .alpha = mae_node_float(node, "alpha", 1.0f),
                         .beta = mae_node_float(node, "beta", 1.0f)};

    if (x->rank != 2 || w->rank != 2)
        return mae_dnn_unsupported(b, "a Gemm of tensors that are not matrices");
    p.transposed_src = mae_node_int(node, "transA", 0) != 0;
    p.transposed_weights = mae_node_int(node, "transB", 0) != 0;
    mae_dnn_dims(b, p.dst, p.dst_dims);
    for (int i = 0; i < 2; i++) {
        p.src_dims[i] = x->dims[p.transposed_src ? 1 - i : i];
        p.weight_dims[i] = w->dims[p.transposed_weights ? 1 - i : i];
    }
    p.constant = mae_dnn_is_weight(b, p.weights);
    if (p.beta == 0.0)
        p.bias = -1;
    bool in_one = (p.constant || p.alpha == 1.0) && (p.bias < 0 || is_row(b, p.bias, p.dst_dims[1]));
    return in_one ? lower(&p, index) : lower_apart(&p);
}

/* Axes of one operand, widened with batches of one. A vector is a row on the left, a column on the right. */
static void widen(const mae_shape *shape, bool right, int ndims, dnnl_dim_t *dims)
{
    int rank = shape->rank == 1 ? 2 : shape->rank;

    for (int i = 0; i < ndims; i++) {
        int at = i - (ndims - rank);
        dims[i] = at >= 0 && shape->rank > 1 ? shape->dims[at] : 1;
    }
    if (shape->rank == 1)
        dims[right ? ndims - 2 : ndims - 1] = shape->dims[0];
}

/* Batches times a constant matrix are one product of many rows. */
static void merge_rows(mae_dnn_product *p)
{
    dnnl_dim_t rows = 1;

    for (int i = 0; i + 1 < p->ndims; i++)
        rows *= p->src_dims[i];
    p->src_dims[0] = p->dst_dims[0] = rows;
    p->src_dims[1] = p->src_dims[p->ndims - 1];
    p->dst_dims[1] = p->dst_dims[p->ndims - 1];
    p->weight_dims[0] = p->weight_dims[p->ndims - 2];
    p->weight_dims[1] = p->weight_dims[p->ndims - 1];
    p->ndims = 2;
}

mae_error *mae_dnn_lower_matmul(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];

    if (!strcmp(node->op, "Gemm"))
        return lower_gemm(b, index);
    const mae_shape *x = &mae_dnn_tensor(b, node->inputs[0])->shape, *w = &mae_dnn_tensor(b, node->inputs[1])->shape;
    mae_dnn_product p = {
        .b = b, .src = node->inputs[0], .weights = node->inputs[1], .bias = -1, .dst = node->outputs[0], .alpha = 1.0};
    if (x->rank < 1 || w->rank < 1)
        return mae_dnn_unsupported(b, "a product with a scalar");
    p.ndims = x->rank > w->rank ? x->rank : w->rank;
    p.ndims = p.ndims < 2 ? 2 : p.ndims;
    widen(x, false, p.ndims, p.src_dims);
    widen(w, true, p.ndims, p.weight_dims);
    bool batched = false;
    for (int i = 0; i < p.ndims; i++) {
        bool last = i >= p.ndims - 2;
        batched = batched || (!last && p.weight_dims[i] != 1);
        p.dst_dims[i] = p.src_dims[i] > p.weight_dims[i] && !last ? p.src_dims[i] : p.weight_dims[i];
    }
    p.dst_dims[p.ndims - 2] = p.src_dims[p.ndims - 2];
    if (!batched && p.ndims > 2)
        merge_rows(&p);
    p.constant = mae_dnn_is_weight(b, p.weights) && p.ndims == 2 && w->rank > 1;
    return lower(&p, index);
}
