#include "text_regions.h"

#include <math.h>
#include <stdlib.h>

/* Smaller or less certain ones are specks. */
#define LEAST_PIXELS 12
#define LEAST_SIDE 3
#define LEAST_SCORE 0.6
#define UNCLIP 1.6

typedef struct flood {
    const float *map;
    int width, height;
    float threshold;
    bool *seen;
    int *pixels; /* of the region at hand, in the order they were found */
    size_t n;
} flood;

static void visit(flood *f, int x, int y)
{
    if (x < 0 || y < 0 || x >= f->width || y >= f->height)
        return;
    int at = y * f->width + x;
    if (f->seen[at] || f->map[at] <= f->threshold)
        return;
    f->seen[at] = true;
    f->pixels[f->n++] = at;
}

/* Finds all pixels connected to this one. */
static void fill(flood *f, int start)
{
    f->n = 0;
    visit(f, start % f->width, start / f->width);
    for (size_t i = 0; i < f->n; i++) {
        for (int d = 0; d < 9; d++)
            visit(f, f->pixels[i] % f->width + d % 3 - 1, f->pixels[i] / f->width + d / 3 - 1);
    }
}

/* The direction in which the pixels spread most, by their second moments, radians. */
static double direction(const flood *f, double *ret_x, double *ret_y)
{
    double x = 0, y = 0, xx = 0, yy = 0, xy = 0, n = (double)f->n;
    for (size_t i = 0; i < f->n; i++) {
        double px = f->pixels[i] % f->width, py = f->pixels[i] / f->width;
        x += px / n;
        y += py / n;
        xx += px * px / n;
        yy += py * py / n;
        xy += px * py / n;
    }
    *ret_x = x;
    *ret_y = y;
    return 0.5 * atan2(2 * (xy - x * y), (xx - x * x) - (yy - y * y));
}

/* The rectangle along that direction that holds all pixels, grown; false for a speck. */
static bool enclose(const flood *f, text_region *region)
{
    if (f->n < LEAST_PIXELS)
        return false;
    double x, y, angle = direction(f, &x, &y), along[2] = {cos(angle), sin(angle)};
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, sum = 0;
    for (size_t i = 0; i < f->n; i++) {
        double dx = f->pixels[i] % f->width - x, dy = f->pixels[i] / f->width - y;
        double place[2] = {dx * along[0] + dy * along[1], dy * along[0] - dx * along[1]};
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], place[k] - 0.5);
            high[k] = fmax(high[k], place[k] + 0.5);
        }
        sum += f->map[f->pixels[i]];
    }
    double w = high[0] - low[0], h = high[1] - low[1], by = w * h * UNCLIP / (2 * (w + h));
    for (int c = 0; c < 4; c++) {
        double u = c == 0 || c == 3 ? low[0] - by : high[0] + by, v = c < 2 ? low[1] - by : high[1] + by;
        region->corner[c][0] = x + u * along[0] - v * along[1];
        region->corner[c][1] = y + u * along[1] + v * along[0];
    }
    region->score = sum / (double)f->n;
    return fmin(w, h) >= LEAST_SIDE && region->score >= LEAST_SCORE;
}

bool text_regions_find(const float *map, int width, int height, float threshold, text_region **ret_regions,
                       size_t *ret_n)
{
    size_t cells = (size_t)width * (size_t)height, n = 0;
    flood f = {map, width, height, threshold, calloc(cells, sizeof(bool)), malloc(cells * sizeof(int)), 0};
    text_region *regions = malloc((cells / LEAST_PIXELS + 1) * sizeof *regions);
    bool good = f.seen && f.pixels && regions;
    for (size_t at = 0; good && at < cells; at++) {
        fill(&f, (int)at);
        n += enclose(&f, &regions[n]);
    }
    free(f.seen);
    free(f.pixels);
    if (!good) {
        free(regions);
        return false;
    }
    *ret_regions = regions;
    *ret_n = n;
    return true;
}
