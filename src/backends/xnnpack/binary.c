/* Arithmetic with two tensors, broadcast; and functions that are written as such. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct arithmetic {
    mae_xnn_arithmetic op;
    size_t n_dims[2], dims[2][XNN_MAX_TENSOR_DIMS];
    float low, high;
} arithmetic;

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const arithmetic *a = step->params;

    (void)unit;
    switch (a->op) {
    case MAE_XNN_ADD:
        return xnn_create_add_nd_f32(a->low, a->high, 0, ret_op);
    case MAE_XNN_SUB:
        return xnn_create_subtract_nd_f32(a->low, a->high, 0, ret_op);
    case MAE_XNN_MUL:
        return xnn_create_multiply_nd_f32(a->low, a->high, 0, ret_op);
    case MAE_XNN_DIV:
        return xnn_create_divide_nd_f32(a->low, a->high, 0, ret_op);
    case MAE_XNN_MAX:
        return xnn_create_maximum_nd_f32(0, ret_op);
    default:
        return xnn_create_minimum_nd_f32(0, ret_op);
    }
}

typedef enum xnn_status setup_fn(xnn_operator_t op, size_t n_a, const size_t *a, size_t n_b, const size_t *b,
                                 const float *x, const float *y, float *out, pthreadpool_t pool);

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    static setup_fn *const setups[] = {xnn_setup_add_nd_f32,    xnn_setup_subtract_nd_f32, xnn_setup_multiply_nd_f32,
                                       xnn_setup_divide_nd_f32, xnn_setup_maximum_nd_f32,  xnn_setup_minimum_nd_f32};
    const arithmetic *a = step->params;

    return setups[a->op](step->op, a->n_dims[0], a->dims[0], a->n_dims[1], a->dims[1], mae_xnn_at(unit, step->in[0]),
                         mae_xnn_at(unit, step->in[1]), mae_xnn_at(unit, step->out), mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "arithmetic"};

mae_error *mae_xnn_add_arithmetic(mae_xnn_build *b, mae_xnn_arithmetic op, const int in[2], const size_t *dims[2],
                                  const int n_dims[2], int out, float low, float high)
{
    arithmetic a = {.op = op, .low = low, .high = high};

    for (int k = 0; k < 2; k++) {
        if (n_dims[k] > XNN_MAX_TENSOR_DIMS)
            return mae_xnn_unsupported(b, "arithmetic with more than six axes");
        a.n_dims[k] = (size_t)n_dims[k];
        memcpy(a.dims[k], dims[k], a.n_dims[k] * sizeof(size_t));
    }
    return mae_xnn_step_add(b, &kind, &a, sizeof(a), in, out, NULL);
}

/* An operand as a tensor of the result's rank: its dimensions, in the result's order of axes. */
typedef struct operand {
    int value;
    size_t dims[MAE_MAX_RANK];
} operand;

static void dims_of(const mae_shape *s, int rank, bool last, size_t *dims)
{
    size_t aligned[MAE_MAX_RANK];

    for (int i = 0; i < rank; i++)
        aligned[i] = i < rank - s->rank ? 1 : (size_t)s->dims[i - (rank - s->rank)];
    dims[0] = rank ? aligned[0] : 1;
    for (int i = 1; i < rank; i++)
        dims[i] = !last ? aligned[i] : i + 1 < rank ? aligned[i + 1] : aligned[1];
}

/* Does a tensor, seen with the result's rank, lie the same in both orders? */
static bool is_flat_in(const mae_shape *s, int rank)
{
    size_t channels = 1, area = 1;

    for (int i = 1; i < rank; i++) {
        int own = i - (rank - s->rank);
        size_t d = own < 0 ? 1 : (size_t)s->dims[own];
        if (i == 1)
            channels = d;
        else
            area *= d;
    }
    return rank < 3 || channels == 1 || area == 1;
}

/* A constant of a smaller rank with its channels last. */
static mae_error *turned_constant(mae_xnn_build *b, int tensor, int rank, operand *o)
{
    const mae_shape *s = mae_xnn_shape(b, tensor);
    size_t n = mae_xnn_tensor(b, tensor)->bytes / sizeof(float), dims[MAE_MAX_RANK], area = 1;
    float *from, *to;

    dims_of(s, rank, false, dims);
    for (int i = 2; i < rank; i++)
        area *= dims[i];
    mae_xnn_move move = {.n = 3, .dims = {n / dims[1] / area, dims[1], area}};
    const size_t planes[3] = {dims[1] * area, area, 1}, pixels[3] = {dims[1] * area, 1, dims[1]};
    memcpy(move.from, planes, sizeof(planes));
    memcpy(move.to, pixels, sizeof(pixels));
    MAE_TRY(mae_xnn_numbers(b, n, &to));
    mae_error *error = mae_xnn_weights(b, tensor, &from);
    if (error) {
        mae_xnn_free(to);
        return error;
    }
    if (to)
        mae_xnn_move_run(NULL, &move, from, to);
    mae_xnn_free(from);
    return mae_xnn_value_constant(b, to, n, &o->value);
}

/* Can the tensor be had as an operand of a result of that rank whose channels come last? */
static bool can_be_last(const mae_xnn_build *b, int tensor, int rank)
{
    const mae_shape *s = mae_xnn_shape(b, tensor);
    return s->rank == rank || is_flat_in(s, rank) || mae_graph_is_weight(b->graph, tensor);
}

static mae_error *get_operand(mae_xnn_build *b, int tensor, int rank, bool last, operand *o)
{
    const mae_shape *s = mae_xnn_shape(b, tensor);

    dims_of(s, rank, last, o->dims);
    if (!last || is_flat_in(s, rank))
        return mae_xnn_value_get(b, tensor, MAE_XNN_DENSE, true, &o->value);
    if (mae_graph_is_weight(b->graph, tensor))
        return turned_constant(b, tensor, rank, o);
    return mae_xnn_value_get(b, tensor, MAE_XNN_LAST, true, &o->value);
}

/* Is the result better computed with its channels last? As its operands lie, of those as large as it is. */
static bool wants_last(const mae_xnn_build *b, const mae_node *node, int out)
{
    int rank = mae_xnn_shape(b, out)->rank;
    bool last = false;

    if (rank < 3)
        return false;
    for (size_t i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i];
        if (!can_be_last(b, tensor, rank))
            return false;
        last = last || (mae_xnn_shape(b, tensor)->rank == rank && !mae_xnn_is_flat(mae_xnn_shape(b, tensor)) &&
                        mae_xnn_has_last(b, tensor));
    }
    return last;
}

static const char *const names[] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};

static mae_xnn_arithmetic arithmetic_of(const char *op)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(op, names[i]))
            return (mae_xnn_arithmetic)i;
    return MAE_XNN_ADD; /* Sum */
}

/* How large the result of the first two operands is. */
static size_t broadcast(const operand *x, const operand *y, int rank, size_t *dims)
{
    size_t n = 1;

    for (int i = 0; i < rank; i++) {
        dims[i] = x->dims[i] > y->dims[i] ? x->dims[i] : y->dims[i];
        n *= dims[i];
    }
    return n;
}

static bool shapes_fit(const mae_xnn_build *b, const mae_node *node)
{
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);

    for (size_t i = 0; i < node->n_inputs; i++) {
        const mae_shape *x = node->inputs[i] >= 0 ? mae_xnn_shape(b, node->inputs[i]) : NULL;
        if (!x || x->dtype != MAE_F32 || x->rank > y->rank)
            return false;
        for (int k = 0; k < x->rank; k++)
            if (x->dims[k] != 1 && x->dims[k] != y->dims[k + y->rank - x->rank])
                return false;
    }
    return y->rank <= XNN_MAX_TENSOR_DIMS;
}

mae_error *mae_xnn_lower_binary(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    int rank = mae_xnn_shape(b, node->outputs[0])->rank, n_dims[2] = {rank, rank};
    mae_xnn_arithmetic op = arithmetic_of(node->op);
    mae_xnn_tail tail = {.out = node->outputs[0]};
    operand x, y;

    if (node->n_inputs < 2)
        return mae_xnn_lower_reshape(b, index);
    if (!shapes_fit(b, node))
        return mae_xnn_unsupported(b, "arithmetic with shapes that do not fit, or more than six axes");
    bool last = wants_last(b, node, node->outputs[0]);
    if (op != MAE_XNN_MAX && op != MAE_XNN_MIN)
        MAE_TRY(mae_xnn_tail_grow(b, node->outputs[0], -1, 0, &tail));
    MAE_TRY(get_operand(b, node->inputs[0], rank, last, &x));
    for (size_t i = 1; i < node->n_inputs; i++) {
        bool end = i + 1 == node->n_inputs;
        operand z;
        MAE_TRY(get_operand(b, node->inputs[i], rank, last, &y));
        size_t n = broadcast(&x, &y, rank, z.dims);
        MAE_TRY(end ? mae_xnn_value_new(b, tail.out, last ? MAE_XNN_LAST : MAE_XNN_DENSE, true, &z.value)
                    : mae_xnn_value_scratch(b, 1, n, &z.value));
        const size_t *dims[2] = {x.dims, y.dims};
        MAE_TRY(mae_xnn_add_arithmetic(b, op, (int[]){x.value, y.value}, dims, n_dims, z.value,
                                       end ? tail.low : -INFINITY, end ? tail.high : INFINITY));
        x = z;
    }
    return NULL;
}

/* ---- Functions made of several steps ---- */

static mae_error *number_value(mae_xnn_build *b, float number, int *ret_value)
{
    float *numbers;

    MAE_TRY(mae_xnn_numbers(b, 1, &numbers));
    if (numbers)
        *numbers = number;
    return mae_xnn_value_constant(b, numbers, 1, ret_value);
}

/* out = in op number, of `n` elements. */
static mae_error *with_number(mae_xnn_build *b, mae_xnn_arithmetic op, size_t n, int in, float number, int out,
                              float low, float high)
{
    const size_t all = n, one = 1, *dims[2] = {&all, &one};
    int value;

    MAE_TRY(number_value(b, number, &value));
    return mae_xnn_add_arithmetic(b, op, (int[]){in, value}, dims, (int[]){1, 1}, out, low, high);
}

static mae_error *sigmoid(mae_xnn_build *b, int in, int out);

/* HardSigmoid is a multiplication, an addition and a clamp; tanh(x) is 2 sigmoid(2 x) - 1. */
mae_error *mae_xnn_lower_linear(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    bool hard = !strcmp(node->op, "HardSigmoid");
    float factor = hard ? mae_node_float(node, "alpha", 0.2f) : 2.0f;
    float shift = hard ? mae_node_float(node, "beta", 0.5f) : -1.0f;
    float low = hard ? 0.0f : -INFINITY, high = hard ? 1.0f : INFINITY;
    int in, out, part;

    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_EITHER, true, &in));
    MAE_TRY(mae_xnn_value_new(b, node->outputs[0], mae_xnn_order_at(b, in), true, &out));
    size_t n = b->unit->values[in].rows * b->unit->values[in].channels;
    MAE_TRY(mae_xnn_value_scratch(b, 1, n, &part));
    MAE_TRY(with_number(b, MAE_XNN_MUL, n, in, factor, part, -INFINITY, INFINITY));
    if (!hard) {
        int middle;
        MAE_TRY(mae_xnn_value_scratch(b, 1, n, &middle));
        MAE_TRY(sigmoid(b, part, middle));
        MAE_TRY(mae_xnn_value_scratch(b, 1, n, &part));
        MAE_TRY(with_number(b, MAE_XNN_MUL, n, middle, 2.0f, part, -INFINITY, INFINITY));
    }
    return with_number(b, MAE_XNN_ADD, n, part, shift, out, low, high);
}

static enum xnn_status create_sigmoid(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    size_t n = mae_xnn_value_of(unit, step->in[0])->channels;
    return xnn_create_sigmoid_nc_f32(n, n, n, 0, ret_op);
}

static enum xnn_status setup_sigmoid(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    return xnn_setup_sigmoid_nc_f32(step->op, 1, mae_xnn_at(unit, step->in[0]), mae_xnn_at(unit, step->out),
                                    mae_xnn_pool(unit));
}

static mae_error *sigmoid(mae_xnn_build *b, int in, int out)
{
    static const mae_xnn_kind sigmoid_kind = {create_sigmoid, setup_sigmoid, NULL, "sigmoid"};
    return mae_xnn_step_add(b, &sigmoid_kind, NULL, 0, (int[]){in, -1}, out, NULL);
}
