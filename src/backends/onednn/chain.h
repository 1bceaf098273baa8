/* What follows a primitive and is computed by it: post-operations, and factors folded into its weights. */
#ifndef MAE_BACKENDS_ONEDNN_CHAIN_H
#define MAE_BACKENDS_ONEDNN_CHAIN_H

#include "backends/onednn/build.h"

#define MAE_DNN_MOST_POSTS 8
#define MAE_DNN_MOST_NODES 32

/* One element-wise function: y = alg(x; alpha, beta). */
typedef struct mae_dnn_function {
    dnnl_alg_kind_t alg;
    float alpha, beta;
} mae_dnn_function;

/* The function a node computes of its input `tensor`, as one or two functions in a row; false if it is none. */
bool mae_dnn_function_of(const mae_dnn_build *build, int node, int tensor, mae_dnn_function functions[2],
                         size_t *ret_n);

/* Nodes of one layer that together compute one function of a tensor: gates such as x * sigmoid(x), GELU written
 * out, or just an activation. */
typedef struct mae_dnn_region {
    mae_dnn_function functions[2];
    size_t n_functions;
    int out; /* tensor */
    size_t n_nodes;
    int nodes[MAE_DNN_MOST_NODES];
} mae_dnn_region;

/* The largest such region that begins with `tensor` and is known as a function. With `inside`, nothing but the
 * region may need the tensor itself. */
bool mae_dnn_region_find(const mae_dnn_build *build, int tensor, bool inside, mae_dnn_region *ret_region);

typedef enum mae_dnn_post_kind { MAE_DNN_POST_FUNCTION, MAE_DNN_POST_BINARY, MAE_DNN_POST_SUM } mae_dnn_post_kind;

typedef struct mae_dnn_post {
    mae_dnn_post_kind kind;
    mae_dnn_function function;
    dnnl_alg_kind_t alg; /* of a binary one */
    int tensor;          /* its second operand */
    int ndims;           /* of the operand, aligned with the result */
    dnnl_dims_t dims;
    bool full;      /* the operand has the result's shape */
    int out;        /* the tensor it yields; -1: the next one must go with it */
    size_t n_nodes; /* taken in up to here */
} mae_dnn_post;

typedef struct mae_dnn_chain {
    int out; /* the tensor yielded without any post-operation */
    int ndims;
    dnnl_dims_t dims; /* of the result, as the primitive sees it */
    int axis;         /* of the channels in the result */
    int64_t channels;
    double *scale, *shift; /* per channel; NULL: nothing folded */
    size_t n_folded;       /* nodes folded away */
    size_t n_posts;
    mae_dnn_post posts[MAE_DNN_MOST_POSTS];
    size_t n_nodes;
    int nodes[MAE_DNN_MOST_NODES]; /* the anchor, then all that were taken in */
} mae_dnn_chain;

/* Begins a chain at a node whose result the primitive sees as `dims`, and takes in what it can. If `foldable`,
 * constants per channel (along `axis`) go into weights and bias. */
MAE_MUST_CHECK mae_error *mae_dnn_chain_grow(mae_dnn_build *build, int node, int ndims, const dnnl_dim_t *dims,
                                             int axis, bool foldable, mae_dnn_chain *ret_chain);

/* oneDNN's algorithm for an operator of two tensors; false if there is none. */
bool mae_dnn_binary_algorithm(const char *op, dnnl_alg_kind_t *ret_alg);

/* Makes a primitive descriptor with these attributes. */
typedef dnnl_status_t mae_dnn_create_fn(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd);

/* Finds how much of the chain the library can do in one primitive, and cuts the chain there. */
MAE_MUST_CHECK mae_error *mae_dnn_chain_fuse(mae_dnn_build *build, mae_dnn_chain *chain, mae_dnn_create_fn *create,
                                             void *ctx, dnnl_primitive_desc_t *ret_pd);

/* Makes another primitive descriptor for just what the fused chain does. */
dnnl_status_t mae_dnn_chain_again(mae_dnn_build *build, const mae_dnn_chain *chain, mae_dnn_create_fn *create,
                                  void *ctx, dnnl_primitive_desc_t *ret_pd);

/* Keeps the first `n` post-operations at most; leaves the others to primitives of their own. */
void mae_dnn_chain_cut(mae_dnn_chain *chain, size_t n);

/* Adds the primitive with its post-operations' arguments and its result; takes over `pd`. `over` is a value the
 * result may be written over, or -1. */
MAE_MUST_CHECK mae_error *mae_dnn_chain_finish(mae_dnn_build *build, const mae_dnn_chain *chain,
                                               dnnl_primitive_desc_t pd, const mae_dnn_arg *args, size_t n_args,
                                               int over);

#endif
