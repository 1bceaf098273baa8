/* PEs that fail: taken out, tried again with back-off. How far one that comes and goes is trusted is the policy's
 * matter. */
#include <math.h>

#include "session/live_frame.h"

#define LEAST_TIMEOUT_MS 250
#define TIMEOUT_FACTOR 20
#define FIRST_FACTOR 10 /* engines set themselves up in a unit's first run */
#define FORGET_FACTOR 10

uint64_t live_lost_timeout_ns(const mae_live *live, const live_unit *unit, double expected_ms)
{
    double ms = live->options.timeout_ms;
    if (ms < 0)
        return 0;
    if (ms == 0)
        ms = fmax(LEAST_TIMEOUT_MS, TIMEOUT_FACTOR * expected_ms) * (unit->used ? 1 : FIRST_FACTOR);
    return (uint64_t)(ms * 1e6) + 1;
}

static uint64_t first_wait_ns(const mae_live *live)
{
    return (uint64_t)(live->options.retry_ms * 1e6);
}

static void put_off(const mae_live *live, live_pe *pe, uint64_t now_ns)
{
    uint64_t most_ns = (uint64_t)(live->options.retry_most_ms * 1e6);
    pe->retry_ns = now_ns + pe->wait_ns;
    pe->wait_ns = 2 * pe->wait_ns < most_ns ? 2 * pe->wait_ns : most_ns;
}

mae_error *live_lost_take_out(mae_live *live, int p, live_unit *unit, bool hung, mae_error *why)
{
    live_pe *pe = &live->pes[p];
    uint64_t now_ns = mae_context_now_ns(live->context);
    bool long_ago = now_ns - pe->back_ns > FORGET_FACTOR * (uint64_t)(live->options.retry_most_ms * 1e6);
    if (long_ago || pe->wait_ns == 0)
        pe->wait_ns = first_wait_ns(live);
    pe->lost = true;
    put_off(live, pe, now_ns);
    live->status.losses++;
    mae_error_free(live->reason);
    live->reason = mae_error_wrap(why, "%s", live->profile->pes[p].name);
    if (!hung)
        return NULL;
    live->status.hung++;
    mae_error *error = live_pool_abandon(&live->pool, unit);
    live->status.leaked_bytes = live->pool.leaked_bytes;
    return error;
}

static live_unit *unit_of(const mae_live *live, int pe)
{
    for (live_unit *unit = live->pool.units; unit; unit = unit->next)
        if (unit->pe == pe)
            return unit;
    return NULL;
}

/* All of them: the session does not note which one hung. */
static mae_error *take_back(mae_live *live, int pe)
{
    for (live_unit *unit = live->pool.units; unit; unit = unit->next)
        if (unit->pe == pe)
            MAE_TRY(live_pool_return(&live->pool, unit));
    return NULL;
}

static mae_error *try_again(mae_live *live, int p)
{
    live_pe *pe = &live->pes[p];
    uint64_t now_ns = mae_context_now_ns(live->context);
    bool hung = pe->worker.hung;
    if (!live_worker_back(&pe->worker)) {
        put_off(live, pe, now_ns);
        return NULL;
    }
    if (hung)
        MAE_TRY(take_back(live, p));
    live_unit *unit = unit_of(live, p);
    if (unit) { /* binding is the least that can be asked of a device */
        mae_error *error = live_worker_call(&pe->worker, unit, true, live_lost_timeout_ns(live, unit, 0), &hung);
        bool failed = error != NULL;
        mae_error_free(error);
        if (failed && hung)
            MAE_TRY(live_pool_abandon(&live->pool, unit));
        if (failed) {
            put_off(live, pe, now_ns);
            return NULL;
        }
    }
    pe->lost = false;
    pe->back_ns = now_ns;
    return NULL;
}

mae_error *live_lost_retry(mae_live *live)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    for (size_t p = 0; p < live->profile->n_pes; p++)
        if (live->pes[p].there && live->pes[p].lost && live->pes[p].retry_ns <= now_ns)
            MAE_TRY(try_again(live, (int)p));
    return NULL;
}
