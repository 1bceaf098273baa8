/* Which operator is lowered by what. */
#include "backends/xnnpack/lower.h"

#include <string.h>

typedef mae_error *lower_fn(mae_xnn_build *build, int node);

static const struct entry {
    const char *op;
    lower_fn *lower;
    size_t least_inputs;
} entries[] = {
    {"Conv", mae_xnn_lower_conv, 2},
    {"ConvTranspose", mae_xnn_lower_deconv, 2},
    {"Gemm", mae_xnn_lower_product, 2},
    {"MatMul", mae_xnn_lower_product, 2},
    {"MaxPool", mae_xnn_lower_pool, 1},
    {"AveragePool", mae_xnn_lower_pool, 1},
    {"GlobalAveragePool", mae_xnn_lower_global_pool, 1},
    {"GlobalMaxPool", mae_xnn_lower_global_pool, 1},
    {"ReduceMean", mae_xnn_lower_mean, 1},
    {"BatchNormalization", mae_xnn_lower_batch_norm, 1},
    {"Relu", mae_xnn_lower_clamp, 1},
    {"Clip", mae_xnn_lower_clamp, 1},
    {"LeakyRelu", mae_xnn_lower_unary, 1},
    {"Sigmoid", mae_xnn_lower_unary, 1},
    {"HardSwish", mae_xnn_lower_unary, 1},
    {"Elu", mae_xnn_lower_unary, 1},
    {"Abs", mae_xnn_lower_unary, 1},
    {"Neg", mae_xnn_lower_unary, 1},
    {"Ceil", mae_xnn_lower_unary, 1},
    {"Floor", mae_xnn_lower_unary, 1},
    {"Round", mae_xnn_lower_unary, 1},
    {"Sqrt", mae_xnn_lower_unary, 1},
    {"Pow", mae_xnn_lower_unary, 2}, /* the square */
    {"HardSigmoid", mae_xnn_lower_linear, 1},
    {"Tanh", mae_xnn_lower_linear, 1},
    {"Softmax", mae_xnn_lower_softmax, 1},
    {"PRelu", mae_xnn_lower_prelu, 2},
    {"Add", mae_xnn_lower_binary, 2},
    {"Sub", mae_xnn_lower_binary, 2},
    {"Mul", mae_xnn_lower_binary, 2},
    {"Div", mae_xnn_lower_binary, 2},
    {"Max", mae_xnn_lower_binary, 1},
    {"Min", mae_xnn_lower_binary, 1},
    {"Sum", mae_xnn_lower_binary, 1},
    {"Concat", mae_xnn_lower_concat, 1},
    {"Resize", mae_xnn_lower_resize, 1},
    {"Upsample", mae_xnn_lower_resize, 1},
    {"Reshape", mae_xnn_lower_reshape, 1},
    {"Flatten", mae_xnn_lower_reshape, 1},
    {"Squeeze", mae_xnn_lower_reshape, 1},
    {"Unsqueeze", mae_xnn_lower_reshape, 1},
    {"Identity", mae_xnn_lower_reshape, 1},
    {"Dropout", mae_xnn_lower_dropout, 1},
    {"Transpose", mae_xnn_lower_transpose, 1},
    {"DepthToSpace", mae_xnn_lower_depth, 1},
    {"SpaceToDepth", mae_xnn_lower_depth, 1},
    {"Split", mae_xnn_lower_split, 1},
    {"Slice", mae_xnn_lower_slice, 1},
    {"Gather", mae_xnn_lower_gather, 2},
    {"Pad", mae_xnn_lower_pad, 1},
};

/* A node of the operator's least form: something comes in, something goes out. */
static bool is_sound(const mae_node *node, size_t least_inputs)
{
    for (size_t i = 0; i < least_inputs; i++)
        if (mae_node_input(node, i) < 0)
            return false;
    return node->n_outputs > 0 && node->outputs[0] >= 0 && node->n_captures == 0;
}

mae_error *mae_xnn_lower(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        if (!node->domain[0] && !strcmp(node->op, entries[i].op) && is_sound(node, entries[i].least_inputs))
            return entries[i].lower(b, index);
    return mae_xnn_unsupported(b, "an operator that XNNPACK does not have");
}
