/* The frozen graph: what a network is, to a planner and to a backend.
 *
 * Built once by import and never changed. Everything it points to lives as long as the graph
 * itself. Tensors, nodes and layers are named by their index in the arrays below; -1 is "none".
 *
 * A node is one operator of the (constant-folded) ONNX model. A layer is what a plan places: one
 * anchor operator with the followers every engine fuses into it. Each node belongs to one layer.
 * `layers` stand in a topological order with branches kept together, and a frame executes them in
 * that order; `nodes` stand in the same order, so layer i owns nodes
 * [layers[i].first_node, layers[i].first_node + layers[i].n_nodes).
 */
#ifndef MAE_GRAPH_H
#define MAE_GRAPH_H

#include "mae/error.h"
#include "mae/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mae_tensor {
    const char *name;   /* as in the model file; unique */
    mae_shape shape;    /* valid when is_static */
    size_t bytes;       /* of the dense tensor; 0 when not static, or for strings */
    bool is_static;     /* the shape does not depend on the values of the inputs */
    bool is_constant;   /* a weight, or folded */
    bool is_input;      /* a graph input */
    bool is_output;     /* a graph output */
    const void *data;   /* constants: dense little-endian values, possibly not aligned; NULL for
                           strings and for what is not constant */
    int producer_node;  /* -1: constant, graph input */
    int producer_layer; /* -1: constant, graph input */
    const void *proto;  /* importer's own; backends ignore it */
} mae_tensor;

/* Fills `data`, tensor->bytes of it, with random values that depend on the seed and the tensor's name alone: floats of
 * mean 0 and variance 1, integers (indices and flags, as a rule) 0 or 1. MAE_ERR_UNSUPPORTED without a static shape, and
 * for strings. */
MAE_API MAE_MUST_CHECK mae_error *mae_tensor_fill(const mae_tensor *tensor, uint64_t seed, void *data);

typedef enum mae_attr_type {
    MAE_ATTR_INT = 1,
    MAE_ATTR_FLOAT,
    MAE_ATTR_STRING,
    MAE_ATTR_INTS,
    MAE_ATTR_FLOATS,
    MAE_ATTR_OTHER /* tensors, graphs, lists of strings: read by the importer only */
} mae_attr_type;

typedef struct mae_attr {
    const char *name;
    mae_attr_type type;
    int64_t i;
    float f;
    const char *s; /* zero-terminated */
    size_t n;      /* entries of ints or floats */
    const int64_t *ints;
    const float *floats;
} mae_attr;

typedef struct mae_node {
    const char *op;     /* "Conv" */
    const char *domain; /* "" is the standard one */
    const char *name;   /* may be "" */
    int opset;          /* version of the node's domain that the model imports */
    size_t n_inputs;    /* explicit inputs first, as the operator orders them (-1: left out) ... */
    size_t n_captures;  /* ... then n_captures outer tensors that the node's subgraphs read */
    const int *inputs;  /* n_inputs + n_captures tensors */
    size_t n_outputs;
    const int *outputs; /* -1: left out */
    size_t n_attrs;
    const mae_attr *attrs;
    int layer;
    const void *proto; /* importer's own; backends ignore it */
} mae_node;

/* Kinds of layer, for tables and summaries. */
typedef enum mae_kind {
    MAE_KIND_OTHER = 0,
    MAE_KIND_CONV1X1,
    MAE_KIND_CONV3X3,
    MAE_KIND_CONV,      /* any other dense or grouped convolution */
    MAE_KIND_DEPTHWISE, /* groups == channels */
    MAE_KIND_DECONV,
    MAE_KIND_GEMM, /* Gemm, MatMul: fully connected */
    MAE_KIND_POOL,
    MAE_KIND_ELTWISE,
    MAE_KIND_NORM,
    MAE_KIND_SOFTMAX,
    MAE_KIND_REDUCE,
    MAE_KIND_RESIZE,
    MAE_KIND_MOVE, /* Concat, Split, Slice, Transpose, Reshape, ...: no arithmetic */
    MAE_KIND_RECURRENT,
    MAE_KIND_CONTROL, /* If, Loop, Scan, and what hangs on data-dependent shapes */
    MAE_KIND_COUNT
} mae_kind;

typedef struct mae_layer {
    const char *name; /* first output tensor of the anchor operator in the original model file */
    const char *op;   /* the anchor's operator */
    mae_kind kind;
    int first_node;
    int n_nodes;
    int anchor;      /* node */
    size_t n_inputs; /* tensors from outside the layer that are not constants, each once */
    const int *inputs;
    size_t n_outputs; /* tensors used outside the layer, graph outputs included, each once */
    const int *outputs;
    double flops; /* floating-point operations of one run, a multiply-add counting 2 */
    double bytes; /* inputs + outputs + constants, each touched once */
} mae_layer;

typedef struct mae_graph {
    const char *name;   /* of the model: its file's name without folder and ".onnx" */
    const char *sha256; /* of the model file, 64 hex digits; "" if there was none */
    size_t n_tensors;
    const mae_tensor *tensors;
    size_t n_nodes;
    const mae_node *nodes;
    size_t n_layers;
    const mae_layer *layers;
    size_t n_inputs; /* graph inputs that are not constants, in the model's order */
    const int *inputs;
    size_t n_outputs;
    const int *outputs;
    const void *source; /* importer's own; backends ignore it */
} mae_graph;

/* A run of consecutive layers, and the tensors that cross its border, each once, in the order of
 * first use (inputs) and of production (outputs). Outputs are the tensors consumed by layers after
 * `last` or wanted as graph outputs. Graph inputs are inputs like any other. */
typedef struct mae_segment {
    int first, last; /* layers, both included */
    size_t n_inputs;
    const int *inputs;
    size_t n_outputs;
    const int *outputs;
} mae_segment;

#ifdef __cplusplus
}
#endif
#endif
