#include "report/chart.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const mae_view mae_views[MAE_N_VIEWS] = {{960, false}, {358, true}};

void mae_range_add(mae_range *range, double value)
{
    if (!isfinite(value))
        return;
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

mae_axis mae_axis_over(double low, double high, double from, double to, bool logarithmic)
{
    if (!(low <= high))
        low = high = 1;
    if (logarithmic && low > 0) {
        /* By logarithms: the quotient of what strangers' files hold need not be a number. */
        double room = high > low ? (log(high) - log(low)) * 0.04 : log(1.5);
        return (mae_axis){fmax(exp(log(low) - room), DBL_MIN), fmin(exp(log(high) + room), DBL_MAX), from, to, true};
    }
    double room = high > low ? (high - low) * 0.04 : fabs(high) > 0 ? fabs(high) * 0.1 : 1;
    bool from_zero = low == 0;
    return (mae_axis){from_zero ? 0 : low - room, high + room, from, to, false};
}

double mae_axis_at(const mae_axis *axis, double value)
{
    double share = axis->log ? (log(value) - log(axis->low)) / (log(axis->high) - log(axis->low))
                             : (value - axis->low) / (axis->high - axis->low);
    return axis->from + share * (axis->to - axis->from);
}

bool mae_axis_holds(const mae_axis *axis, double value)
{
    return value >= axis->low && value <= axis->high;
}

static size_t even_ticks(const mae_axis *axis, size_t about, double ticks[MAE_MOST_TICKS])
{
    double rough = (axis->high - axis->low) / (double)about, power = pow(10, floor(log10(rough)));
    double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
    size_t n = 0;
    for (double at = ceil(axis->low / step); at * step <= axis->high && n < MAE_MOST_TICKS; at++)
        ticks[n++] = at * step;
    return n;
}

/* 1, 10, 100; with 2 and 5 between where there is room for them. */
static size_t log_ticks(const mae_axis *axis, size_t about, double ticks[MAE_MOST_TICKS])
{
    static const double between[] = {1, 2, 5};
    double decades = log10(axis->high) - log10(axis->low);
    size_t steps = decades * 3 <= (double)about ? 3 : 1, n = 0;
    int every = decades > (double)about ? (int)ceil(decades / (double)about) : 1;
    for (int power = (int)floor(log10(axis->low)); power <= (int)ceil(log10(axis->high)); power++)
        for (size_t k = 0; k < steps && power % every == 0; k++) {
            double value = between[k] * pow(10, power);
            if (mae_axis_holds(axis, value) && n < MAE_MOST_TICKS)
                ticks[n++] = value;
        }
    return n;
}

size_t mae_axis_ticks(const mae_axis *axis, size_t about, double ticks[MAE_MOST_TICKS])
{
    if (!axis->log)
        return even_ticks(axis, about, ticks);
    size_t n = log_ticks(axis, about, ticks);
    return n >= 2 ? n : even_ticks(axis, about, ticks);
}

static const char *tick_text(double value, char text[static 40])
{
    double size = fabs(value);
    if (size < 1e-12)
        value = size = 0; /* and never "-0" */
    if (size >= 1e6 || (size > 0 && size < 1e-3))
        return mae_number_text(value, text);
    snprintf(text, 40, "%.6g", value); /* round numbers need no more digits than they have */
    return text;
}

#define CHARACTER 6.8

void mae_chart_grid_right(mae_html *out, const mae_axis *axis, double top, double bottom, const char *title)
{
    double ticks[MAE_MOST_TICKS];
    size_t n = mae_axis_ticks(axis, (size_t)fmax(3, (axis->to - axis->from) / 70), ticks);
    double behind = -1e9;
    char text[40];
    mae_put(out, "<g class=\"axis\" aria-hidden=\"true\">");
    for (size_t i = 0; i < n; i++) {
        double x = mae_axis_at(axis, ticks[i]);
        double width = (double)strlen(tick_text(ticks[i], text)) * CHARACTER;
        if (x - width / 2 < behind) /* there is no room for its number */
            continue;
        behind = x + width / 2 + 8;
        mae_putf(out, "<path d=\"M%c %cV%c\"/><text x=\"%c\" y=\"%c\" class=\"mid\">", x, top, bottom, x, bottom + 16);
        mae_putf(out, "%s</text>", tick_text(ticks[i], text));
    }
    mae_putf(out, "<text x=\"%c\" y=\"%c\" class=\"end title\">%s</text></g>", axis->to, bottom + 34, title);
}

void mae_chart_grid_up(mae_html *out, const mae_axis *axis, double left, double right, const char *title)
{
    char text[40];
    double ticks[MAE_MOST_TICKS];
    size_t n = mae_axis_ticks(axis, (size_t)fmax(2, fabs(axis->to - axis->from) / 40), ticks);
    mae_put(out, "<g class=\"axis\" aria-hidden=\"true\">");
    for (size_t i = 0; i < n; i++) {
        double y = mae_axis_at(axis, ticks[i]);
        mae_putf(out, "<path d=\"M%c %cH%c\"/><text x=\"%c\" y=\"%c\" class=\"end\">", left, y, right, left - 6, y + 4);
        mae_putf(out, "%s</text>", tick_text(ticks[i], text));
    }
    mae_putf(out, "<text x=\"%c\" y=\"%c\" class=\"title\">%s</text></g>", 2.0, axis->to - 10, title);
}

void mae_chart_open(mae_html *out, const mae_view *view, double height, const char *label)
{
    mae_putf(
        out,
        "<svg class=\"chart %r\" viewBox=\"0 0 %c %c\" width=\"%c\" height=\"%c\" role=\"group\" aria-label=\"%s\">",
        view->narrow ? "narrow" : "wide", view->width, height, view->width, height, label);
}

void mae_chart_close(mae_html *out)
{
    mae_put(out, "</svg>\n");
}

static double clamped(const mae_axis *x, double value)
{
    return mae_axis_at(x, fmin(fmax(value, x->low), x->high));
}

void mae_chart_interval(mae_html *out, const mae_axis *x, double low, double high, double y)
{
    double from = clamped(x, low), to = clamped(x, high);
    mae_putf(out, "<path class=\"whisker\" d=\"M%c %cH%cM%c %cv12M%c %cv12\"/>", from, y, to, from, y - 6, to, y - 6);
}

void mae_chart_shape(mae_html *out, size_t i, double x, double y, double r)
{
    switch (i % MAE_N_SHAPES) {
    case 0:
        mae_putf(out, "<circle cx=\"%c\" cy=\"%c\" r=\"%c\"/>", x, y, r);
        break;
    case 1:
        mae_putf(out, "<path d=\"M%c %ch%cv%ch%cz\"/>", x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8, -r * 1.8);
        break;
    case 2:
        mae_putf(out, "<path d=\"M%c %cl%c %ch%cz\"/>", x, y - r * 1.2, r * 1.2, r * 2.1, -r * 2.4);
        break;
    case 3:
        mae_putf(out, "<path d=\"M%c %cl%c %cl%c %cl%c %cz\"/>", x, y - r * 1.3, r * 1.3, r * 1.3, -r * 1.3, r * 1.3,
                 -r * 1.3, -r * 1.3);
        break;
    case 4:
        mae_putf(out, "<path d=\"M%c %cl%c %ch%cz\"/>", x, y + r * 1.2, r * 1.2, -r * 2.1, -r * 2.4);
        break;
    default: {
        double a = r * 0.45, b = r * 1.2;
        mae_putf(out, "<path d=\"M%c %ch%cv%ch%cv%ch%cv%ch%cv%ch%cv%ch%cz\"/>", x - a, y - b, 2 * a, b - a, b - a,
                 2 * a, a - b, b - a, -2 * a, a - b, a - b, -2 * a, b - a);
    }
    }
}
