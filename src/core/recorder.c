/* Recording traces. */
#include "core/recorder.h"

#include <stdlib.h>
#include <string.h>

#define MOST_EVENTS 4000000u /* what viewers can bear, and more */

static mae_error *copy_names(mae_recorder *recorder, const mae_graph *graph)
{
    recorder->model = mae_arena_strdup(recorder->arena, graph->name ? graph->name : "");
    recorder->layers = mae_arena_array(recorder->arena, graph->n_layers, sizeof *recorder->layers);
    recorder->tensors = mae_arena_array(recorder->arena, graph->n_tensors, sizeof *recorder->tensors);
    if (!recorder->model || !recorder->layers || !recorder->tensors)
        return mae_error_nomem();
    for (size_t i = 0; i < graph->n_layers; i++)
        if (!(recorder->layers[i] = mae_arena_strdup(recorder->arena, graph->layers[i].name)))
            return mae_error_nomem();
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (!(recorder->tensors[i] = mae_arena_strdup(recorder->arena, graph->tensors[i].name)))
            return mae_error_nomem();
    recorder->n_layers = graph->n_layers;
    recorder->n_tensors = graph->n_tensors;
    return NULL;
}

static mae_error *fill(mae_recorder *recorder, const mae_graph *graph, size_t most_events)
{
    recorder->arena = mae_arena_create();
    recorder->room = most_events < MOST_EVENTS ? most_events : MOST_EVENTS;
    recorder->events = malloc((recorder->room + 1) * sizeof *recorder->events);
    if (!recorder->arena || !recorder->events)
        return mae_error_nomem();
    /* So that no frame is the first to touch a page. */
    memset(recorder->events, 0, (recorder->room + 1) * sizeof *recorder->events);
    return graph ? copy_names(recorder, graph) : NULL;
}

mae_error *mae_recorder_create(const mae_graph *graph, size_t most_events, mae_recorder **ret_trace)
{
    mae_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return mae_error_nomem();
    mae_error *error = fill(recorder, graph, most_events);
    if (error) {
        mae_recorder_destroy(recorder);
        return error;
    }
    *ret_trace = recorder;
    return NULL;
}

void mae_recorder_destroy(mae_recorder *recorder)
{
    if (!recorder)
        return;
    mae_arena_destroy(recorder->arena);
    free(recorder->rows);
    free(recorder->texts);
    free(recorder->events);
    free(recorder);
}

mae_error *mae_recorder_track(mae_recorder *recorder, const char *resource, const char *pe, int *ret_track)
{
    for (size_t i = 0; i < recorder->n_rows; i++)
        if (strcmp(recorder->rows[i].resource, resource) == 0 && strcmp(recorder->rows[i].pe, pe) == 0) {
            *ret_track = (int)i;
            return NULL;
        }
    mae_recorder_row *rows = realloc(recorder->rows, (recorder->n_rows + 1) * sizeof *rows);
    if (!rows)
        return mae_error_nomem();
    recorder->rows = rows;
    rows[recorder->n_rows] =
        (mae_recorder_row){mae_arena_strdup(recorder->arena, resource), mae_arena_strdup(recorder->arena, pe)};
    if (!rows[recorder->n_rows].resource || !rows[recorder->n_rows].pe)
        return mae_error_nomem();
    *ret_track = (int)recorder->n_rows++;
    return NULL;
}

mae_error *mae_recorder_text(mae_recorder *recorder, const char *text, int *ret_text)
{
    for (size_t i = 0; i < recorder->n_texts; i++)
        if (strcmp(recorder->texts[i], text) == 0) {
            *ret_text = (int)i;
            return NULL;
        }
    const char **texts = realloc(recorder->texts, (recorder->n_texts + 1) * sizeof *texts);
    if (!texts)
        return mae_error_nomem();
    recorder->texts = texts;
    texts[recorder->n_texts] = mae_arena_strdup(recorder->arena, text);
    if (!texts[recorder->n_texts])
        return mae_error_nomem();
    *ret_text = (int)recorder->n_texts++;
    return NULL;
}

uint64_t mae_recorder_next_frame(mae_recorder *recorder)
{
    return atomic_fetch_add_explicit(&recorder->frames, 1, memory_order_relaxed);
}

static void record(mae_recorder *recorder, const mae_recorder_event *event)
{
    size_t i = atomic_fetch_add_explicit(&recorder->n, 1, memory_order_relaxed);
    if (i < recorder->room)
        recorder->events[i] = *event;
}

void mae_recorder_segment(mae_recorder *recorder, const mae_recorder_span *span, int first, int last)
{
    const mae_recorder_event event = {MAE_RECORDER_SEGMENT, span->track,    span->text,   first, last,
                                      span->frame,          span->begin_ns, span->end_ns, 0};
    record(recorder, &event);
}

void mae_recorder_move(mae_recorder *recorder, const mae_recorder_span *span, int tensor, bool to_pe)
{
    const mae_recorder_event event = {MAE_RECORDER_MOVE, span->track,    span->text,   tensor, to_pe,
                                      span->frame,       span->begin_ns, span->end_ns, 0};
    record(recorder, &event);
}

void mae_recorder_mark(mae_recorder *recorder, int text, uint64_t frame, uint64_t at_ns)
{
    const mae_recorder_event event = {MAE_RECORDER_MARK, -1, text, 0, 0, frame, at_ns, at_ns, 0};
    record(recorder, &event);
}

void mae_recorder_watts(mae_recorder *recorder, int text, uint64_t at_ns, double watts)
{
    const mae_recorder_event event = {MAE_RECORDER_WATTS, -1, text, 0, 0, 0, at_ns, at_ns, watts};
    record(recorder, &event);
}

size_t mae_recorder_lost(const mae_recorder *recorder)
{
    size_t n = atomic_load(&recorder->n);
    return n > recorder->room ? n - recorder->room : 0;
}
