/* An ONNX tensor (.pb). */
#include "targets.h"
#include "tensor.h"

#include "cli/pb.h"

int fuzz_pb(const uint8_t *data, size_t size)
{
    cli_tensor tensor = {0};
    return cli_pb_parse("fuzz.pb", data, size, &tensor) ? 0 : fuzz_tensor(&tensor, size);
}
