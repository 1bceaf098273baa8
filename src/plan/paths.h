/* Shortest paths through a trellis: for one criterion with exact ties, and for weighted sums. */
#ifndef MAE_PLAN_PATHS_H
#define MAE_PLAN_PATHS_H

#include "plan/trellis.h"

/* A path's cost and its mapping (our PEs, one a layer; caller's or NULL). */
typedef struct mae_path {
    mae_pair cost;
    int switches;
    int *mapping;
} mae_path;

/* The least cost by `en` (else by `lat`), ties broken by the other, then by switches, then by PE names.
 * *ret_found is false if there is no path. path->mapping must have room for n layers. */
MAE_MUST_CHECK mae_error *mae_path_best(const mae_trellis *t, bool by_en, bool *ret_found, mae_path *path);

/* From each state the least lat, and the least en, to the end; MAE_NEVER where there is no way. */
void mae_path_to_go(const mae_trellis *t, int64_t *ret_lat, int64_t *ret_en);

/* a * lat + b * en from each state to the end (infinite where there is no way), and a path that has the
 * least from the start. */
void mae_path_weighted(const mae_trellis *t, double a, double b, double *ret_go, mae_path *path);

#define MAE_PATH_MANY 8

/* The same for so many weights in one go: from state s to the end by weights k go[s * MAE_PATH_MANY + k]. */
void mae_path_weighted_many(const mae_trellis *t, const double a[MAE_PATH_MANY], const double b[MAE_PATH_MANY],
                            double *ret_go);
/* A path that has the least by weights k, from what mae_path_weighted_many() found. */
void mae_path_of_many(const mae_trellis *t, double a, double b, const double *go, size_t k, mae_path *path);

#endif
