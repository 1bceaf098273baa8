/* The meters (meters/) on folder trees laid out like boards. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/error.h"
#include "meters/battery/battery.h"
#include "meters/hwmon/hwmon.h"
#include "meters/powercap/powercap.h"
#include "power/heat.h"
#include "support/tree.h"

static mae_meter *open_meter(const mae_meter_driver *driver, const test_tree *tree)
{
    mae_meter *meter = NULL;
    mae_error *error = driver->open(tree->root, &meter);
    if (error)
        fail_msg("%s", mae_error_message(error));
    return meter;
}

static size_t find(mae_meter *meter, const char *name, const mae_rail **ret_rail)
{
    const mae_rail *rails;
    size_t n = meter->driver->rails(meter, &rails), at = n;
    for (size_t i = 0; i < n; i++)
        if (strcmp(rails[i].name, name) == 0)
            at = i;
    if (at == n)
        fail_msg("no rail %s", name);
    if (ret_rail)
        *ret_rail = &rails[at];
    return at;
}

static mae_reading read_rail(mae_meter *meter, const char *name)
{
    mae_reading reading;
    mae_error *error = meter->driver->read(meter, find(meter, name, NULL), &reading);
    if (error)
        fail_msg("%s", mae_error_message(error));
    return reading;
}

static size_t n_rails(mae_meter *meter)
{
    const mae_rail *rails;
    return meter->driver->rails(meter, &rails);
}

#define CHIP "sys/class/hwmon/hwmon3/"

static void put_channel(const test_tree *tree, const char *folder, int n, const char *label, int mv, int ma)
{
    char path[256];
    snprintf(path, sizeof path, "%sin%d_label", folder, n);
    tree_put(tree, path, "%s", label);
    snprintf(path, sizeof path, "%sin%d_input", folder, n);
    tree_put(tree, path, "%d", mv);
    snprintf(path, sizeof path, "%scurr%d_input", folder, n);
    tree_put(tree, path, "%d", ma);
}

/* An INA3221 as JetPack 5's kernel shows it. */
static void ina3221_of_jetpack5(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, CHIP "name", "ina3221");
    tree_put(&tree, CHIP "update_interval", "12");
    put_channel(&tree, CHIP, 1, "VDD_GPU_SOC", 19096, 224);
    put_channel(&tree, CHIP, 2, "VDD_CPU_CV", 19104, 80);
    put_channel(&tree, CHIP, 3, "NC", 0, 0);
    tree_put(&tree, CHIP "shunt1_resistor", "2000");
    tree_put(&tree, CHIP "in4_input", "1"); /* voltages over the shunts, and the sum of the currents */
    tree_put(&tree, CHIP "in5_input", "0");
    tree_put(&tree, CHIP "in7_label", "sum of shunt voltages");
    tree_put(&tree, CHIP "in7_input", "2");
    tree_put(&tree, CHIP "curr4_input", "304");
    tree_put(&tree, "sys/class/hwmon/hwmon0/name", "acpitz");
    tree_put(&tree, "sys/class/hwmon/hwmon0/temp1_input", "40000");
    mae_meter *meter = open_meter(&mae_meter_hwmon, &tree);
    assert_int_equal(n_rails(meter), 2);
    const mae_rail *rail;
    find(meter, "VDD_GPU_SOC", &rail);
    assert_string_equal(rail->device, "ina3221");
    assert_int_equal(rail->kind, MAE_RAIL_POWER);
    assert_true(rail->period_told && fabs(rail->period_s - 0.012) < 1e-12);
    assert_true(fabs(rail->resolution - 0.02 * 19.096) < 1e-9); /* 40 uV over 2 mOhm at 19.1 V */
    assert_true(fabs(read_rail(meter, "VDD_GPU_SOC").power_w - 19.096 * 0.224) < 1e-9);
    assert_true(fabs(read_rail(meter, "VDD_CPU_CV").power_w - 19.104 * 0.080) < 1e-9);
    put_channel(&tree, CHIP, 2, "VDD_CPU_CV", 19104, -8); /* noise about nothing */
    assert_true(fabs(read_rail(meter, "VDD_CPU_CV").power_w + 19.104 * 0.008) < 1e-9);
    meter->driver->close(meter);
    tree_finish(&tree);
}

#define IIO "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0/"

static void ina3221_of_jetpack4(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, IIO "rail_name_0", "GPU");
    tree_put(&tree, IIO "in_power0_input", "463");
    tree_put(&tree, IIO "rail_name_1", "CPU");
    tree_put(&tree, IIO "in_power1_input", "1236");
    tree_put(&tree, IIO "rail_name_2", "NC");
    tree_put(&tree, IIO "in_power2_input", "0");
    tree_put(&tree, "sys/bus/i2c/drivers/ina3221x/1-0041/iio:device1/rail_name_0", "CV");
    tree_put(&tree, "sys/bus/i2c/drivers/ina3221x/1-0041/iio:device1/in_power0_input", "0");
    mae_meter *meter = open_meter(&mae_meter_hwmon, &tree);
    assert_int_equal(n_rails(meter), 3);
    assert_true(read_rail(meter, "GPU").power_w == 0.463);
    assert_true(read_rail(meter, "CPU").power_w == 1.236);
    assert_true(read_rail(meter, "CV").power_w == 0);
    meter->driver->close(meter);
    tree_finish(&tree);
}

/* Chips that know power or energy are asked for that, energy first. */
static void better_channels_come_first(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, CHIP "name", "ina226");
    put_channel(&tree, CHIP, 1, "vdd", 5000, 1000);
    tree_put(&tree, CHIP "power1_input", "5100000");
    tree_put(&tree, CHIP "power2_average", "2000000");
    tree_put(&tree, CHIP "power2_label", "slow");
    tree_put(&tree, "sys/class/hwmon/hwmon10/name", "counter");
    tree_put(&tree, "sys/class/hwmon/hwmon10/energy1_input", "123456789");
    tree_put(&tree, "sys/class/hwmon/hwmon10/power1_input", "7");
    mae_meter *meter = open_meter(&mae_meter_hwmon, &tree);
    assert_int_equal(n_rails(meter), 3);
    assert_true(read_rail(meter, "vdd").power_w == 5.1);
    assert_true(read_rail(meter, "slow").power_w == 2);
    const mae_rail *rail;
    assert_int_equal(find(meter, "energy1", &rail), 2); /* hwmon10 behind hwmon3 */
    assert_int_equal(rail->kind, MAE_RAIL_ENERGY);
    assert_true(fabs(read_rail(meter, "energy1").energy_j - 123.456789) < 1e-9);
    meter->driver->close(meter);
    tree_finish(&tree);
}

static void failures_are_named(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    mae_meter *meter = NULL;
    mae_error *error = mae_meter_hwmon.open(tree.root, &meter);
    assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
    assert_string_equal(mae_error_message(error), "no hwmon power sensor");
    mae_error_free(error);
    tree_put(&tree, CHIP "name", "ina3221");
    put_channel(&tree, CHIP, 1, "VDD", 5000, 1000);
    meter = open_meter(&mae_meter_hwmon, &tree);
    static const char *const garbage[] = {"", "volts", "12 mA", "1e3", "0x10", "99999999999999999999999999"};
    mae_reading reading = {1, 2};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        tree_put(&tree, CHIP "curr1_input", "%s", garbage[i]);
        error = meter->driver->read(meter, 0, &reading);
        assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
        assert_non_null(strstr(mae_error_message(error), "curr1_input"));
        mae_error_free(error);
    }
    tree_remove(&tree, CHIP "curr1_input");
    error = meter->driver->read(meter, 0, &reading);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    assert_non_null(strstr(mae_error_message(error), "curr1_input"));
    mae_error_free(error);
    assert_true(reading.energy_j == 1 && reading.power_w == 2);
    meter->driver->close(meter);
    tree_finish(&tree);
}

#define RAPL "sys/class/powercap/intel-rapl"

static void rapl_domains(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, RAPL "/enabled", "1");
    tree_put(&tree, RAPL ":0/name", "package-0");
    tree_put(&tree, RAPL ":0/energy_uj", "262143328849");
    tree_put(&tree, RAPL ":0/max_energy_range_uj", "262143328850");
    tree_put(&tree, RAPL ":0:0/name", "core");
    tree_put(&tree, RAPL ":0:0/energy_uj", "17");
    tree_put(&tree, RAPL ":0:0/max_energy_range_uj", "65532610987");
    mae_meter *meter = open_meter(&mae_meter_powercap, &tree);
    assert_int_equal(n_rails(meter), 2);
    const mae_rail *rail;
    find(meter, "package-0", &rail);
    assert_true(fabs(rail->range_j - 262143.32885) < 1e-6);
    assert_true(fabs(read_rail(meter, "package-0").energy_j - 262143.328849) < 1e-6);
    assert_true(fabs(read_rail(meter, "package-0/core").energy_j - 17e-6) < 1e-12);
    meter->driver->close(meter);
    tree_finish(&tree);
    tree_make(&tree);
    mae_error *error = mae_meter_powercap.open(tree.root, &meter);
    assert_string_equal(mae_error_message(error), "no RAPL domain");
    mae_error_free(error);
    tree_finish(&tree);
}

#define SUPPLY "sys/class/power_supply/"

static void batteries(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, SUPPLY "AC/type", "Mains");
    tree_put(&tree, SUPPLY "AC/power_now", "99");
    tree_put(&tree, SUPPLY "BAT0/type", "Battery");
    tree_put(&tree, SUPPLY "BAT0/power_now", "12340000");
    tree_put(&tree, SUPPLY "BAT0/energy_now", "50000000");
    tree_put(&tree, SUPPLY "BAT1/type", "Battery");
    tree_put(&tree, SUPPLY "BAT1/current_now", "-2000000");
    tree_put(&tree, SUPPLY "BAT1/voltage_now", "4000000");
    tree_put(&tree, SUPPLY "BAT1/charge_now", "3000000");
    mae_meter *meter = open_meter(&mae_meter_battery, &tree);
    assert_int_equal(n_rails(meter), 4);
    assert_true(fabs(read_rail(meter, "BAT0").power_w - 12.34) < 1e-9);
    assert_true(fabs(read_rail(meter, "BAT1").power_w - 8) < 1e-9);
    double full = read_rail(meter, "BAT0/energy").energy_j, other = read_rail(meter, "BAT1/energy").energy_j;
    tree_put(&tree, SUPPLY "BAT0/energy_now", "49990000");
    assert_true(fabs(read_rail(meter, "BAT0/energy").energy_j - full - 36) < 1e-6); /* 10 mWh */
    tree_put(&tree, SUPPLY "BAT1/charge_now", "2999000");
    tree_put(&tree, SUPPLY "BAT1/voltage_now", "3500000");                             /* sags; that is no energy */
    assert_true(fabs(read_rail(meter, "BAT1/energy").energy_j - other - 14.4) < 1e-6); /* 1 mAh at 4 V */
    meter->driver->close(meter);
    tree_finish(&tree);
}

/* ---- heat ---- */

#define THERMAL "sys/class/thermal/"

static void heat_and_throttling(void **state)
{
    (void)state;
    test_tree tree;
    mae_heat before, after;
    tree_make(&tree);
    mae_heat_look(tree.root, &before);
    assert_true(!before.known && !mae_heat_throttled(&before, &before));
    tree_put(&tree, THERMAL "thermal_zone0/type", "CV0-therm");
    tree_put(&tree, THERMAL "thermal_zone0/temp", "-256000"); /* off */
    tree_put(&tree, THERMAL "thermal_zone1/type", "cpu-thermal");
    tree_put(&tree, THERMAL "thermal_zone1/temp", "52625");
    tree_put(&tree, THERMAL "thermal_zone2/type", "broken");
    tree_put(&tree, THERMAL "thermal_zone2/temp", "hot");
    tree_put(&tree, THERMAL "cooling_device0/type", "pwm-fan");
    tree_put(&tree, THERMAL "cooling_device0/cur_state", "0");
    tree_put(&tree, THERMAL "cooling_device1/type", "cpufreq-cpu0");
    tree_put(&tree, THERMAL "cooling_device1/cur_state", "0");
    mae_heat_look(tree.root, &before);
    assert_true(before.known && before.celsius == 52.625);
    assert_string_equal(before.zone, "cpu-thermal");
    tree_put(&tree, THERMAL "cooling_device0/cur_state", "3");
    mae_heat_look(tree.root, &after);
    assert_false(mae_heat_throttled(&before, &after)); /* a fan is no throttling */
    tree_put(&tree, THERMAL "cooling_device1/cur_state", "2");
    mae_heat_look(tree.root, &after);
    assert_true(mae_heat_throttled(&before, &after));
    tree_put(&tree, THERMAL "cooling_device1/cur_state", "0");
    tree_put(&tree, "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7");
    mae_heat_look(tree.root, &after);
    assert_true(mae_heat_throttled(&before, &after));
    tree_finish(&tree);
}

/* ---- real log lines ---- */

/* "GPU 463/463", "VDD_IN 5480mW/5480mW" behind the temperatures of a line: laid out and read again. */
static size_t replay_line(const char *line)
{
    test_tree tree;
    tree_make(&tree);
    char *copy = strdup(line), *save = NULL, names[32][32];
    double watts[32];
    size_t n = 0, present = 0;
    assert_non_null(copy);
    char *last = NULL;
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        int now, mean;
        bool is_power = sscanf(word, "%dmW/%dmW", &now, &mean) == 2 ||
                        (strspn(word, "0123456789/") == strlen(word) && sscanf(word, "%d/%d", &now, &mean) == 2);
        if (is_power && last && n < 32) {
            char path[128];
            int chip = (int)(n / 3), channel = (int)(n % 3);
            snprintf(path, sizeof path, "sys/bus/i2c/drivers/ina3221x/1-004%d/iio:device%d/rail_name_%d", chip, chip,
                     channel);
            tree_put(&tree, path, "%s", last);
            snprintf(path, sizeof path, "sys/bus/i2c/drivers/ina3221x/1-004%d/iio:device%d/in_power%d_input", chip,
                     chip, channel);
            tree_put(&tree, path, "%d", now);
            snprintf(names[n], sizeof names[n], "%s", last);
            watts[n++] = now * 1e-3;
        }
        last = word;
    }
    if (n) {
        mae_meter *meter = open_meter(&mae_meter_hwmon, &tree);
        for (size_t i = 0; i < n; i++) {
            if (strcmp(names[i], "NC") == 0)
                continue;
            present++;
            assert_true(fabs(read_rail(meter, names[i]).power_w - watts[i]) < 1e-12);
        }
        assert_int_equal(n_rails(meter), present);
        meter->driver->close(meter);
    }
    free(copy);
    tree_finish(&tree);
    return present;
}

static void lines_of_real_boards(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/../shared/data/raw/tegrastats_samples.json", getenv("MAE_SOURCE_DIR"));
    json_t *root = json_load_file(path, 0, NULL), *lines, *line;
    if (!root) {
        print_message("no %s: skipped\n", path);
        skip();
    }
    const char *board;
    size_t i, boards = 0;
    json_object_foreach (json_object_get(root, "logs"), board, lines) {
        json_array_foreach (lines, i, line) {
            size_t rails = replay_line(json_string_value(line));
            if (rails < 1)
                fail_msg("%s: no rail in \"%s\"", board, json_string_value(line));
        }
        boards++;
    }
    assert_true(boards >= 3);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ina3221_of_jetpack5),
        cmocka_unit_test(ina3221_of_jetpack4),
        cmocka_unit_test(better_channels_come_first),
        cmocka_unit_test(failures_are_named),
        cmocka_unit_test(rapl_domains),
        cmocka_unit_test(batteries),
        cmocka_unit_test(heat_and_throttling),
        cmocka_unit_test(lines_of_real_boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
