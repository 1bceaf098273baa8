/* Binding, running and discarding a unit. */
#include "backends/onednn/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

mae_error *mae_dnn_check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return NULL;
    if (status == dnnl_out_of_memory)
        return mae_error_nomem();
    return mae_error_new(MAE_ERR_FAILED, "oneDNN: %s: %s", what, dnnl_status2str(status));
}

void *mae_dnn_alloc(size_t bytes)
{
    return mae_heap_alloc(mae_heap_common(), bytes);
}

void mae_dnn_free(void *memory)
{
    mae_heap_free(mae_heap_common(), memory);
}

static mae_error *set_handle(const mae_dnn_value *value, void *base)
{
    return mae_dnn_check(dnnl_memory_set_data_handle(value->memory, (char *)base + value->offset), "memory");
}

mae_error *mae_dnn_unit_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    mae_dnn_unit *unit = (mae_dnn_unit *)base;

    for (size_t i = 0; i < unit->n_values; i++) {
        const mae_dnn_value *value = &unit->values[i];
        const mae_dnn_storage *storage = &unit->storages[value->storage];
        if (!value->memory)
            continue;
        if (storage->place == MAE_DNN_INPUT)
            MAE_TRY(set_handle(value, inputs[storage->border]->host));
        else if (storage->place == MAE_DNN_OUTPUT)
            MAE_TRY(set_handle(value, outputs[storage->border]->host));
    }
    return NULL;
}

static dnnl_status_t fill(const mae_dnn_unit *unit, const mae_dnn_step *step)
{
    const mae_dnn_value *value = &unit->values[step->args[0].value];
    size_t n = dnnl_memory_desc_get_size(value->layout) / sizeof(float);
    void *data;
    dnnl_status_t status = dnnl_memory_get_data_handle(value->memory, &data);

    for (size_t i = 0; status == dnnl_success && i < n; i++)
        ((float *)data)[i] = step->fill;
    return status;
}

dnnl_status_t mae_dnn_step_run(const mae_dnn_unit *unit, const mae_dnn_step *step)
{
    const mae_dnn_pe *pe = (const mae_dnn_pe *)unit->base.pe;

    if (!step->primitive)
        return fill(unit, step);
    return dnnl_primitive_execute(step->primitive, pe->stream, (int)step->n_exec, step->exec);
}

/* ---- memory for a run ---- */

static mae_error *point_to_scratch(void *ctx)
{
    mae_dnn_unit *unit = ctx;
    char *memory = unit->scratch.memory;

    for (size_t i = 0; i < unit->n_values; i++) {
        const mae_dnn_value *value = &unit->values[i];
        const mae_dnn_storage *storage = &unit->storages[value->storage];
        if (value->memory && storage->place == MAE_DNN_ARENA)
            MAE_TRY(set_handle(value, memory + storage->offset));
    }
    for (size_t i = 0; i < unit->n_steps; i++)
        if (unit->steps[i].scratchpad)
            MAE_TRY(mae_dnn_check(dnnl_memory_set_data_handle(unit->steps[i].scratchpad, memory + unit->arena_bytes),
                                  "memory"));
    return NULL;
}

static mae_error *take(mae_dnn_unit *unit)
{
    return mae_scratch_take_again(&unit->scratch, unit->scratch_bytes, point_to_scratch, unit);
}

mae_error *mae_dnn_unit_settle(mae_dnn_unit *unit)
{
    MAE_TRY(take(unit));
    mae_scratch_give(unit->scratch);
    return NULL;
}

static mae_error *run_steps(mae_dnn_unit *unit)
{
    const mae_dnn_pe *pe = (const mae_dnn_pe *)unit->base.pe;

    if (unit->timer)
        return mae_dnn_timer_run(unit);
    for (size_t i = 0; i < unit->n_steps; i++)
        MAE_TRY(mae_dnn_check(mae_dnn_step_run(unit, &unit->steps[i]), "execute"));
    return mae_dnn_check(dnnl_stream_wait(pe->stream), "wait");
}

mae_error *mae_dnn_unit_run(mae_unit *base)
{
    mae_dnn_unit *unit = (mae_dnn_unit *)base;

    mae_dnn_use_threads((const mae_dnn_pe *)base->pe); /* before anything is asked of the library */
    MAE_TRY(take(unit));
    mae_error *error = run_steps(unit);
    mae_scratch_give(unit->scratch);
    return error;
}

static void step_finish(mae_dnn_step *step)
{
    if (step->primitive)
        dnnl_primitive_destroy(step->primitive);
    if (step->pd)
        dnnl_primitive_desc_destroy(step->pd);
    if (step->scratchpad)
        dnnl_memory_destroy(step->scratchpad);
}

void mae_dnn_unit_discard(mae_unit *base)
{
    mae_dnn_unit *unit = (mae_dnn_unit *)base;

    if (!unit)
        return;
    for (size_t i = 0; i < unit->n_steps; i++)
        step_finish(&unit->steps[i]);
    for (size_t i = 0; i < unit->n_values; i++)
        if (unit->values[i].memory)
            dnnl_memory_destroy(unit->values[i].memory);
    for (size_t i = 0; i < unit->n_storages; i++)
        mae_dnn_free(unit->storages[i].data);
    mae_dnn_timer_destroy(unit->timer);
    mae_dnn_pool_finish(&unit->pool);
    free(unit->steps);
    free(unit->values);
    free(unit->storages);
    free(unit);
    mae_heap_trim(mae_heap_common());
}
