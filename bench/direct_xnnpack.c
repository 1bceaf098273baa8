/* XNNPACK's operators, channels last. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xnnpack.h>

#include "direct.h"

typedef struct direct {
    const direct_work *work;
    xnn_operator_t ops[DIRECT_LAYERS]; /* one behind the other */
    pthreadpool_t pool;
    float *x, *y[2];
} direct;

static float *from_of(const direct *d, int i)
{
    return i ? d->y[(i + 1) % 2] : d->x;
}

static bool good(enum xnn_status status, const char *what)
{
    if (status != xnn_status_success)
        fprintf(stderr, "XNNPACK: %s: status %d\n", what, (int)status);
    return status == xnn_status_success;
}

static float *memory(size_t n)
{
    return aligned_alloc(64, (n * sizeof(float) + XNN_EXTRA_BYTES + 64) / 64 * 64);
}

/* [out, in, h, w] -> [out, h, w, in]; of a depthwise one [h, w, out]. */
static float *pack(const direct_work *w, const float *weights)
{
    size_t area = (size_t)(w->kernel * w->kernel), in = (size_t)(w->channels / w->groups), out = (size_t)w->channels;
    float *to = malloc(out * in * area * sizeof *to);
    for (size_t o = 0; to && o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t a = 0; a < area; a++)
                to[w->groups > 1 ? a * out + o : (o * area + a) * in + i] = weights[(o * in + i) * area + a];
    return to;
}

static bool make_conv(direct *d, const float *weights, int i)
{
    const direct_work *w = d->work;
    uint32_t pad = (uint32_t)w->kernel / 2, k = (uint32_t)w->kernel, groups = (uint32_t)w->groups;
    size_t c = (size_t)w->channels, side = (size_t)w->side;
    float *kernel = pack(w, weights), *bias = calloc(c, sizeof *bias);
    bool done =
        kernel && bias &&
        good(xnn_create_convolution2d_nhwc_f32(pad, pad, pad, pad, k, k, 1, 1, 1, 1, groups, c / groups, c / groups, c,
                                               c, kernel, bias, -INFINITY, INFINITY,
                                               groups > 1 ? XNN_FLAG_DEPTHWISE_CONVOLUTION : 0, &d->ops[i]),
             "create") &&
        good(xnn_setup_convolution2d_nhwc_f32(d->ops[i], 1, side, side, from_of(d, i), d->y[i % 2], d->pool), "setup");
    free(kernel);
    free(bias);
    return done;
}

static bool make_product(direct *d, const float *weights, int i)
{
    size_t c = (size_t)d->work->channels;
    return good(xnn_create_fully_connected_nc_f32(c, c, c, c, weights, NULL, -INFINITY, INFINITY,
                                                  XNN_FLAG_TRANSPOSE_WEIGHTS, &d->ops[i]),
                "create") &&
           good(xnn_setup_fully_connected_nc_f32(d->ops[i], (size_t)d->work->rows, from_of(d, i), d->y[i % 2], d->pool),
                "setup");
}

/* Between rows of channels and planes; a product has rows already. */
static void turn(const direct_work *w, const float *from, float *to, bool to_rows)
{
    size_t c = (size_t)w->channels, area = (size_t)(w->side * w->side);
    for (size_t i = 0; i < c; i++)
        for (size_t k = 0; k < area; k++)
            to[to_rows ? k * c + i : i * area + k] = from[to_rows ? i * area + k : k * c + i];
}

static void close_xnnpack(void *ctx)
{
    direct *d = ctx;
    if (!d)
        return;
    for (int i = 0; i < DIRECT_LAYERS; i++)
        if (d->ops[i])
            xnn_delete_operator(d->ops[i]);
    if (d->pool)
        pthreadpool_destroy(d->pool);
    free(d->x);
    free(d->y[0]);
    free(d->y[1]);
    free(d);
}

static void *open_xnnpack(const direct_work *w, const float *x, const float *weights, int threads)
{
    size_t n = (size_t)(w->channels * (w->kernel ? w->side * w->side : w->rows));
    direct *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    *d = (direct){.work = w, .x = memory(n), .y = {memory(n), memory(n)}};
    d->pool = threads > 1 ? pthreadpool_create((size_t)threads) : NULL;
    bool done = d->x && d->y[0] && d->y[1] && good(xnn_initialize(NULL), "initialize");
    if (done && w->kernel)
        turn(w, x, d->x, true);
    else if (done)
        memcpy(d->x, x, n * sizeof *x);
    for (int i = 0; done && i < DIRECT_LAYERS; i++)
        done = w->kernel ? make_conv(d, weights, i) : make_product(d, weights, i);
    if (done)
        return d;
    close_xnnpack(d);
    return NULL;
}

static bool run_xnnpack(void *ctx)
{
    direct *d = ctx;
    for (int i = 0; i < DIRECT_LAYERS; i++)
        if (!good(xnn_run_operator(d->ops[i], d->pool), "run"))
            return false;
    return true;
}

static bool read_xnnpack(void *ctx, float *y)
{
    direct *d = ctx;
    if (!good(xnn_run_operator(d->ops[0], d->pool), "run"))
        return false;
    if (d->work->kernel)
        turn(d->work, d->y[0], y, false);
    else
        memcpy(y, d->y[0], (size_t)(d->work->rows * d->work->channels) * sizeof *y);
    return true;
}

const direct_engine direct_xnnpack = {"xnnpack", "XNNPACK", open_xnnpack, run_xnnpack, read_xnnpack, close_xnnpack};
