#include "plan/states.h"

#include <stdlib.h>
#include <string.h>

void mae_states_reset(mae_states *states, size_t words)
{
    if (states->n > 0)
        memset(states->table, 0, states->table_room * sizeof *states->table);
    if (states->words > 0)
        states->room = states->room * states->words / words;
    states->words = words;
    states->n = 0;
}

void mae_states_finish(mae_states *states)
{
    free(states->keys);
    free(states->table);
    *states = (mae_states){0};
}

static size_t hash(const uint64_t *key, size_t words)
{
    uint64_t h = 0;
    for (size_t k = 0; k < words; k++) {
        h = (h ^ key[k]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return (size_t)h;
}

static bool grow_table(mae_states *states)
{
    size_t room = states->table_room ? 2 * states->table_room : 64;
    uint32_t *table = calloc(room, sizeof *table);
    if (!table)
        return false;
    for (size_t s = 0; s < states->n; s++) {
        size_t slot = hash(mae_states_key(states, s), states->words) & (room - 1);
        while (table[slot])
            slot = (slot + 1) & (room - 1);
        table[slot] = (uint32_t)s + 1;
    }
    free(states->table);
    states->table = table;
    states->table_room = room;
    return true;
}

static bool grow_keys(mae_states *states)
{
    size_t room = states->room ? 2 * states->room : 64;
    uint64_t *keys = realloc(states->keys, room * states->words * sizeof *keys);
    if (!keys)
        return false;
    states->keys = keys;
    states->room = room;
    return true;
}

size_t mae_states_add(mae_states *states, const uint64_t *key)
{
    if (2 * (states->n + 1) > states->table_room && !grow_table(states))
        return SIZE_MAX;
    size_t slot = hash(key, states->words) & (states->table_room - 1);
    for (; states->table[slot]; slot = (slot + 1) & (states->table_room - 1)) {
        size_t state = states->table[slot] - 1;
        if (memcmp(mae_states_key(states, state), key, states->words * sizeof *key) == 0)
            return state;
    }
    if ((states->n == states->room || states->n >= UINT32_MAX - 1) && !grow_keys(states))
        return SIZE_MAX;
    memcpy(&states->keys[states->n * states->words], key, states->words * sizeof *key);
    states->table[slot] = (uint32_t)states->n + 1;
    return states->n++;
}
