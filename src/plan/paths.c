#include "plan/paths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct mark {
    int64_t first, second; /* first: MAE_NEVER, not reached */
    uint32_t switches, parent;
} mark;

/* Does the path to state `a` come before the one to `b` (same boundary) by its sequence of PEs? The
 * earliest difference decides; above the nearest common state there is none. */
static bool comes_first(const mae_trellis *t, const mark *marks, uint32_t a, uint32_t b)
{
    bool first = false;
    while (a != b) {
        if (t->pe[a] != t->pe[b])
            first = t->pe[a] < t->pe[b];
        a = marks[a].parent;
        b = marks[b].parent;
    }
    return first;
}

static void relax_arcs(const mae_trellis *t, mark *marks, int boundary, uint32_t from, bool by_en)
{
    const mark *m = &marks[from];
    size_t base = t->first_state[boundary + 1];
    for (size_t a = t->first_arc[from]; a < t->first_arc[from + 1]; a++) {
        const mae_arc *arc = &t->arcs[a];
        mark *to = &marks[base + arc->to];
        int64_t first = m->first + (by_en ? arc->cost.en : arc->cost.lat);
        if (first > to->first)
            continue;
        int64_t second = m->second + (by_en ? arc->cost.lat : arc->cost.en);
        uint32_t switches = m->switches + arc->opens;
        if (first == to->first) {
            if (second > to->second)
                continue;
            if (second == to->second &&
                (switches > to->switches || (switches == to->switches && !comes_first(t, marks, from, to->parent))))
                continue;
        }
        *to = (mark){first, second, switches, from};
    }
}

static bool better_end(const mae_trellis *t, const mark *marks, uint32_t a, uint32_t b)
{
    const mark *x = &marks[a], *y = &marks[b];
    if (x->first != y->first)
        return x->first < y->first;
    if (x->second != y->second)
        return x->second < y->second;
    if (x->switches != y->switches)
        return x->switches < y->switches;
    return comes_first(t, marks, a, b);
}

mae_error *mae_path_best(const mae_trellis *t, bool by_en, bool *ret_found, mae_path *path)
{
    size_t n = mae_trellis_states(t), last = t->first_state[t->n], best = SIZE_MAX;
    mark *marks = malloc(n * sizeof *marks);
    if (!marks)
        return mae_error_nomem();
    for (size_t s = 0; s < n; s++)
        marks[s].first = MAE_NEVER;
    marks[0] = (mark){0, 0, 0, 0};
    for (int b = 0; b < t->n; b++)
        for (size_t s = t->first_state[b]; s < t->first_state[b + 1]; s++)
            if (marks[s].first != MAE_NEVER)
                relax_arcs(t, marks, b, (uint32_t)s, by_en);
    for (size_t s = last; s < n; s++)
        if (t->can_end[s - last] && marks[s].first != MAE_NEVER &&
            (best == SIZE_MAX || better_end(t, marks, (uint32_t)s, (uint32_t)best)))
            best = s;
    *ret_found = best != SIZE_MAX;
    if (*ret_found) {
        const mark *end = &marks[best];
        path->cost = by_en ? (mae_pair){end->second, end->first} : (mae_pair){end->first, end->second};
        path->switches = (int)end->switches - 1;
        for (int l = t->n - 1; l >= 0; l--, best = marks[best].parent)
            path->mapping[l] = t->pe[best];
    }
    free(marks);
    return NULL;
}

void mae_path_to_go(const mae_trellis *t, int64_t *ret_lat, int64_t *ret_en)
{
    size_t last = t->first_state[t->n];
    for (size_t s = last; s < t->first_state[t->n + 1]; s++)
        ret_lat[s] = ret_en[s] = t->can_end[s - last] ? 0 : MAE_NEVER;
    for (int b = t->n - 1; b >= 0; b--) {
        size_t base = t->first_state[b + 1];
        for (size_t s = t->first_state[b]; s < base; s++) {
            int64_t lat = MAE_NEVER, en = MAE_NEVER;
            for (size_t a = t->first_arc[s]; a < t->first_arc[s + 1]; a++) {
                const mae_arc *arc = &t->arcs[a];
                if (ret_lat[base + arc->to] == MAE_NEVER)
                    continue;
                int64_t to_lat = ret_lat[base + arc->to] + arc->cost.lat;
                int64_t to_en = ret_en[base + arc->to] + arc->cost.en;
                lat = to_lat < lat ? to_lat : lat;
                en = to_en < en ? to_en : en;
            }
            ret_lat[s] = lat;
            ret_en[s] = en;
        }
    }
}

/* go[state * stride] is what is left to pay from a state. */
static const mae_arc *best_arc(const mae_trellis *t, double a, double b, const double *go, size_t stride, size_t state,
                               size_t base)
{
    const mae_arc *best = NULL;
    double least = INFINITY;
    for (size_t k = t->first_arc[state]; k < t->first_arc[state + 1]; k++) {
        const mae_arc *arc = &t->arcs[k];
        double cost = a * (double)arc->cost.lat + b * (double)arc->cost.en + go[(base + arc->to) * stride];
        if (cost < least) {
            least = cost;
            best = arc;
        }
    }
    return best;
}

static void follow_best(const mae_trellis *t, double a, double b, const double *go, size_t stride, mae_path *path)
{
    path->cost = (mae_pair){0, 0};
    path->switches = -1;
    size_t state = 0;
    for (int i = 0; i < t->n && isfinite(go[0]); i++) {
        const mae_arc *arc = best_arc(t, a, b, go, stride, state, t->first_state[i + 1]);
        path->cost = mae_pair_add(path->cost, arc->cost);
        path->switches += arc->opens;
        if (path->mapping)
            path->mapping[i] = arc->pe;
        state = t->first_state[i + 1] + arc->to;
    }
}

void mae_path_weighted(const mae_trellis *t, double a, double b, double *ret_go, mae_path *path)
{
    size_t last = t->first_state[t->n];
    for (size_t s = last; s < t->first_state[t->n + 1]; s++)
        ret_go[s] = t->can_end[s - last] ? 0 : INFINITY;
    for (int i = t->n - 1; i >= 0; i--) {
        const double *next = &ret_go[t->first_state[i + 1]];
        for (size_t s = t->first_state[i]; s < t->first_state[i + 1]; s++) {
            double least = INFINITY;
            for (size_t k = t->first_arc[s]; k < t->first_arc[s + 1]; k++) {
                const mae_arc *arc = &t->arcs[k];
                double cost = a * (double)arc->cost.lat + b * (double)arc->cost.en + next[arc->to];
                least = cost < least ? cost : least;
            }
            ret_go[s] = least;
        }
    }
    follow_best(t, a, b, ret_go, 1, path);
}

/* The arcs of one state. Reading them is what takes time: it pays to do it once for all weights. */
static void relax_many(const mae_trellis *t, const double *a, const double *b, size_t state, const double *next,
                       double *ret_go)
{
    double least[MAE_PATH_MANY];
    for (int k = 0; k < MAE_PATH_MANY; k++)
        least[k] = INFINITY;
    for (size_t i = t->first_arc[state]; i < t->first_arc[state + 1]; i++) {
        const mae_arc *arc = &t->arcs[i];
        const double *go = &next[(size_t)arc->to * MAE_PATH_MANY];
        double lat = (double)arc->cost.lat, en = (double)arc->cost.en;
        for (int k = 0; k < MAE_PATH_MANY; k++) {
            double cost = a[k] * lat + b[k] * en + go[k];
            least[k] = cost < least[k] ? cost : least[k];
        }
    }
    memcpy(ret_go, least, sizeof least);
}

void mae_path_weighted_many(const mae_trellis *t, const double a[MAE_PATH_MANY], const double b[MAE_PATH_MANY],
                            double *ret_go)
{
    size_t last = t->first_state[t->n];
    for (size_t s = last; s < t->first_state[t->n + 1]; s++)
        for (size_t k = 0; k < MAE_PATH_MANY; k++)
            ret_go[s * MAE_PATH_MANY + k] = t->can_end[s - last] ? 0 : INFINITY;
    for (int i = t->n - 1; i >= 0; i--)
        for (size_t s = t->first_state[i]; s < t->first_state[i + 1]; s++)
            relax_many(t, a, b, s, &ret_go[t->first_state[i + 1] * MAE_PATH_MANY], &ret_go[s * MAE_PATH_MANY]);
}

void mae_path_of_many(const mae_trellis *t, double a, double b, const double *go, size_t k, mae_path *path)
{
    follow_best(t, a, b, &go[k], MAE_PATH_MANY, path);
}
