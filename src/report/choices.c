/* What planning buys: the front, single PEs, the greedy choice and the plan, before a cloud of mappings drawn at
 * random. */
#include "report/choices.h"

#include <math.h>
#include <stdlib.h>

#include "base/stats.h"
#include "core/cost.h"
#include "core/goal.h"

#define CLOUD_SHARE 0.95 /* of the cloud, at least, is within the picture */

/* A front whose file has no energy is none beside a profile that has. */
static const mae_report_front *front_of(const mae_report *report)
{
    if (report->front)
        return mae_report_has_energy(report) && !report->front->has_energy ? NULL : report->front;
    return report->reckoned ? report->reckoned->front : NULL;
}

static void add(mae_choices *c, mae_choice_kind kind, const char *name, const mae_prediction *cost, const char *ref)
{
    if (c->n < MAE_MOST_CHOICES)
        c->marks[c->n++] = (mae_choice_mark){kind, name, *cost, ref};
}

static void collect_reckoned(const mae_report *report, mae_choices *c)
{
    const mae_report_reckoned *reckoned = report->reckoned;
    for (size_t i = 0; i < reckoned->n_single; i++)
        if (reckoned->single[i].allowed) {
            snprintf(c->refs[c->n], sizeof c->refs[0], "/computed/single_pe/%zu", i);
            add(c, MAE_CHOICE_SINGLE, reckoned->single[i].name, &reckoned->single[i].cost, c->refs[c->n]);
        }
    if (reckoned->greedy.allowed)
        add(c, MAE_CHOICE_GREEDY, "greedy", &reckoned->greedy.cost, "/computed/greedy");
    if (reckoned->mapping)
        add(c, MAE_CHOICE_PLAN, "the plan", &reckoned->cost, "/computed/plan");
}

/* What the file states: a latency, and an energy where there is one to compare. */
static bool states(const json_t *object, bool energy)
{
    return json_is_number(json_object_get(object, "latency_ms")) &&
           (!energy || json_is_number(json_object_get(object, "energy_mj")));
}

static void collect_plan(const mae_report *report, mae_choices *c)
{
    for (size_t i = 0; i < report->plan->n_single && c->n < MAE_MOST_CHOICES - 1; i++) {
        if (!states(json_array_get(mae_plan_states(report, "single_pe"), i), c->energy))
            continue;
        snprintf(c->refs[c->n], sizeof c->refs[0], "/plan/single_pe/%zu", i);
        add(c, MAE_CHOICE_SINGLE, report->plan->single[i].name, &report->plan->single[i].cost, c->refs[c->n]);
    }
    if (states(mae_plan_states(report, "predicted"), c->energy))
        add(c, MAE_CHOICE_PLAN, "the plan", &report->plan->predicted, "/plan/predicted");
}

void mae_choices_collect(const mae_report *report, mae_choices *c)
{
    c->front = front_of(report);
    c->front_ref = report->front ? "/front/points" : "/computed/front/points";
    c->energy = report->reckoned ? mae_report_has_energy(report) : c->front && c->front->has_energy;
    c->n = 0;
    if (report->reckoned)
        collect_reckoned(report, c);
    else if (report->plan)
        collect_plan(report, c);
}

/* ---- scatter ---- */

static mae_range range_of(const mae_page *page, const mae_choices *c, bool energy)
{
    mae_range range = MAE_RANGE_INIT;
    const mae_report_reckoned *reckoned = page->report->reckoned;
    for (size_t i = 0; i < c->n; i++)
        mae_range_add(&range, energy ? c->marks[i].cost.energy_mj : c->marks[i].cost.latency_ms);
    for (size_t i = 0; c->front && i < c->front->n; i++)
        mae_range_add(&range, energy ? c->front->points[i].cost.energy_mj : c->front->points[i].cost.latency_ms);
    size_t n = reckoned ? reckoned->n_samples : 0;
    double *values = n ? malloc(n * sizeof *values) : NULL;
    for (size_t i = 0; values && i < n; i++)
        values[i] = energy ? reckoned->samples[i].energy_mj : reckoned->samples[i].latency_ms;
    if (values) {
        mae_stats_sort(values, n);
        mae_range_add(&range, values[0]);
        mae_range_add(&range, mae_stats_quantile(values, n, CLOUD_SHARE));
    }
    free(values);
    return range;
}

static size_t put_cloud(const mae_page *page, const mae_axis *x, const mae_axis *y)
{
    const mae_report_reckoned *reckoned = page->report->reckoned;
    size_t outside = 0;
    if (!reckoned || !reckoned->n_samples)
        return 0;
    mae_put(page->out, "<path class=\"cloud\" aria-hidden=\"true\" d=\"");
    for (size_t i = 0; i < reckoned->n_samples; i++) {
        const mae_prediction *at = &reckoned->samples[i];
        if (mae_axis_holds(x, at->latency_ms) && mae_axis_holds(y, at->energy_mj))
            mae_putf(page->out, "M%c %ch0", mae_axis_at(x, at->latency_ms), mae_axis_at(y, at->energy_mj));
        else
            outside++;
    }
    mae_put(page->out, "\"/>");
    return outside;
}

static void put_mark_open(const mae_page *page, const char *classes, const char *ref, const mae_prediction *cost,
                          const char *name, const char *more)
{
    mae_putf(page->out,
             "<g class=\"m %s\" role=\"img\" tabindex=\"-1\" data-ref=\"%s/latency_ms\" data-v=\"%v\" "
             "data-ref-y=\"%s/energy_mj\" "
             "data-v-y=\"%v\" aria-label=\"%s: %n ms, %n mJ, %d switches%s\">",
             classes, ref, cost->latency_ms, ref, cost->energy_mj, name, cost->latency_ms, cost->energy_mj,
             cost->switches, more);
}

static void put_front(const mae_page *page, const mae_choices *c, const mae_axis *x, const mae_axis *y)
{
    if (!c->front || !c->front->n)
        return;
    const mae_report_front *front = c->front;
    char ref[96], more[280];
    mae_put(page->out, "<path class=\"front\" aria-hidden=\"true\" d=\"");
    for (size_t i = 0; i < front->n; i++)
        mae_putf(page->out, i ? "H%cV%c" : "M%c %c", mae_axis_at(x, front->points[i].cost.latency_ms),
                 mae_axis_at(y, front->points[i].cost.energy_mj));
    mae_put(page->out, "\"/>");
    /* Points that would lie on each other are not told apart by anybody. */
    double u = -1e9, v = -1e9;
    for (size_t i = 0; i < front->n; i++) {
        const mae_prediction *cost = &front->points[i].cost;
        double at_x = mae_axis_at(x, cost->latency_ms), at_y = mae_axis_at(y, cost->energy_mj);
        if (hypot(at_x - u, at_y - v) < 3 && i + 1 < front->n)
            continue;
        u = at_x;
        v = at_y;
        snprintf(ref, sizeof ref, "%.60s/%zu", c->front_ref, i);
        snprintf(more, sizeof more, "; %.250s", front->points[i].mapping);
        put_mark_open(page, "front-point", ref, cost, "Front", more);
        mae_putf(page->out, "<circle cx=\"%c\" cy=\"%c\" r=\"4\"/></g>", at_x, at_y);
    }
}

/* Where labels stand already, so that none hides another. */
typedef struct labels {
    size_t n;
    double x[MAE_MOST_CHOICES], y[MAE_MOST_CHOICES];
} labels;

#define LABEL_HEIGHT 15.0
#define LABEL_WIDTH 90.0

/* Always further down, by more than sums are rounded by, so that it ends. */
static double free_height(labels *placed, double x, double y)
{
    for (size_t i = 0; i < placed->n; i++)
        if (fabs(placed->x[i] - x) < LABEL_WIDTH && fabs(placed->y[i] - y) < LABEL_HEIGHT - 0.5) {
            y = placed->y[i] + LABEL_HEIGHT;
            i = (size_t)-1; /* anew, from the first */
        }
    placed->x[placed->n] = x;
    placed->y[placed->n++] = y;
    return y;
}

static void put_mark(const mae_page *page, const mae_choice_mark *mark, const mae_axis *x, const mae_axis *y,
                     labels *placed)
{
    char classes[32];
    bool single = mark->kind == MAE_CHOICE_SINGLE, plan = mark->kind == MAE_CHOICE_PLAN;
    double u = mae_axis_at(x, mark->cost.latency_ms), v = mae_axis_at(y, mark->cost.energy_mj);
    bool right = u > x->to - 90;
    snprintf(classes, sizeof classes,
             single ? "fill pe%d"
             : plan ? "plan"
                    : "greedy",
             single ? mae_pe_colour(page->report, mark->name) : 0);
    put_mark_open(page, classes, mark->ref, &mark->cost, mark->name, "");
    mae_chart_shape(page->out, single ? 1 : plan ? 3 : 2, u, v, single ? 6 : plan ? 8 : 10);
    mae_putf(page->out, "<text class=\"label%r%r\" x=\"%c\" y=\"%c\">", right ? " end" : "", plan ? " strong" : "",
             right ? u - 13 : u + 13, free_height(placed, u, v + (plan ? -8 : 4)));
    mae_put_short(page->out, mark->name, 18);
    mae_put(page->out, "</text></g>");
}

/* Greedy first: where it comes to a single PE, its triangle lies around that one's square. */
static void put_marks(const mae_page *page, const mae_choices *c, const mae_axis *x, const mae_axis *y)
{
    static const mae_choice_kind order[] = {MAE_CHOICE_GREEDY, MAE_CHOICE_SINGLE, MAE_CHOICE_PLAN};
    labels placed = {0};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t i = 0; i < c->n; i++)
            if (c->marks[i].kind == order[k])
                put_mark(page, &c->marks[i], x, y, &placed);
}

static size_t put_scatter(const mae_page *page, const mae_choices *c, const mae_view *view)
{
    double height = view->narrow ? 330 : 440, left = 52;
    mae_range ms = range_of(page, c, false), mj = range_of(page, c, true);
    mae_axis x = mae_axis_over(ms.low, ms.high, left, view->width - 12, ms.low > 0 && ms.high / ms.low > 8);
    mae_axis y = mae_axis_over(mj.low, mj.high, height - 44, 30, mj.low > 0 && mj.high / mj.low > 8);
    mae_chart_open(page->out, view, height,
                   "Latency and energy of the plan, single PEs, the front and random mappings");
    mae_chart_grid_right(page->out, &x, 24, height - 44,
                         x.log ? "predicted latency, ms (logarithmic)" : "predicted latency, ms");
    mae_chart_grid_up(page->out, &y, left, view->width - 12,
                      y.log ? "predicted energy, mJ (logarithmic)" : "predicted energy, mJ");
    size_t outside = put_cloud(page, &x, &y);
    put_front(page, c, &x, &y);
    put_marks(page, c, &x, &y);
    mae_chart_close(page->out);
    return outside;
}

/* ---- words ---- */

/* How many of the cloud are better than the plan, by the profile. */
static void put_beaten(const mae_page *page)
{
    const mae_report_reckoned *reckoned = page->report->reckoned;
    const mae_goal *goal = mae_report_goal(page->report);
    if (!reckoned->mapping || !reckoned->n_samples || goal->minimize == MAE_MIN_WEIGHTED ||
        goal->minimize == MAE_MIN_PERIOD)
        return;
    double plan = mae_goal_objective(goal, &reckoned->cost, 1, 1);
    size_t better = 0;
    for (size_t i = 0; i < reckoned->n_samples; i++)
        better += mae_goal_met(goal, &reckoned->samples[i]) &&
                  mae_goal_objective(goal, &reckoned->samples[i], 1, 1) < plan * (1 - MAE_COST_EQUAL);
    if (better == 0)
        mae_put(page->out, "By the profile none of them serves the goal better than the plan.");
    else
        mae_putf(page->out, "By the profile %u of them serve%r the goal better than the plan%r.", better,
                 better == 1 ? "s" : "", page->report->bench ? ", which was chosen by what was measured" : "");
}

static void put_cloud_words(const mae_page *page, size_t outside)
{
    const mae_report_reckoned *reckoned = page->report->reckoned;
    if (!reckoned || !reckoned->n_drawn)
        return;
    mae_putf(page->out,
             "<p class=\"note\">The cloud: %u of %u mappings drawn at random that are allowed (seed %u): the layers "
             "cut into 1 "
             "stretch or more, few as likely as many, each stretch on a PE drawn anew, a layer which that PE does not "
             "support on "
             "any that does. Each is costed exactly by the profile. ",
             reckoned->n_samples, reckoned->n_drawn, (size_t)reckoned->seed);
    if (outside)
        mae_putf(page->out, "%u of them lie beyond the picture. ", outside);
    put_beaten(page);
    mae_put(page->out, "</p>\n");
}

static void put_front_words(const mae_page *page, const mae_choices *c)
{
    const mae_report_reckoned *reckoned = page->report->reckoned;
    if (c->front)
        mae_putf(page->out,
                 "<p>The front is the line below which no mapping lies: %u non-dominated mappings, %r%r.</p>\n",
                 c->front->n, c->front->exact ? "all there are" : "no trade-off missed by more than a small factor",
                 page->report->front ? " (from the file)" : " (solved for this page)");
    else if (reckoned && reckoned->front_reason)
        mae_putf(page->out, "<p class=\"why\">There is no front: %s</p>\n", reckoned->front_reason);
}

static void put_front_table(const mae_page *page, const mae_choices *c)
{
    if (!c->front || !c->front->has_energy)
        return;
    mae_put(page->out, "<details><summary>The front as a table</summary><div "
                       "class=\"scroll\"><table><caption>Non-dominated mappings by "
                       "latency</caption><thead><tr><th scope=\"col\" class=\"num\">latency ms</th><th scope=\"col\" "
                       "class=\"num\">energy mJ</th><th scope=\"col\" class=\"num\">switches</th><th "
                       "scope=\"col\">mapping</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->front->n && i < 200; i++)
        mae_putf(page->out,
                 "<tr><th scope=\"row\" class=\"num\" data-ref=\"%r/%u/latency_ms\" data-v=\"%v\">%n</th><td "
                 "class=\"num\" data-ref=\"%r/%u/energy_mj\" data-v=\"%v\">%n</td><td class=\"num\">%d</td><td "
                 "class=\"name\">%s</td></tr>\n",
                 c->front_ref, i, c->front->points[i].cost.latency_ms, c->front->points[i].cost.latency_ms,
                 c->front_ref, i, c->front->points[i].cost.energy_mj, c->front->points[i].cost.energy_mj,
                 c->front->points[i].cost.switches, c->front->points[i].mapping);
    mae_put(page->out, "</tbody></table></div>");
    if (c->front->n > 200)
        mae_putf(page->out, "<p class=\"note\">The first 200 of %u.</p>", c->front->n);
    mae_put(page->out, "</details>\n");
}

void mae_page_choices(const mae_page *page)
{
    mae_choices c;
    mae_choices_collect(page->report, &c);
    bool cloud = page->report->reckoned && page->report->reckoned->n_samples;
    if (!c.front && !cloud)
        return;
    if (!c.energy && !cloud)
        return;
    mae_section_open(page, "choices", "What planning buys", "predicted");
    size_t outside = 0;
    if (c.energy) {
        put_front_words(page, &c);
        mae_put(page->out,
                "<ul class=\"key\"><li><svg width=\"18\" height=\"16\" aria-hidden=\"true\"><g class=\"plan\"><path "
                "d=\"M9 1l7 7-7 "
                "7-7-7z\"/></g></svg> the plan</li><li><svg width=\"16\" height=\"14\" aria-hidden=\"true\"><g "
                "class=\"greedy\"><path d=\"M8 1l7 12H1z\"/></g></svg> greedy</li><li><svg width=\"14\" height=\"14\" "
                "aria-hidden=\"true\"><rect class=\"single\" x=\"1\" y=\"1\" width=\"12\" "
                "height=\"12\"/></svg> a single PE</li><li><svg width=\"24\" height=\"14\" "
                "aria-hidden=\"true\"><path class=\"front\" d=\"M1 3H12V11H23\"/></svg> front</li><li><svg "
                "width=\"14\" height=\"14\" aria-hidden=\"true\"><path class=\"cloud\" "
                "d=\"M4 5h0M10 4h0M7 10h0\"/></svg> random mappings</li></ul>\n");
        mae_put(page->out, "<figure>");
        for (size_t v = 0; v < MAE_N_VIEWS; v++)
            outside = put_scatter(page, &c, &mae_views[v]);
        mae_put(page->out, "</figure>\n");
        put_front_table(page, &c);
    } else {
        mae_put(page->out, "<p>The profile has no energy, so there is one figure to compare: the latency.</p>\n");
        mae_choices_histogram(page, &c);
    }
    put_cloud_words(page, outside);
    mae_section_close(page);
}
