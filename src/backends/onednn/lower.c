/* Which operator is lowered by what. */
#include "backends/onednn/lower.h"

#include <string.h>

typedef mae_error *lower_fn(mae_dnn_build *build, int node);

static const struct entry {
    const char *op;
    lower_fn *lower;
    size_t least_inputs;
} entries[] = {
    {"Conv", mae_dnn_lower_conv, 2},
    {"ConvTranspose", mae_dnn_lower_conv, 2},
    {"Gemm", mae_dnn_lower_matmul, 2},
    {"MatMul", mae_dnn_lower_matmul, 2},
    {"MaxPool", mae_dnn_lower_pool, 1},
    {"AveragePool", mae_dnn_lower_pool, 1},
    {"GlobalAveragePool", mae_dnn_lower_global_pool, 1},
    {"GlobalMaxPool", mae_dnn_lower_global_pool, 1},
    {"BatchNormalization", mae_dnn_lower_batch_norm, 1},
    {"LayerNormalization", mae_dnn_lower_layer_norm, 1},
    {"LRN", mae_dnn_lower_lrn, 1},
    {"Softmax", mae_dnn_lower_softmax, 1},
    {"LogSoftmax", mae_dnn_lower_softmax, 1},
    {"Relu", mae_dnn_lower_eltwise, 1},
    {"LeakyRelu", mae_dnn_lower_eltwise, 1},
    {"Clip", mae_dnn_lower_eltwise, 1},
    {"Sigmoid", mae_dnn_lower_eltwise, 1},
    {"Tanh", mae_dnn_lower_eltwise, 1},
    {"Elu", mae_dnn_lower_eltwise, 1},
    {"Selu", mae_dnn_lower_eltwise, 1},
    {"Exp", mae_dnn_lower_eltwise, 1},
    {"Log", mae_dnn_lower_eltwise, 1},
    {"Sqrt", mae_dnn_lower_eltwise, 1},
    {"Abs", mae_dnn_lower_eltwise, 1},
    {"Neg", mae_dnn_lower_eltwise, 1},
    {"Reciprocal", mae_dnn_lower_eltwise, 1},
    {"Erf", mae_dnn_lower_eltwise, 1}, /* as part of a GELU */
    {"Gelu", mae_dnn_lower_eltwise, 1},
    {"Mish", mae_dnn_lower_eltwise, 1},
    {"HardSigmoid", mae_dnn_lower_eltwise, 1},
    {"HardSwish", mae_dnn_lower_eltwise, 1},
    {"Softplus", mae_dnn_lower_eltwise, 1},
    {"Pow", mae_dnn_lower_eltwise, 1},
    {"Round", mae_dnn_lower_eltwise, 1},
    {"PRelu", mae_dnn_lower_prelu, 2},
    {"Add", mae_dnn_lower_binary, 1},
    {"Sub", mae_dnn_lower_binary, 1},
    {"Mul", mae_dnn_lower_binary, 1},
    {"Div", mae_dnn_lower_binary, 1},
    {"Max", mae_dnn_lower_binary, 1},
    {"Min", mae_dnn_lower_binary, 1},
    {"Sum", mae_dnn_lower_binary, 1},
    {"Concat", mae_dnn_lower_concat, 1},
    {"Resize", mae_dnn_lower_resize, 1},
    {"Upsample", mae_dnn_lower_resize, 1},
    {"ReduceMean", mae_dnn_lower_reduce, 1},
    {"ReduceSum", mae_dnn_lower_reduce, 1},
    {"ReduceMax", mae_dnn_lower_reduce, 1},
    {"ReduceMin", mae_dnn_lower_reduce, 1},
    {"ReduceProd", mae_dnn_lower_reduce, 1},
    {"ReduceL1", mae_dnn_lower_reduce, 1},
    {"ReduceL2", mae_dnn_lower_reduce, 1},
    {"ReduceSumSquare", mae_dnn_lower_reduce, 1},
    {"Reshape", mae_dnn_lower_reshape, 1},
    {"Flatten", mae_dnn_lower_reshape, 1},
    {"Squeeze", mae_dnn_lower_reshape, 1},
    {"Unsqueeze", mae_dnn_lower_reshape, 1},
    {"Identity", mae_dnn_lower_reshape, 1},
    {"Dropout", mae_dnn_lower_dropout, 1},
    {"Transpose", mae_dnn_lower_transpose, 1},
    {"Split", mae_dnn_lower_split, 1},
    {"Slice", mae_dnn_lower_slice, 1},
    {"Gather", mae_dnn_lower_gather, 2},
    {"Pad", mae_dnn_lower_pad, 1},
};

/* A node of the operator's least form: something comes in, something goes out. */
static bool is_sound(const mae_node *node, size_t least_inputs)
{
    for (size_t i = 0; i < least_inputs; i++)
        if (mae_dnn_node_input(node, i) < 0)
            return false;
    return node->n_outputs > 0 && node->outputs[0] >= 0 && node->n_captures == 0;
}

mae_error *mae_dnn_lower(mae_dnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        if (!node->domain[0] && !strcmp(node->op, entries[i].op) && is_sound(node, entries[i].least_inputs))
            return entries[i].lower(b, index);
    return mae_dnn_unsupported(b, "an operator that oneDNN does not have");
}
