/* How far long work has come, on standard error; and stopping it with Ctrl-C. */
#ifndef MAE_CLI_PROGRESS_H
#define MAE_CLI_PROGRESS_H

#include <stdbool.h>

typedef struct cli_progress {
    bool terminal; /* one line, written over; else a line now and then */
    bool shown;    /* something stands on that line */
    double last_s; /* when a line was printed */
    char what[64]; /* the stage last printed, where it is not a terminal */
} cli_progress;

/* From here on the first Ctrl-C is remembered and the next one kills. */
void cli_progress_begin(cli_progress *progress);
void cli_progress_end(cli_progress *progress);

/* A mae_progress_fn; `ctx` is the cli_progress. False once Ctrl-C was pressed. */
bool cli_progress_step(void *ctx, const char *what, double fraction, double left_s);

bool cli_interrupted(void);

#endif
