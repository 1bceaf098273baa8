#include "plan/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/label_sets.h"

bool mae_tracking_init(mae_tracking *tracking, const mae_model *m, uint64_t pes, bool switches)
{
    int used = 0;
    *tracking = (mae_tracking){.switches = switches, .pes = pes};
    for (int p = 0; p < m->n_pes; p++) {
        if (!(pes >> p & 1))
            continue;
        int bits = 1;
        while (m->max_segments[p] + 1 >= 1 << bits)
            bits++;
        if (used + bits + 1 > 64)
            return false;
        tracking->shift[p] = (uint8_t)used;
        tracking->most |= (uint64_t)m->max_segments[p] << used;
        tracking->spare |= (uint64_t)1 << (used + bits);
        used += bits + 1;
    }
    return true;
}

/* Arcs of one boundary by the state they lead to. */
typedef struct incoming {
    size_t *first; /* per state of the next boundary, one more at the end */
    struct {
        uint32_t from; /* counted from the boundary's first state */
        uint32_t arc;  /* counted from the boundary's first arc */
    } * arcs;
    size_t state_room, arc_room;
} incoming;

static bool sort_arcs(incoming *in, const mae_trellis *t, int boundary)
{
    size_t first = t->first_state[boundary], n = t->first_state[boundary + 1] - first;
    size_t n_next = t->first_state[boundary + 2] - t->first_state[boundary + 1];
    size_t begin = t->first_arc[first], n_arcs = t->first_arc[first + n] - begin;
    if (n_next + 2 > in->state_room) {
        in->state_room = 2 * (n_next + 2);
        free(in->first);
        in->first = malloc(in->state_room * sizeof *in->first);
    }
    if (n_arcs > in->arc_room || !in->arcs) {
        in->arc_room = 2 * n_arcs + 1;
        free(in->arcs);
        in->arcs = malloc(in->arc_room * sizeof *in->arcs);
    }
    if (!in->first || !in->arcs)
        return false;
    memset(in->first, 0, (n_next + 2) * sizeof *in->first);
    for (size_t a = 0; a < n_arcs; a++)
        in->first[t->arcs[begin + a].to + 2]++;
    for (size_t s = 2; s < n_next + 2; s++)
        in->first[s] += in->first[s - 1];
    for (size_t s = 0; s < n; s++)
        for (size_t a = t->first_arc[first + s]; a < t->first_arc[first + s + 1]; a++) {
            size_t at = in->first[t->arcs[a].to + 1]++;
            in->arcs[at].from = (uint32_t)s;
            in->arcs[at].arc = (uint32_t)(a - begin);
        }
    return true;
}

typedef struct level {
    size_t *first; /* labels of the state s of this boundary: [first[s], first[s + 1]) */
    size_t room;
    mae_label *labels;
    size_t label_room;
} level;

static bool reserve_states(level *l, size_t n)
{
    if (n + 1 <= l->room)
        return true;
    free(l->first);
    l->room = 2 * (n + 1);
    l->first = malloc(l->room * sizeof *l->first);
    return l->first != NULL;
}

static bool append(level *l, size_t at, const mae_label *labels, size_t n)
{
    if (at + n > l->label_room) {
        size_t room = 2 * (at + n) + 64;
        mae_label *more = realloc(l->labels, room * sizeof *more);
        if (!more)
            return false;
        l->labels = more;
        l->label_room = room;
    }
    if (n > 0)
        memcpy(&l->labels[at], labels, n * sizeof *labels);
    return true;
}

/* Gives each label its trace: where it came from, and its PE. */
static bool trace(mae_labels *out, size_t *room, mae_label *labels, size_t n, int pe)
{
    if (out->n_traces + n > *room) {
        size_t more = 2 * (out->n_traces + n) + 1024;
        uint32_t *parent = realloc(out->parent, more * sizeof *parent);
        if (parent)
            out->parent = parent;
        uint8_t *pes = realloc(out->pe, more);
        if (pes)
            out->pe = pes;
        if (!parent || !pes)
            return false;
        *room = more;
    }
    for (size_t i = 0; i < n; i++) {
        out->parent[out->n_traces] = labels[i].trace;
        out->pe[out->n_traces] = (uint8_t)pe;
        labels[i].trace = (uint32_t)out->n_traces++;
    }
    return true;
}

typedef struct run {
    const mae_search *search;
    mae_labels *out;
    level now, next;
    incoming in;
    mae_label_work work;
    size_t trace_room;
} run;

static mae_error *step(run *r, int boundary)
{
    const mae_trellis *t = r->search->t;
    size_t first = t->first_state[boundary], first_next = t->first_state[boundary + 1];
    size_t n_next = t->first_state[boundary + 2] - first_next, total = 0;
    const mae_arc *arcs = &t->arcs[t->first_arc[first]];
    if (!sort_arcs(&r->in, t, boundary) || !reserve_states(&r->next, n_next))
        return mae_error_nomem();
    for (size_t s = 0; s < n_next; s++) {
        mae_label *labels;
        size_t n = 0;
        r->next.first[s] = total;
        if (r->search->bounds->go_lat[first_next + s] == MAE_NEVER)
            continue;
        mae_label_begin(&r->work);
        for (size_t a = r->in.first[s]; a < r->in.first[s + 1]; a++) {
            size_t from = r->in.arcs[a].from;
            if (!mae_label_add_list(&r->work, &r->now.labels[r->now.first[from]],
                                    r->now.first[from + 1] - r->now.first[from], &arcs[r->in.arcs[a].arc]))
                return mae_error_nomem();
        }
        if (!mae_label_finish(&r->work, first_next + s, &labels, &n, &r->out->dropped) ||
            !trace(r->out, &r->trace_room, labels, n, t->pe[first_next + s]) || !append(&r->next, total, labels, n))
            return mae_error_nomem();
        total += n;
        if (r->out->n_traces > r->search->max_labels) {
            r->out->too_many = true;
            return NULL;
        }
    }
    r->next.first[n_next] = total;
    level swap = r->now;
    r->now = r->next;
    r->next = swap;
    return NULL;
}

static mae_error *collect(run *r)
{
    const mae_trellis *t = r->search->t;
    size_t last = t->first_state[t->n], n = t->first_state[t->n + 1] - last;
    r->out->found = malloc((r->now.first[n] + 1) * sizeof *r->out->found);
    if (!r->out->found)
        return mae_error_nomem();
    for (size_t s = 0; s < n; s++)
        for (size_t i = r->now.first[s]; i < r->now.first[s + 1] && t->can_end[s]; i++) {
            const mae_label *label = &r->now.labels[i];
            r->out->found[r->out->n_found++] =
                (mae_found){.cost = label->cost, .switches = (int)label->switches - 1, .trace = label->trace};
        }
    return NULL;
}

static mae_error *search_all(run *r)
{
    const mae_label start = {.trace = UINT32_MAX};
    if (!reserve_states(&r->now, 1) || !append(&r->now, 0, &start, 1))
        return mae_error_nomem();
    r->now.first[0] = 0;
    r->now.first[1] = 1;
    for (int b = 0; b < r->search->t->n && !r->out->too_many; b++)
        MAE_TRY(step(r, b));
    return r->out->too_many ? NULL : collect(r);
}

mae_error *mae_labels_search(const mae_search *search, mae_labels *ret_labels)
{
    mae_labels out = {.dropped = INFINITY};
    run r = {.search = search, .out = &out};
    mae_error *error = mae_label_work_init(&r.work, search, &out) ? search_all(&r) : mae_error_nomem();
    free(r.now.first);
    free(r.now.labels);
    free(r.next.first);
    free(r.next.labels);
    free(r.in.first);
    free(r.in.arcs);
    mae_label_work_finish(&r.work);
    if (error) {
        mae_labels_finish(&out);
        return error;
    }
    *ret_labels = out;
    return NULL;
}

void mae_labels_finish(mae_labels *labels)
{
    free(labels->found);
    free(labels->parent);
    free(labels->pe);
    *labels = (mae_labels){0};
}

void mae_labels_mapping(const mae_labels *labels, const mae_found *found, int n, int *ret_mapping)
{
    uint32_t at = found->trace;
    for (int l = n - 1; l >= 0; l--, at = labels->parent[at])
        ret_mapping[l] = labels->pe[at];
}

void mae_labels_mappings(const mae_labels *labels, size_t n_found, const mae_found *const *found, int n,
                         int *const *ret_mappings)
{
    uint32_t at[MAE_LABELS_MANY];
    for (size_t i = 0; i < n_found; i++)
        at[i] = found[i]->trace;
    for (int l = n - 1; l >= 0; l--)
        for (size_t i = 0; i < n_found; i++) {
            ret_mappings[i][l] = labels->pe[at[i]];
            at[i] = labels->parent[at[i]];
        }
}
