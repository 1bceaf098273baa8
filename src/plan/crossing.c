#include "plan/crossing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One path, walked: its state and its cost so far at each boundary. */
typedef struct walk {
    uint32_t *state;
    mae_pair *cost;
    const mae_path *path;
} walk;

/* False if the mapping does not tell the path (where a segment may be open in two ways). */
static bool follow(const mae_trellis *t, const mae_path *path, walk *w)
{
    size_t state = 0;
    w->path = path;
    w->state[0] = 0;
    w->cost[0] = (mae_pair){0, 0};
    for (int l = 0; l < t->n; l++) {
        const mae_arc *arc = NULL;
        for (size_t a = t->first_arc[state]; a < t->first_arc[state + 1] && !arc; a++)
            if (t->arcs[a].pe == path->mapping[l])
                arc = &t->arcs[a];
        if (!arc)
            return false;
        w->cost[l + 1] = mae_pair_add(w->cost[l], arc->cost);
        w->state[l + 1] = arc->to;
        state = t->first_state[l + 1] + arc->to;
    }
    return w->cost[t->n].lat == path->cost.lat && w->cost[t->n].en == path->cost.en;
}

/* `path` with the layers [from, to) of `other`. */
typedef struct mix {
    double worst;
    const walk *path, *other;
    int from, to;
    mae_pair cost;
} mix;

/* Where two walks are in one state, and how far apart their costs are there. Between two places of the same
 * difference nothing is gained: the first stands for all. */
typedef struct meeting {
    int boundary;
    mae_pair apart;
} meeting;

#define MAX_MEETINGS 64

static size_t meet(const mae_trellis *t, const walk *x, const walk *y, meeting *meetings)
{
    size_t n = 0;
    for (int b = 0; b <= t->n && n < MAX_MEETINGS; b++) {
        if (x->state[b] != y->state[b] && b < t->n) /* at the end all are one */
            continue;
        mae_pair apart = {y->cost[b].lat - x->cost[b].lat, y->cost[b].en - x->cost[b].en};
        if (n == 0 || apart.lat != meetings[n - 1].apart.lat || apart.en != meetings[n - 1].apart.en)
            meetings[n++] = (meeting){b, apart};
    }
    return n;
}

static void cross(const mae_trellis *t, const walk *x, const walk *y, double max_lat, double max_en, mix *best)
{
    meeting meetings[MAX_MEETINGS];
    size_t n = meet(t, x, y, meetings);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            mae_pair from = meetings[i].apart, to = meetings[j].apart, whole = x->path->cost;
            mae_pair cost = {whole.lat + to.lat - from.lat, whole.en + to.en - from.en};
            double lat = (double)cost.lat / max_lat, en = (double)cost.en / max_en;
            double share = lat > en ? lat : en;
            if (share <= 1 && share < best->worst)
                *best = (mix){share, x, y, meetings[i].boundary, meetings[j].boundary, cost};
        }
}

static void make_path(const mae_trellis *t, const mix *m, mae_path *path)
{
    memcpy(path->mapping, m->path->path->mapping, (size_t)t->n * sizeof(int));
    for (int l = m->from; l < m->to; l++)
        path->mapping[l] = m->other->path->mapping[l];
    path->cost = m->cost;
    path->switches = 0;
    for (int l = 1; l < t->n; l++)
        path->switches += path->mapping[l] != path->mapping[l - 1];
}

mae_error *mae_crossing_find(const mae_trellis *t, const mae_path *const *paths, size_t n_paths, double max_lat,
                             double max_en, bool *ret_found, mae_path *path)
{
    size_t boundaries = (size_t)t->n + 1, n = 0;
    walk *walks = calloc(n_paths + 1, sizeof *walks);
    uint32_t *states = malloc((n_paths * boundaries + 1) * sizeof *states);
    mae_pair *costs = malloc((n_paths * boundaries + 1) * sizeof *costs);
    mix best = {.worst = INFINITY};
    mae_error *error = walks && states && costs ? NULL : mae_error_nomem();
    for (size_t i = 0; i < n_paths && !error; i++) {
        walks[n] = (walk){.state = &states[i * boundaries], .cost = &costs[i * boundaries]};
        n += follow(t, paths[i], &walks[n]);
    }
    for (size_t i = 0; i < n && !error; i++)
        for (size_t j = 0; j < n; j++)
            if (i != j)
                cross(t, &walks[i], &walks[j], max_lat, max_en, &best);
    if (!error) {
        *ret_found = best.path != NULL;
        if (best.path)
            make_path(t, &best, path);
    }
    free(walks);
    free(states);
    free(costs);
    return error;
}
