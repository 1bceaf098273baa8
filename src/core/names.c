#include "core/names.h"

#include <stdint.h>
#include <string.h>

bool mae_names_init(mae_names *names, mae_arena *arena, size_t n)
{
    size_t room = 8;
    while (room / 2 <= n) {
        if (room > SIZE_MAX / 4)
            return false;
        room *= 2;
    }
    names->names = mae_arena_array(arena, room, sizeof *names->names);
    names->values = mae_arena_array(arena, room, sizeof *names->values);
    names->room = room;
    return names->names && names->values;
}

/* FNV-1a, finished by a multiplication: short names that differ in the last byte spread. */
static size_t hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        h = (h ^ *c) * 0x100000001b3u;
    return (size_t)((h ^ (h >> 29)) * 0x9e3779b97f4a7c15u >> 20);
}

static size_t slot_of(const mae_names *names, const char *name)
{
    size_t slot = hash(name) & (names->room - 1);
    while (names->names[slot] && strcmp(names->names[slot], name) != 0)
        slot = (slot + 1) & (names->room - 1);
    return slot;
}

int mae_names_find(const mae_names *names, const char *name)
{
    if (names->room == 0)
        return -1;
    size_t slot = slot_of(names, name);
    return names->names[slot] ? names->values[slot] : -1;
}

bool mae_names_put(mae_names *names, const char *name, int value)
{
    size_t slot = slot_of(names, name);
    if (names->names[slot])
        return false;
    names->names[slot] = name;
    names->values[slot] = value;
    return true;
}
