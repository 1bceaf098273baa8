/* Which gaps between the supported points are searched next, and how far. The number of labels grows fast with the
 * distance from the lines up to which they are kept, and what the ends of a gap alone leave open is far wider than
 * what turns out to be: so a little is searched first, which narrows what is left. */
#include <math.h>
#include <stdlib.h>

#include "plan/front_hull.h"

#define FIRST_SHARE 8 /* of the median gap: with many layers gaps turn out to be that much narrower */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double width(const mae_front_gap *gap)
{
    return gap->least > 0 ? gap->top / gap->least - 1 : 0;
}

double mae_front_hull_first_step(const mae_front_hull *hull)
{
    size_t n = hull->wanted.n;
    double *widths = malloc((n + 1) * sizeof *widths), step = 1;
    for (size_t k = 0; k < n && widths; k++)
        widths[k] = width(&hull->gaps[k]);
    if (n > 0 && widths) {
        qsort(widths, n, sizeof *widths, compare_doubles);
        step = fmax(fmax(widths[n / 2] / FIRST_SHARE, widths[n - 1] / 4096), 1e-9);
    }
    free(widths);
    return step;
}

bool mae_front_hull_aim(mae_front_hull *hull, double step)
{
    bool open = false;
    for (size_t k = 0; k < hull->wanted.n; k++) {
        const mae_front_gap *gap = &hull->gaps[k];
        hull->wanted.most[k] = gap->done        ? -INFINITY
                               : gap->least > 0 ? fmin(gap->top, gap->least * (1 + step))
                                                : gap->top;
        open |= !gap->done;
    }
    return open;
}

/* The last gap that begins at this lat or before. */
bool mae_front_hull_open_at(const mae_front_hull *hull, int64_t lat)
{
    size_t low = 0, high = hull->wanted.n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (hull->gaps[middle].low.lat <= lat)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const mae_front_gap *gap = &hull->gaps[low - 1];
    bool before = low > 1 && lat == gap->low.lat && lat == gap[-1].high.lat && !gap[-1].done;
    return before || (!gap->done && lat <= gap->high.lat);
}

/* What no known point covers lies below the corner of two that follow each other. */
static double top_of(const mae_front_hull *hull, size_t k, const mae_pair *points, size_t n)
{
    mae_pair last = hull->gaps[k].low, end = hull->gaps[k].high;
    double a = hull->wanted.a[k], b = hull->wanted.b[k], top = -INFINITY;
    size_t low = 0, high = n;
    while (low < high) { /* the first point behind the gap's beginning */
        size_t middle = (low + high) / 2;
        if (points[middle].lat <= last.lat)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && points[low].lat < end.lat; low++) {
        if (points[low].en >= last.en || points[low].en <= end.en)
            continue;
        top = fmax(top, a * (double)points[low].lat + b * (double)last.en);
        last = points[low];
    }
    top = fmax(top, a * (double)end.lat + b * (double)last.en);
    return top / (1 + hull->epsilon) * (1 + 1e-12);
}

void mae_front_hull_learn(mae_front_hull *hull, const mae_pair *points, size_t n)
{
    for (size_t k = 0; k < hull->wanted.n; k++) {
        mae_front_gap *gap = &hull->gaps[k];
        gap->top = fmin(gap->top, top_of(hull, k, points, n));
        gap->done |= gap->top <= hull->wanted.most[k];
    }
}
