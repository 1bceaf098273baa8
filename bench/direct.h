/* Engines as their users call them, nothing of mae's around: operators one behind the other, each with weights of its
 * own and in the engine's own layout, with two buffers between them. */
#ifndef MAE_BENCH_DIRECT_H
#define MAE_BENCH_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#define DIRECT_LAYERS 8

/* A layer whose output has its input's shape, so that it can follow itself. A convolution of `channels` by kernel x
 * kernel on side x side, padded, with stride 1; or, kernel 0, rows x channels by channels x channels. */
typedef struct direct_work {
    const char *name;
    int64_t channels, side, kernel, groups, rows;
} direct_work;

typedef struct direct_engine {
    const char *backend, *name;
    /* Dense values: x as [1, channels, side, side] or [rows, channels]; weights as ONNX has them. NULL after saying
     * why. */
    void *(*open)(const direct_work *work, const float *x, const float *weights, int threads);
    bool (*run)(void *ctx);            /* all layers */
    bool (*read)(void *ctx, float *y); /* the dense result of the first one */
    void (*close)(void *ctx);          /* takes NULL */
} direct_engine;

extern const direct_engine direct_xnnpack, direct_onednn;

#endif
