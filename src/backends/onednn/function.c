/* Element-wise operators as oneDNN's functions. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backends/onednn/chain.h"
#include "backends/onednn/lower.h"

typedef mae_dnn_function function;

static size_t one(function *f, dnnl_alg_kind_t alg, double alpha, double beta)
{
    f[0] = (function){alg, (float)alpha, (float)beta};
    return 1;
}

/* Operators without parameters. */
static const struct simple {
    const char *op;
    dnnl_alg_kind_t alg;
    float alpha, beta;
} simple[] = {
    {"Sigmoid", dnnl_eltwise_logistic, 0.0f, 0.0f},
    {"Tanh", dnnl_eltwise_tanh, 0.0f, 0.0f},
    {"Exp", dnnl_eltwise_exp, 0.0f, 0.0f},
    {"Log", dnnl_eltwise_log, 0.0f, 0.0f},
    {"Sqrt", dnnl_eltwise_sqrt, 0.0f, 0.0f},
    {"Abs", dnnl_eltwise_abs, 0.0f, 0.0f},
    {"Neg", dnnl_eltwise_linear, -1.0f, 0.0f},
    {"Reciprocal", dnnl_eltwise_pow, 1.0f, -1.0f},
    {"Mish", dnnl_eltwise_mish, 0.0f, 0.0f},
    {"Round", dnnl_eltwise_round, 0.0f, 0.0f},
    {"HardSwish", dnnl_eltwise_hardswish, 1.0f / 6.0f, 0.5f},
    {"Softplus", dnnl_eltwise_soft_relu, 1.0f, 0.0f},
};

static size_t clip_of(const mae_dnn_build *b, const mae_node *node, function *f)
{
    double low, high;

    if (!mae_dnn_number(b, node, 1, "min", -FLT_MAX, &low) || !mae_dnn_number(b, node, 2, "max", FLT_MAX, &high))
        return 0;
    if (!(low <= high)) /* the standard leaves the order to the engine */
        return 0;
    return one(f, dnnl_eltwise_clip, fmax(low, -FLT_MAX), fmin(high, FLT_MAX));
}

/* Where the library's own multiplies, a bound at 0. */
static size_t relu_of(const mae_dnn_build *b, function *f)
{
    return b->pe->relu_multiplies ? one(f, dnnl_eltwise_clip, 0.0, INFINITY) : one(f, dnnl_eltwise_relu, 0.0, 0.0);
}

static size_t parametric(const mae_dnn_build *b, const mae_node *node, function *f)
{
    const char *op = node->op;

    if (!strcmp(op, "Relu"))
        return relu_of(b, f);
    if (!strcmp(op, "LeakyRelu"))
        return one(f, dnnl_eltwise_relu, mae_node_float(node, "alpha", 0.01f), 0.0);
    if (!strcmp(op, "Elu"))
        return one(f, dnnl_eltwise_elu, mae_node_float(node, "alpha", 1.0f), 0.0);
    if (!strcmp(op, "Clip"))
        return clip_of(b, node, f);
    if (!strcmp(op, "Gelu")) {
        bool rough = !strcmp(mae_node_string(node, "approximate", "none"), "tanh");
        return one(f, rough ? dnnl_eltwise_gelu_tanh : dnnl_eltwise_gelu_erf, 0.0, 0.0);
    }
    if (!strcmp(op, "HardSigmoid")) {
        one(f, dnnl_eltwise_linear, mae_node_float(node, "alpha", 0.2f), mae_node_float(node, "beta", 0.5f));
        return 1 + one(f + 1, dnnl_eltwise_clip, 0.0, 1.0);
    }
    if (!strcmp(op, "Selu")) {
        one(f, dnnl_eltwise_elu, mae_node_float(node, "alpha", 1.67326319217681884765625f), 0.0);
        return 1 + one(f + 1, dnnl_eltwise_linear, mae_node_float(node, "gamma", 1.05070102214813232421875f), 0.0);
    }
    return 0;
}

/* x op c, with the constant on the right. */
static size_t with_right(const char *op, double c, function *f)
{
    if (!strcmp(op, "Add"))
        return one(f, dnnl_eltwise_linear, 1.0, c);
    if (!strcmp(op, "Sub"))
        return one(f, dnnl_eltwise_linear, 1.0, -c);
    if (!strcmp(op, "Mul"))
        return one(f, dnnl_eltwise_linear, c, 0.0);
    if (!strcmp(op, "Div") && fabs(c) > FLT_MIN)
        return one(f, dnnl_eltwise_linear, 1.0 / c, 0.0);
    if (!strcmp(op, "Max"))
        return one(f, dnnl_eltwise_clip, c, FLT_MAX);
    if (!strcmp(op, "Min"))
        return one(f, dnnl_eltwise_clip, -FLT_MAX, c);
    if (strcmp(op, "Pow") != 0)
        return 0;
    if (c == 2.0)
        return one(f, dnnl_eltwise_square, 0.0, 0.0);
    if (c == 0.5)
        return one(f, dnnl_eltwise_sqrt, 0.0, 0.0);
    return one(f, dnnl_eltwise_pow, 1.0, c);
}

/* c op x, with the constant on the left. */
static size_t with_left(const char *op, double c, function *f)
{
    if (!strcmp(op, "Sub"))
        return one(f, dnnl_eltwise_linear, -1.0, c);
    if (!strcmp(op, "Div"))
        return one(f, dnnl_eltwise_pow, c, -1.0);
    return !strcmp(op, "Pow") ? 0 : with_right(op, c, f);
}

bool mae_dnn_function_of(const mae_dnn_build *b, int index, int tensor, mae_dnn_function functions[2], size_t *ret_n)
{
    const mae_node *node = &b->graph->nodes[index];
    size_t n = 0;
    double c;

    if (node->domain[0] || node->n_inputs == 0 || !mae_dnn_same_shape(b, node->outputs[0], tensor))
        return false;
    if (node->n_inputs == 2 && node->inputs[0] == tensor && mae_dnn_is_scalar(b, node->inputs[1], tensor, &c))
        n = with_right(node->op, c, functions);
    else if (node->n_inputs == 2 && node->inputs[1] == tensor && mae_dnn_is_scalar(b, node->inputs[0], tensor, &c))
        n = with_left(node->op, c, functions);
    for (size_t i = 0; !n && node->n_inputs == 1 && i < sizeof(simple) / sizeof(simple[0]); i++)
        if (!strcmp(node->op, simple[i].op))
            n = one(functions, simple[i].alg, simple[i].alpha, simple[i].beta);
    if (!n && node->inputs[0] == tensor)
        n = parametric(b, node, functions);
    *ret_n = n;
    return n > 0;
}
