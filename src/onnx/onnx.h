/* ONNX models in and out: reading, importing into a frozen graph, writing parts of it for engines. */
#ifndef MAE_ONNX_ONNX_H
#define MAE_ONNX_ONNX_H

#include "base/error.h"
#include "core/graph.h"

/* A piece of a model as ONNX protobuf text, and the weights that it refers to but does not contain:
 * each is an initializer of the model with data_location EXTERNAL and no bytes. Whoever loads the
 * model hands the engine these pointers, so that weights are not copied. Small constants (<= 1 KiB)
 * and strings are inside the model. */
typedef struct mae_onnx_weight {
    const char *name;
    const mae_shape *shape;
    const void *data; /* the graph's; possibly not aligned */
    size_t bytes;
} mae_onnx_weight;

typedef struct mae_onnx_blob {
    const void *data;
    size_t size;
    size_t n_weights;
    const mae_onnx_weight *weights;
    mae_arena *arena; /* owns the blob */
} mae_onnx_blob;

void mae_onnx_blob_free(mae_onnx_blob *blob);

/* One tensor handed to or taken from an evaluation. */
typedef struct mae_onnx_value {
    const char *name;
    mae_shape shape;
    const void *data; /* NULL for strings */
    size_t bytes;
} mae_onnx_value;

/* Runs models for the importer: constant folding and shapes are the reference engine's word. */
typedef struct mae_onnx_evaluator {
    void *ctx;
    /* Runs the model once, unoptimised, and gives each wanted output to `sink`, in any order. A model
     * the engine rejects is MAE_ERR_INPUT (or MAE_ERR_UNSUPPORTED for an operator it does not have). */
    mae_error *(*run)(void *ctx, const mae_onnx_blob *model, const mae_onnx_value *inputs, size_t n_inputs,
                      const char *const *outputs, size_t n_outputs,
                      mae_error *(*sink)(void *sink_ctx, size_t output, const mae_onnx_value *value), void *sink_ctx);
} mae_onnx_evaluator;

/* The name under which the `ort` backend offers its evaluator (mae_backend.service). */
#define MAE_ONNX_EVALUATOR_SERVICE "onnx-evaluator-1"

typedef struct mae_onnx_shape {
    const char *input; /* name of a graph input */
    int rank;
    const int64_t *dims;
} mae_onnx_shape;

/* Reads a model file, fixes dynamic input dimensions by `shapes`, folds constants, finds shapes, fuses
 * nodes into layers, orders them, freezes. MAE_ERR_INPUT names file, place and reason. A dynamic batch
 * dimension (the first) that nobody fixed is 1; any other is an MAE_ERR_USAGE that names --shape. */
MAE_MUST_CHECK mae_error *mae_onnx_import(const char *path, const mae_onnx_shape *shapes, size_t n_shapes,
                                          const mae_onnx_evaluator *evaluator, mae_graph **ret_graph);
void mae_onnx_graph_destroy(mae_graph *graph); /* takes NULL */

/* Writes the nodes of a segment as a model whose graph inputs and outputs are the segment's, in order. */
MAE_MUST_CHECK mae_error *mae_onnx_write_segment(const mae_graph *graph, const mae_segment *segment,
                                                 mae_onnx_blob *ret_blob);

/* An ONNX TensorProto file (.pb), as test data comes. `data` is freed with free(). */
MAE_MUST_CHECK mae_error *mae_onnx_read_tensor(const char *path, char **ret_name, mae_shape *ret_shape, void **ret_data,
                                               size_t *ret_bytes);

#endif
