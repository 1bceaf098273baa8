#include "power/heat.h"

#include <stdio.h>
#include <string.h>

#include "power/sysfs.h"

/* Zones that are off say -256 degrees; broken ones, thousands. */
#define LEAST_C (-100.0)
#define MOST_C 300.0

static mae_error *look_at_zones(mae_arena *arena, const char *root, mae_heat *heat)
{
    mae_sysfs_list zones;
    MAE_TRY(mae_sysfs_find(arena, root, "sys/class/thermal/thermal_zone*", &zones));
    for (size_t i = 0; i < zones.n; i++) {
        double celsius = mae_sysfs_number_or(zones.paths[i], "temp", -1e9) * 1e-3;
        if (celsius < LEAST_C || celsius > MOST_C || (heat->known && celsius <= heat->celsius))
            continue;
        const char *type = mae_sysfs_text_or_null(arena, zones.paths[i], "type");
        heat->known = true;
        heat->celsius = celsius;
        snprintf(heat->zone, sizeof heat->zone, "%s", type ? type : mae_sysfs_base(zones.paths[i]));
    }
    return NULL;
}

/* A fan at work is no throttling. */
static mae_error *look_at_cooling(mae_arena *arena, const char *root, mae_heat *heat)
{
    mae_sysfs_list devices;
    MAE_TRY(mae_sysfs_find(arena, root, "sys/class/thermal/cooling_device*", &devices));
    for (size_t i = 0; i < devices.n; i++) {
        const char *type = mae_sysfs_text_or_null(arena, devices.paths[i], "type");
        if (type && !strcasestr(type, "fan"))
            heat->cooling += mae_sysfs_number_or(devices.paths[i], "cur_state", 0);
    }
    return NULL;
}

static mae_error *sum(mae_arena *arena, const char *root, const char *pattern, const char *name, double *total)
{
    mae_sysfs_list folders;
    MAE_TRY(mae_sysfs_find(arena, root, pattern, &folders));
    for (size_t i = 0; i < folders.n; i++)
        *total += mae_sysfs_number_or(folders.paths[i], name, 0);
    return NULL;
}

static mae_error *look(mae_arena *arena, const char *root, mae_heat *heat)
{
    MAE_TRY(look_at_zones(arena, root, heat));
    MAE_TRY(look_at_cooling(arena, root, heat));
    return sum(arena, root, "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle", "core_throttle_count",
               &heat->throttles);
}

void mae_heat_look(const char *root, mae_heat *ret_heat)
{
    mae_heat heat = {0};
    mae_arena *arena = mae_arena_create();
    /* What cannot be seen is not known. */
    if (arena)
        mae_error_free(look(arena, root ? root : "/", &heat));
    mae_arena_destroy(arena);
    *ret_heat = heat;
}

bool mae_heat_throttled(const mae_heat *before, const mae_heat *after)
{
    return after->throttles > before->throttles || after->cooling > before->cooling;
}
