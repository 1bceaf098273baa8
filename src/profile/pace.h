/* How fast the machine is at the moment: shared and heated machines change their speed by tens of percent from one
 * second to the next, which is longer than a turn and shorter than a round of turns. Between two turns a program of
 * each resource runs, and what a turn took is divided by how much longer than usual that took around it. */
#ifndef MAE_PROFILE_PACE_H
#define MAE_PROFILE_PACE_H

#include "profile/survey.h"

#define MAE_PACE_MOST_RESOURCES 4

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
    size_t n_looks, room;
    double *scratch; /* room */
} mae_pace;

/* For the programs compiled now, each of which takes at most `turns` turns. A resource's program is one that runs the
 * network on it alone; where one has none, or looking would take long beside the turns of `turn_ms`, all go without. */
MAE_MUST_CHECK mae_error *mae_pace_init(mae_survey *survey, size_t turns, double turn_ms, mae_pace *ret_pace);

/* Looks. Each turn is between two looks. */
MAE_MUST_CHECK mae_error *mae_pace_look(mae_pace *pace);

/* Takes the machine's speed out of all times of turns, if it changed by more than programs always do. */
void mae_pace_even_out(const mae_pace *pace);

#endif
