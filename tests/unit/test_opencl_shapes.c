/* Poolings, products, resizes and what only moves values, on the OpenCL backend, against a plain interpreter or the
 * operator's definition. */
#include "opencl_engine.h"

static void poolings(void **state)
{
    static const struct {
        int rank;
        int64_t x[5], kernel, stride, pad;
    } cases[] = {
        {4, {1, 16, 11, 9}, 3, 2, 0}, {4, {2, 3, 7, 10}, 3, 2, 1},   {4, {1, 13, 10, 10}, 2, 2, 0},
        {3, {2, 5, 17}, 4, 3, 1},     {5, {1, 2, 5, 6, 7}, 3, 2, 1}, {4, {1, 8, 2, 2}, 3, 1, 1},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int counted = 0; counted < 3; counted++) {
            net n;
            net_begin(&n, i);
            n.graph.name = mae_arena_printf(n.arena, "pooling %zu, %d", i, counted);
            int x = net_input(&n, cases[i].rank, cases[i].x);
            int y = net_pool(&n, counted == 2 ? "MaxPool" : "AveragePool", x, cases[i].kernel, cases[i].stride,
                             cases[i].pad);
            if (counted < 2)
                net_attr_int(&n, 0, "count_include_pad", counted);
            net_want(&n, y);
            check_all(&n);
        }
}

static void products(void **state)
{
    static const struct {
        int rank_a, rank_b, rank_y;
        int64_t a[4], b[4], y[4];
    } cases[] = {
        {2, 2, 2, {5, 7}, {7, 3}, {5, 3}},
        {3, 2, 3, {2, 5, 7}, {7, 3}, {2, 5, 3}},
        {4, 4, 4, {2, 3, 5, 7}, {2, 3, 7, 4}, {2, 3, 5, 4}},
        {4, 4, 4, {2, 1, 5, 7}, {1, 3, 7, 4}, {2, 3, 5, 4}},
        {2, 3, 3, {5, 7}, {4, 7, 2}, {4, 5, 2}},
        {2, 2, 2, {1, 64}, {64, 1}, {1, 1}},
        {2, 2, 2, {150, 131}, {131, 140}, {150, 140}},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int constant = 0; constant < 2; constant++) {
            net n;
            net_begin(&n, i);
            n.graph.name = mae_arena_printf(n.arena, "product %zu", i);
            int a = net_input(&n, cases[i].rank_a, cases[i].a);
            int b = (constant ? net_constant : net_input)(&n, cases[i].rank_b, cases[i].b);
            int node = net_node(&n, "MatMul", false, 2, (int[]){a, b});
            int y = net_output_of(&n, node, cases[i].rank_y, cases[i].y);
            net_want(&n, net_unary(&n, "Relu", true, y));
            check_all(&n);
        }
}

/* Large enough for CLBlast to choose other kernels, which bring matrices into shape in the scratch memory first. */
static void large_product(void **state)
{
    enum { M = 901, N = 899, K = 905 };
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 21);
    int a = net_input(&n, NET_DIMS(M, K)), b = net_constant(&n, NET_DIMS(K, N));
    int y = net_output_of(&n, net_node(&n, "MatMul", false, 2, (int[]){a, b}), NET_DIMS(M, N));
    net_want(&n, y);
    net_make_layers(&n);
    memset(n.values[y], 0, n.tensors[y].bytes);
    for (size_t i = 0; i < M; i++)
        for (size_t k = 0; k < K; k++)
            for (size_t j = 0; j < N; j++)
                n.values[y][i * N + j] += n.values[a][i * K + k] * n.values[b][k * N + j];
    for (int i = 0; i < n_engines; i++)
        net_check_on(&n, &engines[i]);
    net_end(&n);
}

/* y = alpha * A * B + beta * C, against a product of what stands as it is multiplied. */
static void gemms(void **state)
{
    static const int64_t addends[][2] = {{4, 5}, {1, 5}, {4, 1}, {1, 1}};
    (void)state;
    NEED_ENGINE();
    for (int k = 0; k < 16; k++) {
        net n;
        net_begin(&n, (uint64_t)k);
        int ta = k & 1, tb = k >> 1 & 1;
        int a = net_input(&n, 2, ta ? (int64_t[]){6, 4} : (int64_t[]){4, 6});
        int b = net_constant(&n, 2, tb ? (int64_t[]){5, 6} : (int64_t[]){6, 5});
        int c = net_input(&n, 2, addends[k >> 2]);
        int node = net_node(&n, "Gemm", false, 3, (int[]){a, b, c});
        net_attr_int(&n, node, "transA", ta);
        net_attr_int(&n, node, "transB", tb);
        net_attr_float(&n, node, "alpha", 0.5f);
        net_attr_float(&n, node, "beta", 2);
        int y = net_output_of(&n, node, NET_DIMS(4, 5));
        net_want(&n, y);
        net_make_layers(&n);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 5; j++) {
                double sum = 0;
                for (int m = 0; m < 6; m++)
                    sum += (double)n.values[a][ta ? m * 4 + i : i * 6 + m] *
                           (double)n.values[b][tb ? j * 6 + m : m * 5 + j];
                const int64_t *d = addends[k >> 2];
                int64_t at = (d[0] > 1 ? i : 0) * d[1] + (d[1] > 1 ? j : 0);
                n.values[y][i * 5 + j] = (float)(0.5 * sum + 2 * (double)n.values[c][at]);
            }
        for (int i = 0; i < n_engines; i++)
            net_check_on(&n, &engines[i]);
        net_end(&n);
    }
}

/* Where place `o` of an axis scaled by `scale` to `out` places lies in `in` places. */
static double source_of(const char *mode, int64_t o, double scale, int64_t in, int64_t out)
{
    if (!strcmp(mode, "asymmetric"))
        return (double)o / scale;
    if (!strcmp(mode, "align_corners"))
        return out == 1 ? 0 : (double)(o * (in - 1)) / (double)(out - 1);
    return ((double)o + 0.5) / scale - 0.5;
}

/* The sample at (h, w) of a plane, by the operator's definition: beyond its borders lie the values of these. */
static double sample(const float *plane, int64_t height, int64_t width, double h, double w, bool linear)
{
    double sum = 0;
    if (!linear) {
        h = floor(h + 1e-9);
        w = floor(w + 1e-9);
    }
    for (int64_t i = (int64_t)floor(h); i <= (int64_t)floor(h) + 1; i++)
        for (int64_t j = (int64_t)floor(w); j <= (int64_t)floor(w) + 1; j++) {
            int64_t y = i < 0 ? 0 : i >= height ? height - 1 : i, x = j < 0 ? 0 : j >= width ? width - 1 : j;
            sum += (1 - fabs(h - (double)i)) * (1 - fabs(w - (double)j)) * (double)plane[y * width + x];
        }
    return sum;
}

static void resizes(void **state)
{
    static const struct {
        const char *mode, *coordinates;
        float scale[2];
    } cases[] = {
        {"nearest", "asymmetric", {2, 2}},    {"nearest", "asymmetric", {3, 1}},
        {"nearest", "asymmetric", {0.5f, 2}}, {"linear", "half_pixel", {2, 2}},
        {"linear", "asymmetric", {2, 3}},     {"linear", "align_corners", {2, 4}},
        {"linear", "half_pixel", {0.5f, 1}},  {"linear", "half_pixel", {1.5f, 2.5f}},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool linear = !strcmp(cases[i].mode, "linear");
        int64_t h = 6, w = 4, out_h = (int64_t)(6 * cases[i].scale[0]), out_w = (int64_t)(4 * cases[i].scale[1]);
        net n;
        net_begin(&n, i);
        n.graph.name = mae_arena_printf(n.arena, "resize %zu", i);
        int x = net_input(&n, NET_DIMS(2, 3, h, w));
        int scales = net_given(&n, (float[]){1, 1, cases[i].scale[0], cases[i].scale[1]}, NET_DIMS(4));
        int node = net_node(&n, "Resize", false, 3, (int[]){x, -1, scales});
        net_attr(&n, node, "mode", MAE_ATTR_STRING)->s = cases[i].mode;
        net_attr(&n, node, "coordinate_transformation_mode", MAE_ATTR_STRING)->s = cases[i].coordinates;
        net_attr(&n, node, "nearest_mode", MAE_ATTR_STRING)->s = "floor";
        int y = net_output_of(&n, node, NET_DIMS(2, 3, out_h, out_w));
        net_want(&n, y);
        net_make_layers(&n);
        for (int64_t k = 0; k < 6 * out_h * out_w; k++) {
            double at_h = source_of(cases[i].coordinates, k / out_w % out_h, (double)cases[i].scale[0], h, out_h);
            double at_w = source_of(cases[i].coordinates, k % out_w, (double)cases[i].scale[1], w, out_w);
            n.values[y][k] = (float)sample(n.values[x] + k / (out_h * out_w) * h * w, h, w, at_h, at_w, linear);
        }
        for (int e = 0; e < n_engines; e++)
            net_check_on(&n, &engines[e]);
        net_end(&n);
    }
}

static void moves(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 9);
    int x = net_input(&n, NET_DIMS(2, 6, 5, 4)), r = net_unary(&n, "Relu", false, x);
    net_want(&n, net_transpose(&n, r, (int64_t[]){3, 1, 0, 2}));
    net_want(&n, net_slice(&n, r, (int64_t[]){0, 2, 1, 0}, (int64_t[]){2, 5, 5, 3}));
    int steps = net_node(&n, "Slice", false, 5,
                         (int[]){r, net_ints(&n, 4, (int64_t[]){0, 1, 0, 3}), net_ints(&n, 4, (int64_t[]){2, 6, 5, -9}),
                                 net_ints(&n, 4, (int64_t[]){0, 1, 2, 3}), net_ints(&n, 4, (int64_t[]){1, 2, 3, -2})});
    net_want(&n, net_output_of(&n, steps, NET_DIMS(2, 3, 2, 2)));
    int pad = net_node(&n, "Pad", false, 2, (int[]){r, net_ints(&n, 8, (int64_t[]){0, 1, 0, 2, 1, 0, 3, 0})});
    net_want(&n, net_output_of(&n, pad, NET_DIMS(3, 7, 8, 6)));
    int c = net_concat(&n, 2, 3, (int[]){r, net_constant(&n, NET_DIMS(2, 6, 1, 4)), x});
    net_want(&n, c);
    net_want(&n, net_concat(&n, 0, 2, (int[]){c, c}));
    net_want(&n, net_softmax_of(&n, r, 2));
    net_want(&n, net_mean(&n, false, r));
    check_all(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poolings), cmocka_unit_test(products), cmocka_unit_test(large_product),
        cmocka_unit_test(gemms),    cmocka_unit_test(resizes),  cmocka_unit_test(moves),
    };
    return cmocka_run_group_tests(tests, open_engines, close_engines);
}
