#include "plan/front_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- mappings ---- */

static void mapping_of(const mae_front_search *s, const mae_front_hit *hit, int *ret_mapping)
{
    if (hit->path)
        memcpy(ret_mapping, hit->path->mapping, (size_t)s->t->n * sizeof *ret_mapping);
    else
        mae_labels_mapping(&s->labels[hit->pass], &s->labels[hit->pass].found[hit->which], s->t->n, ret_mapping);
}

/* Some hits, at most MAE_LABELS_MANY: those of one pass together. */
static void some_mappings(const mae_front_search *s, const mae_front_hit *hits, size_t n, int *const *ret_mappings)
{
    for (size_t i = 0; i < n; i++)
        if (hits[i].path)
            mapping_of(s, &hits[i], ret_mappings[i]);
    for (size_t pass = 0; pass < s->n_passes; pass++) {
        const mae_found *found[MAE_LABELS_MANY];
        int *mappings[MAE_LABELS_MANY];
        size_t n_found = 0;
        for (size_t i = 0; i < n; i++)
            if (!hits[i].path && hits[i].pass == pass) {
                mappings[n_found] = ret_mappings[i];
                found[n_found++] = &s->labels[pass].found[hits[i].which];
            }
        mae_labels_mappings(&s->labels[pass], n_found, found, s->t->n, mappings);
    }
}

void mae_front_search_mappings(const mae_front_search *s, size_t first, size_t n, int *const *ret_mappings)
{
    for (size_t i = 0; i < n; i += MAE_LABELS_MANY) {
        size_t some = n - i < MAE_LABELS_MANY ? n - i : MAE_LABELS_MANY;
        some_mappings(s, &s->hits[first + i], some, &ret_mappings[i]);
    }
}

/* ---- hits ---- */

static int compare_hits(const void *left, const void *right)
{
    const mae_front_hit *x = left, *y = right;
    if (x->cost.latency_ms != y->cost.latency_ms)
        return x->cost.latency_ms < y->cost.latency_ms ? -1 : 1;
    if (x->cost.energy_mj != y->cost.energy_mj)
        return x->cost.energy_mj < y->cost.energy_mj ? -1 : 1;
    return (x->cost.switches > y->cost.switches) - (x->cost.switches < y->cost.switches);
}

/* Of two mappings with one cost: fewer switches, then names. `rooms`: for two mappings. */
static bool preferred(const mae_front_search *s, const mae_front_hit *x, const mae_front_hit *y, int *const rooms[2])
{
    if (x->cost.switches != y->cost.switches)
        return x->cost.switches < y->cost.switches;
    mapping_of(s, x, rooms[0]);
    mapping_of(s, y, rooms[1]);
    for (int l = 0; l < s->t->n; l++)
        if (rooms[0][l] != rooms[1][l])
            return rooms[0][l] < rooms[1][l];
    return false;
}

/* Sorts, and leaves out what another hit beats, costs within 1e-9 counting as equal. */
static void filter(mae_front_search *s, int *const rooms[2])
{
    mae_front_hit *hits = s->hits;
    size_t n = 0;
    if (s->n_hits == 0)
        return;
    qsort(hits, s->n_hits, sizeof *hits, compare_hits);
    for (size_t i = 0; i < s->n_hits; i++) {
        const mae_front_hit *p = &hits[i];
        bool same_mj = n > 0 && mae_cost_equal(p->cost.energy_mj, hits[n - 1].cost.energy_mj);
        bool same_ms = n > 0 && mae_cost_equal(p->cost.latency_ms, hits[n - 1].cost.latency_ms);
        if (n > 0 && same_mj && same_ms && preferred(s, p, &hits[n - 1], rooms))
            hits[n - 1] = *p;
        if (n > 0 && (same_mj || p->cost.energy_mj > hits[n - 1].cost.energy_mj))
            continue;
        if (same_ms)
            n--;
        hits[n++] = *p;
    }
    s->n_hits = n;
}

static bool reserve_hits(mae_front_search *s, size_t more)
{
    if (s->n_hits + more <= s->hit_room)
        return true;
    size_t room = 2 * (s->n_hits + more);
    mae_front_hit *hits = realloc(s->hits, room * sizeof *hits);
    if (!hits)
        return false;
    s->hits = hits;
    s->hit_room = room;
    return true;
}

static mae_front_hit new_hit(const mae_front_search *s, mae_pair cost, int switches)
{
    const mae_model *m = s->t->model;
    double lat = (double)cost.lat, en = (double)cost.en;
    return (mae_front_hit){.cost = {mae_model_ms(m, lat), mae_model_mj(m, lat, en), switches}, .quanta = cost};
}

static bool take_paths(mae_front_search *s, const mae_path *paths, size_t n)
{
    if (!reserve_hits(s, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        s->hits[s->n_hits] = new_hit(s, paths[i].cost, paths[i].switches);
        s->hits[s->n_hits++].path = &paths[i];
    }
    return true;
}

/* The hits of the last pass. With epsilon 0 those in gaps that are done are known already. */
static bool take_found(mae_front_search *s, bool all)
{
    const mae_labels *labels = &s->labels[s->n_passes - 1];
    if (!reserve_hits(s, labels->n_found))
        return false;
    for (size_t i = 0; i < labels->n_found; i++) {
        const mae_found *found = &labels->found[i];
        if (!all && !mae_front_hull_open_at(&s->hull, found->cost.lat))
            continue;
        s->hits[s->n_hits] = new_hit(s, found->cost, found->switches);
        s->hits[s->n_hits].pass = (uint32_t)s->n_passes - 1;
        s->hits[s->n_hits++].which = (uint32_t)i;
    }
    return true;
}

/* Those that the next pass finds again. */
static void drop_open(mae_front_search *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_hits; i++)
        if (s->hits[i].path || !mae_front_hull_open_at(&s->hull, s->hits[i].quanta.lat))
            s->hits[n++] = s->hits[i];
    s->n_hits = n;
}

static void forget_passes(mae_front_search *s)
{
    for (size_t i = 0; i < s->n_passes; i++)
        mae_labels_finish(&s->labels[i]);
    s->n_passes = s->n_hits = 0;
}

/* ---- limits ---- */

typedef struct limits {
    uint64_t pes; /* whose max_segments is broken */
    bool switches;
} limits;

static bool any_limit(const mae_front_search *s)
{
    const mae_model *m = s->t->model;
    for (int p = 0; p < m->n_pes; p++)
        if (m->max_segments[p] > 0)
            return true;
    return s->max_switches >= 0;
}

/* Which limits do these hits break? */
static limits broken(const mae_front_search *s, int *mapping)
{
    const mae_model *m = s->t->model;
    limits over = {0, false};
    for (size_t i = 0; i < s->n_hits && any_limit(s); i++) {
        int count[64] = {0};
        mapping_of(s, &s->hits[i], mapping);
        for (int l = 0; l < m->n; l++)
            count[mapping[l]] += l == 0 || mapping[l] != mapping[l - 1];
        for (int p = 0; p < m->n_pes; p++)
            if (m->max_segments[p] > 0 && count[p] > m->max_segments[p])
                over.pes |= (uint64_t)1 << p;
        over.switches |= s->max_switches >= 0 && s->hits[i].cost.switches > s->max_switches;
    }
    return over;
}

/* ---- searching ---- */

static mae_error *search_once(mae_front_search *s, mae_search *search)
{
    mae_labels *labels = realloc(s->labels, (s->n_passes + 1) * sizeof *labels);
    if (!labels)
        return mae_error_nomem();
    s->labels = labels;
    size_t used = 0;
    for (size_t i = 0; i < s->n_passes; i++)
        used += labels[i].n_traces;
    search->max_labels = used < s->max_labels ? s->max_labels - used : 0;
    MAE_TRY(mae_labels_search(search, &labels[s->n_passes]));
    s->too_many = labels[s->n_passes++].too_many;
    return NULL;
}

static mae_error *learn(mae_front_search *s)
{
    mae_pair *points = malloc((s->n_hits + 1) * sizeof *points);
    if (!points)
        return mae_error_nomem();
    for (size_t i = 0; i < s->n_hits; i++)
        points[i] = s->hits[i].quanta;
    mae_front_hull_learn(&s->hull, points, s->n_hits);
    free(points);
    return NULL;
}

/* Supported points, and what is between them: first what is near to their lines, then ever more, until what is
 * known covers all else. Stops where a limit is broken. */
static mae_error *deepen(mae_front_search *s, mae_search search, int *const rooms[2], limits *ret_over)
{
    bool all = s->hull.epsilon > 0;
    search.wanted = &s->hull.wanted;
    if (!take_paths(s, s->hull.points, s->hull.n_points) || !take_paths(s, s->known, s->n_known))
        return mae_error_nomem();
    filter(s, rooms);
    *ret_over = broken(s, rooms[0]);
    for (double step = mae_front_hull_first_step(&s->hull);; step *= 2) {
        if (ret_over->pes || ret_over->switches || !mae_front_hull_aim(&s->hull, step))
            return NULL;
        MAE_TRY(search_once(s, &search));
        if (s->too_many)
            return NULL;
        if (!take_found(s, all))
            return mae_error_nomem();
        filter(s, rooms);
        *ret_over = broken(s, rooms[0]);
        MAE_TRY(learn(s));
        if (!all)
            drop_open(s);
    }
}

/* Limits cost states, so each is looked at only once a point of the front breaks it. Supported points that
 * break one prove nothing about the others: then nothing is left out for their sake. */
static mae_error *search_with_limits(mae_front_search *s, const mae_bounds *bounds, int *const rooms[2])
{
    limits now = {0, false}, over = {0, false};
    for (;;) {
        mae_search search = {.t = s->t,
                             .bounds = bounds,
                             .criteria = MAE_BOTH,
                             .max_switches = s->max_switches,
                             .upper = INFINITY,
                             .k = 1};
        forget_passes(s);
        if (!mae_tracking_init(&search.tracking, s->t->model, now.pes, now.switches))
            return mae_error_new(MAE_ERR_FAILED, "too many PEs have a binding max_segments for an exact front");
        if (!now.pes && !now.switches) {
            MAE_TRY(deepen(s, search, rooms, &over));
        } else {
            MAE_TRY(search_once(s, &search));
            if (!s->too_many && (!take_found(s, true) || !take_paths(s, s->known, s->n_known)))
                return mae_error_nomem();
            filter(s, rooms);
            over = broken(s, rooms[0]);
        }
        if (s->too_many || (!(over.pes & ~now.pes) && (now.switches || !over.switches)))
            return NULL;
        now.pes |= over.pes;
        now.switches |= over.switches;
    }
}

mae_error *mae_front_search_run(mae_front_search *s, const mae_bounds *bounds, double epsilon)
{
    size_t n = (size_t)s->t->n;
    int *room = malloc(2 * n * sizeof *room);
    mae_error *error = room ? mae_front_hull_create(s->t, epsilon, &s->hull) : mae_error_nomem();
    if (!error)
        error = search_with_limits(s, bounds, (int *const[2]){room, room + n});
    free(room);
    return error;
}

void mae_front_search_finish(mae_front_search *s)
{
    forget_passes(s);
    free(s->labels);
    free(s->hits);
    mae_front_hull_finish(&s->hull);
    *s = (mae_front_search){0};
}
