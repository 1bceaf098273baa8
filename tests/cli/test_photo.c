/* What cameras and printers do to JPEG files: pictures lie on their side, and colours are inks. */
#include "capture.h"

#include <stdlib.h>

#include <jpeglib.h>

#include "cli/exif.h"
#include "cli/image.h"

#define WIDTH 16
#define HEIGHT 8

/* A JPEG file of one colour for each quarter: `pixel` gives the components of quarter 0 (top left) to 3. */
static size_t encode(J_COLOR_SPACE in, J_COLOR_SPACE stored, int components, bool adobe, const uint8_t pixel[4][4],
                     unsigned char **ret_file)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned long size = 0;
    *ret_file = NULL;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, ret_file, &size);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = components;
    jpeg.in_color_space = in;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, stored);
    jpeg_set_quality(&jpeg, 100, TRUE);
    for (int c = 0; c < components; c++)
        jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
    jpeg.write_Adobe_marker = adobe;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < HEIGHT; y++) {
        uint8_t line[WIDTH * 4];
        JSAMPROW row = line;
        for (int x = 0; x < WIDTH; x++)
            memcpy(line + x * components, pixel[(y >= HEIGHT / 2) * 2 + (x >= WIDTH / 2)], (size_t)components);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return size;
}

static void assert_pixel(const cli_image *image, int x, int y, int r, int g, int b)
{
    const uint8_t *p = image->rgb + (y * image->width + x) * 3;
    if (abs(p[0] - r) > 8 || abs(p[1] - g) > 8 || abs(p[2] - b) > 8)
        fail_msg("at %d, %d: %d %d %d, not %d %d %d", x, y, p[0], p[1], p[2], r, g, b);
}

static void test_inks(void **state)
{
    (void)state;
    /* Nothing, cyan, magenta and yellow, half of all but black with half of black: as amounts of ink. */
    static const uint8_t inks[4][4] = {{0, 0, 0, 0}, {255, 0, 0, 0}, {0, 255, 255, 0}, {128, 128, 128, 128}};
    uint8_t inverted[4][4];
    for (int i = 0; i < 16; i++)
        inverted[i / 4][i % 4] = (uint8_t)(255 - inks[i / 4][i % 4]);
    for (int way = 0; way < 3; way++) {
        unsigned char *file;
        bool adobe = way > 0;
        size_t size = encode(JCS_CMYK, way == 2 ? JCS_YCCK : JCS_CMYK, 4, adobe, adobe ? inverted : inks, &file);
        cli_image image;
        assert_int_equal(cli_image_parse("inks.jpg", file, size, &image), 0);
        assert_pixel(&image, 2, 1, 255, 255, 255);
        assert_pixel(&image, 13, 1, 0, 255, 255);
        assert_pixel(&image, 2, 6, 255, 0, 0);
        assert_pixel(&image, 13, 6, 64, 64, 64);
        free(image.rgb);
        free(file);
    }
}

/* EXIF with one entry before the orientation, in either order of bytes. */
static size_t exif(bool big_endian, int orientation, unsigned char segment[static 64])
{
    static const unsigned char big[] = "Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x10\0\x02\0\0\0\x01x\0\0\0"
                                       "\x01\x12\0\x03\0\0\0\x01\0o\0\0\0\0\0\0";
    static const unsigned char little[] = "Exif\0\0II*\0\x08\0\0\0\x02\0\x10\x01\x02\0\x01\0\0\0x\0\0\0"
                                          "\x12\x01\x03\0\x01\0\0\0o\0\0\0\0\0\0\0";
    size_t size = sizeof big - 1;
    assert_int_equal(sizeof big, sizeof little);
    memcpy(segment, big_endian ? big : little, size);
    ((unsigned char *)memchr(segment, 'o', size))[0] = (unsigned char)orientation;
    return size;
}

/* The file with that APP1 segment behind its first marker. */
static unsigned char *insert(const unsigned char *file, size_t size, const unsigned char *segment, size_t n)
{
    unsigned char *with = malloc(size + n + 4);
    assert_non_null(with);
    memcpy(with, file, 2);
    memcpy(with + 2, "\xff\xe1\0", 3);
    with[5] = (unsigned char)(n + 2);
    memcpy(with + 6, segment, n);
    memcpy(with + 6 + n, file + 2, size - 2);
    return with;
}

static void test_orientations(void **state)
{
    (void)state;
    /* Red, green, blue, white from the top left in the file; and where they are when the picture stands upright. */
    static const uint8_t quarters[4][4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    static const char *const upright[] = {"rgbw", "rgbw", "grwb", "wbgr", "bwrg",
                                          "rbgw", "brwg", "wgbr", "gwrb", "rgbw"};
    static const char letters[] = "rgbw";
    unsigned char *file, segment[64];
    size_t size = encode(JCS_RGB, JCS_RGB, 3, true, quarters, &file);
    for (int orientation = 0; orientation <= 9; orientation++) {
        for (int big_endian = 0; big_endian < 2; big_endian++) {
            size_t n = exif(big_endian, orientation, segment);
            unsigned char *turned = insert(file, size, segment, n);
            cli_image image;
            assert_int_equal(cli_image_parse("x.jpg", turned, size + n + 4, &image), 0);
            bool on_side = orientation >= 5 && orientation <= 8;
            assert_int_equal(image.width, on_side ? HEIGHT : WIDTH);
            assert_int_equal(image.height, on_side ? WIDTH : HEIGHT);
            for (int q = 0; q < 4; q++) {
                const uint8_t *rgb = quarters[strchr(letters, upright[orientation][q]) - letters];
                int x = q % 2 ? image.width - 2 : 1, y = q / 2 ? image.height - 2 : 1;
                assert_pixel(&image, x, y, rgb[0], rgb[1], rgb[2]);
            }
            free(image.rgb);
            free(turned);
        }
    }
    free(file);
}

/* Nothing is read beyond the segment, wherever it ends, and what states no orientation has none. */
static void test_broken_exif(void **state)
{
    (void)state;
    unsigned char segment[64];
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        size_t n = exif(big_endian, 6, segment);
        assert_int_equal(cli_exif_orientation(segment, n), 6);
        for (size_t cut = 0; cut < n; cut++) {
            unsigned char *exact = malloc(cut + !cut);
            memcpy(exact, segment, cut);
            int orientation = cli_exif_orientation(exact, cut);
            assert_true(orientation == 0 || (orientation == 6 && cut >= 40));
            free(exact);
        }
        for (int at = 10; at < 14; at++) { /* the place of the entries */
            exif(big_endian, 6, segment);
            segment[at] = 0xff;
            assert_int_equal(cli_exif_orientation(segment, n), 0);
        }
    }
    assert_int_equal(cli_exif_orientation("http://ns.adobe.com/xap/1.0/", 28), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inks),
        cmocka_unit_test(test_orientations),
        cmocka_unit_test(test_broken_exif),
    };
    return cmocka_run_group_tests_name("photographs", tests, NULL, NULL);
}
