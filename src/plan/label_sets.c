#include "plan/label_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Labels whose bound is above the best known J by more than this are not wanted: more than what counts
 * as equal, so that ties survive. */
#define MARGIN (1 + 3 * MAE_COST_EQUAL)

bool mae_label_work_init(mae_label_work *work, const mae_search *search, const mae_labels *traces)
{
    *work = (mae_label_work){.search = search, .traces = traces};
    work->cutoff = mae_bounds_cutoff(search->bounds, search->upper * MARGIN);
    if (search->wanted)
        work->pieces = malloc((search->wanted->n + 1) * sizeof *work->pieces);
    return !search->wanted || work->pieces;
}

void mae_label_work_finish(mae_label_work *work)
{
    free(work->lists);
    free(work->a);
    free(work->b);
    free(work->score);
    free(work->pieces);
}

void mae_label_begin(mae_label_work *work)
{
    work->n_lists = 0;
}

bool mae_label_add_list(mae_label_work *work, const mae_label *labels, size_t n, const mae_arc *arc)
{
    const mae_tracking *tracking = &work->search->tracking;
    if (n == 0)
        return true;
    if (work->n_lists == work->list_room) {
        size_t room = 2 * work->list_room + 8;
        mae_label_list *lists = realloc(work->lists, room * sizeof *lists);
        if (!lists)
            return false;
        work->lists = lists;
        work->list_room = room;
    }
    bool counted = arc->opens && (tracking->pes >> arc->pe & 1);
    work->lists[work->n_lists++] = (mae_label_list){.labels = labels,
                                                    .n = n,
                                                    .shift = arc->cost,
                                                    .count = counted ? (uint64_t)1 << tracking->shift[arc->pe] : 0,
                                                    .opens = arc->opens};
    return true;
}

static bool reserve(mae_label **buffer, size_t *room, size_t n)
{
    if (n <= *room)
        return true;
    free(*buffer);
    *room = n + n / 2 + 64;
    *buffer = malloc(*room * sizeof **buffer);
    return *buffer != NULL;
}

static mae_label arrive(const mae_label_list *list, size_t i)
{
    mae_label label = list->labels[i];
    label.cost.lat += list->shift.lat;
    label.cost.en += list->shift.en;
    label.counts += list->count;
    label.switches += list->opens;
    return label;
}

/* By the sequence of PEs up to two labels of one boundary: the earliest difference decides. */
static int compare_sequences(const mae_labels *traces, uint32_t a, uint32_t b)
{
    int order = 0;
    while (a != b) {
        if (traces->pe[a] != traces->pe[b])
            order = traces->pe[a] < traces->pe[b] ? -1 : 1;
        a = traces->parent[a];
        b = traces->parent[b];
    }
    return order;
}

static int compare_ties(const mae_labels *traces, const mae_label *x, const mae_label *y)
{
    if (x->switches != y->switches)
        return x->switches < y->switches ? -1 : 1;
    return compare_sequences(traces, x->trace, y->trace);
}

/* Can no completion from the present state stay within the cutoff? */
static inline bool hopeless(const mae_label_work *w, mae_pair cost)
{
    const mae_bounds *b = w->search->bounds;
    if ((double)(cost.lat + b->go_lat[w->state]) > w->cutoff.lat ||
        (double)(cost.en + b->go_en[w->state]) > w->cutoff.en)
        return true;
    for (size_t k = 0; k < b->n_lines; k++) {
        const mae_line *line = &b->lines[k];
        if (line->a * (double)cost.lat + line->b * (double)cost.en + line->go[w->state] > w->cutoff.z[k])
            return true;
    }
    return false;
}

/* ---- two criteria and no counts: lists sorted by lat, en falling, stay so when merged ---- */

/* The label just written at out[n] has the lat or the en of the one before: which of them stays? Returns the
 * new length. */
static size_t settle(const mae_labels *traces, mae_label *out, size_t n)
{
    const mae_label *label = &out[n], *last = &out[n - 1];
    if (label->cost.en < last->cost.en) { /* the same lat */
        out[n - 1] = *label;
        return n;
    }
    if (label->cost.lat == last->cost.lat && label->cost.en == last->cost.en && compare_ties(traces, label, last) < 0)
        out[n - 1] = *label;
    return n;
}

/* Which list is next, and whether its label stays, are as good as random: no branch depends on them but in
 * ties. */
static size_t merge_two(const mae_labels *traces, const mae_label_list *x, const mae_label_list *y, mae_label *out)
{
    size_t i = 0, j = 0, n = 0;
    int64_t last_lat = -1, last_en = INT64_MAX;
    while (i < x->n || j < y->n) {
        int64_t x_lat = i < x->n ? x->labels[i].cost.lat + x->shift.lat : INT64_MAX;
        int64_t y_lat = j < y->n ? y->labels[j].cost.lat + y->shift.lat : INT64_MAX;
        bool first = x_lat <= y_lat;
        const mae_label_list *list = first ? x : y;
        out[n] = arrive(list, first ? i : j);
        i += first;
        j += !first;
        int64_t lat = out[n].cost.lat, en = out[n].cost.en;
        if (lat == last_lat || en == last_en) {
            n = settle(traces, out, n);
            last_en = out[n - 1].cost.en;
            continue;
        }
        bool stays = en < last_en;
        n += stays;
        last_en = stays ? en : last_en;
        last_lat = stays ? lat : last_lat;
    }
    return n;
}

/* A label is wanted at a state if it lies below one of the lines there, which is below their upper
 * envelope: a convex one, so that it can be walked along with the labels. */
static void make_envelope(mae_label_work *w)
{
    const mae_wanted *wanted = w->search->wanted;
    size_t n = 0;
    for (size_t k = 0; k < wanted->n; k++) {
        double at = (wanted->most[k] - wanted->go[w->state * wanted->n + k]) / wanted->b[k];
        double slope = wanted->a[k] / wanted->b[k], from = -INFINITY;
        if (!isfinite(at))
            continue;
        while (n > 0) {
            const mae_piece *last = &w->pieces[n - 1];
            from = last->slope > slope ? (last->at - at) / (last->slope - slope) : last->at < at ? -INFINITY : INFINITY;
            if (from > last->from)
                break;
            n--;
        }
        if (n == 0)
            from = -INFINITY;
        if (from < INFINITY)
            w->pieces[n++] = (mae_piece){from, at, slope};
    }
    w->n_pieces = n;
}

static size_t arrive_wanted(const mae_label_work *w, const mae_label_list *list, mae_label *out)
{
    size_t n = 0, piece = 0;
    for (size_t i = 0; i < list->n && w->n_pieces > 0; i++) {
        out[n] = arrive(list, i);
        double lat = (double)out[n].cost.lat;
        while (piece + 1 < w->n_pieces && w->pieces[piece + 1].from <= lat)
            piece++;
        n += (double)out[n].cost.en <= w->pieces[piece].at - w->pieces[piece].slope * lat;
    }
    return n;
}

/* A predecessor's labels as they arrive, hopeless ones left out. */
static size_t arrive_all(const mae_label_work *w, const mae_label_list *list, mae_label *out)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        out[n] = arrive(list, i);
        n += !hopeless(w, out[n].cost);
    }
    return n;
}

/* Merges lists [low, high) to `out`; the other buffer of the same length is for halves. */
static size_t merge_range(mae_label_work *w, size_t low, size_t high, mae_label *out, mae_label *spare)
{
    static const mae_label_list none = {0};
    if (high - low == 1 && w->search->prune)
        return arrive_all(w, &w->lists[low], out);
    if (high - low == 1 && w->search->wanted)
        return arrive_wanted(w, &w->lists[low], out);
    if (high - low <= 2 && !w->search->prune && !w->search->wanted)
        return merge_two(w->traces, &w->lists[low], high - low == 2 ? &w->lists[low + 1] : &none, out);
    size_t middle = (low + high) / 2, room = 0;
    for (size_t k = low; k < middle; k++)
        room += w->lists[k].n;
    mae_label_list left = {.labels = spare}, right = {.labels = spare + room};
    left.n = merge_range(w, low, middle, spare, out);
    right.n = merge_range(w, middle, high, spare + room, out + room);
    return merge_two(w->traces, &left, &right, out);
}

static bool merge_all(mae_label_work *w, size_t total, size_t *ret_n)
{
    if (!reserve(&w->a, &w->a_room, total) || !reserve(&w->b, &w->b_room, total))
        return false;
    *ret_n = merge_range(w, 0, w->n_lists, w->a, w->b);
    return true;
}

/* ---- anything else: sorted, and compared one by one ---- */

static int compare_labels(const void *left, const void *right, void *context)
{
    const mae_label_work *w = context;
    const mae_label *x = left, *y = right;
    bool by_en = w->search->criteria == MAE_EN_ONLY;
    int64_t x1 = by_en ? x->cost.en : x->cost.lat, y1 = by_en ? y->cost.en : y->cost.lat;
    int64_t x2 = by_en ? x->cost.lat : x->cost.en, y2 = by_en ? y->cost.lat : y->cost.en;
    if (x1 != y1)
        return x1 < y1 ? -1 : 1;
    if (x2 != y2)
        return x2 < y2 ? -1 : 1;
    return compare_ties(w->traces, x, y);
}

/* x stands before y in the order of compare_labels(). */
static bool beats(const mae_search *s, const mae_label *x, const mae_label *y)
{
    const mae_tracking *t = &s->tracking;
    if (s->criteria == MAE_BOTH && x->cost.en > y->cost.en)
        return false;
    if (t->switches && x->switches > y->switches)
        return false;
    return (((y->counts | t->spare) - x->counts) & t->spare) == t->spare;
}

static bool within_limits(const mae_search *s, const mae_label *label)
{
    const mae_tracking *t = &s->tracking;
    if (t->switches && (int)label->switches > s->max_switches + 1)
        return false;
    return (((t->most | t->spare) - label->counts) & t->spare) == t->spare;
}

static bool compare_all(mae_label_work *w, size_t total, size_t *ret_n)
{
    size_t n = 0, kept = 0;
    if (!reserve(&w->a, &w->a_room, total))
        return false;
    for (size_t l = 0; l < w->n_lists; l++)
        for (size_t i = 0; i < w->lists[l].n; i++) {
            w->a[n] = arrive(&w->lists[l], i);
            n += within_limits(w->search, &w->a[n]);
        }
    qsort_r(w->a, n, sizeof *w->a, compare_labels, w);
    for (size_t i = 0; i < n; i++) {
        size_t better = 0;
        for (size_t j = kept; j-- > 0 && better < w->search->k;) /* the nearest are the likeliest */
            better += beats(w->search, &w->a[j], &w->a[i]);
        if (better < w->search->k)
            w->a[kept++] = w->a[i];
    }
    *ret_n = kept;
    return true;
}

/* ---- bounds ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Keeps the `cap` labels with the least bound. */
static size_t cut(mae_label_work *w, size_t n, double *dropped)
{
    size_t cap = w->search->cap, kept = 0, equal = cap;
    double *sorted = w->score + n;
    memcpy(sorted, w->score, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_doubles);
    double limit = sorted[cap - 1];
    *dropped = fmin(*dropped, sorted[cap]);
    for (size_t i = 0; i < n; i++)
        equal -= w->score[i] < limit;
    for (size_t i = 0; i < n; i++)
        if (w->score[i] < limit || (w->score[i] == limit && equal-- > 0))
            w->a[kept++] = w->a[i];
    return kept;
}

/* Leaves out what exceeds the cutoff; returns how many are left. */
static size_t cut_off(const mae_label_work *w, mae_label *labels, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!hopeless(w, labels[i].cost))
            labels[kept++] = labels[i];
    return kept;
}

static bool prune(mae_label_work *w, size_t state, size_t *n, double *dropped)
{
    const mae_search *s = w->search;
    size_t kept = 0;
    *n = cut_off(w, w->a, *n);
    if (*n == 0 || (w->cutoff.exact && s->cap == 0))
        return true;
    if (2 * *n > w->score_room) {
        free(w->score);
        w->score_room = 3 * *n;
        w->score = malloc(w->score_room * sizeof *w->score);
        if (!w->score)
            return false;
    }
    for (size_t i = 0; i < *n; i++) {
        double bound = mae_bounds_of(s->bounds, state, w->a[i].cost);
        if (bound <= s->upper * MARGIN && isfinite(bound)) {
            w->score[kept] = bound;
            w->a[kept++] = w->a[i];
        }
    }
    *n = s->cap > 0 && kept > s->cap ? cut(w, kept, dropped) : kept;
    return true;
}

bool mae_label_finish(mae_label_work *w, size_t state, mae_label **ret_labels, size_t *ret_n, double *dropped)
{
    const mae_search *s = w->search;
    size_t total = 0, n = 0;
    w->state = state;
    for (size_t l = 0; l < w->n_lists; l++)
        total += w->lists[l].n;
    if (total == 0) {
        *ret_n = 0;
        return true;
    }
    bool plain = s->criteria == MAE_BOTH && s->k == 1 && s->tracking.pes == 0 && !s->tracking.switches;
    if (plain && s->wanted)
        make_envelope(w);
    if (!(plain ? merge_all(w, total, &n) : compare_all(w, total, &n)))
        return false;
    if (s->prune && n > 0 && !(plain && w->cutoff.exact && s->cap == 0) && !prune(w, state, &n, dropped))
        return false;
    *ret_labels = w->a;
    *ret_n = n;
    return true;
}
