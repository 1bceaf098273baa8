/* The figures of a page as JSON: the files it was made from (of a trace what is drawn), and what was computed. */
#include "report/page.h"

#include <stdlib.h>
#include <string.h>

#include "core/json_writer.h"
#include "report/timeline.h"

static json_t *cost_object(mae_json_writer *w, const mae_prediction *cost, bool energy)
{
    json_t *object = json_object();
    mae_json_put(w, object, "latency_ms", json_real(cost->latency_ms));
    mae_json_put(w, object, "energy_mj", energy ? json_real(cost->energy_mj) : json_null());
    mae_json_put(w, object, "switches", json_integer(cost->switches));
    return object;
}

static json_t *choice_object(mae_json_writer *w, const mae_report_choice *choice, bool energy)
{
    json_t *object = choice->allowed ? cost_object(w, &choice->cost, energy) : json_object();
    mae_json_put(w, object, "name", json_string(choice->name));
    if (!choice->allowed)
        mae_json_put_string(w, object, "reason", choice->reason);
    return object;
}

static json_t *front_object(mae_json_writer *w, const mae_report_front *front)
{
    json_t *object = json_object(), *points = json_array();
    for (size_t i = 0; i < front->n; i++)
        mae_json_append(w, points, cost_object(w, &front->points[i].cost, front->has_energy));
    mae_json_put(w, object, "points", points);
    mae_json_put(w, object, "exact", json_boolean(front->exact));
    return object;
}

static json_t *samples_object(mae_json_writer *w, const mae_report_reckoned *r, bool energy)
{
    json_t *object = json_object(), *points = json_array();
    for (size_t i = 0; i < r->n_samples; i++) {
        json_t *pair = json_array();
        mae_json_append(w, pair, json_real(r->samples[i].latency_ms));
        if (energy)
            mae_json_append(w, pair, json_real(r->samples[i].energy_mj));
        mae_json_append(w, points, pair);
    }
    mae_json_put(w, object, "seed", json_integer((json_int_t)r->seed));
    mae_json_put(w, object, "drawn", json_integer((json_int_t)r->n_drawn));
    mae_json_put(w, object, "points", points);
    return object;
}

static json_t *computed_object(mae_json_writer *w, const mae_report *report)
{
    const mae_report_reckoned *r = report->reckoned;
    bool energy = mae_report_has_energy(report);
    json_t *object = json_object(), *singles = json_array();
    if (r->mapping) {
        json_t *plan = cost_object(w, &r->cost, energy), *mapping = json_array();
        for (size_t i = 0; i < report->profile->n_layers; i++)
            mae_json_append(w, mapping, json_string(report->profile->pes[r->mapping[i]].name));
        mae_json_put(w, plan, "mapping", mapping);
        if (r->planned_here && report->plan->has_maeg)
            mae_json_put(w, plan, "maeg", json_real(report->plan->maeg));
        mae_json_put(w, object, "plan", plan);
    }
    for (size_t i = 0; i < r->n_single; i++)
        mae_json_append(w, singles, choice_object(w, &r->single[i], energy));
    mae_json_put(w, object, "single_pe", singles);
    mae_json_put(w, object, "greedy", choice_object(w, &r->greedy, energy));
    if (r->front)
        mae_json_put(w, object, "front", front_object(w, r->front));
    mae_json_put(w, object, "samples", samples_object(w, r, energy));
    return object;
}

static json_t *events_list(mae_json_writer *w, const mae_report_trace *trace, const mae_report_frame *frame)
{
    json_t *events = json_array();
    for (size_t i = 0; i < frame->n && i < MAE_MOST_EVENTS; i++) {
        const mae_report_event *event = &trace->events[frame->first + i];
        json_t *object = json_object();
        double begin_ms = event->begin_ms - frame->begin_ms;
        mae_json_put(w, object, "name", json_string(event->name));
        mae_json_put(w, object, "pe", json_string(trace->tracks[event->track].pe));
        mae_json_put(w, object, "begin_ms", json_real(begin_ms));
        mae_json_put(w, object, "ms", json_real(event->end_ms - frame->begin_ms - begin_ms));
        mae_json_append(w, events, object);
    }
    return events;
}

static json_t *watts_list(mae_json_writer *w, const mae_report_trace *trace)
{
    json_t *list = json_array();
    for (size_t i = 0; i < trace->n_rails && i < MAE_MOST_RAILS; i++) {
        mae_watts_summary watts = mae_watts_of(&trace->rails[i]);
        json_t *rail = json_object();
        mae_json_put(w, rail, "rail", json_string(trace->rails[i].name));
        mae_json_put(w, rail, "readings", json_integer((json_int_t)trace->rails[i].n));
        mae_json_put(w, rail, "mean_w", json_real(watts.mean));
        mae_json_put(w, rail, "least_w", json_real(watts.least));
        mae_json_put(w, rail, "most_w", json_real(watts.most));
        mae_json_append(w, list, rail);
    }
    return list;
}

static mae_error *trace_object(mae_json_writer *w, const mae_report_trace *trace, json_t **ret_object)
{
    mae_timeline_frames frames;
    mae_arena *arena = mae_arena_create();
    mae_error *error = arena ? mae_timeline_choose(trace, arena, &frames) : mae_error_nomem();
    if (error) {
        mae_arena_destroy(arena);
        return error;
    }
    json_t *object = json_object(), *list = json_array();
    for (size_t i = 0; i < frames.n; i++) {
        const mae_report_frame *frame = frames.of[i].frame;
        json_t *entry = json_object();
        if (frame->of >= 0)
            mae_json_put(w, entry, "of", json_string(trace->of[frame->of]));
        mae_json_put(w, entry, "frame", json_real(frame->frame));
        mae_json_put(w, entry, "frames", json_integer((json_int_t)frames.of[i].n));
        mae_json_put(w, entry, "ms", json_real(frame->end_ms - frame->begin_ms));
        mae_json_put(w, entry, "events", events_list(w, trace, frame));
        mae_json_append(w, list, entry);
    }
    mae_json_put(w, object, "frames", list);
    if (trace->n_rails)
        mae_json_put(w, object, "watts", watts_list(w, trace));
    mae_json_put(w, object, "recorded", json_integer((json_int_t)trace->n_frames));
    mae_arena_destroy(arena);
    *ret_object = object;
    return NULL;
}

static mae_error *figures_object(mae_json_writer *w, const mae_report *report, json_t *root)
{
    for (size_t i = 0; i < report->n_files; i++) {
        const mae_report_file *file = &report->files[i];
        json_t *value = NULL;
        if (file->kind == MAE_REPORT_TRACE)
            MAE_TRY(trace_object(w, report->trace, &value));
        else
            value = json_incref(mae_json_root(file->json));
        mae_json_put(w, root, mae_report_kind_text(file->kind), value);
    }
    if (report->reckoned)
        mae_json_put(w, root, "computed", computed_object(w, report));
    return w->failed ? mae_error_nomem() : NULL;
}

/* "<" would let a name end the script element; U+2028 and U+2029 are left, as JSON has them. */
static char *safe_text(const char *text)
{
    mae_html out = {0};
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "<>&");
        char part[4096];
        n = n < sizeof part ? n : sizeof part - 1;
        memcpy(part, at, n);
        part[n] = 0;
        mae_put(&out, part);
        at += n;
        if (n == 0) {
            mae_put(&out, *at == '<' ? "\\u003c" : *at == '>' ? "\\u003e" : "\\u0026");
            at++;
        }
    }
    if (!out.failed)
        return out.text;
    free(out.text);
    return NULL;
}

mae_error *mae_page_figures(const mae_report *report, char **ret_text)
{
    mae_json_writer w = {0};
    json_t *root = json_object();
    if (!root)
        return mae_error_nomem();
    mae_error *error = figures_object(&w, report, root);
    char *text = error ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(root);
    if (error)
        return error;
    char *safe = text ? safe_text(text) : NULL;
    free(text);
    if (!safe)
        return mae_error_nomem();
    *ret_text = safe;
    return NULL;
}
