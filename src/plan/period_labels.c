/* Pipelines by label setting: over the states of the trellis and the set of resources used so far, the ways of getting
 * there that none beats in the load of the present stage, the largest load before, and what is bounded. A stage ends
 * where another resource begins, which is then out of reach for the rest of the frame: each resource has one stage. */
#include <stdlib.h>
#include <string.h>

#include "plan/period.h"

typedef struct label {
    int64_t load, done; /* of the present stage, and the largest of those before */
    int64_t lat, en;    /* of all so far */
    uint64_t counts;    /* segments of PEs with a limit, packed as mae_tracking has it */
    uint32_t before;    /* label of the layer before; NONE: the first layer's */
    int16_t switches;
    uint8_t pe;
} label;

#define NONE UINT32_MAX

/* Labels of one state and one set of resources. */
typedef struct cell {
    uint32_t *labels;
    uint32_t n, room;
} cell;

typedef struct search {
    mae_period_groups *groups;
    mae_tracking tracking;
    label *labels;
    size_t n_labels, label_room, most_labels;
    cell **cells;           /* per group; per state */
    const cell *before[64]; /* per resource: cells of the present group without it; NULL: there are none */
    uint64_t within;        /* only sets of these resources */
    double limit;           /* loads above it are of no use in the present group */
    bool refining;          /* only latency counts, loads stay below the limit */
    bool by_lat, by_en, by_switches;
    bool out_of_memory;
} search;

/* ---- labels ---- */

/* Are these counts each at most those? `spare` has a bit above each. */
static bool fewer(const search *s, uint64_t a, uint64_t b)
{
    return (((b | s->tracking.spare) - a) & s->tracking.spare) == s->tracking.spare;
}

static bool beats(const search *s, const label *a, const label *b)
{
    return a->load <= b->load && (s->refining || a->done <= b->done) && (!s->by_lat || a->lat <= b->lat) &&
           (!s->by_en || a->en <= b->en) && (!s->by_switches || a->switches <= b->switches) &&
           fewer(s, a->counts, b->counts);
}

static bool is_wanted(const search *s, const label *l)
{
    const mae_period_bounds *bounds = &s->groups->bounds;
    int64_t most = l->load > l->done ? l->load : l->done;
    return (double)most <= s->limit && l->lat <= bounds->lat && l->en <= bounds->en &&
           (bounds->switches < 0 || l->switches <= bounds->switches) && fewer(s, l->counts, s->tracking.most);
}

static uint32_t store(search *s, const label *l)
{
    if (s->n_labels == s->label_room) {
        size_t room = s->label_room ? 2 * s->label_room : 4096;
        s->groups->too_many = s->n_labels >= s->most_labels;
        label *labels = s->groups->too_many ? NULL : realloc(s->labels, room * sizeof *labels);
        if (!labels) {
            s->out_of_memory = !s->groups->too_many;
            return NONE;
        }
        s->labels = labels;
        s->label_room = room;
    }
    s->labels[s->n_labels] = *l;
    return (uint32_t)s->n_labels++;
}

static bool make_room(search *s, cell *c)
{
    if (c->n < c->room)
        return true;
    uint32_t room = c->room ? 2 * c->room : 4;
    uint32_t *labels = realloc(c->labels, room * sizeof *labels);
    if (!labels) {
        s->out_of_memory = true;
        return false;
    }
    c->labels = labels;
    c->room = room;
    return true;
}

static void offer(search *s, cell *c, const label *l)
{
    uint32_t kept = 0;
    if (!is_wanted(s, l))
        return;
    for (uint32_t i = 0; i < c->n; i++)
        if (beats(s, &s->labels[c->labels[i]], l))
            return;
    for (uint32_t i = 0; i < c->n; i++)
        if (!beats(s, l, &s->labels[c->labels[i]]))
            c->labels[kept++] = c->labels[i];
    c->n = kept;
    uint32_t number = make_room(s, c) ? store(s, l) : NONE;
    if (number != NONE)
        c->labels[c->n++] = number;
}

/* ---- arcs ---- */

static label go_on(const search *s, uint32_t from, const mae_arc *arc, bool new_stage)
{
    static const label start = {.before = NONE, .switches = -1};
    label l = from == NONE ? start : s->labels[from];
    if (new_stage) {
        l.done = l.load > l.done ? l.load : l.done;
        l.load = 0;
    }
    l.load += arc->cost.lat;
    l.lat += arc->cost.lat;
    l.en += arc->cost.en;
    l.before = from;
    l.pe = arc->pe;
    if (arc->opens) {
        l.switches++;
        if (s->tracking.pes >> arc->pe & 1)
            l.counts += UINT64_C(1) << s->tracking.shift[arc->pe];
    }
    return l;
}

/* All labels of `from` over an arc into `to`. */
static void carry(search *s, const cell *from, const mae_arc *arc, bool new_stage, cell *to)
{
    for (uint32_t i = 0; i < from->n && !s->groups->too_many && !s->out_of_memory; i++) {
        label l = go_on(s, from->labels[i], arc, new_stage);
        offer(s, to, &l);
    }
}

/* What leads from state `from` of boundary b to labels of this group. */
static void take_arcs(search *s, size_t at, int b, size_t from)
{
    const mae_trellis *t = s->groups->t;
    const int *resource_of = s->groups->resources->of_pe;
    uint64_t group = s->groups->groups[at].resources;
    size_t next = t->first_state[b + 1];
    for (size_t a = t->first_arc[from]; a < t->first_arc[from + 1] && !s->groups->too_many; a++) {
        const mae_arc *arc = &t->arcs[a];
        uint64_t resource = UINT64_C(1) << resource_of[arc->pe];
        cell *to = &s->cells[at][next + arc->to];
        if (!(group & resource))
            continue;
        if (b == 0) {
            label l = go_on(s, NONE, arc, false);
            if (group == resource)
                offer(s, to, &l);
        } else if (resource_of[t->pe[from]] == resource_of[arc->pe]) {
            carry(s, &s->cells[at][from], arc, false, to);
        } else {
            const cell *before = s->before[resource_of[arc->pe]];
            if (before)
                carry(s, &before[from], arc, true, to);
        }
    }
}

/* ---- ends ---- */

static mae_error *keep_mapping(const search *s, uint32_t number, mae_period_group *group)
{
    int n = s->groups->m->n;
    int *mapping = malloc((size_t)n * sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    for (int l = n; l-- > 0; number = s->labels[number].before)
        mapping[l] = s->labels[number].pe;
    free(group->mapping);
    group->mapping = mapping;
    return NULL;
}

static int64_t period_of(const label *l)
{
    return l->load > l->done ? l->load : l->done;
}

/* The best label at the end: by period, or, refining, by latency. */
static uint32_t best_end(const search *s, const cell *cells)
{
    const mae_trellis *t = s->groups->t;
    uint32_t best = NONE;
    for (size_t end = t->first_state[t->n]; end < t->first_state[t->n + 1]; end++)
        for (uint32_t i = 0; i < cells[end].n && t->can_end[end - t->first_state[t->n]]; i++) {
            const label *l = &s->labels[cells[end].labels[i]];
            int64_t value = s->refining ? l->lat : period_of(l);
            if (best == NONE || value < (s->refining ? s->labels[best].lat : period_of(&s->labels[best])))
                best = cells[end].labels[i];
        }
    return best;
}

static void find_before(search *s, uint64_t group)
{
    for (int r = 0; r < s->groups->resources->n; r++) {
        size_t before = group >> r & 1 ? mae_period_group_of(s->groups, group ^ UINT64_C(1) << r) : SIZE_MAX;
        s->before[r] = before == SIZE_MAX ? NULL : s->cells[before];
    }
}

static mae_error *search_group(search *s, size_t at)
{
    const mae_trellis *t = s->groups->t;
    mae_period_group *group = &s->groups->groups[at];
    s->cells[at] = calloc(mae_trellis_states(t), sizeof *s->cells[at]);
    if (!s->cells[at])
        return mae_error_nomem();
    find_before(s, group->resources);
    for (int b = 0; b < t->n; b++)
        for (size_t from = t->first_state[b]; from < t->first_state[b + 1] && !s->groups->too_many; from++)
            take_arcs(s, at, b, from);
    if (s->out_of_memory)
        return mae_error_nomem();
    uint32_t best = best_end(s, s->cells[at]);
    if (best == NONE || (s->refining && group->resources != s->within))
        return NULL;
    group->period = period_of(&s->labels[best]);
    return keep_mapping(s, best, group);
}

/* ---- the whole ---- */

static mae_error *begin(search *s, mae_period_groups *groups)
{
    uint64_t limited = 0;
    for (int p = 0; p < groups->m->n_pes; p++)
        if (groups->m->max_segments[p] > 0)
            limited |= UINT64_C(1) << p;
    *s = (search){.groups = groups, .most_labels = groups->memory_bytes / sizeof(label), .within = UINT64_MAX};
    if (!mae_tracking_init(&s->tracking, groups->m, limited, false))
        return mae_error_new(MAE_ERR_FAILED, "too many PEs have a binding max_segments to plan for the least period");
    s->by_lat = groups->bounds.lat != MAE_NEVER;
    s->by_en = groups->bounds.en != MAE_NEVER;
    s->by_switches = groups->bounds.switches >= 0;
    s->cells = calloc(groups->n + 1, sizeof *s->cells);
    return s->cells ? NULL : mae_error_nomem();
}

static void end(search *s)
{
    size_t n = mae_trellis_states(s->groups->t);
    for (size_t g = 0; s->cells && g < s->groups->n; g++) {
        for (size_t i = 0; s->cells[g] && i < n; i++)
            free(s->cells[g][i].labels);
        free(s->cells[g]);
    }
    free(s->cells);
    free(s->labels);
}

mae_error *mae_period_search(mae_period_groups *groups)
{
    search s;
    mae_error *error = begin(&s, groups);
    for (size_t at = 0; at < groups->n && !error && !groups->too_many; at++) {
        double rate = 0;
        error = mae_period_share(groups, groups->groups[at].resources, at, &rate, NULL);
        s.limit = rate > 0 ? 1 / rate : (double)MAE_NEVER;
        if (!error)
            error = search_group(&s, at);
    }
    end(&s);
    return error;
}

mae_error *mae_period_refine(mae_period_groups *groups, size_t at)
{
    search s;
    bool before = groups->too_many;
    mae_error *error = begin(&s, groups);
    groups->too_many = false;
    s.within = groups->groups[at].resources;
    s.limit = (double)groups->groups[at].period;
    s.refining = s.by_lat = true;
    for (size_t i = 0; i <= at && !error; i++)
        if (!(groups->groups[i].resources & ~s.within))
            error = search_group(&s, i);
    end(&s);
    groups->too_many = before; /* what was found before stays as good as it was */
    return error;
}
