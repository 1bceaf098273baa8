/* A bench: predicted beside measured, with intervals. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROW 30.0
#define LEAST_GAIN (-150.0) /* %; what is far below any use is drawn at the edge, and said in words */

typedef struct rows {
    const mae_page *page;
    const mae_report_bench *bench;
    const mae_view *view;
    mae_axis x;
    double top;
} rows;

/* What the profile says of a run, as it was profiled; false: it says nothing. */
static bool profiled(const mae_report *report, const mae_report_run *run, mae_prediction *ret_cost, char ref[static 64])
{
    const mae_report_reckoned *reckoned = report->reckoned;
    if (!reckoned || run == report->bench->plan)
        return false;
    for (size_t i = 0; i < reckoned->n_single; i++)
        if (reckoned->single[i].allowed && strcmp(reckoned->single[i].name, run->name) == 0) {
            *ret_cost = reckoned->single[i].cost;
            snprintf(ref, 64, "/computed/single_pe/%zu/latency_ms", i);
            return true;
        }
    snprintf(ref, 64, "/computed/greedy/latency_ms");
    *ret_cost = reckoned->greedy.cost;
    return reckoned->greedy.allowed && strcmp(run->name, "greedy") == 0;
}

static double gutter(const mae_view *view)
{
    return view->narrow ? 92 : 130;
}

static void put_name(const rows *r, const char *name, double y, bool chosen)
{
    mae_putf(r->page->out, "<text class=\"label end%r\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">",
             chosen ? " strong" : "", gutter(r->view) - 10, y + 4);
    mae_put_short(r->page->out, name, r->view->narrow ? 12 : 17);
    mae_put(r->page->out, "</text>");
}

static double clamp(const mae_axis *x, double value)
{
    return fmin(fmax(value, x->low), x->high);
}

/* The median with its interval. */
static void put_value(const rows *r, const mae_report_value *value, const char *name, const char *ref,
                      const char *classes, const char *unit, double y)
{
    mae_html *out = r->page->out;
    double at = mae_axis_at(&r->x, clamp(&r->x, value->value));
    mae_putf(
        out,
        "<g class=\"m %s\" role=\"img\" tabindex=\"-1\" data-ref=\"%s\" data-v=\"%v\" aria-label=\"%s, measured: %n %r",
        classes, ref, value->value, name, value->value, unit);
    if (value->has_interval)
        mae_putf(out, ", 95 %% interval %n to %n", value->low, value->high);
    mae_put(out, "\">");
    if (value->has_interval)
        mae_chart_interval(out, &r->x, value->low, value->high, y);
    mae_putf(out, "<circle cx=\"%c\" cy=\"%c\" r=\"6\"/></g>", at, y);
}

static void put_predicted(const rows *r, double value, const char *name, const char *ref, const char *what, double y)
{
    double at = mae_axis_at(&r->x, clamp(&r->x, value));
    mae_putf(r->page->out,
             "<g class=\"m predicted\" role=\"img\" tabindex=\"-1\" data-ref=\"%s\" data-v=\"%v\" aria-label=\"%s, %r: "
             "%n ms\"><path "
             "d=\"M%c %cl9 9-9 9-9-9z\"/></g>",
             ref, value, name, what, value, at, y - 9);
}

static void put_run(const rows *r, const mae_report_run *run, size_t i, double y)
{
    char classes[32], ref[64];
    mae_prediction cost;
    bool plan = run == r->bench->plan, single = i < r->bench->n_single;
    const char *name = plan ? "the plan" : run->name;
    snprintf(classes, sizeof classes,
             plan     ? "plan"
             : single ? "fill pe%d"
                      : "greedy",
             single ? mae_pe_colour(r->page->report, run->name) : 0);
    put_name(r, name, y, plan);
    if (!run->complete)
        return;
    char figure[64];
    snprintf(figure, sizeof figure, "%.40s/latency_ms", run->ref);
    put_value(r, &run->latency_ms, name, figure, classes, "ms", y);
    if (profiled(r->page->report, run, &cost, ref))
        put_predicted(r, cost.latency_ms, name, ref, "as profiled", y);
    if (plan)
        put_predicted(r, r->bench->predicted_ms, name, "/bench/plan/predicted_ms", "predicted", y);
}

static mae_range range_of(const mae_page *page)
{
    const mae_report_bench *bench = page->report->bench;
    mae_range range = MAE_RANGE_INIT;
    char ref[64];
    mae_range_add(&range, bench->predicted_ms);
    for (size_t i = 0; i < bench->n_runs; i++) {
        mae_prediction cost;
        if (!bench->runs[i].complete)
            continue;
        mae_range_add(&range, bench->runs[i].latency_ms.value);
        if (bench->runs[i].latency_ms.has_interval) {
            mae_range_add(&range, bench->runs[i].latency_ms.low);
            mae_range_add(&range, bench->runs[i].latency_ms.high);
        }
        if (profiled(page->report, &bench->runs[i], &cost, ref))
            mae_range_add(&range, cost.latency_ms);
    }
    return range;
}

static void put_latencies(const mae_page *page, const mae_view *view)
{
    const mae_report_bench *bench = page->report->bench;
    mae_range ms = range_of(page);
    double bottom = 14 + ROW * (double)bench->n_runs;
    bool log = ms.low > 0 && ms.high / ms.low > 6;
    rows r = {page, bench, view, mae_axis_over(ms.low, ms.high, gutter(view), view->width - 14, log), 14};
    mae_chart_open(page->out, view, bottom + 44,
                   "Latencies measured and predicted, of the plan, baselines and single PEs");
    mae_chart_grid_right(page->out, &r.x, 8, bottom, log ? "latency, ms (logarithmic)" : "latency, ms");
    for (size_t k = 0; k < bench->n_runs; k++) {
        size_t i = k == 0 ? bench->n_runs - 1 : k - 1; /* the plan first */
        put_run(&r, &bench->runs[i], i, 14 + ROW * ((double)k + 0.5));
    }
    mae_chart_close(page->out);
}

/* ---- gains ---- */

static void put_gains(const mae_page *page, const mae_view *view)
{
    const mae_report_bench *bench = page->report->bench;
    mae_range range = {0, 0};
    double bottom = 14 + ROW * (double)bench->n_gains;
    for (size_t i = 0; i < bench->n_gains; i++) {
        const mae_report_value *gain = &bench->gains[i].maeg;
        mae_range_add(&range, fmax(gain->value * 100, LEAST_GAIN));
        mae_range_add(&range, fmax((gain->has_interval ? gain->low : gain->value) * 100, LEAST_GAIN));
        mae_range_add(&range, fmax((gain->has_interval ? gain->high : gain->value) * 100, LEAST_GAIN));
    }
    mae_axis x = mae_axis_over(range.low, range.high, view->narrow ? 150 : 170, view->width - 14, false);
    mae_chart_open(page->out, view, bottom + 44, "The gain as it was expected and as it was measured");
    mae_chart_grid_right(page->out, &x, 8, bottom, "MAEG, %");
    double zero = mae_axis_at(&x, 0);
    mae_putf(page->out, "<path class=\"zero\" d=\"M%c 8V%c\"/>", zero, bottom);
    for (size_t i = 0; i < bench->n_gains; i++) {
        const mae_report_gain *gain = &bench->gains[i];
        double y = 14 + ROW * ((double)i + 0.5);
        mae_putf(page->out, "<text class=\"label end%r\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">%s</text>",
                 gain == bench->measured ? " strong" : "", x.from - 10, y + 4, gain->name);
        mae_putf(
            page->out,
            "<g class=\"m %r\" role=\"img\" tabindex=\"-1\" data-ref=\"%s\" data-v=\"%v\" aria-label=\"MAEG %s: %n %%",
            gain == bench->measured ? "plan" : "forecast", gain->ref, gain->maeg.value, gain->name,
            gain->maeg.value * 100);
        if (gain->maeg.has_interval)
            mae_putf(page->out, ", 95 %% interval %n %% to %n %%", gain->maeg.low * 100, gain->maeg.high * 100);
        if (gain->has_chance)
            mae_putf(page->out, "; the mix costs less with a chance of %n %%", gain->chance * 100);
        mae_put(page->out, "\">");
        if (gain->maeg.has_interval)
            mae_chart_interval(page->out, &x, gain->maeg.low * 100, gain->maeg.high * 100, y);
        mae_putf(page->out, "<circle cx=\"%c\" cy=\"%c\" r=\"6\"/></g>",
                 mae_axis_at(&x, clamp(&x, gain->maeg.value * 100)), y);
    }
    mae_chart_close(page->out);
}

static void put_words(const mae_page *page)
{
    const mae_report_bench *bench = page->report->bench;
    static const char *const origins[] = {"single_pes", "others"};
    static const char *const words[] = {"the single PEs in the same rounds", "all else that ran in the same rounds"};
    mae_putf(page->out, "<p>%d rounds turn by turn, %d thread%r for each PE. ", bench->rounds, bench->threads,
             bench->threads == 1 ? "" : "s");
    if (bench->has_verdict)
        mae_putf(page->out,
                 "The outputs %r the reference's: the largest difference is %n of the largest value (allowed for every "
                 "value: %n and %n of the largest). ",
                 bench->verified ? "agree with" : "<b>differ</b> from", bench->max_rel, bench->abs_tolerance,
                 bench->rel_tolerance);
    for (size_t i = 0; bench->scale > 0 && i < 2; i++)
        if (strcmp(bench->scale_origin, origins[i]) == 0)
            mae_putf(page->out,
                     "Predictions of the plan are brought to the machine's speed of the day, %n\xC3\x97 what was "
                     "profiled, by "
                     "%r. ",
                     bench->scale, words[i]);
    mae_put(page->out, "</p>\n");
}

void mae_page_measured(const mae_page *page)
{
    const mae_report_bench *bench = page->report->bench;
    if (!bench || bench->throughput)
        return;
    mae_section_open(page, "measured", "Predicted and measured", "measured");
    put_words(page);
    mae_putf(page->out,
             "<ul class=\"key\"><li><svg width=\"30\" height=\"14\" aria-hidden=\"true\"><g class=\"single\"><path "
             "class=\"whisker\" d=\"M2 7H28M2 2v10M28 2v10\"/><circle cx=\"15\" cy=\"7\" r=\"5\"/></g></svg> measured, "
             "with its 95 %% interval</li><li><svg width=\"16\" height=\"16\" aria-hidden=\"true\"><g "
             "class=\"predicted\"><path d=\"M8 1l7 7-7 7-7-7z\"/></g></svg> predicted%r</li></ul>\n",
             page->report->reckoned ? " (of single PEs and greedy: as profiled, not brought to the speed of the day)"
                                    : "");
    mae_put(page->out, "<figure>");
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_latencies(page, &mae_views[v]);
    mae_put(page->out, "</figure>\n");
    if (bench->n_gains) {
        mae_put(page->out, "<figure><figcaption>The gain of the best mix over the best single PE: what was expected of "
                           "it, and what it came "
                           "to</figcaption>\n");
        for (size_t v = 0; v < MAE_N_VIEWS; v++)
            put_gains(page, &mae_views[v]);
        mae_put(page->out, "</figure>\n");
    }
    mae_section_close(page);
}
