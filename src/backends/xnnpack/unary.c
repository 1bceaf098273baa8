/* Functions of one tensor, element by element or row by row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef enum xnn_status create_fn(size_t channels, size_t from, size_t to, uint32_t flags, xnn_operator_t *ret_op);
typedef enum xnn_status setup_fn(xnn_operator_t op, size_t batch, const float *from, float *to, pthreadpool_t pool);

typedef struct function {
    const char *op;
    create_fn *create;
    setup_fn *setup;
    bool by_row; /* rows are not independent of how they are cut */
} function;

typedef struct unary {
    const function *function;
    float number;    /* alpha */
    float low, high; /* of a clamp */
    size_t channels; /* 0: the value's rows */
} unary;

static const function functions[] = {
    {"Abs", xnn_create_abs_nc_f32, xnn_setup_abs_nc_f32, false},
    {"Ceil", xnn_create_ceiling_nc_f32, xnn_setup_ceiling_nc_f32, false},
    {"Floor", xnn_create_floor_nc_f32, xnn_setup_floor_nc_f32, false},
    {"Round", xnn_create_bankers_rounding_nc_f32, xnn_setup_bankers_rounding_nc_f32, false},
    {"Neg", xnn_create_negate_nc_f32, xnn_setup_negate_nc_f32, false},
    {"Sigmoid", xnn_create_sigmoid_nc_f32, xnn_setup_sigmoid_nc_f32, false},
    {"HardSwish", xnn_create_hardswish_nc_f32, xnn_setup_hardswish_nc_f32, false},
    {"Sqrt", xnn_create_square_root_nc_f32, xnn_setup_square_root_nc_f32, false},
    {"Pow", xnn_create_square_nc_f32, xnn_setup_square_nc_f32, false},
    {"Elu", NULL, xnn_setup_elu_nc_f32, false},
    {"LeakyRelu", NULL, xnn_setup_leaky_relu_nc_f32, false},
    {"Clip", NULL, xnn_setup_clamp_nc_f32, false},
    {"Softmax", xnn_create_softmax_nc_f32, xnn_setup_softmax_nc_f32, true},
};

static const function *find(const char *op)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (!strcmp(functions[i].op, op))
            return &functions[i];
    return NULL;
}

/* The rows that the operator sees: what has no gaps is one long row, unless the operator is about rows; those of a
 * softmax may be other than the value's. */
static void rows_of(const mae_xnn_unit *unit, const mae_xnn_step *step, size_t *ret_rows, size_t *ret_channels,
                    size_t *ret_from, size_t *ret_to)
{
    const unary *u = step->params;
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]), *y = mae_xnn_value_of(unit, step->out);

    *ret_rows = x->rows;
    *ret_channels = x->channels;
    *ret_from = x->stride;
    *ret_to = y->stride;
    if (u->channels) {
        *ret_rows = x->rows * x->channels / u->channels;
        *ret_channels = *ret_from = *ret_to = u->channels;
    }
}

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const unary *u = step->params;
    size_t rows, n, from, to;

    rows_of(unit, step, &rows, &n, &from, &to);
    if (u->function->create)
        return u->function->create(n, from, to, 0, ret_op);
    if (!strcmp(u->function->op, "Elu"))
        return xnn_create_elu_nc_f32(n, from, to, u->number, 0, ret_op);
    if (!strcmp(u->function->op, "LeakyRelu"))
        return xnn_create_leaky_relu_nc_f32(n, from, to, u->number, 0, ret_op);
    return xnn_create_clamp_nc_f32(n, from, to, u->low, u->high, 0, ret_op);
}

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const unary *u = step->params;
    size_t rows, n, from, to;

    rows_of(unit, step, &rows, &n, &from, &to);
    return u->function->setup(step->op, rows, mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out),
                              mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "element-wise function"};

/* From a tensor to a tensor of its shape, in the order it lies in. */
static mae_error *add_unary(mae_xnn_build *b, const unary *u, int src, int dst)
{
    int in, out;

    MAE_TRY(mae_xnn_value_get(b, src, MAE_XNN_EITHER, false, &in));
    MAE_TRY(mae_xnn_value_new(b, dst, mae_xnn_order_at(b, in), false, &out));
    return mae_xnn_step_add(b, &kind, u, sizeof(*u), (int[]){in, -1}, out, NULL);
}

mae_error *mae_xnn_lower_unary(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    unary u = {.function = find(node->op)};
    double power = 0.0;

    if (!strcmp(node->op, "Pow") &&
        (!mae_graph_is_scalar(b->graph, mae_node_input(node, 1), node->inputs[0], &power) || power != 2.0))
        return mae_xnn_unsupported(b, "a power other than the square");
    u.number = mae_node_float(node, "alpha", !strcmp(node->op, "Elu") ? 1.0f : 0.01f);
    if (!u.function->create && !isnormal(u.number))
        return mae_xnn_unsupported(b, "a slope that the library does not take");
    if (!strcmp(node->op, "Elu") && u.number < 0.0f)
        return mae_xnn_unsupported(b, "a slope that the library does not take");
    return add_unary(b, &u, node->inputs[0], node->outputs[0]);
}

mae_error *mae_xnn_lower_clamp(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    unary u = {.function = find("Clip")};

    if (!mae_xnn_is_clamp(b, index, &u.low, &u.high))
        return mae_xnn_unsupported(b, "a clip by what is not constant, or that leaves one number");
    return add_unary(b, &u, node->inputs[0], node->outputs[0]);
}

/* Along one axis, or, before opset 13, along all from that one on. */
mae_error *mae_xnn_lower_softmax(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);
    bool old = node->opset < 13;
    int64_t axis = mae_node_int(node, "axis", old ? 1 : -1);
    unary u = {.function = find("Softmax")};
    int in, out;

    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank)
        return mae_xnn_unsupported(b, "a softmax along that axis");
    size_t n = mae_xnn_span(x, (int)axis, old ? x->rank : (int)axis + 1);
    mae_xnn_order order = MAE_XNN_DENSE;
    if (n != mae_xnn_span(x, (int)axis, x->rank)) {
        if (axis != 1)
            return mae_xnn_unsupported(b, "a softmax along an axis in the middle");
        order = MAE_XNN_LAST;
    }
    u.channels = n;
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], order, true, &in));
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], order, true, &out));
    return mae_xnn_step_add(b, &kind, &u, sizeof(u), (int[]){in, -1}, out, NULL);
}

/* ---- PRelu ---- */

static enum xnn_status create_prelu(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const mae_xnn_value *x = mae_xnn_value_of(unit, step->in[0]), *y = mae_xnn_value_of(unit, step->out);
    return xnn_create_prelu_nc_f32(x->channels, x->stride, y->stride, step->weights[0], 0, ret_op);
}

static enum xnn_status setup_prelu(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    return xnn_setup_prelu_nc_f32(step->op, mae_xnn_value_of(unit, step->in[0])->rows, mae_xnn_at(unit, step->in[0]),
                                  mae_xnn_at(unit, step->out), mae_xnn_pool(unit));
}

static const mae_xnn_kind prelu_kind = {create_prelu, setup_prelu, NULL, "PReLU"};

/* One slope, or one per channel. */
mae_error *mae_xnn_lower_prelu(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]);
    int slope = node->inputs[1], in, out;
    const mae_shape *s = mae_xnn_shape(b, slope);
    float *slopes;

    if (x->rank < 2 || !mae_graph_is_weight(b->graph, slope) || s->rank > x->rank)
        return mae_xnn_unsupported(b, "slopes that are not constant");
    size_t n = mae_xnn_tensor(b, slope)->bytes / sizeof(float), channels = (size_t)x->dims[1];
    int axis = 1 - (x->rank - s->rank);
    if (n != 1 && (n != channels || axis < 0 || s->dims[axis] != x->dims[1]))
        return mae_xnn_unsupported(b, "slopes that are not one per channel");
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_LAST, false, &in));
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], MAE_XNN_LAST, false, &out));
    MAE_TRY(mae_xnn_numbers(b, channels, &slopes));
    for (size_t i = 0; slopes && i < channels; i++)
        slopes[i] = (float)mae_tensor_f64(mae_xnn_tensor(b, slope), n == 1 ? 0 : i);
    return mae_xnn_step_add(b, &prelu_kind, NULL, 0, (int[]){in, -1}, out, (float *const[]){slopes, NULL});
}
