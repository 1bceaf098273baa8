#include "meters/powercap/powercap.h"

#include <string.h>

#include "power/file_meter.h"

#define RENEWED_S 1e-3 /* about, by Intel's manual */
#define STEP_J 61e-6   /* 2^-14 J, the usual unit */

/* "intel-rapl:0:1" is a part of "intel-rapl:0". */
static const char *parent_name(mae_arena *arena, const char *folder)
{
    const char *last = strrchr(folder, ':'), *base = mae_sysfs_base(folder);
    const char *first = strchr(base, ':');
    if (!first || first == last)
        return NULL;
    const char *parent = mae_arena_strndup(arena, folder, (size_t)(last - folder));
    return parent ? mae_sysfs_text_or_null(arena, parent, "name") : NULL;
}

static mae_error *add_domain(mae_file_meter *meter, const char *folder)
{
    mae_arena *arena = mae_file_meter_arena(meter);
    const char *name = mae_sysfs_text_or_null(arena, folder, "name"), *parent = parent_name(arena, folder);
    name = name ? name : mae_sysfs_base(folder);
    mae_file_rail rail = {.rail = {.kind = MAE_RAIL_ENERGY,
                                   .name = parent ? mae_arena_printf(arena, "%s/%s", parent, name) : name,
                                   .device = mae_sysfs_base(folder),
                                   .period_s = RENEWED_S,
                                   .resolution = STEP_J,
                                   .range_j = mae_sysfs_number_or(folder, "max_energy_range_uj", 0) * 1e-6},
                          .files = {mae_arena_printf(arena, "%s/energy_uj", folder)},
                          .scale = 1e-6};
    return mae_file_meter_add(meter, &rail);
}

static mae_error *scan(mae_file_meter *meter, const char *root, mae_error **why)
{
    mae_sysfs_list domains;
    MAE_TRY(mae_sysfs_find(mae_file_meter_arena(meter), root, "sys/class/powercap/*:*", &domains));
    for (size_t i = 0; i < domains.n; i++) {
        char path[4096], text[MAE_SYSFS_MOST_TEXT];
        if (strlen(domains.paths[i]) > 4000)
            continue;
        strcat(strcpy(path, domains.paths[i]), "/energy_uj");
        mae_error *error = mae_sysfs_text(path, text);
        if (!error)
            MAE_TRY(add_domain(meter, domains.paths[i]));
        mae_error_free(*why);
        *why = error;
    }
    return NULL;
}

static mae_error *open_powercap(const char *root, mae_meter **ret_meter)
{
    mae_file_meter *meter;
    MAE_TRY(mae_file_meter_create(&mae_meter_powercap, &meter));
    mae_error *why = NULL, *error = scan(meter, root, &why);
    /* The error copies the text before `why` is freed. */
    error = mae_file_meter_finish(meter, error, why ? mae_error_message(why) : "no RAPL domain", ret_meter);
    mae_error_free(why);
    return error;
}

const mae_meter_driver mae_meter_powercap = {.name = "powercap",
                                             .open = open_powercap,
                                             .rails = mae_file_meter_rails,
                                             .read = mae_file_meter_read,
                                             .close = mae_file_meter_close};
