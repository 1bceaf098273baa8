/* A PE that has left the profile and is out of use says nothing of itself: one of its layers is run beside the frames,
 * so that a PE which is as fast as before comes into use again. */
#include <math.h>

#include "session/live_frame.h"

#define CHECK_S 2.0      /* between two looks at the same PE, and since it was last in use */
#define MATTERS 0.03     /* log of the ratio to the profile, or to the last look, that is worth a look, or a plan */
#define SLACK_FACTOR 2.0 /* of the time that the layer should take */

/* Where the tensors are that the last frame's layers have made. */
static int home_of(const mae_live *live, int tensor)
{
    int layer = live->plan->profile->tensors[tensor].producer;
    for (size_t i = 0; i < live->n_last_units && layer >= 0; i++)
        if (live->last_units[i]->order.first <= layer && layer <= live->last_units[i]->order.last)
            return live->last_units[i]->order.pe;
    return layer < 0 ? live->plan->profile->host : -1;
}

/* What the layer alone takes by the plan, its inputs brought. */
static double expected_ms(const mae_live *live, const mae_cost_index *index, int pe, int layer)
{
    const mae_profile *p = live->plan->profile;
    const mae_segment_cost *row = mae_cost_row(index, pe, layer, layer);
    const mae_cost *cost = &p->costs[(size_t)layer * p->n_pes + (size_t)pe];
    double ms = row ? row->time_ms : p->pes[pe].segment_ms + cost->time_ms, move_ms, move_mj;
    for (size_t i = 0; i < p->layers[layer].n_inputs; i++) {
        int home = home_of(live, p->layers[layer].inputs[i]);
        if (home >= 0 && home != pe && mae_cost_move(index, p->layers[layer].inputs[i], home, pe, &move_ms, &move_mj))
            ms += move_ms;
    }
    return cost->supported ? ms : INFINITY;
}

/* The longest layer that there is time for: the longer, the surer its time. -1: none. */
static mae_error *choose_layer(const mae_live *live, int pe, double room_ms, int *ret_layer, double *ret_ms)
{
    mae_cost_index index;
    *ret_layer = -1;
    *ret_ms = 0;
    MAE_TRY(mae_cost_index_init(&index, live->plan->profile));
    for (int l = 0; l < (int)live->plan->profile->n_layers; l++) {
        double ms = expected_ms(live, &index, pe, l);
        if (ms > *ret_ms && SLACK_FACTOR * ms < room_ms) {
            *ret_layer = l;
            *ret_ms = ms;
        }
    }
    mae_cost_index_finish(&index);
    return NULL;
}

static bool is_due(const mae_live *live, int p, uint64_t now_ns)
{
    const live_pe *pe = &live->pes[p];
    uint64_t since_ns = pe->timed_ns > pe->checked_ns ? pe->timed_ns : pe->checked_ns;
    bool astray = fabs(log(live->factor[p])) > MATTERS && live->plan->factor[p] == live->factor[p];
    return pe->there && !pe->lost && astray && (double)(now_ns - since_ns) > CHECK_S * 1e9;
}

/* The layer's own segment; NULL: it is being built. */
static mae_error *find_unit(mae_live *live, int p, int layer, live_unit **ret_unit)
{
    live_order order;
    *ret_unit = live_pool_find_dense(&live->pool, p, layer, layer);
    if (*ret_unit)
        return NULL;
    MAE_TRY(live_order_dense(&live->pool, p, layer, layer, &order));
    if (live->background) {
        live_builder_order(&live->builder, &order);
        return NULL;
    }
    live_unit *unit = NULL;
    mae_pe *device = live->context->pes[live->pe_of[p]].pe;
    mae_error *error = live_unit_compile(live->graph, &order, device, false, &unit);
    if (!error)
        error = live_pool_adopt(&live->pool, unit);
    if (error)
        return live_lost_take_out(live, p, NULL, false, error);
    live_plan_look(live->plan, &live->pool);
    *ret_unit = unit;
    return NULL;
}

static mae_error *look(mae_live *live, int p, live_unit *unit, double plan_ms)
{
    bool hung;
    uint64_t begin_ns = mae_context_now_ns(live->context);
    uint64_t timeout_ns = live_lost_timeout_ns(live, unit, plan_ms);
    bool first = unit->used == 0;
    mae_error *error = live_worker_call(&live->pes[p].worker, unit, timeout_ns, &hung);
    uint64_t end_ns = mae_context_now_ns(live->context);
    if (error)
        return live_lost_take_out(live, p, unit, hung, error);
    unit->used = live->frame;
    if (first && live->background) /* engines set themselves up in a first run, which tells nothing */
        return NULL;
    double ratio = (double)(end_ns - begin_ns) * 1e-6 / plan_ms;
    if (!(ratio > 0) || fabs(log(ratio)) <= MATTERS)
        return NULL;
    live->factor[p] *= ratio;
    if (fabs(log(live->factor[p])) <= MATTERS)
        live->factor[p] = 1; /* as it was profiled */
    live->status.reprofiles++;
    return live_change_plan_anew(live);
}

mae_error *live_check_idle(mae_live *live, double period_ms, double deadline_ms)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    double room_ms = fmin(period_ms > 0 ? period_ms : INFINITY, deadline_ms > 0 ? deadline_ms : INFINITY);
    for (int p = 0; p < (int)live->profile->n_pes; p++) {
        live_unit *unit = NULL;
        int layer = -1;
        double ms = 0;
        if (!is_due(live, p, now_ns))
            continue;
        MAE_TRY(choose_layer(live, p, room_ms - live->last.latency_ms, &layer, &ms));
        if (layer < 0)
            continue;
        MAE_TRY(find_unit(live, p, layer, &unit));
        if (!unit)
            continue;
        live->pes[p].checked_ns = now_ns;
        return look(live, p, unit, ms); /* one a frame */
    }
    return NULL;
}
