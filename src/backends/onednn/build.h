/* Building a unit: layers are lowered, one after the other, to steps over values.
 *
 * A tensor may have several values, one per layout it has been asked for in. A value that belongs to a
 * tensor has the tensor's dimensions (a scalar counts as one dimension of 1).
 *
 * The same code answers `supports`: a trial builds everything but constants and primitives, so that
 * "supported" and "compiles" cannot differ.
 */
#ifndef MAE_BACKENDS_ONEDNN_BUILD_H
#define MAE_BACKENDS_ONEDNN_BUILD_H

#include "backends/onednn/unit.h"
#include "core/fold.h"
#include "core/graph.h"
#include "core/operator.h"

/* A tensor that is another one with zeros around it, left to the convolution that reads it. */
typedef struct mae_dnn_padding {
    const struct mae_dnn_padding *next;
    int tensor, source;
    dnnl_dims_t low, high; /* along the spatial axes */
} mae_dnn_padding;

/* What convolutions rather yield, where several ways are nearly as fast: each decides for itself, knowing what came
 * before but not what follows, and reorders appear where they disagree. */
typedef enum mae_dnn_order { MAE_DNN_ANY_ORDER, MAE_DNN_BLOCKS, MAE_DNN_CHANNELS_LAST } mae_dnn_order;
typedef struct mae_dnn_leaning {
    mae_dnn_order order;
    double factor; /* what yields something else counts as that many times as long */
} mae_dnn_leaning;

typedef struct mae_dnn_build {
    mae_dnn_pe *pe;
    const mae_graph *graph;
    const mae_segment *segment;
    const mae_borders *borders; /* NULL: all dense */
    bool trial;
    mae_dnn_leaning leaning;
    bool weighs;                         /* a trial that chooses what a build would, and adds up what it will take */
    double spent_ns;                     /* by the steps that were added */
    const_dnnl_primitive_desc_t weighed; /* takes weighed_ns, as is known already */
    double weighed_ns;
    mae_dnn_unit *unit;
    mae_dnn_pool *pool; /* the unit's */
    size_t room_storages, room_values, room_steps;
    const mae_dnn_padding *paddings;
    int *heads; /* per tensor of the graph: its first value, or -1 */
    bool *done; /* per node of the segment, from first_node on */
    int first_node, end_node;
    int layer;           /* being lowered */
    mae_dnn_owner owner; /* of the steps added now */
    size_t owner_index;
    const char *reason; /* why not supported */
} mae_dnn_build;

/* Lowers the segment. MAE_ERR_UNSUPPORTED with the static *ret_reason for what cannot be lowered. With
 * `trial` there is no unit; ret_unit may then be NULL. `borders` NULL: they are dense. */
MAE_MUST_CHECK mae_error *mae_dnn_build_segment(mae_dnn_pe *pe, const mae_graph *graph, const mae_segment *segment,
                                                const mae_borders *borders, bool trial, mae_dnn_unit **ret_unit,
                                                const char **ret_reason);

MAE_MUST_CHECK mae_error *mae_dnn_unsupported(mae_dnn_build *build, const char *reason);

/* ---- Tensors ---- */

const mae_tensor *mae_dnn_tensor(const mae_dnn_build *build, int tensor);
/* Dimensions as oneDNN sees them: at least one. Returns their number. */
int mae_dnn_dims(const mae_dnn_build *build, int tensor, dnnl_dim_t *dims);
bool mae_dnn_same_shape(const mae_dnn_build *build, int a, int b);
/* Constant f32 with values at hand. */
static inline bool mae_dnn_is_weight(const mae_dnn_build *build, int tensor)
{
    return mae_graph_is_weight(build->graph, tensor);
}
/* A constant of one element that does not widen `like`'s shape; its value. */
static inline bool mae_dnn_is_scalar(const mae_dnn_build *build, int tensor, int like, double *ret_value)
{
    return mae_graph_is_scalar(build->graph, tensor, like, ret_value);
}
/* Input `i` of a node, -1 if it is left out. */
static inline int mae_dnn_node_input(const mae_node *node, size_t i)
{
    return mae_node_input(node, i);
}
/* Is the tensor read, or wanted as an output of the segment, by anything but these nodes and those done? */
bool mae_dnn_needed(const mae_dnn_build *build, int tensor, const int *except, size_t n_except);

/* The one node that reads the tensor inside of this segment, if nothing else does; else -1. */
int mae_dnn_only_reader(const mae_dnn_build *build, int tensor);
/* The same inside of the layer being lowered. */
int mae_dnn_only_reader_in_layer(const mae_dnn_build *build, int tensor);

/* ---- Values ---- */

static inline mae_dnn_value *mae_dnn_at(const mae_dnn_build *build, int value)
{
    return &build->unit->values[value];
}

/* The tensor in the layout it was made in. Constants are dense. */
MAE_MUST_CHECK mae_error *mae_dnn_value_native(mae_dnn_build *build, int tensor, int *ret_value);
/* The tensor in row-major order. */
MAE_MUST_CHECK mae_error *mae_dnn_value_dense(mae_dnn_build *build, int tensor, int *ret_value);
/* The tensor in this layout, reordered where it does not exist yet. */
MAE_MUST_CHECK mae_error *mae_dnn_value_as(mae_dnn_build *build, int tensor, mae_dnn_layout layout, int *ret_value);
/* What bringing the tensor into this layout will take, in ns, from the layouts it is in by now; 0 if it is there.
 * HUGE_VAL where that cannot be said. */
MAE_MUST_CHECK mae_error *mae_dnn_value_price(mae_dnn_build *build, int tensor, mae_dnn_layout layout, double *ret_ns);
/* The same from one layout to another. */
MAE_MUST_CHECK mae_error *mae_dnn_layout_price(const mae_dnn_pe *pe, mae_dnn_layout from, mae_dnn_layout to,
                                               double *ret_ns);
/* The dense tensor seen with other dimensions. */
MAE_MUST_CHECK mae_error *mae_dnn_value_reshaped(mae_dnn_build *build, int tensor, int ndims, const dnnl_dim_t *dims,
                                                 int *ret_value);
/* The same memory seen in another layout, `offset` bytes further; belongs to `tensor`, or to none. */
MAE_MUST_CHECK mae_error *mae_dnn_value_view(mae_dnn_build *build, int value, mae_dnn_layout layout, size_t offset,
                                             int tensor, int *ret_value);
/* A part of it, with these dimensions, that begins at `offsets`; belongs to no tensor. */
MAE_MUST_CHECK mae_error *mae_dnn_value_part(mae_dnn_build *build, int value, const dnnl_dim_t *dims,
                                             const dnnl_dim_t *offsets, int *ret_value);
/* New memory in the arena. */
MAE_MUST_CHECK mae_error *mae_dnn_value_new(mae_dnn_build *build, mae_dnn_layout layout, int tensor, int *ret_value);
/* New memory, or that of `value` if its layout is the same and nothing but `node` needs it any more. */
MAE_MUST_CHECK mae_error *mae_dnn_value_over(mae_dnn_build *build, int value, int node, mae_dnn_layout layout,
                                             int tensor, int *ret_value);
/* The tensor as planes: in blocks of channels where it lies so, or can be brought there without
 * filling up a block; else row-major. `block` is 1 for that. For 3 and 4 axes. */
MAE_MUST_CHECK mae_error *mae_dnn_value_planes(mae_dnn_build *build, int tensor, int *ret_value, size_t *ret_block);
/* The layout of planes with this block; NULL when out of memory. */
mae_dnn_layout mae_dnn_layout_planes(mae_dnn_build *build, int ndims, const dnnl_dim_t *dims, size_t block);
/* A padding of zeros, of which `pads` lie before the first elements, from one value to another in the same layout. */
MAE_MUST_CHECK mae_error *mae_dnn_pad(mae_dnn_build *build, int from, int to, const dnnl_dim_t *pads);
/* Channels in a block of a blocked layout with these dimensions, if its channels fill the blocks; else 1. */
size_t mae_dnn_whole_block(mae_dnn_build *build, int ndims, const dnnl_dim_t *dims);
/* May a step that stands for these nodes write over the value? */
bool mae_dnn_can_overwrite(const mae_dnn_build *build, int value, const int *nodes, size_t n_nodes);
/* `from` brought into the layout of `to`. */
MAE_MUST_CHECK mae_error *mae_dnn_reorder(mae_dnn_build *build, int from, int to);

/* Runs one reorder now, between memory of the caller's. */
MAE_MUST_CHECK mae_error *mae_dnn_reorder_now(const mae_dnn_pe *pe, mae_dnn_layout from, void *source,
                                              mae_dnn_layout to, void *target);

/* Channels last, and not row-major. */
bool mae_dnn_is_last(mae_dnn_layout layout);
/* Row-major, without gaps, so that nothing but the values is in its memory. */
bool mae_dnn_is_dense(mae_dnn_layout layout);
size_t mae_dnn_bytes(mae_dnn_layout layout);
/* Do elements lie in `layout` just as in `wanted`, but that they begin *ret_offset bytes further? */
bool mae_dnn_lies_as(mae_dnn_layout layout, mae_dnn_layout wanted, size_t *ret_offset);
/* Has the storage of `part` become a piece of that of `whole`, `offset` bytes from its start? Possible where
 * `part` has memory of its own, and fills it. All its values move along. */
bool mae_dnn_value_merge(mae_dnn_build *build, int part, int whole, size_t offset);

/* Makes the storage of `value` larger, if it is the unit's own and nothing lies in it behind its first `bytes`. */
bool mae_dnn_value_widen(mae_dnn_build *build, int value, size_t bytes, size_t wanted_bytes);

/* ---- Constants ---- */

/* An aligned copy of a constant f32 tensor, freed with free(); NULL in a trial. */
MAE_MUST_CHECK mae_error *mae_dnn_weights(mae_dnn_build *build, int tensor, float **ret_values);
/* `values` (taken over; NULL in a trial) lie as `from`; the constant is in the layout `to`. */
MAE_MUST_CHECK mae_error *mae_dnn_constant(mae_dnn_build *build, float *values, mae_dnn_layout from, mae_dnn_layout to,
                                           int *ret_value);
/* A vector, seen with these dimensions, copied. */
MAE_MUST_CHECK mae_error *mae_dnn_constant_copy(mae_dnn_build *build, const float *values, int ndims,
                                                const dnnl_dim_t *dims, int *ret_value);

/* ---- Steps ---- */

/* Adds a step; takes over `pd`, also when it fails. */
MAE_MUST_CHECK mae_error *mae_dnn_step_add(mae_dnn_build *build, dnnl_primitive_desc_t pd, const mae_dnn_arg *args,
                                           size_t n_args);
/* Fills a dense value at every run. */
MAE_MUST_CHECK mae_error *mae_dnn_step_fill(mae_dnn_build *build, int value, float number);

/* Decides between leanings: by what a build of the segment with each would take. */
MAE_MUST_CHECK mae_error *mae_dnn_choose_leaning(const mae_dnn_build *build, mae_dnn_leaning *ret_leaning);
/* Lowers the segment into a unit without primitives. Afterwards the build is finished, with an error, too. */
MAE_MUST_CHECK mae_error *mae_dnn_build_begin(mae_dnn_build *build);
void mae_dnn_build_finish(mae_dnn_build *build);
/* Adds what a step takes to what has been spent, if it depends on layouts. */
MAE_MUST_CHECK mae_error *mae_dnn_weigh(mae_dnn_build *build, const_dnnl_primitive_desc_t pd, const mae_dnn_arg *args,
                                        size_t n_args);

/* A layout the primitive descriptor asks for; owned by `pd`. NULL if there is none. */
mae_dnn_layout mae_dnn_query(const_dnnl_primitive_desc_t pd, dnnl_query_t what, int index);
/* Is it one of the library's slow reference implementations? */
bool mae_dnn_is_reference(const_dnnl_primitive_desc_t pd);
/* Is it a direct convolution, generated for this processor, not a product of matrices? */
bool mae_dnn_is_direct(const_dnnl_primitive_desc_t pd);
/* Is it for processors with nothing newer than SSE 4.1? */
bool mae_dnn_is_old(const_dnnl_primitive_desc_t pd);
/* Is it code generated for this processor? */
bool mae_dnn_is_generated(const_dnnl_primitive_desc_t pd);

#endif
