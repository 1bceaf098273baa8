#include "plan/wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/corners.h"
#include "plan/front_search.h"

#define SLACK 4e-9       /* more than what counts as equal, so that ties survive */
#define FIRST_STATES 256 /* at one boundary */
#define MAX_STATES 4096  /* more cost seconds, and there is a proven epsilon all the same */
#define WIDER 4          /* that many times as many states from look to look */
#define LOOKS 3
#define PARTS 4
#define ROUGH 5e-4     /* the epsilon of a look that does not see all: its points only have to be near */
#define LABEL_BYTES 16 /* that a kept label takes: its trace, and what arrays that grow have to spare */
#define COARSER 4      /* that many times the epsilon where there are too many labels */
#define ROUGHEST 0.02
#define MAX_LABELS ((size_t)1 << 23)   /* of one search: more cost seconds */
#define ENOUGH_BYTES ((size_t)1 << 17) /* a layer and PE, for the plans along the front: some hundred states */
#define GAP_BYTES ((size_t)1 << 10)    /* that a state takes: its bounds by the lines of some hundred gaps */

typedef struct wide {
    const mae_model *m;
    int max_switches;
    size_t memory_bytes;
    mae_dual_set duals;
    mae_path *known; /* sorted by lat, en falling */
    size_t n_known;
    bool first, last; /* proven: nothing is faster, nothing thriftier */
    mae_corners corners;
    double epsilon; /* proven so far */
    bool exact;
} wide;

/* ---- known points ---- */

/* Rounded to quanta: sums are whole numbers. What waiting costs is not in `en`, see mae_model.folded. */
static mae_pair quanta_of(const mae_model *m, const mae_prediction *cost)
{
    double mj = cost->energy_mj;
    if (!m->folded)
        mj -= m->profile->static_w * fmax(cost->latency_ms, m->period_ms);
    return (mae_pair){llround(cost->latency_ms * m->per_ms), llround(fmax(mj, 0) * m->per_mj)};
}

/* Keeps a copy unless it is beaten, and leaves out what it beats. */
static mae_error *learn(wide *w, mae_pair cost, int switches, const int *mapping)
{
    size_t at = 0, end;
    while (at < w->n_known && w->known[at].cost.lat < cost.lat)
        at++;
    if ((at > 0 && w->known[at - 1].cost.en <= cost.en) ||
        (at < w->n_known && w->known[at].cost.lat == cost.lat && w->known[at].cost.en <= cost.en))
        return NULL;
    for (end = at; end < w->n_known && w->known[end].cost.en >= cost.en; end++)
        free(w->known[end].mapping);
    size_t bytes = (size_t)w->m->n * sizeof *mapping, n_after = w->n_known - end;
    int *copy = malloc(bytes);
    mae_path *known = realloc(w->known, (w->n_known + 1) * sizeof *known);
    if (known)
        w->known = known;
    w->n_known = known && copy ? at + 1 + n_after : at; /* those behind are lost with the error */
    if (!known || !copy) {
        for (size_t i = end; i < end + n_after; i++)
            free(w->known[i].mapping);
        free(copy);
        return mae_error_nomem();
    }
    memmove(&known[at + 1], &known[end], n_after * sizeof *known);
    memcpy(copy, mapping, bytes);
    known[at] = (mae_path){.cost = cost, .switches = switches, .mapping = copy};
    return NULL;
}

/* ---- single plans ---- */

/* *ret_proven: nothing is better, or nothing exists. */
static mae_error *best(wide *w, mae_aim aim, bool *ret_found, bool *ret_proven, mae_pair *ret_cost)
{
    mae_solver solver = {.model = w->m, .aim = aim, .memory_bytes = w->memory_bytes, .duals = &w->duals, .k = 1};
    if (aim.kind == MAE_BY_WEIGHTED) { /* one of many, and no proof of it is needed */
        size_t enough = (size_t)w->m->n * (size_t)w->m->n_pes * ENOUGH_BYTES;
        solver.memory_bytes = enough < w->memory_bytes ? enough : w->memory_bytes;
    }
    solver.aim.max_ms = solver.aim.max_mj = INFINITY;
    solver.aim.max_switches = w->max_switches;
    mae_error *error = mae_solver_run(&solver);
    if (!error) {
        const mae_answer *answer = solver.answers;
        *ret_found = solver.n_answers == 1;
        *ret_proven = *ret_found ? mae_cost_equal(fmin(solver.lower, answer->value), answer->value)
                                 : !isfinite(solver.lower) || !solver.exists;
        if (*ret_found) {
            *ret_cost = quanta_of(w->m, &answer->cost);
            error = learn(w, *ret_cost, answer->cost.switches, answer->mapping);
        }
    }
    mae_solver_finish(&solver);
    return error;
}

static void add_line(wide *w, double a, double b)
{
    mae_corners *c = &w->corners;
    const double line[2] = {a, b};
    memcpy(c->lines[c->n_lines++], line, sizeof line);
}

typedef struct chord {
    mae_pair low, high;
    bool closed;
} chord;

/* How much is missed at most between the ends of a chord, roughly. */
static double missed(const chord *c)
{
    return c->closed ? 0
                     : fmin((double)c->high.lat / fmax((double)c->low.lat, 1),
                            (double)c->low.en / fmax((double)c->high.en, 1)) -
                           1;
}

/* The best plan by the weights of a chord; their line bounds all others. */
static mae_error *look_below(wide *w, chord *chords, size_t which, size_t *n)
{
    chord *c = &chords[which];
    double a = (double)(c->low.en - c->high.en), b = (double)(c->high.lat - c->low.lat), scale = fmax(a, b);
    mae_aim aim = {.kind = MAE_BY_WEIGHTED, .by_ms = a / scale * w->m->per_ms, .by_mj = b / scale * w->m->per_mj};
    mae_pair corner;
    bool found, proven;
    MAE_TRY(best(w, aim, &found, &proven, &corner));
    add_line(w, aim.by_ms / w->m->per_ms, aim.by_mj / w->m->per_mj);
    c->closed = !found || corner.lat <= c->low.lat || corner.lat >= c->high.lat || corner.en >= c->low.en ||
                corner.en <= c->high.en;
    if (!c->closed) {
        chords[(*n)++] = (chord){.low = corner, .high = c->high};
        c->high = corner;
    }
    return NULL;
}

/* Plans and lines all along the front. */
static mae_error *look_along(wide *w, mae_pair fastest, mae_pair thriftiest, double enough)
{
    chord chords[MAE_CORNERS_LINES + 1] = {{.low = fastest, .high = thriftiest}};
    size_t n = 1;
    for (int i = 0; i < MAE_CORNERS_LINES; i++) {
        size_t widest = 0;
        for (size_t k = 1; k < n; k++)
            if (missed(&chords[k]) > missed(&chords[widest]))
                widest = k;
        if (missed(&chords[widest]) <= enough)
            break;
        MAE_TRY(look_below(w, chords, widest, &n));
    }
    return NULL;
}

/* ---- all that is between ---- */

/* The hits, known ones that nothing beats among them, take the place of what was known. */
static mae_error *learn_hits(wide *w, const mae_front_search *s)
{
    mae_path *known = w->known;
    size_t n_known = w->n_known;
    int *mapping = malloc((size_t)w->m->n * sizeof *mapping);
    mae_error *error = mapping ? NULL : mae_error_nomem();
    w->known = NULL;
    w->n_known = 0;
    for (size_t i = 0; i < s->n_hits && !error; i++) {
        mae_front_search_mappings(s, i, 1, &mapping);
        error = learn(w, s->hits[i].quanta, s->hits[i].cost.switches, mapping);
    }
    for (size_t i = 0; i < n_known; i++)
        free(known[i].mapping);
    free(known);
    free(mapping);
    return error;
}

/* *ret_done: there was room, and all that is on the trellis is known. */
static mae_error *search(wide *w, const mae_trellis *t, double epsilon, bool *ret_done)
{
    const mae_aim aim = {.kind = MAE_BY_ENERGY, .max_ms = INFINITY, .max_mj = INFINITY, .max_switches = -1};
    mae_front_search s = {.t = t, .max_switches = w->max_switches, .n_known = w->n_known, .known = w->known};
    size_t labels = w->memory_bytes / LABEL_BYTES;
    s.max_labels = labels < MAX_LABELS ? labels : MAX_LABELS;
    mae_bounds *bounds = NULL;
    MAE_TRY(mae_bounds_create(t, &aim, &bounds));
    mae_error *error = mae_front_search_run(&s, bounds, epsilon);
    *ret_done = !error && !s.too_many;
    if (*ret_done)
        error = learn_hits(w, &s);
    mae_front_search_finish(&s);
    mae_bounds_destroy(bounds);
    return error;
}

/* Part of what is known, and what a look at what is between them found out. */
typedef struct stretch {
    const mae_pair *points;
    size_t n;
    bool first, last; /* nothing is faster, nothing thriftier */
    double epsilon;   /* proven */
    bool all;         /* nothing that is wanted was left out */
} stretch;

/* One look with so many states at a boundary. */
static mae_error *look(wide *w, stretch *part, size_t max_states, double epsilon)
{
    mae_corners corners = w->corners;
    mae_corners_set(&corners, part->points, part->n, part->first, part->last);
    mae_scout scout = {.n_lines = corners.n_lines,
                       .lines = (const double(*)[2])corners.lines,
                       .score = mae_corners_score,
                       .context = &corners,
                       .duals = &w->duals,
                       .upper = (1 + SLACK) / (1 + epsilon),
                       .max_states = max_states};
    mae_trellis *t = NULL;
    bool done = false;
    MAE_TRY(mae_trellis_create(w->m, &scout, 0, &t));
    double within = t->dropped ? fmax(epsilon, ROUGH) : epsilon;
    double left_out = !t->dropped ? 0 : t->elsewhere > 0 ? fmax(1 / t->elsewhere - 1, 0) : INFINITY;
    mae_error *error = search(w, t, within, &done);
    for (; !error && !done && within <= ROUGHEST; error = search(w, t, within, &done)) /* too many labels */
        within = fmax(COARSER * within, ROUGH);
    part->all = !t->dropped && done && within <= epsilon; /* else not all points are known */
    part->epsilon = done ? fmax(within, left_out) : INFINITY;
    mae_trellis_destroy(t);
    return error;
}

/* The whole in so many stretches. They are set before any look: what a look finds does not move their ends. */
static mae_error *look_at_parts(wide *w, size_t parts, size_t max_states, double epsilon, bool *ret_all)
{
    size_t last = w->n_known - 1;
    double worst = 0;
    mae_pair *points = malloc(w->n_known * sizeof *points);
    mae_error *error = points ? NULL : mae_error_nomem();
    for (size_t i = 0; i <= last && points; i++)
        points[i] = w->known[i].cost; /* NOLINT(clang-analyzer-unix.Malloc): n_known is not 0 */
    for (size_t k = 0; k < w->corners.n_lines && points; k++) {
        const double *line = w->corners.lines[k];
        w->corners.least[k] = INFINITY;
        for (size_t i = 0; i <= last; i++)
            w->corners.least[k] =
                fmin(w->corners.least[k], line[0] * (double)points[i].lat + line[1] * (double)points[i].en);
    }
    *ret_all = true;
    for (size_t i = 0; i < parts && !error; i++) {
        size_t from = last * i / parts, to = last * (i + 1) / parts;
        stretch part = {.points = &points[from], .n = to - from + 1, .first = i > 0 || w->first};
        part.last = i + 1 < parts || w->last;
        if (part.n == 1 && part.first && part.last)
            continue;
        error = look(w, &part, max_states, epsilon);
        worst = fmax(worst, part.epsilon);
        *ret_all &= part.all;
    }
    if (!error) {
        w->epsilon = fmin(w->epsilon, worst);
        w->exact = *ret_all && epsilon == 0;
    }
    free(points);
    return error;
}

/* The whole together; where that does not fit, part by part. */
static mae_error *look_between(wide *w, double epsilon)
{
    size_t room = w->memory_bytes / 4 / (size_t)w->m->n / GAP_BYTES, most = room < MAX_STATES ? room : MAX_STATES;
    size_t states = most < FIRST_STATES ? most : FIRST_STATES;
    bool all = false;
    for (int i = 0; i < LOOKS && !all; i++) {
        size_t parts = i + 1 < LOOKS ? 1 : PARTS;
        MAE_TRY(look_at_parts(w, parts, states > 0 ? states : 1, epsilon, &all));
        states = states < most / WIDER ? states * WIDER : most;
    }
    return NULL;
}

static mae_error *solve(wide *w, double epsilon)
{
    mae_pair fastest, thriftiest;
    bool found, also;
    add_line(w, 1, 0);
    add_line(w, 0, 1);
    MAE_TRY(best(w, (mae_aim){.kind = MAE_BY_LATENCY}, &found, &w->first, &fastest));
    if (!found && w->first) { /* there is none */
        w->epsilon = 0;
        return NULL;
    }
    MAE_TRY(best(w, (mae_aim){.kind = MAE_BY_ENERGY}, &also, &w->last, &thriftiest));
    if (!found || !also)
        return NULL;
    if (w->n_known == 1 && w->first && w->last) {
        w->epsilon = 0;
        w->exact = true;
        return NULL;
    }
    if (w->n_known > 1)
        MAE_TRY(look_along(w, fastest, thriftiest, fmax(epsilon, 1e-3)));
    return look_between(w, epsilon);
}

/* ---- the result ---- */

static mae_error *hand_out(wide *w, mae_wide_front *front)
{
    front->answers = calloc(w->n_known + 1, sizeof *front->answers);
    if (!front->answers)
        return mae_error_nomem();
    for (size_t i = 0; i < w->n_known; i++) {
        double lat = (double)w->known[i].cost.lat, en = (double)w->known[i].cost.en;
        front->answers[i] = (mae_answer){
            .mapping = w->known[i].mapping,
            .cost = {mae_model_ms(w->m, lat), mae_model_mj(w->m, lat, en), w->known[i].switches},
        };
    }
    front->n = w->n_known;
    front->exact = w->exact;
    front->epsilon = w->epsilon;
    w->n_known = 0; /* the mappings have changed hands */
    return NULL;
}

mae_error *mae_wide_front_solve(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes,
                                mae_wide_front *ret_front)
{
    wide *w = calloc(1, sizeof *w);
    if (!w)
        return mae_error_nomem();
    *w = (wide){.m = m, .max_switches = max_switches, .memory_bytes = memory_bytes, .duals = {.m = m}};
    w->epsilon = INFINITY;
    mae_error *error = solve(w, epsilon);
    if (!error)
        error = hand_out(w, ret_front);
    for (size_t i = 0; i < w->n_known; i++)
        free(w->known[i].mapping);
    free(w->known);
    mae_dual_set_finish(&w->duals);
    free(w);
    return error;
}

void mae_wide_front_finish(mae_wide_front *front)
{
    for (size_t i = 0; i < front->n; i++)
        free(front->answers[i].mapping);
    free(front->answers);
    *front = (mae_wide_front){0};
}
