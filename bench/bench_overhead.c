/* What mae costs beside the engines it calls.
 *
 *     bench_overhead [--threads N] [--seconds N] [--spin] [--shape NAME=1,3,H,W] MODEL...
 *
 * For each network, turn by turn: all layers on cpu/ort through mae, and a plain ONNX Runtime session with inputs and
 * outputs allocated before, as many threads; then the network cut between all host-memory PEs that have its layers,
 * through mae's frames, and the same units called one after another with nothing between: what a hand-over takes. The
 * allocations of a frame, mae's own and the engines'. --spin: the plain session's threads wait awake for the next run,
 * as is that engine's default; mae's do not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/stats.h"
#include "plain_ort.h"
#include "rounds.h"
#include "session/internal.h"
#include "unit/alloc_count.h"

#define MOST_NETWORKS 64
#define ALLOC_FRAMES 20
#define MOST_SEGMENTS 64

typedef struct options {
    int threads;
    double seconds;
    bool spin;
    const char *shape;
    int n_models;
    char *models[MOST_NETWORKS];
} options;

static bool parse(int argc, char **argv, options *o)
{
    *o = (options){.threads = 0, .seconds = 10};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--spin") == 0)
            o->spin = true;
        else if (strcmp(argv[i], "--threads") == 0 && value)
            o->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seconds") == 0 && value)
            o->seconds = atof(argv[++i]);
        else if (strcmp(argv[i], "--shape") == 0 && value)
            o->shape = argv[++i];
        else if (argv[i][0] != '-' && o->n_models < MOST_NETWORKS)
            o->models[o->n_models++] = argv[i];
        else
            return false;
    }
    return o->n_models > 0;
}

static bool open_model(mae_context *context, const char *path, const char *shape, mae_model **ret_model)
{
    char name[128];
    int64_t dims[8];
    mae_input_shape fixed = {name, 0, dims};
    if (!shape)
        return fine(mae_model_open(context, path, NULL, 0, ret_model));
    char *at = strchr(shape, '=');
    if (!at || (size_t)(at - shape) >= sizeof name)
        return false;
    memcpy(name, shape, (size_t)(at - shape));
    name[at - shape] = 0;
    while (*at && fixed.rank < 8)
        dims[fixed.rank++] = strtoll(at + 1, &at, 10);
    return fine(mae_model_open(context, path, &fixed, 1, ret_model));
}

/* ---- beside the engine alone ---- */

/* Of the shortest turns: for machines that do other things, too. */
static double least_of(const contestant *c)
{
    double least = INFINITY;
    for (size_t i = 0; i < c->n; i++)
        least = fmin(least, c->ms[i]);
    return least;
}

static void print_allocations(const char *what, contestant *c)
{
    double ms;
    alloc_count_begin();
    bool done = c->run(c->ctx, ALLOC_FRAMES, &ms);
    alloc_counts counts = alloc_count_end();
    if (done)
        printf("  %s: %.1f allocations a frame by engines, %.1f by mae\n", what, (double)counts.engines / ALLOC_FRAMES,
               (double)counts.own / ALLOC_FRAMES);
}

static bool beside_engine(const options *o, mae_context *context, mae_model *model, const char *path,
                          mae_interval *ret_ratio)
{
    mae_session *session = NULL;
    plain_ort *plain = plain_ort_open(path, mae_context_threads(context), o->spin, &o->shape, o->shape != NULL);
    bool done =
        plain && fine(mae_session_open(context, model, NULL, &session)) && fine(mae_session_fill_inputs(session, 1));
    if (done) {
        static contestant both[2];
        both[0] = (contestant){.name = "mae", .run = run_session, .ctx = session};
        both[1] = (contestant){.name = "plain", .run = plain_ort_run, .ctx = plain};
        done = run_rounds(both, 2, 0, 20, o->seconds);
        mae_interval ms = interval_of(&both[1]);
        *ret_ratio = ratio_of(&both[0], &both[1]);
        printf("%-40s plain %8.3f ms, mae at %.4f of that (%.4f to %.4f), least %.4f, %zu rounds\n",
               strrchr(path, '/') ? strrchr(path, '/') + 1 : path, ms.median, ret_ratio->median, ret_ratio->low,
               ret_ratio->high, least_of(&both[0]) / least_of(&both[1]), both[0].n);
        print_allocations("mae", &both[0]);
        print_allocations("plain", &both[1]);
    }
    mae_session_close(session);
    plain_ort_close(plain);
    return done;
}

/* ---- handing over ---- */

static bool run_frames(void *ctx, int frames, double *ret_ms)
{
    const mae_frame_runner *runner = ctx;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        if (!fine(mae_program_run(runner->program, NULL)))
            return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

/* The engines' own calls, and nothing else. */
static bool run_units(void *ctx, int frames, double *ret_ms)
{
    const mae_frame_runner *runner = ctx;
    mae_unit *units[MOST_SEGMENTS];
    size_t n = mae_program_n_segments(runner->program);
    for (size_t s = 0; s < n; s++)
        units[s] = mae_program_unit(runner->program, s);
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        for (size_t s = 0; s < n; s++)
            if (!fine(units[s]->pe->ops->run(units[s])))
                return false;
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

/* Pieces of equal numbers of layers, on the PEs in turn. */
static void share_out(const mae_context *context, const mae_model *model, int *mapping)
{
    size_t n = model->graph->n_layers, pieces = n < MOST_SEGMENTS / 4 ? n : MOST_SEGMENTS / 4;
    for (size_t l = 0; l < n; l++) {
        mapping[l] = (int)(l * pieces / n % context->n_pes);
        if (!mae_model_supports(model, mapping[l], (int)l, NULL) || context->pes[mapping[l]].pe->ops->alloc)
            mapping[l] = 0;
    }
}

static bool handing_over(const options *o, mae_context *context, mae_model *model)
{
    mae_frame_runner *runner = NULL;
    int *mapping = calloc(model->graph->n_layers + 1, sizeof *mapping);
    if (!mapping)
        return false;
    share_out(context, model, mapping);
    bool done = fine(mae_runner_create(context, model->graph, mapping, &runner));
    size_t n = done ? mae_program_n_segments(runner->program) : 0;
    if (n > 1 && n <= MOST_SEGMENTS) {
        static contestant both[2];
        double us[MOST_ROUNDS];
        both[0] = (contestant){.name = "frames", .run = run_frames, .ctx = runner};
        both[1] = (contestant){.name = "units", .run = run_units, .ctx = runner};
        done = fine(mae_runner_fill(runner, 1)) && run_rounds(both, 2, 0, 20, o->seconds);
        for (size_t i = 0; i < both[0].n; i++)
            us[i] = (both[0].ms[i] - both[1].ms[i]) * 1e3 / (double)(n - 1);
        mae_stats_median each = mae_stats_median_of(us, both[0].n);
        printf("  cut in %zu over all PEs: a hand-over takes %.3f us beyond the engines' calls (%.3f to %.3f), least "
               "%.3f\n",
               n, each.median, each.low, each.high, (least_of(&both[0]) - least_of(&both[1])) * 1e3 / (double)(n - 1));
        print_allocations("cut", &both[0]);
    }
    mae_runner_destroy(runner);
    free(mapping);
    return done;
}

static mae_context *open_context(const options *o, const char *pes)
{
    mae_context *context = NULL;
    return fine(mae_context_create(&(mae_context_options){.threads = o->threads, .pes = pes}, &context)) ? context
                                                                                                         : NULL;
}

static bool measure(const options *o, const char *path, mae_interval *ret_ratio)
{
    mae_context *ort = open_context(o, "cpu/ort"), *all = open_context(o, NULL);
    mae_model *model = NULL, *shared = NULL;
    bool done = ort && all && open_model(ort, path, o->shape, &model) && open_model(all, path, o->shape, &shared) &&
                beside_engine(o, ort, model, path, ret_ratio) && handing_over(o, all, shared);
    mae_model_close(model);
    mae_model_close(shared);
    mae_context_destroy(ort);
    mae_context_destroy(all);
    fflush(stdout);
    return done;
}

int main(int argc, char **argv)
{
    options o;
    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "bench_overhead [--threads N] [--seconds N] [--spin] [--shape NAME=1,3,H,W] MODEL...\n");
        return 2;
    }
    double sum = 0, most = 0;
    for (int i = 0; i < o.n_models; i++) {
        mae_interval ratio;
        if (!measure(&o, o.models[i], &ratio))
            return 1;
        sum += log(ratio.median);
        most = fmax(most, ratio.median);
    }
    printf("%d networks: geometric mean %.4f, most %.4f\n", o.n_models, exp(sum / o.n_models), most);
    return 0;
}
