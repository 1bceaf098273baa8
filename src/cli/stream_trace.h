/* The timeline of a stream (Chrome, Perfetto), written when it ends. */
#ifndef MAE_CLI_STREAM_TRACE_H
#define MAE_CLI_STREAM_TRACE_H

#include "mae/mae.h"

typedef struct cli_stream_trace cli_stream_trace;

/* `context` knows what resource a PE is of, `graph` the layers' names; both may be NULL. */
int cli_stream_trace_open(const char *path, const mae_context *context, const mae_graph *graph,
                          cli_stream_trace **ret_trace);
/* A frame whose call began at `begin_ms`. The functions take NULL. */
void cli_stream_trace_frame(cli_stream_trace *trace, size_t frame, double begin_ms, const mae_live_frame *live);
/* NAN is left out. */
void cli_stream_trace_watts(cli_stream_trace *trace, double at_ms, double watts);
/* Exit status: could everything be written? */
int cli_stream_trace_close(cli_stream_trace *trace);

#endif
