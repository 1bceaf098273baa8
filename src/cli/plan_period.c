#include "cli/plan_period.h"

#include <stdio.h>

#include "cli/message.h"
#include "cli/table.h"

static double frames_per_second(double period_ms)
{
    return period_ms > 0 ? 1e3 / period_ms : 0;
}

static void heading(cli_table *table, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cli_table_cell(table, CLI_BOLD, "%s", names[i]);
}

int cli_plan_period_stages(const mae_plan_throughput *throughput)
{
    static const char *const names[] = {"replica", "PE", "layers", "first .. last"};
    cli_table *table = cli_table_create("rlrl");
    heading(table, names, sizeof names / sizeof *names);
    for (size_t i = 0; i < throughput->n_replicas; i++) {
        const mae_plan_replica *replica = &throughput->replicas[i];
        for (size_t s = 0; s < replica->n_segments; s++) {
            const mae_plan_segment *segment = &replica->segments[s];
            if (s == 0)
                cli_table_cell(table, CLI_PLAIN, "%zu", i + 1);
            else
                cli_table_cell(table, CLI_PLAIN, "%s", "");
            cli_table_cell(table, CLI_PLAIN, "%s", segment->pe);
            cli_table_cell(table, CLI_PLAIN, "%zu", segment->n_layers);
            cli_table_cell(table, CLI_PLAIN, "%.40s .. %.40s", segment->layers[0],
                           segment->layers[segment->n_layers - 1]);
        }
    }
    return cli_table_finish(table);
}

static void print_loads(const mae_plan_throughput *throughput)
{
    for (size_t i = 0; i < throughput->n_replicas; i++) {
        const mae_plan_replica *replica = &throughput->replicas[i];
        printf("Replica %zu: a frame every %.4f ms, each %.4f ms long:", i + 1, replica->period_ms,
               replica->cost.latency_ms);
        for (size_t k = 0; k < replica->n_loads; k++)
            printf("%s %s %.4f ms", k ? "," : "", replica->loads[k].resource, replica->loads[k].ms);
        printf(" (predicted).\n");
    }
}

static void add_choice(cli_table *table, const mae_plan *plan, const char *name, const double *figures,
                       const char *note)
{
    bool chosen = plan->throughput->period_ms == figures[0] && *note != 'm';
    cli_style style = chosen ? CLI_GREEN : CLI_PLAIN;
    cli_table_cell(table, style, "%s", name);
    cli_table_cell(table, style, "%.4f", figures[0]);
    cli_table_cell(table, style, "%.2f", frames_per_second(figures[0]));
    cli_table_cell(table, style, "%.4f", figures[1]);
    if (plan->has_energy)
        cli_table_cell(table, style, "%.4f", figures[2]);
    cli_table_cell(table, style, "%s", note);
}

static int print_choices(const mae_plan *plan)
{
    static const char *const with[] = {"predicted", "period ms", "frames/s", "latency ms", "energy mJ", ""};
    static const char *const without[] = {"predicted", "period ms", "frames/s", "latency ms", ""};
    const mae_plan_throughput *t = plan->throughput;
    const double own[] = {t->period_ms, t->latency_ms, t->energy_mj};
    cli_table *table = cli_table_create(plan->has_energy ? "lrrrrl" : "lrrrl");
    heading(table, plan->has_energy ? with : without, plan->has_energy ? 6 : 5);
    add_choice(table, plan, "this plan", own, plan->optimal ? "proven optimal for this profile" : "");
    for (size_t i = 0; i < plan->n_single; i++) {
        const mae_prediction *cost = &plan->single[i].cost;
        const double figures[] = {cost->latency_ms, cost->latency_ms, cost->energy_mj};
        add_choice(table, plan, plan->single[i].name, figures, plan->single[i].meets_bounds ? "" : "misses the bounds");
    }
    return cli_table_finish(table);
}

int cli_plan_period_print(const mae_plan *plan)
{
    CLI_TRY(cli_plan_period_stages(plan->throughput));
    putchar('\n');
    print_loads(plan->throughput);
    putchar('\n');
    CLI_TRY(print_choices(plan));
    putchar('\n');
    if (plan->has_maeg)
        printf("MAEG %.1f %% (predicted): 1 - J(plan) / J(%s), the best single PE, J being the period.\n",
               plan->maeg * 100, plan->baseline);
    else
        printf("No MAEG: no single PE meets this goal; only several do.\n");
    if (!plan->optimal)
        printf("Not proven optimal: at most %.2f %% above the optimum.\n", plan->gap * 100);
    return 0;
}
