#include "plan/hull.h"

#include <math.h>
#include <stdlib.h>

#define MAX_STEPS 512
#define SPREAD_LINES 8 /* for an aim whose best may lie on several edges */

typedef struct edge {
    mae_pair low, high; /* its ends: less latency, less energy */
    bool closed;        /* the hull has no corner between them */
    double least;       /* J */
} edge;

typedef struct hull {
    mae_bounds *bounds;
    mae_hull_found *found;
    mae_hull_upper *upper;
    void *context;
    edge edges[MAX_STEPS + 2];
    size_t n_edges;
    mae_path path;
    double *go; /* per state */
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
    double a, b, *go = h->go;
    weights(&e, &a, &b);
    mae_path_weighted(h->bounds->t, a, b, go, &h->path);
    double z = a * (double)e.low.lat + b * (double)e.low.en;
    mae_pair corner = h->path.cost;
    bool between = corner.lat > e.low.lat && corner.lat < e.high.lat && corner.en < e.low.en && corner.en > e.high.en &&
                   go[0] < z * (1 - 1e-14);
    h->edges[which] = h->edges[--h->n_edges];
    if (!between) {
        add_edge(h, e.low, e.high, true);
        return NULL;
    }
    add_edge(h, e.low, corner, false);
    add_edge(h, corner, e.high, false);
    return h->found(h->context, &h->path);
}

static size_t best_edge(const hull *h)
{
    size_t best = 0;
    for (size_t i = 1; i < h->n_edges; i++)
        if (h->edges[i].least < h->edges[best].least)
            best = i;
    return best;
}

static mae_error *refine(hull *h)
{
    for (int step = 0; step < MAX_STEPS; step++) {
        size_t best = best_edge(h);
        if (h->edges[best].closed || !isfinite(h->edges[best].least))
            break;
        MAE_TRY(look(h, best));
    }
    return NULL;
}

static mae_error *add_line(hull *h, double a, double b)
{
    if (!(a > 0 && b > 0))
        return NULL;
    double *go = malloc(mae_trellis_states(h->bounds->t) * sizeof *go);
    if (!go)
        return mae_error_nomem();
    mae_path_weighted(h->bounds->t, a, b, go, &h->path);
    mae_bounds_add_line(h->bounds, a, b, go);
    return h->found(h->context, &h->path);
}

static mae_error *add_line_of(hull *h, const edge *e)
{
    double a, b;
    weights(e, &a, &b);
    return add_line(h, a, b);
}

/* A weighted aim is a line itself, which is exact where no bound is in the way. */
static mae_error *add_line_of_aim(hull *h)
{
    const mae_model *m = h->bounds->t->model;
    const mae_aim *aim = h->bounds->aim;
    return aim->kind == MAE_BY_WEIGHTED ? add_line(h, aim->by_ms / m->per_ms, aim->by_mj / m->per_mj) : NULL;
}

static int compare_edges(const void *left, const void *right)
{
    const edge *x = left, *y = right;
    return (x->low.lat > y->low.lat) - (x->low.lat < y->low.lat);
}

/* Where the aim is a product, everything that may be as good as the best known point lies above edges
 * whose own least is: the bounds are narrowed to these, and their lines are spread over them. */
static mae_error *spread_lines(hull *h, double upper)
{
    mae_bounds *bounds = h->bounds;
    size_t n = 0, last = h->n_edges - 1;
    qsort(h->edges, h->n_edges, sizeof *h->edges, compare_edges);
    bool from_first = false, to_last = false;
    for (size_t i = 0; i <= last; i++)
        if (h->edges[i].least <= upper * (1 + 4 * MAE_COST_EQUAL)) {
            from_first |= i == 0;
            to_last |= i == last;
            h->edges[n++] = h->edges[i];
        }
    h->n_edges = n;
    if (n == 0)
        return NULL;
    /* The edges left need not be neighbours, but all that matters lies between the outermost; beyond the
     * ends of the whole hull there is only what its ends beat, which may still be wanted as a second best. */
    if (!to_last)
        bounds->max_lat = fmin(bounds->max_lat, (double)h->edges[n - 1].high.lat * (1 + 4 * MAE_COST_EQUAL));
    if (!from_first)
        bounds->max_en = fmin(bounds->max_en, (double)h->edges[0].low.en * (1 + 4 * MAE_COST_EQUAL));
    size_t lines = n < SPREAD_LINES ? n : SPREAD_LINES;
    for (size_t k = 0; k < lines; k++)
        MAE_TRY(add_line_of(h, &h->edges[lines > 1 ? k * (n - 1) / (lines - 1) : 0]));
    return NULL;
}

static mae_error *refine_and_add(hull *h, double *ret_least)
{
    MAE_TRY(refine(h));
    MAE_TRY(add_line_of_aim(h));
    const edge *best = &h->edges[best_edge(h)];
    *ret_least = best->least;
    if (!isfinite(*ret_least))
        return NULL;
    if (h->bounds->aim->kind != MAE_BY_EDP)
        return add_line_of(h, best);
    double upper = h->upper(h->context);
    return isfinite(upper) ? spread_lines(h, upper) : add_line_of(h, best);
}

mae_error *mae_hull_refine(mae_bounds *bounds, mae_hull_found *found, mae_hull_upper *upper, void *context,
                           double *ret_least)
{
    const mae_trellis *t = bounds->t;
    hull h = {.bounds = bounds, .found = found, .upper = upper, .context = context};
    bool exists = false;
    h.path.mapping = malloc((size_t)t->n * sizeof *h.path.mapping);
    h.go = malloc(mae_trellis_states(t) * sizeof *h.go);
    mae_error *error = h.path.mapping && h.go ? NULL : mae_error_nomem();
    if (!error)
        error = mae_path_best(t, false, &exists, &h.path);
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
        error = refine_and_add(&h, ret_least);
    }
    free(h.path.mapping);
    free(h.go);
    return error;
}
