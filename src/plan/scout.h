/* While the trellis grows: how cheaply each state was reached and how cheaply the end may be reached from
 * it, so that the least promising states can be left out where there are too many, with a true bound. */
#ifndef MAE_PLAN_SCOUT_H
#define MAE_PLAN_SCOUT_H

#include "plan/dual.h"
#include "plan/states.h"
#include "plan/trellis.h"

#define MAE_SCOUT_MAX_PES 64

typedef struct mae_scout_state {
    const mae_model *m;
    mae_scout scout;    /* what was asked for */
    bool active;        /* there may be too many states */
    double *now, *next; /* per state and line: least cost so far */
    size_t n_next, now_room, next_room;
    const mae_dual **duals; /* per line: what is left to pay; NULL until there are too many states */
    bool dropped;
    double elsewhere; /* see mae_trellis */
} mae_scout_state;

/* false: out of memory, as for the others. `scout` may be NULL. */
bool mae_scout_init(mae_scout_state *state, const mae_model *m, const mae_scout *scout);
void mae_scout_finish(mae_scout_state *state);

/* An arc from a state of this boundary to one of the next. */
bool mae_scout_reach(mae_scout_state *state, size_t from, size_t to, mae_pair cost);

/* The next boundary is complete and becomes the present one. If it has states that are not wanted, or too many,
 * `states` is thinned and *ret_kept (to be freed) gives each old state its new number or UINT32_MAX; else NULL. */
bool mae_scout_thin(mae_scout_state *state, int boundary, mae_states *states, uint32_t **ret_kept);

#endif
