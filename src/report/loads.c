/* What each resource has to do for a frame: the stages of the replicas that are offered, or planned. */
#include "report/throughput.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROW 28.0
#define MOST_STAGES 100 /* that are drawn */

/* The segments of a replica's stage: consecutive ones of one resource. */
typedef struct stage {
    size_t first, n;
} stage;

static const char *resource_of(const mae_report *report, const char *pe)
{
    int i = report->profile ? mae_profile_find_pe(report->profile, pe) : -1;
    return i >= 0 ? report->profile->pes[i].resource : NULL;
}

/* False: which segments are the stage's cannot be told (no profile says whose resource a PE is). */
static bool find_stage(const mae_report *report, const mae_plan_replica *replica, size_t load, stage *ret_stage)
{
    if (replica->n_loads == replica->n_segments) {
        *ret_stage = (stage){load, 1};
        return true;
    }
    *ret_stage = (stage){0, 0};
    for (size_t s = 0; s < replica->n_segments; s++) {
        const char *resource = resource_of(report, replica->segments[s].pe);
        if (!resource)
            return false;
        if (strcmp(resource, replica->loads[load].resource) != 0)
            continue;
        if (ret_stage->n == 0)
            ret_stage->first = s;
        ret_stage->n = s - ret_stage->first + 1;
    }
    return ret_stage->n > 0;
}

static void put_stage(const mae_page *page, const mae_plan_replica *replica, size_t load)
{
    stage at;
    if (!find_stage(page->report, replica, load, &at))
        return;
    const mae_plan_segment *first = &replica->segments[at.first], *last = &replica->segments[at.first + at.n - 1];
    const char *from = first->layers[0], *to = last->layers[last->n_layers - 1];
    mae_putf(page->out, ", %s", first->pe);
    if (at.n > 1)
        mae_putf(page->out, " and others, %u segments", at.n);
    mae_putf(page->out, ": %s", from);
    if (strcmp(from, to) != 0)
        mae_putf(page->out, " to %s", to);
}

static int colour_of(const mae_page *page, const mae_plan_replica *replica, size_t load)
{
    stage at;
    bool known = find_stage(page->report, replica, load, &at);
    return known ? mae_pe_colour(page->report, replica->segments[at.first].pe) : MAE_N_COLOURS - 1;
}

/* How much of the time between its frames a resource works. */
static double busy(const mae_plan_replica *replica, size_t load)
{
    return replica->period_ms > 0 ? 100 * replica->loads[load].ms / replica->period_ms : 0;
}

static void put_bar(const mae_page *page, const mae_view *view, const mae_axis *x, const mae_plan_replica *replica,
                    size_t number, size_t load, const char *ref, double y)
{
    mae_html *out = page->out;
    const mae_plan_load *l = &replica->loads[load];
    double right = fmax(mae_axis_at(x, l->ms), x->from + 1), room = x->to - right;
    char text[64], ms[40];
    mae_putf(out, "<text class=\"label end\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">", x->from - 8, y + 15);
    mae_put_short(out, l->resource, view->narrow ? 12 : 17);
    mae_putf(out,
             "</text><g class=\"m run\" role=\"img\" tabindex=\"-1\" data-ref=\"%r/replicas/%u/loads/%u/time_ms\" "
             "data-v=\"%v\" aria-label=\"Replica %u, stage %u on %s",
             ref, number, load, l->ms, number + 1, load + 1, l->resource);
    put_stage(page, replica, load);
    mae_putf(out, "; %n ms a frame, at work %n %% of the time\">", l->ms, busy(replica, load));
    mae_putf(out, "<rect class=\"fill pe%d\" x=\"%c\" y=\"%c\" width=\"%c\" height=\"20\" rx=\"2\"/></g>",
             colour_of(page, replica, load), x->from, y, right - x->from);
    snprintf(text, sizeof text, "%.20s ms, %.0f %%", mae_number_text(l->ms, ms), fmin(busy(replica, load), 999));
    /* Beside the bar where there is room, else within it. */
    bool beside = room > (double)strlen(text) * 7;
    mae_putf(out, "<text class=\"%r\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">%s</text>", beside ? "label" : "on end",
             beside ? right + 8 : right - 6, y + 15, text);
}

static void put_chart(const mae_page *page, const mae_view *view, const mae_plan_throughput *t, const char *ref)
{
    double left = view->narrow ? 92 : 130, most = 0, y = 8;
    size_t n = 0, drawn = 0;
    for (size_t i = 0; i < t->n_replicas; i++)
        for (size_t k = 0; k < t->replicas[i].n_loads && n < MOST_STAGES; k++, n++)
            most = fmax(most, t->replicas[i].loads[k].ms);
    mae_axis x = mae_axis_over(0, most, left, view->width - 12, false);
    double bottom = 8 + ROW * (double)n + 10 * (double)t->n_replicas;
    mae_chart_open(page->out, view, bottom + 44, "What each resource does for a frame, stage by stage");
    mae_chart_grid_right(page->out, &x, 4, bottom, "ms of work for each of its frames");
    for (size_t i = 0; i < t->n_replicas; i++, y += 10)
        for (size_t k = 0; k < t->replicas[i].n_loads && drawn < n; k++, drawn++, y += ROW)
            put_bar(page, view, &x, &t->replicas[i], i, k, ref, y);
    mae_chart_close(page->out);
}

void mae_page_loads(const mae_page *page)
{
    const char *ref;
    const mae_plan_throughput *t = mae_report_arrangement(page->report, &ref);
    size_t n = 0;
    for (size_t i = 0; t && i < t->n_replicas; i++)
        n += t->replicas[i].n_loads;
    if (n == 0)
        return;
    mae_put(page->out, "<figure><figcaption>What each resource has to do for a frame ");
    mae_origin(page->out, "predicted");
    mae_putf(
        page->out,
        ": %u replica%r of the network, %u stage%r; a frame every <b data-ref=\"%r/period_ms\" data-v=\"%v\">%n</b> "
        "ms. The longest stage of a replica sets its pace; the others wait for it.</figcaption>\n",
        t->n_replicas, t->n_replicas == 1 ? "" : "s", n, n == 1 ? "" : "s", ref, t->period_ms, t->period_ms);
    for (size_t v = 0; v < MAE_N_VIEWS; v++)
        put_chart(page, &mae_views[v], t, ref);
    mae_put(page->out, "</figure>\n");
    if (n > MOST_STAGES)
        mae_putf(page->out, "<p class=\"note\">%u stages more are not drawn.</p>\n", n - MOST_STAGES);
}
