#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

const cli_option cli_machine_options[CLI_N_MACHINE_OPTIONS] = {
    {"threads", 't', CLI_COUNT, offsetof(cli_machine, threads), "N", "threads of each PE (default: all cores)", 1},
    {"cores", 0, CLI_TEXT, offsetof(cli_machine, cores), "LIST", "processors the PEs may use, such as 0-3,6", 0},
    {"pes", 0, CLI_TEXT, offsetof(cli_machine, pes), "A,B", "only these PEs, in this order (see \"mae pes\")", 0},
    {"soc", 0, CLI_TEXT, offsetof(cli_machine, soc), "FILE", "a SoC file: its PEs, and how to measure their energy", 0},
};

const cli_option cli_goal_options[CLI_N_GOAL_OPTIONS] = {
    {"minimize", 0, CLI_TEXT, offsetof(cli_goal, minimize), "GOAL",
     "latency (default), energy, edp, weighted:W, period", 0},
    {"max-latency-ms", 0, CLI_NUMBER, offsetof(cli_goal, max_latency_ms), "X", "no plan slower than this", 0},
    {"max-energy-mj", 0, CLI_NUMBER, offsetof(cli_goal, max_energy_mj), "Y", "no plan hungrier than this", 0},
    {"max-power-w", 0, CLI_NUMBER, offsetof(cli_goal, max_power_w), "W", "mean power; needs --period-ms", 0},
    {"period-ms", 0, CLI_POSITIVE, offsetof(cli_goal, period_ms), "T", "a frame comes every T milliseconds", 0},
    {"max-switches", 0, CLI_COUNT, offsetof(cli_goal, max_switches), "N", "at most N changes of PE in a frame", 0},
    {"schedule", 0, CLI_TEXT, offsetof(cli_goal, schedule), "S", "serial (default), or overlap: PEs work at once", 0},
};

int cli_machine_open_quietly(const cli_machine *machine, mae_context **ret_context)
{
    mae_context_options options = {
        .threads = machine->threads, .cores = machine->cores, .pes = machine->pes, .soc = machine->soc};
    return cli_report(mae_context_create(&options, ret_context));
}

/* Who names PEs in a file wants to know when one is not used. */
int cli_machine_open(const cli_machine *machine, mae_context **ret_context)
{
    CLI_TRY(cli_machine_open_quietly(machine, ret_context));
    const mae_missing_backend *missing;
    size_t n = machine->soc ? mae_context_missing(*ret_context, &missing) : 0;
    for (size_t i = 0; i < n; i++)
        cli_error(MAE_ERR_FAILED, "%s: %s is left out: %s", machine->soc, missing[i].backend, missing[i].reason);
    return 0;
}

int cli_machine_open_cores(const cli_machine *machine, mae_context **ret_context)
{
    mae_context_options options = {.cores = machine->cores, .pes = machine->pes, .each_core = true};
    if (machine->soc)
        return cli_machine_open(machine, ret_context);
    return cli_report(mae_context_create(&options, ret_context));
}

/* "NAME=1,3,320,320"; the name ends at the last "=", since names of tensors may hold one. */
static int parse_shape(const char *command, const char *text, char **ret_name, int64_t dims[MAE_MAX_RANK],
                       int *ret_rank)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text)
        return cli_usage(command, "--shape needs NAME=1,3,320,320, not '%s'", text);
    int rank = 0;
    for (const char *p = equals;;) {
        char *end;
        errno = 0;
        long long dim = strtoll(p + 1, &end, 10);
        if (end == p + 1 || errno || dim < 1 || rank == MAE_MAX_RANK || (*end && *end != ','))
            return cli_usage(command, "--shape needs NAME=1,3,320,320, not '%s'", text);
        dims[rank++] = dim;
        if (!*end)
            break;
        p = end;
    }
    *ret_name = strndup(text, (size_t)(equals - text));
    *ret_rank = rank;
    return *ret_name ? 0 : cli_nomem();
}

/* What `--shape` left open may be known from the plan. */
static mae_error *open_as_planned(mae_context *context, const char *path, const mae_plan *plan, mae_model **ret_model)
{
    mae_input_shape shapes[CLI_MAX_TEXTS];
    size_t n = plan->n_model_inputs < CLI_MAX_TEXTS ? plan->n_model_inputs : CLI_MAX_TEXTS;
    for (size_t i = 0; i < n; i++)
        shapes[i] = (mae_input_shape){plan->model_input_names[i], plan->model_input_shapes[i].rank,
                                      plan->model_input_shapes[i].dims};
    return mae_model_open(context, path, shapes, n, ret_model);
}

int cli_model_open(mae_context *context, const char *command, const char *path, const cli_texts *texts,
                   const mae_plan *plan, mae_model **ret_model)
{
    char *names[CLI_MAX_TEXTS] = {0};
    int64_t dims[CLI_MAX_TEXTS][MAE_MAX_RANK];
    mae_input_shape shapes[CLI_MAX_TEXTS];
    int status = 0;
    for (size_t i = 0; i < texts->n && !status; i++) {
        int rank = 0;
        status = parse_shape(command, texts->item[i], &names[i], dims[i], &rank);
        shapes[i] = (mae_input_shape){names[i], rank, dims[i]};
    }
    if (!status) {
        mae_error *error = mae_model_open(context, path, shapes, texts->n, ret_model);
        /* MAE_ERR_USAGE: it has dynamic dimensions. */
        if (mae_error_code(error) == MAE_ERR_USAGE && texts->n == 0 && plan && plan->n_model_inputs > 0) {
            mae_error_free(error);
            error = open_as_planned(context, path, plan, ret_model);
        }
        status = cli_report(error);
    }
    for (size_t i = 0; i < texts->n; i++)
        free(names[i]);
    return status;
}

/* Below any cost but 0, and far enough from the least double to be divided by. */
#define NEXT_TO_NOTHING 1e-100

static double bound_given(double bound)
{
    return bound < 0 ? 0 : fmax(bound, NEXT_TO_NOTHING);
}

double cli_bound(double bound)
{
    return bound > NEXT_TO_NOTHING ? bound : 0;
}

int cli_schedule_parse(const char *text, const char *command, mae_schedule *ret_schedule)
{
    bool overlap = text && strcmp(text, "overlap") == 0;
    if (text && !overlap && strcmp(text, "serial") != 0)
        return cli_usage(command, "--schedule: '%s' is not serial or overlap", text);
    *ret_schedule = overlap ? MAE_OVERLAP : MAE_SERIAL;
    return 0;
}

int cli_goal_parse(const cli_goal *args, const char *command, mae_goal *ret_goal)
{
    mae_goal goal = MAE_GOAL_INIT;
    if (args->minimize)
        CLI_TRY(cli_report(mae_goal_parse(args->minimize, &goal)));
    CLI_TRY(cli_schedule_parse(args->schedule, command, &goal.schedule));
    if (args->max_power_w >= 0 && args->period_ms <= 0)
        return cli_usage(command, "--max-power-w needs --period-ms");
    goal.max_latency_ms = bound_given(args->max_latency_ms);
    goal.max_energy_mj = bound_given(args->max_energy_mj);
    goal.max_power_w = bound_given(args->max_power_w);
    goal.period_ms = args->period_ms;
    goal.max_switches = args->max_switches;
    *ret_goal = goal;
    return 0;
}
