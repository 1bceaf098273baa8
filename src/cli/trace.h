/* Recorders as files that chrome://tracing and ui.perfetto.dev open. */
#ifndef MAE_CLI_TRACE_H
#define MAE_CLI_TRACE_H

#include "mae/mae.h"

#define CLI_TRACE_EVENTS 400000u /* what viewers can bear */

/* Whole or not at all; says on standard error what found no room. Takes NULL. */
int cli_trace_write(const char *path, const mae_recorder *recorder);

#endif
