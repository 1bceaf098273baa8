#include "text_regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Smaller ones are specks. */
#define LEAST_PIXELS 12
#define LEAST_SIDE 3
#define LEAST_SCORE 0.6f
#define UNCLIP 1.6

typedef struct flood {
    const float *map;
    int width, height;
    float threshold;
    bool *seen;
    int *stack;
    size_t depth;
} flood;

static void visit(flood *f, int x, int y)
{
    if (x < 0 || y < 0 || x >= f->width || y >= f->height)
        return;
    int at = y * f->width + x;
    if (f->seen[at] || f->map[at] <= f->threshold)
        return;
    f->seen[at] = true;
    f->stack[f->depth++] = at;
}

/* All pixels connected to this one; false if they are a speck. */
static bool fill(flood *f, int x, int y, text_region *region)
{
    *region = (text_region){x, y, x, y, 0};
    size_t pixels = 0;
    double sum = 0;
    visit(f, x, y);
    while (f->depth > 0) {
        int at = f->stack[--f->depth];
        int px = at % f->width, py = at / f->width;
        region->left = px < region->left ? px : region->left;
        region->right = px > region->right ? px : region->right;
        region->top = py < region->top ? py : region->top;
        region->bottom = py > region->bottom ? py : region->bottom;
        pixels++;
        sum += f->map[at];
        for (int d = 0; d < 9; d++)
            visit(f, px + d % 3 - 1, py + d / 3 - 1);
    }
    if (pixels == 0)
        return false;
    region->score = (float)(sum / (double)pixels);
    int width = region->right - region->left + 1, height = region->bottom - region->top + 1;
    return pixels >= LEAST_PIXELS && width >= LEAST_SIDE && height >= LEAST_SIDE && region->score >= LEAST_SCORE;
}

static void grow(text_region *region, int width, int height)
{
    double w = region->right - region->left + 1, h = region->bottom - region->top + 1;
    int by = (int)lround(w * h * UNCLIP / (2 * (w + h)));
    region->left = region->left < by ? 0 : region->left - by;
    region->top = region->top < by ? 0 : region->top - by;
    region->right = region->right + by >= width ? width - 1 : region->right + by;
    region->bottom = region->bottom + by >= height ? height - 1 : region->bottom + by;
}

bool text_regions_find(const float *map, int width, int height, float threshold, text_region **ret_regions,
                       size_t *ret_n)
{
    size_t cells = (size_t)width * (size_t)height, n = 0;
    flood f = {map, width, height, threshold, calloc(cells, sizeof(bool)), malloc(cells * sizeof(int)), 0};
    text_region *regions = malloc((cells / LEAST_PIXELS + 1) * sizeof *regions);
    bool good = f.seen && f.stack && regions;
    for (size_t at = 0; good && at < cells; at++) {
        if (!fill(&f, (int)(at % (size_t)width), (int)(at / (size_t)width), &regions[n]))
            continue;
        grow(&regions[n], width, height);
        n++;
    }
    free(f.seen);
    free(f.stack);
    if (!good) {
        free(regions);
        return false;
    }
    *ret_regions = regions;
    *ret_n = n;
    return true;
}
