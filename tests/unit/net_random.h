/* Random networks on one backend, in random segments, against a plain interpreter: what goes wrong between operators
 * (memory shared or written over too early, layouts mixed up) shows up here. */
#ifndef MAE_TESTS_NET_RANDOM_H
#define MAE_TESTS_NET_RANDOM_H

#include "net_engine.h"

#define NET_RANDOM_NETWORKS 120

static inline int64_t net_random_below(net *n, int64_t limit)
{
    return (int64_t)(mae_rng_next(&n->rng) % (uint64_t)limit);
}

/* A tensor of four axes computed so far, later ones more often. */
static inline int net_random_pick(net *n, const int *pool, int count)
{
    int64_t a = net_random_below(n, count), b = net_random_below(n, count);
    return pool[a > b ? a : b];
}

/* Another tensor of the same shape, or the same. */
static inline int net_random_pick_alike(net *n, const int *pool, int count, int x)
{
    for (int tries = 0; tries < 12; tries++) {
        int y = net_random_pick(n, pool, count);
        if (mae_shape_equal(&n->tensors[x].shape, &n->tensors[y].shape))
            return y;
    }
    return x;
}

static inline int net_random_conv(net *n, const int *pool, int count, int x)
{
    static const int64_t widths[] = {3, 8, 10, 16, 24};
    int64_t channels = n->tensors[x].shape.dims[1],
            out = net_random_below(n, 2) ? channels : widths[net_random_below(n, 5)];
    bool depthwise = net_random_below(n, 4) == 0;
    int y =
        net_simple_conv(n, x, depthwise ? channels : out, 1 + 2 * net_random_below(n, 2), 1, depthwise ? channels : 1);
    if (net_random_below(n, 3) == 0)
        y = net_batch_norm_of(n, true, y);
    if (net_random_below(n, 3) == 0)
        y = net_unary(n, net_random_below(n, 2) ? "Relu" : "HardSigmoid", true, y);
    else if (net_random_below(n, 3) == 0)
        y = net_binary(n, "Mul", true, y, net_unary(n, "Sigmoid", true, y));
    int r = net_random_pick_alike(n, pool, count, x);
    if (mae_shape_equal(&n->tensors[r].shape, &n->tensors[y].shape) && net_random_below(n, 3) != 0)
        y = net_binary(n, net_random_below(n, 4) ? "Add" : "Mul", true, y, r);
    return y;
}

static inline int net_random_concat(net *n, const int *pool, int count, int x)
{
    const mae_shape *s = &n->tensors[x].shape;
    int inputs[4] = {x};
    size_t many = 1;
    for (int tries = 0; tries < 8 && many < 3; tries++) {
        int y = net_random_pick(n, pool, count);
        const mae_shape *t = &n->tensors[y].shape;
        if (t->dims[0] == s->dims[0] && t->dims[2] == s->dims[2] && t->dims[3] == s->dims[3])
            inputs[many++] = y;
    }
    return net_concat(n, 1, many, inputs);
}

static inline int net_random_part(net *n, int x)
{
    const mae_shape *s = &n->tensors[x].shape;
    int64_t from = s->dims[1] / 2 * net_random_below(n, 2), to = from + s->dims[1] / 2;
    if (s->dims[1] < 2)
        return net_unary(n, "Abs", false, x);
    return net_slice(n, x, (int64_t[]){0, from, 0, 0}, (int64_t[]){s->dims[0], to, s->dims[2], s->dims[3]});
}

/* There and back again, through other axes. */
static inline int net_random_shuffle(net *n, int x)
{
    const int64_t *d = n->tensors[x].shape.dims;
    int64_t own[4] = {d[0], d[1], d[2], d[3]};
    if (own[1] % 2 || net_random_below(n, 2)) {
        int y = net_reshape(n, x, NET_DIMS(own[0], own[1] * own[2] * own[3]));
        return net_reshape(n, y, 4, own);
    }
    int y = net_reshape(n, x, NET_DIMS(own[0], 2, own[1] / 2, own[2] * own[3]));
    y = net_transpose(n, y, (int64_t[]){0, 2, 1, 3});
    return net_reshape(n, y, 4, own);
}

static inline int net_random_node(net *n, const int *pool, int count)
{
    int x = net_random_pick(n, pool, count);
    int64_t channels = n->tensors[x].shape.dims[1];
    switch (net_random_below(n, 11)) {
    case 0:
        return net_binary(n, "Add", false, x, net_random_pick_alike(n, pool, count, x));
    case 1:
        return net_binary(n, "Mul", false, x, net_constant(n, NET_DIMS(channels, 1, 1)));
    case 2:
        return net_unary(n, net_random_below(n, 2) ? "Relu" : "Tanh", false, x);
    case 3:
        return channels < 100 ? net_random_concat(n, pool, count, x) : net_unary(n, "Neg", false, x);
    case 4:
        return net_random_part(n, x);
    case 5:
        return net_random_shuffle(n, x);
    case 6:
        return net_pool(n, net_random_below(n, 2) ? "MaxPool" : "AveragePool", x, 3, 1, 1);
    case 7:
        return net_softmax_of(n, x, net_random_below(n, 2) ? 1 : -1);
    default:
        return net_random_conv(n, pool, count, x);
    }
}

static inline void net_random_make(net *n, uint64_t seed)
{
    int pool[NET_NODES], count = 0;
    net_begin(n, seed);
    n->graph.name = mae_arena_printf(n->arena, "network %llu", (unsigned long long)seed);
    int64_t batch = 1 + (net_random_below(n, 3) == 0);
    pool[count++] = net_input(n, NET_DIMS(batch, 8, 6, 5));
    pool[count++] = net_input(n, NET_DIMS(batch, 3, 6, 5));
    while (n->graph.n_nodes < 22) {
        pool[count] = net_random_node(n, pool, count);
        count++;
    }
    net_want(n, pool[count - 1]);
    for (int i = 2; i + 1 < count; i++)
        if (net_random_below(n, 6) == 0 || !net_read_outside(n, pool[i], -1))
            net_want(n, pool[i]);
    net_make_layers(n);
    net_interpret(n);
}

static inline void net_random_networks(void **state)
{
    (void)state;
    if (!present)
        skip();
    for (uint64_t seed = 1; seed <= NET_RANDOM_NETWORKS; seed++) {
        net n;
        net_random_make(&n, seed);
        int last = (int)n.graph.n_layers - 1;
        net_supported(&n, &engine);
        net_check_segment(&n, &engine, 0, last);
        for (int first = 0, end; first <= last; first = end + 1) {
            end = first + (int)net_random_below(&n, 8);
            end = end > last ? last : end;
            net_check_segment(&n, &engine, first, end);
        }
        net_end(&n);
    }
}

#endif
