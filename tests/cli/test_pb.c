/* ONNX tensors in .pb files: the three ways of storing values, and what is refused. */
#include "capture.h"

#include <stdlib.h>

#include "cli/file.h"
#include "cli/pb.h"

/* Protocol buffers by hand: field number and wire type, then the value. */
typedef struct writer {
    unsigned char bytes[512];
    size_t n;
} writer;

static void put_varint(writer *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        w->bytes[w->n++] = (unsigned char)(value | 0x80);
    w->bytes[w->n++] = (unsigned char)value;
}

static void put_int(writer *w, int field, uint64_t value)
{
    put_varint(w, (uint64_t)field << 3);
    put_varint(w, value);
}

static void put_bytes(writer *w, int field, const void *bytes, size_t n)
{
    put_varint(w, (uint64_t)field << 3 | 2);
    put_varint(w, n);
    memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
}

static void begin(writer *w, mae_dtype dtype)
{
    w->n = 0;
    put_int(w, 1, 1); /* dims */
    put_int(w, 1, 3);
    put_int(w, 2, dtype);
    put_bytes(w, 8, "x", 1);
}

static void parse(const writer *w, cli_tensor *tensor)
{
    assert_int_equal(cli_pb_parse("x.pb", w->bytes, w->n, tensor), 0);
    assert_string_equal(tensor->name, "x");
    assert_int_equal(tensor->shape.rank, 2);
    assert_int_equal(tensor->shape.dims[0], 1);
    assert_int_equal(tensor->shape.dims[1], 3);
}

static void test_raw_data(void **state)
{
    (void)state;
    const float values[3] = {1.5f, -2, 3};
    writer w;
    cli_tensor tensor;
    begin(&w, MAE_F32);
    put_bytes(&w, 9, values, sizeof values);
    parse(&w, &tensor);
    assert_int_equal(tensor.shape.dtype, MAE_F32);
    assert_memory_equal(tensor.data, values, sizeof values);
    cli_tensor_clear(&tensor);
}

static void test_float_data(void **state)
{
    (void)state;
    const float values[3] = {1.5f, -2, 3};
    writer w;
    cli_tensor tensor;
    begin(&w, MAE_F32);
    put_bytes(&w, 4, values, sizeof values);
    parse(&w, &tensor);
    assert_memory_equal(tensor.data, values, sizeof values);
    cli_tensor_clear(&tensor);

    /* Not packed: a record for each value. */
    begin(&w, MAE_F32);
    for (int i = 0; i < 3; i++) {
        put_varint(&w, 4 << 3 | 5);
        memcpy(w.bytes + w.n, &values[i], 4);
        w.n += 4;
    }
    parse(&w, &tensor);
    assert_memory_equal(tensor.data, values, sizeof values);
    cli_tensor_clear(&tensor);
}

static void test_integer_data(void **state)
{
    (void)state;
    const int8_t small[3] = {-1, 2, -3};
    const int64_t large[3] = {-1, 2, INT64_MIN};
    writer w, packed = {.n = 0};
    cli_tensor tensor;
    for (int i = 0; i < 3; i++)
        put_varint(&packed, (uint64_t)(int64_t)small[i]);
    begin(&w, MAE_I8);
    put_bytes(&w, 5, packed.bytes, packed.n);
    parse(&w, &tensor);
    assert_int_equal(tensor.bytes, 3);
    assert_memory_equal(tensor.data, small, sizeof small);
    cli_tensor_clear(&tensor);

    begin(&w, MAE_I64);
    for (int i = 0; i < 3; i++)
        put_int(&w, 7, (uint64_t)large[i]);
    parse(&w, &tensor);
    assert_memory_equal(tensor.data, large, sizeof large);
    cli_tensor_clear(&tensor);
}

static void test_scalar_and_empty(void **state)
{
    (void)state;
    writer w = {.n = 0};
    cli_tensor tensor;
    put_int(&w, 2, MAE_F64);
    put_bytes(&w, 9, "\0\0\0\0\0\0\xf0\x3f", 8);
    assert_int_equal(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 0);
    assert_int_equal(tensor.shape.rank, 0);
    assert_null(tensor.name);
    assert_true(*(double *)tensor.data == 1.0);
    cli_tensor_clear(&tensor);

    w.n = 0;
    put_int(&w, 1, 0);
    put_int(&w, 2, MAE_F32);
    assert_int_equal(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 0);
    assert_int_equal(tensor.bytes, 0);
    assert_non_null(tensor.data);
    cli_tensor_clear(&tensor);
}

static void test_refuses(void **state)
{
    (void)state;
    writer w;
    cli_tensor tensor;
    begin(&w, MAE_F32);
    put_bytes(&w, 9, "1234", 4);
    assert_fails(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 3, "holds 4 bytes of data, not those of f32 [1, 3]");
    begin(&w, MAE_STRING);
    put_bytes(&w, 6, "text", 4);
    assert_fails(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 3, "strings");
    begin(&w, MAE_F32);
    put_bytes(&w, 13, "", 0);
    assert_fails(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 3, "external data");
    w.n = 0;
    put_int(&w, 1, (uint64_t)-1);
    assert_fails(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 3, "negative");
    w.n = 0;
    put_int(&w, 1, INT64_MAX);
    put_int(&w, 1, INT64_MAX);
    put_int(&w, 2, MAE_F32);
    assert_fails(cli_pb_parse("x.pb", w.bytes, w.n, &tensor), 3, "not an ONNX tensor");
    assert_fails(cli_pb_parse("x.pb", "<html>", 6, &tensor), 3, "x.pb: not an ONNX tensor");
    assert_fails(cli_pb_parse("x.pb", "", 0, &tensor), 3, "x.pb: not an ONNX tensor");
}

/* Every prefix ends cleanly; only those that end between records can be whole. */
static void test_survives_every_cut(void **state)
{
    (void)state;
    const float values[3] = {1, 2, 3};
    writer w;
    begin(&w, MAE_F32);
    put_bytes(&w, 9, values, sizeof values);
    for (size_t cut = 0; cut < w.n; cut++) {
        cli_tensor tensor;
        unsigned char *exact = malloc(cut ? cut : 1);
        memcpy(exact, w.bytes, cut);
        assert_fails(cli_pb_parse("x.pb", exact, cut, &tensor), 3, "x.pb: ");
        free(exact);
    }
}

/* Every byte changed to every value: an answer, never a crash. */
static void test_survives_every_change(void **state)
{
    (void)state;
    const int32_t values[3] = {1, 2, 3};
    writer w;
    begin(&w, MAE_I32);
    put_bytes(&w, 5, "\x01\x02\x03", 3);
    size_t understood = 0;
    capture c = capture_begin();
    char said[64];
    for (size_t at = 0; at < w.n; at++) {
        unsigned char kept = w.bytes[at];
        for (int value = 0; value < 256; value++) {
            cli_tensor tensor;
            w.bytes[at] = (unsigned char)value;
            if (cli_pb_parse("x.pb", w.bytes, w.n, &tensor) == 0) {
                understood++;
                cli_tensor_clear(&tensor);
            }
        }
        w.bytes[at] = kept;
    }
    capture_end(&c, said, sizeof said);
    assert_true(understood > w.n);
    cli_tensor tensor;
    parse(&w, &tensor);
    assert_memory_equal(tensor.data, values, sizeof values);
    cli_tensor_clear(&tensor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_data),
        cmocka_unit_test(test_float_data),
        cmocka_unit_test(test_integer_data),
        cmocka_unit_test(test_scalar_and_empty),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_survives_every_cut),
        cmocka_unit_test(test_survives_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
