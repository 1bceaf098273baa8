/* Writing parts of a model as a model of its own: a list of nodes, its borders, its constants. */
#ifndef MAE_ONNX_WRITE_H
#define MAE_ONNX_WRITE_H

#include "onnx/model.h"

typedef struct mae_onnx_writer {
    mae_arena *arena; /* the blob's */
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    size_t n_weights;
    mae_onnx_weight *weights;
} mae_onnx_writer;

/* How many of each there will be at most. */
typedef struct mae_onnx_room {
    size_t nodes, inputs, outputs, constants;
} mae_onnx_room;

typedef struct mae_onnx_constant {
    const char *name;
    const mae_shape *shape;
    const void *data;
    size_t bytes;
    const Onnx__TensorProto *proto; /* where strings are */
} mae_onnx_constant;

/* `source` is the model the part is of: its versions and operator sets are the part's. The writer keeps
 * what it is given by reference until it has finished. */
MAE_MUST_CHECK mae_error *mae_onnx_writer_begin(mae_onnx_writer *writer, const Onnx__ModelProto *source,
                                                const mae_onnx_room *room);
/* The node with other names for its tensors; NULL: its own. */
MAE_MUST_CHECK mae_error *mae_onnx_writer_node(mae_onnx_writer *writer, const Onnx__NodeProto *node, char **inputs,
                                               size_t n_inputs, char **outputs);
/* `shape` NULL: of unknown type; `is_static` false: only the element type is known. */
MAE_MUST_CHECK mae_error *mae_onnx_writer_input(mae_onnx_writer *writer, const char *name, const mae_shape *shape,
                                                bool is_static);
MAE_MUST_CHECK mae_error *mae_onnx_writer_output(mae_onnx_writer *writer, const char *name, const mae_shape *shape,
                                                 bool is_static);
MAE_MUST_CHECK mae_error *mae_onnx_writer_constant(mae_onnx_writer *writer, const mae_onnx_constant *constant);
/* The blob owns the writer's memory from now on. */
MAE_MUST_CHECK mae_error *mae_onnx_writer_finish(mae_onnx_writer *writer, mae_onnx_blob *ret_blob);
/* Instead of finishing. */
void mae_onnx_writer_abandon(mae_onnx_writer *writer);

#endif
