#include "cli/bench_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mapping.h"
#include "cli/message.h"
#include "cli/table.h"

/* A network of more layers is shown by its slowest ones. */
#define MOST_LAYERS 30
#define SLOWEST 12

/* ---- layers x PEs ---- */

static void add_time(cli_table *table, const mae_cost *cost, bool chosen)
{
    if (!cost->supported)
        cli_table_cell(table, CLI_DIM, "-  ");
    else
        cli_table_cell(table, chosen ? CLI_GREEN : CLI_PLAIN, "%.4f%s", cost->time_ms, chosen ? " *" : "  ");
}

static void add_layer(cli_table *table, const cli_mapping *m, size_t layer)
{
    const mae_profile *p = m->profile;
    cli_table_cell(table, CLI_PLAIN, "%zu", layer + 1);
    cli_table_cell(table, CLI_PLAIN, "%.48s", p->layers[layer].name);
    cli_table_cell(table, CLI_DIM, "%s", *p->layers[layer].kind ? p->layers[layer].kind : p->layers[layer].op);
    for (size_t pe = 0; pe < p->n_pes; pe++)
        add_time(table, &p->costs[layer * p->n_pes + pe], (int)pe == m->pe[layer]);
}

static cli_table *begin_layers(const mae_profile *profile, char **ret_align)
{
    char *align = malloc(4 + profile->n_pes);
    if (!align)
        return NULL;
    memcpy(align, "rll", 3);
    memset(align + 3, 'r', profile->n_pes);
    align[3 + profile->n_pes] = '\0';
    cli_table *table = cli_table_create(align);
    cli_table_cell(table, CLI_BOLD, "#");
    cli_table_cell(table, CLI_BOLD, "layer");
    cli_table_cell(table, CLI_BOLD, "kind");
    for (size_t pe = 0; pe < profile->n_pes; pe++)
        cli_table_cell(table, CLI_BOLD, "%s  ", profile->pes[pe].name);
    *ret_align = align;
    return table;
}

static double chosen_ms(const cli_mapping *m, size_t layer)
{
    return m->profile->costs[layer * m->profile->n_pes + (size_t)m->pe[layer]].time_ms;
}

static int compare_slowest_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The time of the n-th slowest layer; 0 (all layers) when memory runs out. */
static double slow_limit(const cli_mapping *m, size_t n)
{
    double *times = malloc(m->profile->n_layers * sizeof *times);
    if (!times)
        return 0;
    for (size_t l = 0; l < m->profile->n_layers; l++)
        times[l] = chosen_ms(m, l);
    qsort(times, m->profile->n_layers, sizeof *times, compare_slowest_first);
    double limit = times[n - 1];
    free(times);
    return limit;
}

static int print_layers(const cli_mapping *m, bool all)
{
    size_t n = m->profile->n_layers;
    bool some = !all && n > MOST_LAYERS;
    double limit = some ? slow_limit(m, SLOWEST) : -1;
    char *align = NULL;
    if (some)
        printf("The slowest of %zu layers, ms (* chosen; --all shows all):\n", n);
    else
        printf("Layers, ms (* chosen):\n");
    cli_table *table = begin_layers(m->profile, &align);
    for (size_t l = 0; l < n; l++) {
        if (chosen_ms(m, l) >= limit)
            add_layer(table, m, l);
    }
    int status = cli_table_finish(table);
    free(align);
    return status;
}

/* ---- whole networks ---- */

static bool shows_goal(const mae_bench *b)
{
    return b->goal.minimize != MAE_MIN_LATENCY;
}

static void begin_figures(cli_table *table, const mae_bench *b)
{
    cli_table_cell(table, CLI_BOLD, "whole network");
    cli_table_cell(table, CLI_BOLD, "median ms");
    cli_table_cell(table, CLI_BOLD, "95 %% interval");
    if (cli_bench_has_energy(b))
        cli_table_cell(table, CLI_BOLD, b->meter.measured ? "mJ (measured)" : "mJ (predicted)");
    if (b->meter.measured)
        cli_table_cell(table, CLI_BOLD, "95 %% interval");
    if (shows_goal(b))
        cli_table_cell(table, CLI_BOLD, "J, %s", cli_bench_unit(&b->goal));
    cli_table_cell(table, CLI_BOLD, "vs the plan");
    cli_table_cell(table, CLI_BOLD, "%s", "");
}

static void add_figures(cli_table *table, const mae_bench *b, const char *name, const mae_bench_entry *of,
                        cli_style style)
{
    const mae_interval *time = &of->latency_ms, *value = &of->objective;
    cli_table_cell(table, style, "%s", name);
    cli_table_cell(table, style, "%.4f", time->median);
    cli_table_cell(table, style, "%.4f .. %.4f", time->low, time->high);
    if (cli_bench_has_energy(b))
        cli_table_cell(table, style, "%.4f", of->energy_mj);
    if (b->meter.measured)
        cli_table_cell(table, style, "%.4f .. %.4f", of->measured_mj.low, of->measured_mj.high);
    if (shows_goal(b))
        cli_table_cell(table, style, "%.4f", value->median);
    if (b->objective.median > 0)
        cli_table_cell(table, style, "%.2fx", value->median / b->objective.median);
    else
        cli_table_cell(table, style, "%s", "");
    if (!of->verified)
        cli_table_cell(table, style, "outputs differ from ONNX Runtime's by %.3g", of->max_rel);
    else
        cli_table_cell(table, style, "%s", of->meets_bounds ? "" : "misses the bounds");
}

static void add_entry(cli_table *table, const mae_bench *b, const mae_bench_entry *entry)
{
    if (entry->complete) {
        add_figures(table, b, entry->name, entry, entry->verified && entry->meets_bounds ? CLI_PLAIN : CLI_DIM);
        return;
    }
    cli_table_cell(table, CLI_DIM, "%s", entry->name);
    cli_table_cell(table, CLI_DIM, "-");
    cli_table_cell(table, CLI_DIM, "cannot run it all");
    cli_table_end_row(table);
}

static void add_plan(cli_table *table, const mae_bench *b)
{
    const mae_bench_entry plan = {.latency_ms = b->latency_ms,
                                  .energy_mj = b->energy_mj,
                                  .measured_mj = b->measured_mj,
                                  .objective = b->objective,
                                  .verified = b->verdict.ok,
                                  .max_rel = b->verdict.max_rel,
                                  .meets_bounds = true};
    char *name = NULL;
    if (b->single_is_best && b->baseline && asprintf(&name, "the plan (%s alone)", b->baseline) < 0)
        name = NULL;
    add_figures(table, b, name ? name : "the plan", &plan, CLI_GREEN);
    free(name);
}

static int print_figures(const mae_bench *b)
{
    char align[16];
    snprintf(align, sizeof align, "lrl%s%s%srl", cli_bench_has_energy(b) ? "r" : "", b->meter.measured ? "l" : "",
             shows_goal(b) ? "r" : "");
    cli_table *table = cli_table_create(align);
    begin_figures(table, b);
    for (size_t i = 0; i < b->n_single; i++)
        add_entry(table, b, &b->single[i]);
    for (size_t i = 0; i < b->n_baselines; i++)
        add_entry(table, b, &b->baselines[i]);
    add_plan(table, b);
    CLI_TRY(cli_table_finish(table));
    for (size_t i = 0; i < b->n_single; i++)
        if (!b->single[i].complete && b->single[i].reason)
            printf("%s cannot run %s\n", b->single[i].name, b->single[i].reason);
    return 0;
}

static int print_mapping(const mae_bench *bench, bool all)
{
    cli_mapping mapping;
    CLI_TRY(cli_mapping_of_plan(bench->plan, bench->profile, &mapping));
    int status = print_layers(&mapping, all);
    printf("\nThe plan's segments%s, ms (* chosen):\n",
           bench->plan->goal.schedule == MAE_OVERLAP ? " (segments overlapped: each takes so long alone)" : "");
    if (!status)
        status = cli_mapping_print_segments(&mapping);
    putchar('\n');
    if (!status && mapping.n_segments > 1) {
        status = cli_mapping_print_moves(&mapping);
        putchar('\n');
    }
    cli_mapping_clear(&mapping);
    return status;
}

int cli_bench_print(const mae_bench *bench, bool all)
{
    const mae_profile *profile = bench->profile;
    printf("%s: %zu layers, %zu PE%s, %d thread%s\n\n", *profile->model_name ? profile->model_name : "network",
           profile->n_layers, profile->n_pes, profile->n_pes == 1 ? "" : "s", bench->threads,
           bench->threads == 1 ? "" : "s");
    CLI_TRY(print_mapping(bench, all));
    CLI_TRY(print_figures(bench));
    putchar('\n');
    cli_bench_print_verdict(bench);
    return 0;
}

/* ---- for a browser ---- */

static int fill_page(mae_report *report, const mae_profile *profile, const char *json, const mae_recorder *recorder)
{
    CLI_TRY(cli_report(mae_report_add_profile(report, "profile of this bench", profile)));
    CLI_TRY(cli_report(mae_report_add_text(report, "this bench", json, strlen(json))));
    if (!recorder)
        return 0;
    char *trace;
    CLI_TRY(cli_report(mae_recorder_to_json(recorder, &trace)));
    int status = cli_report(mae_report_add_text(report, "its final rounds", trace, strlen(trace)));
    free(trace);
    return status;
}

int cli_bench_write_page(const char *path, const mae_profile *profile, const char *json, const mae_recorder *recorder)
{
    mae_report *report;
    CLI_TRY(cli_report(mae_report_create(&report)));
    int status = fill_page(report, profile, json, recorder);
    if (!status)
        status = cli_report(mae_report_write(report, path));
    mae_report_destroy(report);
    return status;
}
