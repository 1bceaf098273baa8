/* Where does cpu/onednn win and lose against cpu/ort? Whole networks turn by turn, then layer by layer.
 *
 *     bench_layers MODEL [--threads N] [--rounds N] [--top N] [--shape NAME=1,3,H,W]
 *
 * Layers that oneDNN does not have run on ONNX Runtime in both. Layers are timed inside the running network; ONNX
 * Runtime counts a fused follower with its predecessor, so look at neighbours, too. Only ratios within one run are
 * comparable. With one thread the whole networks' times are those of the processor, else those of the clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/stats.h"
#include "onnx/onnx.h"
#include "pe/module.h"
#include "pe/program.h"
#include "run/compare.h"

enum { ORT, DNN, N_PES };
static const char *const backends[N_PES] = {"ort", "onednn"};

typedef struct options {
    const char *model;
    int threads, rounds, top;
    char input[128];
    int64_t dims[MAE_MAX_RANK];
    mae_onnx_shape shape;
    size_t n_shapes;
} options;

typedef struct row {
    int layer;
    bool supported; /* by oneDNN */
    double ms[N_PES];
} row;

typedef struct bench {
    options options;
    mae_graph *graph;
    mae_pe *pes[N_PES];
    int *mapping[N_PES];
    row *rows;
    double border_ms[N_PES], other_ms[N_PES], total_ms[N_PES];
} bench;

static void fine(mae_error *error)
{
    if (!error)
        return;
    fprintf(stderr, "%s\n", mae_error_message(error));
    exit(1);
}

static void *room(size_t n, size_t size)
{
    void *array = calloc(n + 1, size);
    if (!array)
        exit(1);
    return array;
}

static bool read_shape(const char *text, options *o)
{
    const char *equals = strrchr(text, '=');
    if (!equals || (size_t)(equals - text) >= sizeof(o->input))
        return false;
    memcpy(o->input, text, (size_t)(equals - text));
    o->shape = (mae_onnx_shape){.input = o->input, .dims = o->dims};
    for (const char *p = equals; *p && o->shape.rank < MAE_MAX_RANK;) {
        char *end;
        o->dims[o->shape.rank++] = strtoll(p + 1, &end, 10);
        p = end;
    }
    o->n_shapes = 1;
    return true;
}

static bool read_options(int argc, char **argv, options *o)
{
    *o = (options){.threads = 1, .rounds = 60, .top = 15};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strncmp(argv[i], "--", 2) != 0) {
            o->model = argv[i];
            continue;
        }
        i++;
        if (!strcmp(argv[i - 1], "--threads"))
            o->threads = atoi(value);
        else if (!strcmp(argv[i - 1], "--rounds"))
            o->rounds = atoi(value);
        else if (!strcmp(argv[i - 1], "--top"))
            o->top = atoi(value);
        else if (strcmp(argv[i - 1], "--shape") != 0 || !read_shape(value, o))
            return false;
    }
    return o->model && o->threads > 0 && o->rounds > 0;
}

static mae_module *open_pe(const char *name, int threads, mae_pe **ret_pe)
{
    mae_module *module;
    const mae_pe_found *found;
    size_t n;
    fine(mae_module_load(name, &module));
    fine(mae_module_backend(module)->probe(&found, &n));
    const mae_pe_config config = {.name = found[0].name, .resource = found[0].resource, .threads = threads};
    fine(mae_module_backend(module)->open(&config, ret_pe));
    return module;
}

/* Everything on ONNX Runtime; everything on oneDNN that it has. */
static void map(bench *b)
{
    size_t n = b->graph->n_layers;
    b->rows = room(n, sizeof(*b->rows));
    for (int p = 0; p < N_PES; p++)
        b->mapping[p] = room(n, sizeof(int));
    for (size_t i = 0; i < n; i++) {
        const char *reason = "";
        bool yes = b->pes[DNN]->ops->supports(b->pes[DNN], b->graph, (int)i, &reason);
        b->rows[i] = (row){.layer = (int)i, .supported = yes};
        b->mapping[DNN][i] = yes ? DNN : ORT;
        if (!yes)
            printf("not supported: %s (%s): %s\n", b->graph->layers[i].name, b->graph->layers[i].op, reason);
    }
}

static mae_program *compile(const bench *b, int pe, unsigned flags)
{
    mae_program *program;
    const mae_program_spec spec = {.graph = b->graph,
                                   .pes = b->pes,
                                   .mapping = b->mapping[pe],
                                   .last = (int)b->graph->n_layers - 1,
                                   .flags = flags};
    fine(mae_program_create(&spec, &program));
    fine(mae_program_fill(program, 1));
    return program;
}

/* On a busy machine the time that one thread was given says more than the time that passed. */
static uint64_t now_ns(const bench *b)
{
    struct timespec t;
    if (b->options.threads > 1)
        return mae_clock_now_ns();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double turn_ms(const bench *b, mae_program *program, int frames)
{
    fine(mae_program_run(program, NULL)); /* finds its data in the caches */
    uint64_t begin = now_ns(b);
    for (int i = 0; i < frames; i++)
        fine(mae_program_run(program, NULL));
    return (double)(now_ns(b) - begin) * 1e-6 / frames;
}

/* After a run of both on the same inputs. */
static void compare(const bench *b, mae_program *const *programs)
{
    double worst = 0.0;
    bool ok = true;
    for (size_t i = 0; i < b->graph->n_outputs; i++) {
        const void *data[N_PES];
        mae_shape shape;
        for (int p = 0; p < N_PES; p++)
            fine(mae_program_read(programs[p], b->graph->outputs[i], &data[p], &shape));
        mae_difference d =
            mae_compare(&shape, data[DNN], data[ORT], b->pes[DNN]->abs_tolerance, b->pes[DNN]->rel_tolerance);
        ok = ok && d.ok;
        worst = d.max_abs > worst ? d.max_abs : worst;
    }
    printf("outputs differ by %.2g at most, %s the tolerance\n", worst, ok ? "within" : "BEYOND");
}

static void race(const bench *b)
{
    size_t n = (size_t)b->options.rounds;
    double *ms[N_PES], *ratio = room(n, sizeof(double));
    mae_program *programs[N_PES];
    for (int p = 0; p < N_PES; p++) {
        programs[p] = compile(b, p, 0);
        ms[p] = room(n, sizeof(double));
        turn_ms(b, programs[p], 3);
    }
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < N_PES; k++) {
            int p = (k + (int)i) % N_PES;
            ms[p][i] = turn_ms(b, programs[p], 2);
        }
        ratio[i] = ms[DNN][i] / ms[ORT][i];
    }
    mae_stats_median r = mae_stats_median_of(ratio, n), ort = mae_stats_median_of(ms[ORT], n),
                     dnn = mae_stats_median_of(ms[DNN], n);
    printf("%s, %d threads: ort %.3f ms (best %.3f), onednn %.3f ms (best %.3f), %zu segments\n", b->options.model,
           b->options.threads, ort.median, ms[ORT][0], dnn.median, ms[DNN][0], mae_program_n_segments(programs[DNN]));
    printf("ratio %.3f (%.3f to %.3f), of the best %.3f\n", r.median, r.low, r.high, ms[DNN][0] / ms[ORT][0]);
    compare(b, programs);
    for (int p = 0; p < N_PES; p++) {
        free(ms[p]);
        mae_program_destroy(programs[p]);
    }
    free(ratio);
}

static void harvest(bench *b, int pe, const mae_segment *segment, mae_unit *unit)
{
    size_t n = (size_t)(segment->last - segment->first) + 1;
    mae_layer_times times = {.layer_ns = room(n, sizeof(double)),
                             .input_ns = room(segment->n_inputs, sizeof(double)),
                             .output_ns = room(segment->n_outputs, sizeof(double))};
    fine(unit->pe->ops->layer_ns(unit, 3, &times));
    for (size_t i = 0; i < n; i++)
        b->rows[(size_t)segment->first + i].ms[pe] = times.layer_ns[i] * 1e-6;
    for (size_t i = 0; i < segment->n_inputs; i++)
        b->border_ms[pe] += times.input_ns[i] * 1e-6;
    for (size_t i = 0; i < segment->n_outputs; i++)
        b->border_ms[pe] += times.output_ns[i] * 1e-6;
    b->other_ms[pe] += times.other_ns * 1e-6;
    b->total_ms[pe] += times.total_ns * 1e-6;
    free(times.layer_ns);
    free(times.input_ns);
    free(times.output_ns);
}

static void time_layers(bench *b)
{
    mae_program *programs[N_PES];
    for (int p = 0; p < N_PES; p++)
        programs[p] = compile(b, p, MAE_COMPILE_TIMED);
    for (int i = 0; i < b->options.rounds; i++)
        for (int p = 0; p < N_PES; p++)
            turn_ms(b, programs[p], 1);
    for (int p = 0; p < N_PES; p++) {
        for (size_t s = 0; s < mae_program_n_segments(programs[p]); s++)
            harvest(b, p, mae_program_segment(programs[p], s), mae_program_unit(programs[p], s));
        mae_program_destroy(programs[p]);
    }
}

static int by_loss(const void *a, const void *z)
{
    const row *x = a, *y = z;
    double d = (x->ms[DNN] - x->ms[ORT]) - (y->ms[DNN] - y->ms[ORT]);
    return d < 0 ? 1 : d > 0 ? -1 : x->layer - y->layer;
}

static void print_shape(const mae_graph *graph, int tensor)
{
    const mae_shape *shape = &graph->tensors[tensor].shape;
    for (int i = 0; i < shape->rank; i++)
        printf("%s%lld", i ? "x" : " ", (long long)shape->dims[i]);
}

static void print_row(const bench *b, const row *r)
{
    const mae_layer *layer = &b->graph->layers[r->layer];
    printf("%9.4f %9.4f %9.4f  %4d %s %s%s:", r->ms[DNN] - r->ms[ORT], r->ms[ORT], r->ms[DNN], r->layer, layer->op,
           layer->name, r->supported ? "" : " (on ort)");
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++)
        printf(" %s", b->graph->nodes[n].op);
    if (layer->n_inputs)
        print_shape(b->graph, layer->inputs[0]);
    printf(" ->");
    print_shape(b->graph, layer->outputs[0]);
    printf("\n");
}

static void print_layers(bench *b)
{
    size_t n = b->graph->n_layers;
    qsort(b->rows, n, sizeof(*b->rows), by_loss);
    printf("timed: total %.3f %.3f, borders %.3f %.3f, other %.3f %.3f ms\n", b->total_ms[ORT], b->total_ms[DNN],
           b->border_ms[ORT], b->border_ms[DNN], b->other_ms[ORT], b->other_ms[DNN]);
    printf("     loss       ort    onednn  layer, ms\n");
    for (size_t i = 0; i < n && i < (size_t)b->options.top; i++)
        print_row(b, &b->rows[i]);
}

int main(int argc, char **argv)
{
    bench b = {0};
    mae_module *modules[N_PES];
    if (!read_options(argc, argv, &b.options)) {
        fprintf(stderr, "usage: bench_layers MODEL [--threads N] [--rounds N] [--top N] [--shape NAME=1,3,H,W]\n");
        return 2;
    }
    mae_module_prepare_environment();
    for (int p = 0; p < N_PES; p++)
        modules[p] = open_pe(backends[p], b.options.threads, &b.pes[p]);
    fine(mae_onnx_import(b.options.model, &b.options.shape, b.options.n_shapes,
                         mae_module_backend(modules[ORT])->service(MAE_ONNX_EVALUATOR_SERVICE), &b.graph));
    map(&b);
    race(&b);
    if (b.options.top > 0) {
        time_layers(&b);
        print_layers(&b);
    }
    for (int p = 0; p < N_PES; p++) {
        b.pes[p]->ops->close(b.pes[p]);
        mae_module_close(modules[p]);
        free(b.mapping[p]);
    }
    free(b.rows);
    mae_onnx_graph_destroy(b.graph);
    return 0;
}
