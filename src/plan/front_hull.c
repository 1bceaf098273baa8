#include "plan/front_hull.h"

#include <math.h>
#include <stdlib.h>

#include "plan/crossing.h"

typedef struct gap {
    size_t low, high; /* points */
    double a, b, most;
    mae_pair from, to; /* what they cost */
    size_t line;       /* where its `go` is kept */
} gap;

/* Gaps looked into together, and what is left to pay by their lines. */
typedef struct batch {
    gap gaps[MAE_PATH_MANY];
    size_t n;
    double *go;
} batch;

typedef struct work {
    const mae_trellis *t;
    double epsilon;
    mae_front_hull *hull;
    size_t point_room, mixed_room;
    bool *mixed; /* per point: it may be beaten by others */
    gap *open;   /* still to be looked into: a stack */
    size_t n_open, open_room;
    gap *closed;
    size_t n_closed, closed_room;
    double **go; /* per closed gap */
} work;

static bool grow(void **array, size_t *room, size_t n, size_t size)
{
    if (n < *room)
        return true;
    size_t more = 2 * *room + 64;
    void *larger = realloc(*array, more * size);
    if (!larger)
        return false;
    *array = larger;
    *room = more;
    return true;
}

/* Room for one more point, with its mapping. */
static bool reserve_point(work *w)
{
    mae_front_hull *h = w->hull;
    if (!grow((void **)&h->points, &w->point_room, h->n_points, sizeof *h->points) ||
        !grow((void **)&w->mixed, &w->mixed_room, h->n_points, sizeof *w->mixed))
        return false;
    w->mixed[h->n_points] = false;
    h->points[h->n_points].mapping = malloc((size_t)w->t->n * sizeof(int));
    return h->points[h->n_points].mapping != NULL;
}

/* What is between two points and not covered lies below the corner of the two, and above their line. */
static bool push_gap(work *w, size_t low, size_t high)
{
    const mae_pair *x = &w->hull->points[low].cost, *y = &w->hull->points[high].cost;
    if (y->lat <= x->lat || y->en >= x->en)
        return true;
    gap g = {.low = low, .high = high, .from = *x, .to = *y};
    g.a = (double)(x->en - y->en);
    g.b = (double)(y->lat - x->lat);
    /* With epsilon 0 equals of the ends stay wanted: they may need fewer switches. */
    double lat = (double)y->lat / (1 + w->epsilon), en = (double)x->en / (1 + w->epsilon);
    bool beyond_x = lat <= (double)x->lat && !w->mixed[low], beyond_y = en <= (double)y->en && !w->mixed[high];
    if (w->epsilon > 0 && (beyond_x || beyond_y)) /* what is uncovered would beat a point that nothing beats */
        return true;
    g.most = (g.a * lat + g.b * en) * (1 + 1e-12);
    if (!grow((void **)&w->open, &w->open_room, w->n_open, sizeof *w->open))
        return false;
    w->open[w->n_open++] = g;
    return true;
}

static bool close_gap(work *w, const gap *g, double *go)
{
    size_t room = w->closed_room;
    if (!grow((void **)&w->closed, &room, w->n_closed, sizeof *w->closed) ||
        !grow((void **)&w->go, &w->closed_room, w->n_closed, sizeof *w->go)) {
        free(go);
        return false;
    }
    w->closed[w->n_closed] = *g;
    w->go[w->n_closed] = go;
    w->closed[w->n_closed].line = w->n_closed;
    w->n_closed++;
    return true;
}

#define NEIGHBOURS 16

/* The known points nearest to a gap. */
static size_t neighbours(const work *w, const gap *g, const mae_path **paths)
{
    const mae_front_hull *h = w->hull;
    double middle = 0.5 * ((double)h->points[g->low].cost.lat + (double)h->points[g->high].cost.lat);
    double distance[NEIGHBOURS];
    size_t n = 0;
    for (size_t i = 0; i < h->n_points; i++) {
        double away = fabs((double)h->points[i].cost.lat - middle);
        if (n == NEIGHBOURS && away >= distance[n - 1])
            continue;
        size_t at = n < NEIGHBOURS ? n++ : n - 1;
        for (; at > 0 && distance[at - 1] > away; at--) {
            distance[at] = distance[at - 1];
            paths[at] = paths[at - 1];
        }
        distance[at] = away;
        paths[at] = &h->points[i];
    }
    return n;
}

/* A point in a gap, mixed from the paths of those around it: most gaps are there only because the hull has
 * no corner in them, not because there is nothing. */
static bool fill_gap(work *w, const gap *g, bool *ret_found)
{
    const mae_path *paths[NEIGHBOURS];
    const mae_pair *x = &w->hull->points[g->low].cost, *y = &w->hull->points[g->high].cost;
    size_t n = neighbours(w, g, paths);
    mae_error *error =
        mae_crossing_find(w->t, paths, n, (double)y->lat / (1 + w->epsilon), (double)x->en / (1 + w->epsilon),
                          ret_found, &w->hull->points[w->hull->n_points]);
    bool done = !error;
    mae_error_free(error); /* out of memory, as all errors here */
    return done;
}

static bool split(work *w, const gap *g)
{
    size_t middle = w->hull->n_points++;
    return push_gap(w, g->low, middle) && push_gap(w, middle, g->high);
}

/* A gap without a corner of the hull: proven empty, split by a point inside, or left for the search of all
 * that is wanted. The room of the next point is there. */
static bool end_gap(work *w, const gap *g, const batch *b, size_t k)
{
    mae_front_hull *h = w->hull;
    size_t states = mae_trellis_states(w->t);
    bool found = false, empty = b->go[k] > g->most; /* all that could be wanted is below the line */
    if (w->epsilon > 0 && !empty && !fill_gap(w, g, &found))
        return false;
    if (found) {
        w->mixed[h->n_points] = true;
        return split(w, g);
    }
    free(h->points[h->n_points].mapping);
    if (empty)
        return true;
    double *go = malloc(states * sizeof *go);
    for (size_t s = 0; s < states && go; s++)
        go[s] = b->go[s * MAE_PATH_MANY + k];
    return go && close_gap(w, g, go);
}

static bool look(work *w, const batch *b, size_t k)
{
    const gap *g = &b->gaps[k];
    mae_front_hull *h = w->hull;
    if (!reserve_point(w))
        return false;
    mae_path *path = &h->points[h->n_points];
    mae_path_of_many(w->t, g->a, g->b, b->go, k, path);
    const mae_pair *x = &h->points[g->low].cost, *y = &h->points[g->high].cost;
    double z = g->a * (double)x->lat + g->b * (double)x->en;
    bool corner = path->cost.lat > x->lat && path->cost.lat < y->lat && path->cost.en < x->en &&
                  path->cost.en > y->en && b->go[k] < z * (1 - 1e-14);
    return corner ? split(w, g) : end_gap(w, g, b, k);
}

static bool look_into_some(work *w, batch *b)
{
    double la[MAE_PATH_MANY] = {0}, lb[MAE_PATH_MANY] = {0};
    for (b->n = 0; b->n < MAE_PATH_MANY && w->n_open > 0; b->n++) {
        b->gaps[b->n] = w->open[--w->n_open];
        la[b->n] = b->gaps[b->n].a;
        lb[b->n] = b->gaps[b->n].b;
    }
    mae_path_weighted_many(w->t, la, lb, b->go);
    for (size_t k = 0; k < b->n; k++)
        if (!look(w, b, k))
            return false;
    return true;
}

static int compare_gaps(const void *left, const void *right)
{
    const gap *x = left, *y = right;
    double order = y->a * x->b - x->a * y->b; /* falling a / b */
    return order != 0 ? (order > 0) - (order < 0) : (x->from.lat > y->from.lat) - (x->from.lat < y->from.lat);
}

static int compare_paths(const void *left, const void *right)
{
    const mae_path *x = left, *y = right;
    return (x->cost.lat > y->cost.lat) - (x->cost.lat < y->cost.lat);
}

static bool make_wanted(work *w)
{
    mae_wanted *wanted = &w->hull->wanted;
    size_t n = w->n_closed, states = mae_trellis_states(w->t);
    if (n > 0)
        qsort(w->closed, n, sizeof *w->closed, compare_gaps);
    wanted->n = n;
    wanted->a = malloc((n + 1) * sizeof *wanted->a);
    wanted->b = malloc((n + 1) * sizeof *wanted->b);
    wanted->most = malloc((n + 1) * sizeof *wanted->most);
    wanted->go = n <= SIZE_MAX / sizeof(double) / (states + 1) ? malloc((n * states + 1) * sizeof *wanted->go) : NULL;
    w->hull->gaps = malloc((n + 1) * sizeof *w->hull->gaps);
    if (!wanted->a || !wanted->b || !wanted->most || !wanted->go || !w->hull->gaps)
        return false;
    for (size_t k = 0; k < n; k++) {
        const gap *g = &w->closed[k];
        w->hull->gaps[k] = (mae_front_gap){.low = g->from, .high = g->to, .least = w->go[g->line][0], .top = g->most};
        wanted->a[k] = g->a;
        wanted->b[k] = g->b;
        wanted->most[k] = g->most;
        for (size_t s = 0; s < states; s++)
            wanted->go[s * n + k] = w->go[g->line][s];
        free(w->go[g->line]);
        w->go[g->line] = NULL;
    }
    return true;
}

static mae_error *find_ends(work *w, bool *ret_exists)
{
    for (int by_en = 0; by_en < 2; by_en++) {
        if (!reserve_point(w))
            return mae_error_nomem();
        mae_error *error = mae_path_best(w->t, by_en, ret_exists, &w->hull->points[w->hull->n_points]);
        if (error || !*ret_exists) {
            free(w->hull->points[w->hull->n_points].mapping);
            return error;
        }
        w->hull->n_points++;
    }
    return NULL;
}

mae_error *mae_front_hull_create(const mae_trellis *t, double epsilon, mae_front_hull *ret_hull)
{
    mae_front_hull hull = {.epsilon = epsilon};
    work w = {.t = t, .epsilon = epsilon, .hull = &hull};
    batch b = {.go = malloc(mae_trellis_states(t) * MAE_PATH_MANY * sizeof *b.go)};
    bool exists = false;
    mae_error *error = b.go ? find_ends(&w, &exists) : mae_error_nomem();
    if (!error && exists && !push_gap(&w, 0, 1))
        error = mae_error_nomem();
    while (!error && w.n_open > 0)
        if (!look_into_some(&w, &b))
            error = mae_error_nomem();
    if (!error && !make_wanted(&w))
        error = mae_error_nomem();
    for (size_t k = 0; k < w.n_closed; k++)
        free(w.go[k]);
    free(w.go);
    free(w.open);
    free(w.closed);
    free(w.mixed);
    free(b.go);
    if (error) {
        mae_front_hull_finish(&hull);
        return error;
    }
    if (hull.n_points > 0)
        qsort(hull.points, hull.n_points, sizeof *hull.points, compare_paths);
    *ret_hull = hull;
    return NULL;
}

void mae_front_hull_finish(mae_front_hull *hull)
{
    for (size_t i = 0; i < hull->n_points; i++)
        free(hull->points[i].mapping);
    free(hull->points);
    free(hull->wanted.a);
    free(hull->wanted.b);
    free(hull->wanted.most);
    free(hull->wanted.go);
    free(hull->gaps);
    *hull = (mae_front_hull){0};
}
