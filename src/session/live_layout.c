/* How tensors lie at the borders of units: as in the programs of mae run (src/pe/program_layout.c), so that a frame
 * costs what was measured and planned. In the order of the frame, a unit takes its inputs as those before it have
 * settled, and may give an output in any layout that all who read it understand; so the same layers may be compiled
 * more than once. */
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "core/layout.h"
#include "session/live.h"

/* ---- borders ---- */

mae_error *live_borders_create(const mae_segment *segment, live_borders **ret_borders)
{
    size_t in = segment->n_inputs, out = segment->n_outputs;
    live_borders *b = calloc(1, sizeof *b + in * sizeof *b->inputs + 2 * out * sizeof *b->offers);
    if (!b)
        return mae_error_nomem();
    b->n_inputs = in;
    b->n_outputs = out;
    b->inputs = (mae_layout *)(b + 1);
    b->outputs = b->inputs + in;
    b->offers = (unsigned *)(b->outputs + out);
    *ret_borders = b;
    return NULL;
}

/* What a unit gives follows from what it is told. */
bool live_borders_same(const live_borders *a, const live_borders *b)
{
    return a->n_inputs == b->n_inputs && a->n_outputs == b->n_outputs &&
           memcmp(a->inputs, b->inputs, a->n_inputs * sizeof *a->inputs) == 0 &&
           memcmp(a->offers, b->offers, a->n_outputs * sizeof *a->offers) == 0;
}

/* ---- orders ---- */

bool live_order_same(const live_order *a, const live_order *b)
{
    return a->pe == b->pe && a->first == b->first && a->last == b->last && live_borders_same(a->borders, b->borders);
}

mae_error *live_order_copy(const live_order *order, live_order *ret_copy)
{
    const live_borders *from = order->borders;
    const mae_segment sizes = {.n_inputs = from->n_inputs, .n_outputs = from->n_outputs};
    live_order copy = *order;
    MAE_TRY(live_borders_create(&sizes, &copy.borders));
    memcpy(copy.borders->inputs, from->inputs, from->n_inputs * sizeof *from->inputs);
    memcpy(copy.borders->offers, from->offers, from->n_outputs * sizeof *from->offers);
    *ret_copy = copy;
    return NULL;
}

void live_order_free(live_order *order)
{
    free(order->borders);
    order->borders = NULL;
}

static mae_error *order_of(const live_pool *pool, int pe, int first, int last, bool dense, live_order *ret_order)
{
    live_order order = {.pe = pe, .first = first, .last = last};
    mae_segment segment;
    mae_arena *arena = mae_arena_create();
    mae_error *error = arena ? mae_segment_make(pool->graph, first, last, arena, &segment) : mae_error_nomem();
    if (!error)
        error = live_borders_create(&segment, &order.borders);
    for (size_t i = 0; !error && !dense && i < segment.n_inputs; i++)
        order.borders->inputs[i] = pool->layout[segment.inputs[i]];
    for (size_t i = 0; !error && !dense && i < segment.n_outputs; i++)
        order.borders->offers[i] = pool->offers[segment.outputs[i]];
    mae_arena_destroy(arena);
    if (!error)
        *ret_order = order;
    return error;
}

mae_error *live_order_dense(const live_pool *pool, int pe, int first, int last, live_order *ret_order)
{
    return order_of(pool, pe, first, last, true, ret_order);
}

live_unit *live_pool_find_dense(const live_pool *pool, int pe, int first, int last)
{
    for (live_unit *unit = pool->units; unit; unit = unit->next) {
        const live_borders *b = unit->order.borders;
        bool same = unit->order.pe == pe && unit->order.first == first && unit->order.last == last;
        for (size_t i = 0; same && i < b->n_inputs; i++)
            same = b->inputs[i] == MAE_LAYOUT_DENSE;
        for (size_t i = 0; same && i < b->n_outputs; i++)
            same = b->offers[i] == 0;
        if (same)
            return unit;
    }
    return NULL;
}

/* ---- a mapping's way through the units ---- */

/* The layouts that a tensor may be given in: its maker's, without those that a reader in another segment lacks. */
static void find_offers(live_pool *pool, const live_point *point)
{
    const mae_graph *graph = pool->graph;
    memset(pool->layout, 0, graph->n_tensors * sizeof *pool->layout);
    memset(pool->offers, 0, graph->n_tensors * sizeof *pool->offers);
    for (size_t s = 0; s < point->n; s++)
        for (int l = point->segments[s].first; l <= point->segments[s].last; l++)
            for (size_t i = 0; i < graph->layers[l].n_outputs; i++) {
                const mae_tensor *tensor = &graph->tensors[graph->layers[l].outputs[i]];
                unsigned offers = tensor->is_output ? 0 : mae_layouts_of(tensor);
                pool->offers[graph->layers[l].outputs[i]] = offers & pool->understood[point->segments[s].pe];
            }
    for (size_t s = 0; s < point->n; s++)
        for (int l = point->segments[s].first; l <= point->segments[s].last; l++)
            for (size_t i = 0; i < graph->layers[l].n_inputs; i++) {
                int tensor = graph->layers[l].inputs[i];
                if (graph->tensors[tensor].producer_layer < point->segments[s].first)
                    pool->offers[tensor] &= pool->understood[point->segments[s].pe];
            }
}

static bool fits(const live_pool *pool, const live_unit *unit)
{
    const live_borders *b = unit->order.borders;
    bool same = true;
    for (size_t i = 0; same && i < b->n_inputs; i++)
        same = b->inputs[i] == pool->layout[unit->segment.inputs[i]];
    for (size_t i = 0; same && i < b->n_outputs; i++)
        same = b->offers[i] == pool->offers[unit->segment.outputs[i]];
    return same;
}

/* The next unit of the way, as the tensors lie here. */
static live_unit *step(live_pool *pool, const mae_trace_segment *segment)
{
    for (live_unit *unit = pool->units; unit; unit = unit->next) {
        bool same =
            unit->order.pe == segment->pe && unit->order.first == segment->first && unit->order.last == segment->last;
        if (!same || !fits(pool, unit))
            continue;
        for (size_t i = 0; i < unit->segment.n_outputs; i++)
            pool->layout[unit->segment.outputs[i]] = unit->order.borders->outputs[i];
        return unit;
    }
    return NULL;
}

static bool has_any(const live_pool *pool, const mae_trace_segment *segment)
{
    for (const live_unit *unit = pool->units; unit; unit = unit->next)
        if (unit->order.pe == segment->pe && unit->order.first == segment->first && unit->order.last == segment->last)
            return true;
    return false;
}

/* As far as it goes: how many segments have their units. */
static size_t walk(live_pool *pool, live_point *point)
{
    size_t s = 0;
    find_offers(pool, point);
    memset(point->units, 0, point->n * sizeof(live_unit *));
    while (s < point->n && (point->units[s] = step(pool, &point->segments[s])))
        s++;
    return s;
}

bool live_point_look(live_pool *pool, live_point *point)
{
    for (size_t s = 0; s < point->n; s++)
        if (!has_any(pool, &point->segments[s])) { /* most points: not worth a walk */
            memset(point->units, 0, point->n * sizeof(live_unit *));
            return false;
        }
    return walk(pool, point) == point->n;
}

mae_error *live_point_next(live_pool *pool, live_point *point, bool *ret_any, live_order *ret_order)
{
    size_t s = walk(pool, point);
    *ret_any = s < point->n;
    if (!*ret_any)
        return NULL;
    const mae_trace_segment *segment = &point->segments[s];
    return order_of(pool, segment->pe, segment->first, segment->last, false, ret_order);
}
