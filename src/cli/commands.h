/* The commands: each gets its own words, argv[0] being its name, and returns the exit status. */
#ifndef MAE_CLI_COMMANDS_H
#define MAE_CLI_COMMANDS_H

int cli_pes(int argc, char **argv);
int cli_profile(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_eval(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_stream(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_report_page(int argc, char **argv);

#endif
