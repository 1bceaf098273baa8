/* Traces as text: a process for each resource, a thread for each PE, a flow for each frame. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/recorder.h"

#define US_OF_NS 1e-3
#define HOST_PID 1 /* what is of no resource: watts, marks; resources come behind it */

typedef enum step { STEP_NONE = 0, STEP_BEGIN, STEP_ON, STEP_END } step; /* of a frame's flow */

typedef struct line {
    const mae_recorder_event *event;
    step step;
} line;

typedef struct writer {
    const mae_recorder *recorder;
    FILE *out;
    size_t n;
    line *lines; /* in the order of their times */
    uint64_t origin_ns;
    bool any;
} writer;

static void put_text(writer *w, const char *text)
{
    fputc('"', w->out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(w->out, "\\%c", c);
        else if (c < 0x20)
            fprintf(w->out, "\\u%04x", c);
        else
            fputc(c, w->out);
    }
    fputc('"', w->out);
}

static void begin_line(writer *w)
{
    fputs(w->any ? ",\n{" : "\n{", w->out);
    w->any = true;
}

static double us_of(const writer *w, uint64_t ns)
{
    return (double)(ns - w->origin_ns) * US_OF_NS;
}

static const char *text_of(const mae_recorder *recorder, int text)
{
    return text >= 0 && (size_t)text < recorder->n_texts ? recorder->texts[text] : "";
}

/* ---- the order ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* What encloses another comes first. */
static int by_time(const void *a, const void *b)
{
    const mae_recorder_event *x = ((const line *)a)->event, *y = ((const line *)b)->event;
    if (x->begin_ns != y->begin_ns)
        return compare_u64(x->begin_ns, y->begin_ns);
    if (x->kind != y->kind)
        return (x->kind > y->kind) - (x->kind < y->kind);
    return x->end_ns != y->end_ns ? compare_u64(y->end_ns, x->end_ns) : (x > y) - (x < y);
}

static int by_frame(const void *a, const void *b)
{
    const mae_recorder_event *x = (*(line *const *)a)->event, *y = (*(line *const *)b)->event;
    return x->frame != y->frame ? compare_u64(x->frame, y->frame) : by_time(*(line *const *)a, *(line *const *)b);
}

/* The segments of each frame, in the order in which they began, are the steps of its flow; one alone has none. */
static mae_error *find_steps(writer *w)
{
    line **segments = calloc(w->n + 1, sizeof *segments);
    if (!segments)
        return mae_error_nomem();
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        if (w->lines[i].event->kind == MAE_RECORDER_SEGMENT)
            segments[n++] = &w->lines[i];
    qsort(segments, n, sizeof *segments, by_frame);
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || segments[i - 1]->event->frame != segments[i]->event->frame;
        bool last = i + 1 == n || segments[i + 1]->event->frame != segments[i]->event->frame;
        segments[i]->step = first && last ? STEP_NONE : first ? STEP_BEGIN : last ? STEP_END : STEP_ON;
    }
    free(segments);
    return NULL;
}

static mae_error *put_in_order(writer *w)
{
    size_t recorded = atomic_load(&w->recorder->n);
    w->n = recorded < w->recorder->room ? recorded : w->recorder->room;
    w->lines = calloc(w->n + 1, sizeof *w->lines);
    if (!w->lines)
        return mae_error_nomem();
    for (size_t i = 0; i < w->n; i++)
        w->lines[i].event = &w->recorder->events[i];
    qsort(w->lines, w->n, sizeof *w->lines, by_time);
    w->origin_ns = w->n ? w->lines[0].event->begin_ns : 0;
    return find_steps(w);
}

/* ---- lines ---- */

/* A resource's process is the place of its first row. */
static size_t pid_of(const mae_recorder *recorder, int row)
{
    size_t first = 0;
    while (strcmp(recorder->rows[first].resource, recorder->rows[row].resource) != 0)
        first++;
    return HOST_PID + 1 + first;
}

static void put_rows(writer *w)
{
    for (size_t i = 0; i < w->recorder->n_rows; i++) {
        size_t pid = pid_of(w->recorder, (int)i);
        if (pid == HOST_PID + 1 + i) {
            begin_line(w);
            fprintf(w->out, "\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%zu,\"args\":{\"name\":", pid);
            put_text(w, w->recorder->rows[i].resource);
            fputs("}}", w->out);
        }
        begin_line(w);
        fprintf(w->out, "\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%zu,\"tid\":%zu,\"args\":{\"name\":", pid,
                i + 1);
        put_text(w, w->recorder->rows[i].pe);
        fputs("}}", w->out);
    }
}

static void put_name(writer *w, const mae_recorder_event *e)
{
    const mae_recorder *recorder = w->recorder;
    char name[512];
    bool named = (size_t)e->last < recorder->n_layers, single = e->first == e->last;
    if (e->kind == MAE_RECORDER_MOVE)
        snprintf(name, sizeof name, "%s%s", e->last ? "to the PE: " : "from the PE: ",
                 (size_t)e->first < recorder->n_tensors ? recorder->tensors[e->first] : "tensor");
    else if (named)
        snprintf(name, sizeof name, "%.240s%s%.240s", recorder->layers[e->first], single ? "" : " .. ",
                 single ? "" : recorder->layers[e->last]);
    else
        snprintf(name, sizeof name, "layers %d to %d", e->first, e->last);
    put_text(w, name);
}

/* A complete event: its times are microseconds. */
static void put_span(writer *w, const mae_recorder_event *e)
{
    begin_line(w);
    fputs("\"name\":", w->out);
    put_name(w, e);
    fprintf(w->out, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":%zu,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f,\"args\":{",
            e->kind == MAE_RECORDER_MOVE ? "transfer" : "segment", pid_of(w->recorder, e->track), e->track + 1,
            us_of(w, e->begin_ns), (double)(e->end_ns - e->begin_ns) * US_OF_NS);
    fprintf(w->out, "\"frame\":%" PRIu64, e->frame);
    if (e->kind == MAE_RECORDER_SEGMENT)
        fprintf(w->out, ",\"first\":%d,\"last\":%d", e->first, e->last);
    if (e->text >= 0) {
        fputs(",\"of\":", w->out);
        put_text(w, text_of(w->recorder, e->text));
    }
    fputs("}}", w->out);
}

static void put_step(writer *w, const line *l)
{
    const mae_recorder_event *e = l->event;
    if (l->step == STEP_NONE)
        return;
    begin_line(w);
    fprintf(w->out, "\"name\":\"frame\",\"cat\":\"frame\",\"ph\":\"%c\",\"id\":%" PRIu64 ",", "-stf"[l->step],
            e->frame);
    fprintf(w->out, "\"pid\":%zu,\"tid\":%d,\"ts\":%.3f%s}", pid_of(w->recorder, e->track), e->track + 1,
            us_of(w, e->begin_ns), l->step == STEP_END ? ",\"bp\":\"e\"" : "");
}

static void put_mark(writer *w, const mae_recorder_event *e)
{
    begin_line(w);
    fputs("\"name\":", w->out);
    put_text(w, text_of(w->recorder, e->text));
    fprintf(w->out, ",\"ph\":\"i\",\"s\":\"g\",\"pid\":%d,\"tid\":0,\"ts\":%.3f,\"args\":{\"frame\":%" PRIu64 "}}",
            HOST_PID, us_of(w, e->begin_ns), e->frame);
}

static void put_watts(writer *w, const mae_recorder_event *e)
{
    begin_line(w);
    fputs("\"name\":", w->out);
    put_text(w, text_of(w->recorder, e->text));
    fprintf(w->out, ",\"ph\":\"C\",\"pid\":%d,\"ts\":%.3f,\"args\":{\"W\":%.6g}}", HOST_PID, us_of(w, e->begin_ns),
            e->watts);
}

static void put_line(writer *w, const line *l)
{
    switch (l->event->kind) {
    case MAE_RECORDER_SEGMENT:
    case MAE_RECORDER_MOVE:
        put_span(w, l->event);
        put_step(w, l);
        break;
    case MAE_RECORDER_MARK:
        put_mark(w, l->event);
        break;
    case MAE_RECORDER_WATTS:
        put_watts(w, l->event);
        break;
    }
}

mae_error *mae_recorder_to_json(const mae_recorder *recorder, char **ret_text)
{
    char *text = NULL;
    size_t size;
    writer w = {.recorder = recorder, .out = open_memstream(&text, &size)};
    mae_error *error = w.out ? put_in_order(&w) : mae_error_nomem();
    if (!error) {
        fputs("{\"displayTimeUnit\":\"ms\",\"otherData\":{\"model\":", w.out);
        put_text(&w, recorder->model ? recorder->model : "");
        fprintf(w.out, ",\"frames\":%" PRIu64 ",\"lost_events\":%zu},\"traceEvents\":[", atomic_load(&recorder->frames),
                mae_recorder_lost(recorder));
        put_rows(&w);
        for (size_t i = 0; i < w.n; i++)
            put_line(&w, &w.lines[i]);
        fputs("\n]}\n", w.out);
    }
    bool failed = w.out && (ferror(w.out) | fclose(w.out));
    free(w.lines);
    if (!error && failed)
        error = mae_error_nomem();
    if (error)
        free(text);
    else
        *ret_text = text;
    return error;
}
