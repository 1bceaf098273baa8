#include "cli/stream_trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/message.h"
#include "cli/trace.h"

#define MOST_PES 48

typedef struct row {
    const char *pe; /* as the session has it: the same pointer for the same PE, mostly */
    int track;
} row;

struct cli_stream_trace {
    mae_recorder *recorder;
    const mae_context *context;
    const char *path;
    size_t n;
    row rows[MOST_PES];
    int switched, again, watts; /* texts */
    int rule_line, rule;        /* the last frame's, and its text */
};

static int make_recorder(cli_stream_trace *t, const mae_graph *graph)
{
    CLI_TRY(cli_report(mae_recorder_create(graph, CLI_TRACE_EVENTS, &t->recorder)));
    CLI_TRY(cli_report(mae_recorder_text(t->recorder, "switch", &t->switched)));
    CLI_TRY(cli_report(mae_recorder_text(t->recorder, "begun again", &t->again)));
    return cli_report(mae_recorder_text(t->recorder, "power", &t->watts));
}

int cli_stream_trace_open(const char *path, const mae_context *context, const mae_graph *graph,
                          cli_stream_trace **ret_trace)
{
    CLI_TRY(cli_file_probe(path));
    cli_stream_trace *t = calloc(1, sizeof *t);
    if (!t)
        return cli_nomem();
    t->path = path;
    t->context = context;
    int status = make_recorder(t, graph);
    if (status) {
        mae_recorder_destroy(t->recorder);
        free(t);
        return status;
    }
    *ret_trace = t;
    return 0;
}

static const char *resource_of(const cli_stream_trace *t, const char *pe)
{
    const mae_pe_info *infos = NULL;
    size_t n = t->context ? mae_context_pes(t->context, &infos) : 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(infos[i].name, pe) == 0)
            return infos[i].resource;
    return pe;
}

/* Only a PE that has not been seen before makes a track. */
static int track_of(cli_stream_trace *t, const char *pe)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].pe == pe)
            return t->rows[i].track;
    int track = -1;
    mae_error *error = mae_recorder_track(t->recorder, resource_of(t, pe), pe, &track);
    if (!error && t->n < MOST_PES)
        t->rows[t->n++] = (row){pe, track};
    mae_error_free(error);
    return track;
}

static uint64_t ns_of(double ms)
{
    return ms > 0 ? (uint64_t)llround(ms * 1e6) : 0;
}

/* What of the rules file a frame was run by. A run of frames by one rule asks once. */
static int text_of_rule(cli_stream_trace *t, int line)
{
    char text[32];
    if (line <= 0)
        return -1;
    if (line == t->rule_line)
        return t->rule;
    snprintf(text, sizeof text, "rule of line %d", line);
    int id = -1;
    mae_error_free(mae_recorder_text(t->recorder, text, &id)); /* no room: unsaid */
    t->rule_line = line;
    t->rule = id;
    return id;
}

void cli_stream_trace_frame(cli_stream_trace *t, size_t frame, double begin_ms, const mae_live_frame *live)
{
    if (!t)
        return;
    int rule = text_of_rule(t, live->rule_line);
    for (size_t i = 0; i < live->n_segments; i++) {
        const mae_frame_segment *s = &live->segments[i];
        const mae_recorder_span span = {track_of(t, s->pe), frame, ns_of(begin_ms + s->begin_ms),
                                        ns_of(begin_ms + s->end_ms), rule};
        if (span.track >= 0)
            mae_recorder_segment(t->recorder, &span, s->first, s->last);
    }
    if (live->switched || live->repeats > 0)
        mae_recorder_mark(t->recorder, live->repeats ? t->again : t->switched, frame, ns_of(begin_ms));
}

void cli_stream_trace_watts(cli_stream_trace *t, double at_ms, double watts)
{
    if (t && !isnan(watts))
        mae_recorder_watts(t->recorder, t->watts, ns_of(at_ms), watts);
}

int cli_stream_trace_close(cli_stream_trace *t)
{
    if (!t)
        return 0;
    int status = cli_trace_write(t->path, t->recorder);
    mae_recorder_destroy(t->recorder);
    free(t);
    return status;
}
