/* The latencies of random mappings, where the profile has no energy. */
#include "report/choices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"

#define MOST_BINS 64
#define CHARACTER 7.0 /* pixels, and bold ones are wider than others */

static mae_range range_of(const mae_page *page, const mae_choices *c)
{
    mae_range range = MAE_RANGE_INIT;
    const mae_report_reckoned *reckoned = page->report->reckoned;
    double *values = malloc(reckoned->n_samples * sizeof *values);
    for (size_t i = 0; i < c->n; i++)
        mae_range_add(&range, c->marks[i].cost.latency_ms);
    for (size_t i = 0; values && i < reckoned->n_samples; i++)
        values[i] = reckoned->samples[i].latency_ms;
    if (values) {
        mae_stats_sort(values, reckoned->n_samples);
        mae_range_add(&range, values[0]);
        mae_range_add(&range, mae_stats_quantile(values, reckoned->n_samples, 0.99));
    }
    free(values);
    return range;
}

static void put_bars(const mae_page *page, const mae_axis *x, size_t n_bins, double bottom, double height)
{
    size_t bins[MOST_BINS] = {0}, most = 1;
    const mae_report_reckoned *reckoned = page->report->reckoned;
    double width = (x->to - x->from) / (double)n_bins;
    for (size_t i = 0; i < reckoned->n_samples; i++) {
        double at = (mae_axis_at(x, reckoned->samples[i].latency_ms) - x->from) / width;
        if (at >= 0 && at < (double)n_bins)
            bins[(size_t)at]++;
    }
    for (size_t i = 0; i < n_bins; i++)
        most = bins[i] > most ? bins[i] : most;
    mae_put(page->out, "<g class=\"bars\" aria-hidden=\"true\">");
    for (size_t i = 0; i < n_bins; i++) {
        double high = height * (double)bins[i] / (double)most;
        if (bins[i])
            mae_putf(page->out, "<rect x=\"%c\" y=\"%c\" width=\"%c\" height=\"%c\"/>", x->from + (double)i * width,
                     bottom - high, width - 1, fmax(high, 1));
    }
    mae_put(page->out, "</g>");
}

static int by_latency(const void *a, const void *b)
{
    const mae_choice_mark *x = *(const mae_choice_mark *const *)a, *y = *(const mae_choice_mark *const *)b;
    return (x->cost.latency_ms > y->cost.latency_ms) - (x->cost.latency_ms < y->cost.latency_ms);
}

static double text_width(const mae_choice_mark *mark)
{
    char text[40];
    size_t n = strlen(mark->name), figure = strlen(mae_number_text(mark->cost.latency_ms, text));
    return (double)((n < 18 ? n : 19) + figure + strlen("  ms")) * CHARACTER;
}

/* Which line of text a label gets, so that no two of a line overlap. */
static size_t find_line(double *ends, size_t n_lines, double from, double to)
{
    size_t line = 0;
    while (line + 1 < n_lines && ends[line] > from)
        line++;
    ends[line] = to + 10;
    return line;
}

#define MOST_LINES 8

static void put_mark(const mae_page *page, const mae_choice_mark *mark, const mae_axis *x, double bottom, double *ends)
{
    double at = mae_axis_at(x, mark->cost.latency_ms), width = text_width(mark);
    bool left = at + width > x->to;
    size_t line = find_line(ends, MOST_LINES, left ? at - width : at, left ? at : at + width);
    double y = 18 + 18 * (double)line;
    bool plan = mark->kind == MAE_CHOICE_PLAN, single = mark->kind == MAE_CHOICE_SINGLE;
    mae_putf(page->out,
             "<g class=\"m line %r\" role=\"img\" tabindex=\"-1\" data-ref=\"%s/latency_ms\" data-v=\"%v\" "
             "aria-label=\"%s: %n ms, %d "
             "switches\"><path class=\"%r",
             plan     ? "plan"
             : single ? "fill"
                      : "greedy",
             mark->ref, mark->cost.latency_ms, mark->name, mark->cost.latency_ms, mark->cost.switches,
             single ? "stroke pe" : "stroke");
    if (single)
        mae_putf(page->out, "%d", mae_pe_colour(page->report, mark->name));
    mae_putf(page->out, "\" d=\"M%c %cV%c\"/><text class=\"label%r\" x=\"%c\" y=\"%c\">", at, y - 10, bottom,
             left ? " end" : "", left ? at - 5 : at + 5, y);
    mae_put_short(page->out, mark->name, 18);
    mae_putf(page->out, " %n ms</text></g>", mark->cost.latency_ms);
}

static void put_view(const mae_page *page, const mae_choices *c, const mae_view *view)
{
    const mae_choice_mark *sorted[MAE_MOST_CHOICES];
    double ends[MOST_LINES] = {0}, labels = 18 * (double)(c->n < MOST_LINES ? c->n : MOST_LINES) + 10;
    double bottom = labels + (view->narrow ? 130 : 170);
    mae_range ms = range_of(page, c);
    mae_axis x = mae_axis_over(ms.low, ms.high, 8, view->width - 12, ms.low > 0 && ms.high / ms.low > 8);
    mae_chart_open(page->out, view, bottom + 44,
                   "How many random mappings have which latency, with the plan, greedy and single PEs");
    mae_chart_grid_right(page->out, &x, labels, bottom,
                         x.log ? "predicted latency, ms (logarithmic)" : "predicted latency, ms");
    put_bars(page, &x, view->narrow ? 32 : MOST_BINS, bottom, bottom - labels - 8);
    for (size_t i = 0; i < c->n; i++)
        sorted[i] = &c->marks[i];
    qsort(sorted, c->n, sizeof *sorted, by_latency);
    for (size_t i = 0; i < c->n; i++)
        put_mark(page, sorted[i], &x, bottom, ends);
    mae_chart_close(page->out);
}

void mae_choices_histogram(const mae_page *page, const mae_choices *choices)
{
    mae_put(page->out, "<figure><figcaption>Bars: how many of the random mappings have about that latency. Lines: the "
                       "plan, the greedy "
                       "choice and single PEs.</figcaption>\n");
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_view(page, choices, &mae_views[v]);
    mae_put(page->out, "</figure>\n");
}
