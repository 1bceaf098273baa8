/* A scripted scenario: energy against missed deadlines, by strategy. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define J_OF_MJ 1e-3

#define KEY                                                                                                            \
    "<ul class=\"key\"><li><svg width=\"16\" height=\"16\" aria-hidden=\"true\"><g class=\"plan\"><path d=\"M8 1l7 "   \
    "7-7 7-7-7z\"/></g></svg> "                                                                                        \
    "policy</li><li><svg width=\"16\" height=\"14\" aria-hidden=\"true\"><g class=\"bound\"><path d=\"M8 1l7 "         \
    "12H1z\"/></g></svg> "                                                                                             \
    "clairvoyant</li><li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><g class=\"fixed\"><path d=\"M1 "        \
    "1h12v12H1z\"/></g></svg> "                                                                                        \
    "a single PE</li><li><svg width=\"10\" height=\"10\" aria-hidden=\"true\"><g class=\"fixed\"><circle cx=\"5\" "    \
    "cy=\"5\" "                                                                                                        \
    "r=\"4\"/></g></svg> a mapping of the front</li></ul>\n"

static const char *class_of(const mae_report_strategy *s)
{
    return strcmp(s->name, "policy") == 0 ? "plan" : s->bound ? "bound" : "fixed";
}

static bool is_front(const mae_report_strategy *s)
{
    return strncmp(s->name, "front ", 6) == 0;
}

static double share_missed(const mae_report_strategy *s)
{
    return s->frames > 0 ? 100 * s->misses / s->frames : 0;
}

static void put_strategy(const mae_page *page, const mae_report_strategy *s, size_t i, const mae_axis *x,
                         const mae_axis *y)
{
    double u = mae_axis_at(x, share_missed(s)), v = mae_axis_at(y, s->energy_mj * J_OF_MJ);
    bool right = u > x->to - 90;
    mae_putf(page->out,
             "<g class=\"m %r\" role=\"img\" tabindex=\"-1\" data-ref=\"/scenario/strategies/%u/deadline_misses\" "
             "data-v=\"%v\" data-ref-y=\"/scenario/strategies/%u/energy_mj\" data-v-y=\"%v\" aria-label=\"%s: %n of "
             "%n deadlines missed (%n %%), %n J%r\">",
             class_of(s), i, s->misses, i, s->energy_mj, s->name, s->misses, s->frames, share_missed(s),
             s->energy_mj * J_OF_MJ,
             s->bound
                 ? s->attained ? ", the least that any choice can reach, and reached" : ", a bound no choice can beat"
                 : "");
    bool policy = strcmp(s->name, "policy") == 0;
    mae_chart_shape(page->out,
                    policy        ? 3
                    : s->bound    ? 2
                    : is_front(s) ? 0
                                  : 1,
                    u, v,
                    policy        ? 7
                    : s->bound    ? 11
                    : is_front(s) ? 4
                                  : 6);
    if (!is_front(s))
        mae_putf(page->out, "<text class=\"label%r%r\" x=\"%c\" y=\"%c\">%s</text>", right ? " end" : "",
                 policy ? " strong" : "", right ? u - 12 : u + 12,
                 v + (s->bound ? 16
                      : policy ? -8
                               : 4),
                 s->name);
    mae_put(page->out, "</g>");
}

static int layer_of(const mae_report_strategy *s)
{
    return strcmp(s->name, "policy") == 0 ? 3 : s->bound ? 2 : is_front(s) ? 0 : 1;
}

static void put_chart(const mae_page *page, const mae_view *view)
{
    const mae_report_scenario *scenario = page->report->scenario;
    mae_range missed = {0, 0}, joules = MAE_RANGE_INIT;
    double height = view->narrow ? 320 : 420, left = 56;
    for (size_t i = 0; i < scenario->n; i++) {
        mae_range_add(&missed, share_missed(&scenario->strategies[i]));
        mae_range_add(&joules, scenario->strategies[i].energy_mj * J_OF_MJ);
    }
    mae_axis x = mae_axis_over(0, fmax(missed.high, 1), left, view->width - 12, false);
    mae_axis y = mae_axis_over(fmin(joules.low, 0), joules.high, height - 44, 30, false);
    mae_chart_open(page->out, view, height, "Energy against missed deadlines, by strategy");
    mae_chart_grid_right(page->out, &x, 24, height - 44, "deadlines missed, % of frames");
    mae_chart_grid_up(page->out, &y, left, view->width - 12, "energy of the whole script, J");
    for (int layer = 0; layer < 4; layer++) /* what matters most is drawn last */
        for (size_t i = 0; i < scenario->n; i++)
            if (layer_of(&scenario->strategies[i]) == layer)
                put_strategy(page, &scenario->strategies[i], i, &x, &y);
    mae_chart_close(page->out);
}

/* Without energy: how many were missed. */
static void put_bars(const mae_page *page, const mae_view *view)
{
    const mae_report_scenario *scenario = page->report->scenario;
    double left = view->narrow ? 100 : 140, most = 1e-9, bottom = 6 + 24 * (double)scenario->n;
    for (size_t i = 0; i < scenario->n; i++)
        most = fmax(most, share_missed(&scenario->strategies[i]));
    mae_axis x = mae_axis_over(0, most, left, view->width - 12, false);
    mae_chart_open(page->out, view, bottom + 44, "Deadlines missed, by strategy");
    mae_chart_grid_right(page->out, &x, 4, bottom, "deadlines missed, % of frames");
    for (size_t i = 0; i < scenario->n; i++) {
        const mae_report_strategy *s = &scenario->strategies[i];
        double y = 6 + 24 * (double)i, width = mae_axis_at(&x, share_missed(s)) - left;
        mae_putf(page->out, "<text class=\"label end\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">", left - 8, y + 15);
        mae_put_short(page->out, s->name, view->narrow ? 13 : 18);
        mae_putf(page->out,
                 "</text><g class=\"m %r\" role=\"img\" tabindex=\"-1\" "
                 "data-ref=\"/scenario/strategies/%u/deadline_misses\" "
                 "data-v=\"%v\" aria-label=\"%s: %n of %n deadlines missed\"><rect x=\"%c\" y=\"%c\" width=\"%c\" "
                 "height=\"18\" rx=\"2\"/></g>",
                 class_of(s), i, s->misses, s->name, s->misses, s->frames, left, y + 1, fmax(width, 1.5));
    }
    mae_chart_close(page->out);
}

static void put_cell(const mae_page *page, size_t i, const char *key, double value, double shown)
{
    mae_putf(page->out, "<td class=\"num\" data-ref=\"/scenario/strategies/%u/%r\" data-v=\"%v\">%n</td>", i, key,
             value, shown);
}

static void put_row(const mae_page *page, const mae_report_strategy *s, size_t i, bool energy)
{
    mae_putf(page->out, "<tr%r><th scope=\"row\">%s%r</th>", strcmp(s->name, "policy") == 0 ? " class=\"chosen\"" : "",
             s->name, s->bound ? s->attained ? " (reached)" : " (a bound)" : "");
    put_cell(page, i, "frames", s->frames, s->frames);
    put_cell(page, i, "deadline_misses", s->misses, s->misses);
    put_cell(page, i, "lost", s->lost, s->lost);
    put_cell(page, i, "wrong", s->wrong, s->wrong);
    if (energy && s->has_energy)
        put_cell(page, i, "energy_mj", s->energy_mj, s->energy_mj * J_OF_MJ);
    else if (energy)
        mae_put(page->out, "<td class=\"num\">\xE2\x80\x93</td>");
    put_cell(page, i, "latency_ms/p50", s->p50_ms, s->p50_ms);
    put_cell(page, i, "latency_ms/p99", s->p99_ms, s->p99_ms);
    put_cell(page, i, "latency_ms/max", s->max_ms, s->max_ms);
    mae_putf(page->out, "<td class=\"num\">%n</td></tr>\n", s->switches);
}

static void put_table(const mae_page *page, bool energy)
{
    const mae_report_scenario *scenario = page->report->scenario;
    mae_putf(page->out,
             "<div class=\"scroll\"><table><caption>By strategy</caption><thead><tr><th scope=\"col\">strategy</th><th "
             "scope=\"col\" class=\"num\">frames</th><th scope=\"col\" class=\"num\">missed</th><th scope=\"col\" "
             "class=\"num\">lost</th><th scope=\"col\" class=\"num\">wrong</th>%r<th scope=\"col\" "
             "class=\"num\">median ms</th><th scope=\"col\" class=\"num\">99 %% ms</th><th scope=\"col\" "
             "class=\"num\">longest ms</th><th scope=\"col\" class=\"num\">switches</th></tr></thead><tbody>\n",
             energy ? "<th scope=\"col\" class=\"num\">energy J</th>" : "");
    for (size_t i = 0; i < scenario->n; i++)
        put_row(page, &scenario->strategies[i], i, energy);
    mae_put(page->out, "</tbody></table></div>\n");
}

void mae_page_scenario(const mae_page *page)
{
    const mae_report_scenario *scenario = page->report->scenario;
    if (!scenario)
        return;
    bool energy = true;
    for (size_t i = 0; i < scenario->n; i++)
        energy = energy && scenario->strategies[i].has_energy;
    mae_section_open(page, "scenario", *scenario->script ? scenario->script : "A scenario", "virtual");
    mae_put(page->out, "<p>A scripted scenario");
    if (*scenario->model)
        mae_putf(page->out, " of <b>%s</b>", scenario->model);
    if (*scenario->soc)
        mae_putf(page->out, " on a virtual <b>%s</b>", scenario->soc);
    if (scenario->duration_s > 0)
        mae_putf(page->out, ", %n s long", scenario->duration_s);
    mae_put(page->out,
            ", played by each strategy on the virtual clock: times and energies are those of its profile. Down and to "
            "the left is "
            "better. <b>policy</b> follows the state; <b>clairvoyant</b> knows the whole script beforehand and is the "
            "least that any choice of mappings can reach; <b>front</b> <i>n</i> stays on the <i>n</i>-th mapping of "
            "the front.</p>\n");
    if (energy)
        mae_put(page->out, KEY);
    mae_put(page->out, "<figure>");
    for (size_t v = 0; v < MAE_N_VIEWS; v++) {
        if (energy)
            put_chart(page, &mae_views[v]);
        else
            put_bars(page, &mae_views[v]);
    }
    mae_put(page->out, "</figure>\n");
    put_table(page, energy);
    mae_section_close(page);
}
