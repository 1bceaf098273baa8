/* Reading: what is wrong with a file is found, named, and survived. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/stats.h"
#include "test_onnx_support.h"

static const char small_model[] = "input x 1x3x8x8\n"
                                  "weight w 4x3x3x3\n"
                                  "weight b 4\n"
                                  "ints s 1,-1\n"
                                  "Conv x,w,b -> a pads=[1,1,1,1]\n"
                                  "Sigmoid a -> g\n"
                                  "Mul a,g -> m\n"
                                  "Reshape m,s -> r\n"
                                  "Softmax r -> y axis=1\n"
                                  "output y\n";

/* Imports bytes (copied) on the small engine; frees what comes out. Returns the error's code. */
static mae_code import_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    mae_graph *graph = NULL;
    mae_error *error = mae_onnx_import_bytes("test.onnx", copy, size, NULL, 0, &small_engine, &graph);
    mae_code code = mae_error_code(error);
    if (error) {
        assert_null(strchr(mae_error_message(error), '\n'));
        assert_non_null(strstr(mae_error_message(error), "test.onnx"));
        mae_error_free(error);
    } else {
        check_graph(graph);
        mae_onnx_graph_destroy(graph);
    }
    return code;
}

static void reads_a_small_model(void **state)
{
    (void)state;
    mae_graph *graph = NULL;
    expect_success(import_text(small_model, &small_engine, &graph));
    check_graph(graph);
    assert_string_equal(graph->name, "test");
    assert_int_equal(strlen(graph->sha256), 64);
    mae_onnx_graph_destroy(graph);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    bytes model = model_bytes(small_model);
    for (size_t n = 0; n < model.n; n += n < 200 ? 1 : 97)
        assert_int_not_equal(import_copy(model.at, n), MAE_OK);
    assert_int_equal(import_copy(model.at, model.n), MAE_OK);
    free(model.at);
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    bytes model = model_bytes(small_model);
    mae_rng rng = {1};
    size_t refused = 0;
    for (int round = 0; round < 4000; round++) {
        uint8_t *copy = malloc(model.n);
        assert_non_null(copy);
        memcpy(copy, model.at, model.n);
        for (int flips = 1 + (int)(mae_rng_next(&rng) % 4); flips; flips--)
            copy[mae_rng_next(&rng) % model.n] ^= (uint8_t)(1u << mae_rng_next(&rng) % 8);
        refused += import_copy(copy, model.n) != MAE_OK;
        free(copy);
    }
    assert_true(refused > 100);
    free(model.at);
}

static void refuses_what_is_not_onnx(void **state)
{
    (void)state;
    const char *texts[] = {"", "hello, this is not a model at all\n", "{\"format\": \"mae-profile\"}",
                           "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(import_copy((const uint8_t *)texts[i], strlen(texts[i])), MAE_ERR_INPUT);
    mae_graph *graph = NULL;
    expect_error(mae_onnx_import("/nonexistent/m.onnx", NULL, 0, &small_engine, &graph), MAE_ERR_INPUT,
                 "/nonexistent/m.onnx");
}

static void names_the_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
        mae_code code;
    } cases[] = {
        {"input x 2x2\nAdd x,b -> a\nAdd a,x -> b\noutput b\n", "depends on its own output", MAE_ERR_INPUT},
        {"input x 2x2\nRelu x -> a\nTanh x -> a\noutput a\n", "\"a\" is defined twice", MAE_ERR_INPUT},
        {"input x 2x2\nweight w 2x2\nweight w 2x2\nAdd x,w -> y\noutput y\n", "\"w\" is defined twice", MAE_ERR_INPUT},
        {"input x 2x2\nRelu nowhere -> y\noutput y\n", "\"nowhere\", which nothing defines", MAE_ERR_INPUT},
        {"input x 2x2\nRelu x -> y\noutput z\n", "\"z\" is not produced", MAE_ERR_INPUT},
        {"input x 2x2\nRelu x -> y\n", "no outputs", MAE_ERR_INPUT},
        {"input x 2x2\noutput x\n", "no nodes", MAE_ERR_INPUT},
        {"input x 2x2\nweight w 2x2\nRelu w -> a\nAdd a,w -> b\nRelu x -> y\noutput y\noutput y\n", "listed twice",
         MAE_ERR_INPUT},
        {"input x 2x?x4\nRelu x -> y\noutput y\n", "--shape x=2,?,4", MAE_ERR_USAGE},
        {"input:21 x 2x2\nRelu x -> y\noutput y\n", "ONNX type 21", MAE_ERR_UNSUPPORTED},
        {"input x 1x1x1x1x1x1x1x1x1\nRelu x -> y\noutput y\n", "9 dimensions", MAE_ERR_UNSUPPORTED},
        {"input x 9223372036854775807x9223372036854775807\nRelu x -> y\noutput y\n", "impossible", MAE_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_graph *graph = NULL;
        expect_error(import_text(cases[i].text, &small_engine, &graph), cases[i].code, cases[i].part);
    }
}

static void sorts_what_is_unsorted(void **state)
{
    (void)state;
    mae_graph *graph = NULL;
    expect_success(import_text("input x 2x2\nConcat b,c -> y axis=0\nFlatten a -> b\nTranspose a -> c\nTile x,t -> a\n"
                               "ints t 1,1\noutput y\n",
                               &small_engine, &graph));
    check_graph(graph);
    assert_string_equal(graph->layers[0].op, "Tile");
    assert_string_equal(graph->layers[graph->n_layers - 1].op, "Concat");
    mae_onnx_graph_destroy(graph);
}

/* A model whose only initializer is described by the caller. */
static mae_error *import_tensor(bytes *tensor)
{
    bytes graph = {0}, opset = {0}, model = {0};
    char line[] = "Add x,w -> y";
    put_value_info(&graph, 11, "x", MAE_F32, "2x2");
    put_value_info(&graph, 12, "y", 0, NULL);
    put_node(&graph, line);
    put_text(tensor, 8, "w");
    put_message(&graph, 5, tensor);
    put_int(&model, 1, 8);
    put_message(&model, 7, &graph);
    put_int(&opset, 2, 13);
    put_message(&model, 8, &opset);
    mae_graph *result = NULL;
    mae_error *error = mae_onnx_import_bytes("test.onnx", model.at, model.n, NULL, 0, &small_engine, &result);
    mae_onnx_graph_destroy(error ? NULL : result);
    return error;
}

static void checks_sizes_of_weights(void **state)
{
    (void)state;
    static const struct {
        int64_t dims[2];
        int dtype;
        size_t raw;
        const char *part; /* NULL: right */
    } cases[] = {
        {{2, 2}, MAE_F32, 16, NULL},
        {{2, 2}, MAE_F32, 15, "\"w\": 15 bytes of values where the shape has 16"},
        {{2, 2}, MAE_F32, 17, "17 bytes"},
        {{2, 2}, MAE_F32, 0, "0 values"},
        {{-1, 2}, MAE_F32, 16, "impossible dimensions"},
        {{INT64_MAX, INT64_MAX}, MAE_F32, 16, "impossible dimensions"},
        {{INT64_MAX / 4, 2}, MAE_F32, 16, "impossible dimensions"},
        {{2, 2}, 99, 16, "ONNX type 99"},
        {{2, 2}, 0, 16, "ONNX type 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const uint8_t raw[32];
        bytes tensor = {0};
        put_int(&tensor, 1, cases[i].dims[0]);
        put_int(&tensor, 1, cases[i].dims[1]);
        put_int(&tensor, 2, cases[i].dtype);
        put_data(&tensor, 9, raw, cases[i].raw);
        mae_error *error = import_tensor(&tensor);
        if (cases[i].part)
            expect_error(error, mae_error_code(error), cases[i].part);
        else
            expect_success(error);
    }
}

static void refuses_deep_nesting(void **state)
{
    (void)state;
    bytes inner = {0};
    put_text(&inner, 3, "If");
    for (int depth = 0; depth < 2000; depth++) { /* a node in a graph in an attribute in a node ... */
        bytes body = {0}, attribute = {0}, node = {0};
        put_message(&body, 1, &inner);
        put_message(&attribute, 6, &body);
        put_message(&node, 5, &attribute);
        inner = node;
    }
    bytes graph = {0}, model = {0};
    put_message(&graph, 1, &inner);
    put_int(&model, 1, 8);
    put_message(&model, 7, &graph);
    mae_graph *result = NULL;
    expect_error(mae_onnx_import_bytes("test.onnx", model.at, model.n, NULL, 0, &small_engine, &result), MAE_ERR_INPUT,
                 "nested too deeply");
}

/* ---- external data ---- */

static char folder[64];

static void write_file(const char *name, const void *data, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void put_entry(bytes *tensor, const char *key, const char *value)
{
    bytes entry = {0};
    put_text(&entry, 1, key);
    put_text(&entry, 2, value);
    put_message(tensor, 13, &entry);
}

static mae_error *import_external(const char *location, const char *offset, const char *length, float *ret_first)
{
    bytes graph = {0}, opset = {0}, model = {0}, tensor = {0};
    char line[] = "Add x,w -> y", path[128];
    put_int(&tensor, 1, 4);
    put_int(&tensor, 2, MAE_F32);
    put_text(&tensor, 8, "w");
    put_int(&tensor, 14, 1);
    put_entry(&tensor, "location", location);
    if (offset)
        put_entry(&tensor, "offset", offset);
    if (length)
        put_entry(&tensor, "length", length);
    put_message(&graph, 5, &tensor);
    put_node(&graph, line);
    put_value_info(&graph, 11, "x", MAE_F32, "4");
    put_value_info(&graph, 12, "y", 0, NULL);
    put_int(&model, 1, 8);
    put_message(&model, 7, &graph);
    put_int(&opset, 2, 13);
    put_message(&model, 8, &opset);
    write_file("model.onnx", model.at, model.n);
    free(model.at);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    mae_graph *result = NULL;
    mae_error *error = mae_onnx_import(path, NULL, 0, &small_engine, &result);
    if (error)
        return error;
    for (size_t i = 0; i < result->n_tensors; i++)
        if (result->tensors[i].is_constant)
            *ret_first = (float)mae_tensor_f64(&result->tensors[i], 0);
    mae_onnx_graph_destroy(result);
    return NULL;
}

static void reads_external_data(void **state)
{
    (void)state;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    float first = 0;
    write_file("w.bin", values, sizeof values);
    expect_success(import_external("w.bin", NULL, NULL, &first));
    assert_true(first == 1.0f);
    expect_success(import_external("w.bin", "8", "16", &first));
    assert_true(first == 3.0f);
    expect_success(import_external("./w.bin", "4", NULL, &first));
    assert_true(first == 2.0f);
}

static void refuses_external_data(void **state)
{
    (void)state;
    static const struct {
        const char *location, *offset, *length, *part;
    } cases[] = {
        {"w.bin", "12", NULL, "do not lie within"},
        {"w.bin", "18446744073709551615", NULL, "do not lie within"},
        {"w.bin", "99999999999999999999999", NULL, "not a number"},
        {"w.bin", "-4", NULL, "not a number"},
        {"w.bin", "0", "12", "12 bytes where the shape has 16"},
        {"absent.bin", NULL, NULL, "absent.bin"},
        {"", NULL, NULL, "without a location"},
        {"../w.bin", NULL, NULL, "outside the model's folder"},
        {"sub/../../w.bin", NULL, NULL, "outside the model's folder"},
        {"/etc/passwd", NULL, NULL, "outside the model's folder"},
        {"link.bin", NULL, NULL, "outside the model's folder"},
        {"sub/etc/passwd", NULL, NULL, "outside the model's folder"},
        {"pipe", NULL, NULL, "not a regular file"},
        {"sub", NULL, NULL, "sub"},
    };
    char path[128];
    snprintf(path, sizeof path, "%s/link.bin", folder);
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/sub", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/sub/etc", folder);
    unlink(path);
    assert_int_equal(symlink("/etc", path), 0);
    snprintf(path, sizeof path, "%s/pipe", folder); /* nobody waits for who might write into it */
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float first;
        expect_error(import_external(cases[i].location, cases[i].offset, cases[i].length, &first), MAE_ERR_INPUT,
                     cases[i].part);
    }
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/mae-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];
    const char *names[] = {"model.onnx", "w.bin", "link.bin", "sub/etc", "pipe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/sub", folder);
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_small_model),     cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_flipped_bytes),  cmocka_unit_test(refuses_what_is_not_onnx),
        cmocka_unit_test(names_the_fault),         cmocka_unit_test(sorts_what_is_unsorted),
        cmocka_unit_test(checks_sizes_of_weights), cmocka_unit_test(refuses_deep_nesting),
        cmocka_unit_test(reads_external_data),     cmocka_unit_test(refuses_external_data),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
