/* A few slots, of which the first free one is taken. Modules have slots of their own. */
#include "base/scratch.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/heap.h"

#define SLOTS 16 /* more than that run at the same time with memory of their own */

static struct {
    pthread_mutex_t lock;
    struct {
        void *memory;
        size_t bytes;
        bool taken;
    } slots[SLOTS];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int find(int wish)
{
    if (wish >= 0 && wish < SLOTS && !all.slots[wish].taken)
        return wish;
    for (int i = 0; i < SLOTS; i++)
        if (!all.slots[i].taken)
            return i;
    return -1;
}

/* Makes the slot's memory large enough; the lock is held. */
static bool grow(int slot, size_t bytes)
{
    if (all.slots[slot].bytes >= bytes)
        return true;
    mae_heap_free(mae_heap_common(), all.slots[slot].memory);
    all.slots[slot].memory = mae_heap_alloc(mae_heap_common(), bytes);
    all.slots[slot].bytes = all.slots[slot].memory ? bytes : 0;
    return all.slots[slot].memory != NULL;
}

mae_scratch mae_scratch_take(size_t bytes, int wish)
{
    mae_scratch scratch = {NULL, -1};

    bytes = bytes ? bytes : 1;
    pthread_mutex_lock(&all.lock);
    int slot = find(wish);
    if (slot >= 0 && grow(slot, bytes)) {
        all.slots[slot].taken = true;
        scratch = (mae_scratch){all.slots[slot].memory, slot};
    }
    pthread_mutex_unlock(&all.lock);
    if (!scratch.memory)
        scratch.memory = mae_heap_alloc(mae_heap_common(), bytes);
    return scratch;
}

void mae_scratch_give(mae_scratch scratch)
{
    if (scratch.slot < 0) {
        mae_heap_free(mae_heap_common(), scratch.memory);
        return;
    }
    pthread_mutex_lock(&all.lock);
    all.slots[scratch.slot].taken = false;
    pthread_mutex_unlock(&all.lock);
}

mae_error *mae_scratch_take_again(mae_scratch *scratch, size_t bytes, mae_error *(*move)(void *ctx), void *ctx)
{
    const void *before = scratch->memory;

    *scratch = mae_scratch_take(bytes, scratch->slot);
    if (!scratch->memory)
        return mae_error_nomem();
    mae_error *error = scratch->memory != before ? move(ctx) : NULL;
    if (error) {
        mae_scratch_give(*scratch);
        scratch->memory = NULL;
    }
    return error;
}

void mae_scratch_trim(void)
{
    pthread_mutex_lock(&all.lock);
    for (int i = 0; i < SLOTS; i++) {
        if (all.slots[i].taken)
            continue;
        mae_heap_free(mae_heap_common(), all.slots[i].memory);
        all.slots[i].memory = NULL;
        all.slots[i].bytes = 0;
    }
    pthread_mutex_unlock(&all.lock);
}
