/* The oneDNN backend where channels come last, as networks from TensorFlow have their images: taken as they lie, and
 * what is done with them there. */
#define NET_BACKEND "onednn"

#include "net_engine.h"

/* An image with channels last, seen with channels first. */
static int add_image(net *n, int64_t batch, int64_t channels, int64_t height, int64_t width)
{
    return net_transpose(n, net_input(n, NET_DIMS(batch, height, width, channels)), (int64_t[]){0, 3, 1, 2});
}

static int add_channels(net *n, int x, int64_t low, int64_t high, const float *number)
{
    const mae_shape *s = &n->tensors[x].shape;
    int64_t dims[4] = {s->dims[0], s->dims[1] + low + high, s->dims[2], s->dims[3]};
    int inputs[3] = {x, net_ints(n, 8, (int64_t[]){0, low, 0, 0, 0, high, 0, 0}), -1};
    if (number)
        inputs[2] = net_scalar(n, *number);
    return net_output_of(n, net_node(n, "Pad", false, number ? 3 : 2, inputs), 4, dims);
}

/* Whoever reads the image has to see that it does not lie in row-major order. */
static int read_by(net *n, int which, int x)
{
    const mae_shape *s = &n->tensors[x].shape;
    int64_t c = s->dims[1], h = s->dims[2], w = s->dims[3], batch = s->dims[0];

    switch (which) {
    case 0:
        return net_simple_conv(n, x, 8, 3, 1, 1);
    case 1:
        return net_simple_conv(n, x, c, 3, 2, c);
    case 2:
        return net_pool(n, "MaxPool", x, 3, 2, 1);
    case 3:
        return net_unary(n, "Relu", false, x);
    case 4:
        return net_reshape(n, x, NET_DIMS(batch, c * h, w));
    case 5:
        return net_slice(n, x, (int64_t[]){0, 1, 1, 0}, (int64_t[]){batch, c, h, w - 1});
    case 6:
        return net_binary(n, "Mul", false, x, net_unary(n, "Sigmoid", false, x));
    case 7:
        return net_softmax_of(n, x, 3);
    case 8:
        return net_transpose(n, x, (int64_t[]){0, 2, 3, 1});
    case 9:
        return net_transpose(n, x, (int64_t[]){0, 1, 3, 2});
    case 10:
        return net_concat(n, 2, 2, (int[]){x, x});
    case 11:
        return net_batch_norm_of(n, false, x);
    case 12:
        return net_mean(n, false, x);
    default:
        return net_binary(n, "Add", false, net_simple_conv(n, x, c, 1, 1, 1), x);
    }
}

static void images(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t batch = 1; batch <= 2; batch++)
        for (int64_t channels = 3; channels <= 16; channels += 13)
            for (int which = 0; which <= 13; which++)
                for (int wanted = 0; wanted < 2; wanted++) {
                    net n;
                    net_begin(&n, (uint64_t)which);
                    int x = add_image(&n, batch, channels, 6, 7);
                    int y = read_by(&n, which, x);
                    net_want(&n, y);
                    if (wanted) { /* the image itself, and by two */
                        net_want(&n, x);
                        net_want(&n, net_unary(&n, "Tanh", false, x));
                    }
                    net_check(&n, &engine);
                    net_end(&n);
                }
}

/* The same as the result of a layer, that others may write over. */
static void results(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which <= 13; which++) {
        net n;
        net_begin(&n, (uint64_t)which);
        int seen = net_unary(&n, "Relu", false, net_input(&n, NET_DIMS(1, 6, 7, 16)));
        int x = net_transpose(&n, seen, (int64_t[]){0, 3, 1, 2});
        net_want(&n, net_unary(&n, "Relu", false, read_by(&n, which, x)));
        net_want(&n, net_unary(&n, "Abs", false, seen));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* More channels: behind the others, before them, zeros and another number; in whatever order convolutions yield, too.
 */
static void more_channels(void **state)
{
    static const int64_t channels[] = {3, 10, 16, 24};
    static const int64_t added[][2] = {{0, 1}, {0, 6}, {0, 16}, {2, 3}, {16, 0}, {0, 0}};
    const float number = 0.75f;
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 4 * 6 * 3; which++) {
        int64_t c = channels[which % 4], low = added[which / 4 % 6][0], high = added[which / 4 % 6][1];
        for (int64_t batch = 1; batch <= 2; batch++) {
            net n;
            net_begin(&n, (uint64_t)which);
            int x = add_image(&n, batch, c, 5, 6);
            if (which / 24 == 1)
                x = net_simple_conv(&n, x, c, 3, 1, c % 3 ? 1 : 3);
            int y = add_channels(&n, x, low, high, which / 24 == 2 ? &number : NULL);
            int z = net_simple_conv(&n, net_simple_conv(&n, x, 8, 3, 1, 1), c + low + high, 1, 1, 1);
            net_want(&n, net_unary(&n, "Relu", true, net_binary(&n, "Add", true, z, y))); /* as in BlazeFace */
            if (which % 3 == 0)
                net_want(&n, y);
            net_check(&n, &engine);
            net_end(&n);
        }
    }
}

/* Planes around such an image, and a constant beside it. */
static void around_and_beside(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int64_t batch = 1; batch <= 2; batch++)
        for (int64_t c = 5; c <= 16; c += 11) {
            net n;
            net_begin(&n, (uint64_t)c);
            int x = add_image(&n, batch, c, 5, 6);
            int pads = net_ints(&n, 8, (int64_t[]){0, 0, 1, 2, 0, 0, 3, 0});
            int padded = net_output_of(&n, net_node(&n, "Pad", false, 2, (int[]){x, pads}), NET_DIMS(batch, c, 9, 8));
            net_want(&n, net_pool(&n, "MaxPool", padded, 3, 2, 0));
            int beside = net_concat(&n, 1, 2, (int[]){x, net_constant(&n, NET_DIMS(batch, 4, 5, 6))});
            net_want(&n, net_simple_conv(&n, beside, 8, 3, 1, 1));
            net_want(&n, net_concat(&n, 1, 3, (int[]){net_constant(&n, NET_DIMS(batch, 2, 5, 6)), x, beside}));
            net_check(&n, &engine);
            net_end(&n);
        }
}

/* One number per channel, for few channels and for many, in place and not; images whose pixels fill rows, and not. */
static void numbers_per_channel(void **state)
{
    static const char *const ops[] = {"Mul", "Add", "Sub", "Max", "Div"};
    static const int64_t sizes[][3] = {{3, 8, 8}, {16, 5, 7}, {16, 1, 3}, {40, 6, 6}, {600, 2, 2}, {1030, 2, 1}};
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 5 * 6 * 2; which++) {
        int64_t c = sizes[which % 6][0], h = sizes[which % 6][1], w = sizes[which % 6][2], batch = 1 + which / 6 % 2;
        bool constant = which / 12 % 2;
        net n;
        net_begin(&n, (uint64_t)which);
        int x = add_image(&n, batch, c, h, w);
        if (which % 5 < 3) /* of the unit's own, so that it may be written over */
            x = net_unary(&n, "Relu", false, x);
        int gate = constant ? net_constant(&n, NET_DIMS(1, c, 1, 1)) : net_input(&n, NET_DIMS(1, c, 1, 1));
        for (int64_t i = 0; i < c; i++) /* not near 0 */
            n.values[gate][i] += n.values[gate][i] < 0 ? -0.5f : 0.5f;
        if (constant)
            memcpy((void *)n.tensors[gate].data, n.values[gate], n.tensors[gate].bytes);
        int y = net_binary(&n, ops[which % 5], false, x, gate);
        net_want(&n, net_unary(&n, "Tanh", which % 7 == 0, y));
        if (which % 4 == 0)
            net_want(&n, net_unary(&n, "Abs", false, x));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* Functions that the library's normalization computes itself, and others that it does not. */
static void normalized(void **state)
{
    static const char *const functions[] = {"Relu", "Tanh", "HardSwish"};
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which < 12; which++) {
        net n;
        net_begin(&n, (uint64_t)which);
        int x = which % 2 ? add_image(&n, 1, 16, 5, 6) : net_input(&n, NET_DIMS(2, 5, 4, 3));
        if (which >= 6)
            x = net_unary(&n, "Relu", false, x);
        int y = net_unary(&n, functions[which / 2 % 3], true, net_batch_norm_of(&n, false, x));
        net_want(&n, net_binary(&n, "Add", false, y, x));
        net_check(&n, &engine);
        net_end(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images),
        cmocka_unit_test(results),
        cmocka_unit_test(more_channels),
        cmocka_unit_test(around_and_beside),
        cmocka_unit_test(numbers_per_channel),
        cmocka_unit_test(normalized),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
