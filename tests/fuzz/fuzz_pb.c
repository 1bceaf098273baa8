/* An ONNX tensor (.pb): a dense tensor of the size its shape says. */
#include "targets.h"

#include <string.h>

#include "cli/pb.h"

int fuzz_pb(const uint8_t *data, size_t size)
{
    cli_tensor tensor = {0};
    if (cli_pb_parse("fuzz.pb", data, size, &tensor))
        return 0;
    size_t bytes;
    bool ok = cli_shape_bytes(&tensor.shape, &bytes) && bytes == tensor.bytes;
    if (ok && tensor.name)
        ok = strlen(tensor.name) <= size;
    cli_tensor_clear(&tensor);
    return ok ? 1 : -1;
}
