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

/* What the unit should take, in any mapping; infinity: it is of none. */
static double expected_ms(const live_plan *plan, const live_unit *unit)
{
    double least = INFINITY;
    for (size_t k = 0; k < mae_policy_n_points(plan->policy); k++)
        for (size_t s = 0; s < plan->points[k].n; s++)
            if (plan->points[k].units[s] == unit)
                least = fmin(least, plan->points[k].segments[s].time_ms + plan->points[k].transfer_ms[s]);
    return least;
}

/* Tensors whose size is not known beforehand have none before they were first computed. */
static bool has_inputs(const live_unit *unit)
{
    for (size_t i = 0; i < unit->segment.n_inputs; i++)
        if (!unit->inputs[i]->host)
            return false;
    return true;
}

/* The shortest that can be run now; NULL: none. */
static live_unit *shortest_unit(const live_plan *plan, const live_pool *pool, int pe, double *ret_ms)
{
    live_unit *best = NULL;
    *ret_ms = INFINITY;
    for (live_unit *unit = pool->units; unit; unit = unit->next) {
        double ms = unit->order.pe == pe && has_inputs(unit) ? expected_ms(plan, unit) : INFINITY;
        if (ms < *ret_ms) {
            best = unit;
            *ret_ms = ms;
        }
    }
    return best;
}

/* The layer that takes least; what a PE is tried with that has nothing compiled. */
static int shortest_layer(const mae_profile *p, int pe, double *ret_ms)
{
    int best = -1;
    *ret_ms = INFINITY;
    for (int l = 0; l < (int)p->n_layers; l++) {
        const mae_cost *cost = &p->costs[(size_t)l * p->n_pes + (size_t)pe];
        if (cost->supported && cost->time_ms < *ret_ms) {
            best = l;
            *ret_ms = cost->time_ms;
        }
    }
    return best;
}

/* What to try the PE with; NULL: it cannot compile, or that is being built. */
static mae_error *trial_unit(mae_live *live, int p, live_unit **ret_unit, double *ret_ms)
{
    double ms;
    live_order order;
    int layer = shortest_layer(live->plan->profile, p, &ms);
    *ret_unit = live_pool_find_dense(&live->pool, p, layer, layer);
    *ret_ms = ms;
    if (*ret_unit && has_inputs(*ret_unit))
        return NULL;
    if (live->background) {
        *ret_unit = shortest_unit(live->plan, &live->pool, p, ret_ms);
        if (*ret_unit)
            return NULL;
        MAE_TRY(live_order_dense(&live->pool, p, layer, layer, &order));
        live_builder_order(&live->builder, &order);
        return NULL;
    }
    MAE_TRY(live_order_dense(&live->pool, p, layer, layer, &order));
    mae_pe *device = live->context->pes[live->pe_of[p]].pe;
    mae_error *error = live_unit_compile(live->graph, &order, device, false, ret_unit);
    if (!error)
        error = live_pool_adopt(&live->pool, *ret_unit);
    if (error)
        *ret_unit = NULL;
    if (mae_error_code(error) == MAE_ERR_NOMEM)
        return error;
    mae_error_free(error); /* it is still out */
    return NULL;
}

/* All of them: the session does not note which one hung. */
static mae_error *take_back(mae_live *live, int pe)
{
    for (live_unit *unit = live->pool.units; unit; unit = unit->next)
        if (unit->order.pe == pe)
            MAE_TRY(live_pool_return(&live->pool, unit));
    return NULL;
}

/* Runs something short. Between frames its outputs are nobody's: whoever reads them computes them first. */
static mae_error *try_again(mae_live *live, int p)
{
    live_pe *pe = &live->pes[p];
    uint64_t now_ns = mae_context_now_ns(live->context);
    bool hung = pe->worker.hung;
    live_unit *unit = NULL;
    double ms = 0;
    put_off(live, pe, now_ns);
    if (!live_worker_back(&pe->worker))
        return NULL;
    if (hung)
        MAE_TRY(take_back(live, p));
    MAE_TRY(trial_unit(live, p, &unit, &ms));
    if (!unit)
        return NULL;
    mae_error *error = live_worker_call(&pe->worker, unit, live_lost_timeout_ns(live, unit, ms), &hung);
    bool failed = error != NULL;
    mae_error_free(error);
    if (failed)
        return hung ? live_pool_abandon(&live->pool, unit) : NULL;
    pe->lost = false;
    pe->back_ns = mae_context_now_ns(live->context);
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
