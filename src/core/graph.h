/* What every user of a graph needs beside its fields (mae/graph.h). */
#ifndef MAE_CORE_GRAPH_H
#define MAE_CORE_GRAPH_H

#include "base/arena.h"
#include "base/error.h"
#include "mae/graph.h"

/* Bytes of one element; 0 for strings and MAE_DTYPE_NONE. */
size_t mae_dtype_size(mae_dtype dtype);
const char *mae_dtype_name(mae_dtype dtype);      /* "f32", "i64", ..., "none" */
mae_dtype mae_dtype_parse(const char *name);      /* MAE_DTYPE_NONE if unknown */
const char *mae_kind_name(mae_kind kind);         /* "conv3x3", ... */

/* Elements and bytes of a shape; false when a dimension is negative or the product overflows. */
bool mae_shape_count(const mae_shape *shape, size_t *ret_elements);
bool mae_shape_bytes(const mae_shape *shape, size_t *ret_bytes);
bool mae_shape_equal(const mae_shape *a, const mae_shape *b);

/* "1x3x224x224 f32" into `text`; returns text. */
const char *mae_shape_text(const mae_shape *shape, char *text, size_t size);

/* The attribute of that name, or NULL. */
const mae_attr *mae_node_attr(const mae_node *node, const char *name);
int64_t mae_node_int(const mae_node *node, const char *name, int64_t otherwise);
float mae_node_float(const mae_node *node, const char *name, float otherwise);
const char *mae_node_string(const mae_node *node, const char *name, const char *otherwise);

/* Element `i` of a constant tensor as a number; values need not be aligned. Integer types for _i64,
 * f32, f64, f16, bf16 and integers for _f64. The caller checks is_constant and the range. */
int64_t mae_tensor_i64(const mae_tensor *tensor, size_t i);
double mae_tensor_f64(const mae_tensor *tensor, size_t i);

/* The border of layers first..last (see mae_segment). Arrays live in `arena`. */
MAE_MUST_CHECK mae_error *mae_segment_make(const mae_graph *graph, int first, int last, mae_arena *arena,
                                           mae_segment *ret_segment);

#endif
