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

/* ---- latencies ---- */

static void add_latency(cli_table *table, const char *name, const mae_interval *time, const mae_interval *best,
                        cli_style style)
{
    cli_table_cell(table, style, "%s", name);
    cli_table_cell(table, style, "%.4f", time->median);
    cli_table_cell(table, style, "%.4f .. %.4f", time->low, time->high);
    if (best->median > 0)
        cli_table_cell(table, style, "%.2fx", time->median / best->median);
    else
        cli_table_cell(table, style, "%s", "");
}

static void add_entry(cli_table *table, const mae_bench_entry *entry, const mae_interval *best)
{
    if (entry->complete && entry->verified) {
        add_latency(table, entry->name, &entry->latency_ms, best, CLI_PLAIN);
        return;
    }
    if (entry->complete) {
        cli_table_cell(table, CLI_DIM, "%s", entry->name);
        cli_table_cell(table, CLI_DIM, "%.4f", entry->latency_ms.median);
        cli_table_cell(table, CLI_DIM, "outputs differ from ONNX Runtime's by %.3g", entry->max_rel);
        cli_table_end_row(table);
        return;
    }
    cli_table_cell(table, CLI_DIM, "%s", entry->name);
    cli_table_cell(table, CLI_DIM, "-");
    cli_table_cell(table, CLI_DIM, "cannot run it all");
    cli_table_end_row(table);
}

static int print_latencies(const mae_bench *b)
{
    static const char *const heading[] = {"whole network", "median ms", "95 % interval", "vs the plan"};
    cli_table *table = cli_table_create("lrlr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < b->n_single; i++)
        add_entry(table, &b->single[i], &b->latency_ms);
    for (size_t i = 0; i < b->n_baselines; i++)
        add_entry(table, &b->baselines[i], &b->latency_ms);
    char *name = NULL;
    if (b->single_is_best && b->baseline && asprintf(&name, "the plan (%s alone)", b->baseline) < 0)
        name = NULL;
    add_latency(table, name ? name : "the plan", &b->latency_ms, &b->latency_ms, CLI_GREEN);
    free(name);
    CLI_TRY(cli_table_finish(table));
    for (size_t i = 0; i < b->n_single; i++)
        if (!b->single[i].complete && b->single[i].reason)
            printf("%s cannot run %s\n", b->single[i].name, b->single[i].reason);
    return 0;
}

/* ---- what it comes to ---- */

/* How the prediction was brought to the machine's present speed. */
static void print_drift(const mae_bench *b)
{
    printf("As profiled it was %.4f ms; %s now take%s %.3f times as long as then.\n", b->predicted_ms / b->drift,
           b->single_is_best ? "what else ran in these rounds" : "the single PEs", b->single_is_best ? "s" : "",
           b->drift);
}

static void print_prediction(const mae_bench *b)
{
    if (!(b->latency_ms.median > 0) || !(b->predicted_ms > 0))
        return;
    printf("Latency of the plan: predicted %.4f ms, measured %.4f ms (%+.1f %%).\n", b->predicted_ms,
           b->latency_ms.median, (b->latency_ms.median / b->predicted_ms - 1) * 100);
    print_drift(b);
}

static void print_verdict(const mae_bench *b)
{
    printf("%s", cli_style_code(CLI_BOLD));
    if (!b->baseline)
        printf("Only the mix runs this network: no single PE supports all of its layers.");
    else if (b->profile->n_pes == 1)
        printf("There is only %s here: nothing to mix.", b->baseline);
    else if (b->single_is_best && b->unverified > 0 && b->unverified == b->refinements)
        printf("No mix's outputs agree with ONNX Runtime's within the tolerance, so %s alone is what the plan offers.",
               b->baseline);
    else if (b->single_is_best)
        printf("Mixing did not pay here: no mix beat %s when measured, so %s alone is what the plan offers.",
               b->baseline, b->baseline);
    else
        printf(
            "Mixing paid: the plan takes %.1f %% less time than %s, the best single PE (95 %% interval %.1f to %.1f).",
            b->maeg.median * 100, b->baseline, b->maeg.low * 100, b->maeg.high * 100);
    printf("%s\n", cli_style_code(CLI_PLAIN));
    if (b->baseline && !b->single_is_best)
        printf("MAEG = 1 - latency(plan) / latency(%s): predicted %.1f %%, measured %.1f %%.\n", b->baseline,
               b->maeg_predicted * 100, b->maeg.median * 100);
    print_prediction(b);
    if (b->unverified > 0)
        printf("Left out: %zu mixed plan%s whose outputs differed from ONNX Runtime's beyond the tolerance.\n",
               b->unverified, b->unverified == 1 ? "" : "s");
    if (b->verdict.ok)
        printf("Outputs verified against ONNX Runtime: largest error %.3g, relative %.3g.\n", b->verdict.max_abs,
               b->verdict.max_rel);
    else
        printf("%sOutputs differ from ONNX Runtime's: '%s' by %.3g, relative %.3g.%s\n", cli_style_code(CLI_RED),
               b->verdict.output ? b->verdict.output : "?", b->verdict.max_abs, b->verdict.max_rel,
               cli_style_code(CLI_PLAIN));
}

static void print_origins(const mae_bench *b)
{
    printf("%sWhole-network times: medians of %zu rounds, measured turn by turn. Layers: measured in the running\n"
           "network. Segments: measured where that stands beside them. Predictions: sums of those.\n"
           "Plans measured and planned again: %zu.%s\n",
           cli_style_code(CLI_DIM), b->rounds, b->refinements, cli_style_code(CLI_PLAIN));
}

static int print_mapping(const mae_bench *bench, bool all)
{
    cli_mapping mapping;
    CLI_TRY(cli_mapping_of_plan(bench->plan, bench->profile, &mapping));
    int status = print_layers(&mapping, all);
    printf("\nThe plan's segments, ms (* chosen):\n");
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
    CLI_TRY(print_latencies(bench));
    putchar('\n');
    print_verdict(bench);
    print_origins(bench);
    return 0;
}
