/* The frames of a stream: one set of inputs again and again, or the files of a folder, one after the other. */
#ifndef MAE_CLI_STREAM_FRAMES_H
#define MAE_CLI_STREAM_FRAMES_H

#include "cli/input.h"
#include "mae/mae.h"

typedef struct cli_stream_frames {
    size_t n; /* 0: nothing was given */
    cli_inputs *frames;
} cli_stream_frames;

/* Where one [NAME=]FILE is a folder, its files are frames in the order of their names; at most 1 GiB of tensors. */
int cli_stream_frames_load(const cli_input_args *args, const mae_graph *graph, cli_stream_frames *ret_frames);
void cli_stream_frames_clear(cli_stream_frames *frames);

/* Gives the session the inputs of a frame; those that are in place already are left. */
int cli_stream_frames_set(const cli_stream_frames *frames, size_t frame, const mae_graph *graph, mae_live *live);

#endif
