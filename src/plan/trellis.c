#include "plan/trellis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/live.h"
#include "plan/scout.h"
#include "plan/states.h"
#include "plan/tags.h"

/* A key is the PE and the open segment's tag (tags.h) in word 0, then one word for each live tensor (live.h). */
#define NO_PE 0xff

typedef struct grow {
    const mae_model *m;
    mae_trellis *t;
    mae_scout_state *scout;
    mae_states now, next;
    size_t arc_room, state_room;
    size_t *used;     /* per tensor: how many of its uses lie before the boundary */
    int *slot_of;     /* per tensor: its slot at the present boundary */
    uint64_t *key;    /* of the successor being made */
    size_t max_bytes; /* 0: no limit */
    bool out_of_memory, too_large;
} grow;

/* ---- growing ---- */

static mae_arc *new_arc(grow *g)
{
    mae_trellis *t = g->t;
    if (t->n_arcs == g->arc_room) {
        size_t room = g->arc_room ? 2 * g->arc_room : 4096;
        mae_arc *arcs = realloc(t->arcs, room * sizeof *arcs);
        if (!arcs) {
            g->out_of_memory = true;
            return NULL;
        }
        t->arcs = arcs;
        g->arc_room = room;
    }
    return &t->arcs[t->n_arcs++];
}

/* Room for the states of the next boundary behind those of the present ones. */
static bool reserve_states(grow *g, size_t total)
{
    if (total + 1 <= g->state_room)
        return true;
    size_t room = 2 * (total + 1);
    size_t *first_arc = realloc(g->t->first_arc, room * sizeof *first_arc);
    if (first_arc)
        g->t->first_arc = first_arc;
    uint8_t *pe = realloc(g->t->pe, room);
    if (pe)
        g->t->pe = pe;
    if (!first_arc || !pe) {
        g->out_of_memory = true;
        return false;
    }
    g->state_room = room;
    return true;
}

static void add_arc(grow *g, size_t from, int pe, uint64_t tag, mae_pair cost, bool opens)
{
    g->key[0] = (uint64_t)pe | tag << 8;
    size_t to = mae_states_add(&g->next, g->key);
    mae_arc *arc = to == SIZE_MAX ? NULL : new_arc(g);
    if (!arc) {
        g->out_of_memory = true;
        return;
    }
    *arc = (mae_arc){.cost = cost, .to = (uint32_t)to, .pe = (uint8_t)pe, .opens = opens};
    if (!mae_scout_reach(g->scout, from, to, cost))
        g->out_of_memory = true;
}

/* The live tensors after `layer` ran on `pe`; false if it cannot have its inputs there. */
static bool next_tensors(grow *g, int layer, const uint64_t *key, int pe, bool opens, mae_pair *cost)
{
    const mae_model *m = g->m;
    const mae_model_boundary *old = &m->boundaries[layer], *next = &m->boundaries[layer + 1];
    const mae_model_layer *l = &m->layers[layer];
    uint64_t *status = &g->key[1 + next->n_slots]; /* of the old slots, as they change */
    for (size_t k = 0; k < old->n_slots; k++)
        status[k] = key[1 + k] != MAE_LIVE_EVERYWHERE && opens ? key[1 + k] & ~MAE_LIVE_FRESH : key[1 + k];
    for (size_t k = 0; k < l->n_inputs; k++)
        if (!mae_live_consume(m, &m->tensors[l->inputs[k]], pe, &status[g->slot_of[l->inputs[k]]], cost))
            return false;
    for (size_t k = 0; k < next->n_slots; k++) {
        const mae_model_tensor *tensor = &m->tensors[next->slots[k]];
        uint64_t s = tensor->producer == layer ? mae_live_produced(m, tensor, pe) : status[g->slot_of[next->slots[k]]];
        g->key[1 + k] = mae_live_forget(s, tensor->wanted[g->used[next->slots[k]]]);
    }
    return mae_live_pay_outputs(m, layer, pe, cost);
}

static void place(grow *g, int layer, size_t from, const uint64_t *key, int pe)
{
    const mae_model *m = g->m;
    uint64_t tag = key[0] >> 8;
    bool end, on, committed, same = (int)(key[0] & 0xff) == pe;
    mae_pair moves = {0, 0}, cost = m->cost[layer * m->n_pes + pe];
    mae_tag_allowed(m, tag, layer, &end, &on);
    if ((same && !on) || (!same && !end) || !next_tensors(g, layer, key, pe, !same, &moves))
        return;
    if (same) {
        mae_tag_row(m, tag, &committed);
        add_arc(g, from, pe, mae_tag_going_on(m, tag, layer), committed ? moves : mae_pair_add(moves, cost), false);
        return;
    }
    cost = mae_pair_add(mae_pair_add(cost, m->open[pe]), moves);
    add_arc(g, from, pe, mae_tag_pending(m, layer, pe), cost, true);
    const mae_model_layer *l = &m->layers[layer];
    for (size_t r = l->first_row; r < l->first_row + l->n_rows; r++)
        if (m->rows[r].pe == pe)
            add_arc(g, from, pe, 1 + m->n_rows + r, mae_pair_add(moves, m->rows[r].cost), true);
}

/* Arcs, and the keys of two boundaries. */
static bool within(const grow *g)
{
    size_t keys = (g->now.n * g->now.words + g->next.n * g->next.words) * sizeof(uint64_t);
    return g->max_bytes == 0 || g->t->n_arcs * sizeof(mae_arc) + keys <= g->max_bytes;
}

static void step(grow *g, int layer)
{
    const mae_model *m = g->m;
    mae_trellis *t = g->t;
    const mae_model_boundary *old = &m->boundaries[layer];
    for (size_t k = 0; k < old->n_slots; k++)
        g->slot_of[old->slots[k]] = (int)k;
    for (size_t k = 0; k < m->layers[layer].n_inputs; k++)
        g->used[m->layers[layer].inputs[k]]++;
    mae_states_reset(&g->next, 1 + m->boundaries[layer + 1].n_slots);
    for (size_t s = 0; s < g->now.n && !g->out_of_memory && !g->too_large; s++) {
        t->first_arc[t->first_state[layer] + s] = t->n_arcs;
        for (int pe = 0; pe < m->n_pes; pe++)
            if (m->can[layer] >> pe & 1)
                place(g, layer, s, mae_states_key(&g->now, s), pe);
        g->too_large = !within(g);
    }
}

/* From a PE to a PE: no keys are needed where a state is the PE of the layer before. */
static void step_simple(grow *g, int layer)
{
    const mae_model *m = g->m;
    const mae_model_layer *l = &m->layers[layer];
    mae_trellis *t = g->t;
    size_t first = t->first_state[layer], n = t->first_state[layer + 1] - first, n_next = 0;
    uint32_t to_of[MAE_SCOUT_MAX_PES];
    memset(to_of, 0xff, sizeof to_of);
    for (size_t s = 0; s < n; s++) {
        int from = t->pe[first + s];
        t->first_arc[first + s] = t->n_arcs;
        for (int pe = 0; pe < m->n_pes; pe++) {
            if (!(m->can[layer] >> pe & 1))
                continue;
            mae_pair cost = m->cost[layer * m->n_pes + pe];
            bool can = true;
            for (size_t k = 0; k < l->n_inputs && from != pe && can; k++) {
                const mae_model_tensor *tensor = &m->tensors[l->inputs[k]];
                mae_pair move = tensor->move[from * m->n_pes + pe];
                bool there = tensor->to_host && pe == m->host;
                can = there || move.lat != MAE_NEVER;
                if (can && !there)
                    cost = mae_pair_add(cost, move);
            }
            if (!can || !mae_live_pay_outputs(m, layer, pe, &cost))
                continue;
            if (from != pe)
                cost = mae_pair_add(cost, m->open[pe]);
            mae_arc *arc = new_arc(g);
            if (!arc)
                return;
            if (to_of[pe] == UINT32_MAX) {
                to_of[pe] = (uint32_t)n_next++;
                g->key[to_of[pe]] = (uint64_t)pe;
            }
            *arc = (mae_arc){.cost = cost, .to = to_of[pe], .pe = (uint8_t)pe, .opens = from != pe};
        }
    }
    for (size_t s = 0; s < n_next; s++)
        t->pe[t->first_state[layer + 1] + s] = (uint8_t)g->key[s];
    t->first_state[layer + 2] = t->first_state[layer + 1] + n_next;
}

/* Keeps the most promising states of the boundary behind `layer`, if there are too many. */
static bool thin(grow *g, int layer)
{
    mae_trellis *t = g->t;
    uint32_t *kept;
    if (!mae_scout_thin(g->scout, layer + 1, &g->next, &kept))
        return false;
    if (!kept)
        return true;
    size_t first = t->first_state[layer], arc = t->first_arc[first], n = g->now.n;
    for (size_t s = 0; s < n; s++) {
        size_t end = s + 1 < n ? t->first_arc[first + s + 1] : t->n_arcs;
        size_t begin = t->first_arc[first + s];
        t->first_arc[first + s] = arc;
        for (size_t a = begin; a < end; a++)
            if (kept[t->arcs[a].to] != UINT32_MAX) {
                t->arcs[arc] = t->arcs[a];
                t->arcs[arc++].to = kept[t->arcs[a].to];
            }
        if (s + 1 == n)
            t->n_arcs = arc;
    }
    free(kept);
    return true;
}

static bool advance(grow *g, int layer)
{
    mae_trellis *t = g->t;
    size_t most = g->now.n > MAE_SCOUT_MAX_PES ? g->now.n : MAE_SCOUT_MAX_PES;
    if (!reserve_states(g, t->first_state[layer + 1] + most))
        return false;
    if (layer > 0 && g->m->boundaries[layer].simple && g->m->boundaries[layer + 1].simple && !g->scout->active) {
        step_simple(g, layer);
        return !g->out_of_memory;
    }
    if (g->now.n == 0) { /* the steps before were simple ones: states without keys */
        mae_states_reset(&g->now, 1 + g->m->boundaries[layer].n_slots);
        for (size_t s = t->first_state[layer]; s < t->first_state[layer + 1]; s++) {
            int pe = t->pe[s];
            g->key[0] = (uint64_t)pe;
            for (size_t k = 0; k < g->m->boundaries[layer].n_slots; k++) {
                int slot = g->m->boundaries[layer].slots[k];
                g->key[1 + k] =
                    mae_live_forget(mae_live_produced(g->m, &g->m->tensors[slot], pe), g->m->tensors[slot].wanted[0]);
            }
            if (mae_states_add(&g->now, g->key) == SIZE_MAX)
                return false;
        }
    }
    step(g, layer);
    if (g->out_of_memory || g->too_large || !thin(g, layer) ||
        !reserve_states(g, t->first_state[layer + 1] + g->next.n))
        return false;
    for (size_t s = 0; s < g->next.n; s++)
        t->pe[t->first_state[layer + 1] + s] = (uint8_t)mae_states_key(&g->next, s)[0];
    t->first_state[layer + 2] = t->first_state[layer + 1] + g->next.n;
    mae_states swap = g->now;
    g->now = g->next;
    g->next = swap;
    return true;
}

static bool finish_states(grow *g)
{
    mae_trellis *t = g->t;
    size_t first = t->first_state[t->n], n = t->first_state[t->n + 1] - first;
    t->can_end = calloc(n + 1, sizeof *t->can_end);
    if (!t->can_end || !reserve_states(g, first + n))
        return false;
    for (size_t s = 0; s < n; s++) {
        bool on;
        uint64_t tag = g->now.n > 0 ? mae_states_key(&g->now, s)[0] >> 8 : 0;
        mae_tag_allowed(g->m, tag, t->n, &t->can_end[s], &on);
        t->first_arc[first + s] = t->n_arcs;
    }
    t->first_arc[first + n] = t->n_arcs;
    return true;
}

static bool grow_all(grow *g)
{
    const mae_model *m = g->m;
    mae_trellis *t = g->t;
    size_t most = (size_t)m->n_pes;
    for (int b = 0; b <= m->n; b++)
        if (m->boundaries[b].n_slots > most)
            most = m->boundaries[b].n_slots;
    t->first_state = calloc((size_t)m->n + 2, sizeof *t->first_state);
    g->used = calloc(m->profile->n_tensors + 1, sizeof *g->used);
    g->slot_of = calloc(m->profile->n_tensors + 1, sizeof *g->slot_of);
    g->key = calloc(2 * most + 2, sizeof *g->key);
    if (!t->first_state || !g->used || !g->slot_of || !g->key || !reserve_states(g, MAE_SCOUT_MAX_PES))
        return false;
    mae_states_reset(&g->now, 1 + m->boundaries[0].n_slots);
    g->key[0] = NO_PE;
    for (size_t k = 0; k < m->boundaries[0].n_slots; k++) {
        const mae_model_tensor *tensor = &m->tensors[m->boundaries[0].slots[k]];
        g->key[1 + k] = mae_live_forget(mae_live_produced(m, tensor, m->host) & ~MAE_LIVE_FRESH, tensor->wanted[0]);
    }
    if (mae_states_add(&g->now, g->key) == SIZE_MAX)
        return false;
    t->pe[0] = NO_PE;
    t->first_state[1] = 1;
    for (int layer = 0; layer < m->n; layer++) {
        if (!advance(g, layer))
            return false;
        bool keyless = layer > 0 && m->boundaries[layer].simple && m->boundaries[layer + 1].simple;
        if (keyless && !g->scout->active)
            mae_states_reset(&g->now, 1); /* from here on states are PEs: no keys */
    }
    return finish_states(g);
}

mae_error *mae_trellis_create(const mae_model *model, const mae_scout *scout, size_t max_bytes,
                              mae_trellis **ret_trellis)
{
    mae_trellis *t = calloc(1, sizeof *t);
    mae_scout_state state;
    if (!t)
        return mae_error_nomem();
    t->model = model;
    t->n = model->n;
    grow g = {.m = model, .t = t, .scout = &state, .max_bytes = max_bytes};
    bool done = mae_scout_init(&state, model, scout) && grow_all(&g);
    t->dropped = state.dropped;
    t->elsewhere = state.elsewhere;
    mae_scout_finish(&state);
    mae_states_finish(&g.now);
    mae_states_finish(&g.next);
    free(g.used);
    free(g.slot_of);
    free(g.key);
    if (!done) {
        mae_trellis_destroy(t);
        t = NULL;
    }
    if (!done && !g.too_large)
        return mae_error_nomem();
    *ret_trellis = t;
    return NULL;
}

void mae_trellis_destroy(mae_trellis *trellis)
{
    if (!trellis)
        return;
    free(trellis->first_state);
    free(trellis->first_arc);
    free(trellis->arcs);
    free(trellis->pe);
    free(trellis->can_end);
    free(trellis);
}
