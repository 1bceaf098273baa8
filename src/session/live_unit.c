/* Units and the memory they share: every tensor has one buffer, whatever the mapping, so changing the mapping moves
 * nothing, and a frame that is run again finds its inputs where they were. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/graph.h"
#include "pe/buffer.h"
#include "pe/program.h"
#include "session/live.h"

/* ---- buffers ---- */

static mae_error *make_buffer(const mae_graph *graph, int tensor, mae_layout layout, mae_buffer **ret_buffer)
{
    const mae_tensor *t = &graph->tensors[tensor];
    MAE_TRY(mae_buffer_check(t));
    mae_buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer)
        return mae_error_nomem();
    buffer->tensor = tensor;
    buffer->shape = t->shape;
    buffer->layout = layout;
    if (t->is_static) {
        mae_error *error = mae_buffer_reserve(buffer, t->bytes);
        if (error) {
            free(buffer);
            return error;
        }
        buffer->bytes = t->bytes;
    } else {
        buffer->grow = mae_buffer_reserve;
    }
    *ret_buffer = buffer;
    return NULL;
}

static void free_buffer(mae_buffer *buffer)
{
    if (buffer)
        mae_buffer_release(buffer);
    free(buffer);
}

/* ---- units ---- */

/* What this process has in use, as far as malloc and the PE's module know. */
static double memory_bytes(const mae_pe *pe)
{
    struct mallinfo2 info = mallinfo2();
    const mae_backend *backend = pe->backend;
    const mae_memory_service *memory = backend && backend->service ? backend->service(MAE_MEMORY_SERVICE) : NULL;
    return (double)info.uordblks + (double)info.hblkhd + (memory ? (double)memory->held() : 0);
}

/* Its weights, at the least. */
static double weight_bytes(const mae_graph *graph, int first, int last)
{
    double bytes = 0;
    for (int l = first; l <= last; l++)
        for (int n = graph->layers[l].first_node; n < graph->layers[l].first_node + graph->layers[l].n_nodes; n++)
            for (size_t i = 0; i < graph->nodes[n].n_inputs; i++) {
                int tensor = graph->nodes[n].inputs[i];
                if (tensor >= 0 && graph->tensors[tensor].is_constant)
                    bytes += (double)graph->tensors[tensor].bytes;
            }
    return bytes;
}

static mae_error *compile_laid(const mae_graph *graph, live_unit *unit)
{
    const mae_pe_ops *ops = unit->device->ops;
    live_borders *b = unit->order.borders;
    const mae_borders borders = {b->inputs, b->offers, b->outputs};
    if (mae_pe_layouts(unit->device))
        return ops->compile_laid(unit->device, graph, &unit->segment, 0, &borders, &unit->unit);
    return ops->compile(unit->device, graph, &unit->segment, 0, &unit->unit);
}

static mae_error *compile(const mae_graph *graph, live_unit *unit)
{
    const live_order *order = &unit->order;
    MAE_TRY(mae_segment_make(graph, order->first, order->last, unit->arena, &unit->segment));
    double before = memory_bytes(unit->device), weights = weight_bytes(graph, order->first, order->last);
    uint64_t begin = mae_clock_now_ns();
    MAE_TRY(compile_laid(graph, unit));
    unit->compile_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    double grown = memory_bytes(unit->device) - before;
    unit->bytes = grown > weights ? grown : weights;
    return NULL;
}

mae_error *live_unit_compile(const mae_graph *graph, live_order *order, mae_pe *device, bool own_device,
                             live_unit **ret_unit)
{
    int first = order->first, last = order->last;
    mae_arena *arena = mae_arena_create();
    live_unit *unit = arena ? mae_arena_alloc(arena, sizeof *unit) : NULL;
    if (!unit) {
        mae_arena_destroy(arena);
        live_order_free(order);
        if (own_device)
            device->ops->close(device);
        return mae_error_nomem();
    }
    *unit = (live_unit){.arena = arena, .order = *order, .device = device};
    order->borders = NULL;
    unit->own_device = own_device;
    unit->stale = true;
    mae_error *error = compile(graph, unit);
    if (error) {
        live_unit_destroy(unit);
        return mae_error_wrap(error, "layers %s to %s", graph->layers[first].name, graph->layers[last].name);
    }
    *ret_unit = unit;
    return NULL;
}

static void release_own(live_unit *unit, mae_buffer **own, size_t n)
{
    for (size_t i = 0; own && i < n; i++)
        if (own[i] && own[i]->device)
            unit->device->ops->release(unit->device, own[i]);
}

void live_unit_destroy(live_unit *unit)
{
    if (!unit)
        return;
    if (unit->unit)
        unit->device->ops->discard(unit->unit);
    release_own(unit, unit->own_inputs, unit->segment.n_inputs);
    release_own(unit, unit->own_outputs, unit->segment.n_outputs);
    if (unit->own_device)
        unit->device->ops->close(unit->device);
    live_order_free(&unit->order);
    mae_arena_destroy(unit->arena);
}

static mae_error *bind(live_unit *unit)
{
    mae_buffer **inputs = unit->own_inputs ? unit->own_inputs : unit->inputs;
    mae_buffer **outputs = unit->own_outputs ? unit->own_outputs : unit->outputs;
    MAE_TRY(unit->device->ops->bind(unit->unit, inputs, outputs));
    unit->stale = false;
    return NULL;
}

mae_error *live_unit_run(live_unit *unit)
{
    const mae_pe_ops *ops = unit->device->ops;
    if (unit->stale)
        MAE_TRY(bind(unit));
    for (size_t i = 0; unit->own_inputs && i < unit->segment.n_inputs; i++)
        MAE_TRY(ops->write(unit->device, unit->own_inputs[i], unit->inputs[i]->host));
    MAE_TRY(ops->run(unit->unit));
    for (size_t i = 0; unit->own_outputs && i < unit->segment.n_outputs; i++)
        MAE_TRY(ops->read(unit->device, unit->own_outputs[i], unit->outputs[i]->host));
    return NULL;
}

/* ---- the pool ---- */

mae_error *live_pool_init(live_pool *pool, const mae_graph *graph)
{
    size_t n = graph->n_tensors + 1;
    *pool = (live_pool){.graph = graph, .buffers = calloc(n * LIVE_LAYOUTS, sizeof *pool->buffers)};
    pool->layout = calloc(n, sizeof *pool->layout);
    pool->offers = calloc(n, sizeof *pool->offers);
    if (!pool->buffers || !pool->layout || !pool->offers)
        return mae_error_nomem();
    for (size_t i = 0; i < graph->n_inputs; i++) {
        mae_buffer **slot = &pool->buffers[(size_t)graph->inputs[i] * LIVE_LAYOUTS];
        if (!*slot)
            MAE_TRY(make_buffer(graph, graph->inputs[i], MAE_LAYOUT_DENSE, slot));
    }
    return NULL;
}

void live_pool_finish(live_pool *pool)
{
    while (pool->units)
        live_pool_drop(pool, pool->units);
    for (size_t i = 0; pool->buffers && i < pool->graph->n_tensors * LIVE_LAYOUTS; i++)
        free_buffer(pool->buffers[i]);
    for (size_t i = 0; i < pool->n_left; i++)
        free_buffer(pool->left[i]);
    free(pool->left);
    free(pool->layout);
    free(pool->offers);
    free(pool->buffers);
    pool->buffers = NULL;
}

/* In new arrays: an engine may still look at the old ones. */
static mae_error *attach_side(live_pool *pool, live_unit *unit, const int *tensors, const mae_layout *layouts, size_t n,
                              mae_buffer ***ret_side)
{
    mae_buffer **side = mae_arena_array(unit->arena, n + 1, sizeof(mae_buffer *));
    if (!side)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++) {
        mae_buffer **slot = &pool->buffers[(size_t)tensors[i] * LIVE_LAYOUTS + layouts[i]];
        if (!*slot)
            MAE_TRY(make_buffer(pool->graph, tensors[i], layouts[i], slot));
        side[i] = *slot;
    }
    *ret_side = side;
    return NULL;
}

static mae_error *attach(live_pool *pool, live_unit *unit)
{
    unit->stale = true;
    const live_borders *b = unit->order.borders;
    const mae_segment *s = &unit->segment;
    MAE_TRY(attach_side(pool, unit, s->inputs, b->inputs, s->n_inputs, &unit->inputs));
    return attach_side(pool, unit, s->outputs, b->outputs, s->n_outputs, &unit->outputs);
}

/* Memory of the PE's own, of the same sizes. */
static mae_error *mirror(live_unit *unit, mae_buffer *const *host, size_t n, mae_buffer ***ret_own)
{
    mae_buffer **own = mae_arena_array(unit->arena, n + 1, sizeof(mae_buffer *));
    if (!own)
        return mae_error_nomem();
    *ret_own = own;
    for (size_t i = 0; i < n; i++) {
        if (host[i]->grow)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "a tensor has no size known beforehand, and the PE has its own "
                                                      "memory");
        own[i] = mae_arena_alloc(unit->arena, sizeof *own[i]);
        if (!own[i])
            return mae_error_nomem();
        *own[i] = (mae_buffer){.tensor = host[i]->tensor, .shape = host[i]->shape, .bytes = host[i]->bytes};
        MAE_TRY(unit->device->ops->alloc(unit->device, own[i]));
    }
    return NULL;
}

static mae_error *adopt(live_pool *pool, live_unit *unit)
{
    MAE_TRY(attach(pool, unit));
    if (unit->device->ops->alloc) {
        MAE_TRY(mirror(unit, unit->inputs, unit->segment.n_inputs, &unit->own_inputs));
        MAE_TRY(mirror(unit, unit->outputs, unit->segment.n_outputs, &unit->own_outputs));
    }
    return NULL;
}

mae_error *live_pool_adopt(live_pool *pool, live_unit *unit)
{
    mae_error *error = adopt(pool, unit);
    if (error) {
        live_unit_destroy(unit);
        return error;
    }
    unit->next = pool->units;
    pool->units = unit;
    pool->bytes += unit->bytes;
    return NULL;
}

void live_pool_drop(live_pool *pool, live_unit *unit)
{
    live_unit **link = &pool->units;
    while (*link != unit)
        link = &(*link)->next;
    *link = unit->next;
    pool->bytes -= unit->bytes;
    live_unit_destroy(unit);
}

/* ---- calls that do not come back ---- */

static mae_error *replace(live_pool *pool, int tensor, mae_layout layout)
{
    mae_buffer **slot = &pool->buffers[(size_t)tensor * LIVE_LAYOUTS + layout], *old = *slot, *fresh = NULL;
    MAE_TRY(make_buffer(pool->graph, tensor, layout, &fresh));
    if (pool->graph->tensors[tensor].is_input && old->host && old->bytes <= fresh->bytes)
        memcpy(fresh->host, old->host, old->bytes);
    *slot = fresh;
    pool->left[pool->n_left++] = old;
    pool->leaked_bytes += (double)old->bytes; /* the call may write there whenever it likes */
    return NULL;
}

mae_error *live_pool_abandon(live_pool *pool, live_unit *unit)
{
    size_t most = pool->n_left + unit->segment.n_inputs + unit->segment.n_outputs;
    mae_buffer **left = realloc(pool->left, (most + 1) * sizeof(mae_buffer *));
    if (!left)
        return mae_error_nomem();
    pool->left = left;
    for (size_t i = 0; i < unit->segment.n_inputs; i++)
        MAE_TRY(replace(pool, unit->segment.inputs[i], unit->order.borders->inputs[i]));
    for (size_t i = 0; i < unit->segment.n_outputs; i++)
        MAE_TRY(replace(pool, unit->segment.outputs[i], unit->order.borders->outputs[i]));
    for (live_unit *other = pool->units; other; other = other->next)
        if (other != unit)
            MAE_TRY(attach(pool, other));
    return NULL;
}

mae_error *live_pool_return(live_pool *pool, live_unit *unit)
{
    return attach(pool, unit);
}
