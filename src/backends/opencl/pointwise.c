/* Functions of one number and of two; batch normalization. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/opencl/lower.h"

static const struct row {
    const char *op;
    int number;
    const char *a, *b; /* attributes, and what they are if left out */
    float otherwise_a, otherwise_b;
} functions[] = {
    {"Relu", MAE_CL_RELU, NULL, NULL, 0, 0},
    {"LeakyRelu", MAE_CL_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {"Sigmoid", MAE_CL_SIGMOID, NULL, NULL, 0, 0},
    {"Tanh", MAE_CL_TANH, NULL, NULL, 0, 0},
    {"HardSigmoid", MAE_CL_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {"HardSwish", MAE_CL_HARD_SWISH, NULL, NULL, 0, 0},
    {"Elu", MAE_CL_ELU, "alpha", NULL, 1, 0},
    {"Selu", MAE_CL_SELU, "alpha", "gamma", 1.67326319217681884765625f, 1.05070102214813232421875f},
    {"Exp", MAE_CL_EXP, NULL, NULL, 0, 0},
    {"Log", MAE_CL_LOG, NULL, NULL, 0, 0},
    {"Sqrt", MAE_CL_SQRT, NULL, NULL, 0, 0},
    {"Abs", MAE_CL_ABS, NULL, NULL, 0, 0},
    {"Neg", MAE_CL_NEG, NULL, NULL, 0, 0},
    {"Reciprocal", MAE_CL_RECIPROCAL, NULL, NULL, 0, 0},
    {"Erf", MAE_CL_ERF, NULL, NULL, 0, 0},
    {"Softplus", MAE_CL_SOFTPLUS, NULL, NULL, 0, 0},
    {"Floor", MAE_CL_FLOOR, NULL, NULL, 0, 0},
    {"Ceil", MAE_CL_CEIL, NULL, NULL, 0, 0},
};

static bool read_clip(const mae_cl_build *b, const mae_node *node, mae_cl_function *ret_function)
{
    double low, high;

    if (!mae_node_number(b->graph, node, 1, "min", -(double)INFINITY, &low) ||
        !mae_node_number(b->graph, node, 2, "max", (double)INFINITY, &high))
        return false;
    *ret_function = (mae_cl_function){MAE_CL_CLIP, (float)low, (float)high};
    return true;
}

bool mae_cl_function_of(const mae_cl_build *b, const mae_node *node, mae_cl_function *ret_function)
{
    if (node->domain[0] || node->n_outputs == 0 || node->n_captures > 0)
        return false;
    if (strcmp(node->op, "Clip") == 0)
        return read_clip(b, node, ret_function);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct row *row = &functions[i];
        if (strcmp(node->op, row->op) != 0)
            continue;
        *ret_function = (mae_cl_function){row->number, row->a ? mae_node_float(node, row->a, row->otherwise_a) : 0,
                                          row->b ? mae_node_float(node, row->b, row->otherwise_b) : 0};
        return true;
    }
    return false;
}

void mae_cl_take_function(mae_cl_build *b, int index, int *tensor, mae_cl_function *ret_function)
{
    int next = mae_cl_follower(b, index);
    mae_cl_function function = {MAE_CL_SAME, 0, 0};

    if (next >= 0 && b->graph->nodes[next].inputs[0] == *tensor &&
        mae_cl_function_of(b, &b->graph->nodes[next], &function) &&
        mae_shape_equal(mae_cl_shape(b, *tensor), mae_cl_shape(b, b->graph->nodes[next].outputs[0]))) {
        b->done[next - b->first_node] = true;
        *tensor = b->graph->nodes[next].outputs[0];
        *ret_function = function;
        return;
    }
    *ret_function = (mae_cl_function){MAE_CL_SAME, 0, 0};
}

mae_error *mae_cl_lower_unary(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    mae_cl_function f;
    int x, y, out = node->outputs[0];
    size_t n = mae_cl_count(b, out);

    if (!mae_cl_function_of(b, node, &f))
        return mae_cl_unsupported(b, "a function whose parameters are not constant");
    if (!mae_shape_equal(mae_cl_shape(b, node->inputs[0]), mae_cl_shape(b, out)))
        return mae_cl_unsupported(b, "the shapes do not fit");
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &x));
    MAE_TRY(mae_cl_storage_new(b, n, out, &y));
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)n), mae_cl_arg_mem(x),     mae_cl_arg_mem(y),
                               mae_cl_arg_int(f.number),   mae_cl_arg_float(f.a), mae_cl_arg_float(f.b)};
    return mae_cl_step_kernel(b, "unary", n, 0, args, 6);
}

/* ---- two ---- */

static int operation_of(const char *op)
{
    static const char *const names[] = {
        [MAE_CL_ADD] = "Add", [MAE_CL_MAX] = "Max", [MAE_CL_MIN] = "Min", [MAE_CL_MUL] = "Mul",
        [MAE_CL_SUB] = "Sub", [MAE_CL_DIV] = "Div", [MAE_CL_POW] = "Pow", [MAE_CL_PRELU] = "PRelu"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(op, names[i]) == 0)
            return (int)i;
    return MAE_CL_ADD; /* Sum */
}

/* The shape that both make; false if they do not fit. */
static bool broadcast(const mae_shape *p, const mae_shape *q, mae_shape *ret_shape)
{
    mae_shape shape = {.dtype = MAE_F32, .rank = p->rank > q->rank ? p->rank : q->rank};

    for (int i = 0; i < shape.rank; i++) {
        int ip = i - (shape.rank - p->rank), iq = i - (shape.rank - q->rank);
        int64_t dp = ip >= 0 ? p->dims[ip] : 1, dq = iq >= 0 ? q->dims[iq] : 1;
        if (dp != dq && dp != 1 && dq != 1)
            return false;
        shape.dims[i] = dp > dq ? dp : dq;
    }
    *ret_shape = shape;
    return true;
}

static mae_error *combine(mae_cl_build *b, const mae_node *node, const mae_cl_function *last, int tensor)
{
    static const mae_cl_function same = {MAE_CL_SAME, 0, 0};
    mae_shape shape = *mae_cl_shape(b, node->inputs[0]), next;
    int from, operand, to;

    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &from));
    for (size_t i = 1; i < node->n_inputs; i++) {
        const mae_shape *other = mae_cl_shape(b, node->inputs[i]);
        bool is_last = i + 1 == node->n_inputs;
        size_t count = 0;
        if (!broadcast(&shape, other, &next) || !mae_shape_count(&next, &count) || count == 0)
            return mae_cl_unsupported(b, "the shapes do not fit");
        if (is_last && !mae_shape_equal(&next, mae_cl_shape(b, node->outputs[0])))
            return mae_cl_unsupported(b, "the shapes do not fit");
        MAE_TRY(mae_cl_storage_get(b, node->inputs[i], &operand));
        MAE_TRY(mae_cl_storage_new(b, count, is_last ? tensor : -1, &to));
        MAE_TRY(mae_cl_step_binary(b, operation_of(node->op), &next, from, &shape, operand, other, to,
                                   is_last ? last : &same));
        from = to;
        shape = next;
    }
    return NULL;
}

mae_error *mae_cl_lower_binary(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int tensor = node->outputs[0];
    mae_cl_function f;

    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] < 0)
            return mae_cl_unsupported(b, "an operand is left out");
    if (node->opset < 7 && node->n_inputs == 2 && strcmp(node->op, "PRelu") != 0 &&
        !mae_shape_equal(mae_cl_shape(b, node->inputs[0]), mae_cl_shape(b, node->inputs[1])))
        return mae_cl_unsupported(b, "broadcasting by the rules before opset 7");
    if (node->n_inputs == 1)
        return mae_cl_lower_reshape(b, index);
    mae_cl_take_function(b, index, &tensor, &f);
    return combine(b, node, &f, tensor);
}

/* ---- batch normalization ---- */

/* What it multiplies by and adds, per channel; nothing in a trial. */
static mae_error *factors(mae_cl_build *b, const mae_node *node, size_t channels, int *ret_scale, int *ret_shift)
{
    float *scale = b->trial ? NULL : malloc(channels * sizeof *scale);
    float *shift = b->trial ? NULL : malloc(channels * sizeof *shift);
    double factor, addend;

    if (!b->trial && (!scale || !shift)) {
        free(scale);
        free(shift);
        return mae_error_nomem();
    }
    for (size_t c = 0; !b->trial && c < channels; c++) {
        mae_norm_factors(b->graph, node, c, &factor, &addend);
        scale[c] = (float)factor;
        shift[c] = (float)addend;
    }
    mae_error *error = mae_cl_constant(b, scale, channels, ret_scale);
    if (error) {
        free(shift);
        return error;
    }
    return mae_cl_constant(b, shift, channels, ret_shift);
}

mae_error *mae_cl_lower_batch_norm(mae_cl_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *shape = mae_cl_shape(b, node->inputs[0]);
    int x, y, scale, shift, out = node->outputs[0];
    mae_cl_function f;

    if (shape->rank < 2 || !mae_shape_equal(shape, mae_cl_shape(b, out)))
        return mae_cl_unsupported(b, "a batch normalization without channels");
    size_t channels = (size_t)shape->dims[1], inner = mae_cl_product(shape, 2, shape->rank);
    if (node->opset < 7 || !mae_norm_is_constant(b->graph, node, shape->dims[1]))
        return mae_cl_unsupported(b, "a batch normalization that trains, or whose parameters are not constant");
    MAE_TRY(factors(b, node, channels, &scale, &shift));
    mae_cl_take_function(b, index, &out, &f);
    MAE_TRY(mae_cl_storage_get(b, node->inputs[0], &x));
    MAE_TRY(mae_cl_storage_new(b, mae_cl_count(b, out), out, &y));
    const mae_cl_arg args[] = {mae_cl_arg_int((int64_t)inner),
                               mae_cl_arg_int((int64_t)channels),
                               mae_cl_arg_mem(x),
                               mae_cl_arg_mem(scale),
                               mae_cl_arg_mem(shift),
                               mae_cl_arg_mem(y),
                               mae_cl_arg_int(f.number),
                               mae_cl_arg_float(f.a),
                               mae_cl_arg_float(f.b)};
    return mae_cl_step_kernel(b, "affine", inner, (size_t)shape->dims[0] * channels, args, 9);
}
