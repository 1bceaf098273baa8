/* Options that several commands share, and what they mean to the library. */
#ifndef MAE_CLI_OPTIONS_H
#define MAE_CLI_OPTIONS_H

#include "cli/args.h"
#include "mae/mae.h"

/* How the PEs may use the machine. */
typedef struct cli_machine {
    int threads; /* 0: all cores */
    const char *cores, *pes, *soc;
} cli_machine;

#define CLI_N_MACHINE_OPTIONS 4
extern const cli_option cli_machine_options[CLI_N_MACHINE_OPTIONS];
#define CLI_MACHINE_GROUP(type, field)                                                                                 \
    {                                                                                                                  \
        "Machine", cli_machine_options, CLI_N_MACHINE_OPTIONS, offsetof(type, field)                                   \
    }

int cli_machine_open(const cli_machine *machine, mae_context **ret_context);
/* The same, but without a SoC file each processor is a resource of its own. */
int cli_machine_open_cores(const cli_machine *machine, mae_context **ret_context);
/* The same; PEs of the SoC file that are not here are not told. */
int cli_machine_open_quietly(const cli_machine *machine, mae_context **ret_context);

/* Opens a model with its `--shape` options ("NAME=1,3,320,320"). Without any, dynamic dimensions are those that
 * `plan` was made for; it may be NULL. */
int cli_model_open(mae_context *context, const char *command, const char *path, const cli_texts *texts,
                   const mae_plan *plan, mae_model **ret_model);

/* What a plan is for. */
typedef struct cli_goal {
    const char *minimize;
    double max_latency_ms, max_energy_mj, max_power_w; /* below 0: not given */
    double period_ms;
    int max_switches;
    const char *schedule; /* NULL: serial */
} cli_goal;

#define CLI_GOAL_INIT                                                                                                  \
    {                                                                                                                  \
        NULL, -1, -1, -1, 0, -1, NULL                                                                                  \
    }
#define CLI_N_GOAL_OPTIONS 7
extern const cli_option cli_goal_options[CLI_N_GOAL_OPTIONS];
#define CLI_N_SERIAL_GOAL_OPTIONS 6 /* those of goals whose frames are serial come first */
#define CLI_SERIAL_GOAL_GROUP(type, field)                                                                             \
    {                                                                                                                  \
        "Goal", cli_goal_options, CLI_N_SERIAL_GOAL_OPTIONS, offsetof(type, field)                                     \
    }
#define CLI_GOAL_GROUP(type, field)                                                                                    \
    {                                                                                                                  \
        "Goal", cli_goal_options, CLI_N_GOAL_OPTIONS, offsetof(type, field)                                            \
    }

/* "serial" or "overlap"; NULL: serial. */
int cli_schedule_parse(const char *text, const char *command, mae_schedule *ret_schedule);
int cli_goal_parse(const cli_goal *goal, const char *command, mae_goal *ret_goal);

/* A bound of a goal as it was given: 0 on the command line is a bound that only what costs nothing meets, while the
 * library's 0 is no bound. */
double cli_bound(double bound);

#endif
