/* Which file feeds which input, and whether it fits. */
#include "capture.h"

#include <math.h>
#include <stdlib.h>

#include "cli/input.h"
#include "cli/npy.h"

/* Two inputs: an image and a vector. "a=b" is a legal name of a tensor. */
static const mae_tensor tensors[] = {
    {.name = "image", .shape = {MAE_F32, 4, {1, 3, 4, 4}}, .bytes = 192, .is_static = true, .is_input = true},
    {.name = "a=b", .shape = {MAE_I64, 1, {2}}, .bytes = 16, .is_static = true, .is_input = true},
    {.name = "free", .shape = {.dtype = MAE_F32}, .is_input = true},
};
static const int two[] = {0, 1}, only_image[] = {0}, only_free[] = {2};
static const mae_graph both = {.n_tensors = 3, .tensors = tensors, .n_inputs = 2, .inputs = two};
static const mae_graph one = {.n_tensors = 3, .tensors = tensors, .n_inputs = 1, .inputs = only_image};
static const mae_graph dynamic = {.n_tensors = 3, .tensors = tensors, .n_inputs = 1, .inputs = only_free};

static char folder[] = "/tmp/mae-test-input-XXXXXX";
static char image[512], vector[64], wrong[64], text[64], named[64];

static void write_named_pb(void)
{
    /* dims: 2, data_type: INT64, name: "a=b", raw_data: 16 zero bytes */
    static const char pb[] = "\x08\x02\x10\x07\x42\x03"
                             "a=b\x4a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    FILE *file = fopen(named, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(pb, 1, sizeof pb - 1, file), sizeof pb - 1);
    fclose(file);
}

static int make_files(void **state)
{
    (void)state;
    const char *root = getenv("MAE_SOURCE_DIR");
    snprintf(image, sizeof image, "%s/tests/data/images/gradient.png", root ? root : ".");
    if (!mkdtemp(folder))
        return 1;
    snprintf(vector, sizeof vector, "%s/x=vector.npy", folder);
    snprintf(wrong, sizeof wrong, "%s/wrong.npy", folder);
    snprintf(text, sizeof text, "%s/text.png", folder);
    snprintf(named, sizeof named, "%s/named.pb", folder);
    const int64_t values[3] = {4, 5, 6};
    int status = cli_npy_write(vector, &(mae_shape){MAE_I64, 1, {2}}, values);
    status |= cli_npy_write(wrong, &(mae_shape){MAE_I64, 1, {3}}, values);
    FILE *file = fopen(text, "w");
    if (!file)
        return 1;
    fputs("this is no picture", file);
    fclose(file);
    write_named_pb();
    return status;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(vector);
    unlink(wrong);
    unlink(text);
    unlink(named);
    return rmdir(folder);
}

/* Up to three --input texts; NULL ends. */
static int load(const mae_graph *graph, const char *a, const char *b, const char *c, cli_inputs *inputs)
{
    cli_input_args args = {.swap_rgb = false};
    const char *all[] = {a, b, c};
    for (int i = 0; i < 3 && all[i]; i++)
        args.inputs.item[args.inputs.n++] = all[i];
    return cli_inputs_load(&args, "run", graph, inputs);
}

static char *join(const char *name, const char *file, char room[static 600])
{
    snprintf(room, 600, "%s=%s", name, file);
    return room;
}

static void test_names(void **state)
{
    (void)state;
    char a[600], b[600];
    cli_inputs inputs;
    assert_int_equal(load(&both, join("image", image, a), join("a=b", vector, b), NULL, &inputs), 0);
    assert_int_equal(inputs.n, 2);
    assert_int_equal(inputs.tensors[0].bytes, 192);
    assert_int_equal(((int64_t *)inputs.tensors[1].data)[1], 5);
    cli_inputs_clear(&inputs);

    /* No name is needed where there is one input, or where the file says it. */
    assert_int_equal(load(&one, image, NULL, NULL, &inputs), 0);
    cli_inputs_clear(&inputs);
    assert_int_equal(load(&both, named, join("image", image, a), NULL, &inputs), 0);
    assert_int_equal(inputs.tensors[1].bytes, 16);
    cli_inputs_clear(&inputs);

    assert_int_equal(load(&both, NULL, NULL, NULL, &inputs), 0);
    assert_null(inputs.tensors[0].data);
    cli_inputs_clear(&inputs);
}

static void test_random(void **state)
{
    (void)state;
    cli_inputs first, again, other;
    assert_int_equal(load(&both, "random:5", NULL, NULL, &first), 0);
    assert_int_equal(load(&both, "image=random:5", "a=b=random:5", NULL, &again), 0);
    assert_int_equal(load(&both, "random:6", NULL, NULL, &other), 0);
    assert_memory_equal(first.tensors[0].data, again.tensors[0].data, 192);
    assert_memory_equal(first.tensors[1].data, again.tensors[1].data, 16);
    assert_memory_not_equal(first.tensors[0].data, other.tensors[0].data, 192);
    const float *values = first.tensors[0].data;
    for (int i = 0; i < 48; i++)
        assert_true(fabsf(values[i]) <= 6); /* of variance 1 */
    cli_inputs_clear(&first);
    cli_inputs_clear(&again);
    cli_inputs_clear(&other);
    assert_fails(load(&both, "random:x", NULL, NULL, &first), 2, "'random:x' is not random:SEED");
}

static void test_refuses(void **state)
{
    (void)state;
    char a[600], b[600];
    cli_inputs inputs;
    assert_fails(load(&both, join("image", image, a), NULL, NULL, &inputs), 2, "input 'a=b' is missing");
    assert_fails(load(&both, join("a=b", wrong, a), NULL, NULL, &inputs), 3, "is i64 [3], but input 'a=b' is i64 [2]");
    assert_fails(load(&both, join("image", vector, a), NULL, NULL, &inputs), 3,
                 "but input 'image' is f32 [1, 3, 4, 4]");
    assert_fails(load(&both, join("a=b", image, a), NULL, NULL, &inputs), 3, "does not fit an input of i64 [2]");
    assert_fails(load(&one, text, NULL, NULL, &inputs), 3, "not an image (JPEG, PNG), nor .npy or .pb");
    assert_fails(load(&one, "/nonexistent.npy", NULL, NULL, &inputs), 3, "/nonexistent.npy: No such file");
    assert_fails(load(&one, "/", NULL, NULL, &inputs), 3, "/: Is a directory");
    assert_fails(load(&both, "nobody=x.npy", NULL, NULL, &inputs), 2, "no input 'nobody', only: image, a=b");
    assert_fails(load(&both, image, NULL, NULL, &inputs), 2, "which input is");
    assert_fails(load(&one, image, image, NULL, &inputs), 2, "given twice");
    assert_fails(load(&both, join("image", image, a), join("image", image, b), NULL, &inputs), 2, "given twice");
    assert_fails(load(&dynamic, vector, NULL, NULL, &inputs), 2, "give it one with --shape");
}

static void test_pixel_options(void **state)
{
    (void)state;
    cli_inputs inputs;
    cli_input_args args = {.inputs = {1, {image}}, .mean = "0.5", .std = ".5,.25,1"};
    assert_int_equal(cli_inputs_load(&args, "run", &one, &inputs), 0);
    /* Blue is 40 everywhere. */
    assert_true(fabsf(((float *)inputs.tensors[0].data)[32] - (40 / 255.0f - 0.5f)) < 1e-6f);
    cli_inputs_clear(&inputs);
    args.swap_rgb = true;
    assert_int_equal(cli_inputs_load(&args, "run", &one, &inputs), 0);
    assert_true(fabsf(((float *)inputs.tensors[0].data)[0] - (40 / 255.0f - 0.5f) / 0.5f) < 1e-6f);
    cli_inputs_clear(&inputs);

    static const struct {
        const char *mean, *std, *layout, *words;
    } cases[] = {
        {"1,2", NULL, NULL, "--mean needs one or three numbers, not '1,2'"},
        {"1,2,3,4", NULL, NULL, "--mean needs"},
        {"", NULL, NULL, "--mean needs"},
        {"1,,2", NULL, NULL, "--mean needs"},
        {"nan", NULL, NULL, "--mean needs"},
        {NULL, "1,0,1", NULL, "--std may not be 0"},
        {NULL, NULL, "chw", "--layout is nchw or nhwc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        args = (cli_input_args){.inputs = {1, {image}}, cases[i].mean, cases[i].std, cases[i].layout, false};
        assert_fails(cli_inputs_load(&args, "run", &one, &inputs), 2, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_pixel_options),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
