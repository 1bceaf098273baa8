/* What becomes of a graph: folding, fusion into layers, order, dynamic shapes. */
#include "test_import_run.h"

/* "Conv+Relu Add+Clip": the operators of each layer in order. */
static const char *describe(const mae_graph *graph, char *text, size_t size)
{
    size_t used = 0;
    *text = 0;
    for (size_t l = 0; l < graph->n_layers; l++) {
        const mae_layer *layer = &graph->layers[l];
        for (int n = layer->first_node; n < layer->first_node + layer->n_nodes && used < size; n++)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     n > layer->first_node ? "+"
                                     : l                   ? " "
                                                           : "",
                                     graph->nodes[n].op);
    }
    return text;
}

static const mae_onnx_evaluator *engine_or_skip(void)
{
    const mae_onnx_evaluator *engine = find_engine();
    if (!engine)
        skip();
    return engine;
}

static mae_graph *import_or_fail(const char *text)
{
    const mae_onnx_evaluator *engine = engine_or_skip();
    mae_graph *graph = NULL;
    expect_success(import_text(text, engine, &graph));
    check_graph(graph);
    return graph;
}

static void expect_layers(const char *text, const char *layers)
{
    char found[1024];
    mae_graph *graph = import_or_fail(text);
    assert_string_equal(describe(graph, found, sizeof found), layers);
    mae_onnx_graph_destroy(graph);
}

#define CONV "input x 1x4x8x8\nweight w 4x4x3x3\nweight v 4x4x1x1\nweight c 4x1x1\nweight s 4\nweight one 1\noutput y\n"
#define CONV_A "Conv x,w -> a pads=[1,1,1,1]\n"

static void fuses_followers(void **state)
{
    (void)state;
    expect_layers(CONV CONV_A "Relu a -> y\n", "Conv+Relu");
    expect_layers(CONV CONV_A "BatchNormalization a,s,s,s,s -> b\nRelu b -> y\n", "Conv+BatchNormalization+Relu");
    expect_layers(CONV CONV_A "Mul a,c -> b\nAdd c,b -> d\nLeakyRelu d -> y alpha=f:0.1\n", "Conv+Mul+Add+LeakyRelu");
    expect_layers(CONV CONV_A "Clip a,-,- -> y\n", "Conv+Clip");
    expect_layers("input x 5x4\nweight w 4x3\nweight b 3\nMatMul x,w -> a\nAdd a,b -> b2\nTanh b2 -> y\noutput y\n",
                  "MatMul+Add+Tanh");
    expect_layers("input x 2x2\nExp x -> a\nRelu a -> b\nSigmoid b -> y\noutput y\n", "Exp+Relu+Sigmoid");
}

static void leaves_what_is_seen(void **state)
{
    (void)state;
    /* A tensor that is an output, has two readers, or becomes larger ends a layer. */
    expect_layers(CONV CONV_A "Relu a -> y\noutput a\n", "Conv Relu");
    expect_layers(CONV CONV_A "Relu a -> b\nSqrt a -> d\nConcat b,d -> y axis=1\n", "Conv Relu Sqrt Concat");
    expect_layers("input x 4x1\nweight w 1x4\nweight r 1x4x4x4\nMatMul x,w -> a\nAdd a,r -> y\noutput y\n",
                  "MatMul Add");
    expect_layers("input x 4x4\nReshape x,s -> a\nRelu a -> y\nints s 2,8\noutput y\n", "Reshape Relu");
}

static void fuses_residuals(void **state)
{
    (void)state;
    expect_layers(CONV CONV_A "Conv a,w -> b pads=[1,1,1,1]\nAdd a,b -> d\nRelu d -> y\n", "Conv Conv+Add+Relu");
    /* Of two convolutions the later one takes the addition, and only one. */
    expect_layers(CONV CONV_A "Conv x,v -> b\nAdd a,b -> d\nRelu d -> y\n", "Conv Conv+Add+Relu");
    expect_layers(CONV CONV_A "Add a,x -> b\nAdd b,x -> y\n", "Conv+Add Add");
    /* What is broadcast is no residual, nor is a gate by another tensor. */
    expect_layers("input x 1x4x8x8\ninput z 1x4x1x1\nweight w 4x4x1x1\nConv x,w -> a\nAdd a,z -> y\noutput y\n",
                  "Conv Add");
    expect_layers(CONV CONV_A "GlobalAveragePool a -> p\nConv p,v -> q\nSigmoid q -> g\nMul a,g -> y\n",
                  "Conv GlobalAveragePool Conv+Sigmoid Mul");
}

static void fuses_gates(void **state)
{
    (void)state;
    expect_layers(CONV CONV_A "Sigmoid a -> g\nMul a,g -> y\n", "Conv+Sigmoid+Mul");
    expect_layers(CONV CONV_A "HardSigmoid a -> g\nMul g,a -> y\n", "Conv+HardSigmoid+Mul");
    expect_layers(CONV CONV_A "Add a,one -> p\nClip p,-,- -> q\nMul a,q -> r\nDiv r,one -> y\n",
                  "Conv+Add+Clip+Mul+Div");
    expect_layers(CONV CONV_A "Softplus a -> p\nTanh p -> q\nMul a,q -> y\n", "Conv+Softplus+Tanh+Mul");
    expect_layers(CONV CONV_A "Div a,one -> p\nErf p -> q\nAdd q,one -> r\nMul a,r -> t\nMul t,one -> y\n",
                  "Conv+Div+Erf+Add+Mul+Mul");
    /* Half a gate that somebody else reads is none. */
    expect_layers(CONV CONV_A "Sigmoid a -> g\nMul a,g -> y\noutput g\n", "Conv Sigmoid Mul");
}

static void fuses_layer_norms(void **state)
{
    (void)state;
    expect_layers("input x 2x6\nweight t 1\nweight g 6\nReduceMean x -> m axes=[-1]\nSub x,m -> d\nPow d,t -> q\n"
                  "ReduceMean q -> v axes=[-1]\nAdd v,t -> e\nSqrt e -> r\nDiv d,r -> n\nMul n,g -> h\nAdd h,g -> y\n"
                  "output y\n",
                  "ReduceMean+Sub+Pow+ReduceMean+Add+Sqrt+Div+Mul+Add");
}

static void folds_constants(void **state)
{
    (void)state;
    /* The shape arithmetic of exporters disappears; what does nothing, too. */
    expect_layers(
        "input x 2x3x4\nints i0 0\nints m1 -1\nShape x -> s\nGather s,i0 -> n axis=0\nConcat n,m1 -> t axis=0\n"
        "Reshape x,t -> a\nRelu a -> y\noutput y\n",
        "Reshape Relu");
    expect_layers("input x 2x3\nIdentity x -> a\nDropout a -> b\nCast b -> c to=1\nReshape c,s -> d\nRelu d -> y\n"
                  "ints s 2,3\noutput y\n",
                  "Relu");
    expect_layers("input x 2x3\nweight w 2x3\nRelu w -> r\nAdd x,r -> y\noutput y\n", "Add");
    /* Chains to an output and dead ends. */
    expect_layers("input x 2x3\nRelu x -> a\nIdentity a -> y\nTanh x -> unused\noutput y\n", "Relu");
    expect_layers("input x 2x3\nIdentity x -> y\noutput y\n", "Identity");
    expect_layers("input x 2x3\nweight w 2x3\nRelu w -> y\nRelu x -> z\noutput y\noutput z\n", "Relu Relu");
}

static void reads_folded_values(void **state)
{
    (void)state;
    mae_graph *graph = import_or_fail("input x 2x3x4\nShape x -> s\nReshape x,s2 -> a\nints k 2\nMul s,k -> e\n"
                                      "Slice s,k0,k1 -> h\nints k0 0\nints k1 2\nints m -1\nConcat h,m -> s2 axis=0\n"
                                      "Cast e -> f to=1\nReduceSum f -> g keepdims=0\nMul a,g -> y\noutput y\n");
    const mae_node *last = &graph->nodes[graph->n_nodes - 1];
    assert_string_equal(last->op, "Mul");
    const mae_tensor *g = &graph->tensors[last->inputs[1]];
    assert_true(g->is_constant && mae_tensor_f64(g, 0) == 18.0);
    mae_onnx_graph_destroy(graph);
}

static void keeps_names(void **state)
{
    (void)state;
    mae_graph *graph = import_or_fail("input x 2x3\nRelu x -> inner\nIdentity inner -> y\noutput y\n");
    assert_string_equal(graph->layers[0].name, "inner"); /* as in the file */
    assert_string_equal(graph->tensors[graph->outputs[0]].name, "y");
    mae_onnx_graph_destroy(graph);
}

static void orders_branches_together(void **state)
{
    (void)state;
    expect_layers("input x 2x4\nRelu x -> r\nTranspose r -> a1\nFlatten r -> b1\nTile a1,t -> a2\nTile b1,t -> b2\n"
                  "ReduceMax a2 -> a3 axes=[0]\nSoftmax b2 -> b3\nAdd a4,b4 -> y\nSin a3 -> a4\nReduceMin b3 -> b4 "
                  "axes=[0,1]\nints t 2,2\noutput y\n",
                  "Relu Transpose Tile ReduceMax Sin Tile Softmax ReduceMin Add");
}

static void keeps_dynamic_shapes_inside(void **state)
{
    (void)state;
    char text[512];
    mae_graph *graph = import_or_fail("input x 4x4\nRelu x -> a\nNonZero a -> n\nTranspose n -> t\nCast t -> f to=1\n"
                                      "ReduceMax f -> m axes=[0] keepdims=1\nAdd a,a -> b\noutput m\noutput b\n");
    assert_string_equal(describe(graph, text, sizeof text), "Relu NonZero+Transpose+Cast+ReduceMax Add");
    assert_int_equal(graph->layers[1].kind, MAE_KIND_CONTROL);
    assert_false(graph->tensors[graph->outputs[0]].is_static);
    mae_onnx_graph_destroy(graph);
    /* A shape that is computed from an input's values. */
    graph = import_or_fail("input x 4x4\ninput:7 s 2\nExpand x,s -> e\nRelu e -> y\noutput y\n");
    assert_int_equal(graph->n_layers, 1);
    mae_onnx_graph_destroy(graph);
}

static void counts_arithmetic(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mae_kind kind;
        double flops, bytes;
    } cases[] = {
        {CONV "Conv x,w -> y pads=[1,1,1,1]\n", MAE_KIND_CONV3X3, 2.0 * 4 * 64 * 36, 4.0 * (256 + 144 + 256)},
        {CONV "Conv x,v -> y\n", MAE_KIND_CONV1X1, 2.0 * 4 * 64 * 4, 4.0 * (256 + 16 + 256)},
        {"input x 1x4x8x8\nweight w 4x1x3x3\nConv x,w -> y group=4\noutput y\n", MAE_KIND_DEPTHWISE, 2.0 * 4 * 36 * 9,
         4.0 * (256 + 36 + 144)},
        {"input x 1x4x8x8\nweight w 4x2x2x2\nConvTranspose x,w -> y strides=[2,2]\noutput y\n", MAE_KIND_DECONV,
         2.0 * 256 * 8, 4.0 * (256 + 32 + 512)},
        {"input x 5x4\nweight w 3x4\nGemm x,w -> y transB=1\noutput y\n", MAE_KIND_GEMM, 2.0 * 5 * 4 * 3,
         4.0 * (20 + 12 + 15)},
        {"input x 1x4x8x8\nMaxPool x -> y kernel_shape=[2,2] strides=[2,2]\noutput y\n", MAE_KIND_POOL, 64 * 4,
         4.0 * (256 + 64)},
        {"input x 2x8\nRelu x -> y\noutput y\n", MAE_KIND_ELTWISE, 16, 4.0 * 32},
        {"input x 2x8\nTranspose x -> y\noutput y\n", MAE_KIND_MOVE, 0, 4.0 * 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_graph *graph = import_or_fail(cases[i].text);
        assert_int_equal(graph->n_layers, 1);
        assert_int_equal(graph->layers[0].kind, cases[i].kind);
        assert_true(graph->layers[0].flops == cases[i].flops);
        assert_true(graph->layers[0].bytes == cases[i].bytes);
        mae_onnx_graph_destroy(graph);
    }
}

static void fixes_dynamic_inputs(void **state)
{
    (void)state;
    const mae_onnx_evaluator *engine = engine_or_skip();
    const int64_t dims[] = {2, 6}, wrong[] = {2, 6, 1};
    const mae_onnx_shape good = {"x", 2, dims}, bad_rank = {"x", 3, wrong}, bad_name = {"z", 2, dims};
    const char text[] = "input x ?x?\nRelu x -> y\noutput y\n";
    const mae_onnx_shape *cases[] = {&good, &bad_rank, &bad_name};
    for (size_t i = 0; i < 3; i++) {
        bytes model = model_bytes(text);
        mae_graph *graph = NULL;
        mae_error *error = mae_onnx_import_bytes("test.onnx", model.at, model.n, cases[i], 1, engine, &graph);
        if (i) {
            expect_error(error, MAE_ERR_USAGE, "--shape");
            continue;
        }
        expect_success(error);
        assert_int_equal(graph->tensors[graph->inputs[0]].shape.dims[1], 6);
        mae_onnx_graph_destroy(graph);
    }
    mae_graph *batch = import_or_fail("input x ?x3\nRelu x -> y\noutput y\n");
    assert_int_equal(batch->tensors[batch->inputs[0]].shape.dims[0], 1);
    mae_onnx_graph_destroy(batch);
}

/* A model that calls a function of its own twice: y = LeakyRelu(x + x), its slope an attribute of the call. */
static bytes model_with_function(const char *inner_op)
{
    bytes function = {0}, graph = {0}, opset = {0}, model = {0}, leaky = {0}, slope = {0};
    char call1[] = "Twice x -> a slope=f:0.5", call2[] = "Twice a -> y";
    bytes sum = {0};
    put_text(&function, 1, "Twice");
    put_text(&function, 4, "in");
    put_text(&function, 5, "out");
    put_text(&function, 6, "slope");
    put_text(&sum, 1, "in");
    put_text(&sum, 1, "in");
    put_text(&sum, 2, "sum");
    put_text(&sum, 4, "Add");
    put_message(&function, 7, &sum);
    put_text(&slope, 1, "alpha");
    put_text(&slope, 21, "slope");
    put_int(&slope, 20, 1);
    put_text(&leaky, 1, "sum");
    put_text(&leaky, 2, "out");
    put_text(&leaky, 4, inner_op);
    put_message(&leaky, 5, &slope);
    put_message(&function, 7, &leaky);
    put_value_info(&graph, 11, "x", MAE_F32, "2x3");
    put_value_info(&graph, 12, "y", 0, NULL);
    put_node(&graph, call1);
    put_node(&graph, call2);
    put_int(&model, 1, 8);
    put_message(&model, 7, &graph);
    put_int(&opset, 2, 13);
    put_message(&model, 8, &opset);
    put_message(&model, 25, &function);
    return model;
}

static void unfolds_functions(void **state)
{
    (void)state;
    char text[256];
    mae_graph *graph = NULL;
    bytes model = model_with_function("LeakyRelu");
    const mae_onnx_evaluator *engine = find_engine();
    expect_success(
        mae_onnx_import_bytes("test.onnx", model.at, model.n, NULL, 0, engine ? engine : &small_engine, &graph));
    check_graph(graph);
    assert_string_equal(describe(graph, text, sizeof text), "Add+LeakyRelu Add+LeakyRelu");
    assert_true(mae_node_float(&graph->nodes[1], "alpha", 0) == 0.5f);
    assert_true(mae_node_float(&graph->nodes[3], "alpha", 0.01f) == 0.01f); /* not given: the operator's default */
    mae_onnx_graph_destroy(graph);
    model = model_with_function("Twice");
    expect_error(mae_onnx_import_bytes("test.onnx", model.at, model.n, NULL, 0, &small_engine, &graph), MAE_ERR_INPUT,
                 "functions");
}

/* if any(x): y = r + k, else y = tanh(r), where r = relu(x) and k = relu(w) is folded. */
static bytes model_with_if(void)
{
    bytes graph = {0}, node = {0}, opset = {0}, model = {0};
    char lines[][64] = {"Relu x -> r", "Relu w -> k", "ReduceMax x -> m keepdims=0", "Cast m -> c to=9"};
    for (size_t i = 0; i < 4; i++)
        put_node(&graph, lines[i]);
    put_text(&node, 1, "c");
    put_text(&node, 2, "y");
    put_text(&node, 4, "If");
    for (int branch = 0; branch < 2; branch++) {
        bytes body = {0}, attribute = {0};
        char then_line[] = "Add r,k -> t", else_line[] = "Tanh r -> t";
        put_node(&body, branch ? else_line : then_line);
        put_text(&body, 2, "body");
        put_value_info(&body, 12, "t", MAE_F32, "2x2");
        put_text(&attribute, 1, branch ? "else_branch" : "then_branch");
        put_int(&attribute, 20, 5);
        put_message(&attribute, 6, &body);
        put_message(&node, 5, &attribute);
    }
    put_message(&graph, 1, &node);
    put_text(&graph, 2, "test");
    put_weight(&graph, "w", "2x2");
    put_value_info(&graph, 11, "x", MAE_F32, "2x2");
    put_value_info(&graph, 12, "y", MAE_F32, "2x2");
    put_int(&model, 1, 8);
    put_message(&model, 7, &graph);
    put_text(&opset, 1, "");
    put_int(&opset, 2, 13);
    put_message(&model, 8, &opset);
    return model;
}

static void keeps_subgraphs(void **state)
{
    (void)state;
    char text[256];
    const mae_onnx_evaluator *engine = engine_or_skip();
    bytes model = model_with_if();
    mae_graph *graph = NULL;
    expect_success(mae_onnx_import_bytes("test.onnx", model.at, model.n, NULL, 0, engine, &graph));
    check_graph(graph);
    assert_string_equal(describe(graph, text, sizeof text), "Relu ReduceMax Cast If");
    const mae_node *node = &graph->nodes[graph->n_nodes - 1];
    assert_int_equal(node->n_inputs, 1);
    assert_int_equal(node->n_captures, 2);
    assert_true(graph->tensors[node->inputs[2]].is_constant);
    /* The condition crosses a layer border, and both branches find what they read. */
    for (int round = 0; round < 2; round++) {
        values v = {.graph = graph, .at = calloc(graph->n_tensors + 1, sizeof *v.at)};
        float *x = malloc(4 * sizeof *x);
        for (size_t i = 0; i < 4; i++)
            x[i] = round ? 0.0f : 2.0f;
        v.at[graph->inputs[0]] = (mae_onnx_value){"x", graph->tensors[graph->inputs[0]].shape, x, 4 * sizeof *x};
        for (int l = 0; l < (int)graph->n_layers; l++)
            expect_success(run_segment(&v, l, l, engine));
        const float *y = v.at[graph->outputs[0]].data;
        assert_true(y[0] == (round ? 0.0f : 2.5f)); /* the first weight is 0.5 */
        values_free(&v);
    }
    mae_onnx_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fuses_followers),          cmocka_unit_test(leaves_what_is_seen),
        cmocka_unit_test(fuses_residuals),          cmocka_unit_test(fuses_gates),
        cmocka_unit_test(fuses_layer_norms),        cmocka_unit_test(folds_constants),
        cmocka_unit_test(reads_folded_values),      cmocka_unit_test(keeps_names),
        cmocka_unit_test(orders_branches_together), cmocka_unit_test(keeps_dynamic_shapes_inside),
        cmocka_unit_test(counts_arithmetic),        cmocka_unit_test(fixes_dynamic_inputs),
        cmocka_unit_test(unfolds_functions),        cmocka_unit_test(keeps_subgraphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
