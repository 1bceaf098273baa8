/* mae profile: what each layer costs on each PE. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/file.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/resume.h"
#include "cli/summary.h"

typedef struct profile_args {
    const char *output, *merge;
    double budget_s;
    cli_texts shapes;
    cli_input_args inputs;
    cli_machine machine;
} profile_args;

/* What is measured: a network, and what it is fed with. */
typedef struct profile_subject {
    mae_context *context;
    mae_model *model;
    const mae_bench_input *inputs;
    size_t n_inputs;
} profile_subject;

static const cli_option own_options[] = {
    {"output", 'o', CLI_TEXT, offsetof(profile_args, output), "PROFILE", "the file to write (needed)", 0},
    {"merge", 0, CLI_TEXT, offsetof(profile_args, merge), "OLD",
     "a profile to add to: measures what it lacks, or what --pes names", 0},
    {"budget", 0, CLI_POSITIVE, offsetof(profile_args, budget_s), "SECONDS", "time to spend (default 20)", 0},
    {"shape", 0, CLI_TEXTS, offsetof(profile_args, shapes), "NAME=1,3,H,W", "fix an input's dynamic dimensions", 0},
};

static const cli_group groups[] = {
    {"Options", own_options, sizeof own_options / sizeof *own_options, 0},
    CLI_INPUT_GROUP(profile_args, inputs),
    CLI_MACHINE_GROUP(profile_args, machine),
};

static const cli_syntax syntax = {
    .command = "profile",
    .operand = "MODEL",
    .text = "Measures what each layer of a network costs on each PE, and what it costs to pass tensors between them.",
    .examples = "  mae profile model.onnx -o model.profile.json\n"
                "  mae profile model.onnx -o one.json --threads 1 --budget 10 --shape image=1,3,320,320\n"
                "  mae profile model.onnx -o model.profile.json --input photo.jpg\n"
                "  mae profile model.onnx --merge old.json -o new.json\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

/* The PEs that `resume` asks for; all without any. */
static int measure(const profile_subject *subject, const profile_args *args, const cli_resume *resume,
                   mae_profile **ret_profile)
{
    cli_progress progress;
    mae_profile_options options = {.budget_s = args->budget_s,
                                   .progress = cli_progress_step,
                                   .progress_ctx = &progress,
                                   .inputs = subject->inputs,
                                   .n_inputs = subject->n_inputs,
                                   .pes = resume->pes,
                                   .n_pes = resume->n_pes};
    cli_progress_begin(&progress);
    mae_error *error = mae_profile_measure(subject->context, subject->model, &options, ret_profile);
    cli_progress_end(&progress);
    if (error && cli_interrupted()) {
        mae_error_free(error);
        return cli_error(MAE_ERR_FAILED, "interrupted; nothing was written");
    }
    return cli_report(error);
}

/* The old profile with what was measured now, if anything had to be. */
static int measure_rest(const profile_subject *subject, const profile_args *args, cli_resume *resume,
                        mae_profile **ret_profile)
{
    CLI_TRY(cli_resume_begin(resume, args->merge, subject->context, subject->model, args->machine.pes != NULL));
    if (resume->n_pes == 0) {
        *ret_profile = resume->old;
        resume->old = NULL;
        return 0;
    }
    mae_profile *newer;
    CLI_TRY(measure(subject, args, resume, &newer));
    int status = cli_report(mae_profile_merge(resume->old, newer, ret_profile));
    mae_profile_destroy(newer);
    return status;
}

static int obtain(const profile_subject *subject, const profile_args *args, mae_profile **ret_profile)
{
    cli_resume resume = {0};
    if (!args->merge)
        return measure(subject, args, &resume, ret_profile);
    int status = measure_rest(subject, args, &resume, ret_profile);
    cli_resume_finish(&resume);
    return status;
}

static int obtain_and_write(const profile_subject *subject, const profile_args *args)
{
    mae_profile *profile;
    CLI_TRY(obtain(subject, args, &profile));
    int status = cli_report(mae_profile_write(profile, args->output));
    if (!status)
        status = cli_summary_print(profile);
    if (!status)
        status = cli_provenance_print(args->output);
    if (!status && args->merge)
        cli_resume_print_gaps(profile);
    mae_profile_destroy(profile);
    return status;
}

static int profile_model(mae_context *context, mae_model *model, const profile_args *args)
{
    cli_inputs inputs = {0};
    CLI_TRY(cli_inputs_load(&args->inputs, "profile", mae_model_graph(model), &inputs));
    profile_subject subject = {.context = context, .model = model};
    mae_bench_input *given = cli_inputs_given(&inputs, &subject.n_inputs);
    subject.inputs = given;
    int status = given ? obtain_and_write(&subject, args) : cli_nomem();
    free(given);
    cli_inputs_clear(&inputs);
    return status;
}

int cli_profile(int argc, char **argv)
{
    profile_args args = {0};
    const char *path;
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, &path, &status))
        return status;
    if (!args.output)
        return cli_usage("profile", "-o PROFILE is missing");
    CLI_TRY(cli_file_probe(args.output));
    mae_context *context;
    CLI_TRY(cli_machine_open(&args.machine, &context));
    mae_model *model;
    status = cli_model_open(context, "profile", path, &args.shapes, NULL, &model);
    if (!status) {
        status = profile_model(context, model, &args);
        mae_model_close(model);
    }
    mae_context_destroy(context);
    return status;
}
