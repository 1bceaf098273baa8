/* mae: the command-line program. Uses libmae as anyone could, through include/mae/. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/message.h"
#include "mae/mae.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"bench", cli_bench, "the main job: profile, plan, run and measure a network against every single PE"},
    {"pes", cli_pes, "list the processing elements (PEs) found here"},
    {"profile", cli_profile, "measure what each layer costs on each PE"},
    {"plan", cli_plan, "find the best mapping of layers to PEs for a goal"},
    {"eval", cli_eval, "say what a given mapping costs"},
    {"run", cli_run, "run a network, mapped by a plan"},
    {"stream", cli_stream, "run a network frame after frame, the mapping following the state; or play a script"},
    {"report", cli_report_page, "make a page of what the other commands found"},
};

#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void)
{
    printf("Usage: mae COMMAND ...\n\n"
           "Runs a neural network on several processing elements (PEs) of a machine, each layer where it\n"
           "serves the goal best.\n\nCommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    printf("\nOptions of all commands: --help. Of the program: --help, --version.\n"
           "Exit status: 0 done, 1 failure of a device or the program, 2 usage, 3 bad input file,\n"
           "4 goal infeasible, 5 a layer no PE can run, 6 outputs do not verify.\n\n"
           "Examples:\n"
           "  mae bench model.onnx                       everything, in one go\n"
           "  mae plan --help                            what a command understands\n");
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage("", "no command given");
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(word, "--version") == 0) {
        printf("mae %s\n", mae_version());
        return 0;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return cli_usage("", "%s '%s'", word[0] == '-' ? "unknown option" : "unknown command", word);
}

int main(int argc, char **argv)
{
    int status = dispatch(argc, argv);
    /* A full disk shows only now. */
    if ((fflush(stdout) || ferror(stdout)) && !status)
        status = cli_error(MAE_ERR_FAILED, "cannot write to standard output");
    return status;
}
