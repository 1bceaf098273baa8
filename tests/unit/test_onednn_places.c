/* Where the oneDNN backend puts things: concatenations that grow, paddings left to convolutions, parts taken in steps,
 * weights with space between their rows. */
#define NET_BACKEND "onednn"

#include "net_engine.h"

/* What there was and something new, again and again, as in DenseNet. */
static void concatenations_grow(void **state)
{
    static const int64_t channels[] = {8, 16, 12};
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 12; which++) {
        int64_t batch = 1 + which % 2, c = channels[which / 2 % 3];
        int parts[5], whole = 0;
        net n;
        net_begin(&n, (uint64_t)which);
        int x = net_input(&n, NET_DIMS(batch, 3, 6, 5));
        parts[0] = net_simple_conv(&n, x, 2 * c, 3, 1, 1);
        for (int i = 1; i < 5; i++) {
            whole = i == 1 ? parts[0] : net_concat(&n, 1, (size_t)i, parts);
            int y = net_unary(&n, "Relu", true, net_batch_norm_of(&n, false, whole));
            parts[i] = net_simple_conv(&n, net_simple_conv(&n, y, 16, 1, 1, 1), c, 3, 1, 1);
            if (which >= 6 && i == 3)
                net_want(&n, whole);
        }
        net_want(&n, net_unary(&n, "Relu", false, net_concat(&n, 1, 5, parts)));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Two that begin with the same: only one of them can lie there. */
static void concatenations_fork(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 4; which++) {
        net n;
        net_begin(&n, (uint64_t)which);
        int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 3, 5, 5)), 16, 3, 1, 1);
        int a = net_simple_conv(&n, x, 8, 1, 1, 1), b = net_simple_conv(&n, x, 8, 1, 1, 1);
        int first = net_concat(&n, 1, 2, (int[]){x, a});
        int second = net_concat(&n, 1, 2, (int[]){which % 2 ? first : x, b});
        int third = net_concat(&n, 1, 3, (int[]){x, a, b});
        if (which >= 2) /* the same twice in one */
            third = net_concat(&n, 1, 2, (int[]){third, third});
        net_want(&n, net_unary(&n, "Relu", false, first));
        net_want(&n, net_unary(&n, "Relu", false, second));
        net_want(&n, net_unary(&n, "Relu", false, third));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Groups of channels that come to alternate, as in ShuffleNet; what is like it, and where what lies between is wanted.
 */
static void shuffles(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 16; which++) {
        int64_t groups = 2 + which % 2, c = which % 4 < 2 ? 5 : 16, batch = 1 + which / 4 % 2, all = groups * c;
        int parts[3];
        net n;
        net_begin(&n, (uint64_t)which);
        int x = net_simple_conv(&n, net_input(&n, NET_DIMS(batch, 3, 6, 5)), c, 3, 1, 1);
        for (int i = 0; i < 3; i++)
            parts[i] = i ? net_simple_conv(&n, x, c, 1, 1, 1) : x;
        int whole = net_concat(&n, 1, (size_t)groups, parts);
        int apart = net_reshape(&n, whole, NET_DIMS(batch, groups, c, 6, 5));
        int64_t otherwise[] = {0, 2, 1, 4, 3}, perm[] = {0, 2, 1, 3, 4};
        int swapped = net_transpose(&n, apart, which == 15 ? otherwise : perm);
        int y = net_reshape(&n, swapped, NET_DIMS(batch, all, 6, 5));
        if (which >= 12 && which < 15)
            net_want(&n, which == 12 ? whole : which == 13 ? apart : swapped);
        net_want(&n, net_slice(&n, y, (int64_t[]){0, 0, 0, 0}, (int64_t[]){batch, all / 2, 6, 5}));
        net_want(&n, net_simple_conv(&n, y, 8, 3, 1, 1));
        if (which >= 8)
            net_want(&n, net_unary(&n, "Relu", false, parts[1]));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Zeros around a tensor: `low` and `high` along both spatial axes. */
static int add_pad(net *n, int x, int64_t low, int64_t high)
{
    const mae_shape *s = &n->tensors[x].shape;
    int64_t dims[4] = {s->dims[0], s->dims[1], s->dims[2] + low + high, s->dims[3] + low + high};
    int pads = net_ints(n, 8, (int64_t[]){0, 0, low, low, 0, 0, high, high});
    return net_output_of(n, net_node(n, "Pad", false, 2, (int[]){x, pads}), 4, dims);
}

static int add_conv(net *n, int x, int64_t channels, int64_t stride, int64_t dilation, int64_t pad, int64_t groups)
{
    net_conv c = {.channels = channels,
                  .kernel = {3, 3},
                  .strides = {stride, stride},
                  .dilations = {dilation, dilation},
                  .pads = {pad, pad, pad, pad},
                  .groups = groups,
                  .bias = true};
    return net_add_conv(n, x, &c);
}

static void paddings(void **state)
{
    static const int64_t channels[] = {16, 5, 8};
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 15; which++) {
        int64_t c = channels[which % 3];
        net n;
        net_begin(&n, (uint64_t)which);
        int x = net_input(&n, NET_DIMS(1 + which % 2, 3, 9, 8));
        int padded = add_pad(&n, net_simple_conv(&n, x, c, 3, 1, 1), which / 3 % 2, 1);
        int y = add_conv(&n, padded, which < 6 ? c : 8, 2, 1, which / 3 % 2, which < 6 ? c : 1);
        if (which / 3 == 2) /* read by two */
            net_want(&n, add_conv(&n, padded, 8, 1, 1, 0, 1));
        if (which / 3 == 3)
            net_want(&n, padded);
        if (which / 3 == 4) /* read by what is no convolution */
            y = net_unary(&n, "Relu", false, add_pad(&n, y, 2, 0));
        net_want(&n, y);
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Wider than the library's direct code allows. */
static void wide_paddings(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t batch = 1; batch <= 2; batch++)
        for (int64_t channels = 6; channels <= 16; channels += 10)
            for (int64_t dilation = 3; dilation <= 6; dilation++) {
                net n;
                net_begin(&n, (uint64_t)dilation);
                int x = net_simple_conv(&n, net_input(&n, NET_DIMS(batch, 3, 13, 15)), channels, 3, 1, 1);
                int y = net_unary(&n, "Relu", true, add_conv(&n, x, 16, 1, dilation, dilation, 1));
                net_want(&n, net_binary(&n, "Add", false, y, net_unary(&n, "Relu", true, y)));
                net_check(&n, &engine);
                net_end(&n);
            }
}

/* Every second or third element, as where Swin merges its patches. */
static void steps(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t step = 2; step <= 3; step++) {
        int parts[4];
        net n;
        net_begin(&n, (uint64_t)step);
        int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 3, 12, 6)), 8, 3, 1, 1);
        for (int i = 0; i < 4; i++) {
            int64_t down = i % 2, across = i / 2, ends[] = {1, 8, 12, 6};
            int inputs[] = {x, net_ints(&n, 4, (int64_t[]){0, 0, down, across}), net_ints(&n, 4, ends),
                            net_ints(&n, 4, (int64_t[]){0, 1, 2, 3}), net_ints(&n, 4, (int64_t[]){1, 1, step, step})};
            int node = net_node(&n, "Slice", false, 5, inputs);
            parts[i] = net_output_of(&n, node, NET_DIMS(1, 8, 12 / step, 6 / step));
        }
        net_want(&n, parts[3]);
        net_want(&n, net_simple_conv(&n, net_concat(&n, 1, 4, parts), 8, 1, 1, 1));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Rows of a multiple of 1 KiB. */
static void spaced_weights(void **state)
{
    static const int64_t sizes[][2] = {{16, 256}, {40, 512}, {15, 256}, {96, 768}, {256, 255}};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t rows = sizes[i][0], columns = sizes[i][1];
        net n;
        net_begin(&n, i);
        int x = net_input(&n, NET_DIMS(1, 7, rows)), w = net_constant(&n, NET_DIMS(rows, columns));
        int y = net_output_of(&n, net_node(&n, "MatMul", false, 2, (int[]){x, w}), NET_DIMS(1, 7, columns));
        y = net_binary(&n, "Add", true, y, net_constant(&n, 1, &columns));
        net_want(&n, net_unary(&n, "Sigmoid", true, y));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* A Dropout in training that leaves nothing out, and yields a mask that nobody reads. */
static void add_dropout(net *n, int x, float ratio, bool mask)
{
    static const unsigned char yes = 1;
    int training = net_tensor(n, MAE_BOOL, 0, NULL);
    n->tensors[training].is_constant = true;
    n->tensors[training].data = &yes;
    int node = net_node(n, "Dropout", false, 3, (int[]){x, net_scalar(n, ratio), training});
    net_want(n, net_output_of(n, node, NET_DIMS(2, 6)));
    if (!mask)
        return;
    int dropped = net_tensor(n, MAE_BOOL, 2, (int64_t[]){2, 6});
    n->tensors[dropped].producer_node = node;
    n->tensors[dropped].producer_layer = n->node_layers[node];
    ((int *)n->nodes[node].outputs)[n->nodes[node].n_outputs++] = dropped;
}

static void dropouts(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int mask = 0; mask < 2; mask++) {
        net n;
        net_begin(&n, 5);
        add_dropout(&n, net_unary(&n, "Relu", false, net_input(&n, NET_DIMS(2, 6))), 0.0f, mask);
        net_check(&n, &engine);
        net_end(&n);
    }
}

static void dropouts_that_train(void **state)
{
    const char *reason = NULL;
    net n;
    (void)state;
    NEED_ENGINE();
    net_begin(&n, 5);
    add_dropout(&n, net_input(&n, NET_DIMS(2, 6)), 0.3f, false);
    net_make_layers(&n);
    assert_false(engine.pe->ops->supports(engine.pe, &n.graph, 0, &reason));
    assert_non_null(reason);
    net_end(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concatenations_grow),
        cmocka_unit_test(concatenations_fork),
        cmocka_unit_test(shuffles),
        cmocka_unit_test(paddings),
        cmocka_unit_test(wide_paddings),
        cmocka_unit_test(steps),
        cmocka_unit_test(spaced_weights),
        cmocka_unit_test(dropouts),
        cmocka_unit_test(dropouts_that_train),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
