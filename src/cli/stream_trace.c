#include "cli/stream_trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

#define MOST_FRAMES 200000u /* what viewers can bear */
#define MOST_PES 48

struct cli_stream_trace {
    FILE *file;
    char *path;
    bool any;
    size_t frames, n_pes;
    const char *pes[MOST_PES]; /* a row each */
};

static void begin_event(cli_stream_trace *t)
{
    fputs(t->any ? ",\n" : "\n", t->file);
    t->any = true;
}

/* Names come from files: what JSON would take for something else is left out. */
static void put_text(cli_stream_trace *t, const char *text)
{
    fputc('"', t->file);
    for (; *text; text++)
        if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
            fputc(*text, t->file);
    fputc('"', t->file);
}

static size_t row_of(cli_stream_trace *t, const char *pe)
{
    size_t row = 0;
    while (row < t->n_pes && t->pes[row] != pe && strcmp(t->pes[row], pe) != 0)
        row++;
    if (row < t->n_pes || row == MOST_PES)
        return row;
    t->pes[t->n_pes++] = pe;
    begin_event(t);
    fprintf(t->file, "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"args\":{\"name\":", row + 1);
    put_text(t, pe);
    fputs("}}", t->file);
    return row;
}

int cli_stream_trace_open(const char *path, cli_stream_trace **ret_trace)
{
    cli_stream_trace *t = calloc(1, sizeof *t);
    if (!t || !(t->path = strdup(path))) {
        free(t);
        return cli_nomem();
    }
    t->file = fopen(path, "we");
    if (!t->file) {
        int status = cli_error(MAE_ERR_FAILED, "%s: %s", path, strerror(errno));
        free(t->path);
        free(t);
        return status;
    }
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", t->file);
    *ret_trace = t;
    return 0;
}

void cli_stream_trace_frame(cli_stream_trace *t, size_t frame, double arrival_ms, double begin_ms,
                            const mae_live_frame *live)
{
    if (!t || t->frames++ >= MOST_FRAMES)
        return;
    for (size_t i = 0; i < live->n_segments; i++) {
        const mae_frame_segment *s = &live->segments[i];
        size_t row = row_of(t, s->pe);
        begin_event(t);
        fprintf(t->file,
                "{\"name\":\"frame %zu, layers %d to %d\",\"ph\":\"X\",\"pid\":1,\"tid\":%zu,\"ts\":%.3f,\"dur\":%.3f,"
                "\"args\":{\"waited_ms\":%.4f,\"rule_line\":%d}}",
                frame, s->first, s->last, row + 1, (begin_ms + s->begin_ms) * 1e3, (s->end_ms - s->begin_ms) * 1e3,
                begin_ms - arrival_ms, live->rule_line);
    }
    if (!live->switched && live->repeats == 0)
        return;
    begin_event(t);
    fprintf(t->file,
            "{\"name\":\"%s\",\"ph\":\"i\",\"s\":\"g\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"args\":{\"repeats\":%u,"
            "\"rule_line\":%d}}",
            live->repeats ? "begun again" : "switch", begin_ms * 1e3, live->repeats, live->rule_line);
}

int cli_stream_trace_close(cli_stream_trace *t)
{
    if (!t)
        return 0;
    fputs("\n]}\n", t->file);
    bool failed = ferror(t->file) != 0;
    failed = fclose(t->file) != 0 || failed;
    int status = failed ? cli_error(MAE_ERR_FAILED, "%s: cannot be written", t->path) : 0;
    free(t->path);
    free(t);
    return status;
}
