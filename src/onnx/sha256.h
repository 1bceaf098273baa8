/* SHA-256 (FIPS 180-4): the fingerprint by which files name a model. */
#ifndef MAE_ONNX_SHA256_H
#define MAE_ONNX_SHA256_H

#include <stddef.h>

/* 64 lower-case hex digits and a zero byte. */
void mae_sha256_text(const void *data, size_t size, char text[65]);

#endif
