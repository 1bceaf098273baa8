/* Names to indices: an open-addressing hash table in an arena. Names are not copied. */
#ifndef MAE_CORE_NAMES_H
#define MAE_CORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

typedef struct mae_names {
    const char **names;
    int *values;
    size_t room; /* a power of two, or 0 */
} mae_names;

/* Room for `n` names; false when out of memory. */
bool mae_names_init(mae_names *names, mae_arena *arena, size_t n);

/* The index of a name; -1 if it is not there. */
int mae_names_find(const mae_names *names, const char *name);

/* Adds a name. False if it is there already (or the table is full, which the caller rules out). */
bool mae_names_put(mae_names *names, const char *name, int value);

#endif
