/* mae stream: frame after frame, the mapping following the state; or a script, played on the virtual SoC. */
#include "cli/commands.h"
#include "cli/message.h"
#include "cli/stream.h"

static const cli_option own_options[] = {
    {"profile", 0, CLI_TEXT, offsetof(cli_stream_args, profile), "FILE", "what layers cost on each PE (mae profile)",
     0},
    {"rules", 'r', CLI_TEXT, offsetof(cli_stream_args, rules), "FILE", "what is wanted when (docs/formats.md)", 0},
    {"rate", 0, CLI_POSITIVE, offsetof(cli_stream_args, rate), "FPS", "frames a second (default: as they go)", 0},
    {"frames", 'n', CLI_COUNT, offsetof(cli_stream_args, frames), "N", "end after so many (default: Ctrl-C)", 1},
    {"deadline-ms", 0, CLI_POSITIVE, offsetof(cli_stream_args, deadline_ms), "X", "of a frame, from when it comes", 0},
    {"socket", 0, CLI_TEXT, offsetof(cli_stream_args, socket), "PATH", "be told goals and events there", 0},
    {"trace", 0, CLI_TEXT, offsetof(cli_stream_args, trace), "FILE", "write a trace (Chrome, Perfetto)", 0},
    {"root", 0, CLI_TEXT, offsetof(cli_stream_args, root), "FOLDER", "read battery and heat below it (default /)", 0},
    {"keep-mib", 0, CLI_POSITIVE, offsetof(cli_stream_args, keep_mib), "N", "memory for compiled mappings", 0},
    {"timeout-ms", 0, CLI_POSITIVE, offsetof(cli_stream_args, timeout_ms), "X",
     "give up a PE that has not answered (default: by the profile)", 0},
    {"scenario", 's', CLI_TEXT, offsetof(cli_stream_args, scenario), "FILE", "play a script instead", 0},
    {"compare", 0, CLI_FLAG, offsetof(cli_stream_args, compare), NULL, "and play every fixed strategy beside it", 0},
    {"json", 0, CLI_FLAG, offsetof(cli_stream_args, json), NULL, "print JSON", 0},
    {"shape", 0, CLI_TEXTS, offsetof(cli_stream_args, shapes), "NAME=1,3,H,W", "fix an input's dynamic dimensions", 0},
};

static const cli_group groups[] = {
    {"Options", own_options, sizeof own_options / sizeof *own_options, 0},
    CLI_SERIAL_GOAL_GROUP(cli_stream_args, goal),
    CLI_INPUT_GROUP(cli_stream_args, inputs),
    CLI_MACHINE_GROUP(cli_stream_args, machine),
};

static const cli_syntax syntax = {
    .command = "stream",
    .operand = "MODEL",
    .operand_optional = true,
    .text = "Runs a network frame after frame, each on the mapping that the rules want in the present state: charge,\n"
            "temperature, events, lost PEs. With --scenario it plays a script on a virtual SoC, in no time.",
    .examples = "  mae stream model.onnx --profile model.profile.json --rules rules.txt --rate 30 --socket ctl\n"
                "  mae stream model.onnx --profile model.profile.json --minimize energy --max-latency-ms 33\n"
                "  mae stream --scenario examples/quadcopter/scenario.json --compare\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

static int check(const cli_stream_args *args, const char *model)
{
    bool script = args->scenario != NULL;
    if (script && model)
        return cli_usage("stream", "a script has no MODEL: '%s'", model);
    if (!script && !model)
        return cli_usage("stream", "MODEL is missing");
    if (!script && !args->profile)
        return cli_usage("stream", "--profile is missing");
    if (!script && args->compare)
        return cli_usage("stream", "--compare needs --scenario");
    if (script && (args->profile || args->socket || args->rate > 0 || args->frames > 0 || args->deadline_ms > 0))
        return cli_usage("stream", "--scenario has its own profile, rate, frames and deadlines, and no socket");
    return 0;
}

int cli_stream(int argc, char **argv)
{
    cli_stream_args args = {.goal = CLI_GOAL_INIT, .root = "/"};
    const char *model = NULL;
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, &model, &status))
        return status;
    CLI_TRY(check(&args, model));
    return args.scenario ? cli_stream_script(&args) : cli_stream_live(&args, model);
}
