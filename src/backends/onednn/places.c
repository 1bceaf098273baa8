/* Where OpenMP's threads stay (mae_thread_places). OpenMP's own settings for this bind the calling thread, too, and are
 * read once for the process; it keeps a pool for every thread that calls, so each is placed as it first calls. */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "backends/onednn/unit.h"
#include "base/thread.h"

typedef void parallel_fn(void (*body)(void *), void *ctx, unsigned threads, unsigned flags); /* GNU OpenMP's */

typedef struct team {
    const mae_dnn_pe *pe;
    int (*number)(void);
} team;

static _Thread_local int placed; /* threads of this thread's pool, when it was placed last */

static bool user_binds(void)
{
    return getenv("OMP_PROC_BIND") || getenv("OMP_PLACES") || getenv("GOMP_CPU_AFFINITY");
}

mae_error *mae_dnn_find_places(mae_dnn_pe *pe, const mae_pe_config *config)
{
    if (config->threads < 2 || user_binds() || !dlsym(RTLD_DEFAULT, "GOMP_parallel"))
        return NULL;
    pe->places = calloc((size_t)config->threads, sizeof *pe->places);
    if (!pe->places)
        return mae_error_nomem();
    if (!mae_thread_places(config->cores, config->n_cores, config->threads, pe->places, (size_t)config->threads)) {
        free(pe->places);
        pe->places = NULL;
    }
    return NULL;
}

static void place_one(void *ctx)
{
    const team *t = ctx;
    int number = t->number();
    cpu_set_t set;

    if (number == 0 || number >= t->pe->threads)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)t->pe->places[number], &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set); /* if not: as without places */
}

void mae_dnn_use_threads(const mae_dnn_pe *pe)
{
    if (pe->set_threads)
        pe->set_threads(pe->threads);
    if (pe->places)
        mae_thread_come_to(pe->places[0]);
    if (placed == pe->threads)
        return;
    placed = pe->threads;
    if (!pe->places)
        return;
    team t = {.pe = pe};
    parallel_fn *parallel;
    *(void **)&t.number = dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    *(void **)&parallel = dlsym(RTLD_DEFAULT, "GOMP_parallel");
    if (t.number && parallel)
        parallel(place_one, &t, (unsigned)pe->threads, 0);
}
