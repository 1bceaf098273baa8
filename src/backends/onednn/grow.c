/* Growing a chain: which followers a primitive could compute itself. */
#include <string.h>

#include "backends/onednn/chain.h"
#include "backends/onednn/lower.h"

static int tail(const mae_dnn_chain *chain)
{
    return chain->n_posts ? chain->posts[chain->n_posts - 1].out : chain->out;
}

static bool take_nodes(mae_dnn_chain *chain, const int *nodes, size_t n)
{
    if (chain->n_nodes + n > MAE_DNN_MOST_NODES)
        return false;
    memcpy(chain->nodes + chain->n_nodes, nodes, n * sizeof(*nodes));
    chain->n_nodes += n;
    return true;
}

static mae_error *begin_fold(mae_dnn_build *b, mae_dnn_chain *chain)
{
    size_t n = (size_t)chain->channels;

    chain->scale = mae_arena_array(b->pool->arena, n, sizeof(double));
    chain->shift = mae_arena_array(b->pool->arena, n, sizeof(double));
    if (!chain->scale || !chain->shift)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++)
        chain->scale[i] = 1.0;
    return NULL;
}

/* Folds as many followers as stand directly behind the primitive. */
static mae_error *fold_all(mae_dnn_build *b, mae_dnn_chain *chain)
{
    for (;;) {
        int reader = mae_dnn_only_reader_in_layer(b, chain->out);
        if (reader < 0 || !mae_fold(b->graph, reader, chain->out, chain->axis, chain->channels, NULL) ||
            !take_nodes(chain, &reader, 1))
            return NULL;
        if (!chain->scale)
            MAE_TRY(begin_fold(b, chain));
        mae_affine affine = {(size_t)chain->channels, chain->scale, chain->shift};
        mae_fold(b->graph, reader, chain->out, chain->axis, chain->channels, &affine);
        chain->out = b->graph->nodes[reader].outputs[0];
        chain->n_folded++;
    }
}

static bool take_region(const mae_dnn_build *b, mae_dnn_chain *chain)
{
    mae_dnn_region region;

    if (chain->n_posts + 2 > MAE_DNN_MOST_POSTS || !mae_dnn_region_find(b, tail(chain), true, &region) ||
        !take_nodes(chain, region.nodes, region.n_nodes))
        return false;
    for (size_t i = 0; i < region.n_functions; i++)
        chain->posts[chain->n_posts++] = (mae_dnn_post){.kind = MAE_DNN_POST_FUNCTION,
                                                        .function = region.functions[i],
                                                        .tensor = -1,
                                                        .out = i + 1 == region.n_functions ? region.out : -1,
                                                        .n_nodes = chain->n_nodes};
    return true;
}

/* Has the tensor been computed by the time this layer's present node runs? */
static bool is_available(const mae_dnn_build *b, int tensor)
{
    int producer = mae_dnn_tensor(b, tensor)->producer_node;

    if (mae_dnn_tensor(b, tensor)->is_constant)
        return mae_dnn_is_weight(b, tensor);
    return producer < b->first_node || b->done[producer - b->first_node];
}

/* The operand's dimensions, aligned with the result as the primitive sees it. */
static bool align(const mae_dnn_build *b, const mae_dnn_chain *chain, int tensor, mae_dnn_post *post)
{
    const mae_shape *shape = &mae_dnn_tensor(b, tensor)->shape;
    const mae_shape *result = &mae_dnn_tensor(b, chain->out)->shape;
    bool as_is = result->rank == chain->ndims;
    size_t n;

    post->ndims = chain->ndims;
    post->full = mae_shape_equal(shape, result);
    if (post->full) {
        memcpy(post->dims, chain->dims, sizeof(post->dims));
        return true;
    }
    if (!mae_shape_count(shape, &n) || shape->rank > result->rank)
        return false;
    for (int i = 0; i < chain->ndims; i++)
        post->dims[i] = 1;
    if (n == 1)
        return true;
    if (!as_is) { /* only a vector along the last axis survives that the others are one */
        post->dims[chain->ndims - 1] = shape->dims[shape->rank - 1];
        return (size_t)shape->dims[shape->rank - 1] == n &&
               post->dims[chain->ndims - 1] == chain->dims[chain->ndims - 1];
    }
    for (int i = 0; i < shape->rank; i++)
        post->dims[result->rank - shape->rank + i] = shape->dims[i];
    return true;
}

bool mae_dnn_binary_algorithm(const char *op, dnnl_alg_kind_t *ret_alg)
{
    static const struct {
        const char *op;
        dnnl_alg_kind_t alg;
    } table[] = {{"Add", dnnl_binary_add}, {"Sum", dnnl_binary_add}, {"Mul", dnnl_binary_mul}, {"Sub", dnnl_binary_sub},
                 {"Div", dnnl_binary_div}, {"Max", dnnl_binary_max}, {"Min", dnnl_binary_min}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(op, table[i].op) != 0)
            continue;
        *ret_alg = table[i].alg;
        return true;
    }
    return false;
}

static bool take_binary(const mae_dnn_build *b, mae_dnn_chain *chain)
{
    int reader = mae_dnn_only_reader_in_layer(b, tail(chain));
    const mae_node *node = reader >= 0 ? &b->graph->nodes[reader] : NULL;
    mae_dnn_post post = {.kind = MAE_DNN_POST_BINARY};

    if (!node || node->domain[0] || node->n_inputs != 2 || chain->n_posts + 2 > MAE_DNN_MOST_POSTS ||
        !mae_dnn_binary_algorithm(node->op, &post.alg) || !mae_dnn_same_shape(b, node->outputs[0], tail(chain)))
        return false;
    bool left = node->inputs[0] == tail(chain);
    bool negate = !left && post.alg == dnnl_binary_sub; /* o - t = -(t - o) */
    post.tensor = node->inputs[left ? 1 : 0];
    if (post.tensor < 0 || (!left && post.alg == dnnl_binary_div) || !is_available(b, post.tensor) ||
        mae_dnn_tensor(b, post.tensor)->shape.dtype != MAE_F32 || !align(b, chain, post.tensor, &post) ||
        !take_nodes(chain, &reader, 1))
        return false;
    post.out = negate ? -1 : node->outputs[0];
    post.n_nodes = chain->n_nodes;
    chain->posts[chain->n_posts++] = post;
    if (negate)
        chain->posts[chain->n_posts++] = (mae_dnn_post){.kind = MAE_DNN_POST_FUNCTION,
                                                        .function = {dnnl_eltwise_linear, -1.0f, 0.0f},
                                                        .tensor = -1,
                                                        .out = node->outputs[0],
                                                        .n_nodes = chain->n_nodes};
    return true;
}

mae_error *mae_dnn_chain_grow(mae_dnn_build *b, int node, int ndims, const dnnl_dim_t *dims, int axis, bool foldable,
                              mae_dnn_chain *ret_chain)
{
    int out = b->graph->nodes[node].outputs[0];
    mae_dnn_chain chain = {.out = out, .ndims = ndims, .axis = axis, .n_nodes = 1};

    memcpy(chain.dims, dims, (size_t)ndims * sizeof(*dims));
    chain.nodes[0] = node;
    if (foldable) {
        chain.channels = mae_dnn_tensor(b, out)->shape.dims[axis];
        MAE_TRY(fold_all(b, &chain));
    }
    while (take_region(b, &chain) || take_binary(b, &chain))
        ;
    *ret_chain = chain;
    return NULL;
}
