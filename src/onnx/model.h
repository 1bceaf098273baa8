/* A model on its way from a file to a frozen graph. Private to this folder.
 *
 * read.c      file -> ModelProto, weights left where the file was read to
 * inline.c    functions of the model's own -> the operators they are made of
 * build.c     ModelProto -> the tensors and nodes below, checked and sorted
 * shapes.c    fixes the shapes of the inputs
 * infer.c     which tensors are static, which constant
 * evaluate.c  one run of the engine: shapes, and the values of what is constant
 * fold.c      drops constant, useless and dead nodes
 * fuse.c      nodes -> groups (layers to be), pattern.c finds the larger shapes
 * order.c     the order of the groups
 * freeze.c    -> mae_graph
 */
#ifndef MAE_ONNX_MODEL_H
#define MAE_ONNX_MODEL_H

#include "onnx.pb-c.h"
#include "core/names.h"
#include "onnx/onnx.h"

typedef struct mae_onnx_tensor {
    const char *name;
    mae_shape shape; /* dtype, and once has_shape is set the rest */
    bool has_shape;
    bool is_input, is_output;
    bool is_captured; /* read by name from within some node's subgraph */
    bool is_other;    /* not a tensor but a sequence, a map or an optional */
    bool is_static;   /* the shape does not depend on the values of the inputs */
    bool is_constant; /* the value does not depend on the inputs ... */
    const void *data; /* ... and this is it; NULL for strings, and for what nobody needs */
    size_t bytes;
    const Onnx__TensorProto *proto;   /* initializers */
    const Onnx__ValueInfoProto *info; /* graph inputs and outputs */
    int producer;                     /* node, or -1 */
    int alias;                        /* the tensor that stands for this one, or -1 */
    size_t n_consumers;               /* nodes, each once; set by fold.c */
    int *consumers;
    int number; /* in the frozen graph, or -1 */
} mae_onnx_tensor;

typedef struct mae_onnx_node {
    const Onnx__NodeProto *proto;
    const char *op, *domain; /* "" is the standard domain */
    int opset;
    size_t n_inputs, n_captures, n_outputs;
    int *inputs; /* n_inputs + n_captures; -1: left out */
    int *outputs;
    bool is_constant; /* all it computes is constant */
    bool is_gone;     /* folded, skipped or dead */
    int group;        /* -1: none yet */
} mae_onnx_node;

/* Nodes that become one layer. */
typedef struct mae_onnx_group {
    size_t n_nodes;
    int *nodes; /* in the order of the model's nodes */
    int anchor; /* node */
    mae_kind kind;
} mae_onnx_group;

typedef struct mae_onnx_model {
    mae_arena *arena;
    const char *path; /* for messages */
    char sha256[65];
    void *file; /* the bytes of the model file; weights point into it */
    size_t file_size;
    Onnx__ModelProto *proto;
    mae_names names; /* tensors by name */
    size_t n_tensors;
    mae_onnx_tensor *tensors;
    size_t n_nodes;
    mae_onnx_node *nodes; /* topologically sorted */
    size_t n_inputs, n_outputs;
    int *inputs, *outputs;
    size_t n_groups;
    mae_onnx_group *groups; /* after order.c in the order of execution */
    bool is_open;           /* what hangs on the values of inputs has not been run; see evaluate.c */
} mae_onnx_model;

/* A string that the file left out is empty. */
static inline const char *mae_onnx_text(const char *text)
{
    return text ? text : "";
}

/* "FILE: " before what is wrong with it. */
#define mae_onnx_wrong(model, ...) mae_error_wrap(mae_error_new(MAE_ERR_INPUT, __VA_ARGS__), "%s", (model)->path)
#define mae_onnx_cannot(model, ...) mae_error_wrap(mae_error_new(MAE_ERR_UNSUPPORTED, __VA_ARGS__), "%s", (model)->path)

/* read.c */
MAE_MUST_CHECK mae_error *mae_onnx_model_read(const char *path, mae_onnx_model **ret_model);
/* Takes over `data`, which must come from malloc, whatever happens. `path` is for messages, and its folder
 * is where external weights are looked for. */
MAE_MUST_CHECK mae_error *mae_onnx_model_parse(const char *path, void *data, size_t size, mae_onnx_model **ret_model);
void mae_onnx_model_destroy(mae_onnx_model *model); /* takes NULL */
/* Memory for protobuf-c out of an arena; what it frees stays until the arena goes. */
ProtobufCAllocator mae_onnx_allocator(mae_arena *arena);

/* external.c: reads weights that lie in files beside the model, throughout the model. */
MAE_MUST_CHECK mae_error *mae_onnx_load_external(mae_onnx_model *model);

/* tensor_pb.c: shape and dense values of a TensorProto; values stay where they are if they are dense. */
MAE_MUST_CHECK mae_error *mae_onnx_tensor_unpack(const Onnx__TensorProto *proto, mae_arena *arena, mae_shape *ret_shape,
                                                 const void **ret_data, size_t *ret_bytes);

/* inline.c */
MAE_MUST_CHECK mae_error *mae_onnx_inline_functions(mae_onnx_model *model);

/* build.c */
MAE_MUST_CHECK mae_error *mae_onnx_model_build(mae_onnx_model *model);

/* sort.c */
MAE_MUST_CHECK mae_error *mae_onnx_model_sort(mae_onnx_model *model);

/* capture.c: the names that the subgraphs of a node read from outside, each once. */
MAE_MUST_CHECK mae_error *mae_onnx_captures(const Onnx__NodeProto *node, mae_arena *arena, const char ***ret_names,
                                            size_t *ret_n);

/* shapes.c */
MAE_MUST_CHECK mae_error *mae_onnx_fix_inputs(mae_onnx_model *model, const mae_onnx_shape *shapes, size_t n_shapes);

/* infer.c */
MAE_MUST_CHECK mae_error *mae_onnx_infer(mae_onnx_model *model);

/* evaluate.c */
MAE_MUST_CHECK mae_error *mae_onnx_evaluate(mae_onnx_model *model, const mae_onnx_evaluator *evaluator);

/* fold.c */
MAE_MUST_CHECK mae_error *mae_onnx_fold(mae_onnx_model *model);
/* A node whose values must come from running it: it is not constant, or a graph output hangs on it. */
bool mae_onnx_node_stays(const mae_onnx_model *model, const mae_onnx_node *node);

/* fuse.c */
MAE_MUST_CHECK mae_error *mae_onnx_fuse(mae_onnx_model *model);

/* order.c */
MAE_MUST_CHECK mae_error *mae_onnx_order(mae_onnx_model *model);

/* freeze.c */
MAE_MUST_CHECK mae_error *mae_onnx_freeze(mae_onnx_model *model, mae_graph **ret_graph);

/* cost.c: kind by operator, and arithmetic of one node. */
mae_kind mae_onnx_kind(const mae_graph *graph, const mae_node *node);
double mae_onnx_flops(const mae_graph *graph, const mae_node *node);

/* Which op of the standard domain? */
bool mae_onnx_node_is(const mae_onnx_node *node, const char *op);
/* Is `op` in the NULL-terminated list? */
bool mae_onnx_op_in(const char *op, const char *const *list);
const Onnx__AttributeProto *mae_onnx_attr(const Onnx__NodeProto *node, const char *name);

#endif
