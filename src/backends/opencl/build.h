/* Building a unit: nodes are lowered, one after the other, to steps over storages.
 *
 * Every tensor is row-major f32 and has one storage; tensors that only differ in shape have the same. The same code
 * answers `supports`: a trial builds everything but what is on the device, so that "supported" and "compiles" cannot
 * differ. */
#ifndef MAE_BACKENDS_OPENCL_BUILD_H
#define MAE_BACKENDS_OPENCL_BUILD_H

#include "backends/opencl/numbers.h"
#include "backends/opencl/unit.h"
#include "core/fold.h"
#include "core/graph.h"
#include "core/operator.h"

typedef struct mae_cl_build {
    mae_cl_pe *pe;
    const mae_graph *graph;
    const mae_segment *segment;
    bool trial;
    mae_cl_unit *unit;
    size_t room_storages, room_steps;
    int *storage_of; /* per tensor of the graph, or -1 */
    bool *done;      /* per node of the segment, from first_node on */
    int first_node, end_node;
    bool of_output; /* of the steps added now */
    size_t owner;
    const char *reason; /* why not supported */
} mae_cl_build;

/* Lowers the segment. MAE_ERR_UNSUPPORTED with the static *ret_reason (may be NULL) for what cannot be lowered. With
 * `trial` there is no unit. */
MAE_MUST_CHECK mae_error *mae_cl_build_segment(mae_cl_pe *pe, const mae_graph *graph, const mae_segment *segment,
                                               bool trial, mae_cl_unit **ret_unit, const char **ret_reason);

MAE_MUST_CHECK mae_error *mae_cl_unsupported(mae_cl_build *build, const char *reason);

/* ---- Tensors ---- */

static inline const mae_tensor *mae_cl_tensor(const mae_cl_build *b, int tensor)
{
    return &b->graph->tensors[tensor];
}

static inline const mae_shape *mae_cl_shape(const mae_cl_build *b, int tensor)
{
    return &b->graph->tensors[tensor].shape;
}

size_t mae_cl_count(const mae_cl_build *build, int tensor);
/* Of dimensions from..to of the shape, `to` not included. */
size_t mae_cl_product(const mae_shape *shape, int from, int to);
/* Is the tensor read, or wanted as an output of the segment, by any node but this one and those done? */
bool mae_cl_needed(const mae_cl_build *build, int tensor, int except);
/* The one node of this node's layer that reads its first output, if nothing else does; -1: there is none. */
int mae_cl_follower(const mae_cl_build *build, int node);

/* ---- Storages ---- */

/* Where the tensor's values are, or, of a constant, will be. */
MAE_MUST_CHECK mae_error *mae_cl_storage_get(mae_cl_build *build, int tensor, int *ret_storage);
/* New memory, for a tensor's values or (-1) for none's. */
MAE_MUST_CHECK mae_error *mae_cl_storage_new(mae_cl_build *build, size_t count, int tensor, int *ret_storage);
/* A constant; `data` (taken over also on failure; NULL in a trial) is freed with free(). */
MAE_MUST_CHECK mae_error *mae_cl_constant(mae_cl_build *build, float *data, size_t count, int *ret_storage);
/* A copy of a constant tensor's values, freed with free(); in a trial NULL. */
MAE_MUST_CHECK mae_error *mae_cl_values(mae_cl_build *build, int tensor, float **ret_values);

/* ---- Steps ---- */

/* A function of one number. */
typedef struct mae_cl_function {
    int number; /* MAE_CL_RELU, ... */
    float a, b;
} mae_cl_function;

/* The function that the node computes of its first input; false if it is none, with constant parameters. */
bool mae_cl_function_of(const mae_cl_build *build, const mae_node *node, mae_cl_function *ret_function);
/* If what follows the node is a function, it is taken in: *ret_function, *tensor becomes its result. Else nothing. */
void mae_cl_take_function(mae_cl_build *build, int node, int *tensor, mae_cl_function *ret_function);

static inline mae_cl_arg mae_cl_arg_mem(int storage)
{
    return (mae_cl_arg){.type = MAE_CL_ARG_MEM, .storage = storage};
}

static inline mae_cl_arg mae_cl_arg_int(int64_t value)
{
    return (mae_cl_arg){.type = MAE_CL_ARG_INT, .value.i = (cl_int)value};
}

static inline mae_cl_arg mae_cl_arg_float(float value)
{
    return (mae_cl_arg){.type = MAE_CL_ARG_FLOAT, .value.f = value};
}

mae_cl_arg mae_cl_arg_int4(const int64_t *values); /* three, and a 0 */

/* A kernel of ours, on sizes[0] (times sizes[1], unless that is 0) elements. */
MAE_MUST_CHECK mae_error *mae_cl_step_kernel(mae_cl_build *build, const char *kernel, size_t size, size_t planes,
                                             const mae_cl_arg *args, size_t n_args);
/* offsets_* NULL: one product, from the beginning. */
MAE_MUST_CHECK mae_error *mae_cl_step_gemm(mae_cl_build *build, const mae_cl_gemm *gemm);
MAE_MUST_CHECK mae_error *mae_cl_step_im2col(mae_cl_build *build, const mae_cl_im2col *im2col);

/* A block of elements, copied from one storage into another; strides in elements. */
typedef struct mae_cl_move {
    int rank;
    int64_t dims[MAE_MAX_RANK], from[MAE_MAX_RANK], to[MAE_MAX_RANK], offset_from, offset_to;
} mae_cl_move;
MAE_MUST_CHECK mae_error *mae_cl_step_move(mae_cl_build *build, const mae_cl_move *move, int x, int y);
MAE_MUST_CHECK mae_error *mae_cl_step_fill(mae_cl_build *build, int y, size_t count, float value);
/* y = function(p op q), the shape of y being that of both, broadcast. */
MAE_MUST_CHECK mae_error *mae_cl_step_binary(mae_cl_build *build, int operation, const mae_shape *shape_y, int p,
                                             const mae_shape *shape_p, int q, const mae_shape *shape_q, int y,
                                             const mae_cl_function *function);
/* Row-major strides of `shape`, aligned at the last axes of `rank`; 0 where it has a single element or no axis. */
void mae_cl_strides(const mae_shape *shape, int rank, int64_t *ret_strides);

#endif
