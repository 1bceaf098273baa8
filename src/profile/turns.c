#include "profile/turns.h"

#include <string.h>

#define COLD_FRAMES 2 /* a turn */

mae_error *mae_turn_init(mae_turn *turn, mae_program *program, size_t room, mae_arena *arena)
{
    mae_turn own = {.program = program, .n_segments = mae_program_n_segments(program), .room = room};
    own.frame_ms = mae_arena_array(arena, room, sizeof(double));
    own.scratch = mae_arena_array(arena, room, sizeof(double));
    own.segment_ms = mae_arena_array(arena, own.n_segments, sizeof(double *));
    own.usual_ms = mae_arena_array(arena, own.n_segments, sizeof(double));
    own.when = mae_arena_array(arena, room, sizeof *own.when);
    own.stamps = mae_arena_array(arena, own.n_segments, sizeof *own.stamps);
    if (!own.frame_ms || !own.scratch || !own.segment_ms || !own.usual_ms || !own.when || !own.stamps)
        return mae_error_nomem();
    for (size_t s = 0; s < own.n_segments; s++)
        if (!(own.segment_ms[s] = mae_arena_array(arena, room, sizeof(double))))
            return mae_error_nomem();
    *turn = own;
    return NULL;
}

mae_error *mae_turn_take(mae_turn *turn, size_t frames, double when)
{
    for (size_t k = 0; k < COLD_FRAMES; k++)
        MAE_TRY(mae_program_run(turn->program, NULL));
    for (size_t i = 0; i < frames && turn->n_samples < turn->room; i++) {
        MAE_TRY(mae_program_run(turn->program, turn->stamps));
        uint64_t begin = turn->stamps[0].begin_ns;
        for (size_t s = 0; s < turn->n_segments; s++) {
            turn->segment_ms[s][turn->n_samples] = (double)(turn->stamps[s].end_ns - begin) * 1e-6;
            begin = turn->stamps[s].end_ns;
        }
        turn->when[turn->n_samples] = when;
        turn->frame_ms[turn->n_samples++] = (double)(begin - turn->stamps[0].begin_ns) * 1e-6;
    }
    return NULL;
}

static mae_stats_median median_of(const mae_turn *turn, const double *samples)
{
    memcpy(turn->scratch, samples, turn->n_samples * sizeof *samples);
    return mae_stats_median_of(turn->scratch, turn->n_samples);
}

mae_stats_median mae_turn_frame(const mae_turn *turn)
{
    return median_of(turn, turn->frame_ms);
}

mae_stats_median mae_turn_segment(const mae_turn *turn, size_t segment)
{
    return median_of(turn, turn->segment_ms[segment]);
}

void mae_turn_settle(mae_turn *turn)
{
    double median = mae_turn_frame(turn).median; /* leaves the scratch sorted */
    double low = mae_stats_quantile(turn->scratch, turn->n_samples, 0.25);
    double high = mae_stats_quantile(turn->scratch, turn->n_samples, 0.75), sum = 0;
    memset(turn->usual_ms, 0, turn->n_segments * sizeof(double));
    for (size_t i = 0; i < turn->n_samples; i++) {
        if (turn->frame_ms[i] < low || turn->frame_ms[i] > high)
            continue;
        sum += turn->frame_ms[i];
        for (size_t s = 0; s < turn->n_segments; s++)
            turn->usual_ms[s] += turn->segment_ms[s][i];
    }
    for (size_t s = 0; s < turn->n_segments; s++)
        turn->usual_ms[s] *= sum > 0 ? median / sum : 0;
}

bool mae_turn_is_tight(const mae_turn *turn, double relative)
{
    mae_stats_median frame = mae_turn_frame(turn);
    return frame.high - frame.low <= 2 * relative * frame.median;
}
