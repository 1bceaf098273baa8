/* What one frame did, as a file that chrome://tracing and ui.perfetto.dev open. */
#ifndef MAE_CLI_TRACE_H
#define MAE_CLI_TRACE_H

#include "mae/mae.h"

int cli_trace_write(const char *path, const mae_session *session, const mae_graph *graph);

#endif
