/* The gauge (power/gauge.h) on a scripted machine with its own clock, and on this machine's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "power/gauge.h"

/* A machine whose power is a function of its time. Rail 0 counts, rail 1 is sampled. */
typedef struct machine {
    mae_meter base;
    mae_rail rails[2];
    uint64_t now_ns, alarm_ns;
    mae_clock_alarm *alarm;
    void *alarm_ctx;
    double joules, base_w, swing_w, swing_s; /* power: base + swing in every other half of swing_s */
    double step_w;                           /* power is shown in such steps */
    int bad_every, gone_after, reads;
} machine;

static double power_at(const machine *m, double s)
{
    return m->base_w + (m->swing_s > 0 && fmod(s, m->swing_s) < m->swing_s / 2 ? m->swing_w : 0);
}

static size_t machine_rails(const mae_meter *meter, const mae_rail **ret_rails)
{
    *ret_rails = ((const machine *)meter)->rails;
    return 2;
}

static mae_error *machine_read(mae_meter *meter, size_t rail, mae_reading *ret_reading)
{
    machine *m = (machine *)meter;
    m->reads++;
    if (m->gone_after && m->reads > m->gone_after)
        return mae_error_new(MAE_ERR_LOST, "rail %zu is gone", rail);
    if (m->bad_every && m->reads % m->bad_every == 0)
        return mae_error_new(MAE_ERR_FAILED, "rail %zu: garbage", rail);
    double range = m->rails[0].range_j, watts = power_at(m, (double)m->now_ns * 1e-9);
    *ret_reading = (mae_reading){range > 0 ? fmod(m->joules, range) : m->joules,
                                 m->step_w > 0 ? round(watts / m->step_w) * m->step_w : watts};
    return NULL;
}

static const mae_meter_driver driver = {.name = "scripted", .rails = machine_rails, .read = machine_read};

static uint64_t machine_now(void *ctx)
{
    return ((machine *)ctx)->now_ns;
}

/* Time passes in small steps, so that the swings are in the joules. */
static void machine_wait(void *ctx, uint64_t ns)
{
    machine *m = ctx;
    for (uint64_t end = m->now_ns + ns; m->now_ns < end;) {
        uint64_t step = end - m->now_ns < 10000 ? end - m->now_ns : 10000;
        if (m->alarm && m->alarm_ns > m->now_ns && m->alarm_ns < m->now_ns + step)
            step = m->alarm_ns - m->now_ns;
        m->joules += power_at(m, (double)m->now_ns * 1e-9) * (double)step * 1e-9;
        m->now_ns += step;
        while (m->alarm && m->alarm_ns <= m->now_ns)
            m->alarm_ns = m->alarm(m->alarm_ctx, m->now_ns);
    }
}

static bool machine_alarm(void *ctx, uint64_t first_ns, mae_clock_alarm *alarm, void *alarm_ctx)
{
    machine *m = ctx;
    m->alarm_ns = first_ns;
    m->alarm = alarm;
    m->alarm_ctx = alarm_ctx;
    return true;
}

static void machine_init(machine *m)
{
    *m = (machine){.base = {&driver}, .base_w = 5};
    m->rails[0] = (mae_rail){.name = "counter", .path = "counter", .kind = MAE_RAIL_ENERGY, .period_s = 1e-3};
    m->rails[1] = (mae_rail){.name = "power", .path = "power", .kind = MAE_RAIL_POWER, .period_s = 1e-2};
}

static mae_gauge *gauge_of(machine *m, size_t rail)
{
    mae_gauge_clock clock = {machine_now, machine_wait, machine_alarm, m};
    mae_gauge *gauge = NULL;
    assert_null(mae_gauge_create(&m->base, &rail, 1, clock, &gauge));
    return gauge;
}

static mae_error *span(machine *m, mae_gauge *gauge, double seconds, mae_gauge_energy *ret_energy)
{
    MAE_TRY(mae_gauge_begin(gauge));
    machine_wait(m, (uint64_t)(seconds * 1e9));
    mae_error *error = mae_gauge_end(gauge, ret_energy);
    assert_null(m->alarm);
    return error;
}

static void both_kinds_tell_the_energy(void **state)
{
    (void)state;
    for (size_t rail = 0; rail < 2; rail++) {
        machine m;
        machine_init(&m);
        mae_gauge *gauge = gauge_of(&m, rail);
        for (int i = 1; i < 5; i++) {
            mae_gauge_energy energy;
            assert_null(span(&m, gauge, 0.3 * i, &energy));
            assert_true(fabs(energy.seconds - 0.3 * i) < 1e-9);
            assert_true(fabs(energy.joules - 1.5 * i) < 1e-6);
            assert_true(energy.uncertain_j < 0.02 * energy.joules);
            assert_true(rail ? energy.samples > 20 : energy.samples == 0);
        }
        mae_gauge_destroy(gauge);
    }
}

/* What swings in step with the samples is met at random, and the interval holds the truth. */
static void swings_are_within_the_interval(void **state)
{
    (void)state;
    int outside = 0;
    for (int i = 1; i <= 40; i++) {
        machine m;
        machine_init(&m);
        m.swing_w = 10;
        m.swing_s = i % 2 ? 0.01 : 0.01 + 1e-4 * i;
        machine_wait(&m, (uint64_t)i * 123457);
        mae_gauge *gauge = gauge_of(&m, 1);
        mae_gauge_energy energy;
        double before = m.joules;
        assert_null(span(&m, gauge, 4, &energy));
        assert_true(energy.uncertain_j < 0.1 * energy.joules);
        outside += fabs(energy.joules - (m.joules - before)) > energy.uncertain_j;
        mae_gauge_destroy(gauge);
    }
    assert_true(outside <= 4);
}

static void counters_wrap(void **state)
{
    (void)state;
    machine m;
    machine_init(&m);
    m.rails[0].range_j = 12; /* every 2.4 s */
    mae_gauge *gauge = gauge_of(&m, 0);
    for (int i = 1; i < 6; i++) {
        mae_gauge_energy energy;
        assert_null(span(&m, gauge, 3.0 * i, &energy)); /* up to six times within a span */
        assert_true(fabs(energy.joules - 15 * i) < 1e-6);
    }
    mae_gauge_destroy(gauge);
}

static void expect(machine *m, size_t rail, double seconds, mae_code code, const char *part)
{
    mae_gauge *gauge = gauge_of(m, rail);
    mae_gauge_energy energy = {-1, -1, -1, 0};
    mae_error *error = span(m, gauge, seconds, &energy);
    if (mae_error_code(error) != code || !strstr(mae_error_message(error), part))
        fail_msg("\"%s\" instead of one with \"%s\"", mae_error_message(error), part);
    assert_true(energy.joules == -1);
    mae_error_free(error);
    mae_gauge_destroy(gauge);
}

static void what_cannot_be_known_is_refused(void **state)
{
    (void)state;
    machine m;
    machine_init(&m);
    expect(&m, 1, 0.02, MAE_ERR_FAILED, "rail power of the scripted meter is renewed about every 10 ms: too slow");
    expect(&m, 0, 0.005, MAE_ERR_FAILED, "rail counter of the scripted meter is renewed about every 1 ms: too slow");
    m.gone_after = m.reads + 20;
    expect(&m, 1, 1, MAE_ERR_LOST, "rail 1 is gone");
    machine_init(&m);
    m.bad_every = 4;
    expect(&m, 1, 1, MAE_ERR_FAILED, "garbage");
    machine_init(&m);
    m.base_w = -5; /* counts back, and does not say that it wraps */
    expect(&m, 0, 2, MAE_ERR_FAILED, "went back");
}

static void a_stumbling_sensor_is_read_on(void **state)
{
    (void)state;
    machine m;
    machine_init(&m);
    m.bad_every = 20;
    mae_gauge *gauge = gauge_of(&m, 1);
    mae_gauge_energy energy;
    assert_null(span(&m, gauge, 1, &energy));
    assert_true(fabs(energy.joules - 5) < 1e-6);
    mae_gauge_destroy(gauge);
}

/* A sensor that moves in coarse steps and stands still says no more than its step. */
static void steps_are_in_the_interval(void **state)
{
    (void)state;
    machine m;
    machine_init(&m);
    m.base_w = 5.07;
    m.step_w = m.rails[1].resolution = 0.154;
    mae_gauge *gauge = gauge_of(&m, 1);
    mae_gauge_energy energy;
    assert_null(span(&m, gauge, 2, &energy));
    assert_true(fabs(energy.joules - 10.14) > 0.01);
    assert_true(fabs(energy.joules - 10.14) <= energy.uncertain_j);
    assert_true(energy.uncertain_j <= 0.155);
    mae_gauge_destroy(gauge);
}

#define FEW_SAMPLES 10
#define MOST_NS 60000000000u

/* A span that has some samples: a machine that has much else to do takes few of them, and needs a longer one. */
static mae_gauge_energy sampled(mae_gauge *gauge)
{
    mae_gauge_clock clock = {0};
    mae_gauge_energy energy = {0};
    for (uint64_t ns = 200000000; energy.samples < FEW_SAMPLES && ns < MOST_NS; ns *= 2) {
        assert_null(mae_gauge_begin(gauge));
        mae_gauge_clock_wait_ns(&clock, ns);
        mae_error *error = mae_gauge_end(gauge, &energy);
        assert_true(mae_error_code(error) == MAE_OK || mae_error_code(error) == MAE_ERR_FAILED); /* too few to tell */
        mae_error_free(error);
        assert_true(error || energy.seconds >= (double)ns * 1e-9);
    }
    return energy;
}

/* On this machine's clock a thread samples. */
static void the_real_clock_samples_by_itself(void **state)
{
    (void)state;
    machine m;
    machine_init(&m);
    m.rails[1].period_s = 1e-3;
    size_t rail = 1;
    mae_gauge *gauge = NULL;
    assert_null(mae_gauge_create(&m.base, &rail, 1, (mae_gauge_clock){0}, &gauge));
    for (int i = 0; i < 3; i++) {
        mae_gauge_energy energy = sampled(gauge);
        assert_true(energy.samples >= FEW_SAMPLES);
        assert_true(fabs(energy.joules / energy.seconds - 5) < 0.01);
    }
    mae_error *error = mae_gauge_end(gauge, &(mae_gauge_energy){0});
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    assert_null(mae_gauge_begin(gauge));
    mae_gauge_destroy(gauge); /* while it runs */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_tell_the_energy),
        cmocka_unit_test(swings_are_within_the_interval),
        cmocka_unit_test(counters_wrap),
        cmocka_unit_test(what_cannot_be_known_is_refused),
        cmocka_unit_test(a_stumbling_sensor_is_read_on),
        cmocka_unit_test(steps_are_in_the_interval),
        cmocka_unit_test(the_real_clock_samples_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
