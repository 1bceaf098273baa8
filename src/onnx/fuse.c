/* Nodes -> groups: an anchor and the followers that every engine fuses into it.
 *
 * A group gives exactly one tensor once it has a follower, and every node in it leads to that tensor.
 * So groups cannot depend on each other in a circle: the tensor of one would have to lead to itself. */
#include <stdlib.h>
#include <string.h>

#include "onnx/fuse.h"

static const char *const dense_ops[] = {"Conv", "ConvTranspose", "Gemm", "MatMul", NULL};
static const char *const activations[] = {
    "Relu",      "LeakyRelu",   "PRelu",    "Clip",     "Sigmoid",         "Tanh", "Elu",  "Selu",  "Celu",
    "HardSwish", "HardSigmoid", "Softplus", "Softsign", "ThresholdedRelu", "Gelu", "Mish", "Swish", NULL};
static const char *const other_unary[] = {"Erf",        "Abs",   "Neg",  "Exp",   "Log",  "Sqrt",
                                          "Reciprocal", "Floor", "Ceil", "Round", "Sign", NULL};
static const char *const arithmetic[] = {"Add", "Sub", "Mul", "Div", NULL};

typedef struct fuser {
    mae_onnx_model *model;
    int *nodes; /* of the group being built */
    size_t n_nodes;
    bool is_dense;
    bool has_residual;
} fuser;

int mae_onnx_only_output(const mae_onnx_model *model, int node)
{
    const mae_onnx_node *n = &model->nodes[node];
    for (size_t i = 1; i < n->n_outputs; i++)
        if (n->outputs[i] >= 0 &&
            (model->tensors[n->outputs[i]].n_consumers || model->tensors[n->outputs[i]].is_output))
            return -1;
    int tensor = n->n_outputs ? n->outputs[0] : -1;
    return tensor >= 0 && model->tensors[tensor].is_static ? tensor : -1;
}

int mae_onnx_only_reader(const mae_onnx_model *model, int tensor)
{
    const mae_onnx_tensor *t = &model->tensors[tensor];
    if (t->is_output || t->n_consumers != 1)
        return -1;
    const mae_onnx_node *reader = &model->nodes[t->consumers[0]];
    return reader->group >= 0 || reader->n_captures ? -1 : t->consumers[0];
}

bool mae_onnx_input_constant(const mae_onnx_model *model, int node, size_t i)
{
    const mae_onnx_node *n = &model->nodes[node];
    return i < n->n_inputs && n->inputs[i] >= 0 && model->tensors[n->inputs[i]].is_constant;
}

bool mae_onnx_same_dims(const mae_onnx_model *model, int a, int b)
{
    const mae_onnx_tensor *x = &model->tensors[a], *y = &model->tensors[b];
    return x->is_static && y->is_static && mae_shape_equal(&x->shape, &y->shape);
}

static bool rest_constant(const mae_onnx_model *model, int node)
{
    const mae_onnx_node *n = &model->nodes[node];
    for (size_t i = 1; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && !model->tensors[n->inputs[i]].is_constant)
            return false;
    return true;
}

static bool is_activation(const mae_onnx_model *model, int node)
{
    const mae_onnx_node *n = &model->nodes[node];
    return !*n->domain && mae_onnx_op_in(n->op, activations) && rest_constant(model, node);
}

bool mae_onnx_is_pointwise(const mae_onnx_model *model, int node)
{
    const mae_onnx_node *n = &model->nodes[node];
    if (*n->domain || n->n_captures)
        return false;
    return is_activation(model, node) || mae_onnx_op_in(n->op, other_unary) || mae_onnx_op_in(n->op, arithmetic) ||
           (strcmp(n->op, "Pow") == 0 && mae_onnx_input_constant(model, node, 1));
}

/* Add, Sub, Mul, Div of the tensor and a constant that does not make it larger. */
static bool is_with_constant(const mae_onnx_model *model, int node, int tensor)
{
    const mae_onnx_node *n = &model->nodes[node];
    if (*n->domain || !mae_onnx_op_in(n->op, arithmetic) || n->n_inputs != 2)
        return false;
    int other = n->inputs[0] == tensor ? n->inputs[1] : n->inputs[0];
    return other >= 0 && model->tensors[other].is_constant && mae_onnx_same_dims(model, tensor, n->outputs[0]);
}

bool mae_onnx_is_pointwise_of(const mae_onnx_model *model, int node, int tensor)
{
    if (is_with_constant(model, node, tensor))
        return true;
    return is_activation(model, node) && model->nodes[node].inputs[0] == tensor &&
           mae_onnx_same_dims(model, tensor, model->nodes[node].outputs[0]);
}

static bool is_batch_norm_of(const mae_onnx_model *model, int node, int tensor)
{
    const mae_onnx_node *n = &model->nodes[node];
    const Onnx__AttributeProto *training = mae_onnx_attr(n->proto, "training_mode");
    return mae_onnx_node_is(n, "BatchNormalization") && n->n_inputs && n->inputs[0] == tensor &&
           rest_constant(model, node) && !(training && training->i);
}

/* The other side of an addition is there when this group runs: it is an input, or a group built before
 * this one gives it. Of two convolutions that are added, the later one takes the addition. */
static bool is_residual(const fuser *f, int node, int tensor)
{
    const mae_onnx_model *model = f->model;
    const mae_onnx_node *n = &model->nodes[node];
    if ((!mae_onnx_node_is(n, "Add") && !mae_onnx_node_is(n, "Sum")) || n->n_inputs != 2)
        return false;
    int other = n->inputs[0] == tensor ? n->inputs[1] : n->inputs[0];
    if (other < 0 || other == tensor || !mae_onnx_same_dims(model, tensor, other) ||
        !mae_onnx_same_dims(model, tensor, n->outputs[0]))
        return false;
    int producer = model->tensors[other].producer;
    return producer < 0 || model->nodes[producer].group >= 0;
}

static void take(fuser *f, int node)
{
    f->model->nodes[node].group = (int)f->model->n_groups;
    f->nodes[f->n_nodes++] = node;
}

static void take_pattern(fuser *f, const mae_onnx_pattern *pattern)
{
    for (size_t i = 0; i < pattern->n; i++)
        take(f, pattern->nodes[i]);
}

/* Takes the follower of the tensor, if it has one; returns the tensor that comes out, or -1. */
static int take_follower(fuser *f, int tensor)
{
    const mae_onnx_model *model = f->model;
    int node = mae_onnx_only_reader(model, tensor);
    if (node < 0 || mae_onnx_only_output(model, node) < 0)
        return -1;
    bool residual = f->is_dense && !f->has_residual && is_residual(f, node, tensor);
    if (!residual && !is_batch_norm_of(model, node, tensor) && !mae_onnx_is_pointwise_of(model, node, tensor))
        return -1;
    f->has_residual |= residual;
    take(f, node);
    return model->nodes[node].outputs[0];
}

static void take_followers(fuser *f, int tensor)
{
    mae_onnx_pattern gate;
    while (tensor >= 0) {
        int next = take_follower(f, tensor);
        if (next < 0 && mae_onnx_match_gate(f->model, tensor, &gate)) {
            take_pattern(f, &gate);
            next = gate.exit;
        }
        tensor = next;
    }
}

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static mae_error *close_group(fuser *f, int anchor, mae_kind kind)
{
    mae_onnx_model *model = f->model;
    qsort(f->nodes, f->n_nodes, sizeof *f->nodes, by_number);
    int *nodes = mae_arena_copy(model->arena, f->nodes, f->n_nodes * sizeof *nodes);
    if (!nodes)
        return mae_error_nomem();
    model->groups[model->n_groups++] = (mae_onnx_group){f->n_nodes, nodes, anchor, kind};
    return NULL;
}

static bool may_have_followers(const mae_onnx_model *model, int node)
{
    const mae_onnx_node *n = &model->nodes[node];
    return !*n->domain && (mae_onnx_op_in(n->op, dense_ops) || strcmp(n->op, "BatchNormalization") == 0 ||
                           mae_onnx_is_pointwise(model, node));
}

static mae_error *make_group(fuser *f, int anchor)
{
    mae_onnx_model *model = f->model;
    mae_onnx_pattern norm;
    f->n_nodes = 0;
    f->has_residual = false;
    f->is_dense = !*model->nodes[anchor].domain && mae_onnx_op_in(model->nodes[anchor].op, dense_ops);
    if (mae_onnx_match_norm(model, anchor, &norm)) {
        take_pattern(f, &norm);
        take_followers(f, norm.exit);
        return close_group(f, anchor, MAE_KIND_NORM);
    }
    take(f, anchor);
    if (may_have_followers(model, anchor))
        take_followers(f, mae_onnx_only_output(model, anchor));
    return close_group(f, anchor, MAE_KIND_OTHER);
}

mae_error *mae_onnx_fuse(mae_onnx_model *model)
{
    fuser f = {.model = model, .nodes = mae_arena_array(model->arena, model->n_nodes, sizeof *f.nodes)};
    model->groups = mae_arena_array(model->arena, model->n_nodes, sizeof *model->groups);
    if (!f.nodes || !model->groups)
        return mae_error_nomem();
    for (int n = 0; n < (int)model->n_nodes; n++)
        if (!model->nodes[n].is_gone && model->nodes[n].group < 0)
            MAE_TRY(make_group(&f, n));
    return NULL;
}
