/* The timeline of a run: a frame of middling length of everything that ran, and how long each frame took. */
#include "report/timeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"

#define ROW 26.0

static int by_length(const void *a, const void *b)
{
    const mae_report_frame *x = *(const mae_report_frame *const *)a, *y = *(const mae_report_frame *const *)b;
    double p = x->end_ms - x->begin_ms, q = y->end_ms - y->begin_ms;
    return (p > q) - (p < q);
}

/* The lanes of a trace that have segments of this frame. */
static size_t lanes_of(const mae_report_trace *trace, const mae_report_frame *frame, int *lanes)
{
    size_t n = 0;
    for (size_t track = 0; track < trace->n_tracks; track++) {
        lanes[track] = -1;
        for (size_t i = 0; i < frame->n && lanes[track] < 0; i++)
            if (trace->events[frame->first + i].track == (int)track)
                lanes[track] = (int)n++;
    }
    return n;
}

mae_error *mae_timeline_choose(const mae_report_trace *trace, mae_arena *arena, mae_timeline_frames *ret)
{
    mae_timeline_frames frames = {0};
    const mae_report_frame **sorted = mae_arena_array(arena, trace->n_frames + 1, sizeof *sorted);
    if (!sorted)
        return mae_error_nomem();
    for (int of = trace->n_of ? 0 : -1; of < (int)trace->n_of && frames.n < MAE_MOST_TIMELINES; of++) {
        size_t n = 0;
        for (size_t i = 0; i < trace->n_frames; i++)
            if (trace->frames[i].of == of)
                sorted[n++] = &trace->frames[i];
        if (n == 0)
            continue;
        qsort(sorted, n, sizeof *sorted, by_length);
        const mae_report_frame *low = sorted[n / 20], *high = sorted[n - 1 - n / 20];
        frames.of[frames.n++] =
            (mae_timeline_of){sorted[n / 2], n, low->end_ms - low->begin_ms, high->end_ms - high->begin_ms};
    }
    *ret = frames;
    return NULL;
}

static void put_event(const mae_page *page, const mae_report_event *event, const mae_report_frame *frame,
                      const mae_axis *x, double y, const char *ref)
{
    const mae_report_trace *trace = page->report->trace;
    const char *pe = trace->tracks[event->track].pe;
    double from = event->begin_ms - frame->begin_ms, to = event->end_ms - frame->begin_ms;
    double left = mae_axis_at(x, from), width = fmax(mae_axis_at(x, to) - left, 1);
    mae_putf(page->out,
             "<g class=\"m %r\" role=\"img\" tabindex=\"-1\" data-ref=\"%s\" data-v=\"%v\" aria-label=\"%s %s on %s: "
             "%n ms, from %n ms "
             "to %n ms\"><rect class=\"fill pe%d\" x=\"%c\" y=\"%c\" width=\"%c\" height=\"%c\" rx=\"2\"/>",
             event->is_transfer ? "transfer" : "run", ref, to - from, event->is_transfer ? "Transfer" : "Segment",
             event->name, pe, to - from, from, to, mae_pe_colour(page->report, pe), left,
             event->is_transfer ? y + 13 : y, width, event->is_transfer ? 7.0 : 20.0);
    if (!event->is_transfer && width > 60) {
        mae_putf(page->out, "<text class=\"on\" x=\"%c\" y=\"%c\">", left + 6, y + 14);
        mae_put_short(page->out, event->name, (size_t)((width - 12) / 7.6));
        mae_put(page->out, "</text>");
    }
    mae_put(page->out, "</g>");
}

static void put_frame(const mae_page *page, const mae_view *view, const mae_timeline_of *of, size_t number,
                      double longest)
{
    const mae_report_trace *trace = page->report->trace;
    const mae_report_frame *frame = of->frame;
    int *lanes = calloc(trace->n_tracks + 1, sizeof *lanes);
    if (!lanes) {
        page->out->failed = true;
        return;
    }
    size_t n = lanes_of(trace, frame, lanes);
    double left = view->narrow ? 92 : 130, bottom = 8 + ROW * (double)n;
    mae_axis x = mae_axis_over(0, longest, left, view->width - 12, false);
    mae_chart_open(page->out, view, bottom + 40, "Segments and transfers of a frame over time");
    mae_chart_grid_right(page->out, &x, 4, bottom, "ms since the frame began");
    for (size_t track = 0; track < trace->n_tracks; track++) {
        if (lanes[track] < 0)
            continue;
        mae_putf(page->out, "<text class=\"label end\" aria-hidden=\"true\" x=\"%c\" y=\"%c\">", left - 8,
                 8 + ROW * lanes[track] + 15);
        mae_put_short(page->out, trace->tracks[track].pe, view->narrow ? 12 : 17);
        mae_put(page->out, "</text>");
    }
    for (size_t i = 0; i < frame->n && i < MAE_MOST_EVENTS; i++) {
        char ref[80];
        const mae_report_event *event = &trace->events[frame->first + i];
        snprintf(ref, sizeof ref, "/trace/frames/%zu/events/%zu/ms", number, i);
        put_event(page, event, frame, &x, 8 + ROW * lanes[event->track], ref);
    }
    mae_chart_close(page->out);
    free(lanes);
}

static void put_frames(const mae_page *page, const mae_timeline_frames *frames)
{
    const mae_report_trace *trace = page->report->trace;
    double longest = 0;
    mae_range lengths = MAE_RANGE_INIT;
    for (size_t i = 0; i < frames->n; i++) {
        mae_range_add(&lengths, frames->of[i].frame->end_ms - frames->of[i].frame->begin_ms);
        longest = fmax(longest, frames->of[i].frame->end_ms - frames->of[i].frame->begin_ms);
    }
    for (size_t i = 0; i < frames->n; i++) {
        const mae_timeline_of *of = &frames->of[i];
        double length = of->frame->end_ms - of->frame->begin_ms;
        const char *name = of->frame->of >= 0 ? trace->of[of->frame->of] : "frames";
        mae_putf(page->out,
                 "<figure><figcaption><b>%s</b>: frame %n, the middle one of %u by length: %n ms (nine of ten frames "
                 "take %n to "
                 "%n ms)</figcaption>\n",
                 name, of->frame->frame, of->n, length, of->low_ms, of->high_ms);
        /* One scale for all, unless some would vanish. */
        double scale = lengths.low * 6 > longest ? longest : length;
        for (size_t v = 0; v < MAE_N_VIEWS; v++)
            put_frame(page, &mae_views[v], of, i, scale);
        mae_put(page->out, "</figure>\n");
    }
}

/* ---- all frames ---- */

mae_range mae_timeline_span(const mae_report_trace *trace)
{
    mae_range span = MAE_RANGE_INIT;
    for (size_t i = 0; i < trace->n_frames; i++)
        mae_range_add(&span, trace->frames[i].begin_ms / 1e3);
    for (size_t i = 0; i < trace->n_rails; i++)
        for (size_t k = 0; k < trace->rails[i].n; k++)
            mae_range_add(&span, trace->rails[i].readings[k].at_ms / 1e3);
    return span;
}

static void put_lengths(const mae_page *page, const mae_view *view)
{
    const mae_report_trace *trace = page->report->trace;
    mae_range ms = MAE_RANGE_INIT, at = mae_timeline_span(trace);
    double height = view->narrow ? 230 : 270, left = 52;
    for (size_t i = 0; i < trace->n_frames; i++)
        mae_range_add(&ms, fmax(trace->frames[i].end_ms - trace->frames[i].begin_ms, 1e-6));
    mae_axis x = mae_axis_over(at.low, at.high, left, view->width - 12, false);
    mae_axis y = mae_axis_over(ms.low, ms.high, height - 44, 28, ms.low > 0 && ms.high / ms.low > 6);
    mae_chart_open(page->out, view, height, "How long each frame took");
    mae_chart_grid_right(page->out, &x, 24, height - 44, "seconds since the trace began");
    mae_chart_grid_up(page->out, &y, left, view->width - 12, y.log ? "ms a frame (logarithmic)" : "ms a frame");
    for (size_t i = 0; i < trace->n_marks && i < MAE_MOST_MARKS; i++)
        mae_putf(
            page->out,
            "<g class=\"m tick\" role=\"img\" tabindex=\"-1\" aria-label=\"%s at %n s\"><path d=\"M%c 24V%c\"/></g>",
            trace->marks[i].name, trace->marks[i].at_ms / 1e3, mae_axis_at(&x, trace->marks[i].at_ms / 1e3),
            height - 44);
    for (int of = -1; of < (int)trace->n_of; of++) {
        size_t n = 0;
        int pe = of >= 0 ? mae_report_pe(page->report, trace->of[of]) : -1;
        for (size_t i = 0; i < trace->n_frames; i++) {
            const mae_report_frame *frame = &trace->frames[i];
            if (frame->of != of)
                continue;
            if (n++ == 0)
                mae_putf(page->out, "<path class=\"dots pe%d\" aria-hidden=\"true\" d=\"",
                         pe >= 0 ? pe % MAE_N_COLOURS : MAE_N_COLOURS - 1);
            mae_putf(page->out, "M%c %ch0", mae_axis_at(&x, frame->begin_ms / 1e3),
                     mae_axis_at(&y, fmax(frame->end_ms - frame->begin_ms, 1e-6)));
        }
        if (n)
            mae_put(page->out, "\"/>");
    }
    mae_chart_close(page->out);
}

static void put_table(const mae_page *page, const mae_timeline_frames *frames)
{
    const mae_report_trace *trace = page->report->trace;
    mae_put(page->out,
            "<details><summary>These frames as a table</summary><div class=\"scroll\"><table><caption>Segments and "
            "transfers, in ms since the frame began</caption><thead><tr><th scope=\"col\">of</th><th "
            "scope=\"col\">PE</th><th scope=\"col\">what</th><th scope=\"col\" class=\"num\">begins</th><th "
            "scope=\"col\" class=\"num\">ms</th></tr></thead><tbody>\n");
    for (size_t k = 0; k < frames->n; k++) {
        const mae_report_frame *frame = frames->of[k].frame;
        for (size_t i = 0; i < frame->n && i < MAE_MOST_EVENTS; i++) {
            const mae_report_event *event = &trace->events[frame->first + i];
            mae_putf(page->out,
                     "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"name\">%s</td><td class=\"num\">%n</td><td "
                     "class=\"num\" data-ref=\"/trace/frames/%u/events/%u/ms\" data-v=\"%v\">%n</td></tr>\n",
                     event->of >= 0 ? trace->of[event->of] : "", trace->tracks[event->track].pe, event->name,
                     event->begin_ms - frame->begin_ms, k, i,
                     event->end_ms - frame->begin_ms - (event->begin_ms - frame->begin_ms),
                     event->end_ms - event->begin_ms);
        }
    }
    mae_put(page->out, "</tbody></table></div></details>\n");
}

void mae_page_timeline(const mae_page *page)
{
    const mae_report_trace *trace = page->report->trace;
    mae_timeline_frames frames;
    if (!trace || (!trace->n_frames && !trace->n_rails))
        return;
    mae_arena *arena = mae_arena_create();
    mae_error *error = arena ? mae_timeline_choose(trace, arena, &frames) : NULL;
    if (!arena || error) {
        mae_error_free(error);
        mae_arena_destroy(arena);
        page->out->failed = true;
        return;
    }
    mae_section_open(page, "timeline", "Timeline", "recorded");
    mae_putf(page->out, "<p>%u frames were recorded%r", trace->n_frames, trace->lost_events > 0 ? "" : ".");
    if (trace->lost_events > 0)
        mae_putf(page->out, "; %n later events found no room.", trace->lost_events);
    mae_put(page->out, "</p>\n");
    put_frames(page, &frames);
    put_table(page, &frames);
    if (trace->n_frames > 2) {
        mae_put(page->out, "<figure><figcaption>Every frame: when it began, and how long it took</figcaption>\n");
        for (size_t v = 0; v < MAE_N_VIEWS; v++)
            put_lengths(page, &mae_views[v]);
        mae_put(page->out, "</figure>\n");
    }
    mae_page_watts(page);
    mae_section_close(page);
    mae_arena_destroy(arena);
}
