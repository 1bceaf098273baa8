/* How a camera was held: EXIF's orientation, by which pictures are turned before anything sees them. */
#ifndef MAE_CLI_EXIF_H
#define MAE_CLI_EXIF_H

#include "cli/image.h"

/* The orientation, 1 to 8, that an APP1 segment's content states; 0 where it states none or is no EXIF. */
int cli_exif_orientation(const void *data, size_t size);

/* Turns and mirrors an image of that orientation upright. Exit status; the image is as it was on failure. */
int cli_image_upright(cli_image *image, int orientation);

#endif
