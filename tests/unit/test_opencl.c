/* The OpenCL backend against a plain interpreter, on small networks chosen to be difficult. */
#include "opencl_engine.h"

static void convolutions(void **state)
{
    static const struct {
        int64_t x[5];
        int rank;
        net_conv c;
    } cases[] = {
        {{1, 3, 9, 9}, 4, {8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true, false}},
        {{2, 5, 7, 6}, 4, {7, {3, 2}, {2, 1}, {1, 1}, {0, 1, 2, 0}, 1, true, false}}, /* padded unevenly */
        {{1, 1, 1, 1}, 4, {1, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, false, false}},
        {{1, 16, 8, 8}, 4, {24, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, true, false}},
        {{3, 6, 5, 4}, 4, {9, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, true, false}}, /* a product as it is */
        {{1, 4, 3, 3}, 4, {4, {1, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true, false}}, /* windows of padding alone */
        {{2, 13, 5, 5}, 4, {13, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 13, true, false}},
        {{1, 8, 10, 10}, 4, {8, {3, 3}, {2, 2}, {1, 1}, {1, 0, 1, 2}, 8, false, false}},
        {{1, 12, 6, 6}, 4, {8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 4, true, false}},
        {{2, 32, 5, 6}, 4, {64, {3, 3}, {1, 2}, {1, 1}, {1, 1, 1, 1}, 2, true, false}}, /* a product for each group */
        {{1, 32, 5, 6}, 4, {32, {3, 2}, {1, 1}, {1, 1}, {0, 1, 2, 0}, 2, false, false}},
        {{1, 6, 6, 6}, 4, {12, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 6, true, false}},
        {{1, 4, 12, 12}, 4, {6, {3, 3}, {1, 1}, {3, 2}, {3, 2, 3, 2}, 1, true, false}},
        {{1, 4, 12, 12}, 4, {4, {3, 3}, {2, 1}, {3, 2}, {3, 2, 1, 0}, 4, true, false}},
        {{1, 3, 8, 8}, 4, {4, {3, 3}, {3, 3}, {1, 1}, {0, 0, 0, 0}, 1, true, false}},
        {{1, 4, 17}, 3, {9, {5}, {2}, {1}, {2, 2}, 1, true, false}},
        {{2, 4, 17}, 3, {4, {5}, {2}, {2}, {2, 3}, 4, true, false}},
        {{1, 3, 4, 5, 6}, 5, {5, {2, 3, 3}, {1, 1, 2}, {1, 1, 1}, {0, 1, 1, 1, 1, 1}, 1, true, false}},
        {{1, 6, 7, 7}, 4, {10, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true, true}},
        {{1, 6, 7, 7}, 4, {10, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 2, false, true}},
        {{1, 20, 17, 19}, 4, {33, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true, false}},
    };
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n;
        net_begin(&n, i);
        n.graph.name = mae_arena_printf(n.arena, "convolution %zu", i);
        net_want(&n, net_add_conv(&n, net_input(&n, cases[i].rank, cases[i].x), &cases[i].c));
        check_all(&n);
    }
}

/* What a convolution takes in: constants per channel, a function; and what it must not. */
static int follow(net *n, int which, int y)
{
    int64_t c = n->tensors[y].shape.dims[1];
    int s;
    switch (which) {
    case 0:
        return net_unary(n, "Relu", true, net_batch_norm_of(n, true, y));
    case 1: /* read twice */
        return net_binary(n, "Mul", true, y, net_unary(n, "Sigmoid", true, y));
    case 2:
        s = net_binary(n, "Mul", true, net_constant(n, NET_DIMS(1, c, 1, 1)), y);
        return net_unary(n, "HardSigmoid", true, net_binary(n, "Sub", true, net_scalar(n, 0.3f), s));
    case 3: /* not per channel */
        return net_binary(n, "Add", true, y, net_constant(n, NET_DIMS(n->tensors[y].shape.dims[3])));
    case 4: /* a function, then constants */
        s = net_binary(n, "Mul", true, net_unary(n, "Relu", true, y), net_constant(n, NET_DIMS(c, 1, 1)));
        return net_batch_norm_of(n, true, s);
    case 5:
        s = net_node(n, "Clip", true, 3, (int[]){y, net_scalar(n, -0.5f), net_scalar(n, 1)});
        return net_output_of(n, s, 4, n->tensors[y].shape.dims);
    case 6: /* the normalized tensor is wanted itself */
        s = net_batch_norm_of(n, true, y);
        net_want(n, s);
        return net_unary(n, "Tanh", true, s);
    default: /* what lies between is */
        net_want(n, y);
        return net_unary(n, "LeakyRelu", true, net_batch_norm_of(n, true, y));
    }
}

static void followers(void **state)
{
    (void)state;
    NEED_ENGINE();
    for (int which = 0; which <= 7; which++)
        for (int groups = 1; groups <= 6; groups += 5) {
            net n;
            net_begin(&n, (uint64_t)which);
            n.graph.name = mae_arena_printf(n.arena, "follower %d of %d groups", which, groups);
            int x = net_simple_conv(&n, net_input(&n, NET_DIMS(2, 6, 6, 5)), 6, 1, 1, 1);
            int y = follow(&n, which, net_simple_conv(&n, x, 6, 3, 1, groups));
            net_want(&n, net_binary(&n, "Add", false, y, x));
            check_all(&n);
        }
}

static void functions(void **state)
{
    static const char *const ops[] = {"Relu", "LeakyRelu", "Sigmoid", "Tanh",     "HardSigmoid", "HardSwish",
                                      "Elu",  "Exp",       "Abs",     "Softplus", "Neg",         "Erf"};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        net n;
        net_begin(&n, i);
        n.graph.name = ops[i];
        int x = net_input(&n, NET_DIMS(3, 47)); /* no multiple of a group of work-items */
        n.values[x][0] = 80;
        n.values[x][1] = -80;
        n.values[x][2] = 0;
        n.values[x][3] = 1e-40f;
        int y = net_unary(&n, ops[i], false, x);
        if (!strcmp(ops[i], "Exp")) /* not beyond what is finite */
            n.values[x][0] = 8;
        net_want(&n, y);
        check_all(&n);
    }
}

static void broadcasts(void **state)
{
    static const struct {
        int rank_a, rank_b;
        int64_t a[6], b[6];
    } cases[] = {
        {4, 4, {2, 12, 5, 4}, {2, 12, 5, 4}},
        {4, 4, {2, 12, 5, 4}, {2, 12, 1, 1}},
        {4, 3, {2, 12, 5, 4}, {12, 1, 1}},
        {4, 1, {2, 12, 5, 4}, {4}},
        {4, 4, {2, 12, 5, 4}, {1, 1, 5, 4}},
        {4, 4, {2, 1, 5, 1}, {1, 12, 1, 4}},
        {2, 4, {5, 1}, {2, 12, 1, 4}},
        {1, 1, {1}, {1}},
        {6, 6, {2, 3, 2, 3, 2, 3}, {2, 1, 2, 1, 2, 1}},
        {0, 2, {0}, {3, 3}},
        {4, 4, {2, 12, 5, 4}, {1, 12, 5, 1}},
    };
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < 12; k++) { /* either side first; the smaller one constant or not */
            net n;
            net_begin(&n, i);
            n.graph.name = mae_arena_printf(n.arena, "broadcast %zu, %zu", i, k);
            bool swap = k & 1, constant = (k / 2 + i) & 1;
            int a = net_input(&n, cases[i].rank_a, cases[i].a);
            int b = (constant ? net_constant : net_input)(&n, cases[i].rank_b, cases[i].b);
            for (size_t j = 0; j < net_count(&n, b); j++) /* not near 0, where a quotient explodes */
                n.values[b][j] += n.values[b][j] < 0 ? -0.5f : 0.5f;
            if (constant)
                memcpy((void *)n.tensors[b].data, n.values[b], n.tensors[b].bytes);
            for (size_t j = 0; j < net_count(&n, a); j++)
                n.values[a][j] += n.values[a][j] < 0 ? -0.5f : 0.5f;
            int y = net_binary(&n, ops[k / 2], false, swap ? b : a, swap ? a : b);
            net_want(&n, net_unary(&n, "Relu", true, y));
            check_on_one(&n, (int)k);
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
    check_all(&n);
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
    net_want(&n, net_reshape(&n, net_constant(&n, NET_DIMS(6)), NET_DIMS(2, 3)));
    check_all(&n);
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
    net_engine *engine = &engines[n_engines - 1];
    net_begin(&n, 15);
    int x = net_simple_conv(&n, net_input(&n, NET_DIMS(1, 16, 16, 16)), 16, 3, 1, 1);
    net_want(&n, net_simple_conv(&n, net_pool(&n, "MaxPool", x, 2, 2, 0), 8, 1, 1, 1));
    net_make_layers(&n);
    net_ok(mae_segment_make(&n.graph, 0, 2, n.arena, &segment));
    net_ok(engine->pe->ops->compile(engine->pe, &n.graph, &segment, MAE_COMPILE_TIMED, &unit));
    mae_buffer *in = net_buffer_on(&n, engine, segment.inputs[0]);
    mae_buffer *out = net_buffer_on(&n, engine, segment.outputs[0]);
    memset(in->host, 0, in->bytes);
    net_give(engine, in);
    net_ok(engine->pe->ops->bind(unit, &in, &out));
    for (int i = 0; i < 200; i++)
        net_ok(engine->pe->ops->run(unit));
    mae_error *error = engine->pe->ops->layer_ns(unit, 200, &t); /* none would be left */
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    net_ok(engine->pe->ops->layer_ns(unit, 10, &t));
    assert_int_equal(t.runs, 190);
    double sum = t.other_ns + inputs[0] + outputs[0];
    for (int i = 0; i < 3; i++) {
        assert_true(layers[i] > 0);
        sum += layers[i];
    }
    assert_true(fabs(sum - t.total_ns) <= 1e-6 * t.total_ns);
    engine->pe->ops->discard(unit);
    net_release(engine, in);
    net_release(engine, out);
    net_end(&n);
}

static void refuse(net *n, const char *reason)
{
    const char *given = NULL;
    int last = (int)n->graph.n_nodes - 1;
    mae_pe *pe = engines[0].pe;
    net_want(n, n->nodes[last].outputs[0]);
    net_make_layers(n);
    assert_false(pe->ops->supports(pe, &n->graph, n->node_layers[last], &given));
    assert_string_equal(given, reason);
    assert_false(pe->ops->supports(pe, &n->graph, n->node_layers[last], NULL));
    net_end(n);
}

static void says_no(void **state)
{
    (void)state;
    NEED_ENGINE();
    net n;
    net_begin(&n, 17);
    net_unary(&n, "NonZero", false, net_input(&n, NET_DIMS(2, 3)));
    refuse(&n, "an operator that this backend does not have");
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
    net_begin(&n, 17);
    net_pool(&n, "MaxPool", net_input(&n, NET_DIMS(1, 1, 4, 4)), 1, 1, 1);
    refuse(&n, "a window that lies in the padding");
    net_begin(&n, 17);
    int node = net_node(&n, "Clip", false, 2, (int[]){net_input(&n, NET_DIMS(2, 3)), net_input(&n, 0, NULL)});
    net_output_of(&n, node, NET_DIMS(2, 3));
    refuse(&n, "a function whose parameters are not constant");
    net_begin(&n, 17);
    net_unary(&n, "Add", false, net_input(&n, NET_DIMS(2, 3)));
    refuse(&n, "an operator that this backend does not have");
}

/* Options that it does not know, and devices it has not. */
static void options(void **state)
{
    static const mae_option wrong[] = {{"speed", "high"}, {"memory", "much"}, {"device", "no such device"}};
    (void)state;
    NEED_ENGINE();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const mae_pe_config config = {
            .name = "gpu/opencl", .resource = "gpu", .threads = 1, .options = &wrong[i], .n_options = 1};
        mae_pe *pe = NULL;
        mae_error *error = mae_module_backend(engines[0].module)->open(&config, &pe);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        assert_non_null(strstr(mae_error_message(error), i == 0 ? "speed" : wrong[i].value));
        mae_error_free(error);
        assert_null(pe);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),       cmocka_unit_test(followers), cmocka_unit_test(functions),
        cmocka_unit_test(broadcasts),         cmocka_unit_test(borders),   cmocka_unit_test(several_operands),
        cmocka_unit_test(layer_times_add_up), cmocka_unit_test(says_no),   cmocka_unit_test(options),
    };
    return cmocka_run_group_tests(tests, open_engines, close_engines);
}
