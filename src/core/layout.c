#include "core/layout.h"

#include <string.h>

int64_t mae_layout_block(mae_layout layout)
{
    switch (layout) {
    case MAE_LAYOUT_BLOCKED8:
        return 8;
    case MAE_LAYOUT_BLOCKED16:
        return 16;
    case MAE_LAYOUT_DENSE:
        break;
    }
    return 0;
}

mae_layout mae_layout_of_block(int64_t block)
{
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++)
        if (mae_layout_block(layout) == block)
            return layout;
    return MAE_LAYOUT_DENSE;
}

unsigned mae_layouts_of(const mae_tensor *tensor)
{
    const mae_shape *shape = &tensor->shape;
    unsigned layouts = 0;
    if (!tensor->is_static || shape->dtype != MAE_F32 || shape->rank != 4 || tensor->bytes == 0)
        return 0;
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++)
        if (shape->dims[1] % mae_layout_block(layout) == 0)
            layouts |= MAE_LAYOUT_BIT(layout);
    return layouts;
}

/* ---- out of a blocked layout, at the speed of memory ---- */

#define SIDE 4          /* of a square that is transposed in registers */
#define LINE_PIXELS 64u /* some cache lines of a few planes at a time, read again from the first cache */

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAVE_SHUFFLE 1
#endif
#endif

#ifdef HAVE_SHUFFLE
typedef float quad __attribute__((vector_size(SIDE * sizeof(float))));

static quad load(const float *from)
{
    quad q;
    memcpy(&q, from, sizeof q);
    return q;
}

static void store(quad q, float *to)
{
    memcpy(to, &q, sizeof q);
}

/* SIDE pixels of SIDE channels: rows, `stride` apart, become columns. */
static void transpose(const float *from, size_t stride, float *to, size_t plane)
{
    quad a = load(from), b = load(from + stride), c = load(from + 2 * stride), d = load(from + 3 * stride);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), to);
    store(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), to + plane);
    store(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), to + 2 * plane);
    store(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7), to + 3 * plane);
}
#else
static void transpose(const float *from, size_t stride, float *to, size_t plane)
{
    for (size_t c = 0; c < SIDE; c++)
        for (size_t i = 0; i < SIDE; i++)
            to[c * plane + i] = from[i * stride + c];
}
#endif

/* Blocks of channels are multiples of SIDE; pixels are what they are. */
static void unblock_planes(size_t block, size_t plane, const float *blocked, float *dense)
{
    size_t even = plane - plane % SIDE;
    for (size_t line = 0; line < even; line += LINE_PIXELS) {
        size_t end = line + LINE_PIXELS < even ? line + LINE_PIXELS : even;
        for (size_t c = 0; c < block; c += SIDE)
            for (size_t i = line; i < end; i += SIDE)
                transpose(blocked + i * block + c, block, dense + c * plane + i, plane);
    }
    for (size_t i = even; i < plane; i++)
        for (size_t c = 0; c < block; c++)
            dense[c * plane + i] = blocked[i * block + c];
}

void mae_layout_unblock(mae_layout layout, const mae_shape *shape, const float *blocked, float *dense)
{
    size_t block = (size_t)mae_layout_block(layout);
    size_t plane = (size_t)(shape->dims[2] * shape->dims[3]);
    size_t n_blocks =
        (size_t)(shape->dims[0] * shape->dims[1]) / block; /* NOLINT(clang-analyzer-core.DivideZero): blocked */
    for (size_t b = 0; b < n_blocks; b++, blocked += block * plane, dense += block * plane)
        unblock_planes(block, plane, blocked, dense);
}
