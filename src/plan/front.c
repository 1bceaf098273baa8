/* The whole front: every non-dominated (latency, energy), each with the fewest switches that reach it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/front_hull.h"
#include "plan/labels.h"
#include "plan/plan.h"
#include "plan/solver.h"
#include "plan/walk.h"

#define FRONT_MEMORY ((size_t)2 << 30)
#define TRELLIS_SHARE 64 /* that part of it: each gap between supported points keeps bounds of all states */
#define LABEL_BYTES 16   /* that a kept label takes: its trace, and what arrays that grow have to spare */
#define NO_MAPPING "no mapping exists within the limits of segments and switches"

typedef struct point {
    mae_prediction cost;
    size_t found;         /* label */
    const mae_path *path; /* or, if not NULL, a supported point */
} point;

typedef struct work {
    const mae_model *m;
    const mae_trellis *t;
    const mae_bounds *bounds;
    int max_switches;
    bool exact;
    size_t max_labels;
    mae_front_hull hull;
    mae_labels labels;
    point *points;
    size_t n;
    int *one, *other; /* room for mappings */
} work;

static int compare_points(const void *left, const void *right)
{
    const point *x = left, *y = right;
    if (x->cost.latency_ms != y->cost.latency_ms)
        return x->cost.latency_ms < y->cost.latency_ms ? -1 : 1;
    if (x->cost.energy_mj != y->cost.energy_mj)
        return x->cost.energy_mj < y->cost.energy_mj ? -1 : 1;
    return (x->cost.switches > y->cost.switches) - (x->cost.switches < y->cost.switches);
}

static void mapping_of(const work *w, const point *p, int *ret_mapping)
{
    if (p->path)
        memcpy(ret_mapping, p->path->mapping, (size_t)w->m->n * sizeof *ret_mapping);
    else
        mae_labels_mapping(&w->labels, &w->labels.found[p->found], w->m->n, ret_mapping);
}

/* Of two mappings with one cost: fewer switches, then names. */
static bool preferred(const work *w, const point *x, const point *y)
{
    if (x->cost.switches != y->cost.switches)
        return x->cost.switches < y->cost.switches;
    mapping_of(w, x, w->one);
    mapping_of(w, y, w->other);
    for (int l = 0; l < w->m->n; l++)
        if (w->one[l] != w->other[l])
            return w->one[l] < w->other[l];
    return false;
}

/* Sorts, and leaves out what another point beats, costs within 1e-9 counting as equal. */
static void filter(work *w)
{
    size_t n = 0;
    qsort(w->points, w->n, sizeof *w->points, compare_points);
    for (size_t i = 0; i < w->n; i++) {
        const point *p = &w->points[i];
        bool same_mj = n > 0 && mae_cost_equal(p->cost.energy_mj, w->points[n - 1].cost.energy_mj);
        bool same_ms = n > 0 && mae_cost_equal(p->cost.latency_ms, w->points[n - 1].cost.latency_ms);
        if (n > 0 && same_mj && same_ms && preferred(w, p, &w->points[n - 1]))
            w->points[n - 1] = *p;
        if (n > 0 && (same_mj || p->cost.energy_mj > w->points[n - 1].cost.energy_mj))
            continue;
        if (same_ms)
            n--;
        w->points[n++] = *p;
    }
    w->n = n;
}

static point make_point(const work *w, mae_pair cost, int switches)
{
    double lat = (double)cost.lat, en = (double)cost.en;
    return (point){.cost = {mae_model_ms(w->m, lat), mae_model_mj(w->m, lat, en), switches}};
}

/* All points of one search, supported ones included where they were used to leave others out. */
static mae_error *search_once(work *w, const mae_search *search)
{
    mae_labels_finish(&w->labels);
    free(w->points);
    w->points = NULL;
    w->n = 0;
    MAE_TRY(mae_labels_search(search, &w->labels));
    w->points = malloc((w->labels.n_found + w->hull.n_points + 1) * sizeof *w->points);
    if (!w->points)
        return mae_error_nomem();
    for (size_t i = 0; i < w->labels.n_found; i++) {
        w->points[w->n] = make_point(w, w->labels.found[i].cost, w->labels.found[i].switches);
        w->points[w->n++].found = i;
    }
    for (size_t i = 0; i < w->hull.n_points && search->wanted; i++) {
        w->points[w->n] = make_point(w, w->hull.points[i].cost, w->hull.points[i].switches);
        w->points[w->n++].path = &w->hull.points[i];
    }
    filter(w);
    return NULL;
}

/* Which limits do these points break? */
static void broken(work *w, uint64_t *pes, bool *switches)
{
    const mae_model *m = w->m;
    for (size_t i = 0; i < w->n; i++) {
        int count[64] = {0};
        mapping_of(w, &w->points[i], w->one);
        for (int l = 0; l < m->n; l++)
            count[w->one[l]] += l == 0 || w->one[l] != w->one[l - 1];
        for (int p = 0; p < m->n_pes; p++)
            if (m->max_segments[p] > 0 && count[p] > m->max_segments[p])
                *pes |= (uint64_t)1 << p;
        *switches |= w->max_switches >= 0 && w->points[i].cost.switches > w->max_switches;
    }
}

#define FEW_LABELS 192

/* A quick search with few labels: its points narrow the gaps between the supported ones. */
static mae_error *narrow(work *w, mae_search search)
{
    uint64_t over = 0;
    bool over_switches = false;
    search.cap = FEW_LABELS;
    MAE_TRY(search_once(w, &search));
    broken(w, &over, &over_switches);
    if (over || over_switches || w->n == 0)
        return NULL;
    mae_pair *points = malloc(w->n * sizeof *points);
    if (!points)
        return mae_error_nomem();
    for (size_t i = 0; i < w->n; i++)
        points[i] = w->points[i].path ? w->points[i].path->cost : w->labels.found[w->points[i].found].cost;
    mae_front_hull_narrow(&w->hull, points, w->n);
    free(points);
    return NULL;
}

/* Limits cost states, so each is looked at only once a point of the front breaks it. Supported points that
 * break one prove nothing about the others: then nothing is left out for their sake. */
static mae_error *search_front(work *w)
{
    uint64_t pes = 0;
    bool switches = false;
    for (;;) {
        mae_search search = {.t = w->t,
                             .bounds = w->bounds,
                             .criteria = MAE_BOTH,
                             .max_switches = w->max_switches,
                             .wanted = pes || switches ? NULL : &w->hull.wanted,
                             .upper = INFINITY,
                             .k = 1,
                             .max_labels = w->max_labels};
        uint64_t over = 0;
        bool over_switches = false;
        if (!mae_tracking_init(&search.tracking, w->m, pes, switches))
            return mae_error_new(MAE_ERR_FAILED, "too many PEs have a binding max_segments for an exact front");
        if (search.wanted && w->exact)
            MAE_TRY(narrow(w, search));
        MAE_TRY(search_once(w, &search));
        if (w->labels.too_many)
            return NULL;
        broken(w, &over, &over_switches);
        if (!(over & ~pes) && (switches || !over_switches))
            return NULL;
        pes |= over;
        switches |= over_switches;
    }
}

/* ---- the result ---- */

typedef struct owned {
    mae_front front;
    mae_front_point *points;
    int *mappings;
} owned;

static mae_error *new_front(size_t n_points, size_t n_layers, owned **ret_front)
{
    owned *o = calloc(1, sizeof *o);
    if (!o)
        return mae_error_nomem();
    o->points = calloc(n_points + 1, sizeof *o->points);
    o->mappings = malloc((n_points + 1) * n_layers * sizeof *o->mappings);
    o->front = (mae_front){.n_points = n_points, .points = o->points, .exact = true, .priv = o};
    if (!o->points || !o->mappings) {
        mae_front_destroy(&o->front);
        return mae_error_nomem();
    }
    for (size_t i = 0; i < n_points; i++)
        o->points[i].mapping = &o->mappings[i * n_layers];
    *ret_front = o;
    return NULL;
}

void mae_front_destroy(mae_front *front)
{
    if (!front)
        return;
    owned *o = front->priv;
    free(o->points);
    free(o->mappings);
    free(o);
}

static mae_error *hand_out(const work *w, mae_front **ret_front)
{
    owned *o = NULL;
    MAE_TRY(new_front(w->n, (size_t)w->m->n, &o));
    for (size_t i = 0; i < w->n; i++) {
        int *mapping = o->points[i].mapping;
        mapping_of(w, &w->points[i], mapping);
        for (int l = 0; l < w->m->n; l++)
            mapping[l] = w->m->pe_of[mapping[l]];
        o->points[i].cost = w->points[i].cost;
    }
    *ret_front = &o->front;
    return NULL;
}

/* Without energy: the fastest mapping alone. */
static mae_error *single_point(const mae_profile *profile, const mae_goal *goal, mae_front **ret_front)
{
    mae_goal fastest = MAE_GOAL_INIT;
    mae_solution solution;
    owned *o = NULL;
    fastest.max_switches = goal->max_switches;
    MAE_TRY(mae_solve(profile, &fastest, NULL, &solution));
    mae_error *error = new_front(1, profile->n_layers, &o);
    if (!error) {
        memcpy(o->mappings, solution.mapping, profile->n_layers * sizeof *o->mappings);
        o->points[0].cost = solution.cost;
        *ret_front = &o->front;
    }
    free(solution.mapping);
    return error;
}

/* *ret_front stays NULL where there are too many labels. */
static mae_error *solve_on(const mae_model *m, const mae_trellis *t, int max_switches, double epsilon,
                           size_t memory_bytes, mae_front **ret_front)
{
    const mae_aim aim = {.kind = MAE_BY_ENERGY, .max_ms = INFINITY, .max_mj = INFINITY, .max_switches = -1};
    mae_bounds *bounds = NULL;
    MAE_TRY(mae_bounds_create(t, &aim, &bounds));
    work w = {.m = m, .t = t, .bounds = bounds, .max_switches = max_switches, .exact = epsilon == 0};
    w.max_labels = memory_bytes / LABEL_BYTES < UINT32_MAX - 1 ? memory_bytes / LABEL_BYTES : UINT32_MAX - 1;
    w.one = malloc((size_t)m->n * sizeof *w.one);
    w.other = malloc((size_t)m->n * sizeof *w.other);
    mae_error *error = w.one && w.other ? mae_front_hull_create(t, epsilon, &w.hull) : mae_error_nomem();
    if (!error)
        error = search_front(&w);
    if (!error && w.n == 0 && !w.labels.too_many)
        error = mae_error_new(MAE_ERR_INFEASIBLE, NO_MAPPING);
    if (!error && !w.labels.too_many)
        error = hand_out(&w, ret_front);
    mae_labels_finish(&w.labels);
    mae_front_hull_finish(&w.hull);
    free(w.points);
    free(w.one);
    free(w.other);
    mae_bounds_destroy(bounds);
    return error;
}

/* Where there is no room for the whole. */
static mae_error *walk_front(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes,
                             mae_front **ret_front)
{
    mae_walk walk;
    owned *o = NULL;
    MAE_TRY(mae_walk_front(m, max_switches, epsilon, memory_bytes, &walk));
    mae_error *error = NULL;
    if (!isfinite(walk.epsilon))
        error = mae_error_new(MAE_ERR_FAILED,
                              "there is no room for the front of so wide a network, even with --front-epsilon");
    else if (walk.n == 0)
        error = mae_error_new(MAE_ERR_INFEASIBLE, NO_MAPPING);
    else
        error = new_front(walk.n, (size_t)m->n, &o);
    for (size_t i = 0; i < walk.n && !error; i++) {
        const mae_answer *answer = &walk.answers[walk.n - 1 - i];
        for (int l = 0; l < m->n; l++)
            o->points[i].mapping[l] = m->pe_of[answer->mapping[l]];
        o->points[i].cost = answer->cost;
    }
    if (!error) {
        o->front.exact = false;
        o->front.epsilon = walk.epsilon;
        *ret_front = &o->front;
    }
    mae_walk_finish(&walk);
    return error;
}

static mae_error *solve_model(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes,
                              mae_front **ret_front)
{
    mae_trellis *t = NULL;
    mae_front *front = NULL;
    MAE_TRY(mae_trellis_create(m, NULL, memory_bytes / TRELLIS_SHARE, &t));
    mae_error *error = t ? solve_on(m, t, max_switches, epsilon, memory_bytes, &front) : NULL;
    mae_trellis_destroy(t);
    if (!error && front) {
        front->exact = epsilon == 0;
        front->epsilon = epsilon;
    } else if (!error) {
        error = walk_front(m, max_switches, epsilon, memory_bytes, &front);
    }
    if (!error)
        *ret_front = front;
    return error;
}

mae_error *mae_front_within(const mae_profile *profile, const mae_goal *goal, const mae_plan_limits *limits,
                            double epsilon, mae_front **ret_front)
{
    mae_model *model = NULL;
    MAE_TRY(mae_goal_check(goal));
    if (!(epsilon >= 0) || !isfinite(epsilon))
        return mae_error_new(MAE_ERR_USAGE, "the front's epsilon is %g: it must be 0 or more", epsilon);
    if (profile->energy == MAE_ENERGY_NONE)
        return single_point(profile, goal, ret_front);
    size_t memory_bytes = limits && limits->memory_bytes > 0 ? limits->memory_bytes : FRONT_MEMORY;
    MAE_TRY(mae_model_create(profile, goal->period_ms, UINT64_MAX, &model));
    mae_error *error = solve_model(model, goal->max_switches, epsilon, memory_bytes, ret_front);
    mae_model_destroy(model);
    return error;
}

mae_error *mae_front_solve(const mae_profile *profile, const mae_goal *goal, double epsilon, mae_front **ret_front)
{
    return mae_front_within(profile, goal, NULL, epsilon, ret_front);
}
