#include "plan/bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* fmax() and fmin() without their rules for NaN: these are called for every label. */
static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

double mae_aim_value(const mae_aim *aim, double ms, double mj)
{
    switch (aim->kind) {
    case MAE_BY_ENERGY:
        return mj;
    case MAE_BY_EDP:
        return ms * mj;
    case MAE_BY_WEIGHTED:
        return aim->by_ms * ms + aim->by_mj * mj;
    case MAE_BY_MISS:
        return fmax(aim->by_ms * ms, aim->by_mj * mj);
    case MAE_BY_LATENCY:
        break;
    }
    return ms;
}

double mae_aim_of(const mae_aim *aim, const mae_model *m, double lat, double en)
{
    return mae_aim_value(aim, mae_model_ms(m, lat), mae_model_mj(m, lat, en));
}

bool mae_aim_met(const mae_aim *aim, const mae_model *m, mae_pair cost)
{
    return mae_model_ms(m, (double)cost.lat) <= aim->max_ms &&
           mae_model_mj(m, (double)cost.lat, (double)cost.en) <= aim->max_mj;
}

mae_bounds mae_bounds_bare(const mae_model *m, const mae_aim *aim)
{
    double waiting_mj = m->folded || !m->has_energy ? 0 : m->profile->static_w * m->period_ms;
    return (mae_bounds){.model = m,
                        .aim = aim,
                        .max_lat = aim->max_ms * m->per_ms,
                        .max_en = (aim->max_mj - waiting_mj) * m->per_mj,
                        .most_en = aim->max_mj * m->per_mj,
                        .static_en = m->profile->static_w / m->per_ms * m->per_mj};
}

mae_error *mae_bounds_create(const mae_trellis *t, const mae_aim *aim, mae_bounds **ret_bounds)
{
    size_t n = mae_trellis_states(t);
    mae_bounds *b = calloc(1, sizeof *b);
    if (!b)
        return mae_error_nomem();
    *b = mae_bounds_bare(t->model, aim);
    b->t = t;
    b->go_lat = malloc(n * sizeof *b->go_lat);
    b->go_en = malloc(n * sizeof *b->go_en);
    if (!b->go_lat || !b->go_en) {
        mae_bounds_destroy(b);
        return mae_error_nomem();
    }
    mae_path_to_go(t, b->go_lat, b->go_en);
    *ret_bounds = b;
    return NULL;
}

void mae_bounds_destroy(mae_bounds *bounds)
{
    if (!bounds)
        return;
    for (size_t k = 0; k < bounds->n_lines; k++)
        free(bounds->lines[k].go);
    free(bounds->go_lat);
    free(bounds->go_en);
    free(bounds);
}

void mae_bounds_add_line(mae_bounds *bounds, double a, double b, double *go)
{
    size_t at = 0;
    if (bounds->n_lines == MAE_BOUND_MAX_LINES) { /* the outermost tells least about the middle */
        free(bounds->lines[--bounds->n_lines].go);
    }
    while (at < bounds->n_lines && bounds->lines[at].a * b >= a * bounds->lines[at].b)
        at++;
    memmove(&bounds->lines[at + 1], &bounds->lines[at], (bounds->n_lines - at) * sizeof *bounds->lines);
    bounds->lines[at] = (mae_line){a, b, go};
    bounds->n_lines++;
}

/* The least en at this lat by the lines. */
static double envelope(const mae_bounds *b, double lat, double e0, const double *z)
{
    double en = e0;
    for (size_t k = 0; k < b->n_lines; k++)
        en = larger(en, (z[k] - b->lines[k].a * lat) / b->lines[k].b);
    return en;
}

/* J at a corner of the region. Where waiting for the next frame costs energy, and that is not yet in `en`,
 * energy is the larger of two sums; `waits` chooses one: each of them alone is a lower bound. */
static double value_at(const mae_bounds *b, double lat, double en, bool waits)
{
    const mae_model *m = b->model;
    double ms = lat / m->per_ms, mj = en / m->per_mj;
    if (!m->folded)
        mj += m->profile->static_w * (waits ? m->period_ms : ms);
    return mae_aim_value(b->aim, ms, m->has_energy ? mj : 0);
}

/* Where two lines meet. Lines are sorted, so that x is steeper than y; parallel ones never do. */
static double meeting(const mae_line *x, const mae_line *y, double zx, double zy)
{
    double det = x->a * y->b - y->a * x->b;
    return det > 0 ? (zx * y->b - zy * x->b) / det : -INFINITY;
}

/* The least J at the corners of the envelope from `low` to `high`: enough, because J is linear or concave
 * along every line. Lines that are nowhere uppermost must be left out first. */
static double least_at_corners(const mae_bounds *b, double low, double high, double e0, const double *z, bool waits)
{
    size_t upper[MAE_BOUND_MAX_LINES], n = 0;
    double at[MAE_BOUND_MAX_LINES]; /* at[i]: upper[i] takes over from upper[i - 1] */
    double least =
        smaller(value_at(b, low, envelope(b, low, e0, z), waits), value_at(b, high, envelope(b, high, e0, z), waits));
    for (size_t k = 0; k < b->n_lines && b->n_lines > 1; k++) {
        double lat = -INFINITY;
        while (n > 0) {
            lat = meeting(&b->lines[upper[n - 1]], &b->lines[k], z[upper[n - 1]], z[k]);
            if (n == 1 || lat > at[n - 1])
                break;
            n--;
        }
        at[n] = lat;
        upper[n++] = k;
    }
    for (size_t i = 1; i < n; i++)
        if (at[i] > low && at[i] < high)
            least = smaller(least, value_at(b, at[i], envelope(b, at[i], e0, z), waits));
    return least;
}

/* MISS is convex, so corners are not enough: where the line meets the diagonal of the bounds. */
static double least_miss(const mae_bounds *b, double l0, double e0, const double *z)
{
    const mae_model *m = b->model;
    double lat = m->per_ms / b->aim->by_ms, en = m->per_mj / b->aim->by_mj;
    double least = larger(value_at(b, l0, e0, true), value_at(b, l0, e0, false));
    for (size_t k = 0; k < b->n_lines; k++)
        least = larger(least, z[k] / (b->lines[k].a * lat + b->lines[k].b * en));
    return least;
}

double mae_bounds_region(const mae_bounds *b, double l0, double e0, const double *z)
{
    double low = l0, high = l0;
    for (size_t k = 0; k < b->n_lines; k++) {
        if (isfinite(b->max_en))
            low = larger(low, (z[k] - b->lines[k].b * b->max_en) / b->lines[k].a);
        high = larger(high, (z[k] - b->lines[k].b * e0) / b->lines[k].a);
    }
    high = smaller(larger(high, low), b->max_lat);
    const double slack = 1 + 1e-12;
    if (low > b->max_lat * slack || e0 > b->max_en * slack)
        return INFINITY;
    if (!b->model->folded && e0 + b->static_en * l0 > b->most_en * slack)
        return INFINITY;
    low = smaller(low, high);
    if (b->aim->kind == MAE_BY_MISS)
        return least_miss(b, l0, e0, z);
    double least = least_at_corners(b, low, high, e0, z, true);
    if (b->model->folded)
        return least;
    if (b->aim->kind == MAE_BY_EDP) /* along a line the other sum may be convex: only the corner is safe */
        return larger(least, value_at(b, l0, e0, false));
    return larger(least, least_at_corners(b, low, high, e0, z, false));
}

double mae_bounds_of(const mae_bounds *b, size_t state, mae_pair cost)
{
    double z[MAE_BOUND_MAX_LINES];
    if (b->go_lat[state] == MAE_NEVER)
        return INFINITY;
    for (size_t k = 0; k < b->n_lines; k++)
        z[k] = b->lines[k].a * (double)cost.lat + b->lines[k].b * (double)cost.en + b->lines[k].go[state];
    return mae_bounds_region(b, (double)(cost.lat + b->go_lat[state]), (double)(cost.en + b->go_en[state]), z);
}

mae_cutoff mae_bounds_cutoff(const mae_bounds *b, double upper)
{
    const mae_model *m = b->model;
    const double slack = 1 + 1e-12;
    mae_cutoff c = {.lat = b->max_lat * slack, .en = b->max_en * slack};
    if (b->aim->kind == MAE_BY_LATENCY)
        c.lat = smaller(c.lat, upper * m->per_ms);
    if (b->aim->kind == MAE_BY_ENERGY && m->folded)
        c.en = smaller(c.en, upper * m->per_mj);
    for (size_t k = 0; k < b->n_lines; k++)
        c.z[k] = b->lines[k].a * c.lat + b->lines[k].b * c.en;
    c.exact = m->folded && (b->aim->kind == MAE_BY_LATENCY || b->aim->kind == MAE_BY_ENERGY);
    return c;
}
