/* PEs and units of the ONNX Runtime backend. */
#ifndef MAE_BACKENDS_ORT_UNIT_H
#define MAE_BACKENDS_ORT_UNIT_H

#include "base/arena.h"
#include "ort.h"
#include "supports.h"
#include "timing.h"

typedef struct mae_ort_pe {
    mae_pe base;
    const mae_ort *ort;
    int threads;
    int *cores; /* n_cores; NULL: as inherited */
    size_t n_cores;
    bool placed; /* cores are a processor for every thread, cores[0] the caller's */
    mae_ort_provider provider;
    mae_ort_answers answers; /* of a provider other than the CPU's */
    bool asked;              /* is `native` known? */
    mae_layout native;       /* what the engine computes convolutions in */
} mae_ort_pe;

/* One side of a unit: the tensors of the segment that go in, or that come out. */
typedef struct mae_ort_side {
    size_t n;
    const int *tensors;
    const char **names; /* in the session's model */
    float **dense;      /* of an input that comes blocked and is brought out of it here; NULL for others */
    OrtValue **values;  /* over the buffers' memory; NULL for outputs the engine has to allocate */
    mae_buffer **buffers;
} mae_ort_side;

typedef struct mae_ort_unit {
    mae_unit base;
    const mae_ort *ort;
    const mae_graph *graph;
    mae_segment segment;
    mae_arena *arena;
    OrtSession *session;
    mae_ort_side inputs, outputs;
    bool bound;
    mae_ort_timing *timing; /* NULL unless MAE_COMPILE_TIMED */
} mae_ort_unit;

MAE_MUST_CHECK mae_error *mae_ort_unit_compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment,
                                               unsigned flags, mae_unit **ret_unit);
unsigned mae_ort_unit_layouts(mae_pe *pe);
MAE_MUST_CHECK mae_error *mae_ort_unit_compile_laid(mae_pe *pe, const mae_graph *graph, const mae_segment *segment,
                                                    unsigned flags, const mae_borders *borders, mae_unit **ret_unit);
MAE_MUST_CHECK mae_error *mae_ort_unit_bind(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs);
MAE_MUST_CHECK mae_error *mae_ort_unit_run(mae_unit *unit);
void mae_ort_unit_discard(mae_unit *unit);
MAE_MUST_CHECK mae_error *mae_ort_unit_layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times);

#endif
