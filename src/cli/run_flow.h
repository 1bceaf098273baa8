/* mae run with a plan of least period: frames through all of its replicas at once. */
#ifndef MAE_CLI_RUN_FLOW_H
#define MAE_CLI_RUN_FLOW_H

#include "cli/input.h"
#include "mae/mae.h"

typedef struct cli_flow_run {
    mae_context *context;
    mae_model *model;
    const mae_plan *plan;
    const cli_inputs *inputs;
    const char *path;           /* of the plan */
    const char *output, *trace; /* NULL: not wanted */
    int frames;
    bool verify, json;
} cli_flow_run;

int cli_run_flow(const cli_flow_run *run);

#endif
