#include "support/trace_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/schema.h"

#define SLACK_US 0.0015 /* times are printed to the nanosecond: of a begin and a length */

typedef struct span {
    size_t index;
    long pid, tid, frame;
    double begin, end;
    bool segment;
} span;

typedef struct step {
    long frame;
    char phase;
    double at;
    long tid;
} step;

typedef struct trace {
    size_t n_spans, n_steps;
    span *spans;
    step *steps;
    trace_counts counts;
} trace;

static double number(const json_t *object, const char *key, size_t index)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("event %zu has no %s", index, key);
    return json_number_value(value);
}

static bool is_phase(const json_t *event, const char *phase)
{
    return strcmp(json_string_value(json_object_get(event, "ph")), phase) == 0;
}

/* The track has been named before. */
static void expect_named(const json_t *events, size_t index, const char *what, double pid, double tid)
{
    for (size_t i = 0; i < index; i++) {
        const json_t *event = json_array_get(events, i);
        if (is_phase(event, "M") && strcmp(json_string_value(json_object_get(event, "name")), what) == 0 &&
            number(event, "pid", i) == pid && (tid < 0 || number(event, "tid", i) == tid))
            return;
    }
    fail_msg("event %zu: no %s before it", index, what);
}

static void take_span(trace *t, const json_t *events, size_t index)
{
    const json_t *event = json_array_get(events, index), *args = json_object_get(event, "args");
    double begin = number(event, "ts", index), tid = number(event, "tid", index), pid = number(event, "pid", index);
    bool segment = strcmp(json_string_value(json_object_get(event, "cat")), "segment") == 0;
    expect_named(events, index, "process_name", pid, -1);
    expect_named(events, index, "thread_name", pid, tid);
    if (segment && number(args, "first", index) > number(args, "last", index))
        fail_msg("event %zu: ends before it begins", index);
    t->spans[t->n_spans++] = (span){
        index,  (long)pid, (long)tid, (long)number(args, "frame", index), begin, begin + number(event, "dur", index),
        segment};
    t->counts.segments += segment;
    t->counts.transfers += !segment;
}

static void take(trace *t, const json_t *events, size_t index)
{
    const json_t *event = json_array_get(events, index);
    char phase = *json_string_value(json_object_get(event, "ph"));
    if (phase == 'X')
        take_span(t, events, index);
    else if (phase == 's' || phase == 't' || phase == 'f')
        t->steps[t->n_steps++] = (step){(long)number(event, "id", index), phase, number(event, "ts", index),
                                        (long)number(event, "tid", index)};
    t->counts.marks += phase == 'i';
    t->counts.watts += phase == 'C';
    t->counts.tracks += phase == 'M' && strcmp(json_string_value(json_object_get(event, "name")), "thread_name") == 0;
}

/* ---- spans ---- */

static int by_track(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->tid != y->tid)
        return x->tid < y->tid ? -1 : 1;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end);
}

/* Segments of a track follow each other; a transfer lies within a segment of its frame. */
static void check_tracks(const trace *t)
{
    const span *last = NULL;
    for (size_t i = 0; i < t->n_spans; i++) {
        const span *s = &t->spans[i];
        if (last && last->tid != s->tid)
            last = NULL;
        if (s->segment && last && s->begin < last->end - SLACK_US)
            fail_msg("event %zu begins at %f us, within event %zu", s->index, s->begin, last->index);
        last = s->segment ? s : last;
        if (s->segment)
            continue;
        bool within = false;
        for (size_t k = 0; k < t->n_spans && !within; k++) {
            const span *o = &t->spans[k];
            within = o->segment && o->tid == s->tid && o->frame == s->frame && o->begin <= s->begin + SLACK_US &&
                     s->end <= o->end + SLACK_US;
        }
        if (!within)
            fail_msg("event %zu is within no segment of its frame", s->index);
    }
}

static size_t count_overlaps(const trace *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_spans; i++) {
        bool overlaps = false;
        for (size_t k = 0; k < t->n_spans && t->spans[i].segment && !overlaps; k++) {
            const span *a = &t->spans[i], *b = &t->spans[k];
            overlaps = b->segment && b->pid != a->pid && b->begin <= a->begin && a->begin < b->end - SLACK_US;
        }
        n += overlaps;
    }
    return n;
}

/* ---- flows ---- */

static size_t count_steps(const trace *t, long frame, char phase)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_steps; i++)
        n += t->steps[i].frame == frame && t->steps[i].phase == phase;
    return n;
}

/* Each step lies where a segment of its frame begins; the first and the last where the first and the last one do. */
static void check_step(const trace *t, const step *own)
{
    bool there = false;
    for (size_t i = 0; i < t->n_spans; i++) {
        const span *s = &t->spans[i];
        if (!s->segment || s->frame != own->frame)
            continue;
        there = there || (s->tid == own->tid && s->begin == own->at);
        if ((own->phase == 's' && s->begin < own->at) || (own->phase == 'f' && s->begin > own->at))
            fail_msg("frame %ld: its flow does not %s with event %zu", own->frame, own->phase == 's' ? "begin" : "end",
                     s->index);
    }
    if (!there)
        fail_msg("frame %ld: a step of its flow at %f us is at no segment", own->frame, own->at);
}

static void check_flows(trace *t)
{
    for (size_t i = 0; i < t->n_steps; i++)
        check_step(t, &t->steps[i]);
    for (size_t i = 0; i < t->n_spans; i++) {
        const span *s = &t->spans[i];
        size_t segments = 0, before = 0;
        for (size_t k = 0; k < t->n_spans; k++) {
            bool same = t->spans[k].segment && t->spans[k].frame == s->frame;
            segments += same;
            before += same && k < i;
        }
        if (!s->segment || before > 0) /* each frame once */
            continue;
        size_t flows = segments > 1;
        if (count_steps(t, s->frame, 's') != flows || count_steps(t, s->frame, 'f') != flows ||
            count_steps(t, s->frame, 't') != (flows > 0 ? segments - 2 : 0))
            fail_msg("frame %ld of %zu segments: not one step for each", s->frame, segments);
        t->counts.flows += flows;
    }
}

trace_counts trace_check_text(const char *text)
{
    json_t *json = schema_check_text("schemas/mae-trace.schema.json", text);
    const json_t *events = json_object_get(json, "traceEvents");
    size_t n = json_array_size(events);
    trace t = {.spans = calloc(n + 1, sizeof *t.spans), .steps = calloc(n + 1, sizeof *t.steps)};
    assert_true(t.spans && t.steps);
    for (size_t i = 0; i < n; i++)
        take(&t, events, i);
    qsort(t.spans, t.n_spans, sizeof *t.spans, by_track);
    check_tracks(&t);
    check_flows(&t);
    t.counts.overlaps = count_overlaps(&t);
    t.counts.lost = (size_t)json_integer_value(json_object_get(json_object_get(json, "otherData"), "lost_events"));
    free(t.spans);
    free(t.steps);
    json_decref(json);
    return t.counts;
}

trace_counts trace_check_file(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    trace_counts counts = trace_check_text(text);
    free(text);
    return counts;
}
