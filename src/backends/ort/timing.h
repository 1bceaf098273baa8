/* Where the time of a unit goes: the engine's own profile, brought back to layers.
 *
 * A place is what a time is booked on: layer i of the segment is place i, then come the segment's
 * inputs, then its outputs.
 */
#ifndef MAE_BACKENDS_ORT_TIMING_H
#define MAE_BACKENDS_ORT_TIMING_H

#include "ort.h"

#define MAE_ORT_NOWHERE (-1)

typedef struct mae_ort_timing mae_ort_timing;

/* Makes a private folder for the engine's files, and says in `config` what to write there. */
MAE_MUST_CHECK mae_error *mae_ort_timing_create(mae_ort_session_config *config, mae_ort_timing **ret_timing);

/* Removes the folder with everything in it. After the session is released. Takes NULL. */
void mae_ort_timing_destroy(mae_ort_timing *timing);

/* Reads the optimised model that making the session has left, once. */
MAE_MUST_CHECK mae_error *mae_ort_timing_read_model(mae_ort_timing *timing, const mae_graph *graph,
                                                    const mae_segment *segment);

/* The same of a session made of an optimised model, which is given. */
MAE_MUST_CHECK mae_error *mae_ort_timing_take_model(mae_ort_timing *timing, const mae_graph *graph,
                                                    const mae_segment *segment, const void *data, size_t size);

/* Ends the engine's profiling and reads what it wrote. Later runs of the session are plain ones. */
MAE_MUST_CHECK mae_error *mae_ort_timing_stop(mae_ort_timing *timing, const mae_ort *ort, OrtSession *session);

/* How many runs were timed. */
size_t mae_ort_timing_runs(const mae_ort_timing *timing);

/* Fills `times` (see mae_pe_ops.layer_ns) from the timed runs after the first `skip`, given the times of
 * plain runs, which are sorted. */
MAE_MUST_CHECK mae_error *mae_ort_timing_average(const mae_ort_timing *timing, size_t skip, double *plain_ns,
                                                 size_t n_plain, mae_layer_times *times);

/* -- places.c: which node of the optimised model belongs where -- */

typedef struct mae_ort_place {
    char *name; /* of the node */
    int place;
    bool nests; /* runs subgraphs, whose nodes the profile lists too */
} mae_ort_place;

typedef struct mae_ort_places {
    size_t n;
    mae_ort_place *entries; /* sorted by name */
} mae_ort_places;

/* The segment's model with the layer written into every node's name, by which the nodes are known again
 * after the engine has fused them. `ret_data` is freed with free(). */
MAE_MUST_CHECK mae_error *mae_ort_places_mark(const mae_onnx_blob *model, const mae_graph *graph,
                                              const mae_segment *segment, void **ret_data, size_t *ret_size);
MAE_MUST_CHECK mae_error *mae_ort_places_read(const void *data, size_t size, const mae_graph *graph,
                                              const mae_segment *segment, mae_ort_places *ret_places);
const mae_ort_place *mae_ort_places_find(const mae_ort_places *places, const char *name, size_t length);
void mae_ort_places_finish(mae_ort_places *places);

/* -- events.c: what happened in each run -- */

typedef struct mae_ort_run {
    double total_ns;
    double call_ns; /* of it, outside the executor: taking inputs, handing out outputs */
} mae_ort_run;

/* What one run did at one place. */
typedef struct mae_ort_visit {
    double ns;
    double nodes;
} mae_ort_visit;

typedef struct mae_ort_runs {
    size_t n_places;
    size_t n, capacity;
    mae_ort_run *runs;
    mae_ort_visit *visits; /* n x n_places, row-major */
} mae_ort_runs;

/* Reads the profile the engine wrote. */
MAE_MUST_CHECK mae_error *mae_ort_runs_read(const char *path, const mae_ort_places *places, mae_ort_runs *runs);
void mae_ort_runs_finish(mae_ort_runs *runs);

#endif
