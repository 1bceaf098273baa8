/* Dropping what need not run: constant nodes, nodes that do nothing, nodes nobody listens to. */
#include <string.h>

#include "onnx/model.h"

static const char *const same_if_same_shape[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", NULL};
static const char *const same_if_alone[] = {"Concat", "Sum", "Max", "Min", "Mean", NULL};

static void drop_constant(mae_onnx_model *model)
{
    for (size_t n = 0; n < model->n_nodes; n++) {
        mae_onnx_node *node = &model->nodes[n];
        node->is_gone = !mae_onnx_node_stays(model, node);
        for (size_t i = 0; i < node->n_outputs; i++) {
            mae_onnx_tensor *tensor = node->outputs[i] < 0 ? NULL : &model->tensors[node->outputs[i]];
            if (tensor && node->is_gone)
                tensor->producer = -1;
            else if (tensor)
                tensor->is_constant = false; /* it is produced by a node after all */
        }
    }
}

/* ---- nodes whose output is their input ---- */

static int resolve(const mae_onnx_model *model, int tensor)
{
    while (tensor >= 0 && model->tensors[tensor].alias >= 0)
        tensor = model->tensors[tensor].alias;
    return tensor;
}

static bool is_false(const mae_onnx_tensor *tensor)
{
    return tensor->is_constant && tensor->data && tensor->bytes == 1 && *(const uint8_t *)tensor->data == 0;
}

static bool drops_nothing(const mae_onnx_model *model, const mae_onnx_node *node)
{
    if (!mae_onnx_node_is(node, "Dropout") || node->opset < 7)
        return false;
    bool trains = node->n_inputs > 2 && node->inputs[2] >= 0 && !is_false(&model->tensors[node->inputs[2]]);
    return !trains;
}

/* Does the node hand on its first input unchanged? */
static bool hands_on(const mae_onnx_model *model, const mae_onnx_node *node)
{
    if (node->is_gone || *node->domain || node->n_inputs < 1 || node->inputs[0] < 0 || node->outputs[0] < 0)
        return false;
    const mae_onnx_tensor *in = &model->tensors[node->inputs[0]], *out = &model->tensors[node->outputs[0]];
    if (in->is_other || out->is_other)
        return false;
    if (strcmp(node->op, "Identity") == 0 || drops_nothing(model, node))
        return true;
    if (strcmp(node->op, "Cast") == 0)
        return in->shape.dtype != MAE_DTYPE_NONE && in->shape.dtype == out->shape.dtype;
    if (mae_onnx_op_in(node->op, same_if_alone))
        return node->n_inputs == 1;
    return mae_onnx_op_in(node->op, same_if_same_shape) && in->is_static && out->is_static &&
           mae_shape_equal(&in->shape, &out->shape);
}

static bool has_other_outputs(const mae_onnx_model *model, const mae_onnx_node *node, const size_t *uses)
{
    for (size_t i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0 && (uses[node->outputs[i]] || model->tensors[node->outputs[i]].is_output))
            return true;
    return false;
}

/* Names that others go by stay: those of graph outputs, and those that subgraphs read. */
static void skip_node(mae_onnx_model *model, mae_onnx_node *node)
{
    int from = resolve(model, node->inputs[0]), to = node->outputs[0];
    mae_onnx_tensor *in = &model->tensors[from], *out = &model->tensors[to];
    if (!out->is_output && !out->is_captured) {
        out->alias = from;
        node->is_gone = true;
    } else if (in->producer >= 0 && !in->is_output && !in->is_captured) {
        /* The producer gives the graph output itself. */
        mae_onnx_node *producer = &model->nodes[in->producer];
        for (size_t i = 0; i < producer->n_outputs; i++)
            if (producer->outputs[i] == from)
                producer->outputs[i] = to;
        out->producer = in->producer;
        in->alias = to;
        node->is_gone = true;
    }
}

static mae_error *skip_nodes(mae_onnx_model *model)
{
    size_t *uses = mae_arena_array(model->arena, model->n_tensors, sizeof *uses);
    if (!uses)
        return mae_error_nomem();
    for (size_t n = 0; n < model->n_nodes; n++)
        for (size_t i = 0; i < model->nodes[n].n_inputs + model->nodes[n].n_captures; i++)
            if (model->nodes[n].inputs[i] >= 0)
                uses[model->nodes[n].inputs[i]]++;
    for (size_t n = 0; n < model->n_nodes; n++) {
        mae_onnx_node *node = &model->nodes[n];
        if (node->n_outputs >= 1 && hands_on(model, node) && !has_other_outputs(model, node, uses))
            skip_node(model, node);
    }
    for (size_t n = 0; n < model->n_nodes; n++)
        for (size_t i = 0; i < model->nodes[n].n_inputs; i++)
            model->nodes[n].inputs[i] = resolve(model, model->nodes[n].inputs[i]);
    return NULL;
}

/* ---- nodes nobody listens to ---- */

static mae_error *drop_dead(mae_onnx_model *model)
{
    bool *live = mae_arena_array(model->arena, model->n_tensors, sizeof *live);
    if (!live)
        return mae_error_nomem();
    for (size_t i = 0; i < model->n_outputs; i++)
        live[model->outputs[i]] = true;
    for (size_t n = model->n_nodes; n-- > 0;) {
        mae_onnx_node *node = &model->nodes[n];
        bool wanted = false;
        for (size_t i = 0; i < node->n_outputs; i++)
            wanted |= node->outputs[i] >= 0 && live[node->outputs[i]];
        node->is_gone |= !wanted;
        for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
            if (!node->is_gone && node->inputs[i] >= 0)
                live[node->inputs[i]] = true;
    }
    return NULL;
}

/* ---- who reads what ---- */

/* Adds node n to the consumers of its inputs, or only counts it. */
static void note_consumer(mae_onnx_model *model, int n, bool count)
{
    const mae_onnx_node *node = &model->nodes[n];
    for (size_t i = 0; i < node->n_inputs + node->n_captures; i++) {
        mae_onnx_tensor *tensor = node->inputs[i] < 0 ? NULL : &model->tensors[node->inputs[i]];
        if (!tensor)
            continue;
        if (count)
            tensor->n_consumers++;
        else if (!tensor->n_consumers || tensor->consumers[tensor->n_consumers - 1] != n)
            tensor->consumers[tensor->n_consumers++] = n;
    }
}

static mae_error *list_consumers(mae_onnx_model *model)
{
    for (int n = 0; n < (int)model->n_nodes; n++)
        if (!model->nodes[n].is_gone)
            note_consumer(model, n, true);
    for (size_t i = 0; i < model->n_tensors; i++) {
        mae_onnx_tensor *tensor = &model->tensors[i];
        tensor->consumers = mae_arena_array(model->arena, tensor->n_consumers, sizeof *tensor->consumers);
        if (!tensor->consumers)
            return mae_error_nomem();
        tensor->n_consumers = 0;
    }
    for (int n = 0; n < (int)model->n_nodes; n++)
        if (!model->nodes[n].is_gone)
            note_consumer(model, n, false);
    return NULL;
}

mae_error *mae_onnx_fold(mae_onnx_model *model)
{
    drop_constant(model);
    MAE_TRY(skip_nodes(model));
    MAE_TRY(drop_dead(model));
    MAE_TRY(list_consumers(model));
    for (size_t n = 0; n < model->n_nodes; n++)
        if (!model->nodes[n].is_gone)
            return NULL;
    return mae_onnx_wrong(model, "no operator in it depends on the inputs: there is nothing to run");
}
