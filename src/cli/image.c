/* From pixels to a network's input. */
#include "cli/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/tensor.h"

/* What one output pixel of an axis takes: `n` input pixels from `first`, with these weights. */
typedef struct tap {
    int first, n;
    float *weight;
} tap;

/* Along an axis that shrinks: the mean of the stretch an output pixel covers, parts of pixels counted by their part. */
static void area_tap(tap *t, int i, double scale, int length)
{
    double low = i * scale, high = (i + 1) * scale;
    t->first = (int)low;
    int last = (int)ceil(high) - 1;
    if (last > length - 1)
        last = length - 1;
    if (t->first > last)
        t->first = last;
    t->n = last - t->first + 1;
    double sum = 0;
    for (int k = 0; k < t->n; k++) {
        double part = fmin(high, t->first + k + 1) - fmax(low, t->first + k);
        t->weight[k] = (float)part;
        sum += part;
    }
    for (int k = 0; k < t->n; k++)
        t->weight[k] = sum > 0 ? (float)(t->weight[k] / sum) : 1.0f / (float)t->n;
}

/* Along an axis that grows: linear between the two nearest pixel centres, the border repeated. */
static void linear_tap(tap *t, int i, double scale, int length)
{
    double centre = (i + 0.5) * scale - 0.5;
    double low = floor(centre);
    t->first = low < 0 ? 0 : (int)low;
    t->n = low < 0 || t->first + 1 > length - 1 ? 1 : 2;
    t->weight[0] = t->n == 1 ? 1.0f : (float)(1 - (centre - low));
    t->weight[1] = (float)(centre - low);
}

/* `n` taps and their weights in one block, freed with free(). */
static tap *make_taps(int from, int to)
{
    double scale = (double)from / to;
    size_t room = (size_t)ceil(scale) + 2;
    tap *taps = malloc((size_t)to * (sizeof(tap) + room * sizeof(float)));
    if (!taps)
        return NULL;
    float *weights = (float *)(taps + to);
    for (int i = 0; i < to; i++) {
        taps[i].weight = weights + (size_t)i * room;
        if (to < from)
            area_tap(&taps[i], i, scale, from);
        else
            linear_tap(&taps[i], i, scale, from);
    }
    return taps;
}

static void resize_row(const uint8_t *row, const tap *taps, int width, float *out)
{
    for (int x = 0; x < width; x++) {
        float sum[3] = {0, 0, 0};
        for (int k = 0; k < taps[x].n; k++) {
            const uint8_t *pixel = row + (size_t)(taps[x].first + k) * 3;
            for (int c = 0; c < 3; c++)
                sum[c] += taps[x].weight[k] * pixel[c];
        }
        memcpy(out + (size_t)x * 3, sum, sizeof sum);
    }
}

/* Rows are narrowed one by one as the taps of a column ask for them; `line` holds one. */
static void resize(const cli_image *image, const tap *across, const tap *down, int width, int height, float *line,
                   float *out)
{
    size_t n = (size_t)width * 3;
    for (int y = 0; y < height; y++) {
        float *to = out + (size_t)y * n;
        memset(to, 0, n * sizeof *to);
        for (int k = 0; k < down[y].n; k++) {
            resize_row(image->rgb + (size_t)(down[y].first + k) * (size_t)image->width * 3, across, width, line);
            for (size_t i = 0; i < n; i++)
                to[i] += down[y].weight[k] * line[i];
        }
    }
}

int cli_image_resize(const cli_image *image, int width, int height, float **ret_rgb)
{
    tap *across = make_taps(image->width, width);
    tap *down = make_taps(image->height, height);
    float *line = malloc((size_t)width * 3 * sizeof *line);
    float *out = malloc((size_t)width * (size_t)height * 3 * sizeof *out);
    bool ok = across && down && line && out;
    if (ok)
        resize(image, across, down, width, height, line, out);
    free(across);
    free(down);
    free(line);
    if (!ok) {
        free(out);
        return cli_nomem();
    }
    *ret_rgb = out;
    return 0;
}

/* An image's place in a tensor, in elements. */
typedef struct grid {
    int channels, height, width;
    size_t channel_step, row_step, column_step;
} grid;

static bool is_channels(int64_t n)
{
    return n == 1 || n == 3;
}

static int find_grid(const char *path, const mae_shape *shape, cli_layout layout, grid *ret_grid)
{
    char text[256];
    bool image_like = shape->rank == 3 || (shape->rank == 4 && shape->dims[0] == 1);
    const int64_t *d = shape->dims + (shape->rank == 4 ? 1 : 0); /* the last three, if it is image-like */
    if (image_like && layout == CLI_LAYOUT_GUESS)
        layout = is_channels(d[0]) || !is_channels(d[2]) ? CLI_LAYOUT_NCHW : CLI_LAYOUT_NHWC;
    bool planar = layout == CLI_LAYOUT_NCHW;
    if (!image_like || !is_channels(planar ? d[0] : d[2]))
        return cli_error(MAE_ERR_INPUT, "%s: an image does not fit an input of %s", path, cli_shape_text(shape, text));
    int64_t channels = planar ? d[0] : d[2], height = planar ? d[1] : d[0], width = planar ? d[2] : d[1];
    if (height < 1 || width < 1 || height > 1 << 16 || width > 1 << 16)
        return cli_error(MAE_ERR_INPUT, "%s: cannot be resized to %s", path, cli_shape_text(shape, text));
    size_t h = (size_t)height, w = (size_t)width, c = (size_t)channels;
    *ret_grid = (grid){(int)c, (int)h, (int)w, planar ? h * w : 1, planar ? w : w * c, planar ? 1 : c};
    return 0;
}

/* IEEE 754 half precision, rounded to nearest, ties to even. */
static uint16_t half_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    float magnitude = fabsf(value);
    if (!(magnitude < 65520.0f))
        return sign | (isnan(value) ? 0x7e00 : 0x7c00);
    if (magnitude == 0)
        return sign;
    int exponent;
    frexpf(magnitude, &exponent);
    if (exponent < -13)
        exponent = -13; /* subnormal halves share the least normal one's step */
    /* In steps of the last of 11 significant bits. */
    uint32_t steps = (uint32_t)lrintf(ldexpf(magnitude, 11 - exponent));
    /* 1024 steps are a normal number's leading one; a carry from rounding raises the exponent by itself. */
    return (uint16_t)(sign | (((uint32_t)(exponent + 13) << 10) + steps));
}

static void store(void *data, mae_dtype dtype, size_t i, float value)
{
    if (dtype == MAE_F32)
        ((float *)data)[i] = value;
    else if (dtype == MAE_F16)
        ((uint16_t *)data)[i] = half_of(value);
    else
        ((uint8_t *)data)[i] = (uint8_t)lrintf(fminf(fmaxf(value, 0), 255));
}

/* ITU-R BT.601 luma for one channel. */
static float pick(const float *pixel, int channels, int c, bool swap)
{
    if (channels == 1)
        return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    return pixel[swap ? 2 - c : c];
}

static void fill(const grid *g, const float *rgb, const cli_pixels *pixels, mae_dtype dtype, void *data)
{
    for (int y = 0; y < g->height; y++) {
        for (int x = 0; x < g->width; x++) {
            const float *pixel = rgb + ((size_t)y * (size_t)g->width + (size_t)x) * 3;
            for (int c = 0; c < g->channels; c++) {
                float value = pick(pixel, g->channels, c, pixels->swap_rgb);
                if (dtype != MAE_U8)
                    value = (float)((value / 255.0 - pixels->mean[c]) / pixels->std[c]);
                store(data, dtype, (size_t)c * g->channel_step + (size_t)y * g->row_step + (size_t)x * g->column_step,
                      value);
            }
        }
    }
}

int cli_image_to_tensor(const char *path, const cli_image *image, const cli_pixels *pixels, const mae_shape *shape,
                        void *data)
{
    grid g = {0};
    CLI_TRY(find_grid(path, shape, pixels->layout, &g));
    if (shape->dtype != MAE_F32 && shape->dtype != MAE_F16 && shape->dtype != MAE_U8) {
        char text[256];
        return cli_error(MAE_ERR_INPUT, "%s: an image cannot become an input of %s", path, cli_shape_text(shape, text));
    }
    float *rgb;
    CLI_TRY(cli_image_resize(image, g.width, g.height, &rgb));
    fill(&g, rgb, pixels, shape->dtype, data);
    free(rgb);
    return 0;
}
