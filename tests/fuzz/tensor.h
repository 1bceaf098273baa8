/* What readers of tensors must have made. */
#ifndef MAE_FUZZ_TENSOR_H
#define MAE_FUZZ_TENSOR_H

#include <string.h>

#include "cli/tensor.h"

/* Dense, of the size its shape says, its name no longer than the file. Clears it. 1, or -1 for a fault. */
static inline int fuzz_tensor(cli_tensor *tensor, size_t size)
{
    size_t bytes;
    bool ok = cli_shape_bytes(&tensor->shape, &bytes) && bytes == tensor->bytes && tensor->data;
    ok = ok && (!tensor->name || strlen(tensor->name) <= size);
    cli_tensor_clear(tensor);
    return ok ? 1 : -1;
}

#endif
