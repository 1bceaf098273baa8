/* What the SoC's meter shows while frames are recorded: a counter of a recorder for each rail. */
#ifndef MAE_SESSION_WATTS_H
#define MAE_SESSION_WATTS_H

#include "session/internal.h"

typedef struct mae_watts mae_watts;

/* NULL where the context has no meter. The context and the recorder outlive it. */
MAE_MUST_CHECK mae_error *mae_watts_create(mae_context *context, mae_recorder *recorder, mae_watts **ret_watts);
void mae_watts_destroy(mae_watts *watts); /* takes NULL */

/* Between two frames: reads the rails that have been renewed since. What cannot be read is left out. Takes NULL. */
void mae_watts_note(mae_watts *watts);

#endif
