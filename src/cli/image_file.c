/* Reading and writing image files. */
#include "cli/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>
#include <setjmp.h>

#include "cli/exif.h"
#include "cli/file.h"
#include "cli/message.h"

#define MAX_FILE ((size_t)1 << 30)
/* Fuzzers make pictures of nothing but size; that is no news. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define MAX_PIXELS ((size_t)1 << 14)
#else
#define MAX_PIXELS ((size_t)1 << 28)
#endif
/* A picture has some ten scans; thousands over the same pixels are made to take hours. */
#define MAX_SCANS 500

static bool is_jpeg(const unsigned char *p, size_t size)
{
    return size >= 3 && memcmp(p, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const unsigned char *p, size_t size)
{
    return size >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0;
}

bool cli_image_is(const void *data, size_t size)
{
    return is_jpeg(data, size) || is_png(data, size);
}

static int alloc_pixels(const char *path, size_t width, size_t height, cli_image *image)
{
    if (width == 0 || height == 0 || width > MAX_PIXELS / height)
        return cli_error(MAE_ERR_INPUT, "%s: an image of %zu x %zu pixels is not supported", path, width, height);
    image->rgb = malloc(width * height * 3);
    if (!image->rgb)
        return cli_nomem();
    image->width = (int)width;
    image->height = (int)height;
    return 0;
}

/* libjpeg reports through callbacks; an error must not return from its own. */
typedef struct jpeg_trouble {
    struct jpeg_error_mgr manager;
    jmp_buf back;
    char text[JMSG_LENGTH_MAX];
} jpeg_trouble;

static void jpeg_give_up(j_common_ptr jpeg)
{
    jpeg_trouble *trouble = (jpeg_trouble *)jpeg->err;
    trouble->manager.format_message(jpeg, trouble->text);
    longjmp(trouble->back, 1);
}

/* A file that ends early is filled up with grey by libjpeg, as a warning; here it is an error. */
static void jpeg_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF)
        jpeg_give_up(jpeg);
}

static void jpeg_progress(j_common_ptr jpeg)
{
    if (((j_decompress_ptr)jpeg)->input_scan_number > MAX_SCANS) {
        jpeg_trouble *trouble = (jpeg_trouble *)jpeg->err;
        snprintf(trouble->text, sizeof trouble->text, "more than %d scans", MAX_SCANS);
        longjmp(trouble->back, 1);
    }
}

/* Ink to light, without a colour profile. Adobe's programs, and with them everyone, store how little ink there is. */
static void convert_cmyk(const JSAMPLE *cmyk, bool inverted, size_t width, uint8_t *rgb)
{
    for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        for (int c = 0; c < 3; c++) {
            int light = inverted ? cmyk[c] : 255 - cmyk[c], white = inverted ? cmyk[3] : 255 - cmyk[3];
            rgb[c] = (uint8_t)((light * white + 127) / 255);
        }
    }
}

static void read_jpeg_rows(struct jpeg_decompress_struct *jpeg, cli_image *image)
{
    bool cmyk = jpeg->out_color_space == JCS_CMYK;
    size_t width = jpeg->output_width;
    /* libjpeg's memory: it is freed with the rest, also after an error. */
    JSAMPROW line = cmyk ? jpeg->mem->alloc_small((j_common_ptr)jpeg, JPOOL_IMAGE, width * 4) : NULL;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = image->rgb + (size_t)jpeg->output_scanline * width * 3;
        JSAMPROW row = cmyk ? line : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (cmyk)
            convert_cmyk(line, jpeg->saw_Adobe_marker, width, to);
    }
}

static int jpeg_orientation(const struct jpeg_decompress_struct *jpeg)
{
    int orientation = 0;
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m && !orientation; m = m->next)
        orientation = cli_exif_orientation(m->data, m->data_length);
    return orientation;
}

static int read_jpeg_file(const char *path, struct jpeg_decompress_struct *jpeg, cli_image *image)
{
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    /* Before libjpeg takes memory for as many pixels as the file claims. */
    CLI_TRY(alloc_pixels(path, jpeg->image_width, jpeg->image_height, image));
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(jpeg);
    read_jpeg_rows(jpeg, image);
    int orientation = jpeg_orientation(jpeg);
    jpeg_finish_decompress(jpeg);
    return cli_image_upright(image, orientation);
}

/* `image` is the caller's, so that its pixels are known after the long jump. */
static int read_jpeg(const char *path, const void *data, size_t size, cli_image *image)
{
    struct jpeg_decompress_struct jpeg;
    jpeg_trouble trouble;
    jpeg.err = jpeg_std_error(&trouble.manager);
    trouble.manager.error_exit = jpeg_give_up;
    trouble.manager.emit_message = jpeg_message;
    if (setjmp(trouble.back)) {
        jpeg_destroy_decompress(&jpeg);
        return cli_error(MAE_ERR_INPUT, "%s: not a usable JPEG image: %s", path, trouble.text);
    }
    struct jpeg_progress_mgr progress = {.progress_monitor = jpeg_progress};
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &progress;
    jpeg_mem_src(&jpeg, data, size);
    int status = read_jpeg_file(path, &jpeg, image);
    jpeg_destroy_decompress(&jpeg);
    return status;
}

static int read_png(const char *path, const void *data, size_t size, cli_image *image)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&png, data, size))
        return cli_error(MAE_ERR_INPUT, "%s: not a usable PNG image: %s", path, png.message);
    png.format = PNG_FORMAT_RGB;
    int status = alloc_pixels(path, png.width, png.height, image);
    const png_color white = {255, 255, 255};
    if (!status && !png_image_finish_read(&png, &white, image->rgb, 0, NULL))
        status = cli_error(MAE_ERR_INPUT, "%s: not a usable PNG image: %s", path, png.message);
    png_image_free(&png);
    return status;
}

int cli_image_parse(const char *path, const void *data, size_t size, cli_image *ret_image)
{
    cli_image image = {0};
    int status;
    if (is_jpeg(data, size))
        status = read_jpeg(path, data, size, &image);
    else if (is_png(data, size))
        status = read_png(path, data, size, &image);
    else
        status = cli_error(MAE_ERR_INPUT, "%s: not a JPEG or PNG image", path);
    if (status)
        free(image.rgb);
    else
        *ret_image = image;
    return status;
}

int cli_image_read(const char *path, cli_image *ret_image)
{
    void *data;
    size_t size;
    CLI_TRY(cli_file_read(path, MAX_FILE, &data, &size));
    int status = cli_image_parse(path, data, size, ret_image);
    free(data);
    return status;
}

int cli_image_write_png(const char *path, const cli_image *image)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)image->width,
                     .height = (png_uint_32)image->height,
                     .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
    void *data = malloc(size);
    if (!data)
        return cli_nomem();
    int status;
    if (png_image_write_to_memory(&png, data, &size, 0, image->rgb, 0, NULL))
        status = cli_file_write(path, data, size);
    else
        status = cli_error(MAE_ERR_FAILED, "%s: cannot write: %s", path, png.message);
    free(data);
    return status;
}
