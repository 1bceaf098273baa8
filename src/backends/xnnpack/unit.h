/* A compiled segment: steps (operators of XNNPACK) over values (tensors in one order) in storages (memory). */
#ifndef MAE_BACKENDS_XNNPACK_UNIT_H
#define MAE_BACKENDS_XNNPACK_UNIT_H

#include <stdint.h>

#include <xnnpack.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/laps.h"
#include "base/scratch.h"
#include "mae/backend.h"

typedef struct mae_xnn_pe {
    mae_pe base;
    pthreadpool_t pool; /* NULL: one thread, the caller's */
    int home;           /* the caller's processor while the pool's threads are on theirs; -1: any */
} mae_xnn_pe;

typedef enum mae_xnn_place {
    MAE_XNN_ARENA,   /* in the unit's memory, shared by storages that are never alive together */
    MAE_XNN_INPUT,   /* a bound buffer */
    MAE_XNN_OUTPUT,  /* a bound buffer */
    MAE_XNN_CONSTANT /* values of the model */
} mae_xnn_place;

typedef struct mae_xnn_storage {
    mae_xnn_place place;
    size_t border; /* which input or output of the segment */
    size_t bytes;
    size_t offset;   /* in the unit's memory */
    void *data;      /* of a constant: owned; of a bound buffer: its address */
    void *shadow;    /* owned: stands for a bound buffer that ends too near to the end of a page */
    bool read;       /* by a step */
    int first, last; /* steps between which it is alive; first > last: never */
} mae_xnn_storage;

/* Rows of channels, `stride` elements from one to the next. In row-major order a row is the last axis; with the
 * channels last it is the channels (axis 1) of one pixel. */
typedef struct mae_xnn_value {
    int storage;
    size_t offset; /* bytes from the start of the storage */
    bool last;     /* the channels come last */
    bool compact;  /* somebody relies on stride == channels */
    size_t rows, channels, stride;
    int tensor; /* of the graph, -1: none */
    int next;   /* another value of the same tensor, or -1 */
} mae_xnn_value;

typedef struct mae_xnn_unit mae_xnn_unit;
typedef struct mae_xnn_step mae_xnn_step;

/* A kind of step. XNNPACK's: `create` packs weights, `setup` sets sizes and addresses. One of ours (layout changes)
 * has `move` instead of both. */
typedef struct mae_xnn_kind {
    enum xnn_status (*create)(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op);
    enum xnn_status (*setup)(const mae_xnn_unit *unit, const mae_xnn_step *step);
    void (*move)(const mae_xnn_unit *unit, const mae_xnn_step *step);
    const char *name;
} mae_xnn_kind;

typedef enum mae_xnn_owner { MAE_XNN_OF_LAYER, MAE_XNN_OF_INPUT, MAE_XNN_OF_OUTPUT } mae_xnn_owner;

struct mae_xnn_step {
    const mae_xnn_kind *kind;
    const void *params;  /* the kind's own, in the unit's arena */
    int in[2], out;      /* values; in[1] may be -1 */
    float *weights[2];   /* owned until they are packed: kernel, bias */
    mae_xnn_owner owner; /* whose time it is ... */
    size_t owner_index;  /* ... in the segment */
    xnn_operator_t op;
};

struct mae_xnn_unit {
    mae_unit base;
    mae_arena *arena;
    size_t n_layers, n_inputs, n_outputs;
    size_t n_storages, n_values, n_steps;
    mae_xnn_storage *storages;
    mae_xnn_value *values;
    mae_xnn_step *steps;
    mae_scratch scratch; /* in which the operators are set up, taken for each run */
    size_t scratch_bytes;
    mae_laps *laps; /* NULL: not timed */
};

/* Where a value begins; valid once the unit is bound. */
void *mae_xnn_at(const mae_xnn_unit *unit, int value);
static inline const mae_xnn_value *mae_xnn_value_of(const mae_xnn_unit *unit, int value)
{
    return &unit->values[value];
}

static inline pthreadpool_t mae_xnn_pool(const mae_xnn_unit *unit)
{
    return ((const mae_xnn_pe *)unit->base.pe)->pool;
}

/* An error for a status of the library; NULL for success. */
MAE_MUST_CHECK mae_error *mae_xnn_check(enum xnn_status status, const char *what);

/* For weights and activations: 64-byte aligned, in huge pages, with the room that XNNPACK may read behind it; NULL when
 * out of memory. */
void *mae_xnn_alloc(size_t bytes);
void mae_xnn_free(void *memory); /* takes NULL */

/* Makes the library ready, once; what it packs itself is in the same heap. */
MAE_MUST_CHECK mae_error *mae_xnn_initialize(void);

/* Makes operators and memory of what has been built. */
MAE_MUST_CHECK mae_error *mae_xnn_unit_finish(mae_xnn_unit *unit);
MAE_MUST_CHECK mae_error *mae_xnn_unit_bind(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs);
MAE_MUST_CHECK mae_error *mae_xnn_unit_run(mae_unit *unit);
void mae_xnn_unit_discard(mae_unit *unit);
MAE_MUST_CHECK mae_error *mae_xnn_layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times);

#endif
