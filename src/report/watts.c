/* Watts of a trace: a line for each rail, over the same seconds as the frames. */
#include "report/timeline.h"

#include <math.h>

#define BAND 88.0        /* of a rail */
#define MOST_POINTS 400u /* of a line */

mae_watts_summary mae_watts_of(const mae_report_rail *rail)
{
    mae_range range = MAE_RANGE_INIT;
    double sum = 0;
    for (size_t i = 0; i < rail->n; i++) {
        sum += rail->readings[i].watts / (double)rail->n;
        mae_range_add(&range, rail->readings[i].watts);
    }
    return (mae_watts_summary){sum, range.low, range.high};
}

/* So many neighbours make a point, their mean: 1 unless there are more readings than can be told apart. */
static size_t neighbours(const mae_report_rail *rail)
{
    return (rail->n + MOST_POINTS - 1) / MOST_POINTS;
}

static void put_line(mae_html *out, const mae_report_rail *rail, const mae_axis *x, const mae_axis *y)
{
    size_t step = neighbours(rail);
    mae_put(out, "<path class=\"stroke\" d=\"");
    for (size_t i = 0; i < rail->n; i += step) {
        size_t n = rail->n - i < step ? rail->n - i : step;
        double at_s = 0, watts = 0;
        for (size_t k = i; k < i + n; k++) {
            at_s += rail->readings[k].at_ms / 1e3 / (double)n;
            watts += rail->readings[k].watts / (double)n;
        }
        mae_putf(out, "%r%c %c%r", i ? "L" : "M", mae_axis_at(x, at_s), mae_axis_at(y, watts), i ? "" : "h0");
    }
    mae_put(out, "\"/>");
}

/* The least and the most of a band, at its left; its name above the line. */
static void put_rail(const mae_page *page, const mae_view *view, const mae_axis *x, size_t number, double top)
{
    const mae_report_rail *rail = &page->report->trace->rails[number];
    mae_watts_summary w = mae_watts_of(rail);
    double low = fmin(w.least, 0), high = fmax(w.most, 0), bottom = top + BAND - 14;
    mae_axis y = {low, high > low ? high : low + 1, bottom, top + 20, false};
    char text[40];
    mae_html *out = page->out;
    mae_putf(out, "<g class=\"axis\" aria-hidden=\"true\"><path d=\"M%c %cH%cM%c %cH%c\"/>", x->from, bottom, x->to,
             x->from, top + 20, x->to);
    mae_putf(out, "<text class=\"end\" x=\"%c\" y=\"%c\">%s</text>", x->from - 6, top + 24,
             mae_number_text(y.high, text));
    mae_putf(out, "<text class=\"end\" x=\"%c\" y=\"%c\">%s</text></g>", x->from - 6, bottom + 4,
             mae_number_text(y.low, text));
    mae_putf(out, "<text class=\"label\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">", x->from, top + 12);
    mae_put_short(out, rail->name, view->narrow ? 34 : 60);
    mae_putf(
        out,
        "</text><g class=\"m line\" role=\"img\" tabindex=\"-1\" data-ref=\"/trace/watts/%u/mean_w\" data-v=\"%v\" "
        "aria-label=\"%s: %n W on average of %u readings, %n to %n W\">",
        number, w.mean, rail->name, w.mean, rail->n, w.least, w.most);
    put_line(out, rail, x, &y);
    mae_put(out, "</g>");
}

static size_t drawn_rails(const mae_report_trace *trace)
{
    return trace->n_rails < MAE_MOST_RAILS ? trace->n_rails : MAE_MOST_RAILS;
}

static void put_rails(const mae_page *page, const mae_view *view)
{
    const mae_report_trace *trace = page->report->trace;
    size_t n = drawn_rails(trace);
    mae_range span = mae_timeline_span(trace);
    double left = 52, bottom = 4 + BAND * (double)n;
    mae_axis x = mae_axis_over(span.low, span.high, left, view->width - 12, false);
    mae_chart_open(page->out, view, bottom + 40, "Watts over time, rail by rail");
    mae_chart_grid_right(page->out, &x, 4, bottom, "seconds since the trace began");
    for (size_t i = 0; i < n; i++)
        put_rail(page, view, &x, i, 4 + BAND * (double)i);
    mae_chart_close(page->out);
}

void mae_page_watts(const mae_page *page)
{
    const mae_report_trace *trace = page->report->trace;
    size_t most = 1;
    if (trace->n_rails == 0)
        return;
    for (size_t i = 0; i < drawn_rails(trace); i++)
        most = neighbours(&trace->rails[i]) > most ? neighbours(&trace->rails[i]) : most;
    mae_put(page->out, "<figure><figcaption>Watts of each rail over the same time, as the meter said");
    if (most > 1)
        mae_putf(page->out, " (up to %u readings make a point, their mean)", most);
    if (trace->n_rails > MAE_MOST_RAILS)
        mae_putf(page->out, "; %u rails more are not drawn", trace->n_rails - MAE_MOST_RAILS);
    mae_put(page->out, "</figcaption>\n");
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_rails(page, &mae_views[v]);
    mae_put(page->out, "</figure>\n");
}
