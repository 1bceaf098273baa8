/* Convolutions and products so large that the oneDNN backend tries all the library's implementations on them: whichever
 * is taken, and in whatever layout it is, the results are right, and what was decided once stays decided. */
#define NET_BACKEND "onednn"

#include "net_engine.h"

static void shapes(void **state)
{
    static const struct {
        int64_t x[4], channels, kernel, stride, groups;
    } cases[] = {
        {{1, 32, 28, 28}, 32, 3, 1, 1}, {{1, 48, 17, 13}, 40, 3, 1, 1}, {{2, 16, 20, 20}, 32, 3, 1, 1},
        {{1, 3, 64, 64}, 16, 7, 2, 1},  {{1, 64, 28, 28}, 48, 1, 1, 1}, {{1, 64, 40, 40}, 64, 3, 1, 64},
        {{1, 32, 28, 28}, 64, 3, 2, 1}, {{1, 64, 14, 14}, 64, 5, 1, 2},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        net n;
        net_begin(&n, i);
        int y = net_simple_conv(&n, net_input(&n, 4, cases[i].x), cases[i].channels, cases[i].kernel, cases[i].stride,
                                cases[i].groups);
        net_want(&n, net_unary(&n, "Relu", true, y));
        net_check(&n, &engine);
        net_end(&n);
    }
}

/* A residual summed in place or added as an operand, a gate, a pooling and a concatenation: what follows a convolution
 * takes it as it lies. */
static void in_a_network(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 7);
    int x = net_unary(&n, "Relu", true, net_simple_conv(&n, net_input(&n, NET_DIMS(1, 3, 48, 48)), 32, 3, 2, 1));
    int a = net_unary(&n, "Relu", true, net_simple_conv(&n, x, 32, 3, 1, 1));
    int b = net_simple_conv(&n, a, 32, 3, 1, 1);
    int sum = net_unary(&n, "Relu", true, net_binary(&n, "Add", true, b, x));
    int c = net_simple_conv(&n, sum, 32, 3, 1, 32);
    int gate = net_binary(&n, "Mul", true, c, net_unary(&n, "Sigmoid", true, c));
    int both[] = {net_pool(&n, "MaxPool", gate, 2, 2, 0), net_pool(&n, "MaxPool", sum, 2, 2, 0)};
    net_want(&n, net_simple_conv(&n, net_concat(&n, 1, 2, both), 24, 1, 1, 1));
    net_want(&n, sum);
    net_check(&n, &engine);
    net_end(&n);
}

/* Relu(a * w + bias), w as the model has it or with its axes swapped. */
static void product(int64_t rows, int64_t inner, int64_t columns, bool swapped)
{
    net n;
    net_begin(&n, (uint64_t)(rows + columns));
    int a = net_input(&n, NET_DIMS(rows, inner)), bias = net_constant(&n, 1, &columns);
    int w = swapped ? net_constant(&n, NET_DIMS(columns, inner)) : net_constant(&n, NET_DIMS(inner, columns));
    int node = net_node(&n, "Gemm", false, 3, (int[]){a, w, bias});
    net_attr_int(&n, node, "transB", swapped);
    int linear = net_output_of(&n, node, NET_DIMS(rows, columns)), y = net_unary(&n, "Relu", true, linear);
    net_want(&n, y);
    net_make_layers(&n);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double sum = (double)n.values[bias][j];
            for (int64_t k = 0; k < inner; k++)
                sum +=
                    (double)n.values[a][i * inner + k] * (double)n.values[w][swapped ? j * inner + k : k * columns + j];
            n.values[y][i * columns + j] = (float)fmax(sum, 0);
        }
    net_check_on(&n, &engine);
    net_end(&n);
}

/* Constant weights, which are packed as is fastest: rows and columns that fill blocks and not, rows that begin in the
 * same sets of the cache. */
static void products(void **state)
{
    static const int64_t sizes[][3] = {{1, 160, 100}, {1, 129, 1000}, {40, 120, 65}, {49, 96, 256}, {3, 512, 16}};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int swapped = 0; swapped < 2; swapped++)
            product(sizes[i][0], sizes[i][1], sizes[i][2], swapped);
}

static void compile_and_run(net *n, float *result)
{
    const mae_segment segment = {0, (int)n->graph.n_layers - 1, 1, n->inputs, 1, n->outputs};
    mae_buffer *in = net_buffer(n, n->inputs[0]), *out = net_buffer(n, n->outputs[0]);
    mae_unit *unit;
    memcpy(in->host, n->values[n->inputs[0]], in->bytes);
    net_ok(engine.pe->ops->compile(engine.pe, &n->graph, &segment, 0, &unit));
    net_ok(engine.pe->ops->bind(unit, &in, &out));
    net_ok(engine.pe->ops->run(unit));
    memcpy(result, out->host, out->bytes);
    engine.pe->ops->discard(unit);
    free(in->host);
    free(out->host);
}

/* Implementations differ in the last bits, so that equal bits mean the same choice, on another PE, too. */
static void stays_decided(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 3);
    int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 32, 24, 24)), 48, 3, 1, 1);
    net_want(&n, net_simple_conv(&n, net_unary(&n, "Relu", true, x), 32, 3, 1, 1));
    net_make_layers(&n);
    net_interpret(&n);
    size_t count = net_count(&n, n.outputs[0]);
    float *first = malloc(count * sizeof *first), *again = malloc(count * sizeof *again);
    assert_true(first && again);
    compile_and_run(&n, first);
    assert_true(net_difference(&n, n.outputs[0], first) < 1e-4);
    for (int i = 0; i < 6; i++) {
        if (i == 3) {
            net_close(&engine);
            assert_true(net_open(&engine, NET_BACKEND, 1));
        }
        compile_and_run(&n, again);
        assert_memory_equal(first, again, count * sizeof *first);
    }
    free(first);
    free(again);
    net_end(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(in_a_network),
        cmocka_unit_test(products),
        cmocka_unit_test(stays_decided),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
