/* What is done with any bytes, for the fuzzer (fuzz_main.c) and for the replay of its corpus: corpus/NAME is that of
 * fuzz_NAME(). 1: accepted; 0: refused; -1: a fault. */
#ifndef MAE_FUZZ_TARGETS_H
#define MAE_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

int fuzz_profile(const uint8_t *data, size_t size);
int fuzz_plan(const uint8_t *data, size_t size);
int fuzz_soc(const uint8_t *data, size_t size);
int fuzz_script(const uint8_t *data, size_t size);
int fuzz_rules(const uint8_t *data, size_t size);
int fuzz_scenario(const uint8_t *data, size_t size);
int fuzz_report(const uint8_t *data, size_t size);
int fuzz_onnx(const uint8_t *data, size_t size);
int fuzz_npy(const uint8_t *data, size_t size);
int fuzz_pb(const uint8_t *data, size_t size);
int fuzz_control(const uint8_t *data, size_t size);
int fuzz_image(const uint8_t *data, size_t size);

#endif
