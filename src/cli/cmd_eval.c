/* mae eval: what a given mapping costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/mapping.h"
#include "cli/message.h"
#include "cli/options.h"

typedef struct eval_args {
    const char *mapping;
    double period_ms;
    const char *schedule;
    mae_schedule frames;
    bool json;
} eval_args;

static const cli_option own_options[] = {
    {"mapping", 'm', CLI_TEXT, offsetof(eval_args, mapping), "PE,PE,...", "a PE for every layer, in order", 0},
    {"period-ms", 0, CLI_POSITIVE, offsetof(eval_args, period_ms), "T", "a frame comes every T milliseconds", 0},
    {"schedule", 0, CLI_TEXT, offsetof(eval_args, schedule), "S", "serial (default), or overlap: PEs work at once", 0},
    {"json", 0, CLI_FLAG, offsetof(eval_args, json), NULL, "print JSON", 0},
};

static const cli_group groups[] = {{"Options", own_options, sizeof own_options / sizeof *own_options, 0}};

static const cli_syntax syntax = {
    .command = "eval",
    .operand = "PROFILE",
    .text = "Says what a mapping costs: predicted latency, energy (if the profile has it) and switches of PE.\n"
            "In a mapping, PE*N stands for N times the same PE.",
    .examples = "  mae eval net.profile.json --mapping gpu,gpu,gpu,gpu,gpu,gpu,gpu,dla,dla,dla\n"
                "  mae eval net.profile.json --mapping 'gpu*7,dla*3' --json\n"
                "  mae eval net.profile.json --mapping 'gpu*7,dla*3' --schedule overlap\n",
    .groups = groups,
    .n_groups = 1,
};

/* "PE" or "PE*N"; cut off at the star then. */
static int parse_item(const mae_profile *profile, const cli_list *list, char *item, int *ret_pe, size_t *ret_times)
{
    *ret_times = 1;
    int pe = mae_profile_find_pe(profile, item);
    char *star = strrchr(item, '*'), *end = NULL;
    if (pe < 0 && star) {
        unsigned long times = strtoul(star + 1, &end, 10);
        if (end > star + 1 && !*end && times >= 1 && times <= profile->n_layers) {
            *star = '\0';
            pe = mae_profile_find_pe(profile, item);
            *ret_times = times;
        }
    }
    *ret_pe = pe;
    return pe < 0 ? cli_usage("eval", "--mapping: entry %zu: the profile has no PE '%s'", list->position, item) : 0;
}

static int parse_mapping(const mae_profile *profile, const char *text, int *mapping)
{
    cli_list list = {.rest = text};
    size_t n = 0;
    for (;;) {
        char *item;
        int pe = -1;
        size_t times = 0;
        CLI_TRY(cli_list_next("eval", "mapping", &list, &item));
        if (!item)
            break;
        int status = parse_item(profile, &list, item, &pe, &times);
        free(item);
        CLI_TRY(status);
        for (; times > 0; times--, n++) {
            if (n < profile->n_layers)
                mapping[n] = pe;
        }
    }
    if (n != profile->n_layers)
        return cli_usage("eval", "--mapping names %zu PEs, but the profile has %zu layers", n, profile->n_layers);
    return 0;
}

static int print_json(const mae_profile *profile, const mae_prediction *cost, const char *reason)
{
    bool ok = reason == NULL;
    json_t *energy = ok && profile->energy != MAE_ENERGY_NONE ? cli_json_number(cost->energy_mj) : json_null();
    json_t *latency = ok ? cli_json_number(cost->latency_ms) : json_null();
    json_t *switches = ok ? json_integer(cost->switches) : json_null();
    return cli_json_print(json_pack("{s:s,s:i,s:b,s:o,s:o,s:o,s:s?}", "format", "mae-eval", "version", 1, "feasible",
                                    ok, "latency_ms", latency, "energy_mj", energy, "switches", switches, "reason",
                                    reason));
}

static void print_text(const mae_profile *profile, const mae_prediction *cost)
{
    printf("predicted latency  %.6g ms\n", cost->latency_ms);
    if (profile->energy != MAE_ENERGY_NONE)
        printf("predicted energy   %.6g mJ\n", cost->energy_mj);
    printf("switches of PE     %d\n", cost->switches);
}

/* A mapping that is not allowed is an answer, with --json on standard output. */
static int evaluate(const mae_profile *profile, const int *mapping, const eval_args *args)
{
    mae_prediction cost = {0};
    mae_error *error = args->frames == MAE_OVERLAP ? mae_eval_overlap(profile, mapping, args->period_ms, &cost)
                                                   : mae_eval(profile, mapping, args->period_ms, &cost);
    if (error && mae_error_code(error) != MAE_ERR_INFEASIBLE)
        return cli_report(error);
    int status = 0;
    if (args->json)
        status = print_json(profile, &cost, error ? mae_error_message(error) : NULL);
    else if (!error)
        print_text(profile, &cost);
    int infeasible = cli_report(error);
    return status ? status : infeasible;
}

int cli_eval(int argc, char **argv)
{
    eval_args args = {0};
    const char *path;
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, &path, &status))
        return status;
    if (!args.mapping)
        return cli_usage("eval", "--mapping is missing");
    CLI_TRY(cli_schedule_parse(args.schedule, "eval", &args.frames));
    mae_profile *profile;
    CLI_TRY(cli_report(mae_profile_read(path, &profile)));
    int *mapping = calloc(profile->n_layers, sizeof *mapping);
    status = mapping ? parse_mapping(profile, args.mapping, mapping) : cli_nomem();
    if (!status)
        status = evaluate(profile, mapping, &args);
    free(mapping);
    mae_profile_destroy(profile);
    return status;
}
