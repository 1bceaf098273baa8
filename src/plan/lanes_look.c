/* Partial mappings layer by layer. A label says when each lane is free, when each live tensor is there and where, and
 * what the open segment has to do; times are those without contention, which are never later than the true ones.
 * Without contention a label that is nowhere later, dearer or more cut up than another of the same state makes that one
 * needless; with it, such a label may still be the better one, and leaving it out proves nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/lanes_label.h"

#define MOST_COMPARED 300 /* labels of one state that a new one is compared with */

typedef struct step {
    uint32_t before;
    int pe;
} step;

typedef struct labels {
    size_t n, room, stride;
    unsigned char *bytes;
} labels;

typedef struct look {
    mae_lanes *lanes;
    mae_lanes_place place;
    size_t width;
    bool thorough; /* under contention nothing is dominated */
    labels now, next;
    uint32_t *table;
    size_t table_room;
    uint32_t *order;
    size_t order_room;
    size_t n_steps, steps_room;
    step *steps;
    int *mapping;
    double elsewhere;
} look;

#define NO_STEP UINT32_MAX

static mae_lanes_label *label_at(const labels *list, size_t i)
{
    return (mae_lanes_label *)(list->bytes + i * list->stride);
}

static bool make_room(labels *list, size_t n)
{
    if (n <= list->room && list->bytes)
        return true;
    size_t room = 2 * list->room > n ? 2 * list->room : n;
    unsigned char *bytes = realloc(list->bytes, room * list->stride);
    if (!bytes)
        return false;
    list->bytes = bytes;
    list->room = room;
    return true;
}

/* Keeps the label at the end of `next` unless another makes it needless; those that it makes needless die. */
static void settle(look *k, mae_lanes_label *l)
{
    bool contended = k->lanes->span.contended;
    uint32_t *place = &k->table[l->key & (k->table_room - 1)];
    size_t compared = 0;
    for (uint32_t at = *place; at && compared < MOST_COMPARED && !(contended && k->thorough);) {
        mae_lanes_label *other = label_at(&k->next, at - 1);
        at = other->next;
        if (other->dead || !mae_lanes_same_state(&k->place, l, other))
            continue;
        compared++;
        mae_lanes_label *needless = mae_lanes_dominates(&k->place, other, l)   ? l
                                    : mae_lanes_dominates(&k->place, l, other) ? other
                                                                               : NULL;
        if (!needless)
            continue;
        needless->dead = true;
        if (contended)
            k->elsewhere = fmin(k->elsewhere, needless->bound);
        if (needless == l)
            return; /* its room is the next one's */
    }
    l->next = *place;
    *place = (uint32_t)++k->next.n;
}

/* false: out of memory. */
static bool grow(look *k, const mae_lanes_label *from, int pe)
{
    if (!make_room(&k->next, k->next.n + 1))
        return false;
    mae_lanes_label *l = label_at(&k->next, k->next.n);
    if (mae_lanes_grow(&k->place, from, pe, l))
        settle(k, l);
    return true;
}

/* ---- layers ---- */

/* Those that live, the most promising first, no more than there is room for. */
static size_t choose(look *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->next.n; i++)
        if (!label_at(&k->next, i)->dead)
            k->order[n++] = (uint32_t)i;
    if (n <= k->width)
        return n;
    /* The `width` least scores come to the front: quickselect. */
    for (size_t low = 0, high = n - 1; low < high;) {
        double pivot = label_at(&k->next, k->order[(low + high) / 2])->score;
        size_t i = low, j = high;
        while (i <= j) {
            while (label_at(&k->next, k->order[i])->score < pivot)
                i++;
            while (label_at(&k->next, k->order[j])->score > pivot)
                j--;
            if (i > j)
                break;
            uint32_t other = k->order[i];
            k->order[i++] = k->order[j];
            k->order[j] = other;
            if (j == 0)
                break;
            j--;
        }
        if (k->width <= j)
            high = j;
        else if (k->width >= i)
            low = i;
        else
            break;
    }
    for (size_t i = k->width; i < n; i++)
        k->elsewhere = fmin(k->elsewhere, label_at(&k->next, k->order[i])->bound);
    return k->width;
}

static bool remember(look *k, mae_lanes_label *l)
{
    if (k->n_steps == k->steps_room) {
        size_t room = 2 * k->steps_room + 1024;
        step *steps = realloc(k->steps, room * sizeof *steps);
        if (!steps)
            return false;
        k->steps = steps;
        k->steps_room = room;
    }
    k->steps[k->n_steps] = (step){l->trace, l->pe};
    l->trace = (uint32_t)k->n_steps++;
    return true;
}

/* The chosen ones become the labels of the next layer. */
static bool move_on(look *k)
{
    if (k->next.n > k->order_room) {
        uint32_t *order = realloc(k->order, k->next.n * sizeof *order);
        if (!order)
            return false;
        k->order = order;
        k->order_room = k->next.n;
    }
    size_t n = choose(k), stride = k->next.stride;
    unsigned char *bytes = realloc(k->now.bytes, (n + 1) * stride);
    if (!bytes)
        return false;
    k->now = (labels){.bytes = bytes, .room = n + 1, .stride = stride, .n = n};
    for (size_t i = 0; i < n; i++) {
        memcpy(label_at(&k->now, i), label_at(&k->next, k->order[i]), stride);
        if (!remember(k, label_at(&k->now, i)))
            return false;
    }
    return true;
}

static bool place_layer(look *k)
{
    const mae_lanes *lanes = k->lanes;
    const mae_model_boundary *before = &lanes->m->boundaries[k->place.layer];
    for (size_t i = 0; i < before->n_slots; i++)
        k->place.slot_of[before->slots[i]] = (int)i;
    free(k->next.bytes);
    k->next = (labels){.stride = mae_lanes_stride(lanes, k->place.layer + 1)};
    memset(k->table, 0, k->table_room * sizeof *k->table);
    for (size_t i = 0; i < k->now.n; i++)
        for (int pe = 0; pe < lanes->n_pes; pe++)
            if (lanes->m->can[k->place.layer] >> pe & 1 && !grow(k, label_at(&k->now, i), pe))
                return false;
    return move_on(k);
}

static bool begin(look *k)
{
    const mae_model_boundary *first = &k->lanes->m->boundaries[0];
    k->now = (labels){.stride = mae_lanes_stride(k->lanes, 0), .n = 1, .room = 1};
    k->now.bytes = calloc(1, k->now.stride);
    if (!k->now.bytes)
        return false;
    mae_lanes_label *l = label_at(&k->now, 0);
    l->trace = NO_STEP;
    for (size_t i = 0; i < first->n_slots; i++)
        mae_lanes_slots(k->lanes, l)[i] = (mae_lanes_slot){.home = k->lanes->m->host};
    return true;
}

static bool allot(look *k)
{
    const mae_model *m = k->lanes->m;
    size_t most = 0;
    for (int b = 0; b <= m->n; b++)
        most = m->boundaries[b].n_slots > most ? m->boundaries[b].n_slots : most;
    for (k->table_room = 1024; k->table_room < 2 * k->width; k->table_room *= 2)
        continue;
    k->place.slots = calloc(most + 1, sizeof *k->place.slots);
    k->place.slot_of = calloc(m->profile->n_tensors + 1, sizeof *k->place.slot_of);
    k->table = calloc(k->table_room, sizeof *k->table);
    k->mapping = calloc((size_t)m->n, sizeof *k->mapping);
    return k->place.slots && k->place.slot_of && k->table && k->mapping && begin(k);
}

static void finish(look *k)
{
    free(k->now.bytes);
    free(k->next.bytes);
    free(k->place.slots);
    free(k->place.slot_of);
    free(k->table);
    free(k->order);
    free(k->steps);
    free(k->mapping);
}

static mae_error *offer_all(look *k)
{
    for (size_t i = 0; i < k->now.n; i++) {
        uint32_t at = label_at(&k->now, i)->trace;
        for (int l = k->lanes->n; l-- > 0; at = k->steps[at].before)
            k->mapping[l] = k->steps[at].pe;
        MAE_TRY(mae_lanes_offer(k->lanes, k->mapping));
    }
    return NULL;
}

mae_error *mae_lanes_look(mae_lanes *lanes, size_t width, bool thorough, double *ret_elsewhere)
{
    look k = {.lanes = lanes, .place = {.lanes = lanes}, .width = width, .thorough = thorough, .elsewhere = INFINITY};
    bool ok = allot(&k);
    for (; ok && k.place.layer < lanes->n && k.now.n > 0; k.place.layer++)
        ok = place_layer(&k);
    mae_error *error = !ok ? mae_error_nomem() : k.now.n > 0 ? offer_all(&k) : NULL;
    if (!error)
        *ret_elsewhere = k.elsewhere;
    finish(&k);
    return error;
}
