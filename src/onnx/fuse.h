/* What fuse.c and pattern.c share. */
#ifndef MAE_ONNX_FUSE_H
#define MAE_ONNX_FUSE_H

#include "onnx/model.h"

#define MAE_ONNX_MAX_PATTERN 16

/* Nodes found to belong together, and the one tensor they give. */
typedef struct mae_onnx_pattern {
    size_t n;
    int nodes[MAE_ONNX_MAX_PATTERN];
    int exit; /* tensor */
} mae_onnx_pattern;

/* The one tensor the node gives, or -1 if it gives more, or one that is not static. */
int mae_onnx_only_output(const mae_onnx_model *model, int node);
/* The one node, in no group yet, that reads the tensor, or -1: nobody else may see it. */
int mae_onnx_only_reader(const mae_onnx_model *model, int tensor);
/* Input `i` is there and constant. */
bool mae_onnx_input_constant(const mae_onnx_model *model, int node, size_t i);
/* Element by element, everything but `tensor` constant, the shape kept. */
bool mae_onnx_is_pointwise_of(const mae_onnx_model *model, int node, int tensor);
/* Element by element on tensors of this shape. */
bool mae_onnx_is_pointwise(const mae_onnx_model *model, int node);
bool mae_onnx_same_dims(const mae_onnx_model *model, int a, int b);

/* Gates: x * f(x) in however many operators (SiLU, HardSwish, Mish, GELU). */
bool mae_onnx_match_gate(const mae_onnx_model *model, int tensor, mae_onnx_pattern *ret_pattern);
/* A layer normalisation in its parts, beginning at a ReduceMean. */
bool mae_onnx_match_norm(const mae_onnx_model *model, int node, mae_onnx_pattern *ret_pattern);

#endif
