/* The virtual SoC's own files: its meter in several layouts, battery and temperature, read with plain fopen(). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/sim_world.h"

#define LAYERS 10

static const int first_pe[LAYERS] = {0};

typedef struct scene {
    sim_world world;
    char root[64];
    mae_program *program;
    const mae_clock_service *clock;
} scene;

static void make_world(scene *s, const sim_world_spec *spec)
{
    *s = (scene){.root = "/tmp/mae-meter-XXXXXX"};
    assert_non_null(mkdtemp(s->root));
    sim_world_make(spec, &s->world);
    s->clock = mae_module_backend(s->world.module)->service(MAE_CLOCK_SERVICE);
    assert_non_null(s->clock);
}

/* All PEs open, with the meter's root before the options, and a program on the first. */
static void begin(scene *s, const sim_world_spec *spec, const mae_option *options, size_t n)
{
    mae_option all[12] = {{"meter_root", s->root}};
    make_world(s, spec);
    for (size_t i = 0; i < n; i++)
        all[1 + i] = options[i];
    sim_world_open_all(&s->world, all, n + 1);
    s->program = sim_world_program(&s->world, first_pe, NULL);
}

/* The folder is as empty as it was. */
static void end(scene *s)
{
    mae_program_destroy(s->program);
    sim_world_finish(&s->world);
    assert_int_equal(rmdir(s->root), 0);
}

static char *text_of(const scene *s, const char *path)
{
    static char line[128];
    char full[256];
    snprintf(full, sizeof full, "%s/sys/class/%s", s->root, path);
    FILE *file = fopen(full, "r");
    if (!file)
        fail_msg("%s is not there", full);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    return line;
}

static double number_of(const scene *s, const char *path)
{
    char *end = NULL;
    const char *text = text_of(s, path);
    double number = strtod(text, &end);
    assert_true(end != text && !*end);
    return number;
}

static bool is_there(const scene *s, const char *path)
{
    char full[256];
    snprintf(full, sizeof full, "%s/sys/class/%s", s->root, path);
    return access(full, F_OK) == 0;
}

static double energy(const scene *s, const char *rail)
{
    return s->world.service->energy_mj(s->world.pes[0], rail);
}

static void assert_near(double value, double expected, double off)
{
    if (!(fabs(value - expected) <= off))
        fail_msg("%.12g instead of %.12g", value, expected);
}

/* Four PEs and the platform on two chips of three channels. */
static void layout_is_that_of_jetpack_5(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 1, .layers = LAYERS, .pes = 4, .energy = true, .static_w = 4};
    scene s;
    begin(&s, &spec, NULL, 0);
    assert_string_equal(text_of(&s, "hwmon/hwmon0/name"), "ina3221");
    assert_string_equal(text_of(&s, "hwmon/hwmon0/in1_label"), "r0");
    assert_string_equal(text_of(&s, "hwmon/hwmon0/in3_label"), "r2");
    assert_string_equal(text_of(&s, "hwmon/hwmon1/in1_label"), "r3");
    assert_string_equal(text_of(&s, "hwmon/hwmon1/in2_label"), "VDD_SYS");
    assert_string_equal(text_of(&s, "hwmon/hwmon1/in3_label"), "NC");
    assert_string_equal(text_of(&s, "hwmon/hwmon1/in7_label"), "sum of shunt voltages");
    assert_true(number_of(&s, "hwmon/hwmon0/in1_input") == 5000);
    assert_true(number_of(&s, "hwmon/hwmon0/update_interval") == 1);
    assert_true(number_of(&s, "hwmon/hwmon0/shunt1_resistor") == 40000);
    assert_true(number_of(&s, "hwmon/hwmon1/curr2_input") == 0); /* it has not looked yet */
    s.clock->wait_ns(s.world.pes[0], 1000000);
    assert_true(number_of(&s, "hwmon/hwmon1/curr2_input") == 800); /* 4 W at 5 V */
    assert_true(number_of(&s, "hwmon/hwmon0/curr1_input") == 0);
    assert_false(is_there(&s, "hwmon/hwmon2"));
    assert_false(is_there(&s, "power_supply"));
    end(&s);
}

typedef struct diary {
    scene *s;
    uint64_t every_ns;
    int n;
    double ma_ms; /* sum over the readings */
    double before_mj, worst_ma;
} diary;

/* The truth may not be asked from inside an alarm, so the file is summed up. */
static uint64_t note(void *ctx, uint64_t now_ns)
{
    diary *d = ctx;
    assert_true(now_ns == (uint64_t)(d->n + 1) * d->every_ns);
    assert_true(now_ns == d->s->clock->now_ns(d->s->world.pes[0]));
    d->ma_ms += number_of(d->s, "hwmon/hwmon0/curr1_input") * (double)d->every_ns * 1e-6;
    d->n++;
    return now_ns + d->every_ns;
}

/* Every reading is the mean over its period, so that they add up to the energy, but for the sensor's steps. */
static void readings_add_up(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 2, .layers = LAYERS, .pes = 1, .energy = true, .static_w = 1.5};
    static const mae_option options[] = {{"rails", "one"}, {"meter_lsb_ma", "8"}, {"meter_period_ms", "0.5"}};
    scene s;
    begin(&s, &spec, options, 3);
    diary d = {.s = &s, .every_ns = 500000};
    assert_true(s.clock->set_alarm(s.world.pes[0], d.every_ns, note, &d));
    for (int i = 0; i < 20; i++)
        sim_world_frame_ms(&s.world, s.program);
    /* To the next reading, so that all energy has been read. */
    uint64_t now = s.clock->now_ns(s.world.pes[0]);
    s.clock->wait_ns(s.world.pes[0], d.every_ns - now % d.every_ns);
    assert_true(d.n > 50);
    double mj = d.ma_ms * 5 / 1e3, truth = energy(&s, NULL);
    assert_true(truth > 100);
    assert_near(mj, truth, 4.0 * 5 / 1e3 * 0.5 * d.n); /* half a step a reading at worst */
    assert_true(fmod(number_of(&s, "hwmon/hwmon0/curr1_input"), 8) == 0);
    assert_true(s.clock->set_alarm(s.world.pes[0], 0, NULL, NULL));
    int n = d.n;
    sim_world_frame_ms(&s.world, s.program);
    assert_int_equal(d.n, n);
    end(&s);
}

/* Every millisecond is in four readings, by a quarter: nothing is lost, and a peak stays in sight for four. */
static void a_window_is_a_moving_mean(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 3, .layers = LAYERS, .pes = 1, .energy = true, .static_w = 2};
    static const mae_option options[] = {{"rails", "one"}, {"meter_window", "4"}, {"rail_v", "20"}};
    scene s;
    begin(&s, &spec, options, 3);
    assert_true(number_of(&s, "hwmon/hwmon0/in1_input") == 20000);
    diary d = {.s = &s, .every_ns = 1000000};
    assert_true(s.clock->set_alarm(s.world.pes[0], d.every_ns, note, &d));
    s.clock->wait_ns(s.world.pes[0], 5000000);
    sim_world_frame_ms(&s.world, s.program);
    uint64_t now = s.clock->now_ns(s.world.pes[0]);
    s.clock->wait_ns(s.world.pes[0], 3000000 + d.every_ns - now % d.every_ns);
    double seen = number_of(&s, "hwmon/hwmon0/curr1_input");
    assert_true(seen > 100); /* the frame's end is three to four milliseconds ago */
    s.clock->wait_ns(s.world.pes[0], 1000000);
    assert_true(number_of(&s, "hwmon/hwmon0/curr1_input") == 100);
    assert_near(d.ma_ms * 20 / 1e3, energy(&s, NULL), 0.5 * 20 / 1e3 * d.n);
    end(&s);
}

static void energy_counters_count(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 4, .layers = LAYERS, .pes = 2, .energy = true, .static_w = 1};
    static const mae_option options[] = {{"meter", "energy"}};
    scene s;
    begin(&s, &spec, options, 1);
    assert_string_equal(text_of(&s, "hwmon/hwmon0/energy1_label"), "r0");
    assert_string_equal(text_of(&s, "hwmon/hwmon0/energy3_label"), "VDD_SYS");
    for (int i = 0; i < 7; i++)
        sim_world_frame_ms(&s.world, s.program);
    s.clock->wait_ns(s.world.pes[0], 2000000);
    assert_near(number_of(&s, "hwmon/hwmon0/energy1_input"), energy(&s, "r0") * 1e3, 1);
    assert_near(number_of(&s, "hwmon/hwmon0/energy2_input"), 0, 0);
    /* The last reading is up to a period old. */
    assert_near(number_of(&s, "hwmon/hwmon0/energy3_input"), energy(&s, "VDD_SYS") * 1e3 - 500, 501);
    end(&s);
}

static void powercap_counters_wrap(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 5, .layers = LAYERS, .pes = 1, .energy = true, .static_w = 1};
    static const mae_option options[] = {{"meter", "powercap"}, {"rails", "one"}, {"meter_range_uj", "20000"}};
    scene s;
    begin(&s, &spec, options, 3);
    assert_string_equal(text_of(&s, "powercap/intel-rapl:0/name"), "VDD_IN");
    assert_true(number_of(&s, "powercap/intel-rapl:0/max_energy_range_uj") == 20000);
    double last = 0, sum = 0;
    int wraps = 0;
    for (int i = 0; i < 100; i++) {
        s.clock->wait_ns(s.world.pes[0], 1000000);
        double now = number_of(&s, "powercap/intel-rapl:0/energy_uj");
        assert_true(now >= 0 && now < 20000);
        wraps += now < last;
        sum += now < last ? now + 20000 - last : now - last;
        last = now;
    }
    assert_int_equal(wraps, 5);
    assert_near(sum, 100e3, 1);
    end(&s);
}

static void the_battery_is_used_up(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 6, .layers = LAYERS, .pes = 1, .energy = true, .static_w = 3.6};
    static const mae_option options[] = {{"battery_wh", "0.001"}, {"battery_level", "0.5"}};
    scene s;
    begin(&s, &spec, options, 2);
    assert_string_equal(text_of(&s, "power_supply/BAT0/type"), "Battery");
    assert_string_equal(text_of(&s, "power_supply/BAT0/status"), "Discharging");
    assert_true(number_of(&s, "power_supply/BAT0/energy_full") == 1000);
    assert_true(number_of(&s, "power_supply/BAT0/energy_now") == 500);
    assert_true(number_of(&s, "power_supply/BAT0/capacity") == 50);
    s.clock->wait_ns(s.world.pes[0], 250000000); /* 3.6 W for 0.25 s are 0.25 mWh */
    assert_true(number_of(&s, "power_supply/BAT0/energy_now") == 250);
    assert_true(number_of(&s, "power_supply/BAT0/power_now") == 3600000);
    assert_true(number_of(&s, "power_supply/BAT0/capacity") == 25);
    double before = energy(&s, NULL);
    sim_world_frame_ms(&s.world, s.program);
    s.clock->wait_ns(s.world.pes[0], 1000000);
    double used_mwh = (energy(&s, NULL) - before) / 3600;
    assert_near(number_of(&s, "power_supply/BAT0/energy_now"), 250 - used_mwh * 1e3, 1.6);
    s.clock->wait_ns(s.world.pes[0], 1000000000);
    assert_true(number_of(&s, "power_supply/BAT0/energy_now") == 0);
    mae_error *error = mae_program_run(s.program, NULL);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    assert_non_null(strstr(mae_error_message(error), "the battery is empty"));
    mae_error_free(error);
    end(&s);
}

static void heat_follows_power(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 7, .layers = LAYERS, .pes = 1, .energy = true, .static_w = 10};
    static const mae_option options[] = {{"thermal_k_per_w", "4"}, {"thermal_s", "2"}, {"ambient_c", "20"}};
    scene s;
    begin(&s, &spec, options, 3);
    assert_string_equal(text_of(&s, "thermal/thermal_zone0/type"), "soc-thermal");
    assert_true(number_of(&s, "thermal/thermal_zone0/temp") == 20000);
    s.clock->wait_ns(s.world.pes[0], 2000000000);
    double expected = 60 - 40 * exp(-1);
    assert_near(s.world.service->celsius(s.world.pes[0]), expected, 1e-9);
    assert_near(number_of(&s, "thermal/thermal_zone0/temp"), expected * 1e3, 0.5);
    s.clock->wait_ns(s.world.pes[0], 100000000000);
    assert_near(s.world.service->celsius(s.world.pes[0]), 60, 1e-9);
    /* Work is above idle: hotter, by what a steady load of it would bring. */
    double before = energy(&s, NULL), ms = 0;
    while (ms < 30e3)
        ms += sim_world_frame_ms(&s.world, s.program);
    double watts = (energy(&s, NULL) - before) / ms;
    assert_near(s.world.service->celsius(s.world.pes[0]), 20 + 4 * watts, 0.05 * watts);
    end(&s);
}

/* It throttles where it gets too hot, work takes as much longer as stated, and it ends where it has cooled. */
static void heat_throttles(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 8, .layers = LAYERS, .pes = 1, .energy = true};
    static const mae_option options[] = {{"thermal_k_per_w", "10"},
                                         {"thermal_s", "0.5"},
                                         {"throttle_c", "60"},
                                         {"throttle_factor", "4"},
                                         {"throttle_hysteresis_k", "10"}};
    scene s;
    begin(&s, &spec, options, 5);
    double nominal = sim_world_formula(&s.world, first_pe).latency_ms;
    double watts = sim_world_formula(&s.world, first_pe).energy_mj / nominal;
    assert_true(25 + 10 * watts > 70); /* unthrottled it would get too hot; throttled it cools */
    assert_true(25 + 10 * watts / 4 < 48);
    int turns = 0;
    bool slow = false;
    for (int i = 0; i < 2000; i++) {
        double factor = sim_world_frame_ms(&s.world, s.program) / nominal, c = s.world.service->celsius(s.world.pes[0]);
        assert_true(factor > 1 - 1e-6 && factor < 4 + 1e-6 && c < 60 + 1e-6);
        turns += (factor > 3.999) != slow && (factor > 3.999 || factor < 1.001);
        slow = factor > 3.999 || (slow && factor > 1.001);
        assert_true(i < 1000 || c > 50 - 1e-6);
    }
    assert_true(turns > 4);
    end(&s);
}

static void bad_roots_are_refused(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 9, .layers = LAYERS, .pes = 1};
    scene s;
    begin(&s, &spec, NULL, 0);
    /* Another SoC must not write into the same folder. */
    const char *const roots[] = {s.root, "/nonexistent/folder"}, *const words[] = {"is not empty", "No such file"};
    for (int i = 0; i < 2; i++) {
        mae_option options[] = {{"profile", s.world.path}, {"soc", "other"}, {"meter_root", roots[i]}};
        mae_pe_config config = {.name = "pe0", .resource = "r", .threads = 1, .options = options, .n_options = 3};
        mae_pe *pe = NULL;
        mae_error *error = mae_module_backend(s.world.module)->open(&config, &pe);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        assert_non_null(strstr(mae_error_message(error), words[i]));
        mae_error_free(error);
    }
    assert_true(is_there(&s, "hwmon/hwmon0/name")); /* and the first is still there */
    end(&s);
}

/* On a real clock readings come by themselves, whether anything runs or not. */
static void a_real_clock_reads_by_itself(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 10, .layers = LAYERS, .pes = 1, .energy = true, .static_w = 7};
    static const mae_option options[] = {{"clock", "real"}, {"rails", "one"}};
    scene s;
    begin(&s, &spec, options, 2);
    assert_false(s.clock->set_alarm(s.world.pes[0], 1, note, &s)); /* this clock calls nobody */
    while (number_of(&s, "hwmon/hwmon0/curr1_input") != 1400)
        usleep(1000);
    double begin_mj = energy(&s, NULL);
    uint64_t begin_ns = s.clock->now_ns(s.world.pes[0]);
    for (int i = 0; i < 5; i++)
        assert_null(mae_program_run(s.program, NULL));
    double most = 0;
    for (int i = 0; i < 5; i++) {
        assert_null(mae_program_run(s.program, NULL));
        most = fmax(most, number_of(&s, "hwmon/hwmon0/curr1_input"));
    }
    assert_true(most > 1400);
    double mj = energy(&s, NULL) - begin_mj;
    double ms = (double)(s.clock->now_ns(s.world.pes[0]) - begin_ns) * 1e-6;
    double dynamic =
        10 * (sim_world_formula(&s.world, first_pe).energy_mj - 7 * sim_world_formula(&s.world, first_pe).latency_ms);
    /* Asked for at two instants between which the clock was read: the difference is idle draw at most. */
    assert_true(mj >= dynamic && mj <= dynamic + 7 * (ms + 1e3));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_that_of_jetpack_5), cmocka_unit_test(readings_add_up),
        cmocka_unit_test(a_window_is_a_moving_mean),   cmocka_unit_test(energy_counters_count),
        cmocka_unit_test(powercap_counters_wrap),      cmocka_unit_test(the_battery_is_used_up),
        cmocka_unit_test(heat_follows_power),          cmocka_unit_test(heat_throttles),
        cmocka_unit_test(bad_roots_are_refused),       cmocka_unit_test(a_real_clock_reads_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
