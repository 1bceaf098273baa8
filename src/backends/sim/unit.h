/* A segment on a virtual PE: inside of unit.c, which runs it, and describe.c, which compiles it. */
#ifndef MAE_BACKENDS_SIM_UNIT_H
#define MAE_BACKENDS_SIM_UNIT_H

#include "backends/sim/pe.h"
#include "base/arena.h"

#define SIM_MOST_SKIPPED 64

typedef struct sim_layer {
    uint64_t name_hash;
    const int *inputs, *outputs; /* local tensors */
} sim_layer;

/* A tensor that the segment touches. */
typedef struct sim_local {
    int tensor;    /* of the graph */
    int profile;   /* of the profile; -1: not in it, costs nothing to move */
    uint64_t seed; /* of its values, when produced here */
    uint64_t digest;
} sim_local;

typedef struct sim_unit {
    mae_unit base;
    mae_arena *arena;
    const mae_graph *graph;
    const mae_segment *segment;
    mae_buffer *const *inputs, *const *outputs;
    sim_layer *layers;
    size_t n_locals;
    sim_local *locals;
    const int *input_locals, *output_locals;
    mae_unit *delegate; /* of the reference engine; NULL: values are made up */

    /* A run's parts: inputs brought, what the segment costs beside its layers, layers, outputs brought. */
    size_t n_phases, other, layers_at, outputs_at;
    int priced_for; /* PE of the profile whose costs are in the phases */
    sim_phase *phases;
    size_t **uses; /* per input: sim_soc_fetch()'s */
    size_t *n_uses;
    double *spent_ns; /* per phase; in this run */
    size_t runs;
    double *sums_ns; /* per phase; over the runs so far, then over the first 1, 2, ... SIM_MOST_SKIPPED runs */
} sim_unit;

/* The costs of the profile's PE that `pe` is at present. MAE_ERR_UNSUPPORTED for a layer that it cannot run. */
MAE_MUST_CHECK mae_error *sim_unit_price(sim_unit *unit, const sim_pe *pe);

#endif
