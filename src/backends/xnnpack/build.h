/* Building a unit: layers are lowered, one after the other, to steps over values.
 *
 * A tensor may have two values, one in row-major order and one with its channels last. Operators are made only when all
 * is lowered, so that until then a value may still move: into the result of a Concat, or into a bound output.
 *
 * The same code answers `supports`: a trial builds everything but constants and what packs them, so that "supported"
 * and "compiles" cannot differ.
 */
#ifndef MAE_BACKENDS_XNNPACK_BUILD_H
#define MAE_BACKENDS_XNNPACK_BUILD_H

#include "backends/xnnpack/unit.h"
#include "core/fold.h"
#include "core/graph.h"
#include "core/operator.h"

typedef struct mae_xnn_build {
    mae_xnn_pe *pe;
    const mae_graph *graph;
    const mae_segment *segment;
    bool trial;
    mae_xnn_unit *unit;
    size_t room_storages, room_values, room_steps;
    int *heads; /* per tensor of the graph: its first value, or -1 */
    bool *done; /* per node of the segment, from first_node on */
    int first_node, end_node;
    int layer;           /* being lowered */
    mae_xnn_owner owner; /* of the steps added now */
    size_t owner_index;
    const char *reason; /* why not supported */
} mae_xnn_build;

/* Lowers the segment. MAE_ERR_UNSUPPORTED with the static *ret_reason for what cannot be lowered. With `trial` there is
 * no unit; ret_unit may then be NULL. */
MAE_MUST_CHECK mae_error *mae_xnn_build_segment(mae_xnn_pe *pe, const mae_graph *graph, const mae_segment *segment,
                                                bool trial, mae_xnn_unit **ret_unit, const char **ret_reason);

MAE_MUST_CHECK mae_error *mae_xnn_unsupported(mae_xnn_build *build, const char *reason);

/* ---- Tensors ---- */

static inline const mae_tensor *mae_xnn_tensor(const mae_xnn_build *build, int tensor)
{
    return &build->graph->tensors[tensor];
}

static inline const mae_shape *mae_xnn_shape(const mae_xnn_build *build, int tensor)
{
    return &build->graph->tensors[tensor].shape;
}

/* Product of the dimensions from..to-1. */
size_t mae_xnn_span(const mae_shape *shape, int from, int to);
/* The one node not lowered yet that reads the tensor, if it is in the layer being lowered and nothing else needs the
 * tensor; else -1. */
int mae_xnn_only_reader(const mae_xnn_build *build, int tensor);
/* Is the tensor read by a node not lowered yet, or wanted as an output of the segment? */
bool mae_xnn_needed(const mae_xnn_build *build, int tensor);
void mae_xnn_done(mae_xnn_build *build, int node);

/* ---- Values ---- */

typedef enum mae_xnn_order { MAE_XNN_DENSE, MAE_XNN_LAST, MAE_XNN_EITHER } mae_xnn_order;

/* The order a tensor exists in by now; DENSE if it does not. Where both are the same it is LAST. */
mae_xnn_order mae_xnn_order_of(const mae_xnn_build *build, int tensor);
/* The order of one value. */
static inline mae_xnn_order mae_xnn_order_at(const mae_xnn_build *build, int value)
{
    return build->unit->values[value].last ? MAE_XNN_LAST : MAE_XNN_DENSE;
}
/* Does the tensor exist with its channels last? */
bool mae_xnn_has_last(const mae_xnn_build *build, int tensor);
/* Does the tensor lie the same in both orders? */
bool mae_xnn_is_flat(const mae_shape *shape);

/* The tensor in this order, moved there where it does not exist yet. Rows may have gaps between them unless
 * `compact`. */
MAE_MUST_CHECK mae_error *mae_xnn_value_get(mae_xnn_build *build, int tensor, mae_xnn_order order, bool compact,
                                            int *ret_value);
/* New memory for a tensor. `compact`: it may not be placed with gaps between its rows. */
MAE_MUST_CHECK mae_error *mae_xnn_value_new(mae_xnn_build *build, int tensor, mae_xnn_order order, bool compact,
                                            int *ret_value);
/* New memory of no tensor. */
MAE_MUST_CHECK mae_error *mae_xnn_value_scratch(mae_xnn_build *build, size_t rows, size_t channels, int *ret_value);
/* `tensor` in the memory of `value`, which is as it lies; `offset` and `stride` in elements. */
MAE_MUST_CHECK mae_error *mae_xnn_value_view(mae_xnn_build *build, int value, int tensor, mae_xnn_order order,
                                             size_t offset, size_t stride, int *ret_value);
/* Channels of each row of `whole`, from `offset` on, as a value of no tensor. */
MAE_MUST_CHECK mae_error *mae_xnn_value_part(mae_xnn_build *build, int whole, size_t offset, size_t channels,
                                             int *ret_value);
/* A constant of so many numbers, taken over (NULL in a trial). */
MAE_MUST_CHECK mae_error *mae_xnn_value_constant(mae_xnn_build *build, float *numbers, size_t n, int *ret_value);
/* May a value be moved into another one: does it fill memory of its own, and is no other value in it? */
bool mae_xnn_value_is_free(const mae_xnn_build *build, int value);

/* ---- Constants ---- */

/* An aligned copy of a constant f32 tensor, freed with mae_xnn_free(); NULL in a trial. */
MAE_MUST_CHECK mae_error *mae_xnn_weights(mae_xnn_build *build, int tensor, float **ret_numbers);
/* Room for numbers; NULL in a trial. */
MAE_MUST_CHECK mae_error *mae_xnn_numbers(mae_xnn_build *build, size_t n, float **ret_numbers);

/* ---- Steps ---- */

/* Adds a step; takes over `weights` (two pointers, or NULL), also when it fails. `params` are copied. Steps without
 * weights are also made in a trial, so that a refusal of the library is known. */
MAE_MUST_CHECK mae_error *mae_xnn_step_add(mae_xnn_build *build, const mae_xnn_kind *kind, const void *params,
                                           size_t size, const int in[2], int out, float *const weights[2]);

/* ---- Moving ---- */

/* A copy of up to MAE_XNN_AXES axes; strides in elements. */
#define MAE_XNN_AXES 8
typedef struct mae_xnn_move {
    int n;
    size_t dims[MAE_XNN_AXES], from[MAE_XNN_AXES], to[MAE_XNN_AXES], from_offset, to_offset;
} mae_xnn_move;

MAE_MUST_CHECK mae_error *mae_xnn_add_move(mae_xnn_build *build, const mae_xnn_move *move, int in, int out);
/* Executes one, on the threads of the pool. */
void mae_xnn_move_run(pthreadpool_t pool, const mae_xnn_move *move, const float *from, float *to);
/* Rows of channels from one value to another with as many of both. */
MAE_MUST_CHECK mae_error *mae_xnn_copy_rows(mae_xnn_build *build, int in, int out);

#endif
