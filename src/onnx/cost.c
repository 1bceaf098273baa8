/* What a node is like, and how much arithmetic it does: a multiply-add counts 2, anything else 1 for each
 * element it is done on. Counts serve summaries and first guesses; times are measured. */
#include <string.h>

#include "onnx/model.h"

/* ---- kinds ---- */

static const struct {
    const char *op;
    mae_kind kind;
} kinds[] = {
    {"ConvTranspose", MAE_KIND_DECONV},
    {"Gemm", MAE_KIND_GEMM},
    {"MatMul", MAE_KIND_GEMM},
    {"MatMulInteger", MAE_KIND_GEMM},
    {"QLinearMatMul", MAE_KIND_GEMM},
    {"Einsum", MAE_KIND_GEMM},
    {"MaxPool", MAE_KIND_POOL},
    {"AveragePool", MAE_KIND_POOL},
    {"LpPool", MAE_KIND_POOL},
    {"GlobalAveragePool", MAE_KIND_POOL},
    {"GlobalMaxPool", MAE_KIND_POOL},
    {"GlobalLpPool", MAE_KIND_POOL},
    {"MaxRoiPool", MAE_KIND_POOL},
    {"RoiAlign", MAE_KIND_POOL},
    {"BatchNormalization", MAE_KIND_NORM},
    {"InstanceNormalization", MAE_KIND_NORM},
    {"LayerNormalization", MAE_KIND_NORM},
    {"GroupNormalization", MAE_KIND_NORM},
    {"RMSNormalization", MAE_KIND_NORM},
    {"LpNormalization", MAE_KIND_NORM},
    {"MeanVarianceNormalization", MAE_KIND_NORM},
    {"LRN", MAE_KIND_NORM},
    {"Softmax", MAE_KIND_SOFTMAX},
    {"LogSoftmax", MAE_KIND_SOFTMAX},
    {"Hardmax", MAE_KIND_SOFTMAX},
    {"ArgMax", MAE_KIND_REDUCE},
    {"ArgMin", MAE_KIND_REDUCE},
    {"TopK", MAE_KIND_REDUCE},
    {"CumSum", MAE_KIND_REDUCE},
    {"Resize", MAE_KIND_RESIZE},
    {"Upsample", MAE_KIND_RESIZE},
    {"GridSample", MAE_KIND_RESIZE},
    {"LSTM", MAE_KIND_RECURRENT},
    {"GRU", MAE_KIND_RECURRENT},
    {"RNN", MAE_KIND_RECURRENT},
    {"If", MAE_KIND_CONTROL},
    {"Loop", MAE_KIND_CONTROL},
    {"Scan", MAE_KIND_CONTROL},
    {"NonZero", MAE_KIND_CONTROL},
    {"NonMaxSuppression", MAE_KIND_CONTROL},
    {"Unique", MAE_KIND_CONTROL},
    {"Compress", MAE_KIND_CONTROL},
};

static const char *const moves[] = {"Concat",    "Split",   "Slice",           "Transpose",     "Reshape",
                                    "Flatten",   "Squeeze", "Unsqueeze",       "Expand",        "Tile",
                                    "Pad",       "Gather",  "GatherElements",  "GatherND",      "ScatterElements",
                                    "ScatterND", "Scatter", "DepthToSpace",    "SpaceToDepth",  "Identity",
                                    "Shape",     "Size",    "ConstantOfShape", "Constant",      "Range",
                                    "OneHot",    "Trilu",   "ReverseSequence", "CenterCropPad", "Col2Im",
                                    "EyeLike",   NULL};

static const char *const eltwise[] = {"Add",
                                      "Sub",
                                      "Mul",
                                      "Div",
                                      "Pow",
                                      "Mod",
                                      "Sum",
                                      "Mean",
                                      "Max",
                                      "Min",
                                      "Relu",
                                      "LeakyRelu",
                                      "PRelu",
                                      "Clip",
                                      "Sigmoid",
                                      "Tanh",
                                      "Elu",
                                      "Selu",
                                      "Celu",
                                      "HardSwish",
                                      "HardSigmoid",
                                      "Softplus",
                                      "Softsign",
                                      "ThresholdedRelu",
                                      "Gelu",
                                      "Mish",
                                      "Swish",
                                      "Erf",
                                      "Abs",
                                      "Neg",
                                      "Exp",
                                      "Log",
                                      "Sqrt",
                                      "Reciprocal",
                                      "Floor",
                                      "Ceil",
                                      "Round",
                                      "Sign",
                                      "Sin",
                                      "Cos",
                                      "Tan",
                                      "Asin",
                                      "Acos",
                                      "Atan",
                                      "Sinh",
                                      "Cosh",
                                      "Asinh",
                                      "Acosh",
                                      "Atanh",
                                      "Not",
                                      "And",
                                      "Or",
                                      "Xor",
                                      "Equal",
                                      "Greater",
                                      "Less",
                                      "GreaterOrEqual",
                                      "LessOrEqual",
                                      "Where",
                                      "IsNaN",
                                      "IsInf",
                                      "Cast",
                                      "CastLike",
                                      "BitShift",
                                      "QuantizeLinear",
                                      "DequantizeLinear",
                                      "DynamicQuantizeLinear",
                                      "Dropout",
                                      "Shrink",
                                      NULL};

static const mae_tensor *tensor_at(const mae_graph *graph, const int *list, size_t n, size_t i)
{
    const mae_tensor *tensor = i < n && list[i] >= 0 ? &graph->tensors[list[i]] : NULL;
    return tensor && (tensor->is_static || tensor->is_constant) ? tensor : NULL;
}

static const mae_tensor *input(const mae_graph *graph, const mae_node *node, size_t i)
{
    return tensor_at(graph, node->inputs, node->n_inputs, i);
}

static const mae_tensor *output(const mae_graph *graph, const mae_node *node)
{
    return tensor_at(graph, node->outputs, node->n_outputs, 0);
}

static bool is_conv(const mae_node *node)
{
    return strcmp(node->op, "Conv") == 0 || strcmp(node->op, "ConvInteger") == 0 ||
           strcmp(node->op, "QLinearConv") == 0;
}

static const mae_tensor *conv_weight(const mae_graph *graph, const mae_node *node)
{
    return input(graph, node, strcmp(node->op, "QLinearConv") == 0 ? 3 : 1);
}

static mae_kind conv_kind(const mae_graph *graph, const mae_node *node)
{
    const mae_tensor *w = conv_weight(graph, node);
    int64_t groups = mae_node_int(node, "group", 1);
    if (!w || w->shape.rank != 4)
        return MAE_KIND_CONV;
    if (groups > 1 && w->shape.dims[1] == 1)
        return MAE_KIND_DEPTHWISE;
    if (groups == 1 && w->shape.dims[2] == 1 && w->shape.dims[3] == 1)
        return MAE_KIND_CONV1X1;
    if (groups == 1 && w->shape.dims[2] == 3 && w->shape.dims[3] == 3)
        return MAE_KIND_CONV3X3;
    return MAE_KIND_CONV;
}

mae_kind mae_onnx_kind(const mae_graph *graph, const mae_node *node)
{
    for (size_t i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0 && !graph->tensors[node->outputs[i]].is_static)
            return MAE_KIND_CONTROL;
    if (*node->domain)
        return MAE_KIND_OTHER;
    if (is_conv(node))
        return conv_kind(graph, node);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(node->op, kinds[i].op) == 0)
            return kinds[i].kind;
    if (strncmp(node->op, "Reduce", 6) == 0)
        return MAE_KIND_REDUCE;
    if (mae_onnx_op_in(node->op, moves))
        return MAE_KIND_MOVE;
    return mae_onnx_op_in(node->op, eltwise) ? MAE_KIND_ELTWISE : MAE_KIND_OTHER;
}

/* ---- arithmetic ---- */

static double elements(const mae_tensor *tensor)
{
    size_t n = 0;
    return tensor && mae_shape_count(&tensor->shape, &n) ? (double)n : 0.0;
}

/* The size of dimension i, counted from the end if negative; 1 where there is none. */
static double dim(const mae_tensor *tensor, int i)
{
    if (!tensor)
        return 0.0;
    i += i < 0 ? tensor->shape.rank : 0;
    return i >= 0 && i < tensor->shape.rank ? (double)tensor->shape.dims[i] : 1.0;
}

/* Each output of a convolution is a sum over the weights of one filter. */
static double conv_flops(const mae_graph *graph, const mae_node *node)
{
    const mae_tensor *w = conv_weight(graph, node);
    double filters = dim(w, 0);
    return filters > 0 ? 2.0 * elements(output(graph, node)) * elements(w) / filters : 0.0;
}

/* Each input of a transposed convolution is spread over the weights of its channel. */
static double deconv_flops(const mae_graph *graph, const mae_node *node)
{
    const mae_tensor *w = input(graph, node, 1);
    double channels = dim(w, 0);
    return channels > 0 ? 2.0 * elements(input(graph, node, 0)) * elements(w) / channels : 0.0;
}

static double gemm_flops(const mae_graph *graph, const mae_node *node)
{
    int depth = strcmp(node->op, "Gemm") == 0 && mae_node_int(node, "transA", 0) ? 0 : -1;
    return 2.0 * elements(output(graph, node)) * dim(input(graph, node, 0), depth);
}

static double pool_flops(const mae_graph *graph, const mae_node *node)
{
    const mae_attr *kernel = mae_node_attr(node, "kernel_shape");
    if (!kernel || kernel->type != MAE_ATTR_INTS)
        return elements(input(graph, node, 0)); /* global: each element once */
    double area = 1.0;
    for (size_t i = 0; i < kernel->n; i++)
        area *= (double)kernel->ints[i];
    return elements(output(graph, node)) * area;
}

/* Per step, sample and direction: every gate multiplies the input and the hidden state by its weights. W is
 * [directions, gates * hidden, inputs], R the same with hidden for inputs. */
static double recurrent_flops(const mae_graph *graph, const mae_node *node)
{
    const mae_tensor *x = input(graph, node, 0);
    return 2.0 * dim(x, 0) * dim(x, 1) * (elements(input(graph, node, 1)) + elements(input(graph, node, 2)));
}

/* Sums, differences, squares, divisions: operations per element of what normalises. */
static double operations_per_element(const mae_node *node, mae_kind kind)
{
    if (strcmp(node->op, "BatchNormalization") == 0)
        return 2.0; /* scale and shift */
    return kind == MAE_KIND_NORM ? 6.0 : 4.0;
}

double mae_onnx_flops(const mae_graph *graph, const mae_node *node)
{
    mae_kind kind = mae_onnx_kind(graph, node);
    switch (kind) {
    case MAE_KIND_CONV1X1:
    case MAE_KIND_CONV3X3:
    case MAE_KIND_CONV:
    case MAE_KIND_DEPTHWISE:
        return conv_flops(graph, node);
    case MAE_KIND_DECONV:
        return deconv_flops(graph, node);
    case MAE_KIND_GEMM:
        return gemm_flops(graph, node);
    case MAE_KIND_POOL:
        return pool_flops(graph, node);
    case MAE_KIND_RECURRENT:
        return recurrent_flops(graph, node);
    case MAE_KIND_NORM:
    case MAE_KIND_SOFTMAX:
        return operations_per_element(node, kind) * elements(output(graph, node));
    case MAE_KIND_REDUCE:
        return elements(input(graph, node, 0));
    case MAE_KIND_ELTWISE:
    case MAE_KIND_RESIZE:
        return elements(output(graph, node));
    default:
        return 0.0;
    }
}
