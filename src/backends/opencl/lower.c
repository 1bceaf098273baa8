/* Which operator is lowered by what. */
#include "backends/opencl/lower.h"

#include <string.h>

typedef mae_error *lower_fn(mae_cl_build *build, int node);

static const struct entry {
    const char *op;
    lower_fn *lower;
    size_t least_inputs;
} entries[] = {
    {"Conv", mae_cl_lower_conv, 2},          {"Gemm", mae_cl_lower_gemm, 2},
    {"MatMul", mae_cl_lower_matmul, 2},      {"Relu", mae_cl_lower_unary, 1},
    {"LeakyRelu", mae_cl_lower_unary, 1},    {"Clip", mae_cl_lower_unary, 1},
    {"Sigmoid", mae_cl_lower_unary, 1},      {"Tanh", mae_cl_lower_unary, 1},
    {"HardSigmoid", mae_cl_lower_unary, 1},  {"HardSwish", mae_cl_lower_unary, 1},
    {"Elu", mae_cl_lower_unary, 1},          {"Selu", mae_cl_lower_unary, 1},
    {"Exp", mae_cl_lower_unary, 1},          {"Log", mae_cl_lower_unary, 1},
    {"Sqrt", mae_cl_lower_unary, 1},         {"Abs", mae_cl_lower_unary, 1},
    {"Neg", mae_cl_lower_unary, 1},          {"Reciprocal", mae_cl_lower_unary, 1},
    {"Erf", mae_cl_lower_unary, 1},          {"Softplus", mae_cl_lower_unary, 1},
    {"Floor", mae_cl_lower_unary, 1},        {"Ceil", mae_cl_lower_unary, 1},
    {"Add", mae_cl_lower_binary, 2},         {"Sub", mae_cl_lower_binary, 2},
    {"Mul", mae_cl_lower_binary, 2},         {"Div", mae_cl_lower_binary, 2},
    {"Pow", mae_cl_lower_binary, 2},         {"PRelu", mae_cl_lower_binary, 2},
    {"Max", mae_cl_lower_binary, 1},         {"Min", mae_cl_lower_binary, 1},
    {"Sum", mae_cl_lower_binary, 1},         {"BatchNormalization", mae_cl_lower_batch_norm, 5},
    {"MaxPool", mae_cl_lower_pool, 1},       {"AveragePool", mae_cl_lower_pool, 1},
    {"GlobalMaxPool", mae_cl_lower_pool, 1}, {"GlobalAveragePool", mae_cl_lower_pool, 1},
    {"Softmax", mae_cl_lower_softmax, 1},    {"LogSoftmax", mae_cl_lower_softmax, 1},
    {"ReduceMean", mae_cl_lower_reduce, 1},  {"ReduceSum", mae_cl_lower_reduce, 1},
    {"ReduceMax", mae_cl_lower_reduce, 1},   {"ReduceMin", mae_cl_lower_reduce, 1},
    {"Reshape", mae_cl_lower_reshape, 1},    {"Flatten", mae_cl_lower_reshape, 1},
    {"Squeeze", mae_cl_lower_reshape, 1},    {"Unsqueeze", mae_cl_lower_reshape, 1},
    {"Identity", mae_cl_lower_reshape, 1},   {"Dropout", mae_cl_lower_dropout, 1},
    {"Concat", mae_cl_lower_concat, 1},      {"Transpose", mae_cl_lower_transpose, 1},
    {"Slice", mae_cl_lower_slice, 1},        {"Split", mae_cl_lower_split, 1},
    {"Gather", mae_cl_lower_gather, 2},      {"Pad", mae_cl_lower_pad, 1},
    {"Resize", mae_cl_lower_resize, 1},      {"Upsample", mae_cl_lower_resize, 1},
};

/* A node of the operator's least form: something comes in, something goes out. */
static bool is_sound(const mae_node *node, size_t least_inputs)
{
    for (size_t i = 0; i < least_inputs; i++)
        if (mae_node_input(node, i) < 0)
            return false;
    return node->n_outputs > 0 && node->outputs[0] >= 0 && node->n_captures == 0;
}

mae_error *mae_cl_lower(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (!node->domain[0] && strcmp(node->op, entries[i].op) == 0 && is_sound(node, entries[i].least_inputs))
            return entries[i].lower(b, index);
    return mae_cl_unsupported(b, "an operator that this backend does not have");
}
