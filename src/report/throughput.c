/* Frames a second: what each arrangement, single PE and session came to, and how busy what is offered keeps each
 * resource. */
#include "report/throughput.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 60 /* of a chart; the table has all */

/* What an entry is drawn and sorted by: frames a second, as raced or else as it ran once. */
static double per_second(const mae_report_entry *e)
{
    return e->raced ? 1e3 / e->period_ms.value : e->quick_ms.exists ? 1e3 / e->quick_ms.value : 0;
}

/* The offered one, what was raced, what ran once, what did not run; the fastest first. */
static int by_use(const void *a, const void *b)
{
    const mae_report_entry *x = *(const mae_report_entry *const *)a, *y = *(const mae_report_entry *const *)b;
    int p = x->offered ? 3 : x->raced ? 2 : x->quick_ms.exists, q = y->offered ? 3 : y->raced ? 2 : y->quick_ms.exists;
    if (p != q)
        return q - p;
    if (per_second(x) != per_second(y))
        return per_second(x) > per_second(y) ? -1 : 1;
    return (x > y) - (x < y);
}

const mae_report_entry **mae_throughput_sorted(const mae_report_throughput *t)
{
    const mae_report_entry **sorted = malloc(t->n_entries * sizeof *sorted);
    for (size_t i = 0; sorted && i < t->n_entries; i++)
        sorted[i] = &t->entries[i];
    if (sorted)
        qsort(sorted, t->n_entries, sizeof *sorted, by_use);
    return sorted;
}

/* ---- the chart ---- */

typedef struct rows {
    const mae_page *page;
    const mae_view *view;
    const mae_report_entry **sorted;
    size_t n;
    mae_axis x;
} rows;

static double row_of(const mae_view *view)
{
    return view->narrow ? 42 : 30;
}

/* Names are long: beside the row where there is room, above it on phones. */
static double gutter(const mae_view *view)
{
    return view->narrow ? 14 : 250;
}

static void put_name(const rows *r, const mae_report_entry *e, double top)
{
    const char *strong = e->offered ? " strong" : "";
    if (r->view->narrow)
        mae_putf(r->page->out, "<text class=\"label%r\" aria-hidden=\"true\" x=\"4\" y=\"%c\">", strong, top + 13);
    else
        mae_putf(r->page->out, "<text class=\"label end%r\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">", strong,
                 gutter(r->view) - 12, top + 19);
    mae_put_short(r->page->out, e->name, r->view->narrow ? 46 : 31);
    mae_put(r->page->out, "</text>");
}

static void put_class(const rows *r, const mae_report_entry *e)
{
    if (e->offered)
        mae_put(r->page->out, "<g class=\"m plan");
    else if (e->kind == MAE_REPORT_SINGLE)
        mae_putf(r->page->out, "<g class=\"m fill pe%d", mae_pe_colour(r->page->report, e->name));
    else
        mae_put(r->page->out, e->kind == MAE_REPORT_SESSION ? "<g class=\"m greedy" : "<g class=\"m single");
}

static void put_raced(const rows *r, const mae_report_entry *e, double y)
{
    mae_html *out = r->page->out;
    put_class(r, e);
    mae_putf(
        out,
        "\" role=\"img\" tabindex=\"-1\" data-ref=\"%s/frames_per_second\" data-v=\"%v\" aria-label=\"%s, raced%r: %n "
        "frames a second",
        e->ref, e->per_second.value, e->name, e->offered ? ", offered" : "", e->per_second.value);
    if (e->per_second.has_interval)
        mae_putf(out, ", 95 %% interval %n to %n", e->per_second.low, e->per_second.high);
    mae_put(out, "\">");
    if (e->per_second.has_interval)
        mae_chart_interval(out, &r->x, e->per_second.low, e->per_second.high, y);
    mae_putf(out, "<circle cx=\"%c\" cy=\"%c\" r=\"6\"/></g>", mae_axis_at(&r->x, e->per_second.value), y);
}

static void put_once(const rows *r, const mae_report_entry *e, double y)
{
    mae_html *out = r->page->out;
    put_class(r, e);
    mae_putf(out,
             " hollow\" role=\"img\" tabindex=\"-1\" data-ref=\"%s/quick_ms\" data-v=\"%v\" aria-label=\"%s, run once "
             "and not "
             "raced: %n frames a second\"><circle cx=\"%c\" cy=\"%c\" r=\"5\"/></g>",
             e->ref, e->quick_ms.value, e->name, 1e3 / e->quick_ms.value, mae_axis_at(&r->x, 1e3 / e->quick_ms.value),
             y);
}

static void put_predicted(const rows *r, const mae_report_entry *e, double y)
{
    double value = 1e3 / e->predicted_ms.value;
    mae_putf(r->page->out,
             "<g class=\"m predicted\" role=\"img\" tabindex=\"-1\" data-ref=\"%s/predicted_period_ms\" data-v=\"%v\" "
             "aria-label=\"%s, predicted: %n frames a second\"><path d=\"M%c %cl9 9-9 9-9-9z\"/></g>",
             e->ref, e->predicted_ms.value, e->name, value, mae_axis_at(&r->x, value), y - 9);
}

static void put_row(const rows *r, const mae_report_entry *e, double top)
{
    double y = top + (r->view->narrow ? 28 : 15);
    put_name(r, e, top);
    if (e->raced && e->per_second.exists)
        put_raced(r, e, y);
    else if (!e->raced && isfinite(per_second(e)))
        put_once(r, e, y);
    if (e->predicted_ms.exists && e->predicted_ms.value > 0)
        put_predicted(r, e, y);
}

static mae_range range_of(const mae_report_entry *const *sorted, size_t n)
{
    mae_range range = MAE_RANGE_INIT;
    for (size_t i = 0; i < n; i++) {
        mae_range_add(&range, per_second(sorted[i]));
        if (sorted[i]->per_second.has_interval) {
            mae_range_add(&range, sorted[i]->per_second.low);
            mae_range_add(&range, sorted[i]->per_second.high);
        }
        if (sorted[i]->predicted_ms.exists)
            mae_range_add(&range, 1e3 / sorted[i]->predicted_ms.value);
    }
    return range;
}

static void put_chart(const mae_page *page, const mae_view *view, const mae_report_entry **sorted, size_t n)
{
    mae_range range = range_of(sorted, n);
    bool log = range.low > 0 && range.high / range.low > 6;
    rows r = {page, view, sorted, n, mae_axis_over(range.low, range.high, gutter(view), view->width - 14, log)};
    double bottom = 8 + row_of(view) * (double)n;
    mae_chart_open(page->out, view, bottom + 44, "Frames a second of all that was measured");
    mae_chart_grid_right(page->out, &r.x, 8, bottom, log ? "frames a second (logarithmic)" : "frames a second");
    for (size_t i = 0; i < n; i++)
        put_row(&r, sorted[i], 8 + row_of(view) * (double)i);
    mae_chart_close(page->out);
}

static void put_charts(const mae_page *page, const mae_report_entry **sorted)
{
    const mae_report_throughput *t = page->report->bench->throughput;
    size_t n = 0;
    while (n < t->n_entries && n < MOST_ROWS && (sorted[n]->raced || sorted[n]->quick_ms.exists))
        n++;
    mae_put(
        page->out,
        "<ul class=\"key\"><li><svg width=\"30\" height=\"14\" aria-hidden=\"true\"><g class=\"single\"><path "
        "class=\"whisker\" d=\"M2 7H28M2 2v10M28 2v10\"/><circle cx=\"15\" cy=\"7\" r=\"5\"/></g></svg> raced, with "
        "its "
        "95 % interval</li><li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><g class=\"hollow\"><circle "
        "cx=\"7\" cy=\"7\" r=\"5\"/></g></svg> run once, not raced</li><li><svg width=\"16\" height=\"16\" "
        "aria-hidden=\"true\"><g class=\"predicted\"><path d=\"M8 1l7 7-7 7-7-7z\"/></g></svg> predicted</li></ul>\n");
    mae_put(page->out, "<figure>");
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_chart(page, &mae_views[v], sorted, n);
    mae_put(page->out, "</figure>\n");
    if (n == MOST_ROWS)
        mae_putf(page->out, "<p class=\"note\">The %d fastest are drawn; the table has all.</p>\n", MOST_ROWS);
}

/* ---- in words and as a table ---- */

static void put_ratios(const mae_page *page)
{
    static const char *const whats[] = {"best_single", "sessions", "threads"};
    static const char *const words[] = {", the best single PE", ": one session of ONNX Runtime on each resource",
                                        ": one session with a thread for each processor"};
    const mae_report_throughput *t = page->report->bench->throughput;
    mae_putf(page->out, "<p>%d resource%r, %d rounds turn by turn, a batch of frames each.</p>\n", t->resources,
             t->resources == 1 ? "" : "s", page->report->bench->rounds);
    if (t->n_ratios == 0)
        return;
    mae_putf(page->out, "<p>What is offered, <b>%s</b>, gives</p>\n<ul>", t->offered->name);
    for (size_t i = 0; i < t->n_ratios; i++) {
        const mae_report_ratio *ratio = &t->ratios[i];
        mae_putf(
            page->out,
            "<li><b data-ref=\"/bench/throughput/ratios/%u/frames\" data-v=\"%v\">%n</b> times the frames a second", i,
            ratio->frames.value, ratio->frames.value);
        if (ratio->frames.has_interval)
            mae_putf(page->out, " <span class=\"interval\">[%n, %n]</span>", ratio->frames.low, ratio->frames.high);
        mae_putf(page->out, " of %s", ratio->beside);
        for (size_t k = 0; k < sizeof whats / sizeof *whats; k++)
            if (strcmp(ratio->what, whats[k]) == 0)
                mae_put(page->out, words[k]);
        mae_put(page->out, "</li>");
    }
    mae_put(page->out, "</ul>\n");
}

static void put_cell(const mae_page *page, const mae_report_entry *e, const char *key, const mae_report_value *value)
{
    if (value->exists)
        mae_putf(page->out, "<td class=\"num\" data-ref=\"%s/%r\" data-v=\"%v\">", e->ref, key, value->value);
    else
        mae_put(page->out, "<td class=\"num\">");
    mae_put_value(page->out, value);
    mae_put(page->out, "</td>");
}

static void put_line(const mae_page *page, const mae_report_entry *e)
{
    static const char *const kinds[] = {"single PE", "arrangement", "session"};
    mae_report_value p99 = {.exists = e->raced, .value = e->p99_ms};
    mae_putf(page->out, "<tr%r><th scope=\"row\">%s</th><td>%r</td>", e->offered ? " class=\"chosen\"" : "", e->name,
             kinds[e->kind]);
    if (!e->raced && !e->quick_ms.exists) {
        mae_putf(page->out, "<td colspan=\"7\" class=\"why\">%s</td></tr>\n", e->reason);
        return;
    }
    put_cell(page, e, "frames_per_second", &e->per_second);
    put_cell(page, e, "period_ms", &e->period_ms);
    put_cell(page, e, "quick_ms", &e->quick_ms);
    put_cell(page, e, "predicted_period_ms", &e->predicted_ms);
    put_cell(page, e, "latency_ms/p50", &e->p50_ms);
    put_cell(page, e, "latency_ms/p99", &p99);
    mae_putf(page->out, "<td>%r</td></tr>\n",
             !e->verified ? "its outputs differ from the reference's"
             : e->offered ? "offered"
             : e->raced   ? ""
                          : "run once");
}

static void put_table(const mae_page *page, const mae_report_entry **sorted)
{
    mae_put(
        page->out,
        "<details><summary>All that was measured, as a table</summary><div class=\"scroll\"><table><caption>Medians "
        "with their 95 % intervals; latencies are those of a frame on its way, others being under way "
        "too</caption><thead><tr><th scope=\"col\">what</th><th scope=\"col\">kind</th><th scope=\"col\" "
        "class=\"num\">frames a second</th><th scope=\"col\" class=\"num\">ms between frames</th><th scope=\"col\" "
        "class=\"num\">the one time, ms</th><th scope=\"col\" class=\"num\">predicted ms</th><th scope=\"col\" "
        "class=\"num\">latency ms</th><th scope=\"col\" class=\"num\">99 %, ms</th><th "
        "scope=\"col\">note</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < page->report->bench->throughput->n_entries; i++)
        put_line(page, sorted[i]);
    mae_put(page->out, "</tbody></table></div></details>\n");
}

/* ---- for the head ---- */

static void put_beside(const mae_page *page, const mae_report_entry *e, double most)
{
    const mae_report_entry *offered = page->report->bench->throughput->offered;
    mae_html *out = page->out;
    double value = e->per_second.value;
    mae_putf(out, "<tr%r><th scope=\"row\">", e->offered ? " class=\"chosen\"" : "");
    if (e->kind == MAE_REPORT_SINGLE)
        mae_putf(out, "<i class=\"dot pe%d\" aria-hidden=\"true\"></i>", mae_pe_colour(page->report, e->name));
    else
        mae_putf(out, "<i class=\"dot %r\" aria-hidden=\"true\"></i>", e->offered ? "plan" : "none");
    mae_putf(out, "%s</th>", e->name);
    put_cell(page, e, "frames_per_second", &e->per_second);
    put_cell(page, e, "latency_ms/p50", &e->p50_ms);
    mae_putf(out, "<td class=\"bar\"><span class=\"%r\" style=\"width:%c%%\"></span></td><td>",
             e->offered ? "plan" : "", most > 0 ? 100 * value / most : 0);
    if (e->offered)
        mae_put(out, "offered");
    else if (offered->per_second.value > 0)
        mae_putf(out, "%n\xC3\x97", value / offered->per_second.value);
    mae_put(out, e->verified ? "</td></tr>\n" : " \xC2\xB7 its outputs differ from the reference's</td></tr>\n");
}

void mae_throughput_beside(const mae_page *page)
{
    const mae_report_throughput *t = page->report->bench->throughput;
    const mae_report_entry **sorted = mae_throughput_sorted(t);
    double most = 0;
    if (!sorted) {
        page->out->failed = true;
        return;
    }
    mae_put(
        page->out,
        "<div class=\"scroll\"><table class=\"beside frames\"><caption>Raced turn by turn: medians, with their 95 % "
        "intervals</caption><thead><tr><th scope=\"col\">what</th><th scope=\"col\" class=\"num\">frames a "
        "second</th><th scope=\"col\" class=\"num\">latency ms</th><th scope=\"col\" class=\"bar\"><span "
        "class=\"hidden\">frames a second as a bar</span></th><th scope=\"col\">beside what is "
        "offered</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < t->n_entries && sorted[i]->raced; i++)
        most = fmax(most, sorted[i]->per_second.value);
    for (size_t i = 0; i < t->n_entries && sorted[i]->raced; i++)
        put_beside(page, sorted[i], most);
    mae_put(page->out, "</tbody></table></div>\n");
    free(sorted);
}

void mae_page_throughput(const mae_page *page)
{
    const mae_report_bench *bench = page->report->bench;
    const char *ref;
    bool measured = bench && bench->throughput;
    if (!measured && !mae_report_arrangement(page->report, &ref))
        return;
    mae_section_open(page, "throughput", "Frames a second", measured ? "measured" : "predicted");
    const mae_report_entry **sorted = measured ? mae_throughput_sorted(bench->throughput) : NULL;
    if (measured && !sorted)
        page->out->failed = true;
    if (sorted) {
        put_ratios(page);
        put_charts(page, sorted);
        put_table(page, sorted);
    }
    free(sorted);
    mae_page_loads(page);
    mae_section_close(page);
}
