/* A photograph: decoded, and turned into a small network's input in both layouts. */
#include "targets.h"

#include <math.h>
#include <stdlib.h>

#include "cli/image.h"

static int use(const cli_image *image)
{
    static const mae_shape planar = {MAE_F32, 4, {1, 3, 5, 7}}, packed = {MAE_F32, 4, {1, 7, 5, 1}};
    const cli_pixels pixels = CLI_PIXELS_INIT;
    float values[3 * 5 * 7];
    if (cli_image_to_tensor("fuzz", image, &pixels, &packed, values) ||
        cli_image_to_tensor("fuzz", image, &pixels, &planar, values))
        return -1;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!(values[i] >= -1e-5f && values[i] <= 1 + 1e-5f))
            return -1;
    return 1;
}

int fuzz_image(const uint8_t *data, size_t size)
{
    cli_image image = {0};
    if (cli_image_parse("fuzz", data, size, &image))
        return 0;
    int result = use(&image);
    free(image.rgb);
    return result;
}
