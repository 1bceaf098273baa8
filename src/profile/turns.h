/* Programs measured turn by turn, so that a machine that drifts drifts for all of them. */
#ifndef MAE_PROFILE_TURNS_H
#define MAE_PROFILE_TURNS_H

#include "base/arena.h"
#include "base/stats.h"
#include "pe/program.h"

/* One program, and what its frames took. */
typedef struct mae_turn {
    mae_program *program;
    size_t n_segments;
    size_t n_samples, room;
    double *frame_ms;    /* n_samples */
    double **segment_ms; /* n_segments x n_samples */
    double *usual_ms;    /* n_segments; see mae_turn_settle() */
    double *when;        /* n_samples: in looks at how fast the machine is (profile/pace.h) */
    double *scratch;     /* room; for medians */
    mae_program_stamp *stamps;
} mae_turn;

MAE_MUST_CHECK mae_error *mae_turn_init(mae_turn *turn, mae_program *program, size_t room, mae_arena *arena);

/* Two frames that do not count, for what other programs left in the caches, and `frames` that do, at the time
 * `when`, in looks at how fast the machine is. */
MAE_MUST_CHECK mae_error *mae_turn_take(mae_turn *turn, size_t frames, double when);

mae_stats_median mae_turn_frame(const mae_turn *turn);
mae_stats_median mae_turn_segment(const mae_turn *turn, size_t segment);

/* What each segment takes of a usual frame: its mean over the middle half of the frames, so scaled that all of them
 * make the median frame. Medians of segments do not add up to that of frames, least of all where a machine is busy
 * with other things: a frame is disturbed more often than each of its segments. After the last turn. */
void mae_turn_settle(mae_turn *turn);

/* Is the 95 % interval of the frame's median within +- `relative` of it? */
bool mae_turn_is_tight(const mae_turn *turn, double relative);

#endif
