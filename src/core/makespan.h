/* What a mapping costs where its segments overlap: "The overlapped frame" of docs/formats.md, section 2. */
#ifndef MAE_CORE_MAKESPAN_H
#define MAE_CORE_MAKESPAN_H

#include "core/cost.h"

/* A segment of a mapping in its frame. */
typedef struct mae_span_part {
    int pe, first, last, lane;
    double work_ms; /* what it takes alone, the moves it pays included */
    double begin_ms, end_ms;
    double left_ms;
    size_t first_need, n_needs;
} mae_span_part;

/* Room to evaluate mappings of one profile again and again without allocating. */
typedef struct mae_makespan {
    const mae_cost_index *index;
    int n_lanes;
    int *lane_of; /* per PE: its resource */
    bool contended;
    int *part_of; /* per layer */
    size_t n_parts;
    mae_span_part *parts;
    int *needs;      /* parts of other lanes that must have ended */
    int *count;      /* per PE: segments */
    uint64_t *have;  /* per tensor: PEs it was moved to */
    bool *handed;    /* per tensor: to a later segment of its home */
    double *free_ms; /* per lane */
    int *running;    /* per lane: a part, or -1 */
    int *next;       /* per lane: the part that it runs next, or the number of parts */
} mae_makespan;

/* The lane of each PE: PEs of one resource have one. `ret_lanes` holds n_pes entries. */
int mae_makespan_lanes(const mae_profile *profile, int *ret_lanes);
/* How much longer `pe` takes while `with` runs: 1 where nothing is stated. */
double mae_makespan_contention(const mae_profile *profile, int pe, int with);

/* Must not outlive the index. */
MAE_MUST_CHECK mae_error *mae_makespan_init(mae_makespan *span, const mae_cost_index *index);
void mae_makespan_finish(mae_makespan *span);

/* The makespan and the dynamic energy of a mapping; its segments are in `parts` then. False if it is not allowed. */
bool mae_makespan_of(mae_makespan *span, const int *mapping, double *ret_ms, double *ret_mj);

/* Cost of a mapping in overlapped frames; MAE_ERR_INFEASIBLE, with the reason, if it is not allowed. */
MAE_MUST_CHECK mae_error *mae_cost_overlapped(const mae_cost_index *index, const int *mapping, double period_ms,
                                              mae_prediction *ret_cost);
/* As the schedule says. */
MAE_MUST_CHECK mae_error *mae_cost_scheduled(const mae_cost_index *index, mae_schedule schedule, const int *mapping,
                                             double period_ms, mae_prediction *ret_cost);

#endif
