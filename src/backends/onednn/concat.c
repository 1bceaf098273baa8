/* Concat: inputs are computed where they belong in the result, or else brought there. */
#include <string.h>

#include "backends/onednn/lower.h"

/* In blocks of channels, if none would be cut, where any input comes so and none of more bytes with channels last: what
 * comes row-major (from another engine, where a segment begins) is copied anyway, and in a network that concatenates
 * again and again all that follows would have to bear with its order. Else with channels last, where most come so. */
static mae_dnn_layout choose_layout(mae_dnn_build *b, const mae_node *node, int axis)
{
    dnnl_dims_t dims, own;
    int ndims = mae_dnn_dims(b, node->outputs[0], dims);
    size_t in_blocks = 0, last = 0, all = 0;
    mae_dnn_layout blocked = mae_dnn_layout_blocked(b->pool, ndims, dims);
    mae_dnn_lie lie;
    bool fits = blocked && axis == 1 && mae_dnn_layout_lie(blocked, &lie) && lie.n_blocks == 1;

    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i], head = b->heads[tensor];
        mae_dnn_dims(b, tensor, own);
        fits = fits && own[1] % lie.blocks[0] == 0;
        all += mae_dnn_tensor(b, tensor)->bytes;
        if (head < 0 || mae_dnn_is_dense(mae_dnn_at(b, head)->layout))
            continue;
        *(mae_dnn_is_last(mae_dnn_at(b, head)->layout) ? &last : &in_blocks) += mae_dnn_tensor(b, tensor)->bytes;
    }
    if (fits && in_blocks >= last && in_blocks > 0)
        return blocked;
    return last > all / 2 ? mae_dnn_layout_last(b->pool, ndims, dims) : mae_dnn_layout_plain(b->pool, ndims, dims);
}

/* An input as it lies; a constant in the order of the result, once and for all. */
static mae_error *value_of_input(mae_dnn_build *b, int tensor, int dst, int *ret_value)
{
    dnnl_dims_t dims;
    int ndims = mae_dnn_dims(b, tensor, dims);

    if (!mae_dnn_is_weight(b, tensor) || !mae_dnn_is_last(mae_dnn_at(b, dst)->layout))
        return mae_dnn_value_native(b, tensor, ret_value);
    mae_dnn_layout last = mae_dnn_layout_last(b->pool, ndims, dims);
    return last ? mae_dnn_value_as(b, tensor, last, ret_value) : mae_error_nomem();
}

/* One input: its memory becomes a piece of the result's if it lies there in one piece, in the same order. */
static mae_error *place_input(mae_dnn_build *b, int tensor, int dst, const dnnl_dim_t *offsets)
{
    dnnl_dims_t dims;
    int native, view;
    size_t at;

    mae_dnn_dims(b, tensor, dims);
    MAE_TRY(value_of_input(b, tensor, dst, &native));
    mae_dnn_layout part = mae_dnn_layout_part(b->pool, mae_dnn_at(b, dst)->layout, dims, offsets);
    if (!part)
        return mae_dnn_unsupported(b, "oneDNN cannot describe the part");
    if (mae_dnn_lies_as(part, mae_dnn_at(b, native)->layout, &at) && mae_dnn_value_merge(b, native, dst, at))
        return NULL;
    MAE_TRY(mae_dnn_value_view(b, dst, part, 0, -1, &view));
    return mae_dnn_reorder(b, native, view);
}

/* How many of the inputs, from the first on, lie in one storage already just as in the result, from its start? */
static size_t lying(const mae_dnn_build *b, const mae_node *node, int axis, mae_dnn_layout layout, size_t *ret_bytes)
{
    dnnl_dims_t dims, offsets = {0};
    size_t i, at;

    *ret_bytes = 0;
    for (i = 0; i < node->n_inputs; i++) {
        int head = b->heads[node->inputs[i]], first = b->heads[node->inputs[0]];
        mae_dnn_dims(b, node->inputs[i], dims);
        mae_dnn_layout part = head < 0 ? NULL : mae_dnn_layout_part(b->pool, layout, dims, offsets);
        if (!part || mae_dnn_at(b, head)->storage != mae_dnn_at(b, first)->storage ||
            !mae_dnn_lies_as(part, mae_dnn_at(b, head)->layout, &at) || mae_dnn_at(b, head)->offset != at)
            break;
        *ret_bytes = at + mae_dnn_bytes(mae_dnn_at(b, head)->layout);
        offsets[axis] += dims[axis];
    }
    return i;
}

/* The result: where the first inputs lie, made larger, or new memory. A chain of concatenations, each of what there
 * was and something new, copies nothing then. *ret_n inputs are in their place. */
static mae_error *make_result(mae_dnn_build *b, const mae_node *node, int axis, mae_dnn_layout layout, int *ret_dst,
                              size_t *ret_n)
{
    size_t bytes, n = lying(b, node, axis, layout, &bytes);

    if (n > 0 && mae_dnn_value_widen(b, b->heads[node->inputs[0]], bytes, mae_dnn_bytes(layout))) {
        *ret_n = n;
        return mae_dnn_value_view(b, b->heads[node->inputs[0]], layout, 0, node->outputs[0], ret_dst);
    }
    *ret_n = 0;
    return mae_dnn_value_new(b, layout, node->outputs[0], ret_dst);
}

static mae_error *check(mae_dnn_build *b, const mae_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i];
        if (tensor < 0 || (mae_dnn_tensor(b, tensor)->is_constant && !mae_dnn_is_weight(b, tensor)))
            return mae_dnn_unsupported(b, "an operand is not f32, or empty");
    }
    return NULL;
}

/* ---- channels shuffled ---- */

/* Reshape, Transpose, Reshape behind a concatenation of groups of channels, so that these alternate (as in ShuffleNet).
 */
typedef struct shuffle {
    int nodes[3];
    int out; /* tensor */
} shuffle;

static const mae_node *follow(const mae_dnn_build *b, int tensor, const char *op, int *ret_node)
{
    int reader = mae_dnn_only_reader(b, tensor);
    const mae_node *node = reader >= 0 ? &b->graph->nodes[reader] : NULL;

    *ret_node = reader;
    return node && !node->domain[0] && !strcmp(node->op, op) && node->inputs[0] == tensor ? node : NULL;
}

/* Has the tensor the shape that this one has where its channels are seen as so many groups? */
static bool is_grouped(const mae_dnn_build *b, int tensor, const mae_shape *whole, int64_t groups)
{
    const mae_shape *s = &mae_dnn_tensor(b, tensor)->shape;

    if (s->rank != whole->rank + 1 || s->dims[0] != whole->dims[0] || s->dims[1] != groups ||
        s->dims[1] * s->dims[2] != whole->dims[1])
        return false;
    return !memcmp(s->dims + 3, whole->dims + 2, (size_t)(whole->rank - 2) * sizeof s->dims[0]);
}

static bool swaps_groups(const mae_node *transpose, int rank)
{
    int64_t axes[MAE_MAX_RANK];

    if (!mae_node_attr(transpose, "perm") || !mae_dnn_ints(transpose, "perm", (size_t)rank, 0, axes))
        return false;
    for (int i = 0; i < rank; i++)
        if (axes[i] != (i == 1 ? 2 : i == 2 ? 1 : i))
            return false;
    return true;
}

static bool find_shuffle(const mae_dnn_build *b, const mae_node *node, int64_t axis, shuffle *ret_shuffle)
{
    const mae_shape *whole = &mae_dnn_tensor(b, node->outputs[0])->shape;
    shuffle s;

    if (axis != 1 || whole->rank < 3 || whole->rank > 4)
        return false;
    for (size_t i = 1; i < node->n_inputs; i++)
        if (!mae_dnn_same_shape(b, node->inputs[0], node->inputs[i]))
            return false;
    const mae_node *apart = follow(b, node->outputs[0], "Reshape", &s.nodes[0]);
    const mae_node *swap = apart ? follow(b, apart->outputs[0], "Transpose", &s.nodes[1]) : NULL;
    const mae_node *together = swap ? follow(b, swap->outputs[0], "Reshape", &s.nodes[2]) : NULL;
    if (!together || !is_grouped(b, apart->outputs[0], whole, (int64_t)node->n_inputs) ||
        !swaps_groups(swap, whole->rank + 1) || !mae_dnn_same_shape(b, together->outputs[0], node->outputs[0]))
        return false;
    s.out = together->outputs[0];
    *ret_shuffle = s;
    return true;
}

/* Every group's planes go straight to where they come to be. */
static mae_error *lower_shuffle(mae_dnn_build *b, const mae_node *node, const shuffle *s)
{
    dnnl_dims_t dims, part, strides;
    dnnl_dim_t plane = 1, groups = (dnnl_dim_t)node->n_inputs;
    int ndims = mae_dnn_dims(b, s->out, dims), dst, src, view;
    mae_dnn_layout plain = mae_dnn_layout_plain(b->pool, ndims, dims);

    if (!plain)
        return mae_error_nomem();
    for (int i = ndims - 1; i > 1; i--) {
        strides[i] = plane;
        plane *= dims[i];
    }
    strides[1] = groups * plane;
    strides[0] = dims[1] * plane;
    mae_dnn_dims(b, node->inputs[0], part);
    MAE_TRY(mae_dnn_value_new(b, plain, s->out, &dst));
    for (size_t i = 0; i < node->n_inputs; i++) {
        mae_dnn_layout layout = mae_dnn_layout_strided(b->pool, ndims, part, strides);
        if (!layout)
            return mae_error_nomem();
        MAE_TRY(mae_dnn_value_view(b, dst, layout, i * (size_t)plane * sizeof(float), -1, &view));
        MAE_TRY(mae_dnn_value_native(b, node->inputs[i], &src));
        MAE_TRY(mae_dnn_reorder(b, src, view));
    }
    for (int i = 0; i < 3; i++)
        b->done[s->nodes[i] - b->first_node] = true;
    return NULL;
}

mae_error *mae_dnn_lower_concat(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int rank = mae_dnn_tensor(b, node->outputs[0])->shape.rank, dst;
    int64_t axis = mae_node_int(node, "axis", 0);
    dnnl_dims_t offsets = {0};
    shuffle shuffled;
    size_t in_place;

    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
        return mae_dnn_unsupported(b, "a concatenation along that axis");
    MAE_TRY(check(b, node));
    if (node->n_inputs == 1)
        return mae_dnn_lower_reshape(b, index);
    if (find_shuffle(b, node, axis, &shuffled))
        return lower_shuffle(b, node, &shuffled);
    mae_dnn_layout layout = choose_layout(b, node, (int)axis);
    if (!layout)
        return mae_error_nomem();
    MAE_TRY(make_result(b, node, (int)axis, layout, &dst, &in_place));
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (i >= in_place)
            MAE_TRY(place_input(b, node->inputs[i], dst, offsets));
        offsets[axis] += mae_dnn_tensor(b, node->inputs[i])->shape.dims[axis];
    }
    return NULL;
}
