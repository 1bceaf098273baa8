/* An arena: memory that is freed all at once. What nouns live in. */
#ifndef MAE_BASE_ARENA_H
#define MAE_BASE_ARENA_H

#include <stddef.h>

#include "mae/error.h"

typedef struct mae_arena mae_arena;

/* NULL when out of memory. */
mae_arena *mae_arena_create(void);
void mae_arena_destroy(mae_arena *arena); /* takes NULL */

/* Zeroed memory for any object, 16-byte aligned; NULL when out of memory. A size of 0 gives a valid
 * pointer. */
void *mae_arena_alloc(mae_arena *arena, size_t size);

/* Zeroed array; NULL when out of memory or when n * size overflows. */
void *mae_arena_array(mae_arena *arena, size_t n, size_t size);
void *mae_arena_copy(mae_arena *arena, const void *data, size_t size);
char *mae_arena_strdup(mae_arena *arena, const char *text);
char *mae_arena_strndup(mae_arena *arena, const char *text, size_t length);
char *mae_arena_printf(mae_arena *arena, const char *format, ...) MAE_PRINTF(2, 3);

#endif
