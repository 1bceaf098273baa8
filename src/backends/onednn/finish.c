/* From steps to something that runs: memory placed, primitives made, arguments filled in. */
#include <stdlib.h>

#include "backends/onednn/unit.h"

#define ALIGNMENT 64

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void find_lifetimes(mae_dnn_unit *unit)
{
    for (size_t i = 0; i < unit->n_steps; i++) {
        const mae_dnn_step *step = &unit->steps[i];
        for (size_t j = 0; j < step->n_args; j++) {
            mae_dnn_storage *storage = &unit->storages[unit->values[step->args[j].value].storage];
            if (storage->first > storage->last)
                storage->first = (int)i;
            storage->last = (int)i;
        }
    }
}

static bool placed_here(const mae_dnn_storage *storage)
{
    return storage->place == MAE_DNN_ARENA && storage->first <= storage->last && storage->bytes > 0;
}

/* Lowest offset where `storage` meets none of those placed before that live at the same time. */
static size_t lowest_gap(const mae_dnn_storage *const *placed, size_t n, const mae_dnn_storage *storage)
{
    size_t offset = 0;

    for (size_t i = 0; i < n; i++) { /* `placed` is sorted by offset */
        const mae_dnn_storage *other = placed[i];
        if (other->last < storage->first || other->first > storage->last)
            continue;
        if (offset + aligned(storage->bytes) <= other->offset)
            break;
        if (other->offset + aligned(other->bytes) > offset)
            offset = other->offset + aligned(other->bytes);
    }
    return offset;
}

static void insert_by_offset(const mae_dnn_storage **placed, size_t n, const mae_dnn_storage *storage)
{
    size_t i = n;

    for (; i > 0 && placed[i - 1]->offset > storage->offset; i--)
        placed[i] = placed[i - 1];
    placed[i] = storage;
}

static int larger_first(const void *a, const void *b)
{
    const mae_dnn_storage *x = *(mae_dnn_storage *const *)a, *y = *(mae_dnn_storage *const *)b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* Places the largest storages first, each as low as its lifetime allows. */
static mae_error *place(mae_dnn_unit *unit)
{
    mae_dnn_storage **order = malloc((unit->n_storages + 1) * sizeof(*order));
    const mae_dnn_storage **placed = malloc((unit->n_storages + 1) * sizeof(*placed));
    size_t n = 0, total = 0;

    if (order && placed) {
        for (size_t i = 0; i < unit->n_storages; i++)
            if (placed_here(&unit->storages[i]))
                order[n++] = &unit->storages[i];
        qsort(order, n, sizeof(*order), larger_first);
        for (size_t i = 0; i < n; i++) {
            order[i]->offset = lowest_gap(placed, i, order[i]);
            insert_by_offset(placed, i, order[i]);
            if (order[i]->offset + order[i]->bytes > total)
                total = order[i]->offset + order[i]->bytes;
        }
    }
    bool done = order && placed;
    free(order);
    free(placed);
    unit->arena_bytes = aligned(total);
    return done ? NULL : mae_error_nomem();
}

/* Where a value is now; bound buffers, and memory that is taken for a run, come later. */
static void *address(const mae_dnn_unit *unit, const mae_dnn_value *value)
{
    const mae_dnn_storage *storage = &unit->storages[value->storage];
    return storage->place == MAE_DNN_CONSTANT ? (char *)storage->data + value->offset : NULL;
}

static mae_error *make_memory(mae_dnn_unit *unit, mae_dnn_value *value)
{
    const mae_dnn_pe *pe = (const mae_dnn_pe *)unit->base.pe;

    if (value->memory)
        return NULL;
    return mae_dnn_check(dnnl_memory_create(&value->memory, value->layout, pe->engine, address(unit, value)), "memory");
}

static mae_dnn_layout scratchpad_layout(const mae_dnn_step *step)
{
    return step->pd ? dnnl_primitive_desc_query_md(step->pd, dnnl_query_scratchpad_md, 0) : NULL;
}

/* One scratchpad for all steps: they run one after the other. */
static void add_scratchpad(mae_dnn_unit *unit)
{
    size_t most = 0;

    for (size_t i = 0; i < unit->n_steps; i++) {
        mae_dnn_layout layout = scratchpad_layout(&unit->steps[i]);
        size_t bytes = layout ? dnnl_memory_desc_get_size(layout) : 0;
        most = bytes > most ? bytes : most;
    }
    unit->scratch_bytes = unit->arena_bytes + most;
}

static mae_error *finish_step(mae_dnn_unit *unit, mae_dnn_step *step)
{
    const mae_dnn_pe *pe = (const mae_dnn_pe *)unit->base.pe;
    mae_dnn_layout layout = scratchpad_layout(step);

    for (size_t i = 0; i < step->n_args; i++)
        MAE_TRY(make_memory(unit, &unit->values[step->args[i].value]));
    if (!step->pd)
        return NULL;
    MAE_TRY(mae_dnn_check(dnnl_primitive_create(&step->primitive, step->pd), "primitive"));
    step->exec = mae_arena_array(unit->pool.arena, step->n_args + 1, sizeof(*step->exec));
    if (!step->exec)
        return mae_error_nomem();
    for (size_t i = 0; i < step->n_args; i++)
        step->exec[step->n_exec++] = (dnnl_exec_arg_t){step->args[i].id, unit->values[step->args[i].value].memory};
    if (layout && dnnl_memory_desc_get_size(layout) > 0) {
        MAE_TRY(mae_dnn_check(dnnl_memory_create(&step->scratchpad, layout, pe->engine, NULL), "memory"));
        step->exec[step->n_exec++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, step->scratchpad};
    }
    return NULL;
}

mae_error *mae_dnn_unit_finish(mae_dnn_unit *unit)
{
    find_lifetimes(unit);
    MAE_TRY(place(unit));
    add_scratchpad(unit);
    for (size_t i = 0; i < unit->n_steps; i++)
        MAE_TRY(finish_step(unit, &unit->steps[i]));
    return mae_dnn_unit_settle(unit);
}
