/* What a network is fed with: files, photographs, random numbers. */
#ifndef MAE_CLI_INPUT_H
#define MAE_CLI_INPUT_H

#include "cli/args.h"
#include "cli/tensor.h"
#include "mae/mae.h"

typedef struct cli_input_args {
    cli_texts inputs; /* [NAME=]FILE, [NAME=]random:SEED */
    const char *mean, *std, *layout;
    bool swap_rgb;
} cli_input_args;

#define CLI_N_INPUT_OPTIONS 5
extern const cli_option cli_input_options[CLI_N_INPUT_OPTIONS];
#define CLI_INPUT_GROUP(type, field)                                                                                   \
    {                                                                                                                  \
        "Inputs", cli_input_options, CLI_N_INPUT_OPTIONS, offsetof(type, field)                                        \
    }

/* One tensor for every input of the graph; one without data was not given. */
typedef struct cli_inputs {
    size_t n;
    cli_tensor *tensors;
} cli_inputs;

/* Either every input is given, or none. Checked against the graph's names, types and shapes. */
int cli_inputs_load(const cli_input_args *args, const char *command, const mae_graph *graph, cli_inputs *ret_inputs);
/* Those that were given, for the library, in a new array that refers to them; NULL when out of memory. */
mae_bench_input *cli_inputs_given(const cli_inputs *inputs, size_t *ret_n);
void cli_inputs_clear(cli_inputs *inputs);

#endif
