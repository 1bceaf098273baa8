#include "cli/trace.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/message.h"

/* A row of the picture for each PE, in the order of their first segments. */
static int row_of(const mae_frame_segment *segments, size_t i)
{
    int row = 0;
    for (size_t j = 0; j < i; j++) {
        if (strcmp(segments[j].pe, segments[i].pe) == 0)
            return row_of(segments, j);
        bool first = true;
        for (size_t k = 0; k < j && first; k++)
            first = strcmp(segments[k].pe, segments[j].pe) != 0;
        row += first;
    }
    return row;
}

/* A complete event ("ph": "X") of the Trace Event Format; its times are microseconds. */
static json_t *segment_event(const mae_frame_segment *segments, size_t i, const mae_graph *graph)
{
    const mae_frame_segment *s = &segments[i];
    const char *first = graph->layers[s->first].name, *last = graph->layers[s->last].name;
    bool single = s->first == s->last;
    char *name;
    if (asprintf(&name, "%s%s%s", first, single ? "" : " .. ", single ? "" : last) < 0)
        return NULL;
    json_t *event = json_pack("{s:s,s:s,s:s,s:i,s:i,s:f,s:f,s:{s:s,s:i}}", "name", name, "cat", "segment", "ph", "X",
                              "pid", 1, "tid", row_of(segments, i), "ts", s->begin_ms * 1e3, "dur",
                              (s->end_ms - s->begin_ms) * 1e3, "args", "pe", s->pe, "layers", s->last - s->first + 1);
    free(name);
    return event;
}

/* Gives the row its PE's name. */
static json_t *row_event(const mae_frame_segment *segments, size_t i)
{
    return json_pack("{s:s,s:s,s:i,s:i,s:{s:s}}", "name", "thread_name", "ph", "M", "pid", 1, "tid",
                     row_of(segments, i), "args", "name", segments[i].pe);
}

int cli_trace_write(const char *path, const mae_session *session, const mae_graph *graph)
{
    const mae_frame_segment *segments;
    double latency_ms;
    size_t n = mae_session_frame(session, &segments, &latency_ms);
    json_t *events = json_array();
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        failed |= json_array_append_new(events, row_event(segments, i));
        failed |= json_array_append_new(events, segment_event(segments, i, graph));
    }
    json_t *root = json_pack("{s:o,s:s,s:{s:s,s:f}}", "traceEvents", events, "displayTimeUnit", "ms", "otherData",
                             "model", graph->name, "latency_ms", latency_ms);
    char *text = failed ? NULL : json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (!text)
        return cli_nomem();
    int status = cli_file_write(path, text, strlen(text));
    free(text);
    return status;
}
