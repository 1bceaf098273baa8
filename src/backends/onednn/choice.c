/* Choosing between ways by measuring them. */
#include "backends/onednn/choice.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define MOST_WAYS 4
#define LEAST_TURNS 4
#define MOST_TURNS 12
#define ENOUGH_NS 20e6
#define WORTH_IT 0.9

struct mae_dnn_choice {
    struct mae_dnn_choice *next;
    mae_dnn_key key;
    size_t way;
};

void mae_dnn_choices_free(mae_dnn_pe *pe)
{
    while (pe->choices) {
        struct mae_dnn_choice *next = pe->choices->next;
        free(pe->choices);
        pe->choices = next;
    }
}

/* A unit with nothing but this way. */
static mae_error *make_way(const mae_dnn_build *b, mae_dnn_way_fn *way, const void *ctx, mae_dnn_unit **ret_unit)
{
    mae_dnn_unit *unit = calloc(1, sizeof(*unit));
    mae_dnn_build own = *b;

    if (!unit)
        return mae_error_nomem();
    mae_error *error = mae_dnn_pool_init(&unit->pool);
    if (error) {
        free(unit);
        return error;
    }
    unit->base.pe = &b->pe->base;
    own.unit = unit;
    own.pool = &unit->pool;
    own.room_storages = own.room_values = own.room_steps = 0;
    error = way(&own, ctx);
    if (!error)
        error = mae_dnn_unit_finish(unit);
    if (error) {
        mae_dnn_unit_discard(&unit->base);
        return error;
    }
    *ret_unit = unit;
    return NULL;
}

/* Of one thread, the time it was given: other programs disturb that least. */
static double now_ns(const mae_dnn_pe *pe)
{
    struct timespec t;

    if (pe->threads > 1 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return (double)mae_clock_now_ns();
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static mae_error *time_way(const mae_dnn_unit *unit, double *ret_ns)
{
    const mae_dnn_pe *pe = (const mae_dnn_pe *)unit->base.pe;
    double begin = 0.0;

    for (size_t i = 0; i < unit->n_steps; i++) {
        if (i == 1)
            begin = now_ns(pe);
        MAE_TRY(mae_dnn_check(mae_dnn_step_run(unit, &unit->steps[i]), "execute"));
    }
    MAE_TRY(mae_dnn_check(dnnl_stream_wait(pe->stream), "wait"));
    *ret_ns = now_ns(pe) - begin;
    return NULL;
}

/* Each way's best time. Not its mean: whatever disturbs a turn only makes it longer. */
static mae_error *race(mae_dnn_unit *const *units, size_t n, double *best)
{
    double spent = 0.0, ns;

    for (size_t turn = 0; turn < MOST_TURNS && (turn < LEAST_TURNS || spent < ENOUGH_NS); turn++)
        for (size_t i = 0; i < n; i++) {
            MAE_TRY(time_way(units[i], &ns));
            spent += ns;
            if (turn == 0 || ns < best[i]) /* the first turn, with cold caches, is never the best */
                best[i] = ns;
        }
    return NULL;
}

static mae_error *measure(const mae_dnn_build *b, mae_dnn_way_fn *const *ways, size_t n, const void *ctx,
                          size_t *ret_way)
{
    mae_dnn_unit *units[MOST_WAYS] = {NULL};
    double best[MOST_WAYS];
    mae_error *error = NULL;
    size_t way = 0;

    for (size_t i = 0; i < n && !error; i++)
        error = make_way(b, ways[i], ctx, &units[i]);
    if (!error)
        error = race(units, n, best);
    for (size_t i = 0; i < n; i++)
        if (units[i])
            mae_dnn_unit_discard(&units[i]->base);
    if (error)
        return error;
    for (size_t i = 1; i < n; i++)
        if (best[i] < (way == 0 ? WORTH_IT * best[0] : best[way]))
            way = i;
    *ret_way = way;
    return NULL;
}

mae_error *mae_dnn_choose(mae_dnn_build *b, const mae_dnn_key *key, mae_dnn_way_fn *const *ways, size_t n,
                          const void *ctx, size_t *ret_way)
{
    mae_dnn_pe *pe = b->pe;
    size_t way;

    for (const struct mae_dnn_choice *c = pe->choices; c; c = c->next)
        if (!memcmp(&c->key, key, sizeof(*key))) {
            *ret_way = c->way;
            return NULL;
        }
    MAE_TRY(measure(b, ways, n < MOST_WAYS ? n : MOST_WAYS, ctx, &way));
    struct mae_dnn_choice *made = malloc(sizeof(*made));
    if (!made)
        return mae_error_nomem();
    *made = (struct mae_dnn_choice){pe->choices, *key, way};
    pe->choices = made;
    *ret_way = way;
    return NULL;
}
