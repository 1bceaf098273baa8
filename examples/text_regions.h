/* From the map of a text detector to boxes around lines of text. */
#ifndef MAE_EXAMPLES_TEXT_REGIONS_H
#define MAE_EXAMPLES_TEXT_REGIONS_H

#include <stdbool.h>
#include <stddef.h>

/* A rectangle that lies along its line of text, which may be askew. */
typedef struct text_region {
    double corner[4][2]; /* x, y; around the rectangle */
    double score;        /* mean of the map inside */
} text_region;

/* Regions of connected pixels above `threshold` in a map of width x height, grown by what such maps leave out
 * (they show the cores of lines, so that neighbours do not touch): distance = area * 1.6 / circumference.
 * Freed with free(); false when memory runs out. */
bool text_regions_find(const float *map, int width, int height, float threshold, text_region **ret_regions,
                       size_t *ret_n);

#endif
