/* How fast the machine is at the moment: shared and heated machines change their speed by tens of percent from one
 * second to the next, which is longer than a turn and shorter than a round of turns. Between two turns, or every few
 * where it would take long beside them, a program of each resource runs, and what a turn took is divided by how much
 * longer than usual that took around it. */
#ifndef MAE_PROFILE_PACE_H
#define MAE_PROFILE_PACE_H

#include "profile/survey.h"

#define MAE_PACE_MOST_RESOURCES 4
#define MAE_PACE_SHARE 0.5 /* of the turns: looking does not take more */

/* What the program of one resource took, each time. */
typedef struct mae_pace_lane {
    size_t subject;
    double *ms; /* n_looks */
} mae_pace_lane;

typedef struct mae_pace {
    mae_survey *survey;
    size_t n_lanes; /* 0: nothing is looked at */
    mae_pace_lane lanes[MAE_PACE_MOST_RESOURCES];
    const int *lane_of_pe; /* -1: none */
    size_t every;          /* a look at each so many turns */
    size_t n_turns, n_looks, room;
    double *scratch; /* room */
} mae_pace;

/* For the programs compiled now, each of which takes at most `turns` turns. A resource's program is one that runs the
 * network on it alone; where one has none, or looking every few turns of `turn_ms` would still take too long, all go
 * without, as they do with a `turn_ms` of 0. Looks for the first time. */
MAE_MUST_CHECK mae_error *mae_pace_init(mae_survey *survey, size_t turns, double turn_ms, mae_pace *ret_pace);

/* When the next turn is, in looks: 2.5 is in the middle between the third look and the fourth. */
double mae_pace_now(const mae_pace *pace);

/* A turn is over: looks if it is time to. */
MAE_MUST_CHECK mae_error *mae_pace_turn_done(mae_pace *pace);

/* All turns are over: takes the machine's speed out of all their times, if it changed by more than programs always do,
 * and notes in the survey what it found. */
MAE_MUST_CHECK mae_error *mae_pace_even_out(mae_pace *pace);

#endif
