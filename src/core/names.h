/* Names to numbers: an open-addressing hash table in an arena. Names are not copied. */
#ifndef MAE_CORE_NAMES_H
#define MAE_CORE_NAMES_H

#include "base/arena.h"
#include "base/error.h"

typedef struct mae_names {
    mae_arena *arena;
    size_t n, room; /* room is a power of two */
    struct mae_names_slot *slots;
} mae_names;

void mae_names_init(mae_names *names, mae_arena *arena);

/* The number of a name; -1 if it is not there. */
int mae_names_find(const mae_names *names, const char *name);

/* Adds a name that is not there yet, or gives it another number. */
MAE_MUST_CHECK mae_error *mae_names_put(mae_names *names, const char *name, int number);

#endif
