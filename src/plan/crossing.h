/* New paths from known ones: two paths that meet in a state can change places there. */
#ifndef MAE_PLAN_CROSSING_H
#define MAE_PLAN_CROSSING_H

#include "plan/paths.h"

/* The most central mix of two of these paths with at most these lat and en: the one whose larger share of the
 * two limits is least. *ret_found is false if there is none; path->mapping has room for n layers. */
MAE_MUST_CHECK mae_error *mae_crossing_find(const mae_trellis *t, const mae_path *const *paths, size_t n_paths,
                                            double max_lat, double max_en, bool *ret_found, mae_path *path);

#endif
