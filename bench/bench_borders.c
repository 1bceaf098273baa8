/* What does a border cost? A network whole in one ONNX Runtime session, and cut at equal numbers of layers, the tensors
 * at the borders dense and in the blocked layout; and with every other segment on oneDNN, where it has the layers.
 *
 *     bench_borders [--threads N] [--seconds N] [--clock wall|cpu] [--shape NAME=1,3,H,W] MODEL...
 *
 * Turn by turn; nothing but the ratios to "whole" of one network is comparable. Medians with their intervals; "least"
 * is the ratio of the shortest turns, for machines that do other things, too. "made" is what compiling took, once.
 * "differ" says how many outputs are not bit for bit those of the whole network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "onnx/onnx.h"
#include "pe/module.h"
#include "pe/program.h"
#include "plain_ort.h"
#include "rounds.h"

enum { ORT, DNN, N_PES };
static const int pieces[] = {2, 5, 10};
#define N_PIECES (sizeof pieces / sizeof pieces[0])
/* ONNX Runtime alone, the whole network, and the pieces: on one PE and on two, dense and blocked. */
#define N_CONTESTANTS (2 + 4 * N_PIECES)

typedef struct options {
    int threads;
    bool cpu_clock;
    double seconds;
    const char *shape_text;
    char input[128];
    int64_t dims[MAE_MAX_RANK];
    mae_onnx_shape shape;
} options;

/* What takes part: a program, or ONNX Runtime alone. */
typedef struct runner {
    mae_program *program;
    plain_ort *plain;
    bool cpu_clock;
} runner;

typedef struct scene {
    options options;
    const mae_onnx_evaluator *evaluator;
    mae_pe *pes[N_PES]; /* oneDNN: perhaps NULL */
    mae_graph *graph;
    runner runners[N_CONTESTANTS];
    char names[N_CONTESTANTS][48];
    double made_ms[N_CONTESTANTS];
    contestant contestants[N_CONTESTANTS];
    size_t n;
} scene;

static double now_ms(bool cpu)
{
    struct timespec now;
    if (!cpu)
        return (double)mae_clock_now_ns() * 1e-6;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static bool run_one(void *ctx, int frames, double *ret_ms)
{
    const runner *r = ctx;
    double begin = now_ms(r->cpu_clock), ignored;
    if (r->plain && !plain_ort_run(r->plain, frames, &ignored))
        return false;
    for (int i = 0; r->program && i < frames; i++)
        if (!fine(mae_program_run(r->program, NULL)))
            return false;
    *ret_ms = now_ms(r->cpu_clock) - begin;
    return true;
}

static bool can_run(mae_pe *pe, const mae_graph *graph, int first, int end)
{
    for (int i = first; pe && i < end; i++)
        if (!pe->ops->supports(pe, graph, i, NULL))
            return false;
    return pe != NULL;
}

/* Layers of equal number; every other piece on oneDNN if `mixed`. */
static bool add_program(scene *s, int n_pieces, bool mixed, bool dense)
{
    int n = (int)s->graph->n_layers, *mapping = calloc((size_t)n + 1, sizeof *mapping), on_dnn = 0;
    bool *cuts = calloc((size_t)n + 1, sizeof *cuts), good = mapping && cuts;
    for (int p = 0; good && p < n_pieces; p++) {
        int first = n * p / n_pieces, end = n * (p + 1) / n_pieces;
        bool elsewhere = mixed && p % 2 == 1 && can_run(s->pes[DNN], s->graph, first, end);
        on_dnn += elsewhere;
        if (first < end)
            cuts[first] = true;
        for (int i = first; i < end; i++)
            mapping[i] = elsewhere ? DNN : ORT;
    }
    const mae_program_spec spec = {
        .graph = s->graph, .pes = s->pes, .mapping = mapping, .cuts = cuts, .last = n - 1, .dense = dense};
    runner *r = &s->runners[s->n];
    r->cpu_clock = s->options.cpu_clock;
    if (!mixed || on_dnn > 0) {
        uint64_t begin = mae_clock_now_ns();
        good = good && fine(mae_program_create(&spec, &r->program));
        s->made_ms[s->n] = (double)(mae_clock_now_ns() - begin) * 1e-6;
        good = good && fine(mae_program_fill(r->program, 1)) && fine(mae_program_run(r->program, NULL));
        snprintf(s->names[s->n], sizeof s->names[0], "%d pieces%s, %s", n_pieces, mixed ? ", 2 engines" : "",
                 dense ? "dense" : "blocked");
        s->contestants[s->n] = (contestant){.name = s->names[s->n], .run = run_one, .ctx = r};
        s->n++;
    }
    free(mapping);
    free(cuts);
    return good;
}

/* How many of the outputs are not those of the whole network? */
static int n_different(const scene *s, size_t i)
{
    int n = 0;
    for (size_t k = 0; k < s->graph->n_outputs; k++) {
        const void *a, *b;
        mae_shape shape;
        if (fine(mae_program_read(s->runners[1].program, s->graph->outputs[k], &a, &shape)) &&
            fine(mae_program_read(s->runners[i].program, s->graph->outputs[k], &b, &shape)))
            n += memcmp(a, b, s->graph->tensors[s->graph->outputs[k]].bytes) != 0;
    }
    return n;
}

/* Tensors between pieces, and how many of them are blocked. */
static size_t count_borders(const mae_graph *graph, const mae_program *program, size_t *ret_blocked)
{
    size_t n = 0;
    *ret_blocked = 0;
    for (size_t i = 0; i < mae_program_n_segments(program); i++) {
        const mae_segment *segment = mae_program_segment(program, i);
        for (size_t k = 0; k < segment->n_outputs; k++) {
            n += !graph->tensors[segment->outputs[k]].is_output;
            *ret_blocked += mae_program_buffer(program, segment->outputs[k])->layout != MAE_LAYOUT_DENSE;
        }
    }
    return n;
}

static double least_of(const contestant *c)
{
    double least = c->ms[0];
    for (size_t i = 1; i < c->n; i++)
        least = c->ms[i] < least ? c->ms[i] : least;
    return least;
}

static void report(const scene *s)
{
    double least = least_of(&s->contestants[1]);
    mae_interval whole = interval_of(&s->contestants[1]);
    printf("%s: whole %.3f ms (%.3f to %.3f), least %.3f, made in %.0f ms\n", s->graph->name, whole.median, whole.low,
           whole.high, least, s->made_ms[1]);
    for (size_t i = 0; i < s->n; i++) {
        if (i == 1)
            continue;
        mae_interval ratio = ratio_of(&s->contestants[i], &s->contestants[1]);
        printf("  %-31s %.3f (%.3f to %.3f)  least %.3f", s->contestants[i].name, ratio.median, ratio.low, ratio.high,
               least_of(&s->contestants[i]) / least);
        if (i > 1) {
            size_t blocked, n = count_borders(s->graph, s->runners[i].program, &blocked);
            printf("  %zu of %zu blocked  made %.0f ms  differ %d of %zu", blocked, n, s->made_ms[i], n_different(s, i),
                   s->graph->n_outputs);
        }
        putchar('\n');
    }
    fflush(stdout);
}

static bool add_all(scene *s, const char *model)
{
    runner *r = &s->runners[s->n];
    r->cpu_clock = s->options.cpu_clock;
    r->plain = plain_ort_open(model, s->options.threads, false, &s->options.shape_text, s->options.shape_text ? 1 : 0);
    if (!r->plain)
        return false;
    s->contestants[s->n++] = (contestant){.name = "ONNX Runtime alone", .run = run_one, .ctx = r};
    bool good = add_program(s, 1, false, true);
    for (size_t k = 0; good && k < N_PIECES; k++)
        good = add_program(s, pieces[k], false, true) && add_program(s, pieces[k], false, false) &&
               add_program(s, pieces[k], true, true) && add_program(s, pieces[k], true, false);
    return good;
}

static bool measure(scene *s, const char *model)
{
    const mae_onnx_shape *shape = s->options.shape_text ? &s->options.shape : NULL;
    if (!fine(mae_onnx_import(model, shape, shape ? 1 : 0, s->evaluator, &s->graph)))
        return false;
    bool good = add_all(s, model) && run_rounds(s->contestants, s->n, 0, 5, s->options.seconds);
    if (good)
        report(s);
    for (size_t i = 0; i < s->n; i++) {
        plain_ort_close(s->runners[i].plain);
        mae_program_destroy(s->runners[i].program);
    }
    mae_onnx_graph_destroy(s->graph);
    *s = (scene){.options = s->options, .evaluator = s->evaluator, .pes = {s->pes[ORT], s->pes[DNN]}};
    return good;
}

static bool open_pe(const char *name, int threads, mae_pe **ret_pe, const mae_backend **ret_backend)
{
    mae_module *module; /* modules stay in memory */
    const mae_pe_found *found;
    size_t n;
    if (!fine(mae_module_load(name, &module)))
        return false;
    *ret_backend = mae_module_backend(module);
    if (!fine((*ret_backend)->probe(&found, &n)) || n == 0)
        return false;
    const mae_pe_config config = {.name = found->name, .resource = found->resource, .threads = threads};
    return fine((*ret_backend)->open(&config, ret_pe));
}

static bool read_shape(const char *text, options *o)
{
    const char *equals = strrchr(text, '=');
    if (!equals || (size_t)(equals - text) >= sizeof o->input)
        return false;
    memcpy(o->input, text, (size_t)(equals - text));
    o->shape = (mae_onnx_shape){.input = o->input, .dims = o->dims};
    for (const char *p = equals; *p && o->shape.rank < MAE_MAX_RANK;) {
        char *end;
        o->dims[o->shape.rank++] = strtoll(p + 1, &end, 10);
        p = end;
    }
    o->shape_text = text;
    return true;
}

int main(int argc, char **argv)
{
    scene s = {.options = {.threads = 1, .seconds = 20}};
    int i = 1;
    bool good = true;
    for (; good && i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--threads") == 0)
            s.options.threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seconds") == 0)
            s.options.seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--clock") == 0)
            s.options.cpu_clock = strcmp(argv[i + 1], "cpu") == 0;
        else
            good = strcmp(argv[i], "--shape") == 0 && read_shape(argv[i + 1], &s.options);
    }
    if (!good || i >= argc) {
        fprintf(stderr, "usage: bench_borders [--threads N] [--seconds N] [--clock wall|cpu] "
                        "[--shape NAME=1,3,H,W] MODEL...\n");
        return 2;
    }
    const mae_backend *ort, *dnn;
    mae_module_prepare_environment();
    if (!open_pe("ort", s.options.threads, &s.pes[ORT], &ort))
        return 1;
    open_pe("onednn", s.options.threads, &s.pes[DNN], &dnn); /* without it the pieces are on one engine only */
    s.evaluator = ort->service(MAE_ONNX_EVALUATOR_SERVICE);
    for (; i < argc; i++)
        good = measure(&s, argv[i]) && good;
    return good ? 0 : 1;
}
