/* mae stream --scenario: every strategy through the same script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/progress.h"
#include "cli/stream.h"
#include "cli/stream_trace.h"
#include "cli/table.h"

static void trace_frame(void *ctx, const mae_play_frame *frame)
{
    double answered_ms = frame->arrival_s * 1e3 + frame->latency_ms;
    if (frame->latency_ms >= 0)
        cli_stream_trace_frame(ctx, frame->frame, answered_ms - frame->live->latency_ms, frame->live);
}

static void print_row(cli_table *table, const mae_play *play, const mae_play_strategy *s, const mae_play_strategy *base)
{
    cli_style style = s->live ? CLI_BOLD : s->bound ? CLI_DIM : CLI_PLAIN;
    cli_table_cell(table, style, "%s%s", s->name, s->bound && !s->attained ? " (bound)" : "");
    cli_table_cell(table, style, "%zu", s->misses);
    cli_table_cell(table, s->lost ? CLI_RED : style, "%zu", s->lost);
    cli_table_cell(table, s->wrong ? CLI_RED : style, "%zu", s->wrong);
    if (play->has_energy) {
        cli_table_cell(table, style, "%.2f", s->energy_mj * 1e-3);
        cli_table_cell(table, style, "%+.1f %%", 100 * (s->energy_mj / base->energy_mj - 1));
    }
    cli_table_cell(table, style, "%.3f", s->p50_ms);
    cli_table_cell(table, style, "%.3f", s->p99_ms);
    cli_table_cell(table, style, "%.3f", s->max_ms);
    cli_table_cell(table, style, "%zu", s->switches);
}

static int print_table(const mae_play *play)
{
    static const char *const heading[] = {"strategy", "misses", "lost",   "wrong",      "J",
                                          "vs first", "p50 ms", "p99 ms", "longest ms", "switches"};
    cli_table *table = cli_table_create(play->has_energy ? "lrrrrrrrrr" : "lrrrrrrr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        if (play->has_energy || (i != 4 && i != 5))
            cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < play->n_strategies; i++)
        print_row(table, play, &play->strategies[i], &play->strategies[0]);
    return cli_table_finish(table);
}

static int print_text(const mae_play *play)
{
    const mae_play_strategy *first = &play->strategies[0];
    printf("%s: %.4g s on a virtual %s, %s, %zu frames\n\n", *play->script ? play->script : "script", play->duration_s,
           *play->soc ? play->soc : "SoC", *play->model ? play->model : "network", first->frames);
    CLI_TRY(print_table(play));
    for (size_t i = 0; i < play->n_strategies; i++) {
        const mae_play_strategy *s = &play->strategies[i];
        if (s->live)
            printf("\npolicy: %zu switches, %zu frames begun again, %zu times a PE was taken out (%zu hung), %zu times "
                   "measured and %zu times planned anew\n",
                   s->switches, s->repeats, s->losses, s->hung, s->reprofiles, s->replans);
        if (s->bound)
            printf("clairvoyant: the least misses and then energy that any choice can have%s\n",
                   s->attained ? ", reached by this one" : "; whether one reaches them is not known");
    }
    if (!play->has_energy)
        printf("\nThe profile has no energy.\n");
    return 0;
}

static int print_json(const mae_play *play)
{
    char *text = NULL;
    CLI_TRY(cli_report(mae_play_to_json(play, &text)));
    size_t n = strlen(text);
    printf("%s%s", text, n && text[n - 1] == '\n' ? "" : "\n");
    free(text);
    return 0;
}

int cli_stream_script(const cli_stream_args *args)
{
    mae_play *play = NULL;
    cli_stream_trace *trace = NULL;
    cli_progress progress;
    if (args->trace)
        CLI_TRY(cli_stream_trace_open(args->trace, NULL, NULL, &trace));
    cli_progress_begin(&progress);
    const mae_play_options options = {.rules = args->rules,
                                      .compare = args->compare,
                                      .progress = cli_progress_step,
                                      .progress_ctx = &progress,
                                      .on_frame = trace ? trace_frame : NULL,
                                      .on_frame_ctx = trace};
    mae_error *error = mae_scenario_play(args->scenario, &options, &play);
    cli_progress_end(&progress);
    int status = cli_report(error), written = cli_stream_trace_close(trace);
    if (!status)
        status = args->json ? print_json(play) : print_text(play);
    mae_play_destroy(play);
    return status ? status : written;
}
