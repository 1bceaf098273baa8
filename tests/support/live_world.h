/* A live session on PEs that a test holds in its hand: real clock, and calls that hang or fail when they are told to.
 * Every layer adds 1 to all values, so the output is the input plus the number of layers, whatever the mapping. */
#ifndef MAE_TESTS_LIVE_WORLD_H
#define MAE_TESTS_LIVE_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/profile.h"
#include "session/internal.h"

#define LIVE_WORLD_LAYERS 6
#define LIVE_WORLD_VALUES 16

typedef struct live_world_pe {
    mae_pe base;
    atomic_bool hang, lost, fail;
    atomic_int inside; /* calls that are hanging */
    atomic_int runs;
    atomic_int users; /* instances that are open */
    int work_us; /* a layer */
} live_world_pe;

typedef struct live_world {
    mae_profile *profile;
    const mae_graph *graph;
    mae_context *context;
    mae_model model;
    live_world_pe *pes[2]; /* "fast", which takes more energy, and "lean" */
} live_world;

void live_world_open(live_world *world);
void live_world_close(live_world *world);
/* All calls that hang go on, and their threads get the time to. */
void live_world_release(live_world *world, int pe);

struct mae_live;
/* Sets an input of this value, runs a frame and fails the test unless the output is right. */
void live_world_frame(live_world *world, struct mae_live *live, float value);

#endif
