/* A .npy file. */
#include "targets.h"
#include "tensor.h"

#include "cli/npy.h"

int fuzz_npy(const uint8_t *data, size_t size)
{
    cli_tensor tensor = {0};
    return cli_npy_parse("fuzz.npy", data, size, &tensor) ? 0 : fuzz_tensor(&tensor, size);
}
