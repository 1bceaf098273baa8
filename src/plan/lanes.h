/* The planner where segments of different resources ("lanes") overlap: docs/formats.md, section 2, "The overlapped
 * frame". Partial mappings grow layer by layer (lanes_look.c) with a bound on every completion (lanes_bound.c);
 * what is found is improved by moving stretches of layers (lanes_climb.c). */
#ifndef MAE_PLAN_LANES_H
#define MAE_PLAN_LANES_H

#include "core/makespan.h"
#include "plan/solver.h"

#define MAE_LANES_MOST_LINES 32

/* Weights of the lanes' times. Whatever the mapping, the weighted sum of all lanes' times is at least `rest[0]`. */
typedef struct mae_lanes_line {
    double *weight; /* per lane, their sum is 1 */
    double *rest;   /* n + 1: what layers l and later add to the weighted sum at the least */
    double pace;    /* the most that all lanes together get done of it in a millisecond, contention considered */
} mae_lanes_line;

typedef struct mae_lanes {
    mae_solver *solver;
    const mae_model *m;
    const mae_profile *p;
    mae_arena *arena;
    mae_makespan span;
    int n, n_pes, n_lanes;
    int *lane;               /* per PE of the model */
    double *ms, *mj;         /* n x P: of a layer alone */
    double *low_ms, *low_mj; /* n x P: the least it adds, segment rows considered */
    bool has_rows;
    bool *row_begins; /* n x P: a row of this PE begins at this layer */
    double *tail;     /* per layer: the longest way from its beginning to the end, each layer at its fastest */
    double *rest_mj;  /* n + 1 */
    double **way;     /* per boundary and slot: the longest way from a consumer of the tensor to the end */
    size_t n_lines;
    mae_lanes_line lines[MAE_LANES_MOST_LINES];
    double root_ms, root_mj; /* no mapping is faster; none has less dynamic energy */
    int *theirs;             /* room for a mapping by the profile's PEs */
} mae_lanes;

/* lanes_bound.c */
MAE_MUST_CHECK mae_error *mae_lanes_init(mae_lanes *lanes, mae_solver *solver);
void mae_lanes_finish(mae_lanes *lanes);
/* What all lanes together get done, by these weights, at the most. */
double mae_lanes_pace(const mae_lanes *lanes, const double *weight);
/* energy_mj of a dynamic energy and a latency. */
double mae_lanes_energy(const mae_lanes *lanes, double mj, double ms);
/* The least J of what takes at least so long and so much; infinite where the bounds are broken. */
double mae_lanes_value(const mae_lanes *lanes, double ms, double mj);
/* Can it not come before the worst of the answers that are wanted? */
bool mae_lanes_is_late(const mae_lanes *lanes, double ms, double mj, int switches);

/* lanes.c: costs a mapping of the model's PEs and keeps it if it is allowed, meets the aim and is among the best. */
MAE_MUST_CHECK mae_error *mae_lanes_offer(mae_lanes *lanes, const int *mapping);

/* lanes_look.c: partial mappings, at most `width` after each layer. *ret_elsewhere: no mapping that was left out for
 * want of room has a lesser J; infinite where none was. */
MAE_MUST_CHECK mae_error *mae_lanes_look(mae_lanes *lanes, size_t width, bool thorough, double *ret_elsewhere);

/* lanes_climb.c: improves a mapping, which need not meet the aim, as long as a stretch of layers is better elsewhere.
 */
MAE_MUST_CHECK mae_error *mae_lanes_climb(mae_lanes *lanes, int *mapping);

/* mae_solver_run() for aims whose frames overlap. */
MAE_MUST_CHECK mae_error *mae_lanes_run(mae_solver *solver);

#endif
