/* What a mapping costs: section 2 of docs/formats.md, the serial frame. */
#ifndef MAE_CORE_COST_H
#define MAE_CORE_COST_H

#include "base/error.h"
#include "mae/plan.h"

/* Rows of a profile, found by tensor and by layer instead of by a search. */
typedef struct mae_cost_index {
    const mae_profile *profile;
    size_t *first_override; /* n_tensors + 1: overrides of tensor t are override[first[t] .. first[t + 1]) */
    size_t *override;
    size_t *first_row; /* n_layers + 1: segment rows that begin at layer l */
    size_t *row;
} mae_cost_index;

/* Must not outlive the profile. */
MAE_MUST_CHECK mae_error *mae_cost_index_init(mae_cost_index *index, const mae_profile *profile);
void mae_cost_index_finish(mae_cost_index *index);

/* What moving a tensor costs: from one PE to another, or, with `from` == `to`, handing it to a later
 * segment of the same PE (free without a row). False if the pair cannot be crossed. */
bool mae_cost_move(const mae_cost_index *index, int tensor, int from, int to, double *ret_ms, double *ret_mj);

/* The row of exactly this segment, or NULL. */
const mae_segment_cost *mae_cost_row(const mae_cost_index *index, int pe, int first, int last);

/* Cost of a mapping; MAE_ERR_INFEASIBLE, with the reason, if it is not allowed. */
MAE_MUST_CHECK mae_error *mae_cost_of(const mae_cost_index *index, const int *mapping, double period_ms,
                                      mae_prediction *ret_cost);

/* The same time by who is at work: *ret_loads (per PE, caller's) is what each PE takes of a frame: its segments, the
 * moves of tensors to it, handing over on it, and the moves of graph outputs that it makes to the host. The mapping is
 * allowed. */
MAE_MUST_CHECK mae_error *mae_cost_loads(const mae_cost_index *index, const int *mapping, double *ret_loads);

/* energy_mj of a frame from its dynamic energy; 0 where the profile has none. */
double mae_cost_energy(const mae_profile *profile, double dynamic_mj, double latency_ms, double period_ms);

/* Costs within 1e-9 relative count as equal. */
#define MAE_COST_EQUAL 1e-9
bool mae_cost_equal(double a, double b);

#endif
