/* Poolings of all forms on the oneDNN backend, with one thread and with two; options it does not have. */
#include "net.h"

enum { ONE_THREAD, TWO_THREADS, N_ENGINES };
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

static void options_that_are_not_known(void **state)
{
    static const mae_option wrong = {"speed", "high"};
    (void)state;
    NEED_ENGINE();
    const mae_pe_config config = {
        .name = "cpu/onednn", .resource = "cpu", .threads = 1, .options = &wrong, .n_options = 1};
    mae_pe *pe = NULL;
    mae_error *error = mae_module_backend(engines[0].module)->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    assert_non_null(strstr(mae_error_message(error), "speed"));
    mae_error_free(error);
    assert_null(pe);
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
    (void)state;
    present = net_open(&engines[ONE_THREAD], "onednn", 1) && net_open(&engines[TWO_THREADS], "onednn", 2);
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
        cmocka_unit_test(options_that_are_not_known),
        cmocka_unit_test(poolings),
        cmocka_unit_test(means),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
