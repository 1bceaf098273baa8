/* Images: read, written, resized, and turned into tensors. */
#include "capture.h"
#include "scratch.h"

#include <math.h>
#include <stdlib.h>

#include "cli/file.h"
#include "cli/image.h"

static void data_path(const char *name, char text[static 512])
{
    const char *root = getenv("MAE_SOURCE_DIR");
    snprintf(text, 512, "%s/tests/data/images/%s", root ? root : ".", name);
}

/* Red grows to the right, green downwards, blue is 40; as in the files of tests/data/images. */
static void pixel_of(int x, int y, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(x * 12);
    rgb[1] = (uint8_t)(y * 16);
    rgb[2] = 40;
}

static void check_gradient(const cli_image *image, int tolerance)
{
    assert_int_equal(image->width, 20);
    assert_int_equal(image->height, 15);
    for (int y = 0; y < 15; y++) {
        for (int x = 0; x < 20; x++) {
            uint8_t wanted[3];
            pixel_of(x, y, wanted);
            for (int c = 0; c < 3; c++)
                assert_true(abs(image->rgb[(y * 20 + x) * 3 + c] - wanted[c]) <= tolerance);
        }
    }
}

static void test_reads_png_and_jpeg(void **state)
{
    (void)state;
    char name[512];
    cli_image image;
    data_path("gradient.png", name);
    assert_int_equal(cli_image_read(name, &image), 0);
    check_gradient(&image, 0);
    free(image.rgb);
    data_path("gradient.jpg", name);
    assert_int_equal(cli_image_read(name, &image), 0);
    check_gradient(&image, 12);
    free(image.rgb);
    data_path("half-transparent.png", name); /* black, half transparent, over white */
    assert_int_equal(cli_image_read(name, &image), 0);
    assert_int_equal(image.width, 1);
    assert_true(image.rgb[0] > 100 && image.rgb[0] < 200);
    free(image.rgb);
}

static void test_png_round_trip(void **state)
{
    (void)state;
    uint8_t rgb[20 * 15 * 3];
    for (int i = 0; i < 20 * 15; i++)
        pixel_of(i % 20, i / 20, rgb + i * 3);
    cli_image image = {20, 15, rgb}, again;
    assert_int_equal(cli_image_write_png(scratch, &image), 0);
    assert_int_equal(cli_image_read(scratch, &again), 0);
    check_gradient(&again, 0);
    free(again.rgb);
}

/* Both formats are refused wherever they are cut: no picture with an invented lower half. */
static void test_refuses_cut_files(void **state)
{
    (void)state;
    static const char *const names[] = {"gradient.png", "gradient.jpg"};
    for (size_t i = 0; i < 2; i++) {
        char name[512];
        void *data;
        size_t size;
        cli_image image;
        data_path(names[i], name);
        assert_int_equal(cli_file_read(name, 1 << 20, &data, &size), 0);
        for (size_t cut = 0; cut + 16 < size; cut += 7)
            assert_fails(cli_image_parse("x", data, cut, &image), 3, "x: not a");
        free(data);
    }
    cli_image image;
    assert_fails(cli_image_parse("x.jpg", "GIF89a..", 8, &image), 3, "x.jpg: not a JPEG or PNG image");
    assert_fails(cli_image_read("/nonexistent/x.jpg", &image), 3, "/nonexistent/x.jpg: No such file");
}

static void test_resize(void **state)
{
    (void)state;
    /* 4 x 2 pixels; red holds the values, green their negative, blue nothing. */
    uint8_t rgb[8 * 3] = {0};
    const uint8_t red[8] = {0, 100, 200, 40, 20, 60, 80, 100};
    for (int i = 0; i < 8; i++) {
        rgb[i * 3] = red[i];
        rgb[i * 3 + 1] = (uint8_t)(255 - red[i]);
    }
    cli_image image = {4, 2, rgb};
    float *out;
    /* The same size: untouched. */
    assert_int_equal(cli_image_resize(&image, 4, 2, &out), 0);
    for (int i = 0; i < 24; i++)
        assert_true(out[i] == rgb[i]);
    free(out);
    /* Half: the mean of each square of four. */
    assert_int_equal(cli_image_resize(&image, 2, 1, &out), 0);
    assert_true(fabsf(out[0] - 45) < 1e-3f);
    assert_true(fabsf(out[3] - 105) < 1e-3f);
    assert_true(fabsf(out[4] - 150) < 1e-3f);
    free(out);
    /* Three of four columns: parts of pixels count by their part. */
    assert_int_equal(cli_image_resize(&image, 3, 2, &out), 0);
    assert_true(fabsf(out[0] - (0 * 1.0f + 100 / 3.0f) / (4 / 3.0f)) < 1e-3f);
    assert_true(fabsf(out[3] - (100 * 2 / 3.0f + 200 * 2 / 3.0f) / (4 / 3.0f)) < 1e-3f);
    free(out);
    /* Twice as wide: a quarter and three quarters of the neighbours, borders repeated. */
    assert_int_equal(cli_image_resize(&image, 8, 2, &out), 0);
    const float wanted[8] = {0, 25, 75, 125, 175, 160, 80, 40};
    for (int x = 0; x < 8; x++)
        assert_true(fabsf(out[x * 3] - wanted[x]) < 1e-3f);
    free(out);
    /* One to very many, and very many to one. */
    cli_image one = {1, 1, rgb + 6};
    assert_int_equal(cli_image_resize(&one, 50, 40, &out), 0);
    for (int i = 0; i < 50 * 40; i++)
        assert_true(out[i * 3] == 200);
    free(out);
}

static void test_to_tensor(void **state)
{
    (void)state;
    uint8_t rgb[6] = {51, 102, 204, 255, 0, 153};
    cli_image image = {2, 1, rgb};
    cli_pixels pixels = CLI_PIXELS_INIT;
    float data[6];
    mae_shape nchw = {MAE_F32, 4, {1, 3, 1, 2}}, nhwc = {MAE_F32, 4, {1, 2, 1, 3}}, grey = {MAE_F32, 3, {1, 1, 2}};
    assert_int_equal(cli_image_to_tensor("x", &image, &pixels, &nchw, data), 0);
    const float planes[6] = {0.2f, 1, 0.4f, 0, 0.8f, 0.6f};
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(data[i] - planes[i]) < 1e-6f);

    pixels = (cli_pixels){CLI_LAYOUT_GUESS, {0.5, 0, 0}, {0.5, 1, 2}, true};
    cli_image upright = {1, 2, rgb};
    assert_int_equal(cli_image_to_tensor("x", &upright, &pixels, &nhwc, data), 0);
    const float mixed[6] = {(0.8f - 0.5f) / 0.5f, 0.4f, 0.1f, (0.6f - 0.5f) / 0.5f, 0, 0.5f};
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(data[i] - mixed[i]) < 1e-6f);

    pixels = (cli_pixels)CLI_PIXELS_INIT;
    assert_int_equal(cli_image_to_tensor("x", &image, &pixels, &grey, data), 0);
    assert_true(fabsf(data[0] - (0.299f * 51 + 0.587f * 102 + 0.114f * 204) / 255) < 1e-6f);
}

static void test_other_types(void **state)
{
    (void)state;
    uint8_t rgb[6] = {51, 102, 204, 255, 0, 153}, bytes[6];
    cli_image image = {1, 2, rgb};
    cli_pixels pixels = {CLI_LAYOUT_GUESS, {9, 9, 9}, {9, 9, 9}, false};
    mae_shape shape = {MAE_U8, 4, {1, 2, 1, 3}};
    assert_int_equal(cli_image_to_tensor("x", &image, &pixels, &shape, bytes), 0);
    assert_memory_equal(bytes, rgb, 6);

    /* Half precision: 1, -2, 1/3, 0, 65504 and beyond, the smallest normal and half a step below it. */
    static const struct {
        double value;
        uint16_t half;
    } cases[] = {{1, 0x3c00},
                 {-2, 0xc000},
                 {1.0 / 3, 0x3555},
                 {0, 0x0000},
                 {65504, 0x7bff},
                 {70000, 0x7c00},
                 {6.103515625e-5, 0x0400},
                 {5.9604644775390625e-8, 0x0001},
                 {6.0975551605224609e-5, 0x03ff},
                 {2047.75, 0x6800}};
    uint16_t half;
    uint8_t black[3] = {0};
    cli_image dark = {1, 1, black};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pixels = (cli_pixels){CLI_LAYOUT_GUESS, {-cases[i].value, 0, 0}, {1, 1, 1}, false};
        mae_shape one = {MAE_F16, 3, {1, 1, 1}};
        assert_int_equal(cli_image_to_tensor("x", &dark, &pixels, &one, &half), 0);
        assert_int_equal(half, cases[i].half);
    }
}

static void test_refuses_shapes(void **state)
{
    (void)state;
    uint8_t rgb[3] = {0};
    cli_image image = {1, 1, rgb};
    cli_pixels pixels = CLI_PIXELS_INIT;
    float data[64];
    static const struct {
        mae_shape shape;
        const char *words;
    } cases[] = {
        {{MAE_F32, 2, {3, 4}}, "does not fit an input of f32 [3, 4]"},
        {{MAE_F32, 4, {2, 3, 4, 4}}, "does not fit"},
        {{MAE_F32, 4, {1, 5, 4, 4}}, "does not fit"},
        {{MAE_F32, 4, {1, 3, 0, 4}}, "cannot be resized"},
        {{MAE_I64, 4, {1, 3, 2, 2}}, "cannot become an input of i64"},
        {{MAE_F32, 0, {0}}, "does not fit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(cli_image_to_tensor("x.png", &image, &pixels, &cases[i].shape, data), 3, cases[i].words);
    pixels.layout = CLI_LAYOUT_NHWC;
    assert_fails(cli_image_to_tensor("x.png", &image, &pixels, &(mae_shape){MAE_F32, 4, {1, 3, 2, 2}}, data), 3,
                 "does not fit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_png_and_jpeg), cmocka_unit_test(test_png_round_trip),
        cmocka_unit_test(test_refuses_cut_files),  cmocka_unit_test(test_resize),
        cmocka_unit_test(test_to_tensor),          cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_refuses_shapes),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
