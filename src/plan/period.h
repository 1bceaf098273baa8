/* Inside of planning for the least period: pipelines on sets of resources, and how the sets share out the resources. */
#ifndef MAE_PLAN_PERIOD_H
#define MAE_PLAN_PERIOD_H

#include "plan/labels.h"
#include "plan/plan.h"
#include "plan/trellis.h"

/* Up to so many resources every set of them may hold a pipeline; up to MAE_PERIOD_SHARED, sets of MAE_PERIOD_FEW;
 * beyond, each resource alone. */
#define MAE_PERIOD_EXACT 6
#define MAE_PERIOD_SHARED 12
#define MAE_PERIOD_FEW 3

/* The resources of a model's PEs, numbered as they come in the profile. */
typedef struct mae_period_resources {
    int n;
    int of_pe[64]; /* by our PE */
} mae_period_resources;

void mae_period_find_resources(const mae_model *m, mae_period_resources *ret_resources);

/* What every frame has to stay within, in quanta; MAE_NEVER: no bound. */
typedef struct mae_period_bounds {
    int64_t lat, en; /* of one frame of any replica, en without the idle draw */
    int switches;    /* -1: no bound */
} mae_period_bounds;

/* The sets of resources that may hold a pipeline, those with fewer resources first, and the best on each. */
typedef struct mae_period_group {
    uint64_t resources;
    int64_t period; /* the largest load of a resource; MAE_NEVER: none found */
    int *mapping;   /* our PEs; NULL: none found */
} mae_period_group;

typedef struct mae_period_groups {
    const mae_model *m;
    const mae_trellis *t;
    const mae_period_resources *resources;
    mae_period_bounds bounds;
    size_t memory_bytes;
    size_t n;
    mae_period_group *groups;
    bool too_many; /* labels than fit: what is not there may be */
} mae_period_groups;

MAE_MUST_CHECK mae_error *mae_period_groups_make(mae_period_groups *groups);
void mae_period_groups_finish(mae_period_groups *groups);
/* The set's place; SIZE_MAX: it is none of these. */
size_t mae_period_group_of(const mae_period_groups *groups, uint64_t resources);

/* period_labels.c: the least period on every group, found with the groups before it; a pipeline that is no faster than
 * sharing out its resources is not looked for. */
MAE_MUST_CHECK mae_error *mae_period_search(mae_period_groups *groups);
/* The mapping of least latency on this group with a period of at most groups[at].period. */
MAE_MUST_CHECK mae_error *mae_period_refine(mae_period_groups *groups, size_t at);

/* period_share.c: the most frames per quantum that disjoint groups within `resources` give, of groups before `until`;
 * *ret_chosen (of n entries; may be NULL) says which. */
MAE_MUST_CHECK mae_error *mae_period_share(const mae_period_groups *groups, uint64_t resources, size_t until,
                                           double *ret_rate, bool *ret_chosen);

/* period_bound.c: no arrangement at all has a lesser period, in ms. */
double mae_period_bound(const mae_profile *profile);

#endif
