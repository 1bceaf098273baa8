/* MatMul and Gemm with constant weights. */
#include <stdlib.h>
#include <string.h>

#include "backends/xnnpack/lower.h"

typedef struct product {
    size_t rows, in, out;
    bool transposed; /* weights as in, out */
    float least, most;
} product;

static enum xnn_status create(const mae_xnn_unit *unit, const mae_xnn_step *step, xnn_operator_t *ret_op)
{
    const product *p = step->params;

    (void)unit;
    return xnn_create_fully_connected_nc_f32(p->in, p->out, p->in, p->out, step->weights[0], step->weights[1], p->least,
                                             p->most, p->transposed ? XNN_FLAG_TRANSPOSE_WEIGHTS : 0, ret_op);
}

static enum xnn_status setup(const mae_xnn_unit *unit, const mae_xnn_step *step)
{
    const product *p = step->params;

    return xnn_setup_fully_connected_nc_f32(step->op, p->rows, mae_xnn_at(unit, step->in[0]),
                                            mae_xnn_at(unit, step->out), mae_xnn_pool(unit));
}

static const mae_xnn_kind kind = {create, setup, NULL, "product of matrices"};

/* Gemm's C as one number per column, which a bias is: one row, or one number; NULL if it is, else why not. */
static const char *bias_fits(const mae_xnn_build *b, const mae_node *node, size_t out)
{
    int c = mae_node_input(node, 2);

    if (c < 0)
        return NULL;
    const mae_shape *s = mae_xnn_shape(b, c);
    size_t n = mae_xnn_tensor(b, c)->bytes / sizeof(float);
    if (!mae_graph_is_weight(b->graph, c))
        return "a product whose summand is not constant";
    if (n != 1 && (n != out || s->rank == 0 || s->dims[s->rank - 1] != (int64_t)out))
        return "a product whose summand is more than a row";
    return NULL;
}

static const char *describe(const mae_xnn_build *b, const mae_node *node, product *p)
{
    const mae_shape *x = mae_xnn_shape(b, node->inputs[0]), *w = mae_xnn_shape(b, node->inputs[1]);
    const mae_shape *y = mae_xnn_shape(b, node->outputs[0]);
    bool gemm = !strcmp(node->op, "Gemm");

    if (!mae_graph_is_weight(b->graph, node->inputs[1]))
        return "a product of two tensors that are not constant";
    if (mae_graph_is_weight(b->graph, node->inputs[0]))
        return "a product of constants";
    if (w->rank != 2 || x->rank < 2 || y->rank != x->rank || (gemm && x->rank != 2))
        return "a product of other than rows and a matrix";
    if (gemm && mae_node_int(node, "transA", 0))
        return "a product of a transposed tensor";
    p->transposed = !gemm || !mae_node_int(node, "transB", 0);
    p->in = (size_t)x->dims[x->rank - 1];
    p->out = (size_t)w->dims[p->transposed ? 1 : 0];
    p->rows = mae_xnn_span(x, 0, x->rank - 1);
    if ((size_t)w->dims[p->transposed ? 0 : 1] != p->in || (size_t)y->dims[y->rank - 1] != p->out ||
        mae_xnn_tensor(b, node->outputs[0])->bytes != p->rows * p->out * sizeof(float))
        return "a product whose shapes do not fit";
    return gemm ? bias_fits(b, node, p->out) : NULL;
}

/* Weights and bias with alpha, beta and what is folded. */
static void scale(const mae_xnn_build *b, const mae_node *node, const product *p, const mae_affine *f, float *w,
                  float *bias)
{
    bool gemm = !strcmp(node->op, "Gemm");
    double alpha = gemm ? (double)mae_node_float(node, "alpha", 1.0f) : 1.0;
    double beta = gemm ? (double)mae_node_float(node, "beta", 1.0f) : 1.0;
    int c = gemm ? mae_node_input(node, 2) : -1;
    size_t n = c >= 0 ? mae_xnn_tensor(b, c)->bytes / sizeof(float) : 0;

    for (size_t i = 0; i < p->in * p->out; i++) {
        size_t out = p->transposed ? i % p->out : i / p->in;
        w[i] = (float)((double)w[i] * alpha * (f->n ? f->scale[out] : 1.0));
    }
    for (size_t i = 0; i < p->out; i++) {
        double own = n ? beta * mae_tensor_f64(mae_xnn_tensor(b, c), n == 1 ? 0 : i) : 0.0;
        bias[i] = (float)(f->n ? own * f->scale[i] + f->shift[i] : own);
    }
}

mae_error *mae_xnn_lower_product(mae_xnn_build *b, int index)
{
    const mae_node *node = &b->graph->nodes[index];
    float *weights[2] = {NULL, NULL};
    mae_xnn_tail tail;
    product p;
    int in, out;
    const char *reason = describe(b, node, &p);

    if (reason)
        return mae_xnn_unsupported(b, reason);
    int axis = mae_xnn_shape(b, node->outputs[0])->rank - 1;
    MAE_TRY(mae_xnn_tail_grow(b, node->outputs[0], axis, (int64_t)p.out, &tail));
    p.least = tail.low;
    p.most = tail.high;
    MAE_TRY(mae_xnn_value_get(b, node->inputs[0], MAE_XNN_DENSE, true, &in));
    MAE_TRY(mae_xnn_value_new(b, tail.out, MAE_XNN_DENSE, true, &out));
    MAE_TRY(mae_xnn_weights(b, node->inputs[1], &weights[0]));
    mae_error *error = mae_xnn_numbers(b, p.out, &weights[1]);
    if (error) {
        mae_xnn_free(weights[0]);
        return error;
    }
    if (!b->trial)
        scale(b, node, &p, &tail.affine, weights[0], weights[1]);
    return mae_xnn_step_add(b, &kind, &p, sizeof(p), (int[]){in, -1}, out, weights);
}
