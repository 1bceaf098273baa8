/* Inside of traces (mae/recorder.h). */
#ifndef MAE_CORE_TIMELINE_H
#define MAE_CORE_TIMELINE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "mae/recorder.h"

typedef enum mae_recorder_kind {
    MAE_RECORDER_SEGMENT = 0,
    MAE_RECORDER_MOVE,
    MAE_RECORDER_MARK,
    MAE_RECORDER_WATTS
} mae_recorder_kind;

typedef struct mae_recorder_event {
    mae_recorder_kind kind;
    int track, text; /* -1: none */
    int first, last; /* layers; of a move: the tensor, and whether it goes to the PE */
    uint64_t frame;
    uint64_t begin_ns, end_ns;
    double watts;
} mae_recorder_event;

typedef struct mae_recorder_row {
    const char *resource, *pe;
} mae_recorder_row;

struct mae_recorder {
    mae_arena *arena;
    const char *model;
    size_t n_layers, n_tensors;
    const char **layers, **tensors;
    size_t n_rows, n_texts;
    mae_recorder_row *rows;
    const char **texts;
    size_t room;
    mae_recorder_event *events;
    _Atomic uint64_t frames;
    atomic_size_t n; /* recorded, those that found no room included */
};

#endif
