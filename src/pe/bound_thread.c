#include "pe/bound_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

struct mae_bound_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked, answered;
    void (*job)(void *ctx); /* NULL: none, or done */
    void *ctx;
    bool quit;
    size_t n_cores;
    int *cores; /* in the order given */
};

/* What the calling thread is, if it is a bound one. */
static _Thread_local const mae_bound_thread *here;

static void *serve(void *ctx)
{
    mae_bound_thread *t = ctx;
    here = t;
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (!t->job && !t->quit)
            pthread_cond_wait(&t->asked, &t->lock);
        if (!t->job)
            break;
        pthread_mutex_unlock(&t->lock);
        t->job(t->ctx);
        pthread_mutex_lock(&t->lock);
        t->job = NULL;
        pthread_cond_signal(&t->answered);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

bool mae_bound_thread_are_together(const mae_bound_thread *a, const mae_bound_thread *b)
{
    return a == b || (a->n_cores == b->n_cores && memcmp(a->cores, b->cores, a->n_cores * sizeof *a->cores) == 0);
}

bool mae_bound_thread_is_here(const mae_bound_thread *t)
{
    return here && mae_bound_thread_are_together(here, t);
}

void mae_bound_thread_call(mae_bound_thread *t, void (*job)(void *ctx), void *ctx)
{
    if (mae_bound_thread_is_here(t)) {
        job(ctx);
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->ctx = ctx;
    t->job = job;
    pthread_cond_signal(&t->asked);
    while (t->job)
        pthread_cond_wait(&t->answered, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

typedef struct binding {
    const int *cores;
    size_t n;
    mae_error *error;
} binding;

static void bind_here(void *ctx)
{
    binding *b = ctx;
    b->error = mae_thread_bind(b->cores, b->n);
}

static void finish(mae_bound_thread *t)
{
    pthread_cond_destroy(&t->answered);
    pthread_cond_destroy(&t->asked);
    pthread_mutex_destroy(&t->lock);
    free(t->cores);
    free(t);
}

mae_error *mae_bound_thread_create(const int *cores, size_t n, mae_bound_thread **ret_thread)
{
    mae_bound_thread *t = calloc(1, sizeof *t);
    if (t)
        t->cores = calloc(n + 1, sizeof *t->cores);
    if (!t || !t->cores) {
        free(t);
        return mae_error_nomem();
    }
    memcpy(t->cores, cores, n * sizeof *cores);
    t->n_cores = n;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->asked, NULL);
    pthread_cond_init(&t->answered, NULL);
    int failure = pthread_create(&t->thread, NULL, serve, t);
    if (failure) {
        finish(t);
        return mae_error_new(MAE_ERR_FAILED, "no thread for a PE: %s", strerror(failure));
    }
    binding b = {.cores = cores, .n = n};
    mae_bound_thread_call(t, bind_here, &b);
    if (b.error) {
        mae_bound_thread_destroy(t);
        return b.error;
    }
    *ret_thread = t;
    return NULL;
}

void mae_bound_thread_destroy(mae_bound_thread *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->quit = true;
    pthread_cond_signal(&t->asked);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    finish(t);
}
