#include "plan/solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/hull.h"
#include "plan/labels.h"

#define DEFAULT_MEMORY ((size_t)1 << 30)
#define MAX_STATES 20000 /* at one boundary: more cost seconds, and wide graphs have a bound all the same */
#define WIDER 4          /* that many times as many states from look to look */
#define FIRST_LOOK 32    /* that part of the states is enough for a first look at a wide graph */
#define FIRST_CAP 24     /* labels per state of the first, quick search */

#define MAX_BETWEEN 8                   /* lines that help to decide which states stay */
#define MARGIN (1 + 3 * MAE_COST_EQUAL) /* more than what counts as equal, so that ties survive */

/* One look at the graph with so many states. */
typedef struct look {
    size_t n_lines; /* 1, or: lat, en, and some between them by falling slope */
    double lines[2 + MAX_BETWEEN][2];
    mae_bounds bounds;
    double lower; /* of J over what the trellis has */
    bool done;
} look;

size_t mae_default_memory(const mae_plan_limits *limits)
{
    return limits && limits->memory_bytes > 0 ? limits->memory_bytes : DEFAULT_MEMORY;
}

mae_aim mae_aim_for(const mae_goal *goal, double scale_latency, double scale_energy)
{
    mae_aim aim = {.kind = MAE_BY_LATENCY, .max_switches = goal->max_switches};
    const double tolerance = 1 + MAE_COST_EQUAL;
    if (goal->minimize == MAE_MIN_ENERGY)
        aim.kind = MAE_BY_ENERGY;
    else if (goal->minimize == MAE_MIN_EDP)
        aim.kind = MAE_BY_EDP;
    else if (goal->minimize == MAE_MIN_WEIGHTED)
        aim = (mae_aim){MAE_BY_WEIGHTED,   goal->weight / scale_latency, (1 - goal->weight) / scale_energy, 0, 0,
                        goal->max_switches};
    aim.max_ms = goal->max_latency_ms > 0 ? goal->max_latency_ms * tolerance : INFINITY;
    aim.max_mj = mae_goal_energy_bound(goal) * tolerance;
    return aim;
}

static mae_error *offer_path(void *context, const mae_path *path)
{
    return mae_solver_offer(context, path->mapping);
}

static mae_error *offer_singles(mae_solver *s)
{
    const mae_model *m = s->model;
    uint64_t all = UINT64_MAX;
    mae_error *error = NULL;
    int *mapping = malloc((size_t)m->n * sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    for (int l = 0; l < m->n; l++)
        all &= m->can[l];
    for (int p = 0; p < m->n_pes && !error; p++) {
        if (!(all >> p & 1))
            continue;
        for (int l = 0; l < m->n; l++)
            mapping[l] = p;
        error = mae_solver_offer(s, mapping);
    }
    free(mapping);
    return error;
}

/* ---- the quick way: one criterion, and nothing in its way ---- */

static mae_error *solve_single(mae_solver *s, const mae_trellis *t, look *r)
{
    bool by_en = s->aim.kind == MAE_BY_ENERGY, found = false;
    mae_path path = {.mapping = malloc((size_t)t->n * sizeof(int))};
    if (!path.mapping)
        return mae_error_nomem();
    mae_error *error = mae_path_best(t, by_en, &found, &path);
    s->exists |= found;
    if (!error && found) {
        mae_solver alone = {.model = s->model, .aim = s->aim, .k = 1};
        error = mae_solver_offer(&alone, path.mapping);
        bool met = !error && alone.n_answers == 1;
        if (met && s->k == 1) {
            r->lower = alone.answers[0].value;
            r->done = true;
            error = mae_solver_keep(s, &alone.answers[0]);
        }
        mae_solver_finish(&alone);
    }
    free(path.mapping);
    return error;
}

/* ---- the thorough way ---- */

static double upper(const mae_solver *s)
{
    return s->n_answers == s->k ? s->answers[s->k - 1].value : INFINITY;
}

static double best_known(void *context)
{
    return upper(context);
}

typedef struct pass {
    bool too_many;
    double dropped;
    uint64_t over;      /* PEs whose limit a wanted mapping breaks */
    bool over_switches; /* the same for max_switches */
} pass;

/* Does this mapping break a limit that was not tracked? Notes which. */
static void note_limits(const mae_solver *s, const int *mapping, pass *p)
{
    const mae_model *m = s->model;
    int count[64] = {0}, switches = -1;
    for (int l = 0; l < m->n; l++)
        if (l == 0 || mapping[l] != mapping[l - 1]) {
            count[mapping[l]]++;
            switches++;
        }
    for (int pe = 0; pe < m->n_pes; pe++)
        if (m->max_segments[pe] > 0 && count[pe] > m->max_segments[pe])
            p->over |= (uint64_t)1 << pe;
    if (s->aim.max_switches >= 0 && switches > s->aim.max_switches)
        p->over_switches = true;
}

static mae_error *take(mae_solver *s, const mae_search *search, pass *p)
{
    mae_labels labels;
    MAE_TRY(mae_labels_search(search, &labels));
    mae_error *error = NULL;
    int *mapping = malloc((size_t)s->model->n * sizeof *mapping);
    if (!mapping)
        error = mae_error_nomem();
    for (size_t i = 0; i < labels.n_found && !error; i++) {
        mae_labels_mapping(&labels, &labels.found[i], s->model->n, mapping);
        note_limits(s, mapping, p);
        error = mae_solver_offer(s, mapping);
    }
    p->too_many = labels.too_many;
    p->dropped = labels.dropped;
    free(mapping);
    mae_labels_finish(&labels);
    return error;
}

static mae_error *search_to(mae_solver *s, mae_search *search, double to, size_t cap, pass *p)
{
    *p = (pass){0};
    search->upper = to;
    search->cap = cap;
    return take(s, search, p);
}

/* Some mapping to start from, where supported points and single PEs gave none that meets the bounds. */
static mae_error *find_any(mae_solver *s, mae_search *search, pass *p)
{
    MAE_TRY(search_to(s, search, INFINITY, FIRST_CAP * s->k, p));
    if (p->too_many)
        p->dropped = 0; /* nothing is known */
    return NULL;
}

/* The number of labels grows fast with the distance from the lower bound up to which they are kept, and the
 * best known J is often far above the optimum. So they are kept up to a small distance first; if nothing is
 * found there, up to a larger one. Nothing found up to `to` proves that nothing is below it. */
static mae_error *search_passes(mae_solver *s, mae_search *search, double least, pass *p)
{
    if (!isfinite(upper(s))) {
        MAE_TRY(find_any(s, search, p));
        if (!isfinite(p->dropped))
            return NULL; /* nothing was cut off: all is known */
    }
    double most = upper(s), distance = fmax((most - least) / 1024, 1e-8 * fabs(most));
    bool in_steps = isfinite(most) && isfinite(least) && s->k == 1 && distance > 0;
    for (double to = in_steps ? least + distance : most;; distance *= 1.6, to = fmin(least + distance, most)) {
        MAE_TRY(search_to(s, search, to, 0, p));
        bool found = upper(s) <= to || p->over || p->over_switches;
        if (p->too_many || found || to >= most)
            break;
    }
    for (size_t cap = 4096; p->too_many; cap /= 4) { /* ever fewer labels, and a gap */
        if (cap <= 1)
            search->max_labels = SIZE_MAX;
        MAE_TRY(search_to(s, search, upper(s), cap > 1 ? cap : 1, p));
    }
    return NULL;
}

static mae_criteria criteria_of(const mae_solver *s)
{
    if (!s->model->has_energy)
        return MAE_LAT_ONLY;
    if (s->aim.kind == MAE_BY_LATENCY && !isfinite(s->aim.max_mj))
        return MAE_LAT_ONLY;
    if (s->aim.kind == MAE_BY_ENERGY && !isfinite(s->aim.max_ms) && s->model->folded)
        return MAE_EN_ONLY;
    return MAE_BOTH;
}

/* Limits cost states, so each is looked at only once a mapping that is wanted breaks it. */
static mae_error *search_with_limits(mae_solver *s, const mae_trellis *t, const mae_bounds *bounds, double least,
                                     double *ret_lower)
{
    uint64_t pes = 0;
    bool switches = false;
    for (;;) {
        pass p;
        mae_search search = {.t = t,
                             .bounds = bounds,
                             .criteria = criteria_of(s),
                             .max_switches = s->aim.max_switches,
                             .prune = true,
                             .k = s->k,
                             .max_labels = s->memory_bytes / 64};
        if (!mae_tracking_init(&search.tracking, s->model, pes, switches)) {
            *ret_lower = mae_bounds_of(bounds, 0, (mae_pair){0, 0});
            return NULL;
        }
        MAE_TRY(search_passes(s, &search, least, &p));
        bool more = (p.over & ~pes) || (p.over_switches && !switches);
        if (!more) {
            *ret_lower = fmin(p.dropped, upper(s));
            return NULL;
        }
        pes |= p.over;
        switches |= p.over_switches;
    }
}

/* What decided here decides next time which states stay. */
static void take_lines(look *r, const mae_bounds *bounds)
{
    size_t n = bounds->n_lines < MAX_BETWEEN ? bounds->n_lines : MAX_BETWEEN;
    for (size_t k = 0; k < n; k++) {
        const mae_line *line = &bounds->lines[n > 1 ? k * (bounds->n_lines - 1) / (n - 1) : 0];
        r->lines[2 + k][0] = line->a;
        r->lines[2 + k][1] = line->b;
        r->n_lines = 3 + k;
    }
}

static mae_error *solve_thoroughly(mae_solver *s, const mae_trellis *t, look *r)
{
    mae_bounds *bounds = NULL;
    MAE_TRY(mae_bounds_create(t, &s->aim, &bounds));
    bool exists = bounds->go_lat[0] != MAE_NEVER;
    double least = exists ? mae_bounds_of(bounds, 0, (mae_pair){0, 0}) : INFINITY;
    mae_error *error = NULL;
    s->exists |= exists;
    if (criteria_of(s) == MAE_BOTH)
        error = mae_hull_refine(bounds, offer_path, best_known, s, &least);
    if (!error && exists)
        error = search_with_limits(s, t, bounds, least, &r->lower);
    take_lines(r, bounds);
    mae_bounds_destroy(bounds);
    return error;
}

/* ---- rounds ---- */

static size_t states_allowed(const mae_solver *s)
{
    size_t per_state = (size_t)s->model->n_pes * sizeof(mae_arc) * 3;
    size_t room = s->memory_bytes / 2 / (size_t)s->model->n / per_state;
    return room < 1 ? 1 : room > MAX_STATES ? MAX_STATES : room;
}

/* The weights that decide which states stay where there are too many: where one criterion matters it alone;
 * else both, and between them the aim where it is a weighted sum, or the product's slope at the middle of things. */
static void first_lines(const mae_solver *s, look *r)
{
    const mae_model *m = s->model;
    double ms = 0, mj = 0;
    mae_criteria criteria = criteria_of(s);
    r->n_lines = criteria == MAE_BOTH ? 3 : 1;
    r->lines[0][0] = r->lines[1][1] = 1;
    if (criteria == MAE_EN_ONLY)
        memcpy(r->lines[0], r->lines[1], sizeof r->lines[0]);
    for (int l = 0; l < m->n; l++) {
        mae_pair least = {MAE_NEVER, MAE_NEVER};
        for (int p = 0; p < m->n_pes; p++) {
            mae_pair c = m->cost[l * m->n_pes + p];
            least.lat = c.lat < least.lat ? c.lat : least.lat;
            least.en = c.en < least.en ? c.en : least.en;
        }
        ms += (double)least.lat;
        mj += (double)least.en;
    }
    double lat = ms > 0 ? 1 / ms : 1, en = mj > 0 ? 1 / mj : 1;
    const double little = 1e-6;
    bool weighted = s->aim.kind == MAE_BY_WEIGHTED;
    r->lines[2][0] = weighted ? fmax(s->aim.by_ms / m->per_ms, little * lat) : lat;
    r->lines[2][1] = weighted ? fmax(s->aim.by_mj / m->per_mj, little * en) : en;
}

/* The least J of what costs this by the lines of a round. */
static double score(const void *context, const double *least)
{
    const look *r = context;
    mae_bounds bounds = r->bounds;
    if (r->n_lines == 1)
        return mae_bounds_region(&bounds, r->lines[0][0] * least[0], r->lines[0][1] * least[0], NULL);
    bounds.n_lines = r->n_lines - 2;
    for (size_t k = 0; k < bounds.n_lines; k++)
        bounds.lines[k] = (mae_line){.a = r->lines[2 + k][0], .b = r->lines[2 + k][1]};
    return mae_bounds_region(&bounds, least[0], least[1], &least[2]);
}

/* One trellis and what is found on it; *ret_all: nothing better, nor anything as good, can be elsewhere. */
static mae_error *run_round(mae_solver *s, look *r, size_t max_states, bool *ret_all)
{
    mae_scout scout = {.n_lines = r->n_lines,
                       .lines = (const double(*)[2])r->lines,
                       .score = score,
                       .context = r,
                       .duals = s->duals,
                       .upper = upper(s) * MARGIN,
                       .max_states = max_states};
    mae_trellis *t = NULL;
    MAE_TRY(mae_trellis_create(s->model, &scout, 0, &t));
    mae_error *error = NULL;
    r->lower = INFINITY;
    r->done = false;
    if (s->aim.kind == MAE_BY_LATENCY || (s->aim.kind == MAE_BY_ENERGY && s->model->folded))
        error = solve_single(s, t, r);
    if (!error && !r->done)
        error = offer_singles(s);
    if (!error && !r->done)
        error = solve_thoroughly(s, t, r);
    s->exists |= t->dropped; /* for all that is known */
    s->lower = fmax(s->lower, fmin(r->lower, t->elsewhere));
    *ret_all = !t->dropped || t->elsewhere > upper(s) * MARGIN;
    mae_trellis_destroy(t);
    return error;
}

static mae_error *run_rounds(mae_solver *s)
{
    size_t most = states_allowed(s), few = most / FIRST_LOOK > 0 ? most / FIRST_LOOK : 1;
    look r = {.bounds = mae_bounds_bare(s->model, &s->aim)};
    bool all = false;
    first_lines(s, &r);
    s->lower = -INFINITY;
    /* What a narrow look finds tells which states a wider one needs: by which lines, and up to which J. */
    for (size_t states = few; !all; states = states < most / WIDER ? states * WIDER : most) {
        MAE_TRY(run_round(s, &r, states, &all));
        if (states == most)
            break;
    }
    return NULL;
}

mae_error *mae_solver_run(mae_solver *s)
{
    mae_dual_set own = {.m = s->model}, *given = s->duals;
    if (!given)
        s->duals = &own;
    mae_error *error = run_rounds(s);
    s->duals = given;
    mae_dual_set_finish(&own);
    return error;
}
