#include "cli/bench_throughput.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_report.h"
#include "cli/message.h"
#include "cli/plan_period.h"
#include "cli/progress.h"
#include "cli/table.h"

static int measure(mae_context *context, mae_model *model, const mae_bench_options *given,
                   mae_throughput **ret_throughput)
{
    cli_progress progress;
    mae_bench_options options = *given;
    options.progress = cli_progress_step;
    options.progress_ctx = &progress;
    cli_progress_begin(&progress);
    mae_error *error = mae_throughput_run(context, model, &options, ret_throughput);
    cli_progress_end(&progress);
    if (!cli_interrupted())
        return cli_report(error);
    if (error)
        mae_error_free(error);
    else
        mae_throughput_destroy(*ret_throughput);
    return cli_error(MAE_ERR_FAILED, "interrupted; nothing was written");
}

static const char *note_of(const mae_throughput *t, size_t i)
{
    const mae_throughput_entry *entry = &t->entries[i];
    if (entry->reason)
        return entry->reason;
    if (!entry->verified)
        return "outputs differ from the reference's";
    return i == t->offered ? "offered" : entry->raced ? "" : "measured once";
}

static int print_entries(const mae_throughput *t)
{
    static const char *const heading[] = {"measured", "frames/s", "95 %", "period ms", "latency ms", "99 %", ""};
    cli_table *table = cli_table_create("lrlrrrl");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < t->n_entries; i++) {
        const mae_throughput_entry *e = &t->entries[i];
        cli_style style = i == t->offered ? CLI_GREEN : e->raced ? CLI_PLAIN : CLI_DIM;
        double period = e->raced ? e->period_ms.median : e->quick_ms;
        cli_table_cell(table, style, "%s", e->name);
        if (e->reason) {
            for (int c = 0; c < 5; c++)
                cli_table_cell(table, CLI_DIM, "-");
        } else {
            cli_table_cell(table, style, "%.2f", 1e3 / period);
            if (e->raced)
                cli_table_cell(table, style, "%.2f to %.2f", 1e3 / e->period_ms.high, 1e3 / e->period_ms.low);
            else
                cli_table_cell(table, style, "%s", "");
            cli_table_cell(table, style, "%.4f", period);
            for (int c = 0; c < 2; c++)
                if (e->raced)
                    cli_table_cell(table, style, "%.4f", c ? e->p99_ms : e->latency_ms.median);
                else
                    cli_table_cell(table, style, "%s", "");
        }
        cli_table_cell(table, style, "%.60s", note_of(t, i));
    }
    return cli_table_finish(table);
}

static void print_ratio(const mae_throughput *t, const mae_throughput_ratio *ratio)
{
    const char *name = t->entries[ratio->entry].name;
    if (ratio->entry == t->offered) {
        printf("%s is what is offered.\n", name);
        return;
    }
    const char *what = strcmp(ratio->what, "best_single") == 0 ? ", the best single PE"
                       : strcmp(ratio->what, "sessions") == 0  ? ", ONNX Runtime with a session of one thread on each"
                                                               : ", one session";
    printf("%.3f times the frames per second (%.3f to %.3f) of %s%s.\n", ratio->ratio.median, ratio->ratio.low,
           ratio->ratio.high, name, what);
}

static int print_text(const mae_throughput *t)
{
    const mae_plan *plan = t->entries[t->offered].plan;
    CLI_TRY(cli_plan_period_stages(plan->throughput));
    putchar('\n');
    CLI_TRY(print_entries(t));
    printf("\n%zu rounds, turn by turn; medians and their 95 %% intervals. Predicted period of what is offered: %.4f "
           "ms.\n",
           t->rounds, plan->throughput->period_ms);
    for (size_t i = 0; i < t->n_ratios; i++)
        print_ratio(t, &t->ratios[i]);
    printf("Outputs verified against ONNX Runtime: largest relative error %.3g.\n", t->entries[t->offered].max_rel);
    return 0;
}

static int print_json(const mae_throughput *t)
{
    char *text;
    CLI_TRY(cli_report(mae_throughput_to_json(t, &text)));
    puts(text);
    free(text);
    return 0;
}

static int write_report(const mae_throughput *t, const char *path)
{
    char *text;
    CLI_TRY(cli_report(mae_throughput_to_json(t, &text)));
    int status = cli_bench_write_page(path, t->profile, text, NULL);
    free(text);
    return status;
}

int cli_bench_throughput(mae_context *context, mae_model *model, const mae_bench_options *options, const char *output,
                         const char *report, bool json)
{
    mae_throughput *t = NULL;
    CLI_TRY(measure(context, model, options, &t));
    int status = output ? cli_report(mae_plan_write(t->entries[t->offered].plan, output)) : 0;
    if (!status)
        status = json ? print_json(t) : print_text(t);
    if (!status && report)
        status = write_report(t, report);
    mae_throughput_destroy(t);
    return status;
}
