/* Frames per second of two processors, each a resource of its own, beside ONNX Runtime on the same two.
 *
 *     bench_throughput [--cores A,B] [--budget S] [--seconds S] MODEL...
 *
 * Turn by turn: every engine that runs the network alone on the first processor; mae's flow of two replicas, each with
 * the best plan for its processor's engines, and of two replicas on ONNX Runtime alone; a plain ONNX Runtime session
 * with two threads; and two plain sessions with a thread each, bound to a processor each, that take their frames from
 * one counter. ONNX Runtime's threads do not spin between runs: those of its default session slow down whatever runs
 * after it in the process. Frames come as fast as they are taken. Latency of the flow: from being handed in, with two
 * frames waiting at most. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stats.h"
#include "mae/mae.h"
#include "plain_ort.h"
#include "rounds.h"

#define N_CORES 2
#define MOST_SINGLE 3
#define LEAST_BATCH 8
#define MOST_BATCH 400
#define BATCH_MS 160.0
#define PAUSE_US 20000
#define MOST_LATENCIES 100000

static const char *const engines[MOST_SINGLE] = {"ort", "onednn", "xnnpack"};

typedef struct options {
    int cores[N_CORES];
    double budget_s, seconds;
} options;

/* ---- replicas ---- */

typedef struct replicas {
    mae_context *contexts[N_CORES];
    mae_model *models[N_CORES];
    mae_session *sessions[N_CORES];
    mae_flow *flow;
    double *latencies; /* all of them, in ms */
    size_t n_latencies;
} replicas;

static mae_context *open_core(int core, const char *pes)
{
    char path[] = "/tmp/mae-throughput-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return NULL;
    dprintf(fd, "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"core\", \"pes\": [");
    for (size_t i = 0; i < MOST_SINGLE; i++)
        dprintf(fd, "%s{\"name\": \"%s\", \"backend\": \"%s\", \"cores\": \"%d\"}", i ? ", " : "", engines[i],
                engines[i], core);
    dprintf(fd, "]}\n");
    close(fd);
    mae_context *context = NULL;
    mae_error *error = mae_context_create(&(mae_context_options){.soc = path, .pes = pes}, &context);
    unlink(path);
    mae_error_free(error); /* an engine that is not here */
    return context;
}

static bool open_replica(const char *path, const char *pes, const mae_plan *plan, int core, size_t i, replicas *r)
{
    mae_verdict verdict;
    r->contexts[i] = open_core(core, pes);
    return r->contexts[i] && fine(mae_model_open(r->contexts[i], path, NULL, 0, &r->models[i])) &&
           fine(mae_session_open(r->contexts[i], r->models[i], plan, &r->sessions[i])) &&
           fine(mae_session_fill_inputs(r->sessions[i], 1)) && fine(mae_session_run(r->sessions[i])) &&
           fine(mae_session_verify(r->sessions[i], &verdict)) &&
           (verdict.ok || (fprintf(stderr, "outputs differ by %g\n", verdict.max_rel), false));
}

static void close_replicas(replicas *r)
{
    mae_flow_close(r->flow);
    for (size_t i = 0; i < N_CORES; i++) {
        mae_session_close(r->sessions[i]);
        mae_model_close(r->models[i]);
        mae_context_destroy(r->contexts[i]);
    }
    free(r->latencies);
    *r = (replicas){.flow = NULL};
}

static bool open_replicas(const char *path, const char *pes, const mae_plan *plan, const int *cores, replicas *r)
{
    *r = (replicas){.latencies = calloc(MOST_LATENCIES, sizeof(double))};
    for (size_t i = 0; i < N_CORES; i++)
        if (!r->latencies || !open_replica(path, pes, plan, cores[i], i, r))
            return false;
    return fine(mae_flow_open(r->sessions, N_CORES, 2 * N_CORES, &r->flow));
}

/* The inputs stay what they are: the caller's memory, which the flow hands over. */
static bool run_flow(void *ctx, int frames, double *ret_ms)
{
    replicas *r = ctx;
    uint64_t begin = mae_clock_now_ns();
    for (int in = 0, out = 0; out < frames;) {
        mae_flow_frame frame;
        while (in < frames && mae_flow_has_room(r->flow)) {
            mae_flow_submit(r->flow);
            in++;
        }
        if (!fine(mae_flow_take(r->flow, &frame)))
            return false;
        if (r->n_latencies < MOST_LATENCIES)
            r->latencies[r->n_latencies++] = frame.latency_ms;
        out++;
    }
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

/* ---- ONNX Runtime, a session on each processor ---- */

typedef struct plain_core {
    const char *model;
    int core;
    plain_ort *session;
    pthread_t thread;
    pthread_barrier_t *barrier;
    atomic_int *left; /* frames that none has begun */
    bool quit, done;
} plain_core;

typedef struct plain_cores {
    plain_core cores[N_CORES];
    pthread_barrier_t barrier;
    atomic_int left;
} plain_cores;

static void *serve_core(void *ctx)
{
    plain_core *c = ctx;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)c->core, &set);
    bool bound = sched_setaffinity(0, sizeof set, &set) == 0;
    c->session = plain_ort_open(c->model, 1, false, NULL, 0);
    c->done = bound && c->session;
    pthread_barrier_wait(c->barrier);
    for (;;) {
        double ms;
        pthread_barrier_wait(c->barrier);
        if (c->quit)
            break;
        while (c->done && atomic_fetch_sub(c->left, 1) > 0)
            c->done = plain_ort_run(c->session, 1, &ms);
        pthread_barrier_wait(c->barrier);
    }
    plain_ort_close(c->session);
    return NULL;
}

static bool open_cores(const char *model, const int *cores, plain_cores *p)
{
    bool done = true;
    pthread_barrier_init(&p->barrier, NULL, N_CORES + 1);
    for (size_t i = 0; i < N_CORES; i++) {
        p->cores[i] = (plain_core){.model = model, .core = cores[i], .barrier = &p->barrier, .left = &p->left};
        if (pthread_create(&p->cores[i].thread, NULL, serve_core, &p->cores[i]) != 0)
            abort();
    }
    pthread_barrier_wait(&p->barrier);
    for (size_t i = 0; i < N_CORES; i++)
        done = done && p->cores[i].done;
    return done;
}

static void close_cores(plain_cores *p)
{
    for (size_t i = 0; i < N_CORES; i++)
        p->cores[i].quit = true;
    pthread_barrier_wait(&p->barrier);
    for (size_t i = 0; i < N_CORES; i++)
        pthread_join(p->cores[i].thread, NULL);
    pthread_barrier_destroy(&p->barrier);
}

static bool run_cores(void *ctx, int frames, double *ret_ms)
{
    plain_cores *p = ctx;
    atomic_store(&p->left, frames);
    uint64_t begin = mae_clock_now_ns();
    pthread_barrier_wait(&p->barrier);
    pthread_barrier_wait(&p->barrier);
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return p->cores[0].done && p->cores[1].done;
}

/* ---- the race ---- */

static bool take_turn(contestant *c)
{
    double ms, warm = 0;
    usleep(PAUSE_US);
    if (!c->run(c->ctx, 2, &warm))
        return false;
    int frames = (int)fmin(MOST_BATCH, fmax(LEAST_BATCH, BATCH_MS / (warm / 2 + 1e-6)));
    frames += frames % 2;
    if (!c->run(c->ctx, frames, &ms))
        return false;
    c->ms[c->n++] = ms / frames;
    return true;
}

static bool race(contestant *contestants, size_t n, double seconds)
{
    uint64_t end = mae_clock_now_ns() + (uint64_t)(seconds * 1e9);
    for (size_t round = 0; round < MOST_ROUNDS && (round < 6 || mae_clock_now_ns() < end); round++)
        for (size_t i = 0; i < n; i++)
            if (!take_turn(&contestants[(i + round) % n]))
                return false;
    return true;
}

static double least_of(const contestant *c)
{
    double least = INFINITY;
    for (size_t i = 0; i < c->n; i++)
        least = fmin(least, c->ms[i]);
    return least;
}

/* How many more frames per second a gives than b. */
static void print_ratio(const contestant *a, const contestant *b)
{
    mae_interval ratio = ratio_of(b, a);
    printf("  %s beside %s: %.3f times the frames per second (%.3f to %.3f), by the shortest turns %.3f\n", a->name,
           b->name, ratio.median, ratio.low, ratio.high, least_of(b) / least_of(a));
}

typedef struct scene {
    replicas single[MOST_SINGLE], mixed, same;
    plain_ort *whole;
    plain_cores cores;
    contestant contestants[MOST_SINGLE + 4];
    size_t n, n_single;
} scene;

static void add(scene *s, const char *name, bool (*run)(void *ctx, int frames, double *ret_ms), void *ctx)
{
    s->contestants[s->n++] = (contestant){.name = name, .run = run, .ctx = ctx};
}

/* Each engine alone, on the first processor. */
static bool add_single(scene *s, const char *path, const int *cores)
{
    for (size_t i = 0; i < MOST_SINGLE; i++) {
        replicas *r = &s->single[i];
        mae_context *context = open_core(cores[0], engines[i]);
        bool here = context != NULL;
        mae_context_destroy(context);
        if (here && open_replica(path, engines[i], NULL, cores[0], 0, r))
            add(s, engines[i], run_session, r->sessions[0]);
    }
    s->n_single = s->n;
    return s->n > 0;
}

static bool plan_for_core(const options *o, const char *path, mae_bench **ret_bench)
{
    mae_context *context = open_core(o->cores[0], NULL);
    mae_model *model = NULL;
    mae_bench_options wanted = {.goal = MAE_GOAL_INIT, .budget_s = o->budget_s, .race_s = o->budget_s};
    bool done = context && fine(mae_model_open(context, path, NULL, 0, &model)) &&
                fine(mae_bench_run(context, model, &wanted, ret_bench));
    mae_model_close(model);
    mae_context_destroy(context);
    return done;
}

static void print_scene(scene *s, const char *path)
{
    const contestant *best = &s->contestants[0];
    printf("%s, %zu rounds\n", strrchr(path, '/') ? strrchr(path, '/') + 1 : path, s->contestants[0].n);
    for (size_t i = 0; i < s->n; i++) {
        mae_interval ms = interval_of(&s->contestants[i]);
        printf("  %-34s %9.2f frames/s (%.2f to %.2f)\n", s->contestants[i].name, 1e3 / ms.median, 1e3 / ms.high,
               1e3 / ms.low);
        if (i < s->n_single && ms.median < interval_of(best).median)
            best = &s->contestants[i];
    }
    const contestant *flow = &s->contestants[s->n_single];
    print_ratio(flow, best);
    for (size_t i = s->n_single + 1; i < s->n; i++)
        print_ratio(flow, &s->contestants[i]);
    mae_stats_sort(s->mixed.latencies, s->mixed.n_latencies);
    printf("  latency of the flow: median %.2f ms, 99th percentile %.2f ms of %zu frames\n",
           mae_stats_quantile(s->mixed.latencies, s->mixed.n_latencies, 0.5),
           mae_stats_quantile(s->mixed.latencies, s->mixed.n_latencies, 0.99), s->mixed.n_latencies);
    fflush(stdout);
}

static bool measure(const options *o, const char *path)
{
    static scene s;
    mae_bench *bench = NULL;
    s = (scene){.n = 0};
    if (!plan_for_core(o, path, &bench))
        return false;
    bool done = add_single(&s, path, o->cores) && open_replicas(path, NULL, bench->plan, o->cores, &s.mixed) &&
                open_replicas(path, "ort", NULL, o->cores, &s.same);
    s.whole = done ? plain_ort_open(path, N_CORES, false, NULL, 0) : NULL;
    bool cores = open_cores(path, o->cores, &s.cores);
    if (done && s.whole && cores) {
        add(&s, "two replicas of the best plan", run_flow, &s.mixed);
        add(&s, "two replicas on ort", run_flow, &s.same);
        add(&s, "ONNX Runtime, two threads", plain_ort_run, s.whole);
        add(&s, "ONNX Runtime, two sessions", run_cores, &s.cores);
        done = race(s.contestants, s.n, o->seconds);
        if (done)
            print_scene(&s, path);
    }
    close_cores(&s.cores);
    plain_ort_close(s.whole);
    close_replicas(&s.same);
    close_replicas(&s.mixed);
    for (size_t i = 0; i < MOST_SINGLE; i++)
        close_replicas(&s.single[i]);
    mae_bench_destroy(bench);
    return done && cores;
}

int main(int argc, char **argv)
{
    options o = {{0, 1}, 6, 20};
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--cores") == 0 && sscanf(argv[i + 1], "%d,%d", &o.cores[0], &o.cores[1]) == 2)
            continue;
        if (strcmp(argv[i], "--budget") == 0)
            o.budget_s = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--seconds") == 0)
            o.seconds = atof(argv[i + 1]);
        else
            break;
    }
    if (i >= argc || argv[i][0] == '-') {
        fprintf(stderr, "bench_throughput [--cores A,B] [--budget S] [--seconds S] MODEL...\n");
        return 2;
    }
    for (; i < argc; i++)
        if (!measure(&o, argv[i]))
            return 1;
    return 0;
}
