/* oneDNN's primitives, in the layouts that it chooses. Written for its 2.x. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

#include "direct.h"

void omp_set_num_threads(int n);

typedef struct direct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t op;
    dnnl_memory_t x, weights[DIRECT_LAYERS], y[2]; /* one layer behind the other */
    dnnl_memory_desc_t dense;                      /* of x and y */
} direct;

static bool good(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success)
        fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
    return status == dnnl_success;
}

static bool reorder(const direct *d, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t op;
    dnnl_memory_get_memory_desc(from, &a);
    dnnl_memory_get_memory_desc(to, &b);
    if (!good(dnnl_reorder_primitive_desc_create(&pd, a, d->engine, b, d->engine, NULL), "reorder") ||
        !good(dnnl_primitive_create(&op, pd), "reorder"))
        return false;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    bool done =
        good(dnnl_primitive_execute(op, d->stream, 2, args), "reorder") && good(dnnl_stream_wait(d->stream), "");
    dnnl_primitive_destroy(op);
    dnnl_primitive_desc_destroy(pd);
    return done;
}

/* Memory in the engine's layout, with dense values. */
static bool bring(const direct *d, const dnnl_memory_desc_t *dense, const float *values,
                  const dnnl_memory_desc_t *wanted, dnnl_memory_t *ret_memory)
{
    dnnl_memory_t from;
    if (!good(dnnl_memory_create(ret_memory, wanted, d->engine, DNNL_MEMORY_ALLOCATE), "memory"))
        return false;
    if (!values)
        return true;
    if (!good(dnnl_memory_create(&from, dense, d->engine, (void *)(uintptr_t)values), "memory"))
        return false;
    bool done = reorder(d, from, *ret_memory);
    dnnl_memory_destroy(from);
    return done;
}

static dnnl_memory_desc_t plain(int n, const dnnl_dim_t *dims)
{
    dnnl_memory_desc_t md;
    dnnl_memory_desc_init_by_tag(&md, n, dims, dnnl_f32, n == 5 ? dnnl_abcde : n == 4 ? dnnl_abcd : dnnl_ab);
    return md;
}

static dnnl_memory_desc_t any(int n, const dnnl_dim_t *dims)
{
    dnnl_memory_desc_t md;
    dnnl_memory_desc_init_by_tag(&md, n, dims, dnnl_f32, dnnl_format_tag_any);
    return md;
}

static bool describe_conv(const direct_work *w, dnnl_memory_desc_t *ret_weights, dnnl_engine_t engine,
                          dnnl_memory_desc_t *ret_dense, dnnl_primitive_desc_t *ret_pd)
{
    const dnnl_dim_t c = w->channels, g = w->groups, k = w->kernel;
    const dnnl_dims_t pad = {k / 2, k / 2}, ones = {1, 1};
    const dnnl_dims_t dims = {1, c, w->side, w->side}, grouped = {g, c / g, c / g, k, k}, single = {c, c, k, k};
    dnnl_memory_desc_t data = any(4, dims), weights = g > 1 ? any(5, grouped) : any(4, single);
    dnnl_convolution_desc_t conv;
    *ret_dense = plain(4, dims);
    *ret_weights = g > 1 ? plain(5, grouped) : plain(4, single);
    return good(dnnl_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct, &data,
                                                   &weights, NULL, &data, ones, pad, pad),
                "describe") &&
           good(dnnl_primitive_desc_create(ret_pd, &conv, NULL, engine, NULL), "describe");
}

static bool describe_product(const direct_work *w, dnnl_memory_desc_t *ret_weights, dnnl_engine_t engine,
                             dnnl_memory_desc_t *ret_dense, dnnl_primitive_desc_t *ret_pd)
{
    const dnnl_dims_t dims = {w->rows, w->channels}, square = {w->channels, w->channels};
    dnnl_matmul_desc_t product;
    *ret_dense = plain(2, dims);
    *ret_weights = plain(2, square);
    return good(dnnl_matmul_desc_init(&product, ret_dense, ret_weights, NULL, ret_dense), "describe") &&
           good(dnnl_primitive_desc_create(ret_pd, &product, NULL, engine, NULL), "describe");
}

static void close_onednn(void *ctx)
{
    direct *d = ctx;
    if (!d)
        return;
    if (d->op)
        dnnl_primitive_destroy(d->op);
    for (int i = 0; i < DIRECT_LAYERS; i++)
        if (d->weights[i])
            dnnl_memory_destroy(d->weights[i]);
    dnnl_memory_t memories[] = {d->x, d->y[0], d->y[1]};
    for (size_t i = 0; i < 3; i++)
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    if (d->stream)
        dnnl_stream_destroy(d->stream);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    free(d);
}

static bool make(direct *d, const direct_work *w, const float *x, const float *weights)
{
    dnnl_memory_desc_t dense_weights;
    dnnl_primitive_desc_t pd = NULL;
    if (!good(dnnl_engine_create(&d->engine, dnnl_cpu, 0), "engine") ||
        !good(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags), "stream") ||
        !(w->kernel ? describe_conv : describe_product)(w, &dense_weights, d->engine, &d->dense, &pd))
        return false;
    const dnnl_memory_desc_t *to = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    /* A layer behind the other. */
    if (!dnnl_memory_desc_equal(to, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0))) {
        fprintf(stderr, "oneDNN: results lie otherwise than inputs\n");
        dnnl_primitive_desc_destroy(pd);
        return false;
    }
    bool done = good(dnnl_primitive_create(&d->op, pd), "create") &&
                bring(d, &d->dense, x, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), &d->x) &&
                bring(d, &d->dense, NULL, to, &d->y[0]) && bring(d, &d->dense, NULL, to, &d->y[1]);
    for (int i = 0; done && i < DIRECT_LAYERS; i++)
        done = bring(d, &dense_weights, weights, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0),
                     &d->weights[i]);
    dnnl_primitive_desc_destroy(pd);
    return done;
}

static void *open_onednn(const direct_work *w, const float *x, const float *weights, int threads)
{
    direct *d = calloc(1, sizeof *d);
    omp_set_num_threads(threads);
    if (d && make(d, w, x, weights))
        return d;
    close_onednn(d);
    return NULL;
}

static bool run_layer(const direct *d, int i)
{
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, i ? d->y[(i + 1) % 2] : d->x}, {DNNL_ARG_WEIGHTS, d->weights[i]}, {DNNL_ARG_DST, d->y[i % 2]}};
    return good(dnnl_primitive_execute(d->op, d->stream, 3, args), "run");
}

static bool run_onednn(void *ctx)
{
    direct *d = ctx;
    for (int i = 0; i < DIRECT_LAYERS; i++)
        if (!run_layer(d, i))
            return false;
    return good(dnnl_stream_wait(d->stream), "wait");
}

static bool read_onednn(void *ctx, float *y)
{
    direct *d = ctx;
    dnnl_memory_t to;
    if (!run_layer(d, 0) || !good(dnnl_stream_wait(d->stream), "wait") ||
        !good(dnnl_memory_create(&to, &d->dense, d->engine, y), "memory"))
        return false;
    bool done = reorder(d, d->y[0], to);
    dnnl_memory_destroy(to);
    return done;
}

const direct_engine direct_onednn = {"onednn", "oneDNN", open_onednn, run_onednn, read_onednn, close_onednn};
