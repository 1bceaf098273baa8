/* Finishing, binding, running and discarding a unit. */
#include "backends/xnnpack/unit.h"
#include "base/heap.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64u
#define PAGE 4096u

mae_error *mae_xnn_check(enum xnn_status status, const char *what)
{
    static const char *const reasons[] = {"success",
                                          "it is not initialised",
                                          "a parameter is invalid",
                                          "an operator is in the wrong state",
                                          "a parameter is not supported",
                                          "the processor is not supported"};

    if (status == xnn_status_success)
        return NULL;
    if (status == xnn_status_out_of_memory)
        return mae_error_nomem();
    bool known = (size_t)status < sizeof(reasons) / sizeof(reasons[0]);
    return mae_error_new(MAE_ERR_FAILED, "XNNPACK: %s: %s", what, known ? reasons[status] : "an unknown status");
}

void *mae_xnn_alloc(size_t bytes)
{
    return bytes > SIZE_MAX - XNN_EXTRA_BYTES ? NULL : mae_heap_alloc(mae_heap_common(), bytes + XNN_EXTRA_BYTES);
}

void mae_xnn_free(void *memory)
{
    mae_heap_free(mae_heap_common(), memory);
}

void *mae_xnn_at(const mae_xnn_unit *unit, int value)
{
    const mae_xnn_value *v = &unit->values[value];
    const mae_xnn_storage *s = &unit->storages[v->storage];
    char *base = s->place == MAE_XNN_ARENA ? (char *)unit->scratch.memory + s->offset : s->shadow ? s->shadow : s->data;

    return base + v->offset;
}

static void live_at(mae_xnn_unit *unit, int value, int step)
{
    if (value < 0)
        return;
    mae_xnn_storage *s = &unit->storages[unit->values[value].storage];
    s->first = step < s->first ? step : s->first;
    s->last = step > s->last ? step : s->last;
}

/* The lowest place for storage `index` beside those before it that are alive at the same time. */
static size_t find_place(const mae_xnn_unit *unit, size_t index)
{
    const mae_xnn_storage *mine = &unit->storages[index];
    size_t at = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t i = 0; i < index; i++) {
            const mae_xnn_storage *s = &unit->storages[i];
            if (s->place == MAE_XNN_ARENA && s->first <= mine->last && mine->first <= s->last &&
                at < s->offset + s->bytes && s->offset < at + mine->bytes) {
                at = (s->offset + s->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
                moved = true;
            }
        }
    }
    return at;
}

static void place(mae_xnn_unit *unit)
{
    size_t total = 0;

    for (size_t i = 0; i < unit->n_storages; i++) {
        unit->storages[i].first = INT32_MAX;
        unit->storages[i].last = -1;
    }
    for (size_t i = 0; i < unit->n_steps; i++) {
        live_at(unit, unit->steps[i].in[0], (int)i);
        live_at(unit, unit->steps[i].in[1], (int)i);
        live_at(unit, unit->steps[i].out, (int)i);
        for (int k = 0; k < 2; k++)
            if (unit->steps[i].in[k] >= 0)
                unit->storages[unit->values[unit->steps[i].in[k]].storage].read = true;
    }
    for (size_t i = 0; i < unit->n_storages; i++) {
        mae_xnn_storage *s = &unit->storages[i];
        if (s->place != MAE_XNN_ARENA || s->first > s->last)
            continue;
        s->offset = find_place(unit, i);
        total = s->offset + s->bytes > total ? s->offset + s->bytes : total;
    }
    unit->scratch_bytes = total + XNN_EXTRA_BYTES;
}

static void drop_weights(mae_xnn_step *step)
{
    mae_xnn_free(step->weights[0]);
    mae_xnn_free(step->weights[1]);
    step->weights[0] = step->weights[1] = NULL;
}

mae_error *mae_xnn_unit_finish(mae_xnn_unit *unit)
{
    for (size_t i = 0; i < unit->n_steps; i++) {
        mae_xnn_step *step = &unit->steps[i];
        if (!step->kind->create)
            continue;
        MAE_TRY(mae_xnn_check(step->kind->create(unit, step, &step->op), step->kind->name));
        drop_weights(step);
    }
    place(unit);
    return NULL;
}

/* XNNPACK may read a few bytes behind a tensor. Where those would lie in another page, which need not be there, memory
 * of the unit's own stands for the buffer, and is copied in each run. */
static mae_error *bind_storage(mae_xnn_storage *s, const mae_buffer *buffer)
{
    s->data = buffer->host;
    mae_xnn_free(s->shadow);
    s->shadow = NULL;
    if (!s->read || ((uintptr_t)s->data + s->bytes - 1) % PAGE + XNN_EXTRA_BYTES < PAGE)
        return NULL;
    s->shadow = mae_xnn_alloc(s->bytes);
    return s->shadow ? NULL : mae_error_nomem();
}

static mae_error *set_up(void *ctx)
{
    mae_xnn_unit *unit = ctx;

    for (size_t i = 0; i < unit->n_steps; i++)
        if (unit->steps[i].kind->setup)
            MAE_TRY(mae_xnn_check(unit->steps[i].kind->setup(unit, &unit->steps[i]), unit->steps[i].kind->name));
    return NULL;
}

static mae_error *take(mae_xnn_unit *unit)
{
    return mae_scratch_take_again(&unit->scratch, unit->scratch_bytes, set_up, unit);
}

mae_error *mae_xnn_unit_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    mae_xnn_unit *unit = (mae_xnn_unit *)base;

    for (size_t i = 0; i < unit->n_storages; i++) {
        mae_xnn_storage *s = &unit->storages[i];
        if (s->place == MAE_XNN_INPUT)
            MAE_TRY(bind_storage(s, inputs[s->border]));
        else if (s->place == MAE_XNN_OUTPUT)
            MAE_TRY(bind_storage(s, outputs[s->border]));
    }
    unit->scratch.memory = NULL; /* other buffers: set up in any case */
    MAE_TRY(take(unit));
    mae_scratch_give(unit->scratch);
    return NULL;
}

static void nothing(void *ctx, size_t i)
{
    (void)ctx;
    (void)i;
}

/* The pool's threads wait awake between commands, unless the last one asked them to sleep. */
static void rest(const mae_xnn_pe *pe)
{
    if (pe->pool)
        pthreadpool_parallelize_1d(pe->pool, nothing, NULL, pthreadpool_get_threads_count(pe->pool),
                                   PTHREADPOOL_FLAG_YIELD_WORKERS);
}

static void copy_shadows(const mae_xnn_unit *unit, mae_xnn_place place)
{
    for (size_t i = 0; i < unit->n_storages; i++) {
        const mae_xnn_storage *s = &unit->storages[i];
        if (s->shadow && s->place == place)
            memcpy(place == MAE_XNN_INPUT ? s->shadow : s->data, place == MAE_XNN_INPUT ? s->data : s->shadow,
                   s->bytes);
    }
}

static mae_error *run_steps(mae_xnn_unit *unit, pthreadpool_t pool)
{
    copy_shadows(unit, MAE_XNN_INPUT);
    for (size_t i = 0; i < unit->n_steps; i++) {
        const mae_xnn_step *step = &unit->steps[i];
        if (step->kind->move)
            step->kind->move(unit, step);
        else
            MAE_TRY(mae_xnn_check(xnn_run_operator(step->op, pool), step->kind->name));
        if (unit->laps)
            mae_laps_note(unit->laps, i);
    }
    copy_shadows(unit, MAE_XNN_OUTPUT);
    return NULL;
}

mae_error *mae_xnn_unit_run(mae_unit *base)
{
    mae_xnn_unit *unit = (mae_xnn_unit *)base;
    const mae_xnn_pe *pe = (const mae_xnn_pe *)base->pe;

    MAE_TRY(take(unit));
    if (pe->home >= 0)
        mae_thread_come_to(pe->home);
    if (unit->laps)
        mae_laps_begin(unit->laps);
    mae_error *error = run_steps(unit, pe->pool);
    rest(pe);
    mae_scratch_give(unit->scratch);
    if (unit->laps && !error)
        mae_laps_end(unit->laps);
    return error;
}

static double *time_of(const mae_xnn_step *step, mae_layer_times *times)
{
    double *target = step->owner == MAE_XNN_OF_LAYER   ? times->layer_ns
                     : step->owner == MAE_XNN_OF_INPUT ? times->input_ns
                                                       : times->output_ns;
    return &target[step->owner_index];
}

mae_error *mae_xnn_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    mae_xnn_unit *unit = (mae_xnn_unit *)base;
    double spent = 0.0;
    size_t runs;

    if (!unit->laps)
        return mae_error_new(MAE_ERR_USAGE, "the unit was not compiled with MAE_COMPILE_TIMED");
    MAE_TRY(mae_laps_rounds(unit->laps, skip, &runs));
    for (size_t i = 0; i < unit->n_layers; i++)
        times->layer_ns[i] = 0.0;
    for (size_t i = 0; i < unit->n_inputs; i++)
        times->input_ns[i] = 0.0;
    for (size_t i = 0; i < unit->n_outputs; i++)
        times->output_ns[i] = 0.0;
    for (size_t i = 0; i < unit->n_steps; i++) {
        double ns = mae_laps_mean_ns(unit->laps, i, skip);
        *time_of(&unit->steps[i], times) += ns;
        spent += ns;
    }
    times->total_ns = mae_laps_total_ns(unit->laps, skip);
    times->other_ns = times->total_ns > spent ? times->total_ns - spent : 0.0;
    times->runs = runs;
    return NULL;
}

void mae_xnn_unit_discard(mae_unit *base)
{
    mae_xnn_unit *unit = (mae_xnn_unit *)base;

    if (!unit)
        return;
    for (size_t i = 0; i < unit->n_steps; i++) {
        drop_weights(&unit->steps[i]);
        if (unit->steps[i].op)
            xnn_delete_operator(unit->steps[i].op);
    }
    for (size_t i = 0; i < unit->n_storages; i++) {
        if (unit->storages[i].place == MAE_XNN_CONSTANT)
            mae_xnn_free(unit->storages[i].data);
        mae_xnn_free(unit->storages[i].shadow);
    }
    mae_laps_destroy(unit->laps);
    mae_arena_destroy(unit->arena);
    free(unit->steps);
    free(unit->values);
    free(unit->storages);
    free(unit);
    mae_heap_trim(mae_heap_common());
}
