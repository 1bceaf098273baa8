/* mae bench: the main job, in one go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/infeasible.h"
#include "cli/bench_report.h"
#include "cli/bench_throughput.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/trace.h"

typedef struct bench_args {
    const char *output, *profile, *trace, *report;
    double budget_s, race_s;
    bool json, all, throughput;
    cli_texts shapes;
    cli_goal goal;
    cli_input_args inputs;
    cli_machine machine;
} bench_args;

static const cli_option own_options[] = {
    {"output", 'o', CLI_TEXT, offsetof(bench_args, output), "PLAN", "write the plan it offers to this file", 0},
    {"profile", 0, CLI_TEXT, offsetof(bench_args, profile), "PROFILE", "use this profile instead of measuring one", 0},
    {"budget", 0, CLI_POSITIVE, offsetof(bench_args, budget_s), "SECONDS", "time to profile (default 20)", 0},
    {"race", 0, CLI_POSITIVE, offsetof(bench_args, race_s), "SECONDS",
     "time of the final rounds, of metering them, and at most of choosing (default 10)", 0},
    {"trace", 0, CLI_TEXT, offsetof(bench_args, trace), "FILE",
     "write what every frame of the final rounds did (Chrome, Perfetto)", 0},
    {"report", 0, CLI_TEXT, offsetof(bench_args, report), "FILE", "write a page of what was found (HTML)", 0},
    {"all", 0, CLI_FLAG, offsetof(bench_args, all), NULL, "show every layer of a long network", 0},
    {"throughput", 0, CLI_FLAG, offsetof(bench_args, throughput), NULL,
     "frames a second, by replicas and stages; without --soc on each of --cores", 0},
    {"json", 0, CLI_FLAG, offsetof(bench_args, json), NULL, "print JSON", 0},
    {"shape", 0, CLI_TEXTS, offsetof(bench_args, shapes), "NAME=1,3,H,W", "fix an input's dynamic dimensions", 0},
};

static const cli_group groups[] = {
    {"Options", own_options, sizeof own_options / sizeof *own_options, 0},
    CLI_GOAL_GROUP(bench_args, goal),
    CLI_INPUT_GROUP(bench_args, inputs),
    CLI_MACHINE_GROUP(bench_args, machine),
};

static const cli_syntax syntax = {
    .command = "bench",
    .operand = "MODEL",
    .text = "Profiles a network, plans its mappings, races those that may be best, then measures the winner and\n"
            "every single PE turn by turn, and compares the outputs. If no mix wins, the plan is the best single PE.",
    .examples = "  mae bench model.onnx\n"
                "  mae bench model.onnx --input photo.jpg --threads 2 -o model.plan.json\n"
                "  mae bench model.onnx --report model.html\n"
                "  mae bench model.onnx --shape image=1,3,320,320 --budget 10 --race 5 --json\n"
                "  mae bench model.onnx --profile model.profile.json --minimize energy --max-latency-ms 33\n"
                "  mae bench model.onnx --throughput --cores 0,1 -o model.plan.json\n"
                "  mae bench model.onnx --throughput --report model.html\n"
                "  mae bench model.onnx --soc board.json --schedule overlap\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

static int write_report(const mae_bench *bench, const mae_recorder *recorder, const char *path)
{
    char *text;
    CLI_TRY(cli_report(mae_bench_to_json(bench, &text)));
    int status = cli_bench_write_page(path, bench->profile, text, recorder);
    free(text);
    return status;
}

static int show(const mae_bench *bench, const bench_args *args)
{
    if (args->output)
        CLI_TRY(cli_report(mae_plan_write(bench->plan, args->output)));
    if (!args->json)
        return cli_bench_print(bench, args->all);
    char *text;
    CLI_TRY(cli_report(mae_bench_to_json(bench, &text)));
    puts(text);
    free(text);
    return 0;
}

static int interrupted(void)
{
    return cli_error(MAE_ERR_FAILED, "interrupted; nothing was written");
}

static int measure_profile(mae_context *context, mae_model *model, const bench_args *args,
                           const mae_bench_options *bench, mae_profile **ret_profile)
{
    cli_progress progress;
    mae_profile_options options = {.budget_s = args->budget_s,
                                   .progress = cli_progress_step,
                                   .progress_ctx = &progress,
                                   .inputs = bench->inputs,
                                   .n_inputs = bench->n_inputs};
    cli_progress_begin(&progress);
    mae_error *error = mae_profile_measure(context, model, &options, ret_profile);
    cli_progress_end(&progress);
    if (!cli_interrupted())
        return cli_report(error);
    mae_error_free(error);
    return interrupted();
}

/* A goal that needs energy is refused before anything is measured where nothing here has a meter. */
static int check_meters(const mae_context *context, const mae_goal *goal, bool json)
{
    const mae_pe_info *pes;
    size_t n = mae_context_pes(context, &pes);
    bool needs = goal->minimize != MAE_MIN_LATENCY || goal->max_energy_mj > 0 || goal->max_power_w > 0;
    for (size_t i = 0; i < n; i++)
        needs = needs && !pes[i].meter;
    if (!needs)
        return 0;
    static const char reason[] = "the goal needs energy and no PE here has a meter";
    if (json)
        CLI_TRY(cli_json_print(json_pack("{s:b,s:n,s:s}", "feasible", 0, "nearest", "reason", reason)));
    return cli_error(MAE_ERR_INFEASIBLE, "%s", reason);
}

/* A goal that no mapping meets is known before anything is raced. */
static int check_goal(const mae_profile *profile, const mae_goal *goal, bool json)
{
    mae_plan *plan = NULL;
    mae_error *error = mae_plan_solve(profile, goal, &plan);
    mae_plan_destroy(plan);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE)
        return cli_explain_infeasible(profile, goal, json, error);
    return cli_report(error);
}

static int race(mae_context *context, mae_model *model, const mae_bench_options *wanted, mae_bench **ret_bench)
{
    cli_progress progress;
    mae_bench_options options = *wanted;
    options.progress = cli_progress_step;
    options.progress_ctx = &progress;
    cli_progress_begin(&progress);
    mae_bench *bench = NULL;
    mae_error *error = mae_bench_run(context, model, &options, &bench);
    cli_progress_end(&progress);
    if (cli_interrupted()) {
        mae_error_free(error);
        mae_bench_destroy(bench);
        return interrupted();
    }
    CLI_TRY(cli_report(error));
    *ret_bench = bench;
    return 0;
}

static int measure(mae_context *context, mae_model *model, const bench_args *args, mae_bench_options *options,
                   mae_bench **ret_bench)
{
    mae_profile *own = NULL;
    if (!options->profile) {
        CLI_TRY(check_meters(context, &options->goal, args->json));
        CLI_TRY(measure_profile(context, model, args, options, &own));
    }
    if (own)
        options->profile = own;
    int status = check_goal(options->profile, &options->goal, args->json);
    if (!status)
        status = race(context, model, options, ret_bench);
    mae_profile_destroy(own);
    return status;
}

static int bench_with(mae_context *context, mae_model *model, const bench_args *args, const mae_goal *goal,
                      const mae_profile *profile, const cli_inputs *inputs)
{
    mae_bench_options options = {.goal = *goal, .budget_s = args->budget_s, .race_s = args->race_s, .profile = profile};
    mae_bench_input *given = cli_inputs_given(inputs, &options.n_inputs);
    if (!given)
        return cli_nomem();
    options.inputs = given;
    mae_bench *bench = NULL;
    int status = 0;
    if (args->throughput) {
        status = cli_bench_throughput(context, model, &options, args->output, args->report, args->json);
        free(given);
        return status;
    }
    if (args->trace || args->report)
        status = cli_report(mae_recorder_create(mae_model_graph(model), CLI_TRACE_EVENTS, &options.recorder));
    if (!status)
        status = measure(context, model, args, &options, &bench);
    if (!status)
        status = args->trace ? cli_trace_write(args->trace, options.recorder) : 0;
    if (!status && args->report)
        status = write_report(bench, options.recorder, args->report);
    mae_recorder_destroy(options.recorder);
    free(given);
    if (status) {
        mae_bench_destroy(bench);
        return status;
    }
    status = show(bench, args);
    if (!status && !bench->verdict.ok)
        status = cli_error(MAE_ERR_VERIFY, "output '%s' differs from ONNX Runtime's by %.3g, relative %.3g",
                           bench->verdict.output ? bench->verdict.output : "?", bench->verdict.max_abs,
                           bench->verdict.max_rel);
    mae_bench_destroy(bench);
    return status;
}

static int bench_model(mae_context *context, const char *path, const bench_args *args, const mae_goal *goal,
                       const mae_profile *profile)
{
    mae_model *model;
    CLI_TRY(cli_model_open(context, "bench", path, &args->shapes, NULL, &model));
    cli_inputs inputs = {0};
    int status = cli_inputs_load(&args->inputs, "bench", mae_model_graph(model), &inputs);
    if (!status)
        status = bench_with(context, model, args, goal, profile, &inputs);
    cli_inputs_clear(&inputs);
    mae_model_close(model);
    return status;
}

/* Its goal is its own, and what it runs at once is not recorded. */
static int check_throughput(const bench_args *args)
{
    const cli_goal *goal = &args->goal;
    if (goal->minimize || goal->max_latency_ms >= 0 || goal->max_energy_mj >= 0 || goal->max_power_w >= 0 ||
        goal->period_ms > 0 || goal->max_switches >= 0 || goal->schedule)
        return cli_usage("bench", "--throughput has a goal of its own: the least period");
    if (args->trace)
        return cli_usage("bench", "--throughput takes no --trace: run the plan that it writes with one");
    return 0;
}

int cli_bench(int argc, char **argv)
{
    bench_args args = {.goal = CLI_GOAL_INIT};
    const char *path;
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, &path, &status))
        return status;
    mae_goal goal;
    CLI_TRY(cli_goal_parse(&args.goal, "bench", &goal));
    if (args.output)
        CLI_TRY(cli_file_probe(args.output));
    if (args.trace)
        CLI_TRY(cli_file_probe(args.trace));
    if (args.report)
        CLI_TRY(cli_file_probe(args.report));
    if (goal.minimize == MAE_MIN_PERIOD)
        return cli_usage("bench", "the least period is measured with --throughput");
    if (args.throughput)
        CLI_TRY(check_throughput(&args));
    mae_profile *profile = NULL;
    if (args.profile)
        CLI_TRY(cli_report(mae_profile_read(args.profile, &profile)));
    mae_context *context;
    status =
        args.throughput ? cli_machine_open_cores(&args.machine, &context) : cli_machine_open(&args.machine, &context);
    if (!status) {
        status = bench_model(context, path, &args, &goal, profile);
        mae_context_destroy(context);
    }
    mae_profile_destroy(profile);
    return status;
}
