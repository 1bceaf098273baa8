/* .npy files: what is written is read back, what NumPy writes is understood, what is broken is refused. */
#include "capture.h"
#include "scratch.h"

#include <stdlib.h>

#include "cli/file.h"
#include "cli/npy.h"

static void assert_same_shape(const mae_shape *a, const mae_shape *b)
{
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rank, b->rank);
    for (int i = 0; i < a->rank; i++)
        assert_int_equal(a->dims[i], b->dims[i]);
}

static void round_trip(const mae_shape *shape)
{
    unsigned char data[1024];
    size_t bytes;
    assert_true(cli_shape_bytes(shape, &bytes));
    assert_true(bytes <= sizeof data);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7);
    assert_int_equal(cli_npy_write(scratch, shape, data), 0);

    void *file;
    size_t size;
    assert_int_equal(cli_file_read(scratch, 1 << 20, &file, &size), 0);
    assert_int_equal((size - bytes) % 64, 0);
    cli_tensor tensor;
    assert_int_equal(cli_npy_parse(scratch, file, size, &tensor), 0);
    free(file);
    assert_same_shape(&tensor.shape, shape);
    assert_int_equal(tensor.bytes, bytes);
    assert_memory_equal(tensor.data, data, bytes);
    cli_tensor_clear(&tensor);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const mae_dtype dtypes[] = {MAE_F32, MAE_F64, MAE_F16, MAE_I8,  MAE_I16, MAE_I32,
                                       MAE_I64, MAE_U8,  MAE_U16, MAE_U32, MAE_U64, MAE_BOOL};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        round_trip(&(mae_shape){.dtype = dtypes[i], .rank = 0});
        round_trip(&(mae_shape){.dtype = dtypes[i], .rank = 1, .dims = {5}});
        round_trip(&(mae_shape){.dtype = dtypes[i], .rank = 4, .dims = {1, 3, 4, 2}});
        round_trip(&(mae_shape){.dtype = dtypes[i], .rank = 2, .dims = {0, 7}});
    }
}

static void test_bf16_is_written_as_f32(void **state)
{
    (void)state;
    const uint16_t data[2] = {0x3f80, 0xc000}; /* 1, -2 */
    assert_int_equal(cli_npy_write(scratch, &(mae_shape){.dtype = MAE_BF16, .rank = 1, .dims = {2}}, data), 0);
    void *file;
    size_t size;
    cli_tensor tensor;
    assert_int_equal(cli_file_read(scratch, 1 << 20, &file, &size), 0);
    assert_int_equal(cli_npy_parse(scratch, file, size, &tensor), 0);
    free(file);
    assert_int_equal(tensor.shape.dtype, MAE_F32);
    assert_true(((float *)tensor.data)[0] == 1.0f);
    assert_true(((float *)tensor.data)[1] == -2.0f);
    cli_tensor_clear(&tensor);
}

/* Builds a file of this version around a header. */
static size_t build(unsigned char *file, int version, const char *header, const void *data, size_t bytes)
{
    size_t n = strlen(header), start = version == 1 ? 10 : 12;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    memset(file + 8, 0, 4);
    file[8] = (unsigned char)(n & 0xff);
    file[9] = (unsigned char)(n >> 8);
    memcpy(file + start, header, n);
    memcpy(file + start + n, data, bytes);
    return start + n + bytes;
}

static void test_reads_what_numpy_writes(void **state)
{
    (void)state;
    unsigned char file[512];
    const int16_t data[6] = {1, -2, 3, -4, 5, -6};
    cli_tensor tensor;
    size_t size =
        build(file, 1, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }          \n", data, sizeof data);
    assert_int_equal(cli_npy_parse("a", file, size, &tensor), 0);
    assert_int_equal(tensor.shape.dtype, MAE_I16);
    assert_int_equal(tensor.shape.rank, 2);
    assert_int_equal(tensor.shape.dims[1], 3);
    assert_memory_equal(tensor.data, data, sizeof data);
    cli_tensor_clear(&tensor);

    /* Version 2; keys in another order; a vector may say Fortran order. */
    size = build(file, 2, "{\"shape\": (6,), \"fortran_order\": True, \"descr\": \"<i2\"}\n", data, sizeof data);
    assert_int_equal(cli_npy_parse("a", file, size, &tensor), 0);
    assert_int_equal(tensor.shape.rank, 1);
    assert_int_equal(tensor.shape.dims[0], 6);
    cli_tensor_clear(&tensor);
}

static void test_fortran_order(void **state)
{
    (void)state;
    unsigned char file[512];
    int16_t data[24];
    cli_tensor tensor;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                data[i + 2 * (j + 3 * k)] = (int16_t)(100 * i + 10 * j + k);
    size_t size = build(file, 1, "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }\n", data, sizeof data);
    assert_int_equal(cli_npy_parse("a", file, size, &tensor), 0);
    assert_int_equal(tensor.shape.rank, 3);
    assert_int_equal(tensor.shape.dims[2], 4);
    for (int i = 0; i < 24; i++)
        assert_int_equal(((int16_t *)tensor.data)[i], 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
    cli_tensor_clear(&tensor);
    size = build(file, 1, "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 0), }\n", data, 0);
    assert_int_equal(cli_npy_parse("a", file, size, &tensor), 0);
    assert_int_equal(tensor.bytes, 0);
    cli_tensor_clear(&tensor);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *header, *words;
    } cases[] = {
        {1, "{'descr': '>i2', 'fortran_order': False, 'shape': (6,), }\n", "big-endian"},
        {1, "{'descr': '<c8', 'fortran_order': False, 'shape': (6,), }\n", "'<c8' is not supported"},
        {1, "{'descr': '<i2', 'fortran_order': False, 'shape': (7,), }\n", "holds 12 bytes"},
        {1, "{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", "header cannot be read"},
        {1, "{'descr': '<i2', 'fortran_order': False, 'shape': (4611686018427387904, 4), }\n", "not those of"},
        {1, "{'descr': '<i2', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }\n", "header cannot be read"},
        {1, "{'descr': '<i2', 'fortran_order': False, }\n", "header cannot be read"},
        {1, "{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (6,), }\n", "header cannot be read"},
        {1, "", "header cannot be read"},
        {3, "{'descr': '<i2', 'fortran_order': False, 'shape': (6,), }\n", "version 3"},
    };
    const int16_t data[6] = {0};
    unsigned char file[512];
    cli_tensor tensor;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = build(file, cases[i].version, cases[i].header, data, sizeof data);
        assert_fails(cli_npy_parse("x.npy", file, size, &tensor), 3, cases[i].words);
    }
    assert_fails(cli_npy_parse("x.npy", "not at all", 10, &tensor), 3, "x.npy: not a .npy file");
    assert_fails(cli_npy_write(scratch, &(mae_shape){.dtype = MAE_STRING, .rank = 0}, ""), 1, "cannot be written");
}

/* Every prefix of a good file is refused, whatever is cut off. */
static void test_refuses_every_cut(void **state)
{
    (void)state;
    unsigned char file[512];
    const int16_t data[6] = {0};
    for (int version = 1; version <= 2; version++) {
        size_t size =
            build(file, version, "{'descr': '<i2', 'fortran_order': False, 'shape': (6,), }\n", data, sizeof data);
        for (size_t cut = 0; cut < size; cut++) {
            cli_tensor tensor;
            unsigned char *exact = malloc(cut ? cut : 1); /* so that reading behind it is noticed */
            memcpy(exact, file, cut);
            assert_fails(cli_npy_parse("x.npy", exact, cut, &tensor), 3, "x.npy: ");
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bf16_is_written_as_f32),
        cmocka_unit_test(test_reads_what_numpy_writes),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_every_cut),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
