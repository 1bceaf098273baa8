/* Units: a session for each segment, run over buffers that were given before. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/thread.h"
#include "blocked.h"
#include "core/graph.h"
#include "core/layout.h"

static mae_error *init_side(mae_ort_unit *unit, mae_ort_side *side, const int *tensors, size_t n)
{
    int *copy = mae_arena_array(unit->arena, n + 1, sizeof(*copy));
    side->names = mae_arena_array(unit->arena, n + 1, sizeof(*side->names));
    side->dense = mae_arena_array(unit->arena, n + 1, sizeof(*side->dense));
    side->values = mae_arena_array(unit->arena, n + 1, sizeof(*side->values));
    side->buffers = mae_arena_array(unit->arena, n + 1, sizeof(*side->buffers));
    if (!copy || !side->names || !side->dense || !side->values || !side->buffers)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        copy[i] = tensors[i];
        side->names[i] = unit->graph->tensors[tensors[i]].name;
    }
    side->tensors = copy;
    side->n = n;
    return NULL;
}

/* -- sessions -- */

static mae_error *make_plain_session(mae_ort_unit *unit, const mae_onnx_blob *model, mae_ort_session_config *config)
{
    MAE_TRY(mae_ort_session_create(unit->ort, model, config, &unit->session));
    return unit->timing ? mae_ort_timing_read_model(unit->timing, unit->graph, &unit->segment) : NULL;
}

/* Inputs that come blocked are brought out of it before each run. */
static mae_error *make_dense_inputs(mae_ort_unit *unit, const mae_borders *borders)
{
    mae_ort_side *side = &unit->inputs;
    for (size_t i = 0; borders && i < side->n; i++) {
        size_t bytes = unit->graph->tensors[side->tensors[i]].bytes;
        if (borders->inputs[i] == MAE_LAYOUT_DENSE)
            continue;
        side->dense[i] = mae_arena_alloc(unit->arena, bytes);
        if (!side->dense[i])
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *make_blocked_session(mae_ort_unit *unit, mae_ort_laid *laid, const mae_onnx_blob *model,
                                       const mae_ort_session_config *config)
{
    MAE_TRY(mae_ort_blocked_session(unit->ort, laid, model, config, unit->timing, &unit->session));
    memcpy(unit->inputs.names, laid->inputs, unit->inputs.n * sizeof(*laid->inputs));
    memcpy(unit->outputs.names, laid->outputs, unit->outputs.n * sizeof(*laid->outputs));
    memcpy(laid->borders->outputs, laid->output_layouts, unit->outputs.n * sizeof(*laid->output_layouts));
    return NULL;
}

/* Blocked where that is wanted and can be had; whatever hinders it, a session that is dense inside can
 * always be had. */
static mae_error *make_laid_session(mae_ort_unit *unit, mae_layout native, const mae_borders *borders,
                                    const mae_onnx_blob *model, mae_ort_session_config *config)
{
    mae_ort_laid laid = {unit->graph, &unit->segment, borders, native, .arena = unit->arena};
    if (mae_ort_blocked_is_wanted(&laid)) {
        laid.inputs = mae_arena_copy(unit->arena, unit->inputs.names, unit->inputs.n * sizeof(*laid.inputs));
        laid.outputs = mae_arena_copy(unit->arena, unit->outputs.names, unit->outputs.n * sizeof(*laid.outputs));
        laid.output_layouts = mae_arena_array(unit->arena, unit->outputs.n, sizeof(*laid.output_layouts));
        if (!laid.inputs || !laid.outputs || !laid.output_layouts)
            return mae_error_nomem();
        mae_error *error = make_blocked_session(unit, &laid, model, config);
        if (!error || mae_error_code(error) == MAE_ERR_NOMEM)
            return error;
        mae_error_free(error);
    }
    MAE_TRY(make_dense_inputs(unit, borders));
    return make_plain_session(unit, model, config);
}

static mae_error *make_timed_session(mae_ort_unit *unit, mae_layout native, const mae_borders *borders,
                                     const mae_onnx_blob *model, mae_ort_session_config *config)
{
    void *marked_data = NULL;
    mae_onnx_blob marked = *model;
    MAE_TRY(mae_ort_timing_create(config, &unit->timing));
    MAE_TRY(mae_ort_places_mark(model, unit->graph, &unit->segment, &marked_data, &marked.size));
    marked.data = marked_data;
    mae_error *error = make_laid_session(unit, native, borders, &marked, config);
    free(marked_data);
    return error;
}

static mae_error *make_session(mae_ort_unit *unit, mae_ort_pe *pe, unsigned flags, const mae_borders *borders)
{
    mae_ort_session_config config = {.threads = pe->threads,
                                     .cores = pe->cores,
                                     .n_cores = pe->n_cores,
                                     .provider = &pe->provider,
                                     .whole_network = unit->segment.first == 0 &&
                                                      unit->segment.last + 1 == (int)unit->graph->n_layers,
                                     .optimise = true};
    mae_onnx_blob model = {0};
    MAE_TRY(mae_onnx_write_segment(unit->graph, &unit->segment, &model));
    /* What other providers compile cannot be written back as a model, so their nodes are not told apart. */
    bool timed = flags & MAE_COMPILE_TIMED && !pe->provider.name;
    mae_error *error = timed ? make_timed_session(unit, pe->native, borders, &model, &config)
                             : make_laid_session(unit, pe->native, borders, &model, &config);
    mae_onnx_blob_free(&model);
    return error;
}

static mae_error *init_unit(mae_ort_unit *unit, mae_ort_pe *pe, const mae_segment *segment, unsigned flags,
                            const mae_borders *borders)
{
    unit->arena = mae_arena_create();
    if (!unit->arena)
        return mae_error_nomem();
    MAE_TRY(init_side(unit, &unit->inputs, segment->inputs, segment->n_inputs));
    MAE_TRY(init_side(unit, &unit->outputs, segment->outputs, segment->n_outputs));
    unit->segment = *segment;
    unit->segment.inputs = unit->inputs.tensors;
    unit->segment.outputs = unit->outputs.tensors;
    return make_session(unit, pe, flags, borders);
}

mae_error *mae_ort_unit_compile_laid(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                                     const mae_borders *borders, mae_unit **ret_unit)
{
    mae_ort_pe *ours = (mae_ort_pe *)pe;
    mae_ort_unit *unit = calloc(1, sizeof(*unit));
    if (!unit)
        return mae_error_nomem();
    unit->base.pe = pe;
    unit->ort = ours->ort;
    unit->graph = graph;
    mae_error *error = init_unit(unit, ours, segment, flags, borders);
    if (error) {
        mae_ort_unit_discard(&unit->base);
        return error;
    }
    *ret_unit = &unit->base;
    return NULL;
}

mae_error *mae_ort_unit_compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                                mae_unit **ret_unit)
{
    return mae_ort_unit_compile_laid(pe, graph, segment, flags, NULL, ret_unit);
}

unsigned mae_ort_unit_layouts(mae_pe *pe)
{
    mae_ort_pe *ours = (mae_ort_pe *)pe;
    if (!ours->asked)
        ours->native = mae_ort_native_layout(ours->ort);
    ours->asked = true;
    return ours->native == MAE_LAYOUT_DENSE ? 0 : MAE_LAYOUT_BIT(ours->native);
}

/* -- buffers -- */

static void release_value(const mae_ort *ort, OrtValue **value)
{
    if (*value)
        ort->api->ReleaseValue(*value);
    *value = NULL;
}

static void release_side(mae_ort_unit *unit, mae_ort_side *side)
{
    for (size_t i = 0; i < side->n; i++)
        release_value(unit->ort, &side->values[i]);
}

/* Puts an engine's tensor over a buffer as it is now. */
static mae_error *wrap_buffer(mae_ort_unit *unit, mae_ort_side *side, size_t i)
{
    const mae_tensor *tensor = &unit->graph->tensors[side->tensors[i]];
    const mae_buffer *buffer = side->buffers[i];
    const mae_shape *shape = tensor->is_static ? &tensor->shape : &buffer->shape;
    size_t bytes;
    if (!mae_shape_bytes(shape, &bytes) || bytes > buffer->bytes || (bytes > 0 && !buffer->host))
        return mae_error_new(MAE_ERR_FAILED, "tensor \"%s\": its buffer of %zu bytes is too small", tensor->name,
                             buffer->bytes);
    release_value(unit->ort, &side->values[i]);
    /* The engine wants an address even for an empty tensor. */
    void *data = side->dense[i] ? side->dense[i] : buffer->host ? buffer->host : (void *)side->names[i];
    return mae_error_wrap(mae_ort_value_wrap(unit->ort, shape, data, bytes, &side->values[i]), "tensor \"%s\"",
                          tensor->name);
}

static bool is_static(const mae_ort_unit *unit, const mae_ort_side *side, size_t i)
{
    return unit->graph->tensors[side->tensors[i]].is_static;
}

static mae_error *bind_side(mae_ort_unit *unit, mae_ort_side *side, mae_buffer *const *buffers)
{
    for (size_t i = 0; i < side->n; i++) {
        side->buffers[i] = buffers[i];
        if (is_static(unit, side, i))
            MAE_TRY(wrap_buffer(unit, side, i));
    }
    return NULL;
}

mae_error *mae_ort_unit_bind(mae_unit *base, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    mae_ort_unit *unit = (mae_ort_unit *)base;
    unit->bound = false;
    MAE_TRY(bind_side(unit, &unit->inputs, inputs));
    MAE_TRY(bind_side(unit, &unit->outputs, outputs));
    unit->bound = true;
    return NULL;
}

/* A tensor whose shape is known only now: from the engine's memory into the buffer, grown if need be. */
static mae_error *take_dynamic(mae_ort_unit *unit, size_t i)
{
    mae_buffer *buffer = unit->outputs.buffers[i];
    OrtValue *value = unit->outputs.values[i];
    mae_shape shape;
    size_t bytes;
    void *data;
    MAE_TRY(mae_ort_value_shape(unit->ort, value, &shape));
    if (!mae_shape_bytes(&shape, &bytes))
        return mae_error_new(MAE_ERR_FAILED, "tensor \"%s\" has a shape that overflows", unit->outputs.names[i]);
    MAE_TRY(mae_ort_check(unit->ort, unit->ort->api->GetTensorMutableData(value, &data)));
    if (bytes > buffer->bytes) {
        if (!buffer->grow)
            return mae_error_new(MAE_ERR_FAILED, "tensor \"%s\": its buffer of %zu bytes cannot grow to %zu",
                                 unit->outputs.names[i], buffer->bytes, bytes);
        MAE_TRY(buffer->grow(buffer, bytes));
    }
    if (bytes > 0)
        memcpy(buffer->host, data, bytes);
    buffer->shape = shape;
    return NULL;
}

/* Takes over what the engine has allocated, unless the run has failed, and frees it. */
static mae_error *take_outputs(mae_ort_unit *unit, mae_error *error)
{
    for (size_t i = 0; i < unit->outputs.n; i++) {
        if (is_static(unit, &unit->outputs, i))
            continue;
        if (!error && unit->outputs.values[i])
            error = take_dynamic(unit, i);
        release_value(unit->ort, &unit->outputs.values[i]);
    }
    return error;
}

mae_error *mae_ort_unit_run(mae_unit *base)
{
    mae_ort_unit *unit = (mae_ort_unit *)base;
    if (!unit->bound)
        return mae_error_new(MAE_ERR_USAGE, "a unit is run before its buffers are bound");
    const mae_ort_pe *pe = (const mae_ort_pe *)base->pe;
    if (pe->placed)
        mae_thread_come_to(pe->cores[0]);
    for (size_t i = 0; i < unit->inputs.n; i++) {
        const mae_buffer *buffer = unit->inputs.buffers[i];
        if (!is_static(unit, &unit->inputs, i))
            MAE_TRY(wrap_buffer(unit, &unit->inputs, i));
        if (unit->inputs.dense[i])
            mae_layout_unblock(buffer->layout, &buffer->shape, buffer->host, unit->inputs.dense[i]);
    }
    mae_error *error =
        mae_ort_check(unit->ort, unit->ort->api->Run(unit->session, NULL, unit->inputs.names,
                                                     (const OrtValue *const *)unit->inputs.values, unit->inputs.n,
                                                     unit->outputs.names, unit->outputs.n, unit->outputs.values));
    return take_outputs(unit, error);
}

/* What plain runs take: as many as were timed, within bounds. */
#define PLAIN_RUNS 100
#define PLAIN_BUDGET_NS 1000000000u

static mae_error *run_plain(mae_unit *unit, size_t wanted, double *plain_ns, size_t *ret_n)
{
    uint64_t begin = mae_clock_now_ns(), now = begin;
    size_t n = 0;
    MAE_TRY(mae_ort_unit_run(unit)); /* warms up: reading the profile took the caches */
    while (n < wanted && (n < 3 || now - begin < PLAIN_BUDGET_NS)) {
        uint64_t start = mae_clock_now_ns();
        MAE_TRY(mae_ort_unit_run(unit));
        now = mae_clock_now_ns();
        plain_ns[n++] = (double)(now - start);
    }
    *ret_n = n;
    return NULL;
}

mae_error *mae_ort_unit_layer_ns(mae_unit *base, size_t skip, mae_layer_times *times)
{
    mae_ort_unit *unit = (mae_ort_unit *)base;
    double plain_ns[PLAIN_RUNS];
    size_t n = 0;
    if (!unit->timing)
        return mae_error_new(MAE_ERR_USAGE, "a unit that was not compiled for timing is asked for times");
    MAE_TRY(mae_ort_timing_stop(unit->timing, unit->ort, unit->session));
    size_t runs = mae_ort_timing_runs(unit->timing);
    if (runs > skip)
        MAE_TRY(run_plain(base, runs < PLAIN_RUNS ? runs : PLAIN_RUNS, plain_ns, &n));
    return mae_ort_timing_average(unit->timing, skip, plain_ns, n, times);
}

void mae_ort_unit_discard(mae_unit *base)
{
    mae_ort_unit *unit = (mae_ort_unit *)base;
    if (!unit)
        return;
    release_side(unit, &unit->inputs);
    release_side(unit, &unit->outputs);
    if (unit->session)
        unit->ort->api->ReleaseSession(unit->session);
    mae_ort_timing_destroy(unit->timing);
    mae_arena_destroy(unit->arena);
    free(unit);
    mae_heap_trim(mae_heap_common());
}
