/* The trace of a stream (Chrome, Perfetto), written as it goes. */
#ifndef MAE_CLI_STREAM_TRACE_H
#define MAE_CLI_STREAM_TRACE_H

#include "mae/mae.h"

typedef struct cli_stream_trace cli_stream_trace;

int cli_stream_trace_open(const char *path, cli_stream_trace **ret_trace);
/* A frame whose call began at `begin_ms`; `arrival_ms` is when it was offered. The functions take NULL. */
void cli_stream_trace_frame(cli_stream_trace *trace, size_t frame, double arrival_ms, double begin_ms,
                            const mae_live_frame *live);
/* Exit status: could everything be written? */
int cli_stream_trace_close(cli_stream_trace *trace);

#endif
