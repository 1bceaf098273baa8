/* A compiled segment: steps (primitives) over values (tensors in one layout) in storages (memory). */
#ifndef MAE_BACKENDS_ONEDNN_UNIT_H
#define MAE_BACKENDS_ONEDNN_UNIT_H

#include <stdint.h>

#include "backends/onednn/api.h"
#include "base/scratch.h"
#include "mae/backend.h"

typedef struct mae_dnn_pe {
    mae_pe base;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr; /* no post-ops; scratchpad given by us */
    int threads;
    int *cores; /* n_cores processors its threads stay on, as it was opened; NULL: as inherited */
    size_t n_cores;
    void (*set_threads)(int); /* OpenMP's, of the calling thread; NULL without OpenMP */
    int *places;              /* a processor for each thread; NULL: the scheduler's business */
    bool relu_multiplies;     /* its Relu is a product with 0, so that minus infinity is not 0 */
} mae_dnn_pe;

typedef enum mae_dnn_place {
    MAE_DNN_ARENA,   /* in the unit's arena, shared by storages that are never alive together */
    MAE_DNN_INPUT,   /* a bound buffer */
    MAE_DNN_OUTPUT,  /* a bound buffer */
    MAE_DNN_CONSTANT /* weights */
} mae_dnn_place;

typedef struct mae_dnn_storage {
    mae_dnn_place place;
    size_t border; /* which input or output of the segment */
    size_t bytes;
    size_t offset;   /* in the arena, which is a part of the scratch memory */
    void *data;      /* of a constant, owned; NULL in a trial */
    int first, last; /* steps between which it is alive; first > last: never */
} mae_dnn_storage;

typedef struct mae_dnn_value {
    int storage;
    size_t offset; /* bytes from the start of the storage */
    mae_dnn_layout layout;
    int tensor; /* of the graph, -1: none */
    int next;   /* another value of the same tensor, or -1 */
    dnnl_memory_t memory;
} mae_dnn_value;

typedef struct mae_dnn_arg {
    int id; /* DNNL_ARG_... */
    int value;
} mae_dnn_arg;

typedef enum mae_dnn_owner { MAE_DNN_OF_LAYER, MAE_DNN_OF_INPUT, MAE_DNN_OF_OUTPUT } mae_dnn_owner;

typedef struct mae_dnn_step {
    dnnl_primitive_desc_t pd; /* NULL: fill args[0] with `fill` */
    dnnl_primitive_t primitive;
    dnnl_memory_t scratchpad;
    mae_dnn_owner owner; /* whose time it is ... */
    size_t owner_index;  /* ... in the segment */
    float fill;
    size_t n_args;
    mae_dnn_arg *args;
    size_t n_exec;
    dnnl_exec_arg_t *exec;
} mae_dnn_step;

typedef struct mae_dnn_timer mae_dnn_timer;

typedef struct mae_dnn_unit {
    mae_unit base;
    mae_dnn_pool pool;
    size_t n_layers, n_inputs, n_outputs;
    size_t n_storages, n_values, n_steps;
    mae_dnn_storage *storages;
    mae_dnn_value *values;
    mae_dnn_step *steps;
    size_t arena_bytes;   /* of values */
    size_t scratch_bytes; /* and of the scratchpad behind them: taken for each run */
    mae_scratch scratch;  /* where handles point to */
    mae_dnn_timer *timer; /* NULL: not timed */
} mae_dnn_unit;

/* Sets the number of threads for the calling thread. */
void mae_dnn_use_threads(const mae_dnn_pe *pe);
MAE_MUST_CHECK mae_error *mae_dnn_find_places(mae_dnn_pe *pe, const mae_pe_config *config);

/* Finds what the library gets wrong on this processor, by asking it. */
MAE_MUST_CHECK mae_error *mae_dnn_find_faults(mae_dnn_pe *pe);

/* An error for a status of the library; NULL for success. */
MAE_MUST_CHECK mae_error *mae_dnn_check(dnnl_status_t status, const char *what);

/* For weights and activations: 64-byte aligned, in huge pages; NULL when out of memory. */
void *mae_dnn_alloc(size_t bytes);
void mae_dnn_free(void *memory); /* takes NULL */

/* Makes primitives and memory of what has been built. */
MAE_MUST_CHECK mae_error *mae_dnn_unit_finish(mae_dnn_unit *unit);
/* Finds memory to run in, so that the first run need not. */
MAE_MUST_CHECK mae_error *mae_dnn_unit_settle(mae_dnn_unit *unit);
MAE_MUST_CHECK mae_error *mae_dnn_unit_bind(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs);
MAE_MUST_CHECK mae_error *mae_dnn_unit_run(mae_unit *unit);
void mae_dnn_unit_discard(mae_unit *unit);

/* ---- Times per step ---- */

MAE_MUST_CHECK mae_error *mae_dnn_timer_create(size_t n_steps, mae_dnn_timer **ret_timer);
void mae_dnn_timer_destroy(mae_dnn_timer *timer);
MAE_MUST_CHECK mae_error *mae_dnn_timer_run(mae_dnn_unit *unit);
MAE_MUST_CHECK mae_error *mae_dnn_layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times);

/* One step, without waiting. */
dnnl_status_t mae_dnn_step_run(const mae_dnn_unit *unit, const mae_dnn_step *step);

#endif
