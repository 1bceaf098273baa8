/* What does a layer cost through mae that it does not cost at the engine directly?
 *
 *     bench_direct [--seconds N] [--threads N] [--backend NAME]
 *
 * For XNNPACK and oneDNN (bench_direct_opencl is for CLBlast, bench_overhead for whole networks on ONNX Runtime). A
 * layer that can follow itself, in a segment LONG times and once: the difference is LONG - 1 layers, without the
 * borders. Beside it as many of the engine's operators, called outside of mae, with as many weights, on memory in its
 * own layout; turn by turn.
 * Only the ratio within one run means anything: median and 95 % interval over rounds. A quiet machine is needed to tell
 * a few per cent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/stats.h"
#include "core/graph.h"
#include "direct.h"
#include "pe/module.h"
#include "rounds.h"

enum { LONG = DIRECT_LAYERS + 1 };

static const direct_work works[] = {
    {"Conv 3x3, 64 channels, 56x56", 64, 56, 3, 1, 0},
    {"Conv 3x3, 128 channels, 28x28", 128, 28, 3, 1, 0},
    {"Conv 1x1, 128 channels, 28x28", 128, 28, 1, 1, 0},
    {"Conv 3x3 depthwise, 128 channels, 28x28", 128, 28, 3, 128, 0},
    {"MatMul 256x512 by 512x512", 512, 0, 0, 0, 256},
    {"MatMul 64x128 by 128x128", 128, 0, 0, 0, 64},
};

/* ---- through mae ---- */

/* The same layer n times: tensor 0 is x, 1 the weights, 2 + i the result of layer i. */
typedef struct network {
    mae_tensor tensors[2 + LONG];
    mae_node nodes[LONG];
    mae_layer layers[LONG];
    mae_attr attrs[2];
    int64_t pads[4];
    int inputs[LONG][2], outputs[LONG];
    mae_graph graph;
} network;

static void describe_tensor(network *net, const direct_work *w, int i)
{
    static const char *const names[] = {"x", "w", "y0", "y1", "y2", "y3", "y4", "y5", "y6", "y7", "y8"};
    const int64_t conv[2][4] = {{1, w->channels, w->side, w->side},
                                {w->channels, w->groups ? w->channels / w->groups : 0, w->kernel, w->kernel}},
                  product[2][2] = {{w->rows, w->channels}, {w->channels, w->channels}};
    mae_tensor *t = &net->tensors[i];
    *t = (mae_tensor){.name = names[i], .is_static = true, .producer_node = i - 2, .producer_layer = i - 2};
    t->shape = (mae_shape){.dtype = MAE_F32, .rank = w->kernel ? 4 : 2};
    memcpy(t->shape.dims, w->kernel ? conv[i == 1] : product[i == 1], (size_t)t->shape.rank * sizeof(int64_t));
    mae_shape_bytes(&t->shape, &t->bytes);
    if (i < 2)
        t->producer_node = t->producer_layer = -1;
}

static void describe_layer(network *net, const direct_work *w, int i)
{
    net->inputs[i][0] = i ? 1 + i : 0;
    net->inputs[i][1] = 1;
    net->outputs[i] = 2 + i;
    net->nodes[i] = (mae_node){.op = w->kernel ? "Conv" : "MatMul",
                               .domain = "",
                               .name = "",
                               .opset = 13,
                               .n_inputs = 2,
                               .inputs = net->inputs[i],
                               .n_outputs = 1,
                               .outputs = &net->outputs[i],
                               .n_attrs = w->kernel ? 2 : 0,
                               .attrs = net->attrs,
                               .layer = i};
    net->layers[i] = (mae_layer){.name = net->tensors[2 + i].name,
                                 .op = net->nodes[i].op,
                                 .first_node = i,
                                 .n_nodes = 1,
                                 .anchor = i,
                                 .n_inputs = 1,
                                 .inputs = net->inputs[i],
                                 .n_outputs = 1,
                                 .outputs = &net->outputs[i]};
}

static void describe(network *net, const direct_work *w, const float *weights, int n)
{
    memset(net, 0, sizeof *net);
    for (int i = 0; i < 4; i++)
        net->pads[i] = w->kernel / 2;
    net->attrs[0] = (mae_attr){.name = "pads", .type = MAE_ATTR_INTS, .n = 4, .ints = net->pads};
    net->attrs[1] = (mae_attr){.name = "group", .type = MAE_ATTR_INT, .i = w->groups};
    for (int i = 0; i < 2 + n; i++)
        describe_tensor(net, w, i);
    for (int i = 0; i < n; i++)
        describe_layer(net, w, i);
    net->tensors[0].is_input = net->tensors[1].is_constant = net->tensors[1 + n].is_output = true;
    net->tensors[1].data = weights;
    net->graph = (mae_graph){.name = "chain",
                             .sha256 = "",
                             .n_tensors = (size_t)n + 2,
                             .tensors = net->tensors,
                             .n_nodes = (size_t)n,
                             .nodes = net->nodes,
                             .n_layers = (size_t)n,
                             .layers = net->layers,
                             .n_inputs = 1,
                             .inputs = net->inputs[0],
                             .n_outputs = 1,
                             .outputs = &net->outputs[n - 1]};
}

typedef struct through {
    mae_pe *pe;
    mae_unit *unit;
    network net;
    mae_buffer x, y;
} through;

static bool through_open(through *t, mae_pe *pe, const direct_work *w, const float *x, const float *weights, int n)
{
    mae_buffer *in = &t->x, *out = &t->y;
    *t = (through){.pe = pe};
    describe(&t->net, w, weights, n);
    const mae_segment segment = {0, n - 1, 1, t->net.graph.inputs, 1, t->net.graph.outputs};
    size_t bytes = t->net.tensors[0].bytes;
    t->x = (mae_buffer){.tensor = 0, .shape = t->net.tensors[0].shape, .bytes = bytes};
    t->y = (mae_buffer){.tensor = n + 1, .shape = t->net.tensors[0].shape, .bytes = bytes};
    t->x.host = aligned_alloc(64, (bytes + 63) / 64 * 64);
    t->y.host = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!t->x.host || !t->y.host)
        return false;
    memcpy(t->x.host, x, bytes);
    for (int i = 0; i < n; i++)
        if (!pe->ops->supports(pe, &t->net.graph, i, NULL))
            return false;
    return fine(pe->ops->compile(pe, &t->net.graph, &segment, 0, &t->unit)) && fine(pe->ops->bind(t->unit, &in, &out));
}

static void through_close(through *t)
{
    if (t->unit)
        t->pe->ops->discard(t->unit);
    free(t->x.host);
    free(t->y.host);
}

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

/* ---- directly ---- */

typedef struct alone {
    const direct_engine *engine;
    void *ctx;
} alone;

static bool run_alone(void *ctx, int frames, double *ret_ms)
{
    const alone *a = ctx;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        if (!a->engine->run(a->ctx))
            return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

/* ---- both ---- */

/* The largest difference of the two results of one layer, over the largest value. */
static double difference(through *once, const alone *a)
{
    size_t n = once->y.bytes / sizeof(float);
    const float *ours = once->y.host;
    float *theirs = malloc(once->y.bytes);
    double worst = INFINITY, most = 0, ms;
    if (theirs && run_through(once, 1, &ms) && a->engine->read(a->ctx, theirs)) {
        worst = 0;
        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs((double)ours[i] - (double)theirs[i]));
            most = fmax(most, fabs((double)theirs[i]));
        }
    }
    free(theirs);
    return worst / most;
}

static void print_ratio(const direct_engine *engine, const direct_work *w, const contestant *c, double differs)
{
    double ratio[MOST_ROUNDS];
    for (size_t i = 0; i < c[0].n; i++)
        ratio[i] = (c[0].ms[i] - c[1].ms[i]) / c[2].ms[i];
    mae_stats_median r = mae_stats_median_of(ratio, c[0].n);
    printf("| %s | %s | %.4f | %.3f (%.3f-%.3f) | %zu | %s |\n", engine->name, w->name,
           interval_of(&c[2]).median / (LONG - 1), r.median, r.low, r.high, c[0].n,
           differs < 1e-4 ? "the same" : "DIFFER");
    fflush(stdout);
}

static bool compare(const direct_engine *engine, mae_pe *pe, const direct_work *w, int threads, double seconds)
{
    size_t n_x = (size_t)(w->channels * (w->kernel ? w->side * w->side : w->rows));
    size_t n_w = (size_t)(w->channels * (w->kernel ? w->channels / w->groups * w->kernel * w->kernel : w->channels));
    float *values = malloc((n_x + n_w) * sizeof *values);
    static through chain, once;
    if (!values)
        return false;
    /* Small weights: nothing becomes denormal or infinite in a chain. */
    for (size_t i = 0; i < n_x + n_w; i++)
        values[i] = ((float)(i * 7919 % 1009) / 1009.0f - 0.5f) *
                    (i < n_x ? 1.0f : 6.0f / sqrtf((float)(n_w / (size_t)w->channels)));
    alone a = {engine, engine->open(w, values, values + n_x, threads)};
    contestant c[] = {{.name = "chain", .run = run_through, .ctx = &chain},
                      {.name = "once", .run = run_through, .ctx = &once},
                      {.name = "direct", .run = run_alone, .ctx = &a}};
    bool well = through_open(&chain, pe, w, values, values + n_x, LONG) &&
                through_open(&once, pe, w, values, values + n_x, 1) && a.ctx && run_rounds(c, 3, 0, 20, seconds);
    double differs = well ? difference(&once, &a) : 0;
    if (well)
        print_ratio(engine, w, c, differs);
    through_close(&chain);
    through_close(&once);
    engine->close(a.ctx);
    free(values);
    return well && differs < 1e-4;
}

static bool compare_all(const direct_engine *engine, int threads, double seconds)
{
    mae_module *module;
    const mae_pe_found *found;
    size_t n;
    mae_pe *pe;
    if (!fine(mae_module_load(engine->backend, &module)) || !fine(mae_module_backend(module)->probe(&found, &n)))
        return false;
    const mae_pe_config config = {.name = found[0].name, .resource = found[0].resource, .threads = threads};
    if (!fine(mae_module_backend(module)->open(&config, &pe)))
        return false;
    bool well = true;
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        well = compare(engine, pe, &works[i], threads, seconds) && well;
    pe->ops->close(pe);
    mae_module_close(module);
    return well;
}

int main(int argc, char **argv)
{
    static const direct_engine *const engines[] = {
#ifdef MAE_HAVE_XNNPACK
        &direct_xnnpack,
#endif
#ifdef MAE_HAVE_ONEDNN
        &direct_onednn,
#endif
        NULL};
    double seconds = 10;
    int threads = 1;
    const char *backend = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--threads") == 0)
            threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--backend") == 0)
            backend = argv[i + 1];
    }
    mae_module_prepare_environment();
    printf("| engine | layer | directly, ms | through mae / directly | rounds | results |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
    bool well = true;
    for (size_t i = 0; engines[i]; i++)
        if (!backend || strcmp(backend, engines[i]->backend) == 0)
            well = compare_all(engines[i], threads, seconds) && well;
    return well ? 0 : 1;
}
