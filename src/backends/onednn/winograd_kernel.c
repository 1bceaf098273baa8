/* Winograd's F(4x4, 3x3): the transforms before and after the products, with the points 0, +-a, +-b and infinity.
 *
 * The usual points are 1 and 2. 5/8 and 3/2 lose about a third as many digits, and their products are exact. */
#include <string.h>

#include "backends/onednn/kernel.h"

typedef mae_dnn_eight eight;
enum { SIDE = 6, TILE = MAE_DNN_WINOGRAD_TILE, POINTS = MAE_DNN_WINOGRAD_POINTS };

#define A 0.625f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)

/* Six values, `step` apart, to their transform. */
MAE_DNN_BODY void transform_in(const eight *in, eight *out, size_t step)
{
    eight a = in[4 * step] - B2 * in[2 * step], b = A * (in[3 * step] - B2 * in[1 * step]);
    eight c = in[4 * step] - A2 * in[2 * step], d = B * (in[3 * step] - A2 * in[1 * step]);

    out[0] = A2 * B2 * in[0] - (A2 + B2) * in[2 * step] + in[4 * step];
    out[1 * step] = a + b;
    out[2 * step] = a - b;
    out[3 * step] = c + d;
    out[4 * step] = c - d;
    out[5 * step] = A2 * B2 * in[1 * step] - (A2 + B2) * in[3 * step] + in[5 * step];
}

/* Six products, `step` apart, to four results. */
MAE_DNN_BODY void transform_out(const eight *in, size_t step, eight *out, size_t out_step)
{
    eight a = in[1 * step] + in[2 * step], b = in[1 * step] - in[2 * step];
    eight c = in[3 * step] + in[4 * step], d = in[3 * step] - in[4 * step];

    out[0] = in[0] + a + c;
    out[1 * out_step] = A * b + B * d;
    out[2 * out_step] = A2 * a + B2 * c;
    out[3 * out_step] = A2 * A * b + B2 * B * d + in[5 * step];
}

/* The 6x6 elements that a tile begins at (y, x) with, zeros where they lie outside. */
MAE_DNN_BODY void gather(const mae_dnn_winograd *w, const float *plane, int y, int x, eight *tile)
{
    size_t row = (size_t)w->in_width * w->block;

    if (y >= 0 && x >= 0 && y + SIDE <= w->in_height && x + SIDE <= w->in_width) {
        for (size_t i = 0; i < SIDE; i++)
            for (size_t j = 0; j < SIDE; j++)
                tile[i * SIDE + j] = *(const eight *)(plane + ((size_t)y + i) * row + ((size_t)x + j) * w->block);
        return;
    }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            eight *to = &tile[i * SIDE + j];
            if (y + i < 0 || y + i >= w->in_height || x + j < 0 || x + j >= w->in_width)
                memset(to, 0, sizeof(*to));
            else
                *to = *(const eight *)(plane + (size_t)(y + i) * row + (size_t)(x + j) * w->block);
        }
}

MAE_DNN_BODY void tile_in(const mae_dnn_winograd *w, const float *plane, int y, int x, float *out)
{
    size_t point = w->in_blocks * w->row * w->block;
    eight tile[POINTS], half[POINTS];

    gather(w, plane, y, x, tile);
    for (size_t i = 0; i < SIDE; i++)
        transform_in(tile + i, half + i, SIDE);
    for (size_t i = 0; i < SIDE; i++) {
        eight line[SIDE];
        transform_in(half + i * SIDE, line, 1);
        for (size_t j = 0; j < SIDE; j++)
            *(eight *)(out + (i * SIDE + j) * point) = line[j];
    }
}

/* A share is some rows of tiles of some blocks of channels. */
MAE_DNN_BODY void mae_dnn_kernel_winograd_in_body(const void *params, void *const *data, size_t part, size_t parts)
{
    const mae_dnn_winograd *w = params;
    size_t rows = (size_t)w->tiles_down, across = (size_t)w->tiles_across, begin, end;
    size_t plane = (size_t)w->in_height * (size_t)w->in_width * w->block;

    mae_dnn_share(w->batch * w->in_blocks * rows, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t down = i % rows, at = i / rows, n = at / w->in_blocks, c = at % w->in_blocks;
        const float *in = (const float *)data[0] + at * plane;
        float *out = (float *)data[1] + (c * w->row + (n * rows + down) * across) * w->block;
        for (size_t x = 0; x < across; x++)
            for (size_t k = 0; k < w->block; k += 8)
                tile_in(w, in + k, (int)down * TILE - w->pads[0], (int)x * TILE - w->pads[1], out + x * w->block + k);
    }
}
MAE_DNN_KERNEL(mae_dnn_kernel_winograd_in)

MAE_DNN_BODY void limit(eight *values, float low, float high)
{
    float *v = (float *)values;
    mae_dnn_four least = MAE_DNN_SET(low), most = MAE_DNN_SET(high);

    MAE_DNN_STORE(v, MAE_DNN_MIN(MAE_DNN_MAX(least, MAE_DNN_LOAD(v)), most));
    MAE_DNN_STORE(v + 4, MAE_DNN_MIN(MAE_DNN_MAX(least, MAE_DNN_LOAD(v + 4)), most));
}

/* Bias, limits and addition of one result of eight channels. */
MAE_DNN_BODY void finish(const mae_dnn_winograd *w, const eight *bias, const float *added, eight *value)
{
    *value += *bias;
    limit(value, w->low[0], w->high[0]);
    if (!w->adds)
        return;
    *value += *(const eight *)added;
    limit(value, w->low[1], w->high[1]);
}

/* `added` and `out` are where the tile begins in their planes. */
MAE_DNN_BODY void tile_out(const mae_dnn_winograd *w, const float *in, const eight *bias, const float *added,
                           float *out, int height, int width)
{
    size_t point = w->out_blocks * w->row * w->block, row = (size_t)w->out_width * w->block;
    eight tile[POINTS], half[TILE * SIDE], result[TILE * TILE];

    for (size_t i = 0; i < POINTS; i++)
        tile[i] = *(const eight *)(in + i * point);
    for (size_t i = 0; i < SIDE; i++)
        transform_out(tile + i, SIDE, half + i, SIDE);
    for (size_t i = 0; i < TILE; i++)
        transform_out(half + i * SIDE, 1, result + i * TILE, 1);
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++) {
            size_t at = (size_t)i * row + (size_t)j * w->block;
            eight value = result[i * TILE + j];
            finish(w, bias, added + at, &value);
            *(eight *)(out + at) = value;
        }
}

static inline int lesser(int a, int b)
{
    return a < b ? a : b;
}

MAE_DNN_BODY void mae_dnn_kernel_winograd_out_body(const void *params, void *const *data, size_t part, size_t parts)
{
    const mae_dnn_winograd *w = params;
    size_t rows = (size_t)w->tiles_down, across = (size_t)w->tiles_across, begin, end;
    size_t plane = (size_t)w->out_height * (size_t)w->out_width * w->block, line = (size_t)w->out_width * w->block;

    mae_dnn_share(w->batch * w->out_blocks * rows, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t down = i % rows, at = i / rows, n = at / w->out_blocks, c = at % w->out_blocks;
        const float *in = (const float *)data[0] + (c * w->row + (n * rows + down) * across) * w->block;
        size_t first = at * plane + down * TILE * line;
        int height = lesser(TILE, w->out_height - (int)down * TILE);
        float *out = (float *)data[2] + first;
        const float *added = w->adds ? (const float *)data[3] + first : out;
        for (size_t x = 0; x < across; x++)
            for (size_t k = 0; k < w->block; k += 8) {
                const eight *bias = (const eight *)((const float *)data[1] + c * w->block + k);
                size_t here = x * TILE * w->block + k;
                tile_out(w, in + x * w->block + k, bias, added + here, out + here, height,
                         lesser(TILE, w->out_width - (int)x * TILE));
            }
    }
}
MAE_DNN_KERNEL(mae_dnn_kernel_winograd_out)

void mae_dnn_winograd_weights(const double kernel[9], double points[POINTS])
{
    const double a = A, b = B, f = 1.0 / (2.0 * a * a * (a * a - b * b)), h = 1.0 / (2.0 * b * b * (b * b - a * a));
    const double g[SIDE][3] = {{1.0 / (a * a * b * b), 0, 0}, {f, f * a, f * a * a},  {f, -f * a, f * a * a},
                               {h, h * b, h * b * b},         {h, -h * b, h * b * b}, {0, 0, 1}};

    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            double sum = 0.0;
            for (int k = 0; k < 3; k++)
                for (int l = 0; l < 3; l++)
                    sum += g[i][k] * kernel[k * 3 + l] * g[j][l];
            points[i * SIDE + j] = sum;
        }
}
