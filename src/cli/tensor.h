/* A tensor read from or written to a file: dense, row-major, little-endian. */
#ifndef MAE_CLI_TENSOR_H
#define MAE_CLI_TENSOR_H

#include <stdlib.h>

#include "mae/types.h"

typedef struct cli_tensor {
    char *name; /* NULL: unstated */
    mae_shape shape;
    void *data;
    size_t bytes;
} cli_tensor;

void cli_tensor_clear(cli_tensor *tensor);

/* Bytes of an element; 0 for what has no fixed size. */
size_t cli_dtype_size(mae_dtype dtype);

/* Bytes of a dense tensor; false when there is no such number (a negative dimension, an overflow). */
bool cli_shape_bytes(const mae_shape *shape, size_t *ret_bytes);

/* "f32 [1, 3, 224, 224]" */
const char *cli_shape_text(const mae_shape *shape, char text[static 256]);

#endif
