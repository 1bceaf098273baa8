/* The supported points of the whole front, and where between them others may be. */
#ifndef MAE_PLAN_FRONT_HULL_H
#define MAE_PLAN_FRONT_HULL_H

#include "plan/labels.h"

typedef struct mae_front_hull {
    size_t n_points; /* sorted by lat */
    mae_path *points;
    mae_wanted wanted;    /* the gaps between them that may hold a point that none of them covers */
    mae_pair *low, *high; /* per line of `wanted`: the ends of its gap */
} mae_front_hull;

/* With epsilon > 0 a point counts as covered when
 * another is at most 1 + epsilon times as slow and as dear. */
MAE_MUST_CHECK mae_error *mae_front_hull_create(const mae_trellis *t, double epsilon, mae_front_hull *ret_hull);
/* Narrows the gaps (of epsilon 0) by more points that are known, sorted by lat, en falling. */
void mae_front_hull_narrow(mae_front_hull *hull, const mae_pair *points, size_t n);
void mae_front_hull_finish(mae_front_hull *hull);

#endif
