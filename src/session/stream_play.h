/* Playing a script (stream_play.c), the strategies (stream_strategy.c), and the result (stream_result.c). */
#ifndef MAE_SESSION_STREAM_PLAY_H
#define MAE_SESSION_STREAM_PLAY_H

#include "session/virtual.h"

#define PLAY_TAGS 16 /* different inputs, in turn: a stale output is another frame's */

typedef struct play_work {
    const mae_play_options *options;
    mae_arena *arena;
    mae_scenario *scenario;
    mae_profile *profile;
    mae_rules *rules;
    mae_timeline *timeline;
    mae_front *front; /* of all PEs */
    mae_optimum *optimum;
    size_t n_mappings; /* that the optimum chooses from */
    const int **mappings;
    void *inputs[PLAY_TAGS], *outputs[PLAY_TAGS]; /* all of a frame's, one after the other */
    size_t n_strategies;
    mae_play_strategy *strategies;
    size_t done;        /* strategies */
    double *latency_ms; /* of one strategy's answered frames */
} play_work;

/* What all times of a frame are multiplied by: the same whoever runs it. `ctx` is the scenario. */
double play_noise(void *ctx, size_t frame);
/* The right outputs of each tag. */
MAE_MUST_CHECK mae_error *play_reference(play_work *work);
/* A mapping for every frame (`choice`: an index into `mappings`, -1: none; NULL: always the first). */
MAE_MUST_CHECK mae_error *play_fixed(play_work *work, const char *name, const int *const *mappings, size_t n_mappings,
                                     const int *choice, mae_play_strategy *strategy);
MAE_MUST_CHECK mae_error *play_live(play_work *work, const char *name, mae_play_strategy *strategy);

#endif
