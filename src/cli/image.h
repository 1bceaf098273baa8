/* Photographs: JPEG and PNG in, PNG out, and the way from pixels to a network's input. */
#ifndef MAE_CLI_IMAGE_H
#define MAE_CLI_IMAGE_H

#include <stdint.h>

#include "mae/types.h"

typedef struct cli_image {
    int width, height;
    uint8_t *rgb; /* 3 bytes a pixel, rows from the top; freed with free() */
} cli_image;

bool cli_image_is(const void *data, size_t size);

/* `path` stands for the file in messages. Transparency is laid over white; a JPEG's EXIF orientation is followed, and its
 * CMYK or YCCK inks become light without a colour profile. */
int cli_image_parse(const char *path, const void *data, size_t size, cli_image *ret_image);
int cli_image_read(const char *path, cli_image *ret_image);
int cli_image_write_png(const char *path, const cli_image *image);

/* 3 floats a pixel, 0 to 255: bilinear along an axis that grows, area-averaged along one that shrinks.
 * Freed with free(). */
int cli_image_resize(const cli_image *image, int width, int height, float **ret_rgb);

typedef enum cli_layout { CLI_LAYOUT_GUESS = 0, CLI_LAYOUT_NCHW, CLI_LAYOUT_NHWC } cli_layout;

/* value = (pixel / 255 - mean) / std, per channel of the tensor */
typedef struct cli_pixels {
    cli_layout layout;
    double mean[3], std[3];
    bool swap_rgb; /* the network wants blue first */
} cli_pixels;

#define CLI_PIXELS_INIT                                                                                                \
    {                                                                                                                  \
        CLI_LAYOUT_GUESS, {0, 0, 0}, {1, 1, 1}, false                                                                  \
    }

/* Fills a dense tensor of `shape`: f32 or f16 normalised, u8 as they are. One channel gets grey. */
int cli_image_to_tensor(const char *path, const cli_image *image, const cli_pixels *pixels, const mae_shape *shape,
                        void *data);

#endif
