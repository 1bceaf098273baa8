#ifndef MAE_TESTS_FUZZ_PROFILE_H
#define MAE_TESTS_FUZZ_PROFILE_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
