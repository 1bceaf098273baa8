/* The states of one boundary while the trellis grows: keys, found by their content. */
#ifndef MAE_PLAN_STATES_H
#define MAE_PLAN_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mae_states {
    size_t words; /* of a key */
    size_t n, room;
    uint64_t *keys;    /* n x words */
    uint32_t *table;   /* state + 1, or 0 */
    size_t table_room; /* a power of two */
} mae_states;

/* Empties, for keys of `words` words. */
void mae_states_reset(mae_states *states, size_t words);
/* The state of this key, added if it is new; SIZE_MAX when out of memory. */
size_t mae_states_add(mae_states *states, const uint64_t *key);
void mae_states_finish(mae_states *states);

static inline const uint64_t *mae_states_key(const mae_states *states, size_t state)
{
    return &states->keys[state * states->words];
}

#endif
