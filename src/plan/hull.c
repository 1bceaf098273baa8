#include "plan/hull.h"

#include <math.h>
#include <stdlib.h>

#define MAX_STEPS 48

typedef struct edge {
    mae_pair low, high; /* its ends: less latency, less energy */
    bool closed;        /* the hull has no corner between them */
    double least;       /* J */
} edge;

typedef struct hull {
    mae_bounds *bounds;
    mae_hull_found *found;
    void *context;
    edge edges[MAX_STEPS + 2];
    size_t n_edges;
    mae_path path;
} hull;

static void weights(const edge *e, double *ret_a, double *ret_b)
{
    *ret_a = (double)(e->low.en - e->high.en);
    *ret_b = (double)(e->high.lat - e->low.lat);
}

/* Least J between the ends of an edge. */
static double least_of(const mae_bounds *bounds, const edge *e)
{
    mae_bounds only = *bounds;
    double z = 0;
    only.n_lines = 0;
    if (e->closed && e->high.lat > e->low.lat) {
        only.n_lines = 1;
        weights(e, &only.lines[0].a, &only.lines[0].b);
        z = only.lines[0].a * (double)e->low.lat + only.lines[0].b * (double)e->low.en;
    }
    return mae_bounds_region(&only, (double)e->low.lat, (double)e->high.en, &z);
}

static void add_edge(hull *h, mae_pair low, mae_pair high, bool closed)
{
    edge *e = &h->edges[h->n_edges++];
    *e = (edge){.low = low, .high = high, .closed = closed || high.lat <= low.lat || high.en >= low.en};
    e->least = least_of(h->bounds, e);
}

/* Looks for a corner between the ends: splits the edge there, or closes it. */
static mae_error *look(hull *h, size_t which)
{
    edge e = h->edges[which];
    const mae_trellis *t = h->bounds->t;
    double a, b, *go = malloc(mae_trellis_states(t) * sizeof *go);
    if (!go)
        return mae_error_nomem();
    weights(&e, &a, &b);
    mae_path_weighted(t, a, b, go, &h->path);
    double z = a * (double)e.low.lat + b * (double)e.low.en;
    mae_pair corner = h->path.cost;
    bool between = corner.lat > e.low.lat && corner.lat < e.high.lat && corner.en < e.low.en && corner.en > e.high.en &&
                   go[0] < z * (1 - 1e-14);
    if (!between || h->bounds->aim->kind == MAE_BY_EDP)
        mae_bounds_add_line(h->bounds, a, b, go);
    else
        free(go);
    h->edges[which] = h->edges[--h->n_edges];
    if (!between) {
        add_edge(h, e.low, e.high, true);
        return NULL;
    }
    add_edge(h, e.low, corner, false);
    add_edge(h, corner, e.high, false);
    return h->found(h->context, &h->path);
}

static mae_error *refine(hull *h, double *ret_least)
{
    for (int step = 0;; step++) {
        size_t best = 0;
        for (size_t i = 1; i < h->n_edges; i++)
            if (h->edges[i].least < h->edges[best].least)
                best = i;
        *ret_least = h->edges[best].least;
        if (h->edges[best].closed || !isfinite(*ret_least) || step == MAX_STEPS)
            return NULL;
        MAE_TRY(look(h, best));
    }
}

mae_error *mae_hull_refine(mae_bounds *bounds, mae_hull_found *found, void *context, double *ret_least)
{
    const mae_trellis *t = bounds->t;
    hull h = {.bounds = bounds, .found = found, .context = context};
    bool exists = false;
    h.path.mapping = malloc((size_t)t->n * sizeof *h.path.mapping);
    if (!h.path.mapping)
        return mae_error_nomem();
    mae_error *error = mae_path_best(t, false, &exists, &h.path);
    mae_pair fastest = h.path.cost;
    *ret_least = INFINITY;
    if (!error && exists)
        error = found(context, &h.path);
    if (!error && exists)
        error = mae_path_best(t, true, &exists, &h.path);
    if (!error && exists)
        error = found(context, &h.path);
    if (!error && exists) {
        add_edge(&h, fastest, h.path.cost, false);
        error = refine(&h, ret_least);
    }
    free(h.path.mapping);
    return error;
}
