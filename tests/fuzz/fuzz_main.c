/* libFuzzer's entry into one target (`make fuzz`); FUZZ_TARGET names it. */
#include "targets.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (FUZZ_TARGET(data, size) < 0)
        abort();
    return 0;
}
