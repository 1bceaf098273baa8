/* The characterisation: what each PE achieves, by kind of layer, and as a roofline. */
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define G_OF_MS 1e-6 /* of something a millisecond: G of it a second */
#define MOST_KINDS 48

typedef struct sum {
    size_t n;
    double flops, bytes, ms, mj;
} sum;

typedef struct kinds {
    size_t n;
    const char *names[MOST_KINDS];
    size_t layers[MOST_KINDS];
} kinds;

static const char *kind_of(const mae_profile_layer *layer)
{
    return *layer->kind ? layer->kind : *layer->op ? layer->op : "unstated";
}

static size_t kind_index(const kinds *k, const char *name)
{
    size_t i = 0;
    while (i < k->n && strcmp(k->names[i], name) != 0)
        i++;
    return i;
}

static void find_kinds(const mae_profile *profile, kinds *k)
{
    k->n = 0;
    for (size_t l = 0; l < profile->n_layers; l++) {
        const char *name = kind_of(&profile->layers[l]);
        size_t i = kind_index(k, name);
        if (i == MOST_KINDS)
            continue;
        if (i == k->n) {
            k->names[k->n] = name;
            k->layers[k->n++] = 0;
        }
        k->layers[i]++;
    }
}

static sum sum_of(const mae_profile *profile, const char *kind, size_t pe)
{
    sum s = {0};
    for (size_t l = 0; l < profile->n_layers; l++) {
        const mae_cost *cost = &profile->costs[l * profile->n_pes + pe];
        if (!cost->supported || strcmp(kind_of(&profile->layers[l]), kind) != 0)
            continue;
        s.n++;
        s.flops += profile->layers[l].flops;
        s.bytes += profile->layers[l].bytes;
        s.ms += cost->time_ms;
        s.mj += cost->energy_mj;
    }
    return s;
}

static void put_ratio(mae_html *out, double above, double below, double factor)
{
    if (above > 0 && below > 0)
        mae_putf(out, "<td class=\"num\">%n</td>", above / below * factor);
    else
        mae_put(out, "<td class=\"num\">\xE2\x80\x93</td>");
}

static void put_kind(const mae_page *page, const kinds *k, size_t i)
{
    const mae_profile *profile = page->report->profile;
    for (size_t pe = 0; pe < profile->n_pes; pe++) {
        sum s = sum_of(profile, k->names[i], pe);
        mae_put(page->out, pe ? "<tr>" : "<tr class=\"group\">");
        if (pe == 0)
            mae_putf(page->out,
                     "<th scope=\"rowgroup\" rowspan=\"%u\">%s<br><span class=\"interval\">%u layer%r</span></th>",
                     profile->n_pes, k->names[i], k->layers[i], k->layers[i] == 1 ? "" : "s");
        mae_putf(page->out, "<th scope=\"row\"><i class=\"dot pe%d\" aria-hidden=\"true\"></i>%s</th>",
                 mae_pe_colour(page->report, profile->pes[pe].name), profile->pes[pe].name);
        if (s.n == 0) {
            mae_putf(page->out, "<td colspan=\"%d\" class=\"why\">not supported</td></tr>\n",
                     mae_report_has_energy(page->report) ? 5 : 4);
            continue;
        }
        mae_putf(page->out, "<td class=\"num\">%u</td><td class=\"num\">%n</td>", s.n, s.ms);
        put_ratio(page->out, s.flops, s.ms, G_OF_MS);
        put_ratio(page->out, s.bytes, s.ms, G_OF_MS);
        if (mae_report_has_energy(page->report))
            put_ratio(page->out, s.mj, s.flops, 1e9);
        mae_put(page->out, "</tr>\n");
    }
}

static void put_kinds(const mae_page *page, const kinds *k)
{
    mae_putf(page->out,
             "<details%r><summary>By kind of layer, as a table</summary><div class=\"scroll\"><table "
             "class=\"kinds\"><caption>Sums over the layers of a kind that "
             "a PE supports: work by time</caption><thead><tr><th scope=\"col\">kind</th><th scope=\"col\">PE</th><th "
             "scope=\"col\" class=\"num\">layers</th><th scope=\"col\" class=\"num\">ms</th><th scope=\"col\" "
             "class=\"num\">GFLOP/s</th><th scope=\"col\" class=\"num\">GB/s</th>%r</tr></thead><tbody>\n",
             k->n <= 6 ? " open" : "",
             mae_report_has_energy(page->report) ? "<th scope=\"col\" class=\"num\">mJ/GFLOP</th>" : "");
    for (size_t i = 0; i < k->n; i++)
        put_kind(page, k, i);
    mae_put(page->out, "</tbody></table></div></details>\n");
}

/* ---- rooflines ---- */

typedef struct roof {
    mae_range intensity, speed; /* flops a byte; GFLOP/s: of all PEs, so that pictures compare */
} roof;

static bool place_of(const mae_profile *profile, size_t layer, size_t pe, double *ret_intensity, double *ret_speed)
{
    const mae_profile_layer *l = &profile->layers[layer];
    const mae_cost *cost = &profile->costs[layer * profile->n_pes + pe];
    if (!cost->supported || !(l->flops > 0) || !(l->bytes > 0) || !(cost->time_ms > 0))
        return false;
    *ret_intensity = l->flops / l->bytes;
    *ret_speed = l->flops / cost->time_ms * G_OF_MS;
    return true;
}

static size_t find_roof(const mae_profile *profile, roof *r)
{
    size_t n = 0;
    r->intensity = r->speed = (mae_range)MAE_RANGE_INIT;
    for (size_t l = 0; l < profile->n_layers; l++)
        for (size_t pe = 0; pe < profile->n_pes; pe++) {
            double intensity, speed;
            if (!place_of(profile, l, pe, &intensity, &speed))
                continue;
            mae_range_add(&r->intensity, intensity);
            mae_range_add(&r->speed, speed);
            n++;
        }
    return n;
}

/* The best observed: GFLOP/s of any layer, GB/s of any layer. */
typedef struct best {
    double gflops, gbytes;
    size_t gflops_layer, gbytes_layer;
} best;

static best best_of(const mae_profile *profile, size_t pe)
{
    best b = {0};
    for (size_t l = 0; l < profile->n_layers; l++) {
        double intensity, speed;
        if (!place_of(profile, l, pe, &intensity, &speed))
            continue;
        if (speed > b.gflops) {
            b.gflops = speed;
            b.gflops_layer = l;
        }
        if (speed / intensity > b.gbytes) {
            b.gbytes = speed / intensity;
            b.gbytes_layer = l;
        }
    }
    return b;
}

static void put_roof(const mae_page *page, const mae_axis *x, const mae_axis *y, double gflops, double gbytes)
{
    double ridge = gflops / gbytes, from = fmax(x->low, y->low / gbytes);
    mae_putf(page->out, "<path class=\"roof\" aria-hidden=\"true\" d=\"M%c %cL%c %cH%c\"/>", mae_axis_at(x, from),
             mae_axis_at(y, from * gbytes), mae_axis_at(x, fmax(ridge, x->low)), mae_axis_at(y, gflops), x->to);
}

static void put_points(const mae_page *page, const kinds *k, size_t pe, const mae_axis *x, const mae_axis *y)
{
    const mae_profile *profile = page->report->profile;
    int colour = mae_pe_colour(page->report, profile->pes[pe].name);
    for (size_t l = 0; l < profile->n_layers; l++) {
        double intensity, speed;
        if (!place_of(profile, l, pe, &intensity, &speed))
            continue;
        const mae_cost *cost = &profile->costs[l * profile->n_pes + pe];
        size_t kind = kind_index(k, kind_of(&profile->layers[l]));
        mae_putf(page->out,
                 "<g class=\"m fill point pe%d%r\" role=\"img\" tabindex=\"-1\" "
                 "data-ref=\"/profile/layers/%u/cost/%p/time_ms\" "
                 "data-v=\"%v\" aria-label=\"Layer %u, %s (%s): %n GFLOP/s, %n GB/s, %n flops a byte, %n ms\">",
                 colour, kind >= MAE_N_SHAPES ? " hollow" : "", l, profile->pes[pe].name, cost->time_ms, l + 1,
                 profile->layers[l].name, kind_of(&profile->layers[l]), speed, speed / intensity, intensity,
                 cost->time_ms);
        mae_chart_shape(page->out, kind, mae_axis_at(x, intensity), mae_axis_at(y, speed), 4.5);
        mae_put(page->out, "</g>");
    }
}

static void put_pe(const mae_page *page, const kinds *k, const roof *r, size_t pe)
{
    const mae_profile *profile = page->report->profile;
    best b = best_of(profile, pe);
    if (!(b.gflops > 0) || !(b.gbytes > 0))
        return;
    mae_axis x = mae_axis_over(r->intensity.low, r->intensity.high, 48, 332, true);
    mae_axis y = mae_axis_over(r->speed.low, r->speed.high, 216, 30, true);
    mae_putf(page->out,
             "<figure class=\"small\"><figcaption><i class=\"dot pe%d\" aria-hidden=\"true\"></i><b>%s</b>: at best %n "
             "GFLOP/s (layer %u) and %n GB/s (layer %u)</figcaption>",
             mae_pe_colour(page->report, profile->pes[pe].name), profile->pes[pe].name, b.gflops, b.gflops_layer + 1,
             b.gbytes, b.gbytes_layer + 1);
    mae_put(page->out,
            "<svg class=\"chart\" viewBox=\"0 0 340 258\" width=\"340\" height=\"258\" role=\"group\" aria-label=\"");
    mae_putf(page->out, "Roofline of %s: GFLOP/s by arithmetic intensity\">", profile->pes[pe].name);
    mae_chart_grid_right(page->out, &x, 24, 216, "flops a byte");
    mae_chart_grid_up(page->out, &y, 48, 332, "GFLOP/s");
    put_roof(page, &x, &y, b.gflops, b.gbytes);
    put_points(page, k, pe, &x, &y);
    mae_put(page->out, "</svg></figure>\n");
}

static void put_shapes(const mae_page *page, const kinds *k)
{
    mae_put(page->out, "<ul class=\"key\">");
    for (size_t i = 0; i < k->n; i++) {
        mae_putf(page->out, "<li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><g class=\"single%r\">",
                 i >= MAE_N_SHAPES ? " hollow" : "");
        mae_chart_shape(page->out, i, 7, 7, 4.5);
        mae_putf(page->out, "</g></svg> %s</li>", k->names[i]);
    }
    mae_put(page->out, "</ul>\n");
}

static void put_rooflines(const mae_page *page, const kinds *k)
{
    const mae_profile *profile = page->report->profile;
    roof r;
    size_t without = 0;
    if (find_roof(profile, &r) == 0) {
        mae_put(
            page->out,
            "<p class=\"why\">The profile states no floating-point operations or bytes of its layers, so there is no "
            "roofline to draw.</p>\n");
        return;
    }
    for (size_t l = 0; l < profile->n_layers; l++)
        without += !(profile->layers[l].flops > 0) || !(profile->layers[l].bytes > 0);
    mae_put(page->out, "<p>Each mark is a layer: how much arithmetic it does for each byte it touches, and how fast it "
                       "ran. The roof is the "
                       "best observed in these measurements, not what the hardware could do.</p>\n");
    put_shapes(page, k);
    mae_put(page->out, "<div class=\"grid\">");
    for (size_t pe = 0; pe < profile->n_pes; pe++)
        put_pe(page, k, &r, pe);
    mae_put(page->out, "</div>\n");
    if (without)
        mae_putf(page->out,
                 "<p class=\"note\">%u layer%r without arithmetic (or without stated work) cannot be drawn.</p>\n",
                 without, without == 1 ? "" : "s");
}

void mae_page_character(const mae_page *page)
{
    kinds k;
    if (!page->report->profile)
        return;
    mae_section_open(page, "character", "What each PE is good at", mae_profile_origin(page->report->profile, false));
    find_kinds(page->report->profile, &k);
    put_rooflines(page, &k);
    put_kinds(page, &k);
    mae_section_close(page);
}
