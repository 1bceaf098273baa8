#include "plan/corners.h"

#include <math.h>
#include <string.h>

static double inverse(double value)
{
    return value > 1e-300 ? 1 / value : 1e300; /* finite: 0 times it is 0 */
}

/* The lines that say most of a corner: those it lies least above. */
static void choose_lines(const mae_corners *c, double lat, double en, mae_corner *corner)
{
    double share[MAE_CORNERS_NEAR];
    size_t n = 0;
    for (size_t k = 2; k < c->n_lines; k++) {
        double by_line = c->lines[k][0] * lat + c->lines[k][1] * en, above = -c->least[k] * inverse(by_line);
        if (n == MAE_CORNERS_NEAR && above >= share[n - 1])
            continue;
        size_t at = n < MAE_CORNERS_NEAR ? n++ : n - 1;
        for (; at > 0 && share[at - 1] > above; at--) {
            share[at] = share[at - 1];
            corner->line[at] = corner->line[at - 1];
            corner->inverse[at] = corner->inverse[at - 1];
        }
        share[at] = above;
        corner->line[at] = k;
        corner->inverse[at] = inverse(by_line);
    }
    for (; n < MAE_CORNERS_NEAR; n++) { /* too few lines: those that are always asked */
        corner->line[n] = 0;
        corner->inverse[n] = inverse(lat);
    }
}

static void add_corner(mae_corners *c, mae_pair left, mae_pair right)
{
    double lat = (double)right.lat, en = (double)left.en;
    mae_corner *corner = &c->corners[c->n++];
    *corner = (mae_corner){.lat = inverse(lat), .en = inverse(en)};
    choose_lines(c, lat, en, corner);
}

/* Leaves out the lines that no corner asks. */
static void drop_lines(mae_corners *c)
{
    size_t to[2 + MAE_CORNERS_LINES] = {0, 1}, n = 2;
    for (size_t k = 2; k < c->n_lines; k++) {
        bool asked = false;
        for (size_t i = 0; i < c->n; i++)
            for (int l = 0; l < MAE_CORNERS_NEAR; l++)
                asked |= c->corners[i].line[l] == k;
        to[k] = n;
        memmove(c->lines[n], c->lines[k], sizeof *c->lines);
        n += asked;
    }
    c->n_lines = n;
    for (size_t i = 0; i < c->n; i++)
        for (int l = 0; l < MAE_CORNERS_NEAR; l++)
            c->corners[i].line[l] = to[c->corners[i].line[l]];
}

void mae_corners_set(mae_corners *c, const mae_pair *points, size_t n, bool first, bool last)
{
    size_t some = n < MAE_CORNERS_MAX ? n : MAE_CORNERS_MAX, at = 0;
    c->n = 0;
    for (size_t i = 1; i < some; i++) { /* any of them will do, as long as both ends are there */
        size_t next = i * (n - 1) / (some - 1);
        add_corner(c, points[at], points[next]);
        at = next;
    }
    if (!first)
        c->corners[c->n++] = (mae_corner){.lat = inverse((double)points[0].lat)};
    if (!last)
        c->corners[c->n++] = (mae_corner){.en = inverse((double)points[n - 1].en)};
    drop_lines(c);
}

double mae_corners_score(const void *context, const double *least)
{
    const mae_corners *c = context;
    double score = INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        const mae_corner *corner = &c->corners[i];
        double by_lat = least[0] * corner->lat, by_en = least[1] * corner->en;
        double above = by_lat > by_en ? by_lat : by_en;
        for (int k = 0; k < MAE_CORNERS_NEAR; k++) {
            double by_line = least[corner->line[k]] * corner->inverse[k];
            above = by_line > above ? by_line : above;
        }
        score = above < score ? above : score;
    }
    return score;
}
