/* Loops of mae's own, for what the library lacks or is slow at: windows over blocks of channels, paddings, and the
 * transforms around Winograd's products. Each does a share of its work, so that the library's threads can do it. */
#ifndef MAE_BACKENDS_ONEDNN_KERNEL_H
#define MAE_BACKENDS_ONEDNN_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__SSE__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* `data`: the memory of the step's arguments, in their order. Does part `part` of `parts`. */
typedef void mae_dnn_kernel_fn(const void *params, void *const *data, size_t part, size_t parts);

/* Planes of height x width x block floats: block is 1, or the channels in a block, a multiple of 8. */
typedef struct mae_dnn_planes {
    size_t planes, block;
    int in_height, in_width, out_height, out_width;
    int kernel[2], strides[2], dilations[2], pads[2]; /* pads: before the first element */
} mae_dnn_planes;

/* data: source, result. Windows lie at least in part inside the source. */
mae_dnn_kernel_fn mae_dnn_kernel_max_pool;
/* data: source, result. Each plane's mean. */
mae_dnn_kernel_fn mae_dnn_kernel_mean;
/* data: source, result. Zeros around each plane, `pads` of them before it. */
mae_dnn_kernel_fn mae_dnn_kernel_pad;

/* A 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3): in tiles of 6x6, each element of which is one product of
 * matrices over the channels. */
typedef struct mae_dnn_winograd {
    size_t batch, block, in_blocks, out_blocks;
    int in_height, in_width, out_height, out_width, pads[2];
    int tiles_down, tiles_across;
    size_t row;            /* tiles of the whole batch, and some more that nobody looks at */
    float low[2], high[2]; /* limits of the result before and after the addition */
    bool adds;
} mae_dnn_winograd;

#define MAE_DNN_WINOGRAD_TILE 4    /* results of a tile along an axis */
#define MAE_DNN_WINOGRAD_POINTS 36 /* elements of a transformed tile */

/* data: source, transformed tiles as [point][block of channels][tile][channel]. */
mae_dnn_kernel_fn mae_dnn_kernel_winograd_in;
/* data: products, laid out likewise, bias, result, and what is added to it if `adds` (may be the result itself). */
mae_dnn_kernel_fn mae_dnn_kernel_winograd_out;
/* A 3x3 kernel's transform. */
void mae_dnn_winograd_weights(const double kernel[9], double points[MAE_DNN_WINOGRAD_POINTS]);

/* ---- What kernels are made of ---- */

/* The threads are the library's, which the thread sanitizer does not see being started and awaited. */
#define MAE_DNN_UNWATCHED __attribute__((no_sanitize_thread))
#define MAE_DNN_BODY static inline __attribute__((always_inline)) MAE_DNN_UNWATCHED

/* Compiles NAME_body for any processor and, on x86, for those with AVX2. */
#if defined(__x86_64__)
#define MAE_DNN_KERNEL(name)                                                                                           \
    static MAE_DNN_UNWATCHED __attribute__((target("avx2,fma"))) void name##_avx2(                                     \
        const void *params, void *const *data, size_t part, size_t parts)                                              \
    {                                                                                                                  \
        name##_body(params, data, part, parts);                                                                        \
    }                                                                                                                  \
    static MAE_DNN_UNWATCHED void name##_any(const void *params, void *const *data, size_t part, size_t parts)         \
    {                                                                                                                  \
        name##_body(params, data, part, parts);                                                                        \
    }                                                                                                                  \
    MAE_DNN_UNWATCHED void name(const void *params, void *const *data, size_t part, size_t parts)                      \
    {                                                                                                                  \
        bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");                                   \
        (wide ? name##_avx2 : name##_any)(params, data, part, parts);                                                  \
    }
#else
#define MAE_DNN_KERNEL(name)                                                                                           \
    MAE_DNN_UNWATCHED void name(const void *params, void *const *data, size_t part, size_t parts)                      \
    {                                                                                                                  \
        name##_body(params, data, part, parts);                                                                        \
    }
#endif

/* Eight channels at once; never passed by value, since that depends on the processor it is compiled for. */
typedef float mae_dnn_eight __attribute__((vector_size(32), aligned(4), may_alias));

/* Four floats, and their maximum: compilers do not find the instruction by themselves, since it treats NaNs in its own
 * way (here: the second one counts). */
#if defined(__SSE__)
typedef __m128 mae_dnn_four;
#define MAE_DNN_LOAD(from) _mm_loadu_ps(from)
#define MAE_DNN_STORE(to, value) _mm_storeu_ps(to, value)
#define MAE_DNN_SET(number) _mm_set1_ps(number)
#define MAE_DNN_MAX(a, b) _mm_max_ps(a, b)
#define MAE_DNN_MIN(a, b) _mm_min_ps(a, b)
#elif defined(__ARM_NEON)
typedef float32x4_t mae_dnn_four;
#define MAE_DNN_LOAD(from) vld1q_f32(from)
#define MAE_DNN_STORE(to, value) vst1q_f32(to, value)
#define MAE_DNN_SET(number) vdupq_n_f32(number)
#define MAE_DNN_MAX(a, b) vmaxq_f32(a, b)
#define MAE_DNN_MIN(a, b) vminq_f32(a, b)
#else
#error "kernels need SSE or NEON"
#endif

/* Items begin..end of `n` are this part's. */
MAE_DNN_BODY void mae_dnn_share(size_t n, size_t part, size_t parts, size_t *begin, size_t *end)
{
    *begin = n * part / parts;
    *end = n * (part + 1) / parts;
}

#endif
