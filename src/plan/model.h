/* A profile compiled for planning: PEs in the order of their names (so that comparing indices compares
 * names), costs as whole numbers of quanta (so that sums are exact and ties are ties), transfers per
 * tensor, and what each boundary between layers has to remember. */
#ifndef MAE_PLAN_MODEL_H
#define MAE_PLAN_MODEL_H

#include <stdint.h>

#include "base/arena.h"
#include "core/cost.h"
#include "core/goal.h"

#define MAE_NEVER INT64_MAX /* a cost that cannot be paid: unsupported, not crossable */

/* Time and energy in quanta. Where the platform's idle draw counts for the whole latency it is in
 * `en` already; see mae_model.folded. */
typedef struct mae_pair {
    int64_t lat, en;
} mae_pair;

typedef struct mae_model_row {
    int pe, first, last;
    mae_pair cost;
} mae_model_row;

/* A tensor whose place matters to a later layer. */
typedef struct mae_model_tensor {
    int producer;    /* layer; -1: graph input, at home on the host */
    int last;        /* its last consumer; -1: none */
    bool to_host;    /* a graph output that is wanted on the host */
    bool tracked;    /* it has a consumer and a home */
    mae_pair *move;  /* P x P, [from * P + to]; the diagonal is the handing over to a later segment */
    const int *uses; /* consuming layers, ascending */
    size_t n_uses;
    uint64_t *wanted; /* wanted[k]: PEs that can run one of the consumers uses[k..] */
} mae_model_tensor;

typedef struct mae_model_layer {
    const int *inputs, *outputs; /* tensors; inputs only the tracked ones */
    size_t n_inputs, n_outputs;
    size_t first_row, n_rows; /* rows that begin here */
} mae_model_layer;

/* What lives across the boundary before layer b (b = n: the end). */
typedef struct mae_model_boundary {
    const int *slots; /* tracked tensors produced before b and consumed at b or later */
    size_t n_slots;
    bool simple; /* the state is the PE of layer b - 1: all slots are its outputs, and no row is open */
} mae_model_boundary;

typedef struct mae_model {
    const mae_profile *profile;
    mae_arena *arena;
    mae_cost_index index;
    int n, n_pes, host;
    int *pe_of;            /* profile's PE of ours */
    int *rank_of;          /* ours of the profile's */
    double per_ms, per_mj; /* quanta of a millisecond, of a millijoule: powers of ten */
    double rounding;       /* largest relative error of a sum by rounding to quanta */
    bool has_energy;
    bool folded; /* `en` holds static_w * time; else static_w * max(latency, period) comes on top */
    double period_ms;
    mae_pair *cost;    /* n x P; lat MAE_NEVER: unsupported */
    mae_pair *open;    /* P: segment_ms, segment_mj */
    int *max_segments; /* P: 0: no limit, or one that no mapping can exceed */
    uint64_t *can;     /* n: PEs that run the layer */
    size_t n_rows;
    mae_model_row *rows; /* by first layer */
    mae_model_tensor *tensors;
    mae_model_layer *layers;
    mae_model_boundary *boundaries; /* n + 1 */
} mae_model;

/* `period_ms` of the goal; `pes` a mask of the profile's PEs that may be used (all ones: every PE).
 * MAE_ERR_UNSUPPORTED, naming the layer, when a layer has no PE. */
MAE_MUST_CHECK mae_error *mae_model_create(const mae_profile *profile, double period_ms, uint64_t pes,
                                           mae_model **ret_model);
void mae_model_destroy(mae_model *model); /* takes NULL */

static inline mae_pair mae_pair_add(mae_pair a, mae_pair b)
{
    return (mae_pair){a.lat + b.lat, a.en + b.en};
}

/* Milliseconds and millijoules of a sum of quanta. */
double mae_model_ms(const mae_model *model, double lat);
double mae_model_mj(const mae_model *model, double lat, double en);

#endif
