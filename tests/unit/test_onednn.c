/* The oneDNN backend against a plain interpreter, on small networks chosen to be difficult. */
#define NET_BACKEND "onednn"

#include "net_engine.h"

static void convolutions(void **state)
{
    static const struct {
        int64_t x[5];
        int rank;
        net_conv c;
    } cases[] = {
        {{1, 3, 9, 9}, 4, {8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true, false}},
        {{2, 5, 7, 6}, 4, {7, {3, 2}, {2, 1}, {1, 1}, {0, 1, 2, 0}, 1, true, false}},
        {{1, 1, 1, 1}, 4, {1, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, false, false}},
        {{1, 16, 8, 8}, 4, {24, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, true, false}},
        {{2, 13, 5, 5}, 4, {13, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 13, true, false}},
        {{1, 8, 10, 10}, 4, {8, {3, 3}, {2, 2}, {1, 1}, {1, 0, 1, 2}, 8, false, false}},
        {{1, 12, 6, 6}, 4, {8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 4, true, false}},
        {{1, 6, 6, 6}, 4, {12, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 6, true, false}},
        {{1, 4, 12, 12}, 4, {6, {3, 3}, {1, 1}, {3, 2}, {3, 2, 3, 2}, 1, true, false}},
        {{1, 3, 8, 8}, 4, {4, {3, 3}, {3, 3}, {1, 1}, {0, 0, 0, 0}, 1, true, false}},
        {{1, 4, 17}, 3, {9, {5}, {2}, {1}, {2, 2}, 1, true, false}},
        {{1, 3, 4, 5, 6}, 5, {5, {2, 3, 3}, {1, 1, 2}, {1, 1, 1}, {0, 1, 1, 1, 1, 1}, 1, true, false}},
        {{1, 6, 7, 7}, 4, {10, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true, true}},
        {{1, 6, 7, 7}, 4, {10, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 2, false, true}},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        net n;
        net_begin(&n, i);
        net_want(&n, net_add_conv(&n, net_input(&n, cases[i].rank, cases[i].x), &cases[i].c));
        net_check(&n, &engine);
        net_end(&n);
    }
}

static void transposed_convolutions(void **state)
{
    static const struct {
        int64_t x[4], channels, kernel, stride, dilation, pad, extra, groups;
    } cases[] = {
        {{1, 8, 5, 5}, 8, 2, 2, 1, 0, 0, 1}, {{1, 5, 4, 6}, 3, 3, 2, 1, 1, 1, 1}, {{2, 6, 3, 3}, 4, 4, 2, 1, 1, 0, 2},
        {{1, 3, 4, 4}, 2, 3, 1, 2, 0, 0, 1}, {{1, 4, 3, 3}, 4, 3, 3, 1, 0, 0, 4}, {{2, 7, 6, 3}, 1, 2, 2, 1, 0, 0, 1},
        {{1, 6, 4, 4}, 9, 4, 4, 1, 0, 0, 3},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t k = cases[i].kernel, s = cases[i].stride, d = cases[i].dilation, p = cases[i].pad, g = cases[i].groups;
        int64_t y[4] = {cases[i].x[0], cases[i].channels};
        net n;
        net_begin(&n, i);
        int x = net_input(&n, 4, cases[i].x);
        int w = net_constant(&n, NET_DIMS(cases[i].x[1], cases[i].channels / g, k, k));
        int node = net_node(&n, "ConvTranspose", false, 3, (int[]){x, w, net_constant(&n, 1, &cases[i].channels)});
        for (int j = 2; j < 4; j++)
            y[j] = (cases[i].x[j] - 1) * s + (k - 1) * d + 1 - 2 * p + cases[i].extra;
        net_attr_ints(&n, node, "strides", 2, (int64_t[]){s, s});
        net_attr_ints(&n, node, "dilations", 2, (int64_t[]){d, d});
        net_attr_ints(&n, node, "pads", 4, (int64_t[]){p, p, p, p});
        net_attr_ints(&n, node, "output_padding", 2, (int64_t[]){cases[i].extra, cases[i].extra});
        net_attr_int(&n, node, "group", g);
        int out = net_batch_norm_of(&n, true, net_output_of(&n, node, 4, y));
        net_want(&n, net_unary(&n, "Relu", true, out));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Followers of a convolution: folded, fused, or on their own. */
static int follow(net *n, int which, int y, int residual)
{
    int64_t c = n->tensors[y].shape.dims[1];
    int s;
    switch (which) {
    case 0:
        return net_unary(n, "Relu", true, net_batch_norm_of(n, true, y));
    case 1: /* SiLU */
        return net_binary(n, "Mul", true, y, net_unary(n, "Sigmoid", true, y));
    case 2: /* hard swish, written out */
        s = net_node(n, "Clip", true, 3,
                     (int[]){net_binary(n, "Add", true, y, net_scalar(n, 3)), net_scalar(n, 0), net_scalar(n, 6)});
        s = net_output_of(n, s, 4, n->tensors[y].shape.dims);
        return net_binary(n, "Div", true, net_binary(n, "Mul", true, y, s), net_scalar(n, 6));
    case 3: /* GELU, written out */
        s = net_unary(n, "Erf", true, net_binary(n, "Div", true, y, net_scalar(n, 1.41421356f)));
        s = net_binary(n, "Mul", true, y, net_binary(n, "Add", true, s, net_scalar(n, 1)));
        return net_binary(n, "Mul", true, s, net_scalar(n, 0.5f));
    case 4: /* a gate that is none of oneDNN's functions */
        return net_binary(n, "Mul", true, y, net_unary(n, "Tanh", true, y));
    case 5:
        return net_unary(n, "Relu", true, net_binary(n, "Add", true, y, residual));
    case 6:
        return net_binary(n, "Sub", true, residual, net_unary(n, "Sigmoid", true, y));
    case 7: /* per channel behind an activation */
        s = net_binary(n, "Mul", true, net_unary(n, "Relu", true, y), net_constant(n, NET_DIMS(c, 1, 1)));
        return net_binary(n, "Add", true, s, net_constant(n, NET_DIMS(1, c, 1, 1)));
    case 8: /* folded: per channel, scalars, reversed */
        s = net_binary(n, "Mul", true, net_constant(n, NET_DIMS(1, c, 1, 1)), y);
        return net_unary(n, "HardSigmoid", true, net_binary(n, "Sub", true, net_scalar(n, 0.3f), s));
    case 9: /* not per channel, so not to be folded */
        return net_binary(n, "Add", true, y, net_constant(n, NET_DIMS(n->tensors[y].shape.dims[3])));
    case 10:
        return net_binary(n, "Add", true, net_unary(n, "Elu", true, y), residual);
    default:
        s = net_binary(n, "Mul", true, net_unary(n, "Softplus", true, y), residual);
        return net_binary(n, "Add", true, s, residual);
    }
}

static void followers(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which <= 11; which++) {
        for (int64_t channels = 6; channels <= 16; channels += 10) {
            net n;
            net_begin(&n, (uint64_t)which);
            int x = net_input(&n, NET_DIMS(1, channels, 6, 6));
            int r = net_unary(&n, "Tanh", false, net_simple_conv(&n, x, channels, 3, 1, 1));
            int y = follow(&n, which, net_simple_conv(&n, x, channels, which % 2 ? 3 : 1, 1, 1), r);
            net_want(&n, net_unary(&n, "Abs", false, y));
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

/* What is written over must not be needed any more. */
static void residuals(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 1);
    int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 3, 8, 8)), 16, 3, 1, 1);
    int a = net_binary(&n, "Add", true, net_simple_conv(&n, x, 16, 3, 1, 1), x); /* reads x itself */
    int b = net_binary(&n, "Add", true, net_simple_conv(&n, a, 16, 1, 1, 1), x); /* x for the last time */
    int c = net_binary(&n, "Add", true, net_simple_conv(&n, b, 16, 1, 1, 1), a); /* a is needed below */
    int d = net_unary(&n, "Relu", false, c);                                     /* c is an output */
    int flat = net_reshape(&n, a, NET_DIMS(1, 1024));
    int e = net_reshape(&n, net_unary(&n, "Relu", false, flat), NET_DIMS(1, 16, 8, 8)); /* flat is wanted too */
    int own = net_simple_conv(&n, net_unary(&n, "Tanh", false, net_simple_conv(&n, a, 16, 1, 1, 1)), 16, 3, 1, 1);
    net_want(&n, net_binary(&n, "Add", true, own, n.nodes[n.graph.n_nodes - 1].inputs[0])); /* its own input */
    net_want(&n, c);
    net_want(&n, flat);
    net_want(&n, net_binary(&n, "Mul", false, net_binary(&n, "Sub", false, d, e), a));
    net_check(&n, &engine);
    net_end(&n);
}

static void broadcasts(void **state)
{
    static const struct {
        int rank_a, rank_b;
        int64_t a[6], b[6];
    } cases[] = {
        {4, 4, {2, 12, 5, 4}, {2, 12, 5, 4}},
        {4, 4, {1, 12, 5, 4}, {1, 12, 1, 1}},
        {4, 4, {2, 12, 5, 4}, {2, 12, 1, 1}},
        {4, 3, {2, 12, 5, 4}, {12, 1, 1}},
        {4, 1, {2, 12, 5, 4}, {4}},
        {4, 4, {2, 12, 5, 4}, {1, 1, 5, 4}},
        {4, 4, {2, 1, 5, 1}, {1, 12, 1, 4}},
        {2, 4, {5, 1}, {2, 12, 1, 4}},
        {1, 1, {1}, {1}},
        {6, 6, {2, 3, 2, 3, 2, 3}, {2, 1, 2, 1, 2, 1}},
        {3, 3, {4, 5, 6}, {4, 5, 1}},
        {0, 2, {0}, {3, 3}},
        {4, 4, {2, 12, 5, 4}, {1, 12, 5, 1}},
    };
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t k = 0; k < 24; k++) { /* either side first; the smaller one constant or not */
            net n;
            net_begin(&n, i);
            bool swap = k & 1, constant = k & 2;
            int a = net_input(&n, cases[i].rank_a, cases[i].a);
            int b = (constant ? net_constant : net_input)(&n, cases[i].rank_b, cases[i].b);
            size_t count = net_count(&n, b); /* not near 0, where a quotient explodes */
            for (size_t j = 0; j < count; j++)
                n.values[b][j] += n.values[b][j] < 0 ? -0.5f : 0.5f;
            if (constant)
                memcpy((void *)n.tensors[b].data, n.values[b], n.tensors[b].bytes);
            for (size_t j = 0; j < net_count(&n, a); j++)
                n.values[a][j] += n.values[a][j] < 0 ? -0.5f : 0.5f;
            int y = net_binary(&n, ops[k / 4], false, swap ? b : a, swap ? a : b);
            net_want(&n, net_unary(&n, "Relu", true, y));
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

/* Broadcasting onto a tensor that lies in blocks: the squeeze of squeeze-and-excitation, and others. */
static void blocked_broadcasts(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t batch = 1; batch <= 2; batch++) {
        for (int64_t channels = 10; channels <= 16; channels += 6) {
            net n;
            net_begin(&n, 3);
            int x = net_simple_conv(&n, net_input(&n, NET_DIMS(batch, 3, 6, 6)), channels, 3, 1, 1);
            int s = net_unary(&n, "Sigmoid", true,
                              net_simple_conv(&n, net_pool(&n, "AveragePool", x, 6, 1, 0), channels, 1, 1, 1));
            int y = net_binary(&n, "Mul", false, x, s);
            y = net_binary(&n, "Add", false, y, net_constant(&n, NET_DIMS(channels, 1, 1)));
            y = net_binary(&n, "Mul", false, net_constant(&n, NET_DIMS(6)), y);
            y = net_binary(&n, "Max", false, y, x);
            net_want(&n, net_simple_conv(&n, y, 8, 1, 1, 1));
            net_want(&n, s);
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

static void several_operands(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 5);
    int a = net_input(&n, NET_DIMS(2, 3, 4)), b = net_input(&n, NET_DIMS(3, 1)), c = net_constant(&n, NET_DIMS(4));
    int node = net_node(&n, "Sum", false, 3, (int[]){a, b, c});
    net_want(&n, net_output_of(&n, node, NET_DIMS(2, 3, 4)));
    node = net_node(&n, "Max", false, 3, (int[]){b, a, c});
    net_want(&n, net_output_of(&n, node, NET_DIMS(2, 3, 4)));
    net_check(&n, &engine);
    net_end(&n);
}

/* Inputs of Concat are computed in place where they can be: not twice, not constants, not inputs. */
static void concatenations(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t batch = 1; batch <= 2; batch++) {
        for (int64_t channels = 6; channels <= 16; channels += 10) {
            net n;
            net_begin(&n, 7);
            int x = net_input(&n, NET_DIMS(batch, channels, 6, 6));
            int a = net_simple_conv(&n, x, channels, 3, 1, 1), b = net_simple_conv(&n, x, 16, 1, 1, 1);
            int c = net_concat(&n, 1, 3, (int[]){a, b, a});
            int d = net_concat(
                &n, 1, 4, (int[]){net_unary(&n, "Relu", false, c), b, x, net_constant(&n, NET_DIMS(batch, 8, 6, 6))});
            net_want(&n, a);
            net_want(&n, net_simple_conv(&n, d, 8, 1, 1, 1));
            net_want(&n, net_concat(&n, 2, 2, (int[]){b, b}));
            net_want(&n, net_concat(&n, 0, 2, (int[]){c, c}));
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

/* Channel shuffle, halves of channels, and other parts. */
static void parts(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t batch = 1; batch <= 2; batch++) {
        net n;
        net_begin(&n, 9);
        int x = net_simple_conv(&n, net_input(&n, NET_DIMS(batch, 4, 5, 6)), 32, 3, 1, 1);
        int low = net_slice(&n, x, (int64_t[]){0, 0, 0, 0}, (int64_t[]){batch, 16, 5, 6});
        int high = net_slice(&n, x, (int64_t[]){0, 16, 0, 0}, (int64_t[]){batch, 32, 5, 6});
        int odd = net_slice(&n, x, (int64_t[]){0, 3, 1, 2}, (int64_t[]){batch, 9, 4, 6});
        int y =
            net_concat(&n, 1, 2, (int[]){net_unary(&n, "Relu", false, low), net_simple_conv(&n, high, 16, 1, 1, 1)});
        y = net_reshape(&n, y, NET_DIMS(batch, 2, 16, 30));
        y = net_transpose(&n, y, (int64_t[]){0, 2, 1, 3});
        y = net_reshape(&n, y, NET_DIMS(batch, 32, 5, 6));
        net_want(&n, odd);
        net_want(&n, high);
        net_want(&n, net_transpose(&n, y, (int64_t[]){0, 2, 3, 1}));
        int pads = net_ints(&n, 8, (int64_t[]){0, 1, 2, 0, 0, 2, 0, 3});
        int node = net_node(&n, "Pad", false, 2, (int[]){y, pads});
        net_want(&n, net_simple_conv(&n, net_output_of(&n, node, NET_DIMS(batch, 35, 7, 9)), 5, 3, 1, 1));
        net_check(&n, &engine);
        net_end(&n);
    }
}

static void pools(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t channels = 5; channels <= 16; channels += 11) {
        net n;
        net_begin(&n, 11);
        int x = net_input(&n, NET_DIMS(2, channels, 9, 9)), y = net_simple_conv(&n, x, channels, 3, 1, 1);
        net_want(&n, net_pool(&n, "MaxPool", x, 3, 2, 1));
        net_want(&n, net_pool(&n, "AveragePool", y, 3, 2, 1));
        net_want(&n, net_pool(&n, "AveragePool", x, 2, 1, 0));
        int z = net_pool(&n, "AveragePool", x, 3, 1, 1);
        net_attr_int(&n, (int)n.graph.n_nodes - 1, "count_include_pad", 1);
        net_want(&n, z);
        net_want(&n, net_pool(&n, "MaxPool", net_input(&n, NET_DIMS(1, channels, 8)), 2, 2, 0));
        net_want(&n, net_pool(&n, "MaxPool", net_input(&n, NET_DIMS(1, channels, 4, 4, 4)), 2, 2, 0));
        net_check(&n, &engine);
        net_end(&n);
    }
}

static void products(void **state)
{
    static const struct {
        int rank_a, rank_b;
        int64_t a[4], b[4], y[4];
        int rank_y;
    } cases[] = {
        {2, 2, {5, 7}, {7, 3}, {5, 3}, 2},
        {3, 2, {2, 5, 7}, {7, 9}, {2, 5, 9}, 3},
        {4, 4, {2, 3, 4, 5}, {2, 3, 5, 6}, {2, 3, 4, 6}, 4},
        {4, 4, {2, 3, 4, 5}, {1, 3, 5, 6}, {2, 3, 4, 6}, 4},
        {4, 3, {2, 3, 4, 5}, {3, 5, 6}, {2, 3, 4, 6}, 4},
        {2, 3, {4, 5}, {3, 5, 6}, {3, 4, 6}, 3},
        {2, 2, {1, 64}, {64, 1}, {1, 1}, 2},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int constant = 0; constant < 2; constant++) {
            net n;
            net_begin(&n, i);
            int a = net_input(&n, cases[i].rank_a, cases[i].a);
            int b = (constant ? net_constant : net_input)(&n, cases[i].rank_b, cases[i].b);
            int node = net_node(&n, "MatMul", false, 2, (int[]){a, b});
            int y = net_output_of(&n, node, cases[i].rank_y, cases[i].y);
            int64_t columns = cases[i].y[cases[i].rank_y - 1];
            y = net_binary(&n, "Add", true, net_constant(&n, 1, &columns), y);
            y = net_binary(&n, "Mul", true, y, net_scalar(&n, 0.5f));
            y = net_binary(&n, "Add", true, net_unary(&n, "Relu", true, y), net_input(&n, cases[i].rank_y, cases[i].y));
            net_want(&n, net_softmax_of(&n, y, -1));
            net_want(&n, net_softmax_of(&n, y, 0));
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

/* Slopes for all, per channel, per column, per element; on blocks and not. */
static void slopes(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t channels = 6; channels <= 16; channels += 10) {
        for (int64_t batch = 1; batch <= 2; batch++) {
            net n;
            net_begin(&n, 21);
            int x = net_input(&n, NET_DIMS(batch, 3, 5, 4)), y = net_simple_conv(&n, x, channels, 3, 1, 1);
            net_want(&n, net_binary(&n, "PRelu", false, y, net_constant(&n, NET_DIMS(channels, 1, 1))));
            net_want(&n, net_binary(&n, "PRelu", false, y, net_constant(&n, NET_DIMS(1))));
            net_want(&n, net_binary(&n, "PRelu", false, x, net_constant(&n, NET_DIMS(4))));
            net_want(&n, net_binary(&n, "PRelu", false, y, net_input(&n, NET_DIMS(batch, channels, 5, 4))));
            net_want(&n, net_binary(&n, "PRelu", true, net_simple_conv(&n, y, channels, 1, 1, 1),
                                    net_constant(&n, NET_DIMS(channels, 1, 1))));
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

/* Layer normalization in its parts, whole and with a part that is needed elsewhere. */
static void written_norms(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 4; which++) {
        net n;
        net_begin(&n, 19);
        int x = net_input(&n, NET_DIMS(2, 5, 12));
        int mean = net_mean(&n, false, x), d = net_binary(&n, "Sub", true, x, mean);
        int square = which == 1 ? net_binary(&n, "Pow", true, d, net_scalar(&n, 2)) : net_binary(&n, "Mul", true, d, d);
        int s = net_binary(&n, "Add", true, net_mean(&n, true, square), net_scalar(&n, 0.01f));
        int y = net_binary(&n, "Div", true, d, net_unary(&n, "Sqrt", true, s));
        if (which != 2)
            y = net_binary(&n, "Mul", true, net_constant(&n, NET_DIMS(12)), y);
        y = net_binary(&n, "Add", true, y, net_constant(&n, NET_DIMS(which == 2 ? 1 : 12)));
        net_want(&n, net_unary(&n, "Relu", false, y));
        if (which == 3)
            net_want(&n, d);
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Outputs that are inputs seen otherwise, or the same memory twice. */
static void borders(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 13);
    int x = net_input(&n, NET_DIMS(2, 8, 4));
    int a = net_reshape(&n, x, NET_DIMS(16, 4)), b = net_reshape(&n, a, NET_DIMS(64));
    int c = net_unary(&n, "Relu", false, b), d = net_reshape(&n, c, NET_DIMS(8, 8));
    net_want(&n, a);
    net_want(&n, b);
    net_want(&n, c);
    net_want(&n, d);
    net_want(&n, net_slice(&n, d, (int64_t[]){2, 0}, (int64_t[]){4, 8}));
    net_want(&n, net_transpose(&n, d, (int64_t[]){1, 0}));
    net_check(&n, &engine);
    net_end(&n);
}

static void layer_times_add_up(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    mae_segment segment;
    mae_unit *unit;
    double layers[3], inputs[1], outputs[1];
    mae_layer_times t = {.layer_ns = layers, .input_ns = inputs, .output_ns = outputs};
    net_begin(&n, 15);
    int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 16, 16, 16)), 16, 3, 1, 1);
    net_want(&n, net_simple_conv(&n, net_pool(&n, "MaxPool", x, 2, 2, 0), 8, 1, 1, 1));
    net_make_layers(&n);
    net_ok(mae_segment_make(&n.graph, 0, 2, n.arena, &segment));
    net_ok(engine.pe->ops->compile(engine.pe, &n.graph, &segment, MAE_COMPILE_TIMED, &unit));
    mae_buffer *in = net_buffer(&n, segment.inputs[0]), *out = net_buffer(&n, segment.outputs[0]);
    memset(in->host, 0, in->bytes);
    net_ok(engine.pe->ops->bind(unit, &in, &out));
    for (int i = 0; i < 300; i++)
        net_ok(engine.pe->ops->run(unit));
    mae_error *error = engine.pe->ops->layer_ns(unit, 300, &t); /* none would be left */
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    net_ok(engine.pe->ops->layer_ns(unit, 10, &t));
    assert_int_equal(t.runs, 290);
    double sum = t.other_ns + inputs[0] + outputs[0];
    for (int i = 0; i < 3; i++) {
        assert_true(layers[i] > 0);
        sum += layers[i];
    }
    assert_true(fabs(sum - t.total_ns) <= 1e-6 * t.total_ns);
    engine.pe->ops->discard(unit);
    free(in->host);
    free(out->host);
    net_end(&n);
}

static void refuse(net *n, const char *reason)
{
    const char *given = NULL;
    int last = (int)n->graph.n_nodes - 1;
    net_want(n, n->nodes[last].outputs[0]);
    net_make_layers(n);
    assert_false(engine.pe->ops->supports(engine.pe, &n->graph, n->node_layers[last], &given));
    assert_string_equal(given, reason);
    assert_false(engine.pe->ops->supports(engine.pe, &n->graph, n->node_layers[last], NULL));
    net_end(n);
}

static void says_no(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 17);
    net_unary(&n, "Erf", false, net_input(&n, NET_DIMS(2, 3)));
    refuse(&n, "oneDNN does not have this function");
    net_begin(&n, 17);
    net_unary(&n, "NonZero", false, net_input(&n, NET_DIMS(2, 3)));
    refuse(&n, "an operator that oneDNN does not have");
    net_begin(&n, 17);
    net_unary(&n, "Relu", false, net_input(&n, NET_DIMS(2, 0)));
    refuse(&n, "an input is not f32 of a fixed, non-empty shape");
    net_begin(&n, 17);
    int x = net_input(&n, NET_DIMS(2, 3));
    n.tensors[x].shape.dtype = MAE_I32;
    net_unary(&n, "Relu", false, x);
    refuse(&n, "an input is not f32 of a fixed, non-empty shape");
    net_begin(&n, 17);
    net_pool(&n, "MaxPool", net_input(&n, NET_DIMS(1, 3, 8, 8)), 2, 2, 0);
    net_output_of(&n, 0, NET_DIMS(1, 3, 4, 4));
    refuse(&n, "a pooling that also yields indices");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(transposed_convolutions),
        cmocka_unit_test(followers),
        cmocka_unit_test(residuals),
        cmocka_unit_test(broadcasts),
        cmocka_unit_test(blocked_broadcasts),
        cmocka_unit_test(several_operands),
        cmocka_unit_test(concatenations),
        cmocka_unit_test(parts),
        cmocka_unit_test(pools),
        cmocka_unit_test(products),
        cmocka_unit_test(written_norms),
        cmocka_unit_test(slopes),
        cmocka_unit_test(borders),
        cmocka_unit_test(layer_times_add_up),
        cmocka_unit_test(says_no),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
