#include "core/names.h"

#include <stdint.h>
#include <string.h>

typedef struct mae_names_slot {
    const char *name; /* NULL: free */
    int number;
} slot;

void mae_names_init(mae_names *names, mae_arena *arena)
{
    *names = (mae_names){.arena = arena};
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h ^ h >> 32;
}

/* The slot of the name, or the free one where it belongs. */
static slot *seek(slot *slots, size_t room, const char *name)
{
    size_t i = (size_t)hash(name) & (room - 1);
    while (slots[i].name && strcmp(slots[i].name, name) != 0)
        i = (i + 1) & (room - 1);
    return &slots[i];
}

int mae_names_find(const mae_names *names, const char *name)
{
    if (!names->room)
        return -1;
    const slot *at = seek(names->slots, names->room, name);
    return at->name ? at->number : -1;
}

static mae_error *grow(mae_names *names)
{
    size_t room = names->room ? names->room * 2 : 16;
    slot *slots = mae_arena_array(names->arena, room, sizeof *slots);
    if (!slots)
        return mae_error_nomem();
    for (size_t i = 0; i < names->room; i++)
        if (names->slots[i].name)
            *seek(slots, room, names->slots[i].name) = names->slots[i];
    names->slots = slots;
    names->room = room;
    return NULL;
}

mae_error *mae_names_put(mae_names *names, const char *name, int number)
{
    if ((names->n + 1) * 2 > names->room)
        MAE_TRY(grow(names));
    slot *at = seek(names->slots, names->room, name);
    if (!at->name)
        names->n++;
    *at = (slot){name, number};
    return NULL;
}
