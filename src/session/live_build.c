/* Compiling and planning beside the frames: one thread, which has PEs of its own. */
#include <stdlib.h>
#include <string.h>

#include "session/live.h"

static mae_error *build_unit(live_builder *builder, live_order *order, live_unit **ret_unit)
{
    mae_pe *device = NULL;
    mae_error *error = mae_context_reopen(builder->context, (size_t)builder->pe_of[order->pe], &device);
    if (error) {
        live_order_free(order);
        return error;
    }
    return live_unit_compile(builder->graph, order, device, true, ret_unit);
}

/* Under the lock, which it lets go meanwhile. */
static void do_order(live_builder *builder)
{
    live_order order;
    live_unit *unit = NULL;
    mae_error *error = live_order_copy(&builder->orders[0], &order); /* the first stays: it is not ordered again */
    pthread_mutex_unlock(&builder->lock);
    if (!error)
        error = build_unit(builder, &order, &unit);
    pthread_mutex_lock(&builder->lock);
    live_order_free(&builder->orders[0]);
    builder->n_orders--;
    memmove(builder->orders, builder->orders + 1, builder->n_orders * sizeof *builder->orders);
    if (error) {
        mae_error_free(builder->error);
        builder->error = error;
        builder->failures++;
        return;
    }
    unit->next = builder->units;
    builder->units = unit;
}

static void do_plan(live_builder *builder)
{
    double factor[MAE_POLICY_MAX_PES];
    memcpy(factor, builder->factor, sizeof factor);
    builder->plan_wanted = false;
    live_plan_spec spec = builder->spec;
    spec.factor = factor;
    live_plan *plan = NULL;
    pthread_mutex_unlock(&builder->lock);
    mae_error *error = live_plan_create(&spec, builder->graph, &plan);
    pthread_mutex_lock(&builder->lock);
    if (error) {
        mae_error_free(builder->error);
        builder->error = error;
        builder->failures++;
        return;
    }
    live_plan_destroy(builder->plan); /* an older one that nobody took */
    builder->plan = plan;
}

static void *build(void *ctx)
{
    live_builder *builder = ctx;
    pthread_mutex_lock(&builder->lock);
    while (!builder->quit) {
        if (builder->n_orders > 0)
            do_order(builder);
        else if (builder->plan_wanted)
            do_plan(builder);
        else
            pthread_cond_wait(&builder->changed, &builder->lock);
    }
    pthread_mutex_unlock(&builder->lock);
    return NULL;
}

mae_error *live_builder_init(live_builder *builder, mae_context *context, const mae_graph *graph, const int *pe_of,
                             const live_plan_spec *spec)
{
    *builder = (live_builder){.context = context, .graph = graph, .pe_of = pe_of, .spec = *spec};
    pthread_mutex_init(&builder->lock, NULL);
    pthread_cond_init(&builder->changed, NULL);
    int failed = pthread_create(&builder->thread, NULL, build, builder);
    if (failed)
        return mae_error_new(MAE_ERR_FAILED, "no thread to build with (error %d)", failed);
    builder->started = true;
    return NULL;
}

void live_builder_finish(live_builder *builder)
{
    if (!builder->context)
        return;
    if (builder->started) {
        pthread_mutex_lock(&builder->lock);
        builder->quit = true;
        pthread_cond_broadcast(&builder->changed);
        pthread_mutex_unlock(&builder->lock);
        pthread_join(builder->thread, NULL);
    }
    while (builder->units) {
        live_unit *next = builder->units->next;
        live_unit_destroy(builder->units);
        builder->units = next;
    }
    for (size_t i = 0; i < builder->n_orders; i++)
        live_order_free(&builder->orders[i]);
    live_plan_destroy(builder->plan);
    mae_error_free(builder->error);
    pthread_cond_destroy(&builder->changed);
    pthread_mutex_destroy(&builder->lock);
}

void live_builder_order(live_builder *builder, live_order *order)
{
    pthread_mutex_lock(&builder->lock);
    bool known = builder->n_orders == LIVE_MOST_SEGMENTS;
    for (size_t i = 0; i < builder->n_orders; i++)
        known = known || live_order_same(&builder->orders[i], order);
    for (const live_unit *unit = builder->units; unit; unit = unit->next)
        known = known || live_order_same(&unit->order, order);
    if (known)
        live_order_free(order);
    else
        builder->orders[builder->n_orders++] = *order;
    pthread_cond_broadcast(&builder->changed);
    pthread_mutex_unlock(&builder->lock);
}

mae_error *live_builder_plan(live_builder *builder, const double *factor)
{
    pthread_mutex_lock(&builder->lock);
    memcpy(builder->factor, factor, sizeof builder->factor);
    builder->plan_wanted = true;
    pthread_cond_broadcast(&builder->changed);
    pthread_mutex_unlock(&builder->lock);
    return NULL;
}

void live_builder_take(live_builder *builder, live_unit **ret_units, live_plan **ret_plan, bool *ret_idle)
{
    *ret_units = NULL;
    *ret_plan = NULL;
    *ret_idle = false;
    if (pthread_mutex_trylock(&builder->lock)) /* the next frame will do */
        return;
    *ret_units = builder->units;
    *ret_plan = builder->plan;
    *ret_idle = builder->n_orders == 0 && !builder->plan_wanted;
    builder->units = NULL;
    builder->plan = NULL;
    pthread_mutex_unlock(&builder->lock);
}
