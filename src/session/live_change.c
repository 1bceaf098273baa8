/* What a live session changes between frames: its plan, and what is compiled. */
#include <string.h>

#include "base/stats.h"
#include "session/live_frame.h"

#define WANTED_FRAMES 3      /* before something is built for it */
#define ORDER_NS 1000000000u /* before the same is ordered again */
#define PLAN_NS 30000000000u

/* ---- plans ---- */

/* One at a time: how the next lies follows from those before it. */
static mae_error *order_next(mae_live *live, size_t point)
{
    live_order order;
    bool any;
    MAE_TRY(live_point_next(&live->pool, &live->plan->points[point], &any, &order));
    if (any)
        live_builder_order(&live->builder, &order);
    return NULL;
}

mae_error *live_change_order_kept(mae_live *live)
{
    for (size_t k = 0; live->background && k < mae_policy_n_points(live->plan->policy); k++)
        if (live->plan->kept[k])
            MAE_TRY(order_next(live, k));
    return NULL;
}

static mae_error *change_plan(mae_live *live, live_plan *plan)
{
    plan->rule[0] = live->plan->rule[0];
    live_plan_destroy(live->plan);
    live->plan = plan;
    mae_policy_carry(&live->memory, &live->memory);
    for (size_t p = 0; p < live->profile->n_pes; p++)
        live->pes[p].n_ratios = 0;
    live->state.replans++;
    live->status.replans++;
    live->wanted_point = -1;
    live->planned_ns = 0;
    live_plan_look(plan, &live->pool);
    return live_change_order_kept(live);
}

/* What the last frames say of each PE's times, against the caller's profile: their median. */
void live_change_measure(mae_live *live)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    for (size_t p = 0; p < live->profile->n_pes; p++) {
        const live_pe *pe = &live->pes[p];
        double ratios[LIVE_RATIOS];
        size_t n = pe->n_ratios < LIVE_RATIOS ? pe->n_ratios : LIVE_RATIOS;
        if (n == 0 || (double)(now_ns - pe->timed_ns) > live->params.forget_s * 1e9)
            continue;
        memcpy(ratios, pe->ratios, n * sizeof *ratios);
        live->factor[p] = live->plan->factor[p] * mae_stats_median_of(ratios, n).median;
    }
    live->state.reprofiles++;
    live->status.reprofiles++;
}

mae_error *live_change_plan_anew(mae_live *live)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    if (live->background && live->planned_ns && now_ns - live->planned_ns < PLAN_NS)
        return NULL;
    live->planned_ns = now_ns;
    if (live->background)
        return live_builder_plan(&live->builder, live->factor);
    live_plan_spec spec = live->spec;
    spec.factor = live->factor;
    live_plan *plan = NULL;
    MAE_TRY(live_plan_create(&spec, live->graph, &plan));
    return change_plan(live, plan);
}

/* ---- compiled segments ---- */

static bool is_needed(const mae_live *live, const live_unit *unit)
{
    for (size_t i = 0; i < live->n_last_units; i++)
        if (live->last_units[i] == unit)
            return true;
    for (size_t k = 0; k < mae_policy_n_points(live->plan->policy); k++) {
        const live_point *point = &live->plan->points[k];
        bool matters = live->plan->kept[k] || (int)k == live->wanted_point;
        for (size_t s = 0; matters && s < point->n; s++)
            if (point->units[s] == unit)
                return true;
    }
    return false;
}

/* Within the budget, what was used longest ago goes first. */
static void make_room(mae_live *live)
{
    while (live->options.keep_bytes > 0 && live->pool.bytes > live->options.keep_bytes) {
        live_unit *oldest = NULL;
        for (live_unit *unit = live->pool.units; unit; unit = unit->next) {
            bool free_now = !is_needed(live, unit) && !live->pes[unit->order.pe].worker.hung;
            if (free_now && (!oldest || unit->used < oldest->used))
                oldest = unit;
        }
        if (!oldest)
            return;
        live_pool_drop(&live->pool, oldest);
        live_plan_look(live->plan, &live->pool);
    }
}

mae_error *live_change_take_built(mae_live *live)
{
    live_unit *units = NULL;
    live_plan *plan = NULL;
    bool idle, any = false;
    if (!live->background)
        return NULL;
    live_builder_take(&live->builder, &units, &plan, &idle);
    while (units) {
        live_unit *next = units->next;
        mae_error *error = live_pool_adopt(&live->pool, units);
        if (error) { /* what it cannot be bound to, no frame misses */
            live->status.build_failures++;
            mae_error_free(error);
        } else {
            live->status.builds++;
        }
        any = true;
        units = next;
    }
    if (any) {
        live_plan_look(live->plan, &live->pool);
        make_room(live);
        live->ordered_ns = 0; /* what follows may be ordered */
        if (!plan)
            MAE_TRY(live_change_order_kept(live));
    }
    return plan ? change_plan(live, plan) : NULL;
}

/* A point that is wanted for a few frames on end is built. */
mae_error *live_change_want(mae_live *live, int wanted)
{
    uint64_t now_ns = mae_context_now_ns(live->context);
    bool same = wanted == live->wanted_point;
    live->wanted_for = same ? live->wanted_for + 1 : 1;
    live->wanted_point = wanted;
    if (!live->background || wanted < 0 || live->plan->compiled[wanted] || live->wanted_for < WANTED_FRAMES)
        return NULL;
    if (live->wanted_for > WANTED_FRAMES && now_ns - live->ordered_ns < ORDER_NS)
        return NULL;
    live->ordered_ns = now_ns;
    return order_next(live, (size_t)wanted);
}

/* Here and now. A PE that cannot is taken out; *ret_done says whether it could. */
mae_error *live_change_compile(mae_live *live, int point, bool *ret_done)
{
    live_order order;
    bool any = true;
    *ret_done = false;
    for (;;) {
        MAE_TRY(live_point_next(&live->pool, &live->plan->points[point], &any, &order));
        if (!any)
            break;
        int pe = order.pe;
        live_unit *unit = NULL;
        mae_error *error = live_unit_compile(live->graph, &order, live->context->pes[live->pe_of[pe]].pe, false, &unit);
        if (!error)
            error = live_pool_adopt(&live->pool, unit);
        if (mae_error_code(error) == MAE_ERR_NOMEM)
            return error;
        if (error)
            return live_lost_take_out(live, pe, NULL, false, error);
    }
    live_plan_look(live->plan, &live->pool);
    *ret_done = true;
    return NULL;
}
