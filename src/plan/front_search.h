/* The points of a front on a trellis that has all states. */
#ifndef MAE_PLAN_FRONT_SEARCH_H
#define MAE_PLAN_FRONT_SEARCH_H

#include "plan/front_hull.h"
#include "plan/labels.h"

typedef struct mae_front_hit {
    mae_prediction cost;
    mae_pair quanta;
    const mae_path *path; /* a point of the hull; NULL: found[which] of labels[pass] */
    uint32_t pass, which;
} mae_front_hit;

typedef struct mae_front_search {
    const mae_trellis *t;
    int max_switches;      /* -1: no limit */
    size_t n_known;        /* points that are known, within all limits; they are hits too unless others beat them */
    const mae_path *known; /* the caller's, until _finish */
    size_t max_labels;
    bool too_many; /* they were not enough: there is no result */
    size_t n_hits; /* by rising latency, none beaten by another */
    mae_front_hit *hits;
    mae_front_hull hull;
    size_t n_passes;
    mae_labels *labels; /* per pass */
    size_t hit_room;
} mae_front_search;

/* Infeasible limits give no hits. _finish also after an error. */
MAE_MUST_CHECK mae_error *mae_front_search_run(mae_front_search *search, const mae_bounds *bounds, double epsilon);
void mae_front_search_finish(mae_front_search *search);

/* The mappings (our PEs) of the n hits from `first` on. */
void mae_front_search_mappings(const mae_front_search *search, size_t first, size_t n, int *const *ret_mappings);

#endif
