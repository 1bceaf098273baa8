/* mae plan: the best mapping of a profile for a goal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/infeasible.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/json.h"
#include "cli/mapping.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/plan_period.h"
#include "cli/plot.h"
#include "cli/table.h"

/* Trade-offs this close together cannot be told apart in a plot of characters. */
#define PLOT_EPSILON 0.005

typedef struct plan_args {
    const char *output, *front, *priority;
    double front_epsilon;
    bool json;
    cli_goal goal;
    int *order; /* of --priority, or the usual one */
    size_t n_order;
} plan_args;

static const cli_option own_options[] = {
    {"output", 'o', CLI_TEXT, offsetof(plan_args, output), "PLAN", "write the plan to this file", 0},
    {"front", 0, CLI_TEXT, offsetof(plan_args, front), "FILE", "write all non-dominated plans to this file", 0},
    {"front-epsilon", 0, CLI_NUMBER, offsetof(plan_args, front_epsilon), "E",
     "a front that misses no trade-off by more than 1 + E", 0},
    {"priority", 0, CLI_TEXT, offsetof(plan_args, priority), "A,B,...",
     "the greedy mapping's list (default: those that run the fewest layers first)", 0},
    {"json", 0, CLI_FLAG, offsetof(plan_args, json), NULL, "print the plan as JSON", 0},
};

static const cli_group groups[] = {
    {"Options", own_options, sizeof own_options / sizeof *own_options, 0},
    CLI_GOAL_GROUP(plan_args, goal),
};

static const cli_syntax syntax = {
    .command = "plan",
    .operand = "PROFILE",
    .text = "Finds the best mapping of a network's layers to PEs for a goal, by the costs of a profile.",
    .examples = "  mae plan net.profile.json -o net.plan.json\n"
                "  mae plan net.profile.json --minimize energy --max-latency-ms 2.3 --json\n"
                "  mae plan net.profile.json --minimize weighted:0.5 --front net.front.json\n"
                "  mae plan net.profile.json --minimize period -o net.plan.json\n"
                "  mae plan net.profile.json --schedule overlap\n",
    .groups = groups,
    .n_groups = sizeof groups / sizeof *groups,
};

/* ---- the plan in words ---- */

static const char *goal_text(const mae_goal *goal, char text[static 256])
{
    static const char *const names[] = {"least latency", "least energy", "least energy x latency", "weighted",
                                        "least period"};
    int n = snprintf(text, 256, "%s", names[goal->minimize]);
    if (goal->minimize == MAE_MIN_WEIGHTED)
        n += snprintf(text + n, 256 - (size_t)n, " (%g latency, %g energy)", goal->weight, 1 - goal->weight);
    if (goal->max_latency_ms > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", latency <= %g ms", cli_bound(goal->max_latency_ms));
    if (goal->max_energy_mj > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", energy <= %g mJ", cli_bound(goal->max_energy_mj));
    if (goal->max_power_w > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", power <= %g W", cli_bound(goal->max_power_w));
    if (goal->period_ms > 0)
        n += snprintf(text + n, 256 - (size_t)n, ", a frame every %g ms", goal->period_ms);
    if (goal->max_switches >= 0)
        n += snprintf(text + n, 256 - (size_t)n, ", at most %d switches", goal->max_switches);
    if (goal->schedule == MAE_OVERLAP)
        snprintf(text + n, 256 - (size_t)n, ", segments overlapped");
    return text;
}

static void add_choice(cli_table *table, const mae_plan *plan, const char *name, const mae_prediction *cost,
                       const char *note, bool chosen)
{
    cli_style style = chosen ? CLI_GREEN : CLI_PLAIN;
    cli_table_cell(table, style, "%s", name);
    cli_table_cell(table, style, "%.4f", cost->latency_ms);
    if (plan->has_energy)
        cli_table_cell(table, style, "%.4f", cost->energy_mj);
    cli_table_cell(table, style, "%d", cost->switches);
    double change = plan->predicted.latency_ms > 0 ? cost->latency_ms / plan->predicted.latency_ms - 1 : 0;
    if (chosen)
        cli_table_cell(table, style, "%s", "");
    else
        cli_table_cell(table, style, "%+.1f %%", change * 100);
    if (plan->has_energy) {
        change = plan->predicted.energy_mj > 0 ? cost->energy_mj / plan->predicted.energy_mj - 1 : 0;
        if (chosen)
            cli_table_cell(table, style, "%s", "");
        else
            cli_table_cell(table, style, "%+.1f %%", change * 100);
    }
    cli_table_cell(table, style, "%s", note);
}

static const char *list_text(const mae_profile *profile, const int *order, size_t n, char text[static 200])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n && used < 160; i++)
        used += (size_t)snprintf(text + used, 200 - used, "%s%.32s", i ? ", " : "", profile->pes[order[i]].name);
    return text;
}

/* What a runtime with a priority list would do; where it may not, why. */
static int add_greedy(cli_table *table, const mae_profile *profile, const mae_plan *plan, const plan_args *args)
{
    int *mapping = malloc((profile->n_layers + 1) * sizeof *mapping);
    if (!mapping)
        return cli_nomem();
    char list[200], note[256];
    mae_prediction cost;
    mae_error *error = mae_greedy(profile, args->order, args->n_order, mapping);
    if (!error)
        error = plan->goal.schedule == MAE_OVERLAP ? mae_eval_overlap(profile, mapping, plan->goal.period_ms, &cost)
                                                   : mae_eval(profile, mapping, plan->goal.period_ms, &cost);
    if (!error) {
        snprintf(note, sizeof note, "each layer on the first of %s",
                 list_text(profile, args->order, args->n_order, list));
        add_choice(table, plan, "greedy", &cost, note, false);
    } else {
        cli_table_cell(table, CLI_PLAIN, "greedy");
        for (int c = plan->has_energy ? 5 : 3; c > 0; c--)
            cli_table_cell(table, CLI_DIM, "-");
        cli_table_cell(table, CLI_PLAIN, "not allowed: %s", mae_error_message(error));
    }
    mae_error_free(error);
    free(mapping);
    return 0;
}

/* The plan beside every single PE and the greedy choice, all predicted. */
static int print_choices(const mae_profile *profile, const mae_plan *plan, const plan_args *args)
{
    static const char *const with[] = {"predicted", "latency ms", "energy mJ", "switches", "latency", "energy", ""};
    static const char *const without[] = {"predicted", "latency ms", "switches", "latency", ""};
    const char *const *heading = plan->has_energy ? with : without;
    const char *align = plan->has_energy ? "lrrrrrl" : "lrrrl";
    cli_table *table = cli_table_create(align);
    for (size_t i = 0; i < strlen(align); i++)
        cli_table_cell(table, CLI_BOLD, "%s", heading[i]);
    add_choice(table, plan, "this plan", &plan->predicted, plan->optimal ? "proven optimal for this profile" : "",
               true);
    for (size_t i = 0; i < plan->n_single; i++)
        add_choice(table, plan, plan->single[i].name, &plan->single[i].cost,
                   plan->single[i].meets_bounds ? "" : "misses the bounds", false);
    int status = add_greedy(table, profile, plan, args);
    if (status)
        cli_table_destroy(table);
    return status ? status : cli_table_finish(table);
}

static const char *objective_text(mae_objective objective)
{
    static const char *const texts[] = {"latency", "energy", "energy x latency", "the weighted cost", "the period"};
    return texts[objective];
}

static void print_maeg(const mae_plan *plan)
{
    if (plan->has_maeg)
        printf("MAEG %.1f %% (predicted): 1 - J(plan) / J(%s), the best single PE, J being %s.\n", plan->maeg * 100,
               plan->baseline, objective_text(plan->goal.minimize));
    else
        printf("No MAEG: no single PE meets this goal; only mixing them does.\n");
    if (!plan->optimal)
        printf("Not proven optimal: at most %.2f %% above the optimum.\n", plan->gap * 100);
}

/* What each PE adds, and what the bounds cost. */
static int print_worth(const mae_profile *profile, const mae_plan *plan)
{
    mae_worth *worth;
    CLI_TRY(cli_report(mae_plan_worth(profile, &plan->goal, &worth)));
    static const char *const units[] = {"ms", "mJ", "mJ ms", "(of the weighted cost)"};
    const char *what = objective_text(plan->goal.minimize), *unit = units[plan->goal.minimize];
    for (size_t i = 0; worth->n_pes > 1 && i < worth->n_pes; i++) {
        const mae_pe_worth *pe = &worth->pes[i];
        if (!pe->feasible)
            printf("Without %s: the goal cannot be met.\n", pe->pe);
        else if (pe->increase > 0)
            printf("Without %s: %.1f %% more %s (predicted).\n", pe->pe, pe->increase * 100, what);
        else
            printf("Without %s: no worse.\n", pe->pe);
    }
    if (worth->has_price_ms)
        printf("Price of the deadline: %.4g %s saved per ms, were it 1 %% later (predicted).\n", worth->price_ms, unit);
    if (worth->has_price_mj)
        printf("Price of the energy bound: %.4g %s saved per mJ, were it 1 %% larger (predicted).\n", worth->price_mj,
               what);
    mae_worth_destroy(worth);
    return 0;
}

static int print_plot(const mae_profile *profile, const mae_plan *plan, const mae_front *front)
{
    mae_front *own = NULL;
    if (!front)
        CLI_TRY(cli_report(mae_front_solve(profile, &plan->goal, PLOT_EPSILON, &own)));
    if (!front)
        front = own;
    if (front->n_points > 1) {
        putchar('\n');
        cli_plot_front(front, plan);
    }
    mae_front_destroy(own);
    return 0;
}

static int print_plan(const mae_profile *profile, const plan_args *args, const mae_plan *plan, const mae_front *front)
{
    char goal[256];
    printf("%s%s%s: %s\n\n", *plan->model_name ? plan->model_name : "network", *plan->soc_name ? " on " : "",
           plan->soc_name, goal_text(&plan->goal, goal));
    if (plan->throughput)
        return cli_plan_period_print(plan);
    cli_mapping mapping;
    CLI_TRY(cli_mapping_of_plan(plan, profile, &mapping));
    int status = cli_mapping_print_segments(&mapping);
    putchar('\n');
    if (!status)
        status = cli_mapping_print_moves(&mapping);
    cli_mapping_clear(&mapping);
    CLI_TRY(status);
    putchar('\n');
    CLI_TRY(print_choices(profile, plan, args));
    putchar('\n');
    print_maeg(plan);
    CLI_TRY(print_worth(profile, plan));
    return plan->has_energy && plan->goal.schedule == MAE_SERIAL ? print_plot(profile, plan, front) : 0;
}

static int print_plan_json(const mae_plan *plan)
{
    char *text;
    CLI_TRY(cli_report(mae_plan_to_json(plan, &text)));
    puts(text);
    free(text);
    return 0;
}

/* ---- the command ---- */

static int finish(const mae_profile *profile, const plan_args *args, const mae_plan *plan, const mae_front *front)
{
    if (args->output)
        CLI_TRY(cli_report(mae_plan_write(plan, args->output)));
    return args->json ? print_plan_json(plan) : print_plan(profile, args, plan, front);
}

/* The same limits where frames follow one another. */
static mae_goal of_one_frame(const mae_goal *goal)
{
    mae_goal one = *goal;
    if (one.minimize == MAE_MIN_PERIOD)
        one.minimize = MAE_MIN_LATENCY;
    return one;
}

/* A front is worth having even where the goal cannot be met: its bounds do not cut it. */
static int make_front(const mae_profile *profile, const plan_args *args, const mae_goal *goal, mae_front **ret_front)
{
    if (!args->front)
        return 0;
    mae_front *front;
    mae_goal limits = of_one_frame(goal);
    CLI_TRY(cli_report(mae_front_solve(profile, &limits, args->front_epsilon, &front)));
    int status = cli_report(mae_front_write(profile, front, args->front));
    if (status)
        mae_front_destroy(front);
    else
        *ret_front = front;
    return status;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int plan_profile(const mae_profile *profile, const plan_args *args, const mae_goal *goal)
{
    mae_front *front = NULL;
    CLI_TRY(make_front(profile, args, goal, &front));
    mae_plan *plan;
    double began_ms = now_ms();
    mae_error *error = mae_plan_solve(profile, goal, &plan);
    int status;
    if (!error) {
        plan->solve_ms = now_ms() - began_ms; /* the planner itself has no clock */
        status = finish(profile, args, plan, front);
        mae_plan_destroy(plan);
    } else if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
        mae_goal one = of_one_frame(goal);
        status = cli_explain_infeasible(profile, &one, args->json, error);
    } else {
        status = cli_report(error);
    }
    mae_front_destroy(front);
    return status;
}

static int set_priority(const mae_profile *profile, plan_args *args)
{
    args->order = malloc((profile->n_pes + 1) * sizeof *args->order);
    if (!args->order)
        return cli_nomem();
    if (args->priority)
        return cli_priority_parse("plan", profile, args->priority, args->order, &args->n_order);
    mae_priority(profile, args->order);
    args->n_order = profile->n_pes;
    return 0;
}

int cli_plan(int argc, char **argv)
{
    plan_args args = {.front_epsilon = 0, .goal = CLI_GOAL_INIT};
    const char *path;
    int status;
    if (!cli_parse(&syntax, argc, argv, &args, &path, &status))
        return status;
    mae_goal goal;
    CLI_TRY(cli_goal_parse(&args.goal, "plan", &goal));
    if (args.front_epsilon > 0 && !args.front)
        return cli_usage("plan", "--front-epsilon needs --front");
    if (args.front && goal.schedule != MAE_SERIAL)
        return cli_usage("plan", "--front is of serial frames, without --schedule overlap");
    if (args.output)
        CLI_TRY(cli_file_probe(args.output));
    if (args.front)
        CLI_TRY(cli_file_probe(args.front));
    mae_profile *profile;
    CLI_TRY(cli_report(mae_profile_read(path, &profile)));
    status = set_priority(profile, &args);
    if (!status)
        status = plan_profile(profile, &args, &goal);
    free(args.order);
    mae_profile_destroy(profile);
    return status;
}
