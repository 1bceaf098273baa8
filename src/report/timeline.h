/* Which frames of a trace are drawn: the same in the picture and among the figures. */
#ifndef MAE_REPORT_TIMELINE_H
#define MAE_REPORT_TIMELINE_H

#include "report/page.h"

#define MAE_MOST_TIMELINES 6 /* things that ran */
#define MAE_MOST_EVENTS 500  /* of a frame */
#define MAE_MOST_MARKS 500

/* Of one thing that ran: the frame of median length, and the 5 % and 95 % quantiles of the lengths. */
typedef struct mae_timeline_of {
    const mae_report_frame *frame;
    size_t n;
    double low_ms, high_ms;
} mae_timeline_of;

typedef struct mae_timeline_frames {
    size_t n;
    mae_timeline_of of[MAE_MOST_TIMELINES];
} mae_timeline_frames;

/* When frames began and meters were read, in seconds: what the pictures of a whole trace share. */
mae_range mae_timeline_span(const mae_report_trace *trace);

#define MAE_MOST_RAILS 8 /* that are drawn */

/* Of a rail's readings. */
typedef struct mae_watts_summary {
    double mean, least, most;
} mae_watts_summary;

mae_watts_summary mae_watts_of(const mae_report_rail *rail);
/* Lines of the watts; nothing of a trace without them. */
void mae_page_watts(const mae_page *page);

MAE_MUST_CHECK mae_error *mae_timeline_choose(const mae_report_trace *trace, mae_arena *arena,
                                              mae_timeline_frames *ret);

#endif
