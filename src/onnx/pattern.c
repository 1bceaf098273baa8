#include <string.h>

#include "onnx/fuse.h"

static bool is(const mae_onnx_model *model, int node, const char *op)
{
    return node >= 0 && mae_onnx_node_is(&model->nodes[node], op);
}

static int input(const mae_onnx_model *model, int node, size_t i)
{
    return i < model->nodes[node].n_inputs ? model->nodes[node].inputs[i] : -1;
}

/* ---- gates ---- */

static bool in_region(const mae_onnx_model *model, const mae_onnx_pattern *region, int start, int tensor)
{
    if (tensor == start)
        return true;
    for (size_t i = 0; i < region->n; i++)
        if (model->nodes[region->nodes[i]].outputs[0] == tensor)
            return true;
    return false;
}

static bool has_node(const mae_onnx_pattern *region, int node)
{
    for (size_t i = 0; i < region->n; i++)
        if (region->nodes[i] == node)
            return true;
    return false;
}

static bool may_join(const mae_onnx_model *model, const mae_onnx_pattern *region, int start, int node)
{
    const mae_onnx_node *n = &model->nodes[node];
    if (n->group >= 0 || has_node(region, node) || !mae_onnx_is_pointwise(model, node) ||
        mae_onnx_only_output(model, node) < 0 || !mae_onnx_same_dims(model, start, n->outputs[0]))
        return false;
    for (size_t i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && !model->tensors[n->inputs[i]].is_constant &&
            !in_region(model, region, start, n->inputs[i]))
            return false;
    return true;
}

/* The first node, in the model's order, that may join through `tensor`; or `otherwise`. */
static int first_to_join(const mae_onnx_model *model, const mae_onnx_pattern *region, int start, int tensor,
                         int otherwise)
{
    const mae_onnx_tensor *t = &model->tensors[tensor];
    for (size_t i = 0; i < t->n_consumers; i++)
        if ((otherwise < 0 || t->consumers[i] < otherwise) && may_join(model, region, start, t->consumers[i]))
            return t->consumers[i];
    return otherwise;
}

/* Is the tensor read within the region only? */
static bool is_hidden(const mae_onnx_model *model, const mae_onnx_pattern *region, int tensor)
{
    const mae_onnx_tensor *t = &model->tensors[tensor];
    for (size_t i = 0; i < t->n_consumers; i++)
        if (!has_node(region, t->consumers[i]))
            return false;
    return !t->is_output;
}

/* Only the tensor of the last node is seen outside. */
static bool is_closed(const mae_onnx_model *model, const mae_onnx_pattern *region, int start)
{
    bool closed = is_hidden(model, region, start);
    for (size_t i = 0; closed && i + 1 < region->n; i++)
        closed = is_hidden(model, region, model->nodes[region->nodes[i]].outputs[0]);
    return closed;
}

/* Grows a region of pointwise nodes from the tensor until a single tensor comes out of it. */
bool mae_onnx_match_gate(const mae_onnx_model *model, int tensor, mae_onnx_pattern *ret_pattern)
{
    mae_onnx_pattern region = {0};
    if (model->tensors[tensor].is_output || !model->tensors[tensor].is_static ||
        model->tensors[tensor].n_consumers > MAE_ONNX_MAX_PATTERN)
        return false;
    while (region.n < 10) {
        int next = first_to_join(model, &region, tensor, tensor, -1);
        for (size_t i = 0; i < region.n; i++)
            next = first_to_join(model, &region, tensor, model->nodes[region.nodes[i]].outputs[0], next);
        if (next < 0)
            return false;
        region.nodes[region.n++] = next;
        if (!is_closed(model, &region, tensor))
            continue;
        region.exit = model->nodes[next].outputs[0];
        *ret_pattern = region;
        return region.n >= 2 && is(model, next, "Mul");
    }
    return false;
}

/* ---- layer normalisation: (x - mean(x)) / sqrt(mean((x - mean(x))^2) + e) ---- */

static bool is_square(const mae_onnx_model *model, int node, int tensor)
{
    if (is(model, node, "Pow"))
        return input(model, node, 0) == tensor && mae_onnx_input_constant(model, node, 1);
    return is(model, node, "Mul") && input(model, node, 0) == tensor && input(model, node, 1) == tensor;
}

/* The two readers of the difference: its square and the division. */
static bool split_difference(const mae_onnx_model *model, int difference, int *ret_square, int *ret_division)
{
    const mae_onnx_tensor *d = &model->tensors[difference];
    if (d->is_output || d->n_consumers != 2)
        return false;
    int a = d->consumers[0], b = d->consumers[1];
    *ret_square = is(model, a, "Div") ? b : a;
    *ret_division = is(model, a, "Div") ? a : b;
    return is_square(model, *ret_square, difference) && is(model, *ret_division, "Div") &&
           input(model, *ret_division, 0) == difference;
}

/* The next node of the chain: the only reader of what `node` gives, if it is of that operator. */
static int chain(const mae_onnx_model *model, int node, const char *op)
{
    int tensor = node < 0 ? -1 : mae_onnx_only_output(model, node);
    int next = tensor < 0 ? -1 : mae_onnx_only_reader(model, tensor);
    return is(model, next, op) && mae_onnx_only_output(model, next) >= 0 ? next : -1;
}

bool mae_onnx_match_norm(const mae_onnx_model *model, int node, mae_onnx_pattern *ret_pattern)
{
    if (!is(model, node, "ReduceMean") || mae_onnx_only_output(model, node) < 0)
        return false;
    int square, division, subtract = chain(model, node, "Sub");
    if (subtract < 0 || input(model, subtract, 0) != input(model, node, 0) ||
        !split_difference(model, model->nodes[subtract].outputs[0], &square, &division))
        return false;
    int mean = chain(model, square, "ReduceMean"), add = chain(model, mean, "Add"), root = chain(model, add, "Sqrt");
    if (root < 0 || chain(model, root, "Div") != division || model->nodes[square].group >= 0 ||
        (!mae_onnx_input_constant(model, add, 0) && !mae_onnx_input_constant(model, add, 1)))
        return false;
    *ret_pattern = (mae_onnx_pattern){
        7, {node, subtract, square, mean, add, root, division}, mae_onnx_only_output(model, division)};
    return ret_pattern->exit >= 0;
}
