/* mae pes: what this machine offers. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/table.h"

typedef struct pes_args {
    bool json;
    const char *write;
    cli_machine machine;
} pes_args;

static const cli_option own_options[] = {
    {"json", 0, CLI_FLAG, offsetof(pes_args, json), NULL, "print JSON", 0},
    {"write", 0, CLI_TEXT, offsetof(pes_args, write), "FILE", "write a SoC file of these PEs and the meter, to edit",
     0},
};

static const cli_group groups[] = {
    {"Options", own_options, sizeof own_options / sizeof *own_options, 0},
    CLI_MACHINE_GROUP(pes_args, machine),
};

static const cli_syntax syntax = {
    .command = "pes",
    .text = "Lists the processing elements (PEs) found here: pieces of hardware, and the engines that drive them; and\n"
            "what energy can be measured with.",
    .examples = "  mae pes\n  mae pes --json\n  mae pes --write board.json\n  mae pes --soc board.json\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

static json_t *pe_json(const mae_pe_info *pe)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s?}", "name", pe->name, "resource", pe->resource, "backend", pe->backend,
                     "engine", pe->engine, "precision", pe->precision, "meter", pe->meter);
}

static json_t *meter_json(const mae_meter_info *meter)
{
    json_t *rails = json_array();
    for (size_t i = 0; i < meter->n_rails; i++)
        json_array_append_new(rails, json_string(meter->rails[i]));
    return json_pack("{s:s,s:o,s:s?}", "name", meter->name, "rails", rails, "reason", meter->reason);
}

static json_t *on_request_json(const mae_context *context)
{
    const mae_spare_pe *spare;
    size_t n = mae_context_spare(context, &spare);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *pe = pe_json(&spare[i].info);
        json_object_set_new(pe, "reason", json_string(spare[i].reason));
        json_array_append_new(list, pe);
    }
    return list;
}

static int print_json(mae_context *context)
{
    const mae_meter_info *meters;
    size_t n_meters;
    CLI_TRY(cli_report(mae_context_meters(context, &meters, &n_meters)));
    const mae_pe_info *pes;
    const mae_missing_backend *missing;
    size_t n = mae_context_pes(context, &pes), m = mae_context_missing(context, &missing);
    json_t *found = json_array(), *absent = json_array(), *metered = json_array();
    for (size_t i = 0; i < n_meters; i++)
        json_array_append_new(metered, meter_json(&meters[i]));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(found, pe_json(&pes[i]));
    for (size_t i = 0; i < m; i++)
        json_array_append_new(absent,
                              json_pack("{s:s,s:s}", "backend", missing[i].backend, "reason", missing[i].reason));
    return cli_json_print(json_pack("{s:s,s:i,s:o,s:o,s:o,s:o}", "format", "mae-pes", "version", 1, "pes", found,
                                    "on_request", on_request_json(context), "missing", absent, "meters", metered));
}

static int print_meters(mae_context *context)
{
    const mae_meter_info *meters;
    size_t n;
    CLI_TRY(cli_report(mae_context_meters(context, &meters, &n)));
    for (size_t i = 0; i < n; i++) {
        printf("%smeter %s: ", i ? "" : "\n", meters[i].name);
        if (meters[i].reason)
            printf("%s\n", meters[i].reason);
        for (size_t r = 0; r < meters[i].n_rails; r++)
            printf("%s%s", meters[i].rails[r], r + 1 < meters[i].n_rails ? ", " : "\n");
    }
    return 0;
}

static int print_table(mae_context *context, bool is_stated)
{
    const mae_pe_info *pes;
    const mae_missing_backend *missing;
    size_t n = mae_context_pes(context, &pes), m = mae_context_missing(context, &missing);
    static const char *const heading[] = {"PE", "resource", "backend", "engine", "precision", "meter"};
    cli_table *table = cli_table_create("llllll");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < n; i++) {
        const char *cells[] = {pes[i].name,   pes[i].resource,  pes[i].backend,
                               pes[i].engine, pes[i].precision, pes[i].meter ? pes[i].meter : "none"};
        for (size_t c = 0; c < sizeof cells / sizeof *cells; c++)
            cli_table_cell(table, CLI_PLAIN, "%s", cells[c]);
    }
    CLI_TRY(cli_table_finish(table));
    const mae_spare_pe *spare;
    size_t n_spare = mae_context_spare(context, &spare);
    for (size_t i = 0; i < n_spare; i++)
        printf("%snot used: %s (%s): %s\n", i ? "" : "\n", spare[i].info.name, spare[i].info.engine, spare[i].reason);
    for (size_t i = 0; i < m; i++)
        printf("%snot here: %s: %s\n", i ? "" : "\n", missing[i].backend, missing[i].reason);
    CLI_TRY(print_meters(context));
    printf("\n%d thread%s for each PE%s\n", mae_context_threads(context), mae_context_threads(context) == 1 ? "" : "s",
           is_stated ? " that states neither threads nor cores" : "");
    return 0;
}

int cli_pes(int argc, char **argv)
{
    pes_args args = {0};
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, NULL, &status))
        return status;
    mae_context *context;
    CLI_TRY(cli_machine_open_quietly(&args.machine, &context));
    if (args.write)
        status = cli_report(mae_context_write_soc(context, args.write));
    else
        status = args.json ? print_json(context) : print_table(context, args.machine.soc != NULL);
    mae_context_destroy(context);
    return status;
}
