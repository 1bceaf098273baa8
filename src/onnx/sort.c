/* Nodes in topological order; a model that is sorted already keeps its order. */
#include <stdlib.h>

#include "onnx/model.h"

static bool is_sorted(const mae_onnx_model *model)
{
    for (size_t n = 0; n < model->n_nodes; n++) {
        const mae_onnx_node *node = &model->nodes[n];
        for (size_t i = 0; i < node->n_inputs + node->n_captures; i++)
            if (node->inputs[i] >= 0 && model->tensors[node->inputs[i]].producer >= (int)n)
                return false;
    }
    return true;
}

/* The first producer of an input that is not placed yet, or -1. */
static int unplaced_producer(const mae_onnx_model *model, const bool *placed, int n)
{
    const mae_onnx_node *node = &model->nodes[n];
    for (size_t i = 0; i < node->n_inputs + node->n_captures; i++) {
        int producer = node->inputs[i] < 0 ? -1 : model->tensors[node->inputs[i]].producer;
        if (producer >= 0 && !placed[producer])
            return producer;
    }
    return -1;
}

/* Depth first over producers, in the order of the file, on a stack of our own. Returns a node on a cycle,
 * or -1. */
static int place_all(const mae_onnx_model *model, int *order, bool *placed, bool *open, int *stack)
{
    size_t n_placed = 0;
    for (int root = 0; root < (int)model->n_nodes; root++) {
        size_t depth = 0;
        if (!placed[root])
            stack[depth++] = root;
        while (depth) {
            int n = stack[depth - 1], before = unplaced_producer(model, placed, n);
            open[n] = true;
            if (before >= 0 && open[before])
                return before;
            if (before >= 0) {
                stack[depth++] = before;
                continue;
            }
            open[n] = false;
            placed[n] = true;
            order[n_placed++] = n;
            depth--;
        }
    }
    return -1;
}

static void reorder(mae_onnx_model *model, const int *order, mae_onnx_node *nodes)
{
    for (size_t i = 0; i < model->n_nodes; i++) {
        nodes[i] = model->nodes[order[i]];
        for (size_t k = 0; k < nodes[i].n_outputs; k++)
            if (nodes[i].outputs[k] >= 0)
                model->tensors[nodes[i].outputs[k]].producer = (int)i;
    }
    model->nodes = nodes;
}

mae_error *mae_onnx_model_sort(mae_onnx_model *model)
{
    if (is_sorted(model))
        return NULL;
    size_t n = model->n_nodes;
    int *order = mae_arena_array(model->arena, n, sizeof *order);
    int *stack = mae_arena_array(model->arena, n, sizeof *stack);
    bool *placed = mae_arena_array(model->arena, n, sizeof *placed);
    bool *open = mae_arena_array(model->arena, n, sizeof *open);
    mae_onnx_node *nodes = mae_arena_array(model->arena, n, sizeof *nodes);
    if (!order || !stack || !placed || !open || !nodes)
        return mae_error_nomem();
    int on_cycle = place_all(model, order, placed, open, stack);
    if (on_cycle >= 0) {
        const Onnx__NodeProto *proto = model->nodes[on_cycle].proto;
        return mae_onnx_wrong(model, "node \"%s\" (%s) depends on its own output \"%s\"", mae_onnx_text(proto->name),
                              proto->op_type, proto->n_output ? proto->output[0] : "");
    }
    reorder(model, order, nodes);
    return NULL;
}
