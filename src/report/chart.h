/* What charts share: axes, frames, marks. Each chart is drawn twice, for wide pages and for phones, so that text keeps
 * its size. */
#ifndef MAE_REPORT_CHART_H
#define MAE_REPORT_CHART_H

#include "report/html.h"

typedef struct mae_view {
    double width;
    bool narrow;
} mae_view;

#define MAE_N_VIEWS 2
extern const mae_view mae_views[MAE_N_VIEWS];

typedef struct mae_axis {
    double low, high; /* of the values ... */
    double from, to;  /* ... and where these are drawn */
    bool log;
} mae_axis;

/* An axis that holds these values with a little room; logarithmic (values above 0) or not. */
mae_axis mae_axis_over(double low, double high, double from, double to, bool log);
double mae_axis_at(const mae_axis *axis, double value);
bool mae_axis_holds(const mae_axis *axis, double value);

#define MAE_MOST_TICKS 24
/* Round numbers along the axis, about so many; how many there are. */
size_t mae_axis_ticks(const mae_axis *axis, size_t about, double ticks[MAE_MOST_TICKS]);

/* Grid lines with their numbers, and what the axis is of. `cross` says where they begin and end; numbers stand at
 * cross_from: below for an axis to the right, to the left of one upwards. */
void mae_chart_grid_right(mae_html *out, const mae_axis *axis, double top, double bottom, const char *title);
void mae_chart_grid_up(mae_html *out, const mae_axis *axis, double left, double right, const char *title);

/* <svg ...>, of which `label` is what a screen reader says. Marks within can be reached one by one. */
void mae_chart_open(mae_html *out, const mae_view *view, double height, const char *label);
void mae_chart_close(mae_html *out);

/* An interval along an axis to the right, with its ends; what lies beyond the axis is cut off. */
void mae_chart_interval(mae_html *out, const mae_axis *x, double low, double high, double y);

/* The shape that stands for the i-th of several kinds, of about this radius: circles, squares, triangles, ... */
void mae_chart_shape(mae_html *out, size_t i, double x, double y, double radius);
#define MAE_N_SHAPES 6

/* Adds to a range; NAN-proof. Begin with MAE_RANGE_INIT. */
typedef struct mae_range {
    double low, high;
} mae_range;
#define MAE_RANGE_INIT                                                                                                 \
    {                                                                                                                  \
        1e300, -1e300                                                                                                  \
    }
void mae_range_add(mae_range *range, double value);

#endif
