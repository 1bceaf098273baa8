/* Loads: what a looped program draws above idle. */
#ifndef MAE_PROFILE_LOADS_H
#define MAE_PROFILE_LOADS_H

#include "base/arena.h"
#include "pe/program.h"
#include "profile/energy.h"

/* Rails that are read together, and what they draw when nothing runs. */
typedef struct mae_idle {
    size_t n;
    size_t *rails; /* sorted */
    mae_gauge *gauge;
    double settle_s; /* until the sensors have forgotten what was before */
    bool known;
    double watts, half_w;
    double seen_s; /* when; by the clock */
    double first_w, last_w;
} mae_idle;

typedef struct mae_loads {
    mae_arena *arena;
    const mae_energy_options *options;
    size_t n_idles, idles_room;
    mae_idle *idles;
    char *refusal; /* the first time the meter could not answer: why; NULL: not yet */
} mae_loads;

/* What a program draws above idle while it loops. */
typedef struct mae_load {
    bool known; /* else the meter refused */
    double watts, half_w;
    double run_ms; /* one run */
    int blocks;
} mae_load;

/* The idleness of two lists of rails together (the second may be empty). */
MAE_MUST_CHECK mae_error *mae_loads_idle(mae_loads *loads, const size_t *rails, size_t n, const size_t *more,
                                         size_t n_more, mae_idle **ret_idle);
void mae_loads_finish(mae_loads *loads);

/* Watches idleness now. */
MAE_MUST_CHECK mae_error *mae_idle_watch(mae_loads *loads, mae_idle *idle, double seconds);

/* About so long takes a load to measure at the least. */
double mae_idle_least_s(const mae_idle *idle);

/* Loops the program until `half_w` is at most `relative` of the watts, or `most_s` are spent. Errors are the
 * program's; what the meter cannot do is in `known` and `refusal`. */
MAE_MUST_CHECK mae_error *mae_load_measure(mae_loads *loads, mae_idle *idle, mae_program *program, double relative,
                                           double most_s, mae_load *ret_load);

/* One block of runs, of at least so long, between two spans of idleness as long; the one before it is not watched again
 * where one has just been seen. */
MAE_MUST_CHECK mae_error *mae_load_block(mae_loads *loads, mae_idle *idle, mae_program *program, double seconds,
                                         mae_load *ret_load);

#endif
