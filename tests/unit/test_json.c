/* base/json: the place of a value in its file; core/graph: types, shapes, borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "core/graph.h"

static const char text[] = "{ \"a\": [1, {\"b\": 2}],\n"
                           "  \"c\\u0064\": {\"x y\": \"}],{\\\"\",\n"
                           "    \"z\": [[], {}, 3]} }";

static void expect_place(const char *path, const char *place)
{
    mae_json *json;
    assert_null(mae_json_parse("f.json", text, strlen(text), &json));
    mae_error *error = mae_json_error(json, path, "bad");
    assert_int_equal(strncmp(mae_error_message(error), place, strlen(place)), 0);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    mae_error_free(error);
    mae_json_destroy(json);
}

static void test_places(void **state)
{
    (void)state;
    expect_place("", "f.json:1:1: bad");
    expect_place("a[0]", "f.json:1:9: a[0]: bad");
    expect_place("a[1].b", "f.json:1:18: ");
    expect_place("cd", "f.json:2:14: ");
    expect_place("cd[\"x y\"]", "f.json:2:22: ");
    expect_place("cd.z[2]", "f.json:3:19: ");
    expect_place("a[7]", "f.json:1:8: "); /* not there: its parent */
    expect_place("cd.nowhere", "f.json:2:14: ");
}

static void test_bad_text(void **state)
{
    (void)state;
    const char *bad[] = {"", "{", "{\"a\":1,\"a\":2}", "[1,]", "{\"a\": nan}", "{\"a\":1} x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mae_json *json;
        mae_error *error = mae_json_parse("f.json", bad[i], strlen(bad[i]), &json);
        assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
        assert_int_equal(strncmp(mae_error_message(error), "f.json:1:", 9), 0);
        mae_error_free(error);
    }
}

static void test_numbers_survive(void **state)
{
    (void)state;
    json_t *value = json_real(0.1 + 0.2);
    char *written;
    assert_null(mae_json_text(value, &written));
    assert_true(strtod(written, NULL) == 0.1 + 0.2);
    free(written);
    json_decref(value);
}

static void test_types(void **state)
{
    (void)state;
    assert_int_equal(mae_dtype_parse("f32"), MAE_F32);
    assert_int_equal(mae_dtype_parse("float"), MAE_DTYPE_NONE);
    assert_int_equal(mae_dtype_size(MAE_I64), 8);
    assert_string_equal(mae_dtype_name(MAE_BF16), "bf16");
    mae_shape shape = {MAE_F32, 3, {1, 3, 224}};
    char buffer[64];
    assert_string_equal(mae_shape_text(&shape, buffer, sizeof buffer), "1x3x224 f32");
    size_t bytes;
    assert_true(mae_shape_bytes(&shape, &bytes) && bytes == 2688);
    shape.dims[0] = INT64_MAX;
    assert_false(mae_shape_bytes(&shape, &bytes));
    shape.dims[0] = -1;
    assert_false(mae_shape_bytes(&shape, &bytes));
}

static void test_elements(void **state)
{
    (void)state;
    /* Values that stand at an odd address, as they may in a model file. */
    unsigned char raw[16] = {0xff};
    mae_tensor tensor = {.data = raw + 1, .is_constant = true, .shape = {.dtype = MAE_F16}};
    const uint16_t halves[] = {0x3c00, 0xc000, 0x7c00, 0x0001};
    memcpy(raw + 1, halves, sizeof halves);
    assert_true(mae_tensor_f64(&tensor, 0) == 1 && mae_tensor_f64(&tensor, 1) == -2);
    assert_true(mae_tensor_f64(&tensor, 2) > 1e300 && mae_tensor_f64(&tensor, 3) == 0x1p-24);
    const int32_t number = -5;
    memcpy(raw + 1, &number, sizeof number);
    tensor.shape.dtype = MAE_I32;
    assert_true(mae_tensor_i64(&tensor, 0) == -5 && mae_tensor_f64(&tensor, 0) == -5);
}

/* in -> l0 -> t1 -> l1 -> t2, t1 also -> l2 with t2 -> t3 (output); t2 is an output too. */
static void test_borders(void **state)
{
    (void)state;
    mae_tensor tensors[] = {
        {.name = "in", .is_input = true, .producer_layer = -1},
        {.name = "t1", .producer_layer = 0},
        {.name = "t2", .producer_layer = 1, .is_output = true},
        {.name = "t3", .producer_layer = 2, .is_output = true},
    };
    int in0[] = {0}, out0[] = {1}, in1[] = {1}, out1[] = {2}, in2[] = {1, 2}, out2[] = {3};
    mae_layer layers[] = {
        {.name = "l0", .n_inputs = 1, .inputs = in0, .n_outputs = 1, .outputs = out0},
        {.name = "l1", .n_inputs = 1, .inputs = in1, .n_outputs = 1, .outputs = out1},
        {.name = "l2", .n_inputs = 2, .inputs = in2, .n_outputs = 1, .outputs = out2},
    };
    mae_graph graph = {.n_tensors = 4, .tensors = tensors, .n_layers = 3, .layers = layers};
    mae_arena *arena = mae_arena_create();
    mae_segment segment;
    assert_null(mae_segment_make(&graph, 0, 1, arena, &segment));
    assert_int_equal(segment.n_inputs, 1);
    assert_int_equal(segment.n_outputs, 2); /* t1 is used later, t2 is an output */
    assert_null(mae_segment_make(&graph, 1, 2, arena, &segment));
    assert_int_equal(segment.n_inputs, 1); /* t1 once, though two layers read it */
    assert_int_equal(segment.inputs[0], 1);
    assert_int_equal(segment.n_outputs, 2);
    assert_null(mae_segment_make(&graph, 2, 2, arena, &segment));
    assert_int_equal(segment.n_inputs, 2);
    assert_int_equal(segment.n_outputs, 1);
    mae_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places), cmocka_unit_test(test_bad_text), cmocka_unit_test(test_numbers_survive),
        cmocka_unit_test(test_types),  cmocka_unit_test(test_elements), cmocka_unit_test(test_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
