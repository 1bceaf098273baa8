/* What does a layer cost through mae that it does not cost at CLBlast directly?
 *
 *     bench_direct_opencl [--seconds N] [--memory own|shared]
 *
 * One convolution (CLBlast's im2col and GEMM) and one product of matrices, each as a program of one layer on the first
 * OpenCL device, and by the same calls outside of mae, on memory of the device, turn by turn. Only the ratio of one run
 * means anything: median and 95 % interval. "own" leaves out what mae does to bring tensors to the device and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CL/cl.h>
#include <clblast_c.h>

#include "base/arena.h"
#include "base/clock.h"
#include "core/graph.h"
#include "pe/module.h"
#include "pe/program.h"
#include "rounds.h"

/* A product of M x K by K x N; a convolution if `kernel`: of `channels` x side x side to M channels, padded. */
typedef struct work {
    const char *name;
    int64_t channels, side, kernel, m, n, k;
} work;

/* ---- directly ---- */

typedef struct direct {
    const work *work;
    cl_context context;
    cl_command_queue queue;
    cl_mem x, weights, columns, y, scratch;
} direct;

static bool good(int status, const char *what)
{
    if (status != CL_SUCCESS)
        fprintf(stderr, "%s: OpenCL status %d\n", what, status);
    return status == CL_SUCCESS;
}

static cl_mem make_mem(const direct *d, int64_t count, const void *values)
{
    cl_int status;
    cl_mem mem = clCreateBuffer(d->context, values ? CL_MEM_COPY_HOST_PTR : CL_MEM_READ_WRITE,
                                (size_t)count * sizeof(float), (void *)(uintptr_t)values, &status);
    return good(status, "clCreateBuffer") ? mem : NULL;
}

static bool compute(direct *d)
{
    const work *w = d->work;
    size_t side = (size_t)w->side, kernel = (size_t)w->kernel, pad = kernel / 2;
    if (kernel && !good((int)CLBlastSim2col(CLBlastKernelModeCrossCorrelation, (size_t)w->channels, side, side, kernel,
                                            kernel, pad, pad, 1, 1, 1, 1, d->x, 0, d->columns, 0, &d->queue, NULL),
                        "CLBlastSim2col"))
        return false;
    /* As mae has them: weights of a convolution are at the left, of a product at the right. */
    cl_mem left = kernel ? d->weights : d->x, right = kernel ? d->columns : d->weights;
    return good((int)CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo,
                                                (size_t)w->m, (size_t)w->n, (size_t)w->k, 1.0f, left, 0, (size_t)w->k,
                                                right, 0, (size_t)w->n, 0.0f, d->y, 0, (size_t)w->n, &d->queue, NULL,
                                                d->scratch),
                "CLBlastSgemm") &&
           good(clFinish(d->queue), "clFinish");
}

static bool run_direct(void *ctx, int frames, double *ret_ms)
{
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        if (!compute(ctx))
            return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

/* The first device of the first platform that has one. */
static bool find_device(cl_device_id *ret_device)
{
    cl_platform_id platforms[16];
    cl_uint n = 0, found = 0;
    clGetPlatformIDs(16, platforms, &n);
    for (int pass = 0; pass < 2; pass++)
        for (cl_uint i = 0; i < n && i < 16; i++)
            if (clGetDeviceIDs(platforms[i], pass ? CL_DEVICE_TYPE_ALL : CL_DEVICE_TYPE_GPU, 1, ret_device, &found) ==
                    CL_SUCCESS &&
                found)
                return true;
    fprintf(stderr, "no OpenCL device\n");
    return false;
}

static bool direct_open(direct *d, const work *w, const float *x, const float *weights)
{
    cl_device_id device;
    cl_int status;
    size_t scratch = 0;
    d->work = w;
    if (!find_device(&device))
        return false;
    d->context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    if (!good(status, "clCreateContext"))
        return false;
    d->queue = clCreateCommandQueue(d->context, device, 0, &status);
    if (!good(status, "clCreateCommandQueue"))
        return false;
    size_t m = (size_t)w->m, n = (size_t)w->n, k = (size_t)w->k;
    CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m, n, k, 0, k, 0, n, 0, n,
                               &d->queue, &scratch);
    d->x = make_mem(d, w->kernel ? w->channels * w->side * w->side : w->m * w->k, x);
    d->weights = make_mem(d, w->kernel ? w->m * w->k : w->k * w->n, weights);
    d->columns = make_mem(d, w->k * w->n, NULL);
    d->y = make_mem(d, w->m * w->n, NULL);
    d->scratch = make_mem(d, (int64_t)(scratch / sizeof(float)) + 1, NULL);
    return d->x && d->weights && d->columns && d->y && d->scratch;
}

static void direct_close(direct *d)
{
    cl_mem mems[] = {d->x, d->weights, d->columns, d->y, d->scratch};
    for (size_t i = 0; i < sizeof mems / sizeof *mems; i++)
        if (mems[i])
            clReleaseMemObject(mems[i]);
    if (d->queue)
        clReleaseCommandQueue(d->queue);
    if (d->context)
        clReleaseContext(d->context);
}

/* ---- through mae ---- */

/* A network of one node: x, weights, y. */
typedef struct network {
    mae_tensor tensors[3];
    mae_node node;
    mae_attr pads;
    mae_layer layer;
    mae_graph graph;
} network;

static const int in_of_node[] = {0, 1}, x_alone[] = {0}, y_alone[] = {2};

static mae_tensor tensor_of(const char *name, int rank, const int64_t *dims, const float *values)
{
    mae_tensor t = {.name = name, .is_static = true, .producer_node = -1, .producer_layer = -1, .data = values};
    t.shape = (mae_shape){.dtype = MAE_F32, .rank = rank};
    memcpy(t.shape.dims, dims, (size_t)rank * sizeof *dims);
    mae_shape_bytes(&t.shape, &t.bytes);
    return t;
}

static void make_network(network *net, const work *w, const float *weights)
{
    static int64_t pads[4];
    bool conv = w->kernel > 0;
    int rank = conv ? 4 : 2;
    memset(net, 0, sizeof *net);
    for (int i = 0; i < 4; i++)
        pads[i] = w->kernel / 2;
    net->tensors[0] =
        tensor_of("x", rank, conv ? (int64_t[]){1, w->channels, w->side, w->side} : (int64_t[]){w->m, w->k}, NULL);
    net->tensors[1] = tensor_of(
        "w", rank, conv ? (int64_t[]){w->m, w->channels, w->kernel, w->kernel} : (int64_t[]){w->k, w->n}, weights);
    net->tensors[2] =
        tensor_of("y", rank, conv ? (int64_t[]){1, w->m, w->side, w->side} : (int64_t[]){w->m, w->n}, NULL);
    net->tensors[0].is_input = net->tensors[1].is_constant = net->tensors[2].is_output = true;
    net->tensors[2].producer_node = net->tensors[2].producer_layer = 0;
    net->pads = (mae_attr){.name = "pads", .type = MAE_ATTR_INTS, .n = 4, .ints = pads};
    net->node = (mae_node){.op = conv ? "Conv" : "MatMul",
                           .domain = "",
                           .name = "",
                           .opset = 13,
                           .n_inputs = 2,
                           .inputs = in_of_node,
                           .n_outputs = 1,
                           .outputs = y_alone,
                           .n_attrs = conv,
                           .attrs = &net->pads};
    net->layer = (mae_layer){.name = "y",
                             .op = net->node.op,
                             .n_nodes = 1,
                             .n_inputs = 1,
                             .inputs = x_alone,
                             .n_outputs = 1,
                             .outputs = y_alone};
    net->graph = (mae_graph){.name = "one",
                             .sha256 = "",
                             .n_tensors = 3,
                             .tensors = net->tensors,
                             .n_nodes = 1,
                             .nodes = &net->node,
                             .n_layers = 1,
                             .layers = &net->layer,
                             .n_inputs = 1,
                             .inputs = x_alone,
                             .n_outputs = 1,
                             .outputs = y_alone};
}

/* A segment's unit and its buffers, without the program around it: what a layer costs, not what a transfer does. */
typedef struct through {
    mae_pe *pe;
    mae_unit *unit;
    mae_buffer buffers[2];
} through;

static bool run_through(void *ctx, int frames, double *ret_ms)
{
    const through *t = ctx;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        if (!fine(t->pe->ops->run(t->unit)))
            return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

static bool make_buffer(through *t, const mae_tensor *tensor, int index, mae_buffer *buffer)
{
    *buffer = (mae_buffer){.tensor = index, .shape = tensor->shape, .bytes = tensor->bytes};
    if (t->pe->ops->alloc)
        return fine(t->pe->ops->alloc(t->pe, buffer));
    buffer->host = aligned_alloc(4096, (tensor->bytes + 4095) / 4096 * 4096);
    return buffer->host != NULL;
}

static bool through_open(through *t, const network *net, const float *x)
{
    const mae_segment segment = {0, 0, 1, x_alone, 1, y_alone};
    mae_buffer *in = &t->buffers[0], *out = &t->buffers[1];
    if (!fine(t->pe->ops->compile(t->pe, &net->graph, &segment, 0, &t->unit)) ||
        !make_buffer(t, &net->tensors[0], 0, in) || !make_buffer(t, &net->tensors[2], 2, out))
        return false;
    if (!t->pe->ops->write)
        memcpy(in->host, x, in->bytes);
    else if (!fine(t->pe->ops->write(t->pe, in, x)))
        return false;
    return fine(t->pe->ops->bind(t->unit, &in, &out));
}

static void through_close(through *t)
{
    if (t->unit)
        t->pe->ops->discard(t->unit);
    for (int i = 0; i < 2; i++) {
        if (t->pe->ops->release)
            t->pe->ops->release(t->pe, &t->buffers[i]);
        free(t->buffers[i].host);
    }
}

/* ---- both ---- */

/* The same numbers, bit for bit? */
static bool same(const through *t, const direct *d)
{
    size_t bytes = t->buffers[1].bytes;
    float *a = malloc(bytes), *b = malloc(bytes);
    bool equal = a && b && good(clEnqueueReadBuffer(d->queue, d->y, CL_TRUE, 0, bytes, b, 0, NULL, NULL), "read");
    if (equal && t->pe->ops->read)
        equal = fine(t->pe->ops->read(t->pe, &t->buffers[1], a));
    else if (equal)
        memcpy(a, t->buffers[1].host, bytes);
    equal = equal && memcmp(a, b, bytes) == 0;
    free(a);
    free(b);
    return equal;
}

static float *numbers(int64_t n)
{
    float *values = malloc((size_t)n * sizeof *values);
    for (int64_t i = 0; values && i < n; i++)
        values[i] = (float)(i * 7919 % 1009) / 1009.0f - 0.5f;
    return values;
}

static bool compare(mae_pe *pe, const work *w, double seconds)
{
    int64_t n_x = w->kernel ? w->channels * w->side * w->side : w->m * w->k,
            n_w = w->kernel ? w->m * w->k : w->k * w->n;
    float *x = numbers(n_x), *weights = numbers(n_w);
    network net;
    direct d = {0};
    through t = {.pe = pe};
    contestant two[2] = {{.name = "mae", .run = run_through, .ctx = &t},
                         {.name = "CLBlast", .run = run_direct, .ctx = &d}};
    make_network(&net, w, weights);
    bool well = x && weights && direct_open(&d, w, x, weights) && through_open(&t, &net, x) &&
                run_rounds(two, 2, 0, 20, seconds);
    if (well) {
        mae_interval ms = interval_of(&two[1]), ratio = ratio_of(&two[0], &two[1]);
        printf("%-40s CLBlast %.3f ms; mae / CLBlast %.4f (%.4f .. %.4f), %zu rounds, results %s\n", w->name, ms.median,
               ratio.median, ratio.low, ratio.high, two[0].n, same(&t, &d) ? "the same" : "DIFFER");
    }
    through_close(&t);
    direct_close(&d);
    free(x);
    free(weights);
    return well;
}

int main(int argc, char **argv)
{
    static const work works[] = {
        {"Conv 3x3, 64 to 64 channels, 56x56", 64, 56, 3, 64, 56 * 56, 64 * 9},
        {"Conv 3x3, 128 to 128 channels, 28x28", 128, 28, 3, 128, 28 * 28, 128 * 9},
        {"MatMul 256x512 by 512x512", 0, 0, 0, 256, 512, 512},
        {"MatMul 64x128 by 128x64", 0, 0, 0, 64, 64, 128},
    };
    double seconds = 10;
    mae_option option = {"memory", "auto"};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--memory") == 0)
            option.value = argv[i + 1];
    }
    const mae_pe_config config = {
        .name = "gpu/opencl", .resource = "gpu", .threads = 1024, .options = &option, .n_options = 1};
    mae_module *module;
    mae_pe *pe;
    mae_module_prepare_environment();
    if (!fine(mae_module_load("opencl", &module)) || !fine(mae_module_backend(module)->open(&config, &pe)))
        return 1;
    bool well = true;
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        well = compare(pe, &works[i], seconds) && well;
    pe->ops->close(pe);
    mae_module_close(module);
    return well ? 0 : 1;
}
