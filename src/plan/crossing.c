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

typedef struct mix {
    double worst;
    const walk *first, *second;
    int at;
} mix;

static void cross(const mae_trellis *t, const walk *x, const walk *y, double max_lat, double max_en, mix *best)
{
    for (int b = 1; b < t->n; b++) {
        if (x->state[b] != y->state[b])
            continue;
        double lat = (double)(x->cost[b].lat + y->path->cost.lat - y->cost[b].lat);
        double en = (double)(x->cost[b].en + y->path->cost.en - y->cost[b].en);
        double share = lat / max_lat > en / max_en ? lat / max_lat : en / max_en;
        if (share <= 1 && share < best->worst)
            *best = (mix){share, x, y, b};
    }
}

static void make_path(const mae_trellis *t, const mix *m, mae_path *path)
{
    size_t first = (size_t)m->at * sizeof(int), all = (size_t)t->n * sizeof(int);
    memcpy(path->mapping, m->first->path->mapping, first);
    memcpy(path->mapping + m->at, m->second->path->mapping + m->at, all - first);
    mae_pair head = m->first->cost[m->at], tail = m->second->cost[m->at], whole = m->second->path->cost;
    path->cost = (mae_pair){head.lat + whole.lat - tail.lat, head.en + whole.en - tail.en};
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
        *ret_found = best.first != NULL;
        if (best.first)
            make_path(t, &best, path);
    }
    free(walks);
    free(states);
    free(costs);
    return error;
}
