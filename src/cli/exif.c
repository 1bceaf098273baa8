#include "cli/exif.h"

#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

/* A TIFF file: its bytes, and which end of a number comes first. */
typedef struct tiff {
    const unsigned char *at;
    size_t size;
    bool big_endian;
} tiff;

static unsigned number16(const tiff *t, size_t at)
{
    const unsigned char *p = t->at + at;
    return t->big_endian ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static size_t number32(const tiff *t, size_t at)
{
    size_t a = number16(t, at), b = number16(t, at + 2);
    return t->big_endian ? a << 16 | b : b << 16 | a;
}

/* Entries of 12 bytes: tag, type, count, and a value that is small enough to stand there itself. */
static int find_orientation(const tiff *t, size_t folder)
{
    enum { TAG_ORIENTATION = 0x112, TYPE_SHORT = 3 };
    if (folder > t->size - 2)
        return 0;
    size_t n = number16(t, folder), first = folder + 2;
    for (size_t i = 0; i < n && 12 <= t->size - first && i <= (t->size - first - 12) / 12; i++) {
        size_t at = first + i * 12;
        if (number16(t, at) != TAG_ORIENTATION)
            continue;
        unsigned value = number16(t, at + 8);
        return number16(t, at + 2) == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 0;
    }
    return 0;
}

int cli_exif_orientation(const void *data, size_t size)
{
    if (size < 6 + 8 || memcmp(data, "Exif\0\0", 6) != 0)
        return 0;
    tiff t = {(const unsigned char *)data + 6, size - 6, false};
    t.big_endian = memcmp(t.at, "MM", 2) == 0;
    if ((!t.big_endian && memcmp(t.at, "II", 2) != 0) || number16(&t, 2) != 42)
        return 0;
    return find_orientation(&t, number32(&t, 4));
}

int cli_image_upright(cli_image *image, int orientation)
{
    if (orientation < 2 || orientation > 8)
        return 0;
    bool turned = orientation >= 5; /* rows of the file are columns */
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t w = (size_t)image->width, h = (size_t)image->height;
    uint8_t *upright = malloc(w * h * 3);
    if (!upright)
        return cli_nomem();
    uint8_t *to = upright;
    for (size_t y = 0; y < (turned ? w : h); y++) {
        for (size_t x = 0; x < (turned ? h : w); x++, to += 3) {
            size_t column = turned ? y : x, row = turned ? x : y;
            column = from_right ? w - 1 - column : column;
            row = from_below ? h - 1 - row : row;
            memcpy(to, image->rgb + (row * w + column) * 3, 3);
        }
    }
    free(image->rgb);
    image->rgb = upright;
    image->width = (int)(turned ? h : w);
    image->height = (int)(turned ? w : h);
    return 0;
}
