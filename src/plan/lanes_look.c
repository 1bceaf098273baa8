/* Partial mappings layer by layer. A label says when each lane is free, when each live tensor is there and where, and
 * what the open segment has to do; times are those without contention, which are never later than the true ones.
 * Without contention a label that is nowhere later, dearer or more cut up than another of the same state makes that one
 * needless; with it, such a label may still be the better one, and leaving it out proves nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/lanes.h"

#define MOST_COMPARED 300 /* labels of one state that a new one is compared with */
#define SPREAD 0.05       /* of the even share of work, in what labels are chosen by: bounds alone are often equal */

/* A live tensor. */
typedef struct slot {
    double ready_ms; /* of a closed segment's */
    uint64_t have;   /* PEs it was moved to */
    int home;
    bool inside; /* of the open segment */
    bool handed;
} slot;

typedef struct label {
    int pe, first;                                                  /* of the open segment */
    double begin_ms, move_ms, layers_ms, layers_mj, low_ms, low_mj; /* of the open segment; low: with rows, at least */
    double mj;                                                      /* of all else */
    double bound, score;
    int switches;
    uint32_t trace, next; /* next: of the same place in the table */
    uint64_t key;
    bool dead;
    double times[]; /* per lane when it is free, per lane its work so far; then per PE counts, then slots */
} label;

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
    int layer; /* that is being placed */
    size_t width;
    bool thorough; /* under contention nothing is dominated */
    labels now, next;
    slot *slots; /* of the label that grows */
    int *slot_of;
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

/* ---- the parts of a label ---- */

static double *free_of(label *l)
{
    return l->times;
}

static double *done_of(const look *k, label *l)
{
    return l->times + k->lanes->n_lanes;
}

static double *counts_of(const look *k, label *l)
{
    return l->times + 2 * k->lanes->n_lanes;
}

static slot *slots_of(const look *k, label *l)
{
    return (slot *)(counts_of(k, l) + k->lanes->n_pes);
}

static size_t stride_of(const look *k, int boundary)
{
    size_t doubles = 2 * (size_t)k->lanes->n_lanes + (size_t)k->lanes->n_pes;
    return sizeof(label) + doubles * sizeof(double) + k->lanes->m->boundaries[boundary].n_slots * sizeof(slot);
}

static label *label_at(const labels *list, size_t i)
{
    return (label *)(list->bytes + i * list->stride);
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

/* ---- growing ---- */

static double work_of(const look *k, const label *l)
{
    return l->move_ms + (k->lanes->has_rows ? l->low_ms : l->layers_ms);
}

/* The open segment, whose last layer is the one before this. */
static void close_segment(const look *k, label *l, slot *slots, size_t n_slots)
{
    const mae_lanes *lanes = k->lanes;
    int lane = lanes->lane[l->pe];
    const mae_segment_cost *row = mae_cost_row(&lanes->m->index, lanes->m->pe_of[l->pe], l->first, k->layer - 1);
    double ms = l->move_ms + (row ? row->time_ms : l->layers_ms);
    double end_ms = l->begin_ms + ms;
    free_of(l)[lane] = end_ms;
    done_of(k, l)[lane] += ms;
    l->mj += !lanes->m->has_energy ? 0 : row ? row->energy_mj : l->layers_mj;
    for (size_t i = 0; i < n_slots; i++)
        if (slots[i].inside) {
            slots[i].inside = false;
            slots[i].ready_ms = end_ms;
        }
    l->layers_ms = l->layers_mj = l->low_ms = l->low_mj = l->move_ms = 0;
}

static bool open_segment(const look *k, label *l, int pe)
{
    const mae_lanes *lanes = k->lanes;
    const mae_profile_pe *of = &lanes->p->pes[lanes->m->pe_of[pe]];
    l->pe = pe;
    l->first = k->layer;
    l->begin_ms = free_of(l)[lanes->lane[pe]];
    l->layers_ms = of->segment_ms;
    l->layers_mj = lanes->m->has_energy ? of->segment_mj : 0;
    l->switches += k->layer > 0;
    counts_of(k, l)[pe]++;
    return (of->max_segments == 0 || counts_of(k, l)[pe] <= of->max_segments) &&
           (lanes->solver->aim.max_switches < 0 || l->switches <= lanes->solver->aim.max_switches);
}

static bool pay(const look *k, label *l, int tensor, int from, int to)
{
    const mae_model *m = k->lanes->m;
    double ms, mj;
    if (!mae_cost_move(&m->index, tensor, m->pe_of[from], m->pe_of[to], &ms, &mj))
        return false;
    l->move_ms += ms;
    l->mj += m->has_energy ? mj : 0;
    return true;
}

static bool bring(const look *k, label *l, int tensor, slot *s)
{
    const mae_lanes *lanes = k->lanes;
    bool made = lanes->m->tensors[tensor].producer >= 0;
    if (s->inside)
        return true;
    if (made && lanes->lane[s->home] != lanes->lane[l->pe])
        l->begin_ms = fmax(l->begin_ms, s->ready_ms);
    if (s->home == l->pe) {
        if (!made || s->handed)
            return true;
        s->handed = true;
        return pay(k, l, tensor, l->pe, l->pe);
    }
    if (s->have >> l->pe & 1)
        return true;
    s->have |= (uint64_t)1 << l->pe;
    return pay(k, l, tensor, s->home, l->pe);
}

/* A tensor that is there before any lane but its own is free might as well have been there then. */
static void forget_early(const look *k, const label *l, slot *slots, size_t n)
{
    const mae_lanes *lanes = k->lanes;
    for (size_t i = 0; i < n; i++) {
        double earliest = INFINITY;
        if (slots[i].inside)
            continue;
        for (int r = 0; r < lanes->n_lanes; r++)
            if (r != lanes->lane[slots[i].home])
                earliest = fmin(earliest, r == lanes->lane[l->pe] ? l->begin_ms : l->times[r]);
        if (earliest > slots[i].ready_ms && isfinite(earliest))
            slots[i].ready_ms = earliest;
    }
}

/* The layer's outputs, and what lives on. */
static bool pass_on(const look *k, label *l, const slot *old)
{
    const mae_model *m = k->lanes->m;
    const mae_model_layer *layer = &m->layers[k->layer];
    const mae_model_boundary *before = &m->boundaries[k->layer];
    slot *slots = slots_of(k, l);
    size_t n = 0;
    for (size_t i = 0; i < before->n_slots; i++)
        if (m->tensors[before->slots[i]].last > k->layer)
            slots[n++] = old[i];
    for (size_t i = 0; i < layer->n_outputs; i++) {
        const mae_model_tensor *t = &m->tensors[layer->outputs[i]];
        bool deliver = t->to_host && m->host != l->pe;
        if (deliver && !pay(k, l, layer->outputs[i], l->pe, m->host))
            return false;
        if (t->tracked)
            slots[n++] = (slot){.have = deliver ? (uint64_t)1 << m->host : 0, .home = l->pe, .inside = true};
    }
    forget_early(k, l, slots, n);
    return true;
}

/* What the whole mapping takes at least. */
static double least_ms(const look *k, label *l)
{
    const mae_lanes *lanes = k->lanes;
    int b = k->layer + 1, lane = lanes->lane[l->pe];
    double end_ms = l->begin_ms + work_of(k, l), least = fmax(lanes->root_ms, end_ms);
    for (int r = 0; r < lanes->n_lanes; r++)
        least = fmax(least, free_of(l)[r]);
    for (size_t i = 0; i < lanes->n_lines; i++) {
        const mae_lanes_line *line = &lanes->lines[i];
        double until = line->rest[b], done = line->rest[b] + line->weight[lane] * work_of(k, l);
        for (int r = 0; r < lanes->n_lanes; r++) {
            until += line->weight[r] * (r == lane ? end_ms : free_of(l)[r]);
            done += line->weight[r] * done_of(k, l)[r];
        }
        least = fmax(least, fmax(until, done / line->pace));
    }
    const slot *slots = slots_of(k, l);
    for (size_t i = 0; i < lanes->m->boundaries[b].n_slots; i++) {
        int home = lanes->lane[slots[i].home]; /* whose own consumers do not wait for it */
        double from_ms = slots[i].inside ? end_ms : fmin(slots[i].ready_ms, home == lane ? end_ms : free_of(l)[home]);
        least = fmax(least, from_ms + lanes->way[b][i]);
    }
    return least;
}

/* An even share of the work so far and of what is left. */
static double even_ms(const look *k, label *l)
{
    const mae_lanes_line *line = &k->lanes->lines[0]; /* equal weights */
    double sum = line->rest[k->layer + 1] + line->weight[0] * work_of(k, l);
    for (int r = 0; r < k->lanes->n_lanes; r++)
        sum += line->weight[r] * free_of(l)[r];
    return sum;
}

/* ---- states ---- */

static uint64_t mix(uint64_t key, uint64_t value)
{
    key = (key ^ value) * 0x9e3779b97f4a7c15u;
    return key ^ key >> 29;
}

static uint64_t key_of(const look *k, label *l)
{
    const mae_lanes *lanes = k->lanes;
    const slot *slots = slots_of(k, l);
    bool row = lanes->row_begins[l->first * lanes->n_pes + l->pe];
    uint64_t key = mix((uint64_t)l->pe, row ? (uint64_t)l->first + 1 : 0);
    for (size_t i = 0; i < lanes->m->boundaries[k->layer + 1].n_slots; i++)
        key = mix(mix(key, slots[i].have),
                  (uint64_t)slots[i].home << 2 | (uint64_t)slots[i].inside << 1 | slots[i].handed);
    return key;
}

static bool same_state(const look *k, label *x, label *y)
{
    const mae_lanes *lanes = k->lanes;
    const slot *a = slots_of(k, x), *b = slots_of(k, y);
    bool row = lanes->row_begins[x->first * lanes->n_pes + x->pe] || lanes->row_begins[y->first * lanes->n_pes + y->pe];
    if (x->key != y->key || x->pe != y->pe || (row && x->first != y->first))
        return false;
    for (size_t i = 0; i < lanes->m->boundaries[k->layer + 1].n_slots; i++)
        if (a[i].home != b[i].home || a[i].have != b[i].have || a[i].inside != b[i].inside ||
            a[i].handed != b[i].handed)
            return false;
    return true;
}

/* Whatever follows, the first is not later, dearer or more cut up. */
static bool dominates(const look *k, label *x, label *y)
{
    const mae_lanes *lanes = k->lanes;
    const slot *a = slots_of(k, x), *b = slots_of(k, y);
    double work_x = x->move_ms + x->layers_ms, work_y = y->move_ms + y->layers_ms;
    if (x->switches > y->switches || x->mj + x->layers_mj > y->mj + y->layers_mj || work_x > work_y ||
        x->begin_ms + work_x > y->begin_ms + work_y)
        return false;
    for (int r = 0; r < lanes->n_lanes; r++)
        if (r != lanes->lane[x->pe] && free_of(x)[r] > free_of(y)[r])
            return false;
    for (int pe = 0; pe < lanes->n_pes; pe++)
        if (lanes->m->max_segments[pe] > 0 && counts_of(k, x)[pe] > counts_of(k, y)[pe])
            return false;
    for (size_t i = 0; i < lanes->m->boundaries[k->layer + 1].n_slots; i++)
        if (!a[i].inside && a[i].ready_ms > b[i].ready_ms)
            return false;
    return true;
}

/* Keeps the label at the end of `next` unless another makes it needless; those that it makes needless die. */
static void settle(look *k, label *l)
{
    bool contended = k->lanes->span.contended;
    uint32_t *place = &k->table[l->key & (k->table_room - 1)];
    size_t compared = 0;
    for (uint32_t at = *place; at && compared < MOST_COMPARED && !(contended && k->thorough);) {
        label *other = label_at(&k->next, at - 1);
        at = other->next;
        if (other->dead || !same_state(k, l, other))
            continue;
        compared++;
        label *needless = dominates(k, other, l) ? l : dominates(k, l, other) ? other : NULL;
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

static bool grow(look *k, const label *from, int pe)
{
    const mae_lanes *lanes = k->lanes;
    size_t n = lanes->m->boundaries[k->layer].n_slots;
    if (!make_room(&k->next, k->next.n + 1))
        return false;
    label *l = label_at(&k->next, k->next.n);
    memcpy(l, from, stride_of(k, k->layer) - n * sizeof(slot));
    memcpy(k->slots, slots_of(k, (label *)from), n * sizeof(slot));
    l->dead = false;
    if (k->layer == 0 || l->pe != pe) {
        if (k->layer > 0)
            close_segment(k, l, k->slots, n);
        if (!open_segment(k, l, pe))
            return true;
    }
    const mae_model_layer *layer = &lanes->m->layers[k->layer];
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (!bring(k, l, layer->inputs[i], &k->slots[k->slot_of[layer->inputs[i]]]))
            return true;
    size_t at = (size_t)(k->layer * lanes->n_pes + pe);
    l->layers_ms += lanes->ms[at];
    l->layers_mj += lanes->mj[at];
    l->low_ms += lanes->low_ms[at];
    l->low_mj += lanes->low_mj[at];
    if (!pass_on(k, l, k->slots))
        return true;
    double ms = least_ms(k, l);
    double mj =
        fmax(lanes->root_mj, l->mj + (lanes->has_rows ? l->low_mj : l->layers_mj) + lanes->rest_mj[k->layer + 1]);
    if (mae_lanes_is_late(lanes, ms, mj, l->switches))
        return true;
    l->bound = mae_lanes_value(lanes, ms, mj);
    l->score = l->bound + SPREAD * mae_aim_value(&lanes->solver->aim, even_ms(k, l), mae_lanes_energy(lanes, mj, ms));
    l->key = key_of(k, l);
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

static bool remember(look *k, label *l)
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
    const mae_model_boundary *before = &lanes->m->boundaries[k->layer];
    for (size_t i = 0; i < before->n_slots; i++)
        k->slot_of[before->slots[i]] = (int)i;
    free(k->next.bytes);
    k->next = (labels){.stride = stride_of(k, k->layer + 1)};
    memset(k->table, 0, k->table_room * sizeof *k->table);
    for (size_t i = 0; i < k->now.n; i++)
        for (int pe = 0; pe < lanes->n_pes; pe++)
            if (lanes->m->can[k->layer] >> pe & 1 && !grow(k, label_at(&k->now, i), pe))
                return false;
    return move_on(k);
}

static bool begin(look *k)
{
    const mae_model_boundary *first = &k->lanes->m->boundaries[0];
    k->now = (labels){.stride = stride_of(k, 0), .n = 1, .room = 1};
    k->now.bytes = calloc(1, k->now.stride);
    if (!k->now.bytes)
        return false;
    label *l = label_at(&k->now, 0);
    l->trace = NO_STEP;
    for (size_t i = 0; i < first->n_slots; i++)
        slots_of(k, l)[i] = (slot){.home = k->lanes->m->host};
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
    k->slots = calloc(most + 1, sizeof *k->slots);
    k->slot_of = calloc(m->profile->n_tensors + 1, sizeof *k->slot_of);
    k->table = calloc(k->table_room, sizeof *k->table);
    k->mapping = calloc((size_t)m->n, sizeof *k->mapping);
    return k->slots && k->slot_of && k->table && k->mapping && begin(k);
}

static void finish(look *k)
{
    free(k->now.bytes);
    free(k->next.bytes);
    free(k->slots);
    free(k->slot_of);
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
    look k = {.lanes = lanes, .width = width, .thorough = thorough, .elsewhere = INFINITY};
    bool ok = allot(&k);
    for (; ok && k.layer < lanes->n && k.now.n > 0; k.layer++)
        ok = place_layer(&k);
    mae_error *error = !ok ? mae_error_nomem() : k.now.n > 0 ? offer_all(&k) : NULL;
    if (!error)
        *ret_elsewhere = k.elsewhere;
    finish(&k);
    return error;
}
