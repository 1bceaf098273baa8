#include "cli/summary.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/table.h"

/* ---- layers by kind ---- */

static const char *kind_of(const mae_profile *profile, size_t layer)
{
    const mae_profile_layer *l = &profile->layers[layer];
    return *l->kind ? l->kind : *l->op ? l->op : "unstated";
}

/* Sums over the layers of a kind (NULL: all) that a PE supports. */
typedef struct sums {
    size_t layers;
    double time_ms, flops, bytes;
} sums;

static sums sum_kind(const mae_profile *profile, const char *kind, size_t pe)
{
    sums s = {0};
    for (size_t i = 0; i < profile->n_layers; i++) {
        const mae_cost *cost = &profile->costs[i * profile->n_pes + pe];
        if ((kind && strcmp(kind_of(profile, i), kind) != 0) || !cost->supported)
            continue;
        s.layers++;
        s.time_ms += cost->time_ms;
        s.flops += profile->layers[i].flops;
        s.bytes += profile->layers[i].bytes;
    }
    return s;
}

static size_t count_kind(const mae_profile *profile, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < profile->n_layers; i++)
        n += !kind || strcmp(kind_of(profile, i), kind) == 0;
    return n;
}

static void add_pe_cells(cli_table *table, const sums *s, double whole_ms, size_t layers)
{
    if (s->layers == 0) {
        for (int i = 0; i < 4; i++)
            cli_table_cell(table, CLI_DIM, "-");
        return;
    }
    /* A star says that the PE runs only some of these layers. */
    cli_table_cell(table, CLI_PLAIN, "%.3f%s", s->time_ms, s->layers < layers ? "*" : "");
    cli_table_cell(table, CLI_PLAIN, "%.0f %%", whole_ms > 0 ? s->time_ms / whole_ms * 100 : 0);
    /* ms and 1e6: flops / ms / 1e6 = GFLOP/s */
    double scale = s->time_ms > 0 ? 1 / (s->time_ms * 1e6) : 0;
    if (s->flops > 0)
        cli_table_cell(table, CLI_PLAIN, "%.1f", s->flops * scale);
    else
        cli_table_cell(table, CLI_DIM, "-");
    if (s->bytes > 0)
        cli_table_cell(table, CLI_PLAIN, "%.1f", s->bytes * scale);
    else
        cli_table_cell(table, CLI_DIM, "-");
}

static void add_row(const mae_profile *profile, cli_table *table, const char *kind)
{
    size_t layers = count_kind(profile, kind);
    cli_table_cell(table, kind ? CLI_PLAIN : CLI_BOLD, "%s", kind ? kind : "all");
    cli_table_cell(table, CLI_PLAIN, "%zu", layers);
    for (size_t p = 0; p < profile->n_pes; p++) {
        sums s = sum_kind(profile, kind, p), whole = sum_kind(profile, NULL, p);
        add_pe_cells(table, &s, whole.time_ms, layers);
    }
}

static void add_headings(const mae_profile *profile, cli_table *table)
{
    cli_table_cell(table, CLI_PLAIN, "%s", "");
    cli_table_cell(table, CLI_PLAIN, "%s", "");
    for (size_t p = 0; p < profile->n_pes; p++) {
        cli_table_cell(table, CLI_BOLD, "%s", profile->pes[p].name);
        for (int i = 0; i < 3; i++)
            cli_table_cell(table, CLI_PLAIN, "%s", "");
    }
    cli_table_cell(table, CLI_BOLD, "kind");
    cli_table_cell(table, CLI_BOLD, "layers");
    for (size_t p = 0; p < profile->n_pes; p++) {
        static const char *const heading[] = {"ms", "share", "GFLOP/s", "GB/s"};
        for (int i = 0; i < 4; i++)
            cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    }
}

static int print_kinds(const mae_profile *profile)
{
    char *align = malloc(3 + 4 * profile->n_pes);
    if (!align)
        return cli_nomem();
    strcpy(align, "lr");
    memset(align + 2, 'r', 4 * profile->n_pes);
    align[2 + 4 * profile->n_pes] = '\0';
    cli_table *table = cli_table_create(align);
    add_headings(profile, table);
    bool partly = false;
    for (size_t i = 0; i < profile->n_layers; i++) {
        bool first = true;
        for (size_t j = 0; j < i && first; j++)
            first = strcmp(kind_of(profile, j), kind_of(profile, i)) != 0;
        if (first)
            add_row(profile, table, kind_of(profile, i));
    }
    add_row(profile, table, NULL);
    int status = cli_table_finish(table);
    free(align);
    for (size_t p = 0; p < profile->n_pes; p++)
        partly |= sum_kind(profile, NULL, p).layers < profile->n_layers;
    if (partly)
        printf("* only the layers of the kind that this PE runs\n");
    return status;
}

/* ---- transfers ---- */

static int print_transfers(const mae_profile *profile)
{
    bool any = false;
    for (size_t i = 0; i < profile->n_pes * profile->n_pes; i++)
        any |= profile->transfers[i].crossable;
    if (!any)
        return 0;
    static const char *const heading[] = {"transfer", "fixed us", "us per MiB", "GB/s", "residual us", "n"};
    cli_table *table = cli_table_create("lrrrrr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    for (size_t i = 0; i < profile->n_pes * profile->n_pes; i++) {
        const mae_transfer *t = &profile->transfers[i];
        if (!t->crossable)
            continue;
        cli_table_cell(table, CLI_PLAIN, "%s -> %s", profile->pes[i / profile->n_pes].name,
                       profile->pes[i % profile->n_pes].name);
        cli_table_cell(table, CLI_PLAIN, "%.2f", t->fixed_ms * 1e3);
        cli_table_cell(table, CLI_PLAIN, "%.2f", t->ms_per_mib * 1e3);
        if (t->ms_per_mib > 0)
            cli_table_cell(table, CLI_PLAIN, "%.1f", 1048576e-6 / t->ms_per_mib);
        else
            cli_table_cell(table, CLI_DIM, "-");
        cli_table_cell(table, CLI_PLAIN, "%.2f", t->residual_ms * 1e3);
        cli_table_cell(table, CLI_PLAIN, "%d", t->n);
    }
    putchar('\n');
    return cli_table_finish(table);
}

/* ---- how well it is known ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static const char *source_text(mae_cost_source source)
{
    static const char *const texts[] = {"of unstated origin", "measured", "differenced", "modelled", "recorded"};
    return texts[source];
}

/* For one PE: "cpu/ort: 66 layers measured, 120 samples each (median), spread 1.2 % (median)" */
static void print_source(const mae_profile *profile, size_t pe, double *samples, double *spreads)
{
    size_t by_source[MAE_COST_RECORDED + 1] = {0}, n = 0, m = 0;
    for (size_t i = 0; i < profile->n_layers; i++) {
        const mae_cost *cost = &profile->costs[i * profile->n_pes + pe];
        if (!cost->supported)
            continue;
        by_source[cost->source]++;
        if (cost->n > 0)
            samples[n++] = cost->n;
        if (cost->spread_ms > 0 && cost->time_ms > 0)
            spreads[m++] = cost->spread_ms / cost->time_ms * 100;
    }
    qsort(samples, n, sizeof *samples, compare_doubles);
    qsort(spreads, m, sizeof *spreads, compare_doubles);
    printf("%s:", profile->pes[pe].name);
    const char *comma = "";
    for (int s = 0; s <= MAE_COST_RECORDED; s++) {
        if (by_source[s] > 0) {
            printf("%s %zu layers %s", comma, by_source[s], source_text((mae_cost_source)s));
            comma = ",";
        }
    }
    if (n > 0)
        printf(", %.0f samples each (median)", samples[n / 2]);
    if (m > 0)
        printf(", 95 %% interval +-%.1f %% (median)", spreads[m / 2]);
    putchar('\n');
}

int cli_summary_print(const mae_profile *profile)
{
    printf("%s%s%s: %zu layers, %zu PE%s\n\n", *profile->model_name ? profile->model_name : "network",
           *profile->soc_name ? " on " : "", profile->soc_name, profile->n_layers, profile->n_pes,
           profile->n_pes == 1 ? "" : "s");
    CLI_TRY(print_kinds(profile));
    CLI_TRY(print_transfers(profile));
    double *room = calloc(2 * profile->n_layers, sizeof *room);
    if (!room)
        return cli_nomem();
    putchar('\n');
    for (size_t p = 0; p < profile->n_pes; p++)
        print_source(profile, p, room, room + profile->n_layers);
    free(room);
    return 0;
}

static void print_energy(const json_t *energy)
{
    const json_t *refused = json_object_get(energy, "refused"), *heat = json_object_get(energy, "heat");
    const char *name, *comma = "";
    json_t *pe;
    if (!energy)
        return;
    if (refused) {
        printf("energy: none: %s\n", json_string_value(refused));
        return;
    }
    printf("energy:");
    json_object_foreach (json_object_get(energy, "pes"), name, pe) {
        const char *method = json_string_value(json_object_get(pe, "method"));
        printf("%s %s %.3f W above idle (%s)", comma, name, json_number_value(json_object_get(pe, "mean_w")),
               method ? method : "?");
        comma = ",";
    }
    putchar('\n');
    if (json_object_get(heat, "before_c"))
        printf("heat: %.1f to %.1f degrees (%s)%s\n", json_number_value(json_object_get(heat, "before_c")),
               json_number_value(json_object_get(heat, "after_c")), json_string_value(json_object_get(heat, "zone")),
               json_is_true(json_object_get(heat, "throttled")) ? ", throttled: measure again, cooler" : "");
}

int cli_provenance_print(const char *path)
{
    json_t *root = json_load_file(path, 0, NULL);
    json_t *provenance = json_object_get(root, "provenance");
    const char *name, *comma = "";
    json_t *value;
    if (json_object_size(json_object_get(provenance, "anchor_ms")) > 0) {
        printf("whole network:");
        json_object_foreach (json_object_get(provenance, "anchor_ms"), name, value) {
            printf("%s %s %.3f ms", comma, name, json_number_value(value));
            comma = ",";
        }
        printf(" (anchors, measured beside the layers)\n");
    }
    comma = " ";
    if (json_object_size(json_object_get(provenance, "engines")) > 0) {
        printf("engines:");
        json_object_foreach (json_object_get(provenance, "engines"), name, value) {
            printf("%s%s %s", comma, name, json_is_string(value) ? json_string_value(value) : "?");
            comma = ", ";
        }
        putchar('\n');
    }
    print_energy(json_object_get(provenance, "energy"));
    json_decref(root);
    return 0;
}
