/* libFuzzer target of the ONNX reader:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude -Isrc tests/fuzz/fuzz_onnx.c
 *           src/onnx/[a-z]*.c src/core/graph.c src/base/[a-z]*.c ... -o fuzz_onnx
 *     ./fuzz_onnx tests/fuzz/corpus/onnx
 */
#include "fuzz_onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz_onnx(data, size) < 0)
        abort();
    return 0;
}
