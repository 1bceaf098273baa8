/* ONNX TensorProto files (.pb), the form ONNX's test data take. */
#ifndef MAE_CLI_PB_H
#define MAE_CLI_PB_H

#include "cli/tensor.h"

/* `path` stands for the file in messages. External data and strings are refused. */
int cli_pb_parse(const char *path, const void *data, size_t size, cli_tensor *ret_tensor);

#endif
