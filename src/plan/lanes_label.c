/* How partial mappings grow by a layer: who is free when, what is where, and what that leads to at best. */
#include "plan/lanes_label.h"

#include <math.h>
#include <string.h>

#define SPREAD 0.05 /* of the even share of work, in what labels are chosen by: bounds alone are often equal */

/* ---- the parts of a label ---- */

static double *free_of(mae_lanes_label *l)
{
    return l->times;
}

static double *done_of(const mae_lanes_place *at, mae_lanes_label *l)
{
    return l->times + at->lanes->n_lanes;
}

static double *counts_of(const mae_lanes_place *at, mae_lanes_label *l)
{
    return l->times + 2 * at->lanes->n_lanes;
}

mae_lanes_slot *mae_lanes_slots(const mae_lanes *lanes, mae_lanes_label *label)
{
    return (mae_lanes_slot *)(label->times + 2 * lanes->n_lanes + lanes->n_pes);
}

size_t mae_lanes_stride(const mae_lanes *lanes, int boundary)
{
    size_t doubles = 2 * (size_t)lanes->n_lanes + (size_t)lanes->n_pes;
    return sizeof(mae_lanes_label) + doubles * sizeof(double) +
           lanes->m->boundaries[boundary].n_slots * sizeof(mae_lanes_slot);
}

/* ---- growing ---- */

static double work_of(const mae_lanes_place *at, const mae_lanes_label *l)
{
    return l->move_ms + (at->lanes->has_rows ? l->low_ms : l->layers_ms);
}

/* The open segment, whose last layer is the one before this. */
static void close_segment(const mae_lanes_place *at, mae_lanes_label *l, mae_lanes_slot *slots, size_t n_slots)
{
    const mae_lanes *lanes = at->lanes;
    int lane = lanes->lane[l->pe];
    const mae_segment_cost *row = mae_cost_row(&lanes->m->index, lanes->m->pe_of[l->pe], l->first, at->layer - 1);
    double ms = l->move_ms + (row ? row->time_ms : l->layers_ms);
    double end_ms = l->begin_ms + ms;
    free_of(l)[lane] = end_ms;
    done_of(at, l)[lane] += ms;
    l->mj += !lanes->m->has_energy ? 0 : row ? row->energy_mj : l->layers_mj;
    for (size_t i = 0; i < n_slots; i++)
        if (slots[i].inside) {
            slots[i].inside = false;
            slots[i].ready_ms = end_ms;
        }
    l->layers_ms = l->layers_mj = l->low_ms = l->low_mj = l->move_ms = 0;
}

static bool open_segment(const mae_lanes_place *at, mae_lanes_label *l, int pe)
{
    const mae_lanes *lanes = at->lanes;
    const mae_profile_pe *of = &lanes->p->pes[lanes->m->pe_of[pe]];
    l->pe = pe;
    l->first = at->layer;
    l->begin_ms = free_of(l)[lanes->lane[pe]];
    l->layers_ms = of->segment_ms;
    l->layers_mj = lanes->m->has_energy ? of->segment_mj : 0;
    l->switches += at->layer > 0;
    counts_of(at, l)[pe]++;
    return (of->max_segments == 0 || counts_of(at, l)[pe] <= of->max_segments) &&
           (lanes->solver->aim.max_switches < 0 || l->switches <= lanes->solver->aim.max_switches);
}

static bool pay(const mae_lanes_place *at, mae_lanes_label *l, int tensor, int from, int to)
{
    const mae_model *m = at->lanes->m;
    double ms, mj;
    if (!mae_cost_move(&m->index, tensor, m->pe_of[from], m->pe_of[to], &ms, &mj))
        return false;
    l->move_ms += ms;
    l->mj += m->has_energy ? mj : 0;
    return true;
}

static bool bring(const mae_lanes_place *at, mae_lanes_label *l, int tensor, mae_lanes_slot *s)
{
    const mae_lanes *lanes = at->lanes;
    bool made = lanes->m->tensors[tensor].producer >= 0;
    if (s->inside)
        return true;
    if (made && lanes->lane[s->home] != lanes->lane[l->pe])
        l->begin_ms = fmax(l->begin_ms, s->ready_ms);
    if (s->home == l->pe) {
        if (!made || s->handed)
            return true;
        s->handed = true;
        return pay(at, l, tensor, l->pe, l->pe);
    }
    if (s->have >> l->pe & 1)
        return true;
    s->have |= (uint64_t)1 << l->pe;
    return pay(at, l, tensor, s->home, l->pe);
}

/* A tensor that is there before any lane but its own is free might as well have been there then. */
static void forget_early(const mae_lanes_place *at, const mae_lanes_label *l, mae_lanes_slot *slots, size_t n)
{
    const mae_lanes *lanes = at->lanes;
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
static bool pass_on(const mae_lanes_place *at, mae_lanes_label *l, const mae_lanes_slot *old)
{
    const mae_model *m = at->lanes->m;
    const mae_model_layer *layer = &m->layers[at->layer];
    const mae_model_boundary *before = &m->boundaries[at->layer];
    mae_lanes_slot *slots = mae_lanes_slots(at->lanes, l);
    size_t n = 0;
    for (size_t i = 0; i < before->n_slots; i++)
        if (m->tensors[before->slots[i]].last > at->layer)
            slots[n++] = old[i];
    for (size_t i = 0; i < layer->n_outputs; i++) {
        const mae_model_tensor *t = &m->tensors[layer->outputs[i]];
        bool deliver = t->to_host && m->host != l->pe;
        if (deliver && !pay(at, l, layer->outputs[i], l->pe, m->host))
            return false;
        if (t->tracked)
            slots[n++] = (mae_lanes_slot){.have = deliver ? (uint64_t)1 << m->host : 0, .home = l->pe, .inside = true};
    }
    forget_early(at, l, slots, n);
    return true;
}

/* What the whole mapping takes at least. */
static double least_ms(const mae_lanes_place *at, mae_lanes_label *l)
{
    const mae_lanes *lanes = at->lanes;
    int b = at->layer + 1, lane = lanes->lane[l->pe];
    double end_ms = l->begin_ms + work_of(at, l), least = fmax(lanes->root_ms, end_ms);
    for (int r = 0; r < lanes->n_lanes; r++)
        least = fmax(least, free_of(l)[r]);
    for (size_t i = 0; i < lanes->n_lines; i++) {
        const mae_lanes_line *line = &lanes->lines[i];
        double until = line->rest[b], done = line->rest[b] + line->weight[lane] * work_of(at, l);
        for (int r = 0; r < lanes->n_lanes; r++) {
            until += line->weight[r] * (r == lane ? end_ms : free_of(l)[r]);
            done += line->weight[r] * done_of(at, l)[r];
        }
        least = fmax(least, fmax(until, done / line->pace));
    }
    const mae_lanes_slot *slots = mae_lanes_slots(at->lanes, l);
    for (size_t i = 0; i < lanes->m->boundaries[b].n_slots; i++) {
        int home = lanes->lane[slots[i].home]; /* whose own consumers do not wait for it */
        double from_ms = slots[i].inside ? end_ms : fmin(slots[i].ready_ms, home == lane ? end_ms : free_of(l)[home]);
        least = fmax(least, from_ms + lanes->way[b][i]);
    }
    return least;
}

/* An even share of the work so far and of what is left. */
static double even_ms(const mae_lanes_place *at, mae_lanes_label *l)
{
    const mae_lanes_line *line = &at->lanes->lines[0]; /* equal weights */
    double sum = line->rest[at->layer + 1] + line->weight[0] * work_of(at, l);
    for (int r = 0; r < at->lanes->n_lanes; r++)
        sum += line->weight[r] * free_of(l)[r];
    return sum;
}

/* ---- states ---- */

static uint64_t mix(uint64_t key, uint64_t value)
{
    key = (key ^ value) * 0x9e3779b97f4a7c15u;
    return key ^ key >> 29;
}

static uint64_t key_of(const mae_lanes_place *at, mae_lanes_label *l)
{
    const mae_lanes *lanes = at->lanes;
    const mae_lanes_slot *slots = mae_lanes_slots(at->lanes, l);
    bool row = lanes->row_begins[l->first * lanes->n_pes + l->pe];
    uint64_t key = mix((uint64_t)l->pe, row ? (uint64_t)l->first + 1 : 0);
    for (size_t i = 0; i < lanes->m->boundaries[at->layer + 1].n_slots; i++)
        key = mix(mix(key, slots[i].have),
                  (uint64_t)slots[i].home << 2 | (uint64_t)slots[i].inside << 1 | slots[i].handed);
    return key;
}

bool mae_lanes_same_state(const mae_lanes_place *at, mae_lanes_label *x, mae_lanes_label *y)
{
    const mae_lanes *lanes = at->lanes;
    const mae_lanes_slot *a = mae_lanes_slots(at->lanes, x), *b = mae_lanes_slots(at->lanes, y);
    bool row = lanes->row_begins[x->first * lanes->n_pes + x->pe] || lanes->row_begins[y->first * lanes->n_pes + y->pe];
    if (x->key != y->key || x->pe != y->pe || (row && x->first != y->first))
        return false;
    for (size_t i = 0; i < lanes->m->boundaries[at->layer + 1].n_slots; i++)
        if (a[i].home != b[i].home || a[i].have != b[i].have || a[i].inside != b[i].inside ||
            a[i].handed != b[i].handed)
            return false;
    return true;
}

/* Whatever follows, the first is not later, dearer or more cut up. */
bool mae_lanes_dominates(const mae_lanes_place *at, mae_lanes_label *x, mae_lanes_label *y)
{
    const mae_lanes *lanes = at->lanes;
    const mae_lanes_slot *a = mae_lanes_slots(at->lanes, x), *b = mae_lanes_slots(at->lanes, y);
    double work_x = x->move_ms + x->layers_ms, work_y = y->move_ms + y->layers_ms;
    if (x->switches > y->switches || x->mj + x->layers_mj > y->mj + y->layers_mj || work_x > work_y ||
        x->begin_ms + work_x > y->begin_ms + work_y)
        return false;
    for (int r = 0; r < lanes->n_lanes; r++)
        if (r != lanes->lane[x->pe] && free_of(x)[r] > free_of(y)[r])
            return false;
    for (int pe = 0; pe < lanes->n_pes; pe++)
        if (lanes->m->max_segments[pe] > 0 && counts_of(at, x)[pe] > counts_of(at, y)[pe])
            return false;
    for (size_t i = 0; i < lanes->m->boundaries[at->layer + 1].n_slots; i++)
        if (!a[i].inside && a[i].ready_ms > b[i].ready_ms)
            return false;
    return true;
}

/* What it leads to at best, and what it is found by. */
static bool rate(const mae_lanes_place *at, mae_lanes_label *l)
{
    const mae_lanes *lanes = at->lanes;
    double own_mj = l->mj + (lanes->has_rows ? l->low_mj : l->layers_mj);
    double ms = least_ms(at, l), mj = fmax(lanes->root_mj, own_mj + lanes->rest_mj[at->layer + 1]);
    if (mae_lanes_is_late(lanes, ms, mj, l->switches))
        return false;
    l->bound = mae_lanes_value(lanes, ms, mj);
    l->score = l->bound + SPREAD * mae_aim_value(&lanes->solver->aim, even_ms(at, l), mae_lanes_energy(lanes, mj, ms));
    l->key = key_of(at, l);
    return true;
}

bool mae_lanes_grow(mae_lanes_place *at, const mae_lanes_label *from, int pe, mae_lanes_label *l)
{
    const mae_lanes *lanes = at->lanes;
    const mae_model_layer *layer = &lanes->m->layers[at->layer];
    size_t n = lanes->m->boundaries[at->layer].n_slots, cell = (size_t)at->layer * (size_t)lanes->n_pes + (size_t)pe;
    memcpy(l, from, mae_lanes_stride(lanes, at->layer) - n * sizeof *at->slots);
    memcpy(at->slots, mae_lanes_slots(lanes, (mae_lanes_label *)from), n * sizeof *at->slots);
    l->dead = false;
    if (at->layer > 0 && l->pe != pe)
        close_segment(at, l, at->slots, n);
    if ((at->layer == 0 || l->pe != pe) && !open_segment(at, l, pe))
        return false;
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (!bring(at, l, layer->inputs[i], &at->slots[at->slot_of[layer->inputs[i]]]))
            return false;
    l->layers_ms += lanes->ms[cell];
    l->layers_mj += lanes->mj[cell];
    l->low_ms += lanes->low_ms[cell];
    l->low_mj += lanes->low_mj[cell];
    return pass_on(at, l, at->slots) && rate(at, l);
}
