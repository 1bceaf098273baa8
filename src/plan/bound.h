/* Lower bounds of a goal over all completions of a partial mapping. */
#ifndef MAE_PLAN_BOUND_H
#define MAE_PLAN_BOUND_H

#include "plan/paths.h"

#define MAE_BOUND_MAX_LINES 16

/* What is minimised. MISS is the larger of latency / max_latency and energy / max_energy: how far a point
 * is from meeting both. */
typedef enum mae_measure_kind {
    MAE_BY_LATENCY,
    MAE_BY_ENERGY,
    MAE_BY_EDP,
    MAE_BY_WEIGHTED,
    MAE_BY_MISS
} mae_measure_kind;

typedef struct mae_aim {
    mae_measure_kind kind;
    double by_ms, by_mj;   /* weights of a weighted aim; 1 / bounds of MISS */
    double max_ms, max_mj; /* bounds, tolerance included; infinite: none */
    int max_switches;      /* -1: none */
} mae_aim;

/* J of a point, by the model's units. */
double mae_aim_value(const mae_aim *aim, double ms, double mj);
double mae_aim_of(const mae_aim *aim, const mae_model *m, double lat, double en);
bool mae_aim_met(const mae_aim *aim, const mae_model *m, mae_pair cost);

/* a * lat + b * en: from each state no completion costs less than go[state]. */
typedef struct mae_line {
    double a, b;
    double *go;
} mae_line;

typedef struct mae_bounds {
    const mae_model *model;
    const mae_trellis *t; /* NULL: for mae_bounds_region() alone */
    const mae_aim *aim;
    int64_t *go_lat, *go_en; /* per state */
    size_t n_lines;
    mae_line lines[MAE_BOUND_MAX_LINES]; /* by falling a / b */
    double max_lat, max_en;              /* of the aim, in quanta; max_en without what waiting costs */
    double most_en, static_en;           /* max_mj whole, and the idle draw of one quantum of time */
} mae_bounds;

/* Without a trellis, and without lines. */
mae_bounds mae_bounds_bare(const mae_model *m, const mae_aim *aim);

MAE_MUST_CHECK mae_error *mae_bounds_create(const mae_trellis *t, const mae_aim *aim, mae_bounds **ret_bounds);
void mae_bounds_destroy(mae_bounds *bounds); /* takes NULL */

/* Takes over `go`. Where there are too many lines, the oldest goes. */
void mae_bounds_add_line(mae_bounds *bounds, double a, double b, double *go);

/* What a completion must not exceed so that its J is at most `upper`: quick to check for each label. */
typedef struct mae_cutoff {
    double lat, en; /* quanta */
    double z[MAE_BOUND_MAX_LINES];
    bool exact; /* nothing is gained by mae_bounds_of() beyond this */
} mae_cutoff;

mae_cutoff mae_bounds_cutoff(const mae_bounds *bounds, double upper);

/* No completion of a partial mapping with this cost at this state has a lesser J; infinite if none meets
 * the bounds. */
double mae_bounds_of(const mae_bounds *bounds, size_t state, mae_pair cost);

/* The same for any region: lat >= l0, en >= e0, and one z per line. */
double mae_bounds_region(const mae_bounds *bounds, double l0, double e0, const double *z);

#endif
