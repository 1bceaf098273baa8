/* Contestants measured turn by turn: A B C, B C A, C A B, ... Nothing but ratios within one such run is comparable. */
#ifndef MAE_BENCH_ROUNDS_H
#define MAE_BENCH_ROUNDS_H

#include "mae/mae.h"

#define MOST_ROUNDS 200

typedef struct contestant {
    const char *name;
    /* Runs so many frames and says how long they took together; false: it failed and has said why. */
    bool (*run)(void *ctx, int frames, double *ret_ms);
    void *ctx;
    double ms[MOST_ROUNDS]; /* per round: mean of the frames that count */
    size_t n;
} contestant;

bool run_session(void *session, int frames, double *ret_ms); /* ctx: a mae_session */

/* At least `least` rounds, then until the time is up. Without a period (0) frames come one after another; each turn
 * begins with some that do not count: the first ones after another network ran find that one's weights in the caches.
 */
bool run_rounds(contestant *contestants, size_t n, double period_ms, size_t least, double seconds);

/* The same on machines whose speed changes from one second to the next: the reference runs before and after each turn,
 * and what a turn took is divided by what that took around it, times the reference's median. It is none of the
 * contestants, but may run what one of them runs. */
bool run_rounds_beside(contestant *contestants, size_t n, contestant *reference, double period_ms, size_t least,
                       double seconds);

/* Medians over rounds with their distribution-free 95 % interval; of a, and of a / b round by round. */
mae_interval interval_of(const contestant *a);
mae_interval ratio_of(const contestant *a, const contestant *b);

/* Prints an error, if there is one; true if there was none. */
bool fine(mae_error *error);

#endif
