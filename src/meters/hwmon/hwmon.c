#include "meters/hwmon/hwmon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "power/file_meter.h"

#define MOST_CHANNELS 32
/* A sensor that does not tell how often it is renewed. */
#define USUAL_PERIOD_S 0.05
#define SHUNT_STEP_UV 40.0 /* of an INA3221, by its data sheet */

static const char *child(mae_file_meter *meter, const char *folder, const char *format, int n)
{
    char name[64];
    snprintf(name, sizeof name, format, n);
    return mae_arena_printf(mae_file_meter_arena(meter), "%s/%s", folder, name);
}

static bool has(const char *folder, const char *format, int n)
{
    char name[64];
    snprintf(name, sizeof name, format, n);
    return mae_sysfs_number_or(folder, name, -1e300) != -1e300;
}

static bool is_no_rail(const char *label)
{
    return label && (strcasecmp(label, "NC") == 0 || strcasecmp(label, "sum of shunt voltages") == 0);
}

static const char *label_of(mae_file_meter *meter, const char *folder, const char *format, int n)
{
    char name[64];
    snprintf(name, sizeof name, format, n);
    return mae_sysfs_text_or_null(mae_file_meter_arena(meter), folder, name);
}

static const char *name_of(mae_file_meter *meter, const char *label, const char *kind, int n)
{
    return label ? label : mae_arena_printf(mae_file_meter_arena(meter), "%s%d", kind, n);
}

/* Sensors that tell it give the time of one conversion of all channels, in milliseconds. */
static void set_period(mae_file_meter *meter, mae_file_rail *rail, const char *folder)
{
    const char *text = mae_sysfs_text_or_null(mae_file_meter_arena(meter), folder, "update_interval");
    double ms = text ? strtod(text, NULL) : 0;
    ms = ms < 1e6 ? ms : 0;
    rail->rail.period_told = ms > 0;
    rail->rail.period_s = ms > 0 ? ms * 1e-3 : USUAL_PERIOD_S;
}

/* Watts of the smallest step of the current: 40 uV over the shunt, at the present voltage. */
static double step_of_current(const char *folder, int n)
{
    char shunt[64], volts[64];
    snprintf(shunt, sizeof shunt, "shunt%d_resistor", n);
    snprintf(volts, sizeof volts, "in%d_input", n);
    double micro_ohms = mae_sysfs_number_or(folder, shunt, 0), mv = mae_sysfs_number_or(folder, volts, 0);
    double amperes = micro_ohms > 0 ? SHUNT_STEP_UV / micro_ohms : 1e-3;
    return amperes * mv * 1e-3;
}

/* Is inN the voltage that currN flows at? An INA3221's in4 to in6 are voltages over its shunts, and curr4 is the sum of
 * its currents; chips that are not known must say with a label that this is a rail. */
static bool is_pair(const char *chip, const char *folder, int n)
{
    char label[64];
    snprintf(label, sizeof label, "%s/in%d_label", folder, n);
    bool known = chip && strcmp(chip, "ina3221") == 0 ? n >= 1 && n <= 3 : access(label, R_OK) == 0;
    return known && has(folder, "in%d_input", n) && has(folder, "curr%d_input", n);
}

/* The best there is of channel n; NULL in files[0] when there is nothing. */
static mae_file_rail describe(mae_file_meter *meter, const char *chip, const char *folder, int n)
{
    mae_file_rail rail = {.rail.kind = MAE_RAIL_POWER};
    const char *kind = "in";
    if (has(folder, "energy%d_input", n)) {
        kind = "energy";
        rail = (mae_file_rail){.rail = {.kind = MAE_RAIL_ENERGY, .resolution = 1e-6},
                               .files = {child(meter, folder, "energy%d_input", n)},
                               .scale = 1e-6};
    } else if (has(folder, "power%d_input", n) || has(folder, "power%d_average", n)) {
        kind = "power";
        rail.files[0] = child(meter, folder, has(folder, "power%d_input", n) ? "power%d_input" : "power%d_average", n);
        rail.scale = 1e-6;
    } else if (is_pair(chip, folder, n)) {
        rail.files[0] = child(meter, folder, "in%d_input", n);
        rail.files[1] = child(meter, folder, "curr%d_input", n);
        rail.scale = 1e-6;
        rail.rail.resolution = step_of_current(folder, n);
    }
    char format[32];
    snprintf(format, sizeof format, "%s%%d_label", kind);
    const char *label = label_of(meter, folder, format, n);
    label = label ? label : label_of(meter, folder, "in%d_label", n);
    if (is_no_rail(label))
        rail.files[0] = NULL;
    rail.rail.name = name_of(meter, label, kind, n);
    set_period(meter, &rail, folder);
    return rail;
}

static mae_error *scan_chip(mae_file_meter *meter, const char *folder)
{
    const char *chip = mae_sysfs_text_or_null(mae_file_meter_arena(meter), folder, "name");
    for (int n = 0; n < MOST_CHANNELS; n++) {
        mae_file_rail rail = describe(meter, chip, folder, n);
        rail.rail.device = chip ? chip : mae_sysfs_base(folder);
        if (rail.files[0])
            MAE_TRY(mae_file_meter_add(meter, &rail));
    }
    return NULL;
}

static mae_error *scan_iio(mae_file_meter *meter, const char *folder)
{
    for (int n = 0; n < MOST_CHANNELS; n++) {
        const char *label = label_of(meter, folder, "rail_name_%d", n);
        if (!has(folder, "in_power%d_input", n) || is_no_rail(label))
            continue;
        mae_file_rail rail = {.rail = {.kind = MAE_RAIL_POWER,
                                       .name = name_of(meter, label, "power", n),
                                       .device = mae_sysfs_base(folder),
                                       .period_s = USUAL_PERIOD_S,
                                       .resolution = 1e-3},
                              .files = {child(meter, folder, "in_power%d_input", n)},
                              .scale = 1e-3};
        MAE_TRY(mae_file_meter_add(meter, &rail));
    }
    return NULL;
}

static mae_error *scan(mae_file_meter *meter, const char *root)
{
    mae_sysfs_list chips, devices;
    MAE_TRY(mae_sysfs_find(mae_file_meter_arena(meter), root, "sys/class/hwmon/hwmon*", &chips));
    for (size_t i = 0; i < chips.n; i++)
        MAE_TRY(scan_chip(meter, chips.paths[i]));
    MAE_TRY(mae_sysfs_find(mae_file_meter_arena(meter), root, "sys/bus/i2c/drivers/ina3221x/*/iio:device*", &devices));
    for (size_t i = 0; i < devices.n; i++)
        MAE_TRY(scan_iio(meter, devices.paths[i]));
    return NULL;
}

static mae_error *open_hwmon(const char *root, mae_meter **ret_meter)
{
    mae_file_meter *meter;
    MAE_TRY(mae_file_meter_create(&mae_meter_hwmon, &meter));
    return mae_file_meter_finish(meter, scan(meter, root), "no hwmon power sensor", ret_meter);
}

const mae_meter_driver mae_meter_hwmon = {.name = "hwmon",
                                          .open = open_hwmon,
                                          .rails = mae_file_meter_rails,
                                          .read = mae_file_meter_read,
                                          .close = mae_file_meter_close};
