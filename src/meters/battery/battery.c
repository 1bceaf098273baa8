#include "meters/battery/battery.h"

#include <string.h>

#include "power/file_meter.h"

#define USUAL_PERIOD_S 1.0
#define JOULES_PER_MICRO_WH 3600e-6

static bool has(const char *folder, const char *name)
{
    return mae_sysfs_number_or(folder, name, -1e300) != -1e300;
}

static const char *child(mae_file_meter *meter, const char *folder, const char *name)
{
    return mae_arena_printf(mae_file_meter_arena(meter), "%s/%s", folder, name);
}

static mae_error *add_power(mae_file_meter *meter, const char *folder, const char *device)
{
    mae_file_rail rail = {
        .rail = {.kind = MAE_RAIL_POWER, .name = device, .device = device, .period_s = USUAL_PERIOD_S},
        .scale = 1e-6,
        .either_sign = true};
    if (has(folder, "power_now")) {
        rail.files[0] = child(meter, folder, "power_now");
    } else if (has(folder, "current_now") && has(folder, "voltage_now")) {
        rail.files[0] = child(meter, folder, "current_now");
        rail.files[1] = child(meter, folder, "voltage_now");
        rail.scale = 1e-12;
    } else {
        return NULL;
    }
    return mae_file_meter_add(meter, &rail);
}

/* Gauges step in thousands of microwatt-hours or microampere-hours at best. */
static mae_error *add_store(mae_file_meter *meter, const char *folder, const char *device)
{
    mae_file_rail rail = {.rail = {.kind = MAE_RAIL_ENERGY, .device = device, .period_s = USUAL_PERIOD_S},
                          .scale = JOULES_PER_MICRO_WH,
                          .falls = true};
    rail.rail.name = mae_arena_printf(mae_file_meter_arena(meter), "%s/energy", device);
    rail.rail.resolution = 1000 * JOULES_PER_MICRO_WH;
    if (has(folder, "energy_now")) {
        rail.files[0] = child(meter, folder, "energy_now");
    } else if (has(folder, "charge_now") && has(folder, "voltage_now")) {
        /* At one voltage throughout: it sags under load, and what is left in the battery does not. */
        double volts = mae_sysfs_number_or(folder, "voltage_now", 0) * 1e-6;
        rail.files[0] = child(meter, folder, "charge_now");
        rail.scale *= volts;
        rail.rail.resolution *= volts;
    } else {
        return NULL;
    }
    return mae_file_meter_add(meter, &rail);
}

static mae_error *scan(mae_file_meter *meter, const char *root)
{
    mae_sysfs_list supplies;
    MAE_TRY(mae_sysfs_find(mae_file_meter_arena(meter), root, "sys/class/power_supply/*", &supplies));
    for (size_t i = 0; i < supplies.n; i++) {
        const char *type = mae_sysfs_text_or_null(mae_file_meter_arena(meter), supplies.paths[i], "type");
        if (!type || strcmp(type, "Battery") != 0)
            continue;
        const char *device = mae_sysfs_base(supplies.paths[i]);
        MAE_TRY(add_power(meter, supplies.paths[i], device));
        MAE_TRY(add_store(meter, supplies.paths[i], device));
    }
    return NULL;
}

static mae_error *open_battery(const char *root, mae_meter **ret_meter)
{
    mae_file_meter *meter;
    MAE_TRY(mae_file_meter_create(&mae_meter_battery, &meter));
    return mae_file_meter_finish(meter, scan(meter, root), "no battery", ret_meter);
}

const mae_meter_driver mae_meter_battery = {.name = "battery",
                                            .open = open_battery,
                                            .rails = mae_file_meter_rails,
                                            .read = mae_file_meter_read,
                                            .close = mae_file_meter_close};
