/* Small networks made by hand, and a plain interpreter of their operators that the results of engines are compared
 * with. The interpreter is written for clarity: one loop over the output's elements. */
#ifndef MAE_TESTS_NET_H
#define MAE_TESTS_NET_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/stats.h"
#include "core/graph.h"
#include "pe/module.h"

#define NET_TENSORS 128
#define NET_NODES 64
#define NET_ATTRS 6

typedef struct net {
    mae_arena *arena;
    mae_rng rng;
    mae_tensor tensors[NET_TENSORS];
    float *values[NET_TENSORS]; /* what the interpreter computed */
    mae_node nodes[NET_NODES];
    mae_attr attrs[NET_NODES][NET_ATTRS];
    int node_layers[NET_NODES];
    mae_layer layers[NET_NODES];
    int inputs[NET_TENSORS], outputs[NET_TENSORS];
    mae_graph graph;
} net;

static inline void *net_alloc(net *n, size_t size)
{
    void *p = mae_arena_alloc(n->arena, size);
    assert_non_null(p);
    return p;
}

static inline void net_begin(net *n, uint64_t seed)
{
    memset(n, 0, sizeof(*n));
    n->arena = mae_arena_create();
    assert_non_null(n->arena);
    n->rng.state = seed;
    n->graph = (mae_graph){.name = "net",
                           .sha256 = "",
                           .tensors = n->tensors,
                           .nodes = n->nodes,
                           .layers = n->layers,
                           .inputs = n->inputs,
                           .outputs = n->outputs};
}

static inline void net_end(net *n)
{
    mae_arena_destroy(n->arena);
}

static inline size_t net_count(const net *n, int tensor)
{
    size_t count = 0;
    assert_true(mae_shape_count(&n->tensors[tensor].shape, &count));
    return count;
}

static inline int net_tensor(net *n, mae_dtype dtype, int rank, const int64_t *dims)
{
    int index = (int)n->graph.n_tensors++;
    mae_tensor *t = &n->tensors[index];
    char name[16];
    assert_true(index < NET_TENSORS);
    snprintf(name, sizeof(name), "t%d", index);
    *t = (mae_tensor){.name = mae_arena_strdup(n->arena, name),
                      .shape = {.dtype = dtype, .rank = rank},
                      .is_static = true,
                      .producer_node = -1,
                      .producer_layer = -1};
    for (int i = 0; i < rank; i++)
        t->shape.dims[i] = dims[i];
    assert_true(mae_shape_bytes(&t->shape, &t->bytes));
    return index;
}

static inline float *net_random(net *n, size_t count)
{
    float *v = net_alloc(n, count * sizeof(float) + 1);
    for (size_t i = 0; i < count; i++)
        v[i] = (float)mae_rng_normal(&n->rng);
    return v;
}

#define NET_DIMS(...)                                                                                                  \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[])                                             \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

static inline int net_input(net *n, int rank, const int64_t *dims)
{
    int index = net_tensor(n, MAE_F32, rank, dims);
    n->tensors[index].is_input = true;
    n->inputs[n->graph.n_inputs++] = index;
    n->values[index] = net_random(n, net_count(n, index));
    return index;
}

static inline int net_given(net *n, const float *values, int rank, const int64_t *dims)
{
    int index = net_tensor(n, MAE_F32, rank, dims);
    mae_tensor *t = &n->tensors[index];
    char *data = net_alloc(n, t->bytes + 1);
    memcpy(data + 1, values, t->bytes); /* constants may lie anywhere */
    t->is_constant = true;
    t->data = data + 1;
    n->values[index] = net_alloc(n, t->bytes);
    memcpy(n->values[index], values, t->bytes);
    return index;
}

static inline int net_constant(net *n, int rank, const int64_t *dims)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= dims[i];
    return net_given(n, net_random(n, (size_t)count), rank, dims);
}

static inline int net_scalar(net *n, float value)
{
    return net_given(n, &value, 0, NULL);
}

static inline int net_ints(net *n, int count, const int64_t *values)
{
    int index = net_tensor(n, MAE_I64, 1, (int64_t[]){count});
    n->tensors[index].is_constant = true;
    n->tensors[index].data = mae_arena_copy(n->arena, values, (size_t)count * sizeof(*values));
    return index;
}

/* A node in a layer of its own, or with `follows` in the layer before. Returns its node; outputs are added by
 * net_output_of. */
static inline int net_node(net *n, const char *op, bool follows, size_t n_inputs, const int *inputs)
{
    int index = (int)n->graph.n_nodes++;
    assert_true(index < NET_NODES);
    n->nodes[index] = (mae_node){.op = op,
                                 .domain = "",
                                 .name = "",
                                 .opset = 13,
                                 .n_inputs = n_inputs,
                                 .inputs = mae_arena_copy(n->arena, inputs, n_inputs * sizeof(*inputs)),
                                 .outputs = net_alloc(n, 4 * sizeof(int)),
                                 .attrs = n->attrs[index]};
    n->node_layers[index] = index == 0 ? 0 : n->node_layers[index - 1] + !follows;
    n->nodes[index].layer = n->node_layers[index];
    return index;
}

static inline int net_output_of(net *n, int node, int rank, const int64_t *dims)
{
    int index = net_tensor(n, MAE_F32, rank, dims);
    ((int *)n->nodes[node].outputs)[n->nodes[node].n_outputs++] = index;
    n->tensors[index].producer_node = node;
    n->tensors[index].producer_layer = n->node_layers[node];
    n->values[index] = net_alloc(n, n->tensors[index].bytes);
    return index;
}

static inline mae_attr *net_attr(net *n, int node, const char *name, mae_attr_type type)
{
    assert_true(n->nodes[node].n_attrs < NET_ATTRS);
    mae_attr *attr = &n->attrs[node][n->nodes[node].n_attrs++];
    *attr = (mae_attr){.name = name, .type = type};
    return attr;
}

static inline void net_attr_int(net *n, int node, const char *name, int64_t value)
{
    net_attr(n, node, name, MAE_ATTR_INT)->i = value;
}

static inline void net_attr_float(net *n, int node, const char *name, float value)
{
    net_attr(n, node, name, MAE_ATTR_FLOAT)->f = value;
}

static inline void net_attr_ints(net *n, int node, const char *name, int count, const int64_t *values)
{
    mae_attr *attr = net_attr(n, node, name, MAE_ATTR_INTS);
    attr->n = (size_t)count;
    attr->ints = mae_arena_copy(n->arena, values, (size_t)count * sizeof(*values));
}

static inline void net_want(net *n, int tensor)
{
    n->tensors[tensor].is_output = true;
    n->outputs[n->graph.n_outputs++] = tensor;
}

/* ---- Layers: their borders follow from the nodes ---- */

static inline bool net_listed(const int *list, size_t n, int what)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == what)
            return true;
    return false;
}

static inline bool net_read_outside(const net *n, int tensor, int layer)
{
    for (size_t i = 0; i < n->graph.n_nodes; i++)
        if (n->node_layers[i] != layer && net_listed(n->nodes[i].inputs, n->nodes[i].n_inputs, tensor))
            return true;
    return n->tensors[tensor].is_output;
}

static inline void net_layer_border(net *n, mae_layer *layer, int index)
{
    int *inputs = net_alloc(n, NET_TENSORS * sizeof(int)), *outputs = net_alloc(n, NET_TENSORS * sizeof(int));
    layer->inputs = inputs;
    layer->outputs = outputs;
    for (int k = layer->first_node; k < layer->first_node + layer->n_nodes; k++) {
        for (size_t i = 0; i < n->nodes[k].n_inputs; i++) {
            int t = n->nodes[k].inputs[i];
            if (t >= 0 && !n->tensors[t].is_constant && n->tensors[t].producer_layer != index &&
                !net_listed(inputs, layer->n_inputs, t))
                inputs[layer->n_inputs++] = t;
        }
        for (size_t i = 0; i < n->nodes[k].n_outputs; i++)
            if (net_read_outside(n, n->nodes[k].outputs[i], index))
                outputs[layer->n_outputs++] = n->nodes[k].outputs[i];
    }
}

static inline void net_make_layers(net *n)
{
    for (size_t k = 0; k < n->graph.n_nodes; k++) {
        mae_layer *layer = &n->layers[n->node_layers[k]];
        if (layer->n_nodes++ == 0) {
            layer->first_node = layer->anchor = (int)k;
            layer->op = n->nodes[k].op;
            layer->name = n->tensors[n->nodes[k].outputs[0]].name;
            n->graph.n_layers++;
        }
    }
    for (size_t i = 0; i < n->graph.n_layers; i++)
        net_layer_border(n, &n->layers[i], (int)i);
}

/* ---- The interpreter ---- */

/* Position of element `at` of a tensor of shape `shape`. */
static inline void net_position(const mae_shape *shape, size_t at, int64_t *x)
{
    for (int i = shape->rank - 1; i >= 0; i--) {
        x[i] = (int64_t)(at % (size_t)shape->dims[i]);
        at /= (size_t)shape->dims[i];
    }
}

static inline size_t net_at(const mae_shape *shape, const int64_t *x)
{
    size_t at = 0;
    for (int i = 0; i < shape->rank; i++)
        at = at * (size_t)shape->dims[i] + (size_t)x[i];
    return at;
}

/* The element of an operand that is broadcast to position `x` of a result of rank `rank`. */
static inline float net_broadcast(const net *n, int tensor, int rank, const int64_t *x)
{
    const mae_shape *shape = &n->tensors[tensor].shape;
    int64_t own[MAE_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        own[i] = shape->dims[i] == 1 ? 0 : x[rank - shape->rank + i];
    return n->values[tensor][net_at(shape, own)];
}

static inline int64_t net_attr_at(const mae_node *node, const char *name, size_t i, int64_t otherwise)
{
    const mae_attr *attr = mae_node_attr(node, name);
    return attr ? attr->ints[i] : otherwise;
}

static inline double net_scalar_function(const mae_node *node, double x)
{
    const char *op = node->op;
    if (!strcmp(op, "Relu"))
        return x > 0 ? x : 0;
    if (!strcmp(op, "LeakyRelu"))
        return x > 0 ? x : x * (double)mae_node_float(node, "alpha", 0.01f);
    if (!strcmp(op, "Sigmoid"))
        return 1 / (1 + exp(-x));
    if (!strcmp(op, "Tanh"))
        return tanh(x);
    if (!strcmp(op, "Exp"))
        return exp(x);
    if (!strcmp(op, "Abs"))
        return fabs(x);
    if (!strcmp(op, "Sqrt"))
        return sqrt(x);
    if (!strcmp(op, "Neg"))
        return -x;
    if (!strcmp(op, "Erf"))
        return erf(x);
    if (!strcmp(op, "Softplus"))
        return log1p(exp(x));
    if (!strcmp(op, "HardSigmoid"))
        return fmin(
            fmax(x * (double)mae_node_float(node, "alpha", 0.2f) + (double)mae_node_float(node, "beta", 0.5f), 0), 1);
    if (!strcmp(op, "HardSwish"))
        return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    if (!strcmp(op, "Elu"))
        return x > 0 ? x : expm1(x) * (double)mae_node_float(node, "alpha", 1);
    fail_msg("the interpreter has no %s", op);
    return 0;
}

static inline double net_combine(const char *op, double a, double b)
{
    if (!strcmp(op, "Add") || !strcmp(op, "Sum"))
        return a + b;
    if (!strcmp(op, "Sub"))
        return a - b;
    if (!strcmp(op, "Mul"))
        return a * b;
    if (!strcmp(op, "Div"))
        return a / b;
    if (!strcmp(op, "Max"))
        return fmax(a, b);
    if (!strcmp(op, "Pow"))
        return pow(a, b);
    if (!strcmp(op, "PRelu"))
        return a > 0 ? a : a * b;
    return fmin(a, b);
}

/* One window of Conv (`w` the weights), MaxPool or AveragePool (`w` -1). */
static inline double net_window(const net *n, const mae_node *node, int w, const int64_t *at)
{
    const mae_shape *x = &n->tensors[node->inputs[0]].shape;
    const mae_shape *k = w >= 0 ? &n->tensors[w].shape : NULL;
    bool max = !strcmp(node->op, "MaxPool");
    int64_t groups = mae_node_int(node, "group", 1), p[MAE_MAX_RANK], q[MAE_MAX_RANK];
    int spatial = x->rank - 2;
    mae_shape window = {.rank = spatial + 1, .dims = {k ? k->dims[1] : 1}};
    for (int i = 0; i < spatial; i++)
        window.dims[i + 1] = k ? k->dims[i + 2] : net_attr_at(node, "kernel_shape", (size_t)i, 1);
    size_t count;
    assert_true(mae_shape_count(&window, &count));
    double sum = max ? -INFINITY : 0, taken = 0;
    for (size_t e = 0; e < count; e++) {
        net_position(&window, e, q);
        bool inside = true;
        for (int i = 0; i < spatial; i++) {
            p[i + 2] = at[i + 2] * net_attr_at(node, "strides", (size_t)i, 1) -
                       net_attr_at(node, "pads", (size_t)i, 0) +
                       q[i + 1] * net_attr_at(node, "dilations", (size_t)i, 1);
            inside = inside && p[i + 2] >= 0 && p[i + 2] < x->dims[i + 2];
        }
        if (!inside)
            continue;
        p[0] = at[0];
        p[1] = k ? at[1] / (k->dims[0] / groups) * k->dims[1] + q[0] : at[1];
        double value = n->values[node->inputs[0]][net_at(x, p)];
        taken++;
        if (k) {
            int64_t r[MAE_MAX_RANK] = {at[1]};
            memcpy(r + 1, q, sizeof(*q) * (size_t)(spatial + 1));
            value *= (double)n->values[w][net_at(k, r)];
        }
        sum = max ? fmax(sum, value) : sum + value;
    }
    if (k || max)
        return sum;
    return sum / (mae_node_int(node, "count_include_pad", 0) ? (double)count : taken);
}

static inline void net_conv_transpose(net *n, const mae_node *node)
{
    const mae_shape *x = &n->tensors[node->inputs[0]].shape, *k = &n->tensors[node->inputs[1]].shape;
    const mae_shape *y = &n->tensors[node->outputs[0]].shape;
    int64_t groups = mae_node_int(node, "group", 1), p[MAE_MAX_RANK], q[MAE_MAX_RANK], r[MAE_MAX_RANK];
    size_t nx = net_count(n, node->inputs[0]), nk = net_count(n, node->inputs[1]), ny = net_count(n, node->outputs[0]);
    float *out = n->values[node->outputs[0]];
    for (size_t e = 0; e < ny; e++) {
        net_position(y, e, r);
        out[e] = node->n_inputs > 2 ? n->values[node->inputs[2]][r[1]] : 0;
    }
    for (size_t e = 0; e < nx; e++) {
        net_position(x, e, p);
        for (size_t f = 0; f < nk; f++) {
            net_position(k, f, q);
            if (q[0] != p[1])
                continue;
            bool inside = true;
            r[0] = p[0];
            r[1] = p[1] / (k->dims[0] / groups) * k->dims[1] + q[1];
            for (int i = 2; i < x->rank; i++) {
                r[i] = p[i] * net_attr_at(node, "strides", (size_t)i - 2, 1) -
                       net_attr_at(node, "pads", (size_t)i - 2, 0) +
                       q[i] * net_attr_at(node, "dilations", (size_t)i - 2, 1);
                inside = inside && r[i] >= 0 && r[i] < y->dims[i];
            }
            if (inside)
                out[net_at(y, r)] += n->values[node->inputs[0]][e] * n->values[node->inputs[1]][f];
        }
    }
}

static inline double net_matmul(const net *n, const mae_node *node, const int64_t *at, int rank)
{
    const mae_shape *a = &n->tensors[node->inputs[0]].shape;
    int64_t p[MAE_MAX_RANK], q[MAE_MAX_RANK];
    double sum = 0;
    memcpy(p, at, sizeof(p));
    memcpy(q, at, sizeof(q));
    for (int64_t k = 0; k < a->dims[a->rank - 1]; k++) {
        p[rank - 1] = q[rank - 2] = k;
        sum += (double)net_broadcast(n, node->inputs[0], rank, p) * (double)net_broadcast(n, node->inputs[1], rank, q);
    }
    return sum;
}

static inline double net_softmax(const net *n, const mae_node *node, const int64_t *at)
{
    const mae_shape *x = &n->tensors[node->inputs[0]].shape;
    int64_t axis = mae_node_int(node, "axis", -1), p[MAE_MAX_RANK];
    double sum = 0;
    axis += axis < 0 ? x->rank : 0;
    memcpy(p, at, sizeof(p));
    for (p[axis] = 0; p[axis] < x->dims[axis]; p[axis]++)
        sum += exp((double)n->values[node->inputs[0]][net_at(x, p)]);
    return exp((double)n->values[node->inputs[0]][net_at(x, at)]) / sum;
}

/* Over the last axis. */
static inline double net_mean_at(const net *n, const mae_node *node, const int64_t *at)
{
    const mae_shape *x = &n->tensors[node->inputs[0]].shape;
    int64_t p[MAE_MAX_RANK];
    double sum = 0;
    memcpy(p, at, sizeof(p));
    for (p[x->rank - 1] = 0; p[x->rank - 1] < x->dims[x->rank - 1]; p[x->rank - 1]++)
        sum += (double)n->values[node->inputs[0]][net_at(x, p)];
    return sum / (double)x->dims[x->rank - 1];
}

static inline double net_batch_norm(const net *n, const mae_node *node, double x, int64_t c)
{
    double v[4];
    for (int i = 0; i < 4; i++)
        v[i] = (double)n->values[node->inputs[i + 1]][c];
    return (x - v[2]) / sqrt(v[3] + 1e-5) * v[0] + v[1];
}

/* Where element `at` of Transpose, Slice, Pad comes from; false: padding. */
static inline bool net_moved_from(const net *n, const mae_node *node, const int64_t *at, int64_t *p)
{
    const mae_shape *x = &n->tensors[node->inputs[0]].shape;
    bool inside = true;
    for (int i = 0; i < x->rank; i++) {
        if (!strcmp(node->op, "Transpose"))
            p[net_attr_at(node, "perm", (size_t)i, 0)] = at[i];
        else if (!strcmp(node->op, "Slice"))
            p[i] = at[i] * (node->n_inputs > 4 ? ((const int64_t *)n->tensors[node->inputs[4]].data)[i] : 1) +
                   ((const int64_t *)n->tensors[node->inputs[1]].data)[i];
        else
            p[i] = at[i] - ((const int64_t *)n->tensors[node->inputs[1]].data)[i];
    }
    for (int i = 0; i < x->rank; i++)
        inside = inside && p[i] >= 0 && p[i] < x->dims[i];
    return inside;
}

static inline double net_element(const net *n, const mae_node *node, size_t e, const int64_t *at)
{
    const mae_shape *x = &n->tensors[node->inputs[0]].shape;
    int rank = n->tensors[node->outputs[0]].shape.rank;
    const char *op = node->op;
    int64_t p[MAE_MAX_RANK] = {0};
    if (!strcmp(op, "Conv"))
        return net_window(n, node, node->inputs[1], at) +
               (node->n_inputs > 2 ? (double)n->values[node->inputs[2]][at[1]] : 0);
    if (!strcmp(op, "MaxPool") || !strcmp(op, "AveragePool"))
        return net_window(n, node, -1, at);
    if (!strcmp(op, "MatMul"))
        return net_matmul(n, node, at, rank);
    if (!strcmp(op, "Softmax"))
        return net_softmax(n, node, at);
    if (!strcmp(op, "ReduceMean"))
        return net_mean_at(n, node, at);
    if (!strcmp(op, "BatchNormalization"))
        return net_batch_norm(n, node, (double)n->values[node->inputs[0]][e], at[1]);
    if (!strcmp(op, "Reshape") || !strcmp(op, "Dropout"))
        return (double)n->values[node->inputs[0]][e];
    if (!strcmp(op, "Transpose") || !strcmp(op, "Slice") || !strcmp(op, "Pad"))
        return net_moved_from(n, node, at, p)             ? (double)n->values[node->inputs[0]][net_at(x, p)]
               : !strcmp(op, "Pad") && node->n_inputs > 2 ? (double)n->values[node->inputs[2]][0]
                                                          : 0;
    if (!strcmp(op, "Concat")) {
        int64_t axis = mae_node_int(node, "axis", 0);
        size_t i = 0;
        memcpy(p, at, sizeof(p));
        for (; p[axis] >= n->tensors[node->inputs[i]].shape.dims[axis]; i++)
            p[axis] -= n->tensors[node->inputs[i]].shape.dims[axis];
        return (double)n->values[node->inputs[i]][net_at(&n->tensors[node->inputs[i]].shape, p)];
    }
    if (node->n_inputs > 1 && !strcmp(op, "Clip"))
        return fmin(fmax((double)n->values[node->inputs[0]][e], (double)n->values[node->inputs[1]][0]),
                    (double)n->values[node->inputs[2]][0]);
    if (node->n_inputs > 1) {
        double sum = (double)net_broadcast(n, node->inputs[0], rank, at);
        for (size_t i = 1; i < node->n_inputs; i++)
            sum = net_combine(op, sum, (double)net_broadcast(n, node->inputs[i], rank, at));
        return sum;
    }
    return net_scalar_function(node, (double)n->values[node->inputs[0]][e]);
}

static inline void net_interpret(net *n)
{
    int64_t at[MAE_MAX_RANK];
    for (size_t k = 0; k < n->graph.n_nodes; k++) {
        const mae_node *node = &n->nodes[k];
        int out = node->outputs[0];
        if (!strcmp(node->op, "ConvTranspose")) {
            net_conv_transpose(n, node);
            continue;
        }
        for (size_t e = 0; e < net_count(n, out); e++) {
            net_position(&n->tensors[out].shape, e, at);
            n->values[out][e] = (float)net_element(n, node, e, at);
        }
    }
}

/* ---- Running on the backend ---- */

typedef struct net_engine {
    mae_module *module;
    mae_pe *pe;
} net_engine;

static inline void net_ok(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

/* False, with the reason printed, when the backend or its engine is not installed. */
static inline bool net_open_backend(net_engine *engine, const char *backend, const mae_pe_config *config)
{
    const mae_pe_found *found;
    size_t n;
    mae_module_prepare_environment();
    mae_error *error = mae_module_load(backend, &engine->module);
    if (!error)
        error = mae_module_backend(engine->module)->probe(&found, &n);
    if (error) {
        print_message("no %s backend: %s\n", backend, mae_error_message(error));
        mae_error_free(error);
        return false;
    }
    net_ok(mae_module_backend(engine->module)->open(config, &engine->pe));
    return true;
}

/* One on this machine's processors. */
static inline bool net_open(net_engine *engine, const char *backend, int threads)
{
    const mae_pe_config config = {.name = "cpu/net", .resource = "cpu", .threads = threads};
    return net_open_backend(engine, backend, &config);
}

static inline void net_close(net_engine *engine)
{
    engine->pe->ops->close(engine->pe);
    mae_module_close(engine->module);
}

static inline mae_buffer *net_buffer(net *n, int tensor)
{
    mae_buffer *buffer = net_alloc(n, sizeof(*buffer));
    *buffer = (mae_buffer){.tensor = tensor, .shape = n->tensors[tensor].shape, .bytes = n->tensors[tensor].bytes};
    buffer->host = aligned_alloc(64, (buffer->bytes + 63) / 64 * 64); /* exact, so that overruns are seen */
    assert_non_null(buffer->host);
    return buffer;
}

/* Where the PE has memory of its own: the host's values go there, or come back. */
static inline void net_give(const net_engine *engine, mae_buffer *buffer)
{
    if (engine->pe->ops->write)
        net_ok(engine->pe->ops->write(engine->pe, buffer, buffer->host));
}

static inline void net_take(const net_engine *engine, mae_buffer *buffer)
{
    if (engine->pe->ops->read)
        net_ok(engine->pe->ops->read(engine->pe, buffer, buffer->host));
}

static inline mae_buffer *net_buffer_on(net *n, const net_engine *engine, int tensor)
{
    mae_buffer *buffer = net_buffer(n, tensor);
    void *host = buffer->host;
    if (engine->pe->ops->alloc)
        net_ok(engine->pe->ops->alloc(engine->pe, buffer));
    buffer->host = host;
    return buffer;
}

static inline void net_release(const net_engine *engine, mae_buffer *buffer)
{
    if (engine->pe->ops->release)
        engine->pe->ops->release(engine->pe, buffer);
    free(buffer->host);
}

/* Largest difference from the interpreter's values, relative to the largest of those if that is above 1. */
static inline double net_difference(const net *n, int tensor, const float *values)
{
    double worst = 0, largest = 1;
    for (size_t i = 0; i < net_count(n, tensor); i++) {
        double wanted = (double)n->values[tensor][i], d = fabs((double)values[i] - wanted);
        worst = d > worst || isnan(d) ? d : worst;
        largest = fmax(largest, fabs(wanted));
    }
    return worst / largest;
}

/* Runs layers first..last as one segment on the interpreter's inputs, twice, and compares every output. */
static inline void net_check_segment(net *n, net_engine *engine, int first, int last)
{
    mae_segment segment;
    mae_unit *unit;
    mae_buffer *inputs[NET_TENSORS], *outputs[NET_TENSORS];
    net_ok(mae_segment_make(&n->graph, first, last, n->arena, &segment));
    net_ok(engine->pe->ops->compile(engine->pe, &n->graph, &segment, 0, &unit));
    for (size_t i = 0; i < segment.n_inputs; i++) {
        inputs[i] = net_buffer_on(n, engine, segment.inputs[i]);
        memcpy(inputs[i]->host, n->values[segment.inputs[i]], inputs[i]->bytes);
        net_give(engine, inputs[i]);
    }
    for (size_t i = 0; i < segment.n_outputs; i++)
        outputs[i] = net_buffer_on(n, engine, segment.outputs[i]);
    net_ok(engine->pe->ops->bind(unit, inputs, outputs));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < segment.n_outputs; i++) {
            memset(outputs[i]->host, 0xff, outputs[i]->bytes);
            net_give(engine, outputs[i]);
        }
        net_ok(engine->pe->ops->run(unit));
        for (size_t i = 0; i < segment.n_outputs; i++) {
            net_take(engine, outputs[i]);
            double d = net_difference(n, segment.outputs[i], outputs[i]->host);
            if (!(d < 1e-4))
                fail_msg("%s, layers %d to %d, run %d: %s differs by %g", n->graph.name, first, last, round,
                         n->tensors[segment.outputs[i]].name, d);
        }
    }
    engine->pe->ops->discard(unit);
    for (size_t i = 0; i < segment.n_inputs; i++) {
        net_take(engine, inputs[i]);
        assert_memory_equal(inputs[i]->host, n->values[segment.inputs[i]], inputs[i]->bytes); /* inputs are read only */
        net_release(engine, inputs[i]);
    }
    for (size_t i = 0; i < segment.n_outputs; i++)
        net_release(engine, outputs[i]);
}

static inline void net_supported(net *n, net_engine *engine)
{
    for (size_t i = 0; i < n->graph.n_layers; i++) {
        const char *reason = "";
        if (!engine->pe->ops->supports(engine->pe, &n->graph, (int)i, &reason))
            fail_msg("layer %s (%s) is not supported: %s", n->layers[i].name, n->layers[i].op, reason);
    }
}

/* All of it at once, and every layer alone, once the network is complete. */
static inline void net_check_on(net *n, net_engine *engine)
{
    net_supported(n, engine);
    net_check_segment(n, engine, 0, (int)n->graph.n_layers - 1);
    for (int i = 0; n->graph.n_layers > 1 && i < (int)n->graph.n_layers; i++)
        net_check_segment(n, engine, i, i);
}

static inline void net_check(net *n, net_engine *engine)
{
    net_make_layers(n);
    net_interpret(n);
    net_check_on(n, engine);
}

/* ---- Operators, with their output's shape ---- */

static inline int net_unary(net *n, const char *op, bool follows, int x)
{
    int node = net_node(n, op, follows, 1, (int[]){x});
    return net_output_of(n, node, n->tensors[x].shape.rank, n->tensors[x].shape.dims);
}

static inline int net_binary(net *n, const char *op, bool follows, int a, int b)
{
    int node = net_node(n, op, follows, 2, (int[]){a, b});
    const mae_shape *x = &n->tensors[a].shape, *y = &n->tensors[b].shape;
    int rank = x->rank > y->rank ? x->rank : y->rank;
    int64_t dims[MAE_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int p = i - (rank - x->rank), q = i - (rank - y->rank);
        int64_t d = p >= 0 ? x->dims[p] : 1, e = q >= 0 ? y->dims[q] : 1;
        dims[i] = d > e ? d : e;
    }
    return net_output_of(n, node, rank, dims);
}

typedef struct net_conv {
    int64_t channels, kernel[3], strides[3], dilations[3], pads[6], groups;
    bool bias, variable; /* variable: weights that are not constant */
} net_conv;

static inline int net_add_conv(net *n, int x, const net_conv *c)
{
    const mae_shape *in = &n->tensors[x].shape;
    int spatial = in->rank - 2, rank = in->rank;
    int64_t w[MAE_MAX_RANK] = {c->channels, in->dims[1] / c->groups}, y[MAE_MAX_RANK] = {in->dims[0], c->channels};
    for (int i = 0; i < spatial; i++) {
        w[i + 2] = c->kernel[i];
        y[i + 2] = (in->dims[i + 2] + c->pads[i] + c->pads[spatial + i] - (c->kernel[i] - 1) * c->dilations[i] - 1) /
                       c->strides[i] +
                   1;
    }
    int inputs[3] = {x, c->variable ? net_input(n, rank, w) : net_constant(n, rank, w), -1};
    if (c->bias)
        inputs[2] = net_constant(n, 1, &c->channels);
    int node = net_node(n, "Conv", false, c->bias ? 3 : 2, inputs);
    net_attr_ints(n, node, "strides", spatial, c->strides);
    net_attr_ints(n, node, "dilations", spatial, c->dilations);
    net_attr_ints(n, node, "pads", 2 * spatial, c->pads);
    net_attr_int(n, node, "group", c->groups);
    return net_output_of(n, node, rank, y);
}

/* A convolution of two spatial axes with a square kernel, padded so that the size stays with stride 1. */
static inline int net_simple_conv(net *n, int x, int64_t channels, int64_t kernel, int64_t stride, int64_t groups)
{
    int64_t p = kernel / 2;
    net_conv c = {.channels = channels,
                  .kernel = {kernel, kernel},
                  .strides = {stride, stride},
                  .dilations = {1, 1},
                  .pads = {p, p, p, p},
                  .groups = groups,
                  .bias = true};
    return net_add_conv(n, x, &c);
}

static inline int net_batch_norm_of(net *n, bool follows, int x)
{
    int64_t c = n->tensors[x].shape.dims[1];
    int inputs[5] = {x};
    for (int i = 1; i < 5; i++)
        inputs[i] = net_constant(n, 1, &c);
    for (int64_t i = 0; i < c; i++) /* variances are not negative */
        n->values[inputs[4]][i] = fabsf(n->values[inputs[4]][i]) + 0.5f;
    memcpy((void *)n->tensors[inputs[4]].data, n->values[inputs[4]], n->tensors[inputs[4]].bytes);
    int node = net_node(n, "BatchNormalization", follows, 5, inputs);
    return net_output_of(n, node, n->tensors[x].shape.rank, n->tensors[x].shape.dims);
}

static inline int net_pool(net *n, const char *op, int x, int64_t kernel, int64_t stride, int64_t pad)
{
    const mae_shape *in = &n->tensors[x].shape;
    int node = net_node(n, op, false, 1, (int[]){x}), spatial = in->rank - 2;
    int64_t y[MAE_MAX_RANK] = {in->dims[0], in->dims[1]}, k[3], s[3], p[6];
    for (int i = 0; i < spatial; i++) {
        k[i] = kernel;
        s[i] = stride;
        p[i] = p[spatial + i] = pad;
        y[i + 2] = (in->dims[i + 2] + 2 * pad - kernel) / stride + 1;
    }
    net_attr_ints(n, node, "kernel_shape", spatial, k);
    net_attr_ints(n, node, "strides", spatial, s);
    net_attr_ints(n, node, "pads", 2 * spatial, p);
    return net_output_of(n, node, in->rank, y);
}

static inline int net_concat(net *n, int64_t axis, size_t count, const int *inputs)
{
    const mae_shape *first = &n->tensors[inputs[0]].shape;
    int64_t dims[MAE_MAX_RANK];
    memcpy(dims, first->dims, sizeof(dims));
    dims[axis] = 0;
    for (size_t i = 0; i < count; i++)
        dims[axis] += n->tensors[inputs[i]].shape.dims[axis];
    int node = net_node(n, "Concat", false, count, inputs);
    net_attr_int(n, node, "axis", axis);
    return net_output_of(n, node, first->rank, dims);
}

static inline int net_reshape(net *n, int x, int rank, const int64_t *dims)
{
    int node = net_node(n, "Reshape", false, 1, (int[]){x});
    return net_output_of(n, node, rank, dims);
}

static inline int net_transpose(net *n, int x, const int64_t *perm)
{
    const mae_shape *in = &n->tensors[x].shape;
    int node = net_node(n, "Transpose", false, 1, (int[]){x});
    int64_t dims[MAE_MAX_RANK];
    net_attr_ints(n, node, "perm", in->rank, perm);
    for (int i = 0; i < in->rank; i++)
        dims[i] = in->dims[perm[i]];
    return net_output_of(n, node, in->rank, dims);
}

/* Elements starts[i] to ends[i] of each axis. */
static inline int net_slice(net *n, int x, const int64_t *starts, const int64_t *ends)
{
    int rank = n->tensors[x].shape.rank;
    int64_t dims[MAE_MAX_RANK];
    int inputs[3] = {x, net_ints(n, rank, starts), net_ints(n, rank, ends)};
    int node = net_node(n, "Slice", false, 3, inputs);
    for (int i = 0; i < rank; i++)
        dims[i] = ends[i] - starts[i];
    return net_output_of(n, node, rank, dims);
}

/* Over the last axis, which is kept. */
static inline int net_mean(net *n, bool follows, int x)
{
    const mae_shape *in = &n->tensors[x].shape;
    int node = net_node(n, "ReduceMean", follows, 1, (int[]){x});
    int64_t dims[MAE_MAX_RANK];
    net_attr_ints(n, node, "axes", 1, (int64_t[]){-1});
    memcpy(dims, in->dims, sizeof(dims));
    dims[in->rank - 1] = 1;
    return net_output_of(n, node, in->rank, dims);
}

static inline int net_softmax_of(net *n, int x, int64_t axis)
{
    int node = net_node(n, "Softmax", false, 1, (int[]){x});
    net_attr_int(n, node, "axis", axis);
    return net_output_of(n, node, n->tensors[x].shape.rank, n->tensors[x].shape.dims);
}

#endif
