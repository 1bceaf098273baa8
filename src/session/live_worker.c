/* A thread that calls one PE, so that a call which does not come back holds up nobody else. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "session/live.h"

#define VIRTUAL_WAIT_NS 1000000000u

static mae_pe *machine_pe(const live_clock *clock)
{
    return clock->context->clock_pe;
}

static void *work(void *ctx)
{
    live_worker *worker = ctx;
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->quit && !worker->unit)
            pthread_cond_wait(&worker->changed, &worker->lock);
        if (worker->quit && !worker->unit)
            break;
        live_unit *unit = worker->unit;
        pthread_mutex_unlock(&worker->lock);
        mae_error *error = live_unit_run(unit);
        pthread_mutex_lock(&worker->lock);
        worker->error = error;
        worker->unit = NULL;
        atomic_store(&worker->answered, true);
        pthread_cond_broadcast(&worker->changed);
        pthread_mutex_unlock(&worker->lock);
        if (worker->clock.machine)
            worker->clock.machine->hold(machine_pe(&worker->clock), -1);
        pthread_mutex_lock(&worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

mae_error *live_worker_init(live_worker *worker, live_clock clock)
{
    pthread_condattr_t monotonic;
    *worker = (live_worker){.clock = clock};
    atomic_init(&worker->answered, false);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return NULL;
}

static bool has_answered(void *ctx)
{
    live_worker *worker = ctx;
    return atomic_load(&worker->answered);
}

static bool wait_real(live_worker *worker, uint64_t timeout_ns)
{
    uint64_t end = mae_clock_now_ns() + timeout_ns;
    struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
    int failed = 0;
    pthread_mutex_lock(&worker->lock);
    while (!has_answered(worker) && failed != ETIMEDOUT)
        failed = pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
    pthread_mutex_unlock(&worker->lock);
    return has_answered(worker);
}

bool live_worker_finish(live_worker *worker)
{
    if (worker->hung && worker->clock.machine) /* nobody else is at work now, so its time passes */
        wait_real(worker, VIRTUAL_WAIT_NS);
    if (worker->hung && !live_worker_back(worker)) {
        pthread_detach(worker->thread);
        return false;
    }
    if (worker->started) {
        pthread_mutex_lock(&worker->lock);
        worker->quit = true;
        pthread_cond_broadcast(&worker->changed);
        pthread_mutex_unlock(&worker->lock);
        pthread_join(worker->thread, NULL);
    }
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    return true;
}

static mae_error *start(live_worker *worker)
{
    if (worker->started)
        return NULL;
    int failed = pthread_create(&worker->thread, NULL, work, worker);
    if (failed)
        return mae_error_new(MAE_ERR_FAILED, "no thread for a PE (error %d)", failed);
    worker->started = true;
    return NULL;
}

static void hand_over(live_worker *worker, live_unit *unit)
{
    if (worker->clock.machine)
        worker->clock.machine->hold(machine_pe(&worker->clock), 1);
    atomic_store(&worker->answered, false);
    pthread_mutex_lock(&worker->lock);
    worker->unit = unit;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

static mae_error *take_answer(live_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    mae_error *error = worker->error;
    worker->error = NULL;
    pthread_mutex_unlock(&worker->lock);
    return error;
}

mae_error *live_worker_call(live_worker *worker, live_unit *unit, uint64_t timeout_ns, bool *ret_hung)
{
    *ret_hung = false;
    if (timeout_ns == 0)
        return live_unit_run(unit);
    MAE_TRY(start(worker));
    hand_over(worker, unit);
    const mae_virtual_service *machine = worker->clock.machine;
    bool in_time = machine ? machine->wait_for(machine_pe(&worker->clock), timeout_ns, has_answered, worker)
                           : wait_real(worker, timeout_ns);
    if (in_time)
        return take_answer(worker);
    worker->hung = *ret_hung = true;
    return mae_error_new(MAE_ERR_LOST, "no answer within %.4g ms", (double)timeout_ns * 1e-6);
}

bool live_worker_back(live_worker *worker)
{
    if (!worker->hung || !has_answered(worker))
        return !worker->hung;
    mae_error_free(take_answer(worker));
    worker->hung = false;
    return true;
}
