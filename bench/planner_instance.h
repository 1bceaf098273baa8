/* Random chains for the planner's benchmarks: from a seed, the same everywhere. */
#ifndef MAE_BENCH_PLANNER_INSTANCE_H
#define MAE_BENCH_PLANNER_INSTANCE_H

#include "base/error.h"
#include "mae/profile.h"

/* A chain of n layers on n_pes PEs: time and energy uniform in [0.05, 1.05) with energy the dearer the
 * faster the PE, transfers of 0.01 to 0.06 ms. */
MAE_MUST_CHECK mae_error *bench_chain(uint64_t seed, size_t n_layers, size_t n_pes, mae_profile **ret_profile);

#endif
