#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define CHUNK_BYTES (16 * 1024)

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
} chunk;

/* Data begins behind the header, rounded up so that it is aligned. */
#define HEADER_BYTES ((sizeof(chunk) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

struct mae_arena {
    chunk *chunks;
};

mae_arena *mae_arena_create(void)
{
    return calloc(1, sizeof(mae_arena));
}

void mae_arena_destroy(mae_arena *arena)
{
    if (!arena)
        return;
    for (chunk *c = arena->chunks; c;) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
    free(arena);
}

static chunk *add_chunk(mae_arena *arena, size_t size)
{
    size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    chunk *c = malloc(HEADER_BYTES + room);
    if (!c)
        return NULL;
    c->used = 0;
    c->size = room;
    /* A large object gets a chunk of its own behind the current one, which may still have room. */
    if (arena->chunks && size > CHUNK_BYTES / 4) {
        c->next = arena->chunks->next;
        arena->chunks->next = c;
    } else {
        c->next = arena->chunks;
        arena->chunks = c;
    }
    return c;
}

void *mae_arena_alloc(mae_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t need = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (need == 0)
        need = ALIGNMENT;
    chunk *c = arena->chunks;
    if (!c || c->size - c->used < need)
        c = add_chunk(arena, need);
    if (!c)
        return NULL;
    void *data = (char *)c + HEADER_BYTES + c->used;
    c->used += need;
    return memset(data, 0, need);
}

void *mae_arena_array(mae_arena *arena, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    return mae_arena_alloc(arena, n * size);
}

void *mae_arena_copy(mae_arena *arena, const void *data, size_t size)
{
    void *copy = mae_arena_alloc(arena, size);
    if (copy && size)
        memcpy(copy, data, size);
    return copy;
}

char *mae_arena_strndup(mae_arena *arena, const char *text, size_t length)
{
    char *copy = mae_arena_alloc(arena, length + 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *mae_arena_strdup(mae_arena *arena, const char *text)
{
    return mae_arena_strndup(arena, text, strlen(text));
}

char *mae_arena_printf(mae_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : mae_arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
