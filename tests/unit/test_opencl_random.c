/* Random networks on the OpenCL backend, in random segments, against a plain interpreter: what goes wrong between
 * operators (memory shared or written over too early, values of the wrong tensor) shows up here. */
#include "opencl_engine.h"

#define NETWORKS 30

static int64_t below(net *n, int64_t limit)
{
    return (int64_t)(mae_rng_next(&n->rng) % (uint64_t)limit);
}

/* A tensor computed so far, later ones more often. */
static int pick(net *n, const int *pool, int count)
{
    int64_t a = below(n, count), b = below(n, count);
    return pool[a > b ? a : b];
}

static int pick_alike(net *n, const int *pool, int count, int x)
{
    for (int tries = 0; tries < 12; tries++) {
        int y = pick(n, pool, count);
        if (mae_shape_equal(&n->tensors[x].shape, &n->tensors[y].shape))
            return y;
    }
    return x;
}

/* A convolution of a random form, with what may be taken into it. */
static int add_conv(net *n, int x)
{
    int64_t in = n->tensors[x].shape.dims[1], k = 1 + below(n, 3), p = k / 2;
    net_conv c = {.channels = below(n, 2) ? in : 1 + below(n, 20),
                  .kernel = {k, k},
                  .strides = {1, 1},
                  .dilations = {1, 1},
                  .pads = {p, p, k - 1 - p, k - 1 - p}, /* the size stays; even kernels are padded unevenly */
                  .groups = 1,
                  .bias = below(n, 2)};
    if (below(n, 4) == 0) {
        c.channels = in * (1 + below(n, 2));
        c.groups = in;
    }
    int y = net_add_conv(n, x, &c);
    if (below(n, 3) == 0)
        y = net_batch_norm_of(n, true, y);
    if (below(n, 4) == 0)
        y = net_binary(n, "Mul", true, y, net_constant(n, NET_DIMS(c.channels, 1, 1)));
    return below(n, 2) ? net_unary(n, below(n, 2) ? "Relu" : "HardSwish", true, y) : y;
}

static int add_concat(net *n, const int *pool, int count, int x)
{
    int inputs[3] = {x, pick(n, pool, count), x};
    return n->tensors[inputs[1]].shape.dims[1] > 60 ? x : net_concat(n, 1, 2 + (size_t)below(n, 2), inputs);
}

static int add_part(net *n, int x)
{
    const mae_shape *s = &n->tensors[x].shape;
    int64_t half = s->dims[1] / 2, from = half * below(n, 2);
    if (half == 0)
        return net_unary(n, "Abs", false, x);
    return net_slice(n, x, (int64_t[]){0, from, 0, 0}, (int64_t[]){s->dims[0], from + half, s->dims[2], s->dims[3]});
}

/* There and back again, through other axes. */
static int add_shuffle(net *n, int x)
{
    const int64_t *d = n->tensors[x].shape.dims;
    int64_t own[4] = {d[0], d[1], d[2], d[3]};
    int y = net_transpose(n, x, (int64_t[]){0, 2, 3, 1});
    if (below(n, 2))
        y = net_unary(n, "Neg", false, y);
    y = net_reshape(n, y, NET_DIMS(own[0], own[2] * own[3], own[1]));
    return net_reshape(n, net_transpose(n, y, (int64_t[]){0, 2, 1}), 4, own);
}

static int add_node(net *n, const int *pool, int count)
{
    int x = pick(n, pool, count);
    int64_t channels = n->tensors[x].shape.dims[1];
    switch (below(n, 12)) {
    case 0:
        return net_binary(n, "Add", false, x, pick_alike(n, pool, count, x));
    case 1:
        return net_binary(n, below(n, 2) ? "Mul" : "Sub", false, net_constant(n, NET_DIMS(channels, 1, 1)), x);
    case 2:
        return net_unary(n, below(n, 2) ? "Sigmoid" : "Tanh", false, x);
    case 3:
        return channels < 60 ? add_concat(n, pool, count, x) : net_unary(n, "Neg", false, x);
    case 4:
        return add_part(n, x);
    case 5:
        return add_shuffle(n, x);
    case 6:
        return net_pool(n, below(n, 2) ? "MaxPool" : "AveragePool", x, 3, 1, 1);
    case 7:
        return net_softmax_of(n, net_unary(n, "Tanh", false, x), below(n, 2) ? 1 : -1); /* the interpreter overflows */
    case 8:
        return net_binary(n, "Mul", false, x, net_mean(n, false, x));
    default:
        return add_conv(n, x);
    }
}

static void make_network(net *n, uint64_t seed)
{
    int pool[NET_NODES], count = 0;
    net_begin(n, seed);
    n->graph.name = mae_arena_printf(n->arena, "network %llu", (unsigned long long)seed);
    int64_t batch = 1 + (below(n, 3) == 0);
    pool[count++] = net_input(n, NET_DIMS(batch, 8, 6, 5));
    pool[count++] = net_input(n, NET_DIMS(batch, 3, 6, 5));
    while (n->graph.n_nodes < 18) {
        pool[count] = add_node(n, pool, count);
        count++;
    }
    net_want(n, pool[count - 1]);
    for (int i = 2; i + 1 < count; i++)
        if (!n->tensors[pool[i]].is_output && (below(n, 6) == 0 || !net_read_outside(n, pool[i], -1)))
            net_want(n, pool[i]);
    net_make_layers(n);
    net_interpret(n);
}

static void random_networks(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        net n;
        make_network(&n, seed);
        net_engine *engine = &engines[seed % (uint64_t)n_engines];
        int last = (int)n.graph.n_layers - 1;
        net_supported(&n, engine);
        net_check_segment(&n, engine, 0, last);
        for (int first = 0, end; first <= last; first = end + 1) {
            end = first + (int)below(&n, 8);
            end = end > last ? last : end;
            net_check_segment(&n, engine, first, end);
        }
        net_end(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_networks)};
    return cmocka_run_group_tests(tests, open_engines, close_engines);
}
