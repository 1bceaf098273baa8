/* Element-wise operators of two tensors or more, with broadcasting. */
#include <string.h>

#include "backends/onednn/chain.h"
#include "backends/onednn/lower.h"

/* Two operands of a binary primitive: the left one has the result's shape, the right one may be broadcast. */
typedef struct binary {
    mae_dnn_build *b;
    int node;
    dnnl_alg_kind_t alg;
    int left, right, out; /* tensors */
    int ndims;
    dnnl_dims_t dims, right_dims; /* as the primitive sees them */
    mae_dnn_layout left_layout, right_layout;
} binary;

static dnnl_status_t create(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    binary *c = ctx;
    return mae_dnn_pd_binary(c->b->pe->engine, c->alg, c->left_layout, c->right_layout, c->left_layout, attr, ret_pd);
}

/* An operand's dimensions, widened on the left with ones to those of the result. */
static void widen(const mae_dnn_build *b, int tensor, int ndims, dnnl_dim_t *dims)
{
    const mae_shape *shape = &mae_dnn_tensor(b, tensor)->shape;

    for (int i = 0; i < ndims; i++) {
        int at = i - (ndims - shape->rank);
        dims[i] = at >= 0 ? shape->dims[at] : 1;
    }
}

static void see_as_is(binary *c)
{
    c->ndims = mae_dnn_dims(c->b, c->out, c->dims);
    widen(c->b, c->right, c->ndims, c->right_dims);
}

/* Row-major tensors with as few axes as the broadcast leaves apart: the library is fast for those. */
static void see_merged(binary *c)
{
    int n = 0;

    see_as_is(c);
    for (int i = 0; i < c->ndims; i++) {
        bool full = c->dims[i] == c->right_dims[i], before_full = n > 0 && c->dims[n - 1] == c->right_dims[n - 1];
        if (c->dims[i] == 1 && n > 0)
            continue;
        if (n > 0 && ((full && before_full) || (!full && c->right_dims[n - 1] == 1 && !before_full))) {
            c->dims[n - 1] *= c->dims[i];
            c->right_dims[n - 1] *= c->right_dims[i];
        } else if (n > 0 && c->dims[n - 1] == 1) {
            c->dims[n - 1] = c->dims[i];
            c->right_dims[n - 1] = c->right_dims[i];
        } else {
            c->dims[n] = c->dims[i];
            c->right_dims[n++] = c->right_dims[i];
        }
    }
    c->ndims = n;
}

static bool same(const binary *c)
{
    return mae_dnn_same_shape(c->b, c->left, c->right);
}

static bool is_blocked(const mae_dnn_build *b, int tensor)
{
    int head = b->heads[tensor];
    return head >= 0 && !mae_dnn_is_dense(mae_dnn_at(b, head)->layout);
}

/* A right operand with channels lies as the left one does, which the library is fast for: in blocks, or channels last.
 */
static mae_dnn_layout layout_of_channels(const binary *c)
{
    bool last = mae_dnn_is_last(c->left_layout);
    return (last ? mae_dnn_layout_last : mae_dnn_layout_blocked)(c->b->pool, c->ndims, c->right_dims);
}

/* Layouts as the tensors have them: one for both where they have the same shape, the blocked one of the two. */
static mae_error *layouts_as_they_are(binary *c)
{
    mae_dnn_build *b = c->b;
    int value;

    see_as_is(c);
    MAE_TRY(mae_dnn_value_native(b, is_blocked(b, c->left) || !same(c) ? c->left : c->right, &value));
    c->left_layout = c->right_layout = mae_dnn_at(b, value)->layout;
    if (same(c))
        return NULL;
    bool channels = c->ndims > 1 && c->right_dims[1] == c->dims[1] && c->dims[1] > 1 && is_blocked(b, c->left);
    c->right_layout = channels ? layout_of_channels(c) : NULL;
    if (!c->right_layout)
        c->right_layout = mae_dnn_layout_plain(b->pool, c->ndims, c->right_dims);
    return c->right_layout ? NULL : mae_error_nomem();
}

static mae_error *layouts_merged(binary *c)
{
    see_merged(c);
    c->left_layout = mae_dnn_layout_plain(c->b->pool, c->ndims, c->dims);
    c->right_layout = mae_dnn_layout_plain(c->b->pool, c->ndims, c->right_dims);
    return c->left_layout && c->right_layout ? NULL : mae_error_nomem();
}

/* A tensor seen with these dimensions in this layout. */
static mae_error *operand(mae_dnn_build *b, int tensor, int ndims, const dnnl_dim_t *dims, mae_dnn_layout layout,
                          int *ret_value)
{
    dnnl_dims_t own;
    int own_ndims = mae_dnn_dims(b, tensor, own), plain;

    if (own_ndims == ndims && !memcmp(own, dims, (size_t)ndims * sizeof(*dims)))
        return mae_dnn_value_as(b, tensor, layout, ret_value);
    MAE_TRY(mae_dnn_value_reshaped(b, tensor, ndims, dims, &plain));
    *ret_value = plain;
    if (mae_dnn_is_dense(layout))
        return NULL;
    MAE_TRY(mae_dnn_value_new(b, layout, -1, ret_value));
    return mae_dnn_reorder(b, plain, *ret_value);
}

/* The primitive with as much of what follows as it can do. */
static mae_error *fuse(binary *c, bool merged, mae_dnn_chain *chain, dnnl_primitive_desc_t *ret_pd)
{
    MAE_TRY((merged ? layouts_merged : layouts_as_they_are)(c));
    MAE_TRY(mae_dnn_chain_grow(c->b, c->node, c->ndims, c->dims, -1, false, chain));
    return mae_dnn_chain_fuse(c->b, chain, create, c, ret_pd);
}

/* As the operands are, if the library has fast code for that; else in row-major order. */
static mae_error *choose(binary *c, mae_dnn_chain *chain, dnnl_primitive_desc_t *ret_pd)
{
    mae_dnn_build *b = c->b;

    if (is_blocked(b, c->left) || is_blocked(b, c->right)) {
        mae_error *error = fuse(c, false, chain, ret_pd);
        if (!error && !mae_dnn_is_reference(*ret_pd))
            return NULL;
        if (!error)
            dnnl_primitive_desc_destroy(*ret_pd);
        mae_error_free(error);
    }
    return fuse(c, true, chain, ret_pd);
}

/* ---- one number per channel, channels last ---- */

/* The library goes from pixel to pixel, each a call of its code, which for few channels takes longer than their
 * numbers. */
#define MOST_IN_ROW 1024

/* How many pixels to a row, so that they fill the image and are no more than so many numbers. It is not to be with less
 * than 2. */
static dnnl_dim_t pixels_in_row(const binary *c, const mae_dnn_chain *chain)
{
    dnnl_dim_t pixels = 1;

    if (chain->n_posts > 0 || !mae_dnn_is_last(c->left_layout) || c->dims[0] != 1 || c->right_dims[1] != c->dims[1])
        return 1;
    dnnl_dim_t most = MOST_IN_ROW / c->dims[1];
    for (int i = 2; i < c->ndims; i++) {
        if (c->right_dims[i] != 1)
            return 1;
        pixels *= c->dims[i];
    }
    while (most > 1 && pixels % most != 0)
        most--;
    return most;
}

/* A matrix whose rows are so many pixels, and a row of as many times the vector: in memory, and seen where the vector
 * is. */
typedef struct rows {
    mae_dnn_layout matrix, row, copies, again;
} rows;

static bool describe_rows(const binary *c, dnnl_dim_t pixels, rows *ret_rows)
{
    dnnl_dim_t in_row = pixels * c->dims[1], all = 1;
    const dnnl_dims_t row = {1, in_row}, copies = {pixels, c->dims[1]}, again = {0, 1};
    mae_dnn_pool *pool = c->b->pool;

    for (int i = 1; i < c->ndims; i++)
        all *= c->dims[i];
    const dnnl_dims_t matrix = {all / in_row, in_row};
    *ret_rows = (rows){mae_dnn_layout_plain(pool, 2, matrix), mae_dnn_layout_plain(pool, 2, row),
                       mae_dnn_layout_plain(pool, 2, copies), mae_dnn_layout_strided(pool, 2, copies, again)};
    return ret_rows->matrix && ret_rows->row && ret_rows->copies && ret_rows->again;
}

static mae_error *see_in_rows(const binary *c, const rows *r, mae_dnn_arg args[3])
{
    mae_dnn_build *b = c->b;
    const dnnl_dims_t vector = {1, c->dims[1]};
    int left, right, repeated, dst;

    MAE_TRY(mae_dnn_value_as(b, c->left, c->left_layout, &left));
    MAE_TRY(mae_dnn_value_reshaped(b, c->right, 2, vector, &right));
    MAE_TRY(mae_dnn_value_view(b, right, r->again, 0, -1, &right));
    MAE_TRY(mae_dnn_value_new(b, r->copies, -1, &repeated));
    MAE_TRY(mae_dnn_reorder(b, right, repeated));
    MAE_TRY(mae_dnn_value_over(b, left, c->node, c->left_layout, c->out, &dst));
    args[0].id = DNNL_ARG_SRC_0;
    args[1].id = DNNL_ARG_SRC_1;
    args[2].id = DNNL_ARG_DST;
    MAE_TRY(mae_dnn_value_view(b, left, r->matrix, 0, -1, &args[0].value));
    MAE_TRY(mae_dnn_value_view(b, repeated, r->row, 0, -1, &args[1].value));
    return mae_dnn_value_view(b, dst, r->matrix, 0, -1, &args[2].value);
}

static mae_error *lower_in_rows(const binary *c, dnnl_dim_t pixels, bool *ret_done)
{
    mae_dnn_build *b = c->b;
    dnnl_primitive_desc_t pd;
    mae_dnn_arg args[3];
    rows r;

    *ret_done = describe_rows(c, pixels, &r) &&
                mae_dnn_pd_binary(b->pe->engine, c->alg, r.matrix, r.row, r.matrix, b->pe->attr, &pd) == dnnl_success;
    if (!*ret_done)
        return NULL;
    mae_error *error = see_in_rows(c, &r, args);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    return mae_dnn_step_add(b, pd, args, 3);
}

static mae_error *lower_two(binary *c)
{
    mae_dnn_build *b = c->b;
    dnnl_primitive_desc_t pd;
    mae_dnn_chain chain;
    bool done = false;
    int left, right;

    MAE_TRY(choose(c, &chain, &pd));
    dnnl_dim_t pixels = pixels_in_row(c, &chain);
    mae_error *error = pixels > 1 ? lower_in_rows(c, pixels, &done) : NULL;
    if (error || done) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    error = operand(b, c->left, c->ndims, c->dims, c->left_layout, &left);
    if (!error)
        error = operand(b, c->right, c->ndims, c->right_dims, c->right_layout, &right);
    if (error) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC_0, left}, {DNNL_ARG_SRC_1, right}};
    return mae_dnn_chain_finish(b, &chain, pd, args, 2, left);
}

/* a - b and a / b where only b has the result's shape: from b - a and b / a. */
static mae_error *lower_reversed(mae_dnn_build *b, int index, dnnl_alg_kind_t alg)
{
    const mae_node *node = &b->graph->nodes[index];
    binary c = {
        .b = b, .node = index, .alg = alg, .left = node->inputs[1], .right = node->inputs[0], .out = node->outputs[0]};
    bool sub = alg == dnnl_binary_sub;
    dnnl_dims_t dims;
    dnnl_primitive_desc_t pd;
    int left, right, whole, dst;
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, mae_dnn_dims(b, c.out, dims), dims);

    if (!plain)
        return mae_error_nomem();
    see_merged(&c);
    MAE_TRY(mae_dnn_value_reshaped(b, c.left, c.ndims, c.dims, &left));
    MAE_TRY(mae_dnn_value_reshaped(b, c.right, c.ndims, c.right_dims, &right));
    MAE_TRY(mae_dnn_value_new(b, plain, c.out, &whole));
    MAE_TRY(mae_dnn_value_view(b, whole, mae_dnn_at(b, left)->layout, 0, -1, &dst));
    mae_dnn_layout layout = mae_dnn_at(b, left)->layout;
    if (mae_dnn_pd_binary(b->pe->engine, alg, layout, mae_dnn_at(b, right)->layout, layout, b->pe->attr, &pd) !=
        dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN does not broadcast these shapes");
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC_0, left}, {DNNL_ARG_SRC_1, right}, {DNNL_ARG_DST, dst}};
    MAE_TRY(mae_dnn_step_add(b, pd, args, 3));
    if (mae_dnn_pd_eltwise(b->pe->engine, sub ? dnnl_eltwise_linear : dnnl_eltwise_pow, layout, sub ? -1.0f : 1.0f,
                           sub ? 0.0f : -1.0f, b->pe->attr, &pd) != dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN does not have this function");
    const mae_dnn_arg in_place[] = {{DNNL_ARG_SRC, dst}, {DNNL_ARG_DST, dst}};
    return mae_dnn_step_add(b, pd, in_place, 2);
}

mae_error *mae_dnn_apply_operand(mae_dnn_build *b, dnnl_alg_kind_t alg, int first, int operand, int dst)
{
    dnnl_dims_t dims, own;
    dnnl_primitive_desc_t pd;
    int right, tensor = mae_dnn_at(b, dst)->tensor, ndims = mae_dnn_dims(b, tensor, dims);

    widen(b, operand, ndims, own);
    MAE_TRY(mae_dnn_value_reshaped(b, operand, ndims, own, &right));
    mae_dnn_layout layout = mae_dnn_at(b, dst)->layout;
    if (mae_dnn_pd_binary(b->pe->engine, alg, layout, mae_dnn_at(b, right)->layout, layout, b->pe->attr, &pd) !=
        dnnl_success)
        return mae_dnn_unsupported(b, "oneDNN does not broadcast these shapes");
    const mae_dnn_arg args[] = {{DNNL_ARG_SRC_0, first}, {DNNL_ARG_SRC_1, right}, {DNNL_ARG_DST, dst}};
    return mae_dnn_step_add(b, pd, args, 3);
}

/* Any number of operands of any shapes: broadcast by adding the first to zeros, the others applied in place. */
static mae_error *lower_many(mae_dnn_build *b, const mae_node *node, dnnl_alg_kind_t alg)
{
    dnnl_dims_t dims;
    int out = node->outputs[0], ndims = mae_dnn_dims(b, out, dims), zeros, dst;
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, ndims, dims);
    float *nothing = NULL;

    if (!plain)
        return mae_error_nomem();
    if (!b->trial) {
        nothing = mae_dnn_alloc(mae_dnn_bytes(plain));
        if (!nothing)
            return mae_error_nomem();
        memset(nothing, 0, mae_dnn_bytes(plain));
    }
    MAE_TRY(mae_dnn_constant(b, nothing, plain, plain, &zeros));
    MAE_TRY(mae_dnn_value_new(b, plain, out, &dst));
    MAE_TRY(mae_dnn_apply_operand(b, dnnl_binary_add, zeros, node->inputs[0], dst));
    for (size_t i = 1; i < node->n_inputs; i++)
        MAE_TRY(mae_dnn_apply_operand(b, alg, dst, node->inputs[i], dst));
    return NULL;
}

static mae_error *check_operands(mae_dnn_build *b, const mae_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i];
        if (tensor < 0 || (mae_dnn_tensor(b, tensor)->is_constant && !mae_dnn_is_weight(b, tensor)))
            return mae_dnn_unsupported(b, "an operand is not f32");
    }
    return NULL;
}

mae_error *mae_dnn_lower_binary(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int out = node->outputs[0], variables = 0;
    dnnl_alg_kind_t alg;

    for (size_t i = 0; i < node->n_inputs; i++)
        variables += node->inputs[i] >= 0 && !mae_dnn_tensor(b, node->inputs[i])->is_constant;
    if (variables == 1 && mae_dnn_is_function(b, index))
        return mae_dnn_lower_eltwise(b, index);
    if (!mae_dnn_binary_algorithm(node->op, &alg))
        return mae_dnn_unsupported(b, "oneDNN does not have this function");
    MAE_TRY(check_operands(b, node));
    if (node->n_inputs == 1)
        return mae_dnn_lower_reshape(b, index);
    bool left = mae_dnn_same_shape(b, node->inputs[0], out), right = mae_dnn_same_shape(b, node->inputs[1], out);
    bool swaps = alg != dnnl_binary_sub && alg != dnnl_binary_div;
    if (node->n_inputs > 2 || (!left && !right))
        return lower_many(b, node, alg);
    if (!left && !swaps)
        return lower_reversed(b, index, alg);
    binary c = {.b = b,
                .node = index,
                .alg = alg,
                .left = node->inputs[left ? 0 : 1],
                .right = node->inputs[left ? 1 : 0],
                .out = out};
    return lower_two(&c);
}
