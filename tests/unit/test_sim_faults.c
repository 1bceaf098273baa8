/* Scripted faults of the virtual SoC: what goes wrong, when, and that it ends. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/sim_world.h"

#define LAYERS 8

static const int first_pe[LAYERS] = {0};

typedef struct scene {
    sim_world world;
    char script[64];
    mae_program *program; /* on the first PE */
    double nominal_ms;
} scene;

static void write_script(scene *s, const char *text)
{
    strcpy(s->script, "/tmp/mae-script-XXXXXX");
    int fd = mkstemp(s->script);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void begin(scene *s, const char *text)
{
    sim_world_spec spec = {.seed = 3, .layers = LAYERS, .pes = 2, .chain = true, .energy = true};
    *s = (scene){.program = NULL};
    write_script(s, text);
    sim_world_make(&spec, &s->world);
    const mae_option script = {"script", s->script};
    sim_world_open_all(&s->world, &script, 1);
    s->program = sim_world_program(&s->world, first_pe, NULL);
    s->nominal_ms = sim_world_formula(&s->world, first_pe).latency_ms;
}

static void end(scene *s)
{
    mae_program_destroy(s->program);
    sim_world_finish(&s->world);
    unlink(s->script);
}

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 3e-6 + 1e-9 * expected))
        fail_msg("%.12g instead of %.12g", value, expected);
}

static double frame_ms(scene *s)
{
    return sim_world_frame_ms(&s->world, s->program);
}

static void assert_lost(scene *s)
{
    mae_error *error = mae_program_run(s->program, NULL);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    assert_non_null(strstr(mae_error_message(error), "the virtual device is gone"));
    mae_error_free(error);
}

static void slow_from_a_run_on(void **state)
{
    (void)state;
    scene s;
    begin(&s, "{\"events\": [{\"at_run\": 4, \"pe\": \"pe0\", \"event\": \"slow\", \"factor\": 1},"
              " {\"at_run\": 2, \"pe\": \"pe0\", \"event\": \"slow\", \"factor\": 2.5}]}");
    assert_near(frame_ms(&s), s.nominal_ms);
    double before = s.world.service->energy_mj(s.world.pes[0], NULL);
    assert_near(frame_ms(&s), 2.5 * s.nominal_ms);
    assert_near(s.world.service->energy_mj(s.world.pes[0], NULL) - before,
                sim_world_formula(&s.world, first_pe).energy_mj);
    assert_near(frame_ms(&s), 2.5 * s.nominal_ms);
    assert_near(frame_ms(&s), s.nominal_ms);
    end(&s);
}

/* Half of the first frame is done when the rest becomes three times as slow; the other PE does not notice. */
static void slow_from_a_time_on(void **state)
{
    (void)state;
    scene probe;
    begin(&probe, "{\"events\": []}");
    double nominal = frame_ms(&probe);
    end(&probe);
    char text[160];
    snprintf(text, sizeof text,
             "{\"events\": [{\"at_ms\": %.9f, \"pe\": \"pe0\", \"event\": \"slow\", \"factor\": 3}]}", nominal / 2);
    scene s;
    begin(&s, text);
    assert_near(frame_ms(&s), nominal / 2 + 3 * nominal / 2);
    assert_near(frame_ms(&s), 3 * nominal);
    static const int second[LAYERS] = {1, 1, 1, 1, 1, 1, 1, 1};
    mae_program *other = sim_world_program(&s.world, second, NULL);
    assert_near(sim_world_frame_ms(&s.world, other), sim_world_formula(&s.world, second).latency_ms);
    mae_program_destroy(other);
    end(&s);
}

static void stalls_pass(void **state)
{
    (void)state;
    scene s;
    begin(&s, "{\"events\": [{\"at_run\": 2, \"pe\": \"pe0\", \"event\": \"stall\", \"ms\": 40},"
              " {\"at_ms\": 500, \"pe\": \"pe0\", \"event\": \"stall\", \"ms\": 100}]}");
    assert_near(frame_ms(&s), s.nominal_ms);
    double before = s.world.service->energy_mj(s.world.pes[0], NULL);
    assert_near(frame_ms(&s), s.nominal_ms + 40);
    assert_near(s.world.service->energy_mj(s.world.pes[0], NULL) - before,
                sim_world_formula(&s.world, first_pe).energy_mj); /* stalled it draws nothing */
    assert_near(frame_ms(&s), s.nominal_ms);
    const mae_clock_service *clock = mae_module_backend(s.world.module)->service(MAE_CLOCK_SERVICE);
    /* A stall that began while nothing ran is waited for; one that is over is not. */
    clock->wait_ns(s.world.pes[0], 530000000 - clock->now_ns(s.world.pes[0]));
    assert_near(frame_ms(&s), s.nominal_ms + 70);
    assert_near(frame_ms(&s), s.nominal_ms);
    end(&s);
}

static void lost_and_back(void **state)
{
    (void)state;
    scene s;
    begin(&s, "{\"events\": [{\"at_run\": 3, \"pe\": \"pe0\", \"event\": \"lose\"},"
              " {\"at_run\": 5, \"pe\": \"pe0\", \"event\": \"return\"}]}");
    frame_ms(&s);
    frame_ms(&s);
    assert_lost(&s);
    mae_program *again = NULL; /* nor does it compile */
    mae_program_spec spec = {
        .graph = s.world.graph, .pes = s.world.pes, .mapping = first_pe, .last = LAYERS - 1, .pe_names = s.world.names};
    mae_error *error = mae_program_create(&spec, &again);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    mae_error_free(error);
    assert_lost(&s);
    assert_near(frame_ms(&s), s.nominal_ms);
    end(&s);
}

/* In the middle of a run: it ends there and then, and what it has drawn by then stays drawn. */
static void lost_within_a_run(void **state)
{
    (void)state;
    scene s;
    begin(&s, "{\"events\": [{\"at_ms\": 0.5, \"pe\": \"pe0\", \"event\": \"lose\"},"
              " {\"at_ms\": 9, \"pe\": \"pe0\", \"event\": \"return\"}]}");
    assert_true(s.nominal_ms > 1);
    assert_lost(&s);
    assert_int_equal(s.world.service->now_ns(s.world.pes[0]), 500000);
    double drawn = s.world.service->energy_mj(s.world.pes[0], NULL);
    assert_true(drawn > 0 && drawn < sim_world_formula(&s.world, first_pe).energy_mj);
    assert_int_equal(s.world.service->layer_runs(s.world.pes[0], 0), 0);
    assert_lost(&s);
    const mae_clock_service *clock = mae_module_backend(s.world.module)->service(MAE_CLOCK_SERVICE);
    clock->wait_ns(s.world.pes[1], 8600000);
    assert_near(frame_ms(&s), s.nominal_ms);
    end(&s);
}

static double told_total_ms(scene *s, size_t skip)
{
    double layers[LAYERS], in[1], out[LAYERS];
    mae_layer_times times = {.layer_ns = layers, .input_ns = in, .output_ns = out};
    assert_null(s->world.pes[0]->ops->layer_ns(mae_program_unit(s->program, 0), skip, &times));
    return times.total_ns * 1e-6;
}

static void lies_change_nothing_but_what_is_told(void **state)
{
    (void)state;
    scene s;
    begin(&s, "{\"events\": [{\"at_run\": 3, \"pe\": \"pe0\", \"event\": \"lie\", \"factor\": 0.5},"
              " {\"at_run\": 5, \"pe\": \"pe0\", \"event\": \"lie\", \"factor\": 1}]}");
    for (int i = 0; i < 2; i++)
        assert_near(frame_ms(&s), s.nominal_ms);
    assert_near(told_total_ms(&s, 0), s.nominal_ms);
    for (int i = 0; i < 2; i++)
        assert_near(frame_ms(&s), s.nominal_ms);
    assert_near(told_total_ms(&s, 2), s.nominal_ms / 2);
    assert_near(told_total_ms(&s, 0), s.nominal_ms * 0.75);
    frame_ms(&s);
    assert_near(told_total_ms(&s, 4), s.nominal_ms);
    end(&s);
}

/* What it tells of a slowed or stalled run is what the run took. */
static void told_times_are_true(void **state)
{
    (void)state;
    scene s;
    begin(&s, "{\"events\": [{\"at_run\": 2, \"pe\": \"pe0\", \"event\": \"slow\", \"factor\": 2},"
              " {\"at_run\": 3, \"pe\": \"pe0\", \"event\": \"stall\", \"ms\": 5}]}");
    frame_ms(&s);
    double ms = frame_ms(&s);
    ms += frame_ms(&s);
    assert_near(told_total_ms(&s, 1), ms / 2);
    assert_near(ms, 4 * s.nominal_ms + 5);
    end(&s);
}

/* On a real clock a loss ends the wait of a run that is on its way. */
static void lost_on_a_real_clock(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 4, .layers = LAYERS, .pes = 1, .chain = true};
    scene s = {.program = NULL};
    write_script(&s, "{\"events\": [{\"at_ms\": 400, \"pe\": \"pe0\", \"event\": \"lose\"}]}");
    sim_world_make(&spec, &s.world);
    /* Whole minutes, if nothing ended it. */
    const mae_option options[] = {{"script", s.script}, {"clock", "real"}, {"stretch", "100000"}};
    sim_world_open_all(&s.world, options, 3);
    s.program = sim_world_program(&s.world, first_pe, NULL);
    assert_lost(&s);
    end(&s);
}

static void refuse(const char *text, const char *place, const char *reason)
{
    scene s;
    sim_world_spec spec = {.seed = 5, .layers = 3, .pes = 2};
    write_script(&s, text);
    sim_world_make(&spec, &s.world);
    mae_option options[] = {{"profile", s.world.path}, {"script", s.script}};
    mae_pe_config config = {.name = "pe0", .resource = "r", .threads = 1, .options = options, .n_options = 2};
    mae_pe *pe = NULL;
    mae_error *error = mae_module_backend(s.world.module)->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    const char *message = mae_error_message(error);
    assert_memory_equal(message, s.script, strlen(s.script));
    if (!strstr(message, place) || !strstr(message, reason))
        fail_msg("%s\nwithout %s or %s", message, place, reason);
    mae_error_free(error);
    sim_world_finish(&s.world);
    unlink(s.script);
}

static void bad_scripts_are_refused(void **state)
{
    (void)state;
    refuse("{", ":1:", "");
    refuse("[]", ":1:1: events", "not a list");
    refuse("{\"events\": 3}", ":1:12: events", "not a list");
    refuse("{\"events\": [\n 7]}", ":2:2: events[0]", "not an object");
    refuse("{\"events\": [\n {\"at_ms\": 1, \"event\": \"lose\"}]}", ":2:2: events[0]", "not the name of a PE");
    refuse("{\"events\": [\n {\"at_ms\": 1, \"pe\": \"x\", \"event\": \"lose\"}]}", ":2:21: events[0].pe", "no PE");
    refuse("{\"events\": [\n {\"pe\": \"pe0\", \"event\": \"lose\"}]}", ":2:2: events[0]", "either at_ms or at_run");
    refuse("{\"events\": [{\"at_ms\": 1, \"at_run\": 1, \"pe\": \"pe0\", \"event\": \"lose\"}]}", ":1:13", "either");
    refuse("{\"events\": [{\"at_ms\": -1, \"pe\": \"pe0\", \"event\": \"lose\"}]}", ":1:23", "from 0 to");
    refuse("{\"events\": [{\"at_ms\": \"1\", \"pe\": \"pe0\", \"event\": \"lose\"}]}", ":1:23", "not a number");
    refuse("{\"events\": [{\"at_run\": 0, \"pe\": \"pe0\", \"event\": \"lose\"}]}", ":1:24", "from 1 to");
    refuse("{\"events\": [{\"at_run\": 1.5, \"pe\": \"pe0\", \"event\": \"lose\"}]}", ":1:24", "whole number");
    refuse("{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"burn\"}]}", "events[0].event", "not one of");
    refuse("{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"slow\"}]}", "events[0].factor", "is missing");
    refuse("{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"slow\", \"factor\": 0}]}", "factor",
           "from 1e-06");
    refuse("{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"stall\"}]}", "events[0].ms", "is missing");
    refuse("{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"lose\", \"factor\": 2}]}", "events[0].factor",
           "does not belong");
    refuse("{\"events\": [{\"at_run\": 1, \"pe\": \"pe0\", \"event\": \"lose\", \"until\": 2}]}", "events[0].until",
           "does not belong");
}

static void missing_scripts_are_refused(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 6, .layers = 3, .pes = 1};
    sim_world world;
    sim_world_make(&spec, &world);
    mae_option options[] = {{"profile", world.path}, {"script", "/nonexistent/script.json"}};
    mae_pe_config config = {.name = "pe0", .resource = "r", .threads = 1, .options = options, .n_options = 2};
    mae_pe *pe = NULL;
    mae_error *error = mae_module_backend(world.module)->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    mae_error_free(error);
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_from_a_run_on),
        cmocka_unit_test(slow_from_a_time_on),
        cmocka_unit_test(stalls_pass),
        cmocka_unit_test(lost_and_back),
        cmocka_unit_test(lost_within_a_run),
        cmocka_unit_test(lies_change_nothing_but_what_is_told),
        cmocka_unit_test(told_times_are_true),
        cmocka_unit_test(lost_on_a_real_clock),
        cmocka_unit_test(bad_scripts_are_refused),
        cmocka_unit_test(missing_scripts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
