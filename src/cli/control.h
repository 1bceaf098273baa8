/* A Unix socket, for its owner alone, through which a live session is told things: a command a line, a line of answer
 * each (docs/streaming.md). */
#ifndef MAE_CLI_CONTROL_H
#define MAE_CLI_CONTROL_H

#include "mae/mae.h"

#define CONTROL_MOST_LINE 1024

typedef struct cli_control cli_control;

/* Listens on `path`, which must not be there (a socket that nobody listens on is replaced). Exit status. */
int cli_control_open(const char *path, mae_live *live, cli_control **ret_control);
void cli_control_close(cli_control *control); /* takes NULL */
/* Somebody said "stop". */
bool cli_control_stopped(const cli_control *control);

/* What lines have said so far. */
typedef struct cli_told {
    double battery, celsius, power_w; /* NAN: as the machine says */
    bool stop;
} cli_told;

/* Does what a line says, which it takes apart; `answer` (CONTROL_MOST_LINE) is a line without its end. */
void cli_control_obey(mae_live *live, cli_told *told, char *line, char *answer);

#endif
