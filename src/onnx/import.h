/* Importing from memory, for who has the bytes already. */
#ifndef MAE_ONNX_IMPORT_H
#define MAE_ONNX_IMPORT_H

#include "onnx/onnx.h"

/* As mae_onnx_import(). Takes over `data`, which must come from malloc, whatever happens. `path` names the
 * model in messages, and its folder is where external weights are looked for. */
MAE_MUST_CHECK mae_error *mae_onnx_import_bytes(const char *path, void *data, size_t size, const mae_onnx_shape *shapes,
                                                size_t n_shapes, const mae_onnx_evaluator *evaluator,
                                                mae_graph **ret_graph);

#endif
