/* A .npy file: a dense tensor of the size its shape says. */
#include "targets.h"

#include "cli/npy.h"

int fuzz_npy(const uint8_t *data, size_t size)
{
    cli_tensor tensor = {0};
    if (cli_npy_parse("fuzz.npy", data, size, &tensor))
        return 0;
    size_t bytes;
    bool ok = cli_shape_bytes(&tensor.shape, &bytes) && bytes == tensor.bytes;
    cli_tensor_clear(&tensor);
    return ok ? 1 : -1;
}
