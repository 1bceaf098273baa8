/* Layers x PE as heat maps: time, and energy where there is any, with the chosen PE marked. */
#include "report/page.h"

#include <math.h>
#include <string.h>

#define CELL_HEIGHT 22.0
#define STRIP_HEIGHT 9.0
#define N_SHADES 9

typedef struct heat {
    const mae_page *page;
    const mae_profile *profile;
    bool energy;
    double low, high; /* above 0 */
} heat;

static double cost_value(const heat *h, const mae_cost *cost)
{
    return h->energy ? cost->energy_mj : cost->time_ms;
}

static const mae_cost *cost_at(const heat *h, size_t layer, size_t pe)
{
    return &h->profile->costs[layer * h->profile->n_pes + pe];
}

static bool is_chosen(const heat *h, size_t layer, size_t pe)
{
    const mae_report_reckoned *reckoned = h->page->report->reckoned;
    return reckoned && reckoned->mapping && reckoned->mapping[layer] == (int)pe;
}

static void find_range(heat *h)
{
    mae_range range = MAE_RANGE_INIT;
    for (size_t i = 0; i < h->profile->n_layers * h->profile->n_pes; i++)
        if (h->profile->costs[i].supported && cost_value(h, &h->profile->costs[i]) > 0)
            mae_range_add(&range, cost_value(h, &h->profile->costs[i]));
    h->low = range.low <= range.high ? range.low : 1;
    h->high = range.low <= range.high ? range.high : 1;
}

/* Logarithmic: layers differ by orders of magnitude. */
static int shade_of(const heat *h, double value)
{
    if (value <= h->low || h->high <= h->low)
        return 0;
    int shade = (int)(log(value / h->low) / log(h->high / h->low) * N_SHADES);
    return shade < N_SHADES ? shade : N_SHADES - 1;
}

const char *mae_source_words(mae_cost_source source)
{
    static const char *const words[] = {"", "measured", "differenced", "modelled", "recorded"};
    return words[source];
}

static void put_label(const heat *h, size_t layer, size_t pe)
{
    mae_html *out = h->page->out;
    const mae_profile_layer *l = &h->profile->layers[layer];
    const mae_cost *cost = cost_at(h, layer, pe);
    const char *what = *l->kind ? l->kind : l->op;
    mae_putf(out, "Layer %u, %s%r%s%r, on %s: ", layer + 1, l->name, *what ? " (" : "", what, *what ? ")" : "",
             h->profile->pes[pe].name);
    if (!cost->supported) {
        mae_put(out, "not supported");
        return;
    }
    double spread = h->energy ? cost->energy_spread_mj : cost->spread_ms;
    int n = h->energy ? cost->energy_n : cost->n;
    const char *source = mae_source_words(h->energy ? cost->energy_source : cost->source);
    mae_putf(out, "%n %r", cost_value(h, cost), h->energy ? "mJ" : "ms");
    if (spread > 0)
        mae_putf(out, " \xC2\xB1 %n", spread);
    if (n > 0)
        mae_putf(out, ", n = %d", n);
    mae_putf(out, "%r%r%r", *source ? ", " : "", source, is_chosen(h, layer, pe) ? "; chosen" : "");
}

static void put_cell(const heat *h, size_t layer, size_t pe, double x, double y, double width)
{
    mae_html *out = h->page->out;
    const mae_cost *cost = cost_at(h, layer, pe);
    mae_put(out, "<g class=\"m\" role=\"img\" tabindex=\"-1\"");
    if (cost->supported)
        mae_putf(out, " data-ref=\"/profile/layers/%u/cost/%p/%r\" data-v=\"%v\"", layer, h->profile->pes[pe].name,
                 h->energy ? "energy_mj" : "time_ms", cost_value(h, cost));
    mae_put(out, " aria-label=\"");
    put_label(h, layer, pe);
    double gap = width > 6 ? 1 : 0.5;
    mae_putf(out, "\"><rect class=\"%r\" x=\"%c\" y=\"%c\" width=\"%c\" height=\"%c\"",
             cost->supported ? "heat" : "none", x, y, width - gap, CELL_HEIGHT - 1);
    if (cost->supported)
        mae_putf(out, " fill-opacity=\"%v\"", 0.07 + 0.93 * shade_of(h, cost_value(h, cost)) / (N_SHADES - 1));
    mae_put(out, "/>");
    double middle = x + (width - gap) / 2, centre = y + CELL_HEIGHT / 2 - 0.5, r = fmin(4, width * 0.32);
    if (!cost->supported)
        mae_putf(out, "<path class=\"cross\" d=\"M%c %cl%c %cm0 %cl%c %c\"/>", middle - r, centre - r, 2 * r, 2 * r,
                 -2 * r, -2 * r, 2 * r);
    if (is_chosen(h, layer, pe))
        mae_putf(out, "<circle class=\"chosen\" cx=\"%c\" cy=\"%c\" r=\"%c\"/>", middle, centre, r);
    mae_put(out, "</g>");
}

/* A strip below, coloured by the PE that each layer goes to, cut where a segment ends. */
static void put_strip(const heat *h, size_t first, size_t end, double left, double y, double width)
{
    const int *mapping = h->page->report->reckoned->mapping;
    for (size_t i = first, last; i < end; i = last + 1) {
        for (last = i; last + 1 < end && mapping[last + 1] == mapping[i];)
            last++;
        mae_putf(h->page->out, "<rect class=\"fill pe%d\" x=\"%c\" y=\"%c\" width=\"%c\" height=\"%c\" rx=\"2\"/>",
                 mae_pe_colour(h->page->report, h->profile->pes[mapping[i]].name), left + (double)(i - first) * width,
                 y, (double)(last - i + 1) * width - 1.5, STRIP_HEIGHT);
    }
}

static void put_band(const heat *h, const mae_view *view, size_t first, size_t end, double left, double top,
                     double width)
{
    mae_html *out = h->page->out;
    size_t n_pes = h->profile->n_pes;
    double bottom = top + CELL_HEIGHT * (double)n_pes;
    bool mapped = h->page->report->reckoned && h->page->report->reckoned->mapping;
    mae_put(out, "<g class=\"axis\" aria-hidden=\"true\">");
    for (size_t pe = 0; pe < n_pes; pe++) {
        mae_putf(out, "<text class=\"end\" x=\"%c\" y=\"%c\">", left - 7, top + CELL_HEIGHT * ((double)pe + 0.68));
        mae_put_short(out, h->profile->pes[pe].name, view->narrow ? 12 : 16);
        mae_put(out, "</text>");
    }
    size_t step = width >= 18 ? 1 : width >= 7 ? 5 : 10;
    for (size_t i = first; i < end; i++)
        if ((i + 1) % step == 0 || (i == first && (double)(step - (i + 1) % step) * width >= 26))
            mae_putf(out, "<text class=\"mid\" x=\"%c\" y=\"%c\">%u</text>", left + ((double)(i - first) + 0.5) * width,
                     bottom + (mapped ? STRIP_HEIGHT + 4 : 0) + 13, i + 1);
    mae_put(out, "</g>");
    for (size_t pe = 0; pe < n_pes; pe++)
        for (size_t i = first; i < end; i++)
            put_cell(h, i, pe, left + (double)(i - first) * width, top + CELL_HEIGHT * (double)pe, width);
    if (mapped)
        put_strip(h, first, end, left, bottom + 2, width);
}

static void put_map(const heat *h, const mae_view *view)
{
    double left = view->narrow ? 92 : 118, room = view->width - left, width = room / (double)h->profile->n_layers;
    double least = view->narrow ? 9 : 10;
    width = fmax(width, least);
    size_t n = h->profile->n_layers, most = (size_t)(room / width + 1e-6), bands = (n + most - 1) / most;
    size_t each = (n + bands - 1) / bands;
    width = fmin(room / (double)each, 56); /* lines are filled evenly */
    double height = CELL_HEIGHT * (double)h->profile->n_pes + STRIP_HEIGHT + 28;
    mae_chart_open(h->page->out, view, height * (double)bands + 4,
                   h->energy ? "Energy of each layer on each PE, by shade" : "Time of each layer on each PE, by shade");
    for (size_t band = 0; band < bands; band++) {
        size_t first = band * each, end = first + each < n ? first + each : n;
        put_band(h, view, first, end, left, 4 + height * (double)band, width);
    }
    mae_chart_close(h->page->out);
}

static void put_scale(const heat *h)
{
    mae_html *out = h->page->out;
    mae_putf(out, "<p class=\"scale\">%n %r <svg width=\"%d\" height=\"12\" aria-hidden=\"true\">", h->low,
             h->energy ? "mJ" : "ms", N_SHADES * 16);
    for (int i = 0; i < N_SHADES; i++)
        mae_putf(out, "<rect class=\"heat\" x=\"%d\" width=\"15\" height=\"12\" fill-opacity=\"%v\"/>", i * 16,
                 0.07 + 0.93 * i / (N_SHADES - 1));
    mae_putf(
        out,
        "</svg> %n %r, logarithmic <span class=\"item\"><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><circle "
        "class=\"chosen\" cx=\"6\" cy=\"6\" r=\"4\"/></svg> chosen</span> <span class=\"item\"><svg width=\"12\" "
        "height=\"12\" aria-hidden=\"true\"><rect class=\"none\" width=\"12\" height=\"12\"/><path class=\"cross\" "
        "d=\"M2 2l8 8m0-8l-8 8\"/></svg> not supported</span></p>\n",
        h->high, h->energy ? "mJ" : "ms");
}

static void put_heat(const mae_page *page, bool energy)
{
    heat h = {.page = page, .profile = page->report->profile, .energy = energy};
    find_range(&h);
    mae_putf(page->out, "<figure><figcaption><b>%r of each layer on each PE</b> ", energy ? "Energy" : "Time");
    mae_origin(page->out, mae_profile_origin(h.profile, energy));
    mae_putf(page->out, "%r</figcaption>\n", energy ? " above the platform's idle draw" : "");
    put_scale(&h);
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_map(&h, &mae_views[v]);
    mae_put(page->out, "</figure>\n");
}

const char *mae_profile_origin(const mae_profile *profile, bool energy)
{
    size_t counts[MAE_COST_RECORDED + 1] = {0}, best = MAE_COST_MEASURED;
    for (size_t i = 0; i < profile->n_layers * profile->n_pes; i++)
        if (profile->costs[i].supported)
            counts[energy ? profile->costs[i].energy_source : profile->costs[i].source]++;
    for (size_t s = MAE_COST_MEASURED; s <= MAE_COST_RECORDED; s++)
        best = counts[s] > counts[best] ? s : best;
    if (counts[best])
        return mae_source_words((mae_cost_source)best);
    if (energy)
        return profile->energy == MAE_ENERGY_METER ? "measured" : "modelled";
    return "as the profile states";
}

void mae_page_mapping(const mae_page *page)
{
    const mae_report *report = page->report;
    const mae_plan_segment *segments;
    if (!report->profile && mae_report_segments(report, &segments) == 0)
        return;
    mae_section_open(page, "mapping", "Where each layer runs", report->profile ? "profile" : "plan");
    if (report->profile) {
        if (report->reckoned && !report->reckoned->mapping && report->reckoned->reason)
            mae_putf(page->out, "<p class=\"why\">No plan is shown: %s</p>\n", report->reckoned->reason);
        mae_put(page->out,
                "<p>Layers from left to right in the order in which a frame executes them; below each map the PE "
                "that the plan gives every layer to. The stronger the colour, the dearer.</p>\n");
        mae_pe_key(page);
        put_heat(page, false);
        if (mae_report_has_energy(report))
            put_heat(page, true);
        mae_layers_table(page);
    }
    mae_segments_table(page);
    mae_transfers_table(page);
    mae_section_close(page);
}
