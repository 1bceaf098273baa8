/* What mae stream is told, and its two ways: engines (stream_live.c) and a script (stream_script.c). */
#ifndef MAE_CLI_STREAM_H
#define MAE_CLI_STREAM_H

#include "cli/input.h"
#include "cli/options.h"

typedef struct cli_stream_args {
    const char *profile, *rules, *socket, *trace, *scenario, *root;
    double rate;        /* 0: as fast as they go */
    int frames;         /* 0: until it is interrupted */
    double deadline_ms; /* 0: none */
    double keep_mib, timeout_ms;
    bool compare, json;
    cli_texts shapes;
    cli_input_args inputs;
    cli_machine machine;
    cli_goal goal;
} cli_stream_args;

int cli_stream_script(const cli_stream_args *args);
int cli_stream_live(const cli_stream_args *args, const char *model);

#endif
