/* Memory that units compute in while they run, and need no longer.
 *
 * Segments of a frame run one after the other. With memory of its own each would find it pushed out of the caches by
 * those before; in the same memory it finds there what they have just left. So it is taken for a run and given back.
 * Who runs at the same time, on another thread, gets other memory. All calls may come from any thread. */
#ifndef MAE_BASE_SCRATCH_H
#define MAE_BASE_SCRATCH_H

#include <stddef.h>

#include "base/error.h"

typedef struct mae_scratch {
    void *memory; /* aligned as blocks of a mae_heap; NULL: none */
    int slot;     /* of the module's; -1: memory of its own */
} mae_scratch;

/* At least `bytes`, not zeroed; `memory` is NULL when out of memory. Where `wish` is a slot (0 or more) and free, that
 * one, whose memory is where it was before unless it had to become larger. */
mae_scratch mae_scratch_take(size_t bytes, int wish);
void mae_scratch_give(mae_scratch scratch);

/* The same for who keeps addresses in it: wishes for what *scratch was the last time (to begin with zeroed), and calls
 * `move` where it is other memory now. If that fails nothing is taken, and the next time moves in any case. */
MAE_MUST_CHECK mae_error *mae_scratch_take_again(mae_scratch *scratch, size_t bytes, mae_error *(*move)(void *ctx),
                                                 void *ctx);

/* Gives back the memory of slots that nobody has taken. For when a PE is closed. */
void mae_scratch_trim(void);

#endif
