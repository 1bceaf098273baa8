/* The head of a page: what was gained, and beside what. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>

#include "core/goal.h"

/* A mapping as it stands in the table of the head. */
typedef struct row {
    const char *name, *note, *ref; /* `ref`: JSON pointer to its figures */
    const char *pe;                /* whose colour it has; NULL: the plan's, or none */
    mae_report_value latency, energy;
    bool chosen, allowed;
} row;

/* The table's columns, and what its bars are of: energy where that is the goal, else latency. */
typedef struct beside {
    const mae_page *page;
    bool energy, by_energy;
    double plan, most;
} beside;

static double compared(const beside *b, const row *r)
{
    return b->by_energy ? r->energy.value : r->latency.value;
}

static void put_figure(const beside *b, const row *r, const char *key, const mae_report_value *value)
{
    if (value->exists)
        mae_putf(b->page->out, "<td class=\"num\" data-ref=\"%s/%r\" data-v=\"%v\">", r->ref, key, value->value);
    else
        mae_put(b->page->out, "<td class=\"num\">");
    mae_put_value(b->page->out, value);
    mae_put(b->page->out, "</td>");
}

static void put_row(const beside *b, const row *r)
{
    mae_html *out = b->page->out;
    char change[32] = "";
    mae_putf(out, "<tr%r><th scope=\"row\">", r->chosen ? " class=\"chosen\"" : "");
    if (r->pe)
        mae_putf(out, "<i class=\"dot pe%d\" aria-hidden=\"true\"></i>", mae_pe_colour(b->page->report, r->pe));
    else
        mae_putf(out, "<i class=\"dot %r\" aria-hidden=\"true\"></i>", r->chosen ? "plan" : "none");
    mae_putf(out, "%s</th>", r->name);
    if (!r->allowed || !r->latency.exists) {
        mae_putf(out, "<td colspan=\"%d\" class=\"why\">%s</td></tr>\n", b->energy ? 4 : 3, r->note);
        return;
    }
    put_figure(b, r, "latency_ms", &r->latency);
    if (b->energy)
        put_figure(b, r, "energy_mj", &r->energy);
    if (!r->chosen && b->plan > 0)
        snprintf(change, sizeof change, "%+.1f %%", 100 * (compared(b, r) / b->plan - 1));
    mae_putf(out, "<td class=\"bar\"><span class=\"%r\" style=\"width:%c%%\"></span></td><td>%s%r%s</td></tr>\n",
             r->chosen ? "plan" : "", b->most > 0 ? 100 * compared(b, r) / b->most : 0, change,
             *change && *r->note ? " \xC2\xB7 " : "", r->note);
}

static void put_rows(const mae_page *page, const row *rows, size_t n, bool energy, const char *caption)
{
    beside b = {page, energy, energy && mae_report_goal(page->report)->minimize == MAE_MIN_ENERGY, 0, 0};
    for (size_t i = 0; i < n; i++) {
        b.most = rows[i].latency.exists ? fmax(b.most, compared(&b, &rows[i])) : b.most;
        b.plan = rows[i].chosen ? compared(&b, &rows[i]) : b.plan;
    }
    const char *what = b.by_energy ? "energy" : "latency";
    mae_putf(page->out,
             "<div class=\"scroll\"><table class=\"beside\"><caption>%s</caption><thead><tr><th "
             "scope=\"col\">mapping</th><th "
             "scope=\"col\" class=\"num\">latency ms</th>%r<th scope=\"col\" class=\"bar\"><span class=\"hidden\">%r "
             "as a bar</span></th><th "
             "scope=\"col\">%r beside the plan's</th></tr></thead><tbody>\n",
             caption, energy ? "<th scope=\"col\" class=\"num\">energy mJ</th>" : "", what, what);
    for (size_t i = 0; i < n; i++)
        put_row(&b, &rows[i]);
    mae_put(page->out, "</tbody></table></div>\n");
}

#define MOST_ROWS 64

static row row_of_run(const mae_report_run *run, bool chosen, bool single)
{
    row r = {.name = chosen ? "the plan" : run->name, .pe = single ? run->name : NULL, .chosen = chosen};
    r.allowed = run->complete;
    r.latency = run->latency_ms;
    r.energy = run->energy_mj;
    r.note = !run->complete            ? run->reason
             : chosen || run->verified ? run->meets_bounds ? "" : "misses the bounds"
                                       : "its outputs differ from the reference's";
    return r;
}

/* Measured: everything in the bench. */
static void put_bench(const mae_page *page)
{
    const mae_report_bench *bench = page->report->bench;
    row rows[MOST_ROWS];
    size_t n = 0;
    bool energy = bench->plan->energy_mj.exists;
    for (size_t i = bench->n_runs; i-- > 0 && n < MOST_ROWS;) {
        /* The plan first, then baselines and single PEs as they stand. */
        size_t at = i == bench->n_runs - 1 ? i : bench->n_runs - 2 - i;
        const mae_report_run *run = &bench->runs[at];
        rows[n] = row_of_run(run, run == bench->plan, at < bench->n_single);
        rows[n].ref = run->ref;
        n++;
    }
    put_rows(page, rows, n, energy, "Measured turn by turn in the same rounds: medians, with their 95 % intervals");
}

static mae_report_value exactly(double value, bool exists)
{
    return (mae_report_value){.exists = exists, .value = value};
}

static row row_of_choice(const mae_report_choice *choice, const mae_goal *goal, bool energy, const char *pe,
                         const char *ref)
{
    row r = {.name = choice->name, .pe = pe, .ref = ref, .allowed = choice->allowed};
    r.note = !choice->allowed ? choice->reason : mae_goal_met(goal, &choice->cost) ? "" : "misses the bounds";
    r.latency = exactly(choice->cost.latency_ms, choice->allowed);
    r.energy = exactly(choice->cost.energy_mj, choice->allowed && energy);
    return r;
}

/* What the plan's file says of a cost; what it leaves out is not 0. */
static void state_costs(row *r, json_t *object, const mae_prediction *cost)
{
    r->latency = exactly(cost->latency_ms, json_is_number(json_object_get(object, "latency_ms")));
    r->energy = exactly(cost->energy_mj, json_is_number(json_object_get(object, "energy_mj")));
}

/* The plan by the profile's costs, else as its file says; false: neither says what it costs. */
static bool row_of_plan(const mae_report *report, bool energy, row *ret_row)
{
    const mae_report_reckoned *reckoned = report->reckoned;
    row r = {.name = "the plan", .note = "", .chosen = true, .allowed = true};
    if (reckoned && reckoned->mapping) {
        r.ref = "/computed/plan";
        r.latency = exactly(reckoned->cost.latency_ms, true);
        r.energy = exactly(reckoned->cost.energy_mj, energy);
    } else if (report->plan) {
        r.ref = "/plan/predicted";
        state_costs(&r, mae_plan_states(report, "predicted"), &report->plan->predicted);
    }
    *ret_row = r;
    return r.latency.exists;
}

/* Predicted: by the profile, or as the plan's file says. */
static void put_predicted(const mae_page *page)
{
    const mae_report *report = page->report;
    const mae_report_reckoned *reckoned = report->reckoned;
    row rows[MOST_ROWS];
    char refs[MOST_ROWS][64];
    size_t n = 0;
    bool energy = reckoned ? mae_report_has_energy(report) : report->plan && report->plan->has_energy;
    n += row_of_plan(report, energy, &rows[n]);
    for (size_t i = 0; reckoned && i < reckoned->n_single && n < MOST_ROWS - 1; i++) {
        snprintf(refs[n], sizeof refs[n], "/computed/single_pe/%zu", i);
        rows[n] =
            row_of_choice(&reckoned->single[i], mae_report_goal(report), energy, reckoned->single[i].name, refs[n]);
        n++;
    }
    if (reckoned)
        rows[n++] = row_of_choice(&reckoned->greedy, mae_report_goal(report), energy, NULL, "/computed/greedy");
    for (size_t i = 0; !reckoned && report->plan && i < report->plan->n_single && n < MOST_ROWS; i++) {
        const mae_plan_baseline *single = &report->plan->single[i];
        snprintf(refs[n], sizeof refs[n], "/plan/single_pe/%zu", i);
        rows[n] = (row){.name = single->name,
                        .pe = single->name,
                        .ref = refs[n],
                        .allowed = true,
                        .note = single->meets_bounds ? "" : "misses the bounds"};
        state_costs(&rows[n], json_array_get(mae_plan_states(report, "single_pe"), i), &single->cost);
        n++;
    }
    if (n)
        put_rows(page, rows, n, energy, "Predicted by the profile's costs");
}

/* ---- MAEG ---- */

static void put_gain(const mae_page *page, double maeg, const mae_report_value *interval, const char *ref,
                     const char *baseline, const char *origin)
{
    mae_html *out = page->out;
    mae_putf(out, "<p class=\"gain\"><strong data-ref=\"%r\" data-v=\"%v\">%n %%</strong> <span>MAEG ", ref, maeg,
             100 * maeg);
    mae_origin(out, origin);
    if (interval && interval->has_interval)
        mae_putf(out, "<br>95 %% interval [%n %%, %n %%]", 100 * interval->low, 100 * interval->high);
    mae_putf(out, "<br>beside %s, the best single PE</span></p>\n", baseline && *baseline ? baseline : "?");
}

static void put_maeg(const mae_page *page)
{
    const mae_report *report = page->report;
    const mae_report_bench *bench = report->bench;
    bool enables = bench ? bench->enables : report->plan && report->plan->enables;
    bool planned_here = report->reckoned && report->reckoned->planned_here;
    if (enables)
        mae_put(page->out,
                "<p class=\"gain\"><strong>enabled</strong> <span>no single PE runs this network within the bounds: "
                "there is no MAEG</span></p>\n");
    else if (bench && bench->measured)
        put_gain(page, bench->measured->maeg.value, &bench->measured->maeg, bench->measured->ref, bench->baseline,
                 "measured");
    else if (!bench && report->plan && report->plan->has_maeg && (!planned_here || report->reckoned->mapping))
        put_gain(page, report->plan->maeg, NULL, planned_here ? "/computed/plan/maeg" : "/plan/maeg/value",
                 report->plan->baseline, "predicted");
    if (bench && bench->single_is_best)
        mae_put(page->out,
                "<p>No mix of PEs beat the best single PE when both were measured, so the plan offered is that single "
                "PE.</p>\n");
    if (bench && bench->mixed_precision)
        mae_put(page->out, "<p>Plan and baseline do not compute in the same precision: the gain is in part one of "
                           "exactness.</p>\n");
}

/* A plan of least period sends several frames through at once. */
static void put_throughput(const mae_page *page)
{
    const char *ref;
    const mae_plan_throughput *t = mae_report_arrangement(page->report, &ref);
    if (!t)
        return;
    mae_putf(page->out,
             "<p>A frame every <b>%n ms</b> (predicted), by %u replica%r of the network that share no resource; a "
             "frame alone takes "
             "at most %n ms. What is shown below as the plan is its first replica, a frame alone.</p>\n",
             t->period_ms, t->n_replicas, t->n_replicas == 1 ? "" : "s", t->latency_ms);
}

void mae_page_head(const mae_page *page)
{
    static const char *const costs[] = {"latency", "energy", "energy times latency",
                                        "a weighted sum of latency and energy",
                                        "the period, the time from one frame to the next"};
    const mae_report *report = page->report;
    const mae_goal *goal = mae_report_goal(report);
    char words[256];
    if (!report->bench && !report->plan && !report->reckoned)
        return;
    mae_putf(page->out, "<p class=\"goal\">Goal: <b>%s</b>", mae_goal_words(goal, words));
    if (report->reckoned && report->reckoned->planned_here)
        mae_put(page->out, " (planned for this page: no file states a plan)");
    mae_put(page->out, "</p>\n");
    put_maeg(page);
    put_throughput(page);
    if (report->bench && report->bench->throughput)
        mae_throughput_beside(page);
    else if (report->bench)
        put_bench(page);
    else
        put_predicted(page);
    mae_putf(page->out,
             "<p class=\"definition\"><b>MAEG</b>, the multi-accelerator execution gain, is 1 \xE2\x88\x92 "
             "<i>J</i>(plan) / <i>J</i>(best single PE that meets the bounds), <i>J</i> being what the goal makes "
             "least: here %s. 0 %% is no gain.%r</p>\n",
             costs[goal->minimize],
             report->bench && report->bench->throughput
                 ? ""
                 : " <b>greedy</b> gives each layer to the first PE of a priority list that supports it, as runtimes "
                   "with a fall-back do.");
}
