/* What a race teaches the profile. */
#ifndef MAE_SESSION_ROWS_H
#define MAE_SESSION_ROWS_H

#include "session/bench.h"

/* Puts the segments of these contenders, as they took in the last race, into the profile, at the speeds of when it was
 * measured; a segment that several have gets their mean. The single PEs ran in the same race. */
MAE_MUST_CHECK mae_error *mae_bench_put_rows(mae_bench_work *work, mae_contender *const *contenders, size_t n);

#endif
