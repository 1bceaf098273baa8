#include "cli/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/message.h"

int cli_trace_write(const char *path, const mae_recorder *recorder)
{
    char *text;
    if (!recorder)
        return 0;
    CLI_TRY(cli_report(mae_recorder_to_json(recorder, &text)));
    int status = cli_file_write(path, text, strlen(text));
    free(text);
    if (!status && mae_recorder_lost(recorder) > 0)
        fprintf(stderr, "mae: %s: only the first %u events; %zu later ones are not in it\n", path, CLI_TRACE_EVENTS,
                mae_recorder_lost(recorder));
    return status;
}
