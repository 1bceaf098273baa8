/* Traces (docs/traces.md): segments and transfers, frame by frame; and watts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/read.h"

#define MS_OF_US 1e-3
#define MOST_TRACKS 1000 /* and texts of what ran, and rails */

typedef struct work {
    const mae_reader *r;
    mae_report_trace *trace;
    json_t *list;
    size_t n;
    mae_report_reading *readings; /* as they stand in the file, ... */
    int *rail_of;                 /* ... and of which rail each is */
    size_t n_readings;
} work;

static mae_error *read_track(work *w, const mae_place *at)
{
    mae_report_trace *trace = w->trace;
    mae_report_track *track = &trace->tracks[trace->n_tracks];
    mae_place args = *at;
    MAE_TRY(mae_reader_value(w->r, at, "args", JSON_OBJECT, true, &args.object));
    if (trace->n_tracks == MOST_TRACKS)
        return mae_reader_error(w->r, at, NULL, "more than %d tracks", MOST_TRACKS);
    MAE_TRY(mae_reader_number(w->r, at, "pid", true, 1e9, &track->pid));
    MAE_TRY(mae_reader_number(w->r, at, "tid", true, 1e9, &track->tid));
    MAE_TRY(mae_reader_string(w->r, &args, "name", true, &track->pe));
    trace->n_tracks++;
    return NULL;
}

static int find_track(const mae_report_trace *trace, double pid, double tid)
{
    for (size_t i = 0; i < trace->n_tracks; i++)
        if (trace->tracks[i].pid == pid && trace->tracks[i].tid == tid)
            return (int)i;
    return -1;
}

/* What a segment is a run of, by number; the same for the same text. */
static mae_error *read_of(work *w, const mae_place *args, int *ret_of)
{
    mae_report_trace *trace = w->trace;
    const char *text = json_string_value(json_object_get(args->object, "of"));
    *ret_of = -1;
    if (!text)
        return NULL;
    for (size_t i = 0; i < trace->n_of; i++)
        if (strcmp(trace->of[i], text) == 0) {
            *ret_of = (int)i;
            return NULL;
        }
    if (trace->n_of == MOST_TRACKS)
        return mae_reader_error(w->r, args, NULL, "more than %d texts of what ran", MOST_TRACKS);
    MAE_TRY(mae_reader_string(w->r, args, "of", true, &trace->of[trace->n_of]));
    *ret_of = (int)trace->n_of++;
    return NULL;
}

static mae_error *read_span(work *w, const mae_place *at, mae_report_event *event)
{
    double pid = 0, tid = 0, ts = 0, dur = 0;
    mae_place args = *at;
    const char *category = json_string_value(json_object_get(at->object, "cat"));
    MAE_TRY(mae_reader_value(w->r, at, "args", JSON_OBJECT, true, &args.object));
    MAE_TRY(mae_reader_string(w->r, at, "name", true, &event->name));
    MAE_TRY(mae_reader_number(w->r, at, "pid", true, 1e9, &pid));
    MAE_TRY(mae_reader_number(w->r, at, "tid", true, 1e9, &tid));
    MAE_TRY(mae_reader_number(w->r, at, "ts", true, 1e18, &ts));
    MAE_TRY(mae_reader_number(w->r, at, "dur", true, 1e18, &dur));
    MAE_TRY(mae_reader_number(w->r, &args, "frame", true, 1e15, &event->frame));
    MAE_TRY(read_of(w, &args, &event->of));
    event->track = find_track(w->trace, pid, tid);
    if (event->track < 0)
        return mae_reader_error(w->r, at, "tid", "no track has this pid and tid");
    event->begin_ms = ts * MS_OF_US;
    event->end_ms = (ts + dur) * MS_OF_US;
    event->is_transfer = category && strcmp(category, "transfer") == 0;
    return NULL;
}

/* The rail of that name, or a new one. */
static mae_error *find_rail(work *w, const mae_place *at, mae_report_rail **ret_rail)
{
    mae_report_trace *trace = w->trace;
    const char *name;
    MAE_TRY(mae_reader_string(w->r, at, "name", true, &name));
    for (size_t i = 0; i < trace->n_rails; i++)
        if (strcmp(trace->rails[i].name, name) == 0) {
            *ret_rail = &trace->rails[i];
            return NULL;
        }
    if (trace->n_rails == MOST_TRACKS)
        return mae_reader_error(w->r, at, NULL, "more than %d rails", MOST_TRACKS);
    *ret_rail = &trace->rails[trace->n_rails++];
    (*ret_rail)->name = name;
    return NULL;
}

static mae_error *read_watts(work *w, const mae_place *at)
{
    mae_place args = *at;
    bool exists;
    mae_report_rail *rail;
    mae_report_reading *reading = &w->readings[w->n_readings];
    MAE_TRY(mae_reader_value(w->r, at, "args", JSON_OBJECT, true, &args.object));
    MAE_TRY(mae_reader_number(w->r, at, "ts", true, 1e18, &reading->at_ms));
    MAE_TRY(mae_report_read_real(w->r, &args, "W", &exists, &reading->watts));
    if (!exists) /* a counter of something else */
        return NULL;
    MAE_TRY(find_rail(w, at, &rail));
    reading->at_ms *= MS_OF_US;
    w->rail_of[w->n_readings++] = (int)(rail - w->trace->rails);
    rail->n++;
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    const mae_report_reading *x = a, *y = b;
    return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* Readings of one rail stand together, in the order of time. */
static mae_error *share_readings(work *w)
{
    mae_report_trace *trace = w->trace;
    for (size_t i = 0; i < trace->n_rails; i++) {
        mae_report_rail *rail = &trace->rails[i];
        rail->readings = mae_arena_array(w->r->arena, rail->n, sizeof *rail->readings);
        if (!rail->readings)
            return mae_error_nomem();
        rail->n = 0;
    }
    for (size_t i = 0; i < w->n_readings; i++) {
        mae_report_rail *rail = &trace->rails[w->rail_of[i]];
        rail->readings[rail->n++] = w->readings[i];
    }
    for (size_t i = 0; i < trace->n_rails; i++)
        qsort(trace->rails[i].readings, trace->rails[i].n, sizeof *trace->rails[i].readings, by_time);
    return NULL;
}

static mae_error *read_event(work *w, size_t i)
{
    mae_place at = {.list = "traceEvents", .index = (long)i, .object = json_array_get(w->list, i)};
    MAE_TRY(mae_reader_object(w->r, &at));
    const char *phase = json_string_value(json_object_get(at.object, "ph"));
    const char *name = json_string_value(json_object_get(at.object, "name"));
    if (!phase || !name)
        return mae_reader_error(w->r, &at, phase ? "name" : "ph", "is missing, or not a string");
    if (strcmp(phase, "M") == 0 && strcmp(name, "thread_name") == 0)
        return read_track(w, &at);
    if (strcmp(phase, "X") == 0) {
        MAE_TRY(read_span(w, &at, &w->trace->events[w->trace->n_events]));
        w->trace->n_events++;
    } else if (strcmp(phase, "i") == 0) {
        mae_report_mark *mark = &w->trace->marks[w->trace->n_marks];
        MAE_TRY(mae_reader_string(w->r, &at, "name", true, &mark->name));
        MAE_TRY(mae_reader_number(w->r, &at, "ts", true, 1e18, &mark->at_ms));
        mark->at_ms *= MS_OF_US;
        w->trace->n_marks++;
    } else if (strcmp(phase, "C") == 0)
        return read_watts(w, &at);
    return NULL;
}

static int by_frame(const void *a, const void *b)
{
    const mae_report_event *x = a, *y = b;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    if (x->begin_ms != y->begin_ms)
        return x->begin_ms < y->begin_ms ? -1 : 1;
    return (int)x->is_transfer - (int)y->is_transfer;
}

/* Events of one frame stand together once sorted. */
static mae_error *find_frames(work *w)
{
    mae_report_trace *trace = w->trace;
    if (trace->n_events)
        qsort(trace->events, trace->n_events, sizeof *trace->events, by_frame);
    trace->frames = mae_arena_array(w->r->arena, trace->n_events, sizeof *trace->frames);
    if (!trace->frames)
        return mae_error_nomem();
    for (size_t i = 0; i < trace->n_events; i++) {
        const mae_report_event *e = &trace->events[i];
        if (i == 0 || trace->events[i - 1].frame != e->frame)
            trace->frames[trace->n_frames++] = (mae_report_frame){e->frame, -1, i, 0, e->begin_ms, e->end_ms};
        mae_report_frame *frame = &trace->frames[trace->n_frames - 1];
        frame->n++;
        frame->of = e->is_transfer ? frame->of : e->of;
        frame->end_ms = e->end_ms > frame->end_ms ? e->end_ms : frame->end_ms;
    }
    return NULL;
}

mae_error *mae_report_read_trace(const mae_reader *r, mae_report_trace **ret_trace)
{
    mae_place other;
    work w = {.r = r, .trace = mae_arena_alloc(r->arena, sizeof *w.trace)};
    if (!w.trace)
        return mae_error_nomem();
    w.trace->model = "";
    MAE_TRY(mae_report_read_object(r, "otherData", true, &other));
    MAE_TRY(mae_reader_string(r, &other, "model", false, &w.trace->model));
    MAE_TRY(mae_reader_number(r, &other, "lost_events", false, 1e15, &w.trace->lost_events));
    MAE_TRY(mae_reader_list(r, "traceEvents", true, MAE_REPORT_MAX_ENTRIES, &w.list, &w.n));
    w.trace->tracks = mae_arena_array(r->arena, MOST_TRACKS + 1, sizeof *w.trace->tracks);
    w.trace->of = mae_arena_array(r->arena, MOST_TRACKS + 1, sizeof *w.trace->of);
    w.trace->events = mae_arena_array(r->arena, w.n + 1, sizeof *w.trace->events);
    w.trace->marks = mae_arena_array(r->arena, w.n + 1, sizeof *w.trace->marks);
    w.trace->rails = mae_arena_array(r->arena, MOST_TRACKS, sizeof *w.trace->rails);
    w.readings = mae_arena_array(r->arena, w.n, sizeof *w.readings);
    w.rail_of = mae_arena_array(r->arena, w.n, sizeof *w.rail_of);
    if (!w.trace->tracks || !w.trace->of || !w.trace->events || !w.trace->marks || !w.trace->rails || !w.readings ||
        !w.rail_of)
        return mae_error_nomem();
    for (size_t i = 0; i < w.n; i++)
        MAE_TRY(read_event(&w, i));
    MAE_TRY(share_readings(&w));
    MAE_TRY(find_frames(&w));
    *ret_trace = w.trace;
    return NULL;
}
