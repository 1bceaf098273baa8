/* mae report: a page of what the other commands found. */
#include "cli/commands.h"

#include "cli/args.h"
#include "cli/message.h"
#include "mae/mae.h"

typedef struct report_args {
    const char *output;
    cli_texts files;
} report_args;

static const cli_option own_options[] = {
    {"output", 'o', CLI_TEXT, offsetof(report_args, output), "REPORT", "write the page to this file (HTML)", 0},
};

static const cli_group groups[] = {{"Options", own_options, sizeof own_options / sizeof *own_options, 0}};

static const cli_syntax syntax = {
    .command = "report",
    .operand = "FILE",
    .operand_many = true,
    .operands = offsetof(report_args, files),
    .text = "Makes one HTML page, whole in itself, of what FILEs say: a profile, a plan, a front, a bench result, a\n"
            "scenario result and a trace, one of each at most, in any order. A profile alone is planned for the\n"
            "least latency.",
    .examples = "  mae report net.profile.json -o net.html\n"
                "  mae report model.profile.json model.plan.json -o model.html\n"
                "  mae stream --scenario examples/quadcopter/scenario.json --compare --json > flight.json && \\\n"
                "  mae report flight.json -o flight.html\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

static int add_files(mae_report *report, const cli_texts *files)
{
    for (size_t i = 0; i < files->n; i++)
        CLI_TRY(cli_report(mae_report_add_file(report, files->item[i])));
    return 0;
}

int cli_report_page(int argc, char **argv)
{
    report_args args = {0};
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, NULL, &status))
        return status;
    if (!args.output)
        return cli_usage("report", "-o REPORT is missing");
    mae_report *report;
    CLI_TRY(cli_report(mae_report_create(&report)));
    status = add_files(report, &args.files);
    if (!status)
        status = cli_report(mae_report_write(report, args.output));
    mae_report_destroy(report);
    return status;
}
