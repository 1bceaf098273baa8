/* Writing segments, reading tensor files, and the fingerprint of a model. */
#include <unistd.h>

#include "onnx/sha256.h"
#include "test_onnx_support.h"

static void fingerprints(void **state)
{
    (void)state;
    char text[65];
    static char million[1000000];
    /* The examples of FIPS 180-4, and the two sizes at which padding takes a block more. */
    mae_sha256_text("abc", 3, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    mae_sha256_text("", 0, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mae_sha256_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text);
    assert_string_equal(text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    mae_sha256_text(million, sizeof million, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static const char model_text[] = "input x 1x4x8x8\n"
                                 "weight big 16x4x3x3\n" /* 2304 bytes */
                                 "weight small 16\n"
                                 "weight elsewhere 4x16x3x3\n"
                                 "Conv x,big,small -> a pads=[1,1,1,1]\n"
                                 "Relu a -> r\n"
                                 "Conv r,elsewhere -> y pads=[1,1,1,1]\n"
                                 "output y\n";

static bool contains(const mae_onnx_blob *blob, const char *text)
{
    return memmem(blob->data, blob->size, text, strlen(text)) != NULL;
}

static void writes_segments(void **state)
{
    (void)state;
    const mae_onnx_evaluator *engine = find_engine();
    if (!engine)
        skip();
    mae_graph *graph = NULL;
    expect_success(import_text(model_text, engine, &graph));
    assert_int_equal(graph->n_layers, 2);
    mae_arena *arena = mae_arena_create();
    mae_segment segment;
    mae_onnx_blob blob;
    expect_success(mae_segment_make(graph, 0, 0, arena, &segment));
    expect_success(mae_onnx_write_segment(graph, &segment, &blob));
    /* Large weights are referred to, small ones are inside, those of other layers are not there. */
    assert_int_equal(blob.n_weights, 1);
    assert_string_equal(blob.weights[0].name, "big");
    assert_int_equal(blob.weights[0].bytes, 16 * 4 * 9 * 4);
    assert_true(blob.size < 1024);
    assert_true(contains(&blob, "small"));
    assert_false(contains(&blob, "elsewhere"));
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (strcmp(graph->tensors[i].name, "big") == 0)
            assert_ptr_equal(blob.weights[0].data, graph->tensors[i].data); /* not copied */
    mae_onnx_blob_free(&blob);
    assert_null(blob.data);
    mae_onnx_blob_free(&blob); /* an empty one */
    mae_arena_destroy(arena);
    mae_onnx_graph_destroy(graph);
    mae_onnx_graph_destroy(NULL);
}

static mae_error *read_tensor(const bytes *tensor, size_t n, mae_shape *ret_shape, void **ret_data, size_t *ret_bytes)
{
    char path[] = "/tmp/mae-test-XXXXXX", *name = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, tensor->at, n), n);
    close(fd);
    mae_error *error = mae_onnx_read_tensor(path, &name, ret_shape, ret_data, ret_bytes);
    unlink(path);
    if (!error)
        assert_string_equal(name, "t");
    free(name);
    return error;
}

static void reads_tensor_files(void **state)
{
    (void)state;
    const float values[6] = {0, 1, 2, 3, 4, 5};
    bytes tensor = {0};
    put_text(&tensor, 8, "t");
    put_int(&tensor, 1, 2);
    put_int(&tensor, 1, 3);
    put_int(&tensor, 2, MAE_F32);
    put_data(&tensor, 9, values, sizeof values);
    mae_shape shape;
    void *data = NULL;
    size_t size = 0;
    expect_success(read_tensor(&tensor, tensor.n, &shape, &data, &size));
    assert_int_equal(size, sizeof values);
    assert_memory_equal(data, values, sizeof values);
    assert_true(shape.rank == 2 && shape.dims[0] == 2 && shape.dims[1] == 3 && shape.dtype == MAE_F32);
    free(data);
    for (size_t n = 0; n < tensor.n; n++) {
        mae_error *error = read_tensor(&tensor, n, &shape, &data, &size);
        assert_non_null(error);
        mae_error_free(error);
    }
    free(tensor.at);
}

/* Narrow types are stored in wide fields. */
static void reads_typed_values(void **state)
{
    (void)state;
    bytes tensor = {0}, list = {0};
    put_text(&tensor, 8, "t");
    put_int(&tensor, 1, 3);
    put_int(&tensor, 2, MAE_I8);
    put_varint(&list, 5);
    put_varint(&list, (uint64_t)(int64_t)-7);
    put_varint(&list, 127);
    put_message(&tensor, 5, &list);
    mae_shape shape;
    void *data = NULL;
    size_t size = 0;
    expect_success(read_tensor(&tensor, tensor.n, &shape, &data, &size));
    const int8_t expected[] = {5, -7, 127};
    assert_int_equal(size, 3);
    assert_memory_equal(data, expected, 3);
    free(data);
    free(tensor.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints),
        cmocka_unit_test(writes_segments),
        cmocka_unit_test(reads_tensor_files),
        cmocka_unit_test(reads_typed_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
