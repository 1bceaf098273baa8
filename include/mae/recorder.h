/* Recorders: what frames did, and when, for chrome://tracing and ui.perfetto.dev.
 *
 * Recording is for frames: memory is there before, nothing is allocated, formatted or locked, and several threads may
 * record at once. What finds no room is counted. Making tracks, and writing, are for before and after.
 */
#ifndef MAE_RECORDER_H
#define MAE_RECORDER_H

#include <stdint.h>

#include "mae/error.h"
#include "mae/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mae_recorder mae_recorder;

/* Room for so many events. With a graph (may be NULL; copied) layers and tensors have names. */
MAE_API MAE_MUST_CHECK mae_error *mae_recorder_create(const mae_graph *graph, size_t most_events,
                                                      mae_recorder **ret_trace);
MAE_API void mae_recorder_destroy(mae_recorder *recorder); /* takes NULL */

/* The track of a PE of a resource: the same number for the same names. */
MAE_API MAE_MUST_CHECK mae_error *mae_recorder_track(mae_recorder *recorder, const char *resource, const char *pe,
                                                     int *ret_track);
/* A number for a text: what a run is of ("greedy"), what a mark says, a rail. */
MAE_API MAE_MUST_CHECK mae_error *mae_recorder_text(mae_recorder *recorder, const char *text, int *ret_text);

/* Numbers of frames: 0, 1, ... */
MAE_API uint64_t mae_recorder_next_frame(mae_recorder *recorder);

/* Something that ran on a track from one time to another, by any one clock. */
typedef struct mae_recorder_span {
    int track;
    uint64_t frame;
    uint64_t begin_ns, end_ns;
    int text; /* what it is a run of; -1: unsaid */
} mae_recorder_span;

MAE_API void mae_recorder_segment(mae_recorder *recorder, const mae_recorder_span *span, int first, int last);
/* A tensor brought to a PE's own memory, or from there. */
MAE_API void mae_recorder_move(mae_recorder *recorder, const mae_recorder_span *span, int tensor, bool to_pe);
MAE_API void mae_recorder_mark(mae_recorder *recorder, int text, uint64_t frame, uint64_t at_ns);
MAE_API void mae_recorder_watts(mae_recorder *recorder, int text, uint64_t at_ns, double watts);

MAE_API size_t mae_recorder_lost(const mae_recorder *recorder); /* events that found no room */

/* Trace Event Format (docs/traces.md), zero-terminated; the caller frees it with free(). Nobody records
 * meanwhile. */
MAE_API MAE_MUST_CHECK mae_error *mae_recorder_to_json(const mae_recorder *recorder, char **ret_text);

#ifdef __cplusplus
}
#endif
#endif
