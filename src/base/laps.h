/* Times of the laps of repeated rounds: the steps of a unit, run after run.
 *
 * How many rounds the caller will leave out is only known at the end, so the first rounds are kept one by one and
 * the others as a sum. */
#ifndef MAE_BASE_LAPS_H
#define MAE_BASE_LAPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mae_laps mae_laps;

MAE_MUST_CHECK mae_error *mae_laps_create(size_t n_laps, mae_laps **ret_laps);
void mae_laps_destroy(mae_laps *laps); /* takes NULL */

/* A round: begin, a note at the end of each lap, end. Reads the clock once each. */
void mae_laps_begin(mae_laps *laps);
void mae_laps_note(mae_laps *laps, size_t lap);
void mae_laps_end(mae_laps *laps);

/* How many rounds remain without the first `skip`; MAE_ERR_USAGE when none does, or too many are to be left out. */
MAE_MUST_CHECK mae_error *mae_laps_rounds(const mae_laps *laps, size_t skip, size_t *ret_rounds);
/* Mean of a lap, and of whole rounds, without the first `skip`. */
double mae_laps_mean_ns(const mae_laps *laps, size_t lap, size_t skip);
double mae_laps_total_ns(const mae_laps *laps, size_t skip);

#endif
