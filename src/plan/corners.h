/* Where trade-offs that are not known yet may be: below a corner of two known points that follow each other. */
#ifndef MAE_PLAN_CORNERS_H
#define MAE_PLAN_CORNERS_H

#include "plan/dual.h"
#include "plan/model.h"

#define MAE_CORNERS_MAX 128
#define MAE_CORNERS_LINES 16 /* between lat and en */
#define MAE_CORNERS_NEAR 4   /* lines that are asked for each corner */

typedef struct mae_corner {
    double lat, en; /* 1 / lat and 1 / en; 0: no limit */
    size_t line[MAE_CORNERS_NEAR];
    double inverse[MAE_CORNERS_NEAR]; /* 1 / (a * lat + b * en) */
} mae_corner;

typedef struct mae_corners {
    size_t n_lines, n; /* lines: lat, en, and those between; the latter only while some corner asks for them */
    double lines[2 + MAE_CORNERS_LINES][2];
    double least[2 + MAE_CORNERS_LINES]; /* of all known points, by each line: to choose by, no bound */
    mae_corner corners[MAE_CORNERS_MAX + 2];
} mae_corners;

/* From known points, sorted by lat, en falling. `first`, `last`: nothing may be faster, nothing thriftier. The lines
 * and what is least by them are there already. */
void mae_corners_set(mae_corners *corners, const mae_pair *points, size_t n, bool first, bool last);

/* A mae_scout_score. What costs at least so much by each line is not covered less than by this factor: no known point
 * exceeds it by more than 1 / score both ways. */
double mae_corners_score(const void *corners, const double *least);

#endif
