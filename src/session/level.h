/* Operating points: a PE that sets its device to a level before it runs.
 *
 * The levels of one resource know of each other: a run changes the level only where the last run on that resource had
 * another. What was there before is put back when the context ends.
 */
#ifndef MAE_SESSION_LEVEL_H
#define MAE_SESSION_LEVEL_H

#include "session/internal.h"

/* Takes over `inner` when it succeeds. */
MAE_MUST_CHECK mae_error *mae_level_create(mae_context *context, mae_pe *inner, const char *resource,
                                           const mae_soc_level *level, mae_pe **ret_pe);

/* Puts everything back as it was; closes nothing. */
void mae_levels_restore(mae_context *context);

#endif
