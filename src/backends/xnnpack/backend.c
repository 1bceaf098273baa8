/* The backend's table: one PE, all of this machine's processors through XNNPACK. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "backends/xnnpack/build.h"
#include "base/heap.h"
#include "base/scratch.h"
#include "base/thread.h"

#define MOST_THREADS 256

static bool supports(mae_pe *base, const mae_graph *graph, int layer, const char **ret_reason)
{
    mae_segment segment;
    mae_arena *arena = mae_arena_create();
    const char *reason = "out of memory";
    mae_error *error = arena ? NULL : mae_error_nomem();

    if (!error)
        error = mae_segment_make(graph, layer, layer, arena, &segment);
    if (!error)
        error = mae_xnn_build_segment((mae_xnn_pe *)base, graph, &segment, true, NULL, &reason);
    bool yes = !error;
    mae_error_free(error);
    mae_arena_destroy(arena);
    if (!yes && ret_reason)
        *ret_reason = reason;
    return yes;
}

static mae_error *compile(mae_pe *base, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit)
{
    mae_xnn_unit *unit;

    MAE_TRY(mae_xnn_build_segment((mae_xnn_pe *)base, graph, segment, false, &unit, NULL));
    if (flags & MAE_COMPILE_TIMED) {
        mae_error *error = mae_laps_create(unit->n_steps, &unit->laps);
        if (error) {
            mae_xnn_unit_discard(&unit->base);
            return error;
        }
    }
    *ret_unit = &unit->base;
    return NULL;
}

static void close_pe(mae_pe *base)
{
    mae_xnn_pe *pe = (mae_xnn_pe *)base;

    if (!pe)
        return;
    if (pe->pool)
        pthreadpool_destroy(pe->pool);
    free(pe);
    mae_scratch_trim();
}

static const mae_pe_ops ops = {
    .supports = supports,
    .compile = compile,
    .bind = mae_xnn_unit_bind,
    .run = mae_xnn_unit_run,
    .discard = mae_xnn_unit_discard,
    .close = close_pe,
    .layer_ns = mae_xnn_layer_ns,
};

/* The pool's threads inherit the processors that the calling thread may use. */
static pthreadpool_t make_pool(const mae_pe_config *config)
{
    cpu_set_t before, wanted;
    bool bound = config->n_cores > 0 && pthread_getaffinity_np(pthread_self(), sizeof(before), &before) == 0;

    CPU_ZERO(&wanted);
    for (size_t i = 0; i < config->n_cores; i++)
        CPU_SET((size_t)config->cores[i], &wanted);
    bound = bound && pthread_setaffinity_np(pthread_self(), sizeof(wanted), &wanted) == 0;
    pthreadpool_t pool = pthreadpool_create((size_t)config->threads);
    if (bound)
        pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
    return pool;
}

/* Where the pool's threads stay (mae_thread_places), and the caller comes to. */
typedef struct placing {
    pthread_t caller;
    const int *cores;
    atomic_int next;
    pthread_barrier_t all; /* nobody takes a second turn before everybody has had one */
} placing;

static void place_one(void *ctx, size_t i)
{
    placing *p = ctx;
    cpu_set_t set;

    (void)i;
    if (!pthread_equal(pthread_self(), p->caller)) {
        CPU_ZERO(&set);
        CPU_SET((size_t)p->cores[atomic_fetch_add(&p->next, 1)], &set);
        pthread_setaffinity_np(pthread_self(), sizeof(set), &set); /* if not: as without places */
    }
    pthread_barrier_wait(&p->all);
}

static int place_threads(pthreadpool_t pool, const mae_pe_config *config)
{
    int cores[MOST_THREADS];
    placing p = {.caller = pthread_self(), .cores = cores, .next = 1};

    if (pthreadpool_get_threads_count(pool) != (size_t)config->threads ||
        !mae_thread_places(config->cores, config->n_cores, config->threads, cores, MOST_THREADS) ||
        pthread_barrier_init(&p.all, NULL, (unsigned)config->threads))
        return -1;
    pthreadpool_parallelize_1d(pool, place_one, &p, (size_t)config->threads, PTHREADPOOL_FLAG_YIELD_WORKERS);
    pthread_barrier_destroy(&p.all);
    return cores[0];
}

MAE_API const mae_backend *mae_backend_entry(void);

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    if (config->n_options > 0)
        return mae_error_new(MAE_ERR_USAGE, "cpu/xnnpack has no option \"%s\"", config->options[0].key);
    MAE_TRY(mae_xnn_initialize());
    mae_xnn_pe *pe = calloc(1, sizeof(*pe));
    if (!pe)
        return mae_error_nomem();
    pe->base = (mae_pe){.ops = &ops, .backend = mae_backend_entry(), .abs_tolerance = 1e-4, .rel_tolerance = 1e-4};
    pe->home = -1;
    if (config->threads > 1) {
        pe->pool = make_pool(config);
        if (!pe->pool) {
            free(pe);
            return mae_error_new(MAE_ERR_FAILED, "cpu/xnnpack cannot start %d threads", config->threads);
        }
        pe->home = place_threads(pe->pool, config);
    }
    *ret_pe = &pe->base;
    return NULL;
}

static mae_error *probe(const mae_pe_found **ret_found, size_t *ret_n)
{
    /* The library has no version number, and no function that would tell it. */
    static const mae_pe_found found = {
        .name = "cpu/xnnpack", .resource = "cpu", .precision = "f32", .engine = "XNNPACK"};

    MAE_TRY(mae_xnn_initialize());
    *ret_found = &found;
    *ret_n = 1;
    return NULL;
}

static const mae_backend backend = {
    .abi = MAE_BACKEND_ABI, .name = "xnnpack", .probe = probe, .open = open_pe, .service = mae_heap_service};

const mae_backend *mae_backend_entry(void)
{
    return &backend;
}
