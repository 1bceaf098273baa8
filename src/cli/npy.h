/* NumPy's .npy files, as documented in numpy.lib.format: version 1 and 2, little-endian. */
#ifndef MAE_CLI_NPY_H
#define MAE_CLI_NPY_H

#include "cli/tensor.h"

/* `path` stands for the file in messages. Arrays in Fortran order are brought into C's. */
int cli_npy_parse(const char *path, const void *data, size_t size, cli_tensor *ret_tensor);

/* bf16, which NumPy lacks, is written as f32. */
int cli_npy_write(const char *path, const mae_shape *shape, const void *data);

#endif
