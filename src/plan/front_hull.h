/* The supported points of the whole front, and where between them others may be. */
#ifndef MAE_PLAN_FRONT_HULL_H
#define MAE_PLAN_FRONT_HULL_H

#include "plan/labels.h"

/* Between two known points: those that neither covers lie above the line of `wanted`, below the corner of the two. */
typedef struct mae_front_gap {
    mae_pair low, high; /* the ends */
    double least;       /* nothing is below it by the line */
    double top;         /* nor is anything above it that no known point covers */
    bool done;          /* all that is wanted here is known */
} mae_front_gap;

typedef struct mae_front_hull {
    size_t n_points; /* sorted by lat */
    mae_path *points;
    double epsilon;
    mae_wanted wanted;   /* a line for each gap that may hold a point that none of the known ones covers */
    mae_front_gap *gaps; /* per line of `wanted` */
} mae_front_hull;

/* With epsilon > 0 a point counts as covered when another is at most 1 + epsilon times as slow and as dear. */
MAE_MUST_CHECK mae_error *mae_front_hull_create(const mae_trellis *t, double epsilon, mae_front_hull *ret_hull);
void mae_front_hull_finish(mae_front_hull *hull);

/* A distance from the lines, relative, that is worth a first search. */
double mae_front_hull_first_step(const mae_front_hull *hull);

/* Sets wanted.most: the gaps that are not done are looked into this far above their lines. false: all are done. */
bool mae_front_hull_aim(mae_front_hull *hull, double step);

/* Is this lat between the ends of a gap that is not done, or at one of them? */
bool mae_front_hull_open_at(const mae_front_hull *hull, int64_t lat);

/* All points that are known once what the last aim wanted has been found, sorted by lat, en falling. */
void mae_front_hull_learn(mae_front_hull *hull, const mae_pair *points, size_t n);

#endif
