/* What the oneDNN backend computes with loops of its own: Winograd's convolutions, poolings, paddings. */
#include "onednn_net.h"

enum { ALWAYS, NEVER, ALWAYS_2, N_ENGINES };
static net_engine engines[N_ENGINES];
static bool present;

#define NEED_ENGINE()                                                                                                  \
    do {                                                                                                               \
        if (!present)                                                                                                  \
            skip();                                                                                                    \
    } while (0)

static void check_all(net *n)
{
    net_make_layers(n);
    net_interpret(n);
    for (int i = 0; i < N_ENGINES; i++)
        net_check_on(n, &engines[i]);
    net_end(n);
}

/* -- Winograd -- */

static const struct {
    int64_t batch, in, height, width, out, pad_low, pad_high;
} convs[] = {
    {1, 16, 12, 12, 16, 1, 1}, {1, 8, 13, 9, 24, 1, 1}, {2, 16, 7, 7, 16, 1, 1}, {1, 16, 3, 3, 8, 1, 1},
    {1, 32, 10, 17, 16, 0, 0}, {3, 8, 6, 5, 8, 2, 0},   {1, 8, 1, 30, 8, 1, 2},  {1, 24, 8, 8, 32, 1, 1},
};
#define N_CONVS (sizeof(convs) / sizeof(convs[0]))

static int add_conv(net *n, size_t i, int x, bool bias)
{
    int64_t low = convs[i].pad_low, high = convs[i].pad_high;
    net_conv c = {.channels = convs[i].out,
                  .kernel = {3, 3},
                  .strides = {1, 1},
                  .dilations = {1, 1},
                  .pads = {low, low, high, high},
                  .groups = 1,
                  .bias = bias};
    return net_add_conv(n, x, &c);
}

static int add_input(net *n, size_t i)
{
    return net_input(n, NET_DIMS(convs[i].batch, convs[i].in, convs[i].height, convs[i].width));
}

/* What follows, all of which the kernel does itself but in the last case. */
static int follow(net *n, int which, int y, int residual)
{
    int64_t c = n->tensors[y].shape.dims[1];
    switch (which) {
    case 0:
        return y;
    case 1:
        return net_unary(n, "Relu", true, net_batch_norm_of(n, true, y));
    case 2: {
        int clip = net_node(n, "Clip", true, 3, (int[]){y, net_scalar(n, -0.5f), net_scalar(n, 0.7f)});
        return net_output_of(n, clip, 4, n->tensors[y].shape.dims);
    }
    case 3:
        return net_unary(n, "Relu", true, net_binary(n, "Add", true, y, residual));
    case 4:
        return net_binary(n, "Add", true, residual, net_unary(n, "Relu", true, y));
    case 5:
        return net_binary(n, "Mul", true, net_unary(n, "Relu", true, y), net_constant(n, NET_DIMS(c, 1, 1)));
    default:
        return net_binary(n, "Mul", true, y, net_unary(n, "Sigmoid", true, y));
    }
}

static void winograd(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < N_CONVS; i++)
        for (int which = 0; which < 7; which++) {
            net n;
            net_begin(&n, i);
            int x = add_input(&n, i);
            int residual = add_conv(&n, i, x, false);
            int y = follow(&n, which, add_conv(&n, i, x, which % 2), residual);
            net_want(&n, y);
            if (which == 3 && i % 2) /* then it cannot be added in place */
                net_want(&n, residual);
            check_all(&n);
        }
}

/* The two ways round differently: that tells them apart. */
static void run_once(net *n, net_engine *engine, float *values)
{
    mae_segment segment;
    mae_unit *unit;
    net_ok(mae_segment_make(&n->graph, 0, (int)n->graph.n_layers - 1, n->arena, &segment));
    net_ok(engine->pe->ops->compile(engine->pe, &n->graph, &segment, 0, &unit));
    mae_buffer *in = net_buffer(n, segment.inputs[0]), *out = net_buffer(n, segment.outputs[0]);
    memcpy(in->host, n->values[segment.inputs[0]], in->bytes);
    net_ok(engine->pe->ops->bind(unit, &in, &out));
    net_ok(engine->pe->ops->run(unit));
    memcpy(values, out->host, out->bytes);
    engine->pe->ops->discard(unit);
    free(in->host);
    free(out->host);
}

static void winograd_is_used(void **state)
{
    float *values[2];
    net n;
    (void)state;
    NEED_ENGINE();
    net_begin(&n, 1);
    int y = add_conv(&n, N_CONVS - 1, add_input(&n, N_CONVS - 1), true);
    net_want(&n, y);
    net_make_layers(&n);
    for (int i = 0; i < 2; i++) {
        values[i] = net_alloc(&n, n.tensors[y].bytes);
        run_once(&n, &engines[i ? NEVER : ALWAYS], values[i]);
    }
    assert_memory_not_equal(values[0], values[1], n.tensors[y].bytes);
    net_end(&n);
}

static void winograd_in_a_row(void **state)
{
    net n;
    (void)state;
    NEED_ENGINE();
    net_begin(&n, 3);
    int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 3, 21, 19)), 16, 3, 1, 1);
    for (int i = 0; i < 3; i++) {
        int y = net_unary(&n, "Relu", true, net_simple_conv(&n, x, 16, 3, 1, 1));
        x = net_unary(&n, "Relu", true, net_binary(&n, "Add", true, net_simple_conv(&n, y, 16, 3, 1, 1), x));
    }
    net_want(&n, x);
    check_all(&n);
}

static void options_that_are_not_known(void **state)
{
    static const mae_option wrong[] = {{"winograd", "sometimes"}, {"speed", "high"}};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < 2; i++) {
        const mae_pe_config config = {
            .name = "cpu/onednn", .resource = "cpu", .threads = 1, .options = &wrong[i], .n_options = 1};
        mae_pe *pe = NULL;
        mae_error *error = mae_module_backend(engines[0].module)->open(&config, &pe);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        assert_non_null(strstr(mae_error_message(error), wrong[i].key));
        mae_error_free(error);
        assert_null(pe);
    }
}

/* -- pooling -- */

static void poolings(void **state)
{
    static const struct {
        int rank;
        int64_t x[4], kernel, stride, pad, dilation;
    } cases[] = {
        {4, {1, 16, 11, 9}, 3, 2, 0, 1}, {4, {1, 8, 28, 28}, 3, 1, 1, 1},  {4, {2, 3, 7, 10}, 3, 2, 1, 1},
        {4, {1, 1, 16, 16}, 3, 1, 1, 1}, {4, {1, 13, 10, 10}, 2, 2, 0, 1}, {4, {1, 24, 12, 12}, 5, 1, 2, 1},
        {4, {1, 8, 12, 12}, 3, 1, 2, 2}, {4, {1, 5, 12, 12}, 3, 2, 2, 2},  {3, {1, 8, 30}, 3, 2, 1, 1},
        {3, {2, 5, 17}, 4, 3, 1, 1},     {4, {1, 8, 2, 2}, 3, 1, 1, 1},    {4, {1, 64, 40, 40}, 3, 2, 1, 1},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int blocked = 0; blocked < 2; blocked++) {
            int64_t k = cases[i].kernel, s = cases[i].stride, p = cases[i].pad, d = cases[i].dilation;
            int64_t y[4] = {cases[i].x[0], cases[i].x[1]};
            net n;
            net_begin(&n, i);
            int x = net_input(&n, cases[i].rank, cases[i].x);
            if (blocked)
                x = net_simple_conv(&n, x, cases[i].x[1], 3, 1, 1);
            int node = net_node(&n, "MaxPool", false, 1, &x);
            for (int j = 2; j < cases[i].rank; j++)
                y[j] = (cases[i].x[j] + 2 * p - (k - 1) * d - 1) / s + 1;
            net_attr_ints(&n, node, "kernel_shape", cases[i].rank - 2, (int64_t[]){k, k});
            net_attr_ints(&n, node, "strides", cases[i].rank - 2, (int64_t[]){s, s});
            net_attr_ints(&n, node, "dilations", cases[i].rank - 2, (int64_t[]){d, d});
            net_attr_ints(&n, node, "pads", 2 * (cases[i].rank - 2), (int64_t[]){p, p, p, p});
            net_want(&n, net_output_of(&n, node, cases[i].rank, y));
            check_all(&n);
        }
}

static void means(void **state)
{
    static const int64_t shapes[][4] = {{1, 16, 7, 7}, {2, 5, 3, 4}, {1, 1, 9, 9}, {1, 24, 1, 1}, {3, 8, 14, 14}};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (int blocked = 0; blocked < 2; blocked++) {
            net n;
            net_begin(&n, i);
            int x = net_input(&n, 4, shapes[i]);
            if (blocked)
                x = net_simple_conv(&n, x, shapes[i][1], 3, 1, 1);
            int node = net_node(&n, "AveragePool", false, 1, &x);
            net_attr_ints(&n, node, "kernel_shape", 2, &shapes[i][2]);
            net_want(&n, net_output_of(&n, node, NET_DIMS(shapes[i][0], shapes[i][1], 1, 1)));
            check_all(&n);
        }
}

static int open_all(void **state)
{
    static const char *const uses[N_ENGINES] = {"always", "never", "always"};
    (void)state;
    present = true;
    for (int i = 0; i < N_ENGINES && present; i++)
        present = net_open_with(&engines[i], i == ALWAYS_2 ? 2 : 1, uses[i]);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (int i = 0; i < N_ENGINES && present; i++)
        net_close(&engines[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(winograd),          cmocka_unit_test(winograd_is_used),
        cmocka_unit_test(winograd_in_a_row), cmocka_unit_test(options_that_are_not_known),
        cmocka_unit_test(poolings),          cmocka_unit_test(means),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
