/* libFuzzer target of the ONNX reader. With a build in build/ (for the generated onnx.pb-c.*), in an empty
 * folder:
 *
 *     clang -c -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer-no-link,address,undefined -I$S/include -I$S/src \
 *         -I$S/build/src/generated $S/src/onnx/[a-z]*.c $S/src/core/graph.c $S/src/base/[acefst]*.c \
 *         $S/build/src/generated/onnx.pb-c.c
 *     clang -g -fsanitize=fuzzer,address,undefined -I$S/include -I$S/src $S/tests/fuzz/fuzz_onnx.c [a-z]*.o \
 *         -lprotobuf-c -lm -pthread -o fuzz_onnx
 *     ./fuzz_onnx -max_len=4096 $S/tests/fuzz/corpus/onnx
 */
#include "fuzz_onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz_onnx(data, size) < 0)
        abort();
    return 0;
}
