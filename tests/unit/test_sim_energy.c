/* Energy on the virtual SoC: what a frame draws is the formula of docs/formats.md, on the rail it belongs to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/sim_world.h"

#define MOST_LAYERS 40
#define LAYERS 12

static double energy(const sim_world *world, const char *rail)
{
    return world->service->energy_mj(world->pes[0], rail);
}

static const mae_clock_service *clock_of(const sim_world *world)
{
    const mae_clock_service *clock = mae_module_backend(world->module)->service(MAE_CLOCK_SERVICE);
    assert_non_null(clock);
    return clock;
}

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9 * fabs(expected) + 1e-9))
        fail_msg("%.12g instead of %.12g", value, expected);
}

static void energies_are_the_cost_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        sim_world_spec spec = {.seed = seed,
                               .layers = 8 + (int)seed,
                               .pes = 2 + (int)(seed % 3),
                               .unsupported = 0.2,
                               .chain = seed % 5 == 0,
                               .host = seed % 2,
                               .rows = seed % 3 == 0,
                               .overrides = seed % 4 == 0,
                               .energy = true,
                               .static_w = seed % 3 == 1 ? 0 : 2.5};
        sim_world world;
        sim_world_make(&spec, &world);
        const mae_option option = {"rails", seed % 2 ? "one" : "per-pe"};
        sim_world_open_all(&world, &option, 1);
        mae_rng rng = {seed};
        for (int i = 0; i < 10; i++) {
            int mapping[MOST_LAYERS];
            sim_world_mapping(&world, &rng, mapping);
            mae_program *program = sim_world_program(&world, mapping, NULL);
            mae_prediction expected = sim_world_formula(&world, mapping);
            for (int frame = 0; frame < 3; frame++) {
                double before = energy(&world, NULL);
                assert_true(fabs(sim_world_frame_ms(&world, program) - expected.latency_ms) <= 3e-6);
                assert_near(energy(&world, NULL) - before, expected.energy_mj);
            }
            mae_program_destroy(program);
        }
        sim_world_finish(&world);
    }
}

/* A sum by hand: one layer on each of two PEs, a transfer between them, each on its rail. */
static void every_joule_is_on_its_rail(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 5, .layers = 2, .pes = 2, .chain = true, .energy = true, .static_w = 3};
    sim_world world;
    sim_world_make(&spec, &world);
    static const mae_option idle = {"idle_w", "0.5"};
    sim_world_open_pe(&world, 0, &idle, 1);
    sim_world_open_pe(&world, 1, NULL, 0);
    static const int mapping[2] = {0, 1};
    mae_program *program = sim_world_program(&world, mapping, NULL);
    double ms = sim_world_frame_ms(&world, program);
    const mae_profile *p = world.profile;
    const mae_transfer *move = &p->transfers[1];
    double mib = p->tensors[p->layers[0].outputs[0]].bytes / 1048576.0;
    double on_first = p->pes[0].segment_mj + p->costs[0].energy_mj;
    double on_second = p->pes[1].segment_mj + p->costs[3].energy_mj + move->fixed_mj + move->mj_per_mib * mib;
    assert_near(ms, p->pes[0].segment_ms + p->costs[0].time_ms + p->pes[1].segment_ms + p->costs[3].time_ms +
                        move->fixed_ms + move->ms_per_mib * mib);
    assert_near(energy(&world, "r0"), on_first + 0.5 * ms);
    assert_near(energy(&world, "r1"), on_second);
    assert_near(energy(&world, "VDD_SYS"), 2.5 * ms);
    assert_near(energy(&world, NULL), on_first + on_second + 3 * ms);
    assert_true(energy(&world, "VDD_IN") == -1);
    /* Idle time draws as well. */
    clock_of(&world)->wait_ns(world.pes[1], 250000000);
    assert_near(energy(&world, "VDD_SYS"), 2.5 * (ms + 250));
    assert_near(energy(&world, "r0"), on_first + 0.5 * (ms + 250));
    assert_near(energy(&world, "r1"), on_second);
    mae_program_destroy(program);
    sim_world_finish(&world);
}

static void operating_points_share_a_rail(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 6, .layers = 2, .pes = 2, .chain = true, .energy = true, .shared = true};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    static const int mapping[2] = {0, 1};
    mae_program *program = sim_world_program(&world, mapping, NULL);
    sim_world_frame_ms(&world, program);
    assert_near(energy(&world, "r0"), sim_world_formula(&world, mapping).energy_mj);
    assert_true(energy(&world, "r1") == -1);
    mae_program_destroy(program);
    sim_world_finish(&world);
}

/* A PE at one level after the other, with what was compiled before: each level is a PE of the profile. */
static void levels_are_pes_of_the_profile(void **state)
{
    (void)state;
    char path[] = "/tmp/mae-levels-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(
        file,
        "{\"format\": \"mae-profile\", \"version\": 1, \"model\": {\"name\": \"m\"}, \"soc\": {\"name\": \"s\"},"
        "\"energy_source\": \"model\", \"pes\": [{\"name\": \"gpu@high\", \"resource\": \"gpu\"},"
        "{\"name\": \"gpu@low\", \"resource\": \"gpu\"}], \"tensors\": [{\"name\": \"x\", \"bytes\": 64},"
        "{\"name\": \"y\", \"bytes\": 64}], \"inputs\": [\"x\"], \"outputs\": [\"y\"], \"layers\": [{\"name\": \"y\","
        "\"inputs\": [\"x\"], \"outputs\": [\"y\"], \"cost\": {\"gpu@high\": {\"time_ms\": 1, \"energy_mj\": 8},"
        "\"gpu@low\": {\"time_ms\": 2, \"energy_mj\": 5}}}]}");
    fclose(file);
    sim_world world = {.n_pes = 1};
    strcpy(world.path, path);
    assert_null(mae_profile_read(path, &world.profile));
    assert_null(mae_profile_graph(world.profile, &world.graph));
    assert_null(mae_module_load("sim", &world.module));
    world.service = mae_module_backend(world.module)->service(MAE_SIM_SERVICE);
    world.names[0] = "gpu";
    sim_world_open_pe(&world, 0, NULL, 0);
    static const int mapping[1] = {0};
    mae_program *program = sim_world_program(&world, mapping, NULL);
    const char *const levels[] = {"low", "high", "low", NULL};
    const double ms[] = {2, 1, 2, 1}, mj[] = {5, 8, 5, 8};
    for (int i = 0; i < 4; i++) {
        assert_null(world.pes[0]->ops->set_level(world.pes[0], levels[i]));
        double before = energy(&world, NULL);
        uint64_t begin = world.service->now_ns(world.pes[0]);
        assert_null(mae_program_run(program, NULL));
        assert_near((double)(world.service->now_ns(world.pes[0]) - begin) * 1e-6, ms[i]);
        assert_near(energy(&world, "gpu") - before, mj[i]);
    }
    mae_error *error = world.pes[0]->ops->set_level(world.pes[0], "turbo");
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    assert_string_equal(mae_error_message(error), "the profile has no PE gpu@turbo");
    mae_error_free(error);
    mae_program_destroy(program);
    sim_world_finish(&world);
}

typedef struct frame {
    double ms, mj;
} frame;

/* A frame on the first PE of a world that was opened with these options. */
static frame frame_with(const sim_world_spec *spec, const mae_option *options, size_t n, frame *ret_formula)
{
    sim_world world;
    sim_world_make(spec, &world);
    sim_world_open_all(&world, options, n);
    static const int mapping[MOST_LAYERS] = {0};
    mae_program *program = sim_world_program(&world, mapping, NULL);
    frame f = {.ms = sim_world_frame_ms(&world, program)};
    f.mj = energy(&world, NULL);
    mae_prediction formula = sim_world_formula(&world, mapping);
    *ret_formula = (frame){formula.latency_ms, formula.energy_mj};
    mae_program_destroy(program);
    sim_world_finish(&world);
    return f;
}

/* Slower work takes the same energy for longer; a stretched clock keeps every power. */
static void slow_keeps_energy_and_stretch_keeps_power(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 7, .layers = LAYERS, .pes = 1, .energy = true};
    static const mae_option slow = {"slow", "3"}, stretch = {"stretch", "100"};
    frame formula, f = frame_with(&spec, &slow, 1, &formula);
    assert_true(fabs(f.ms - 3 * formula.ms) < 1e-5);
    assert_near(f.mj, formula.mj);
    f = frame_with(&spec, &stretch, 1, &formula);
    assert_true(fabs(f.ms - 100 * formula.ms) < 1e-5);
    assert_near(f.mj, 100 * formula.mj);
    spec.static_w = 2;
    f = frame_with(&spec, &stretch, 1, &formula);
    assert_near(f.mj, 100 * formula.mj);
}

static void power_noise_is_as_asked_and_reproducible(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 8, .layers = LAYERS, .pes = 1, .energy = true};
    static const mae_option noisy[] = {{"power_noise", "0.1"}, {"seed", "5"}}, quiet[] = {{"seed", "5"}};
    double first[2] = {0};
    for (int again = 0; again < 2; again++) {
        sim_world world;
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, noisy, 2);
        static const int mapping[LAYERS] = {0};
        mae_program *program = sim_world_program(&world, mapping, NULL);
        mae_prediction formula = sim_world_formula(&world, mapping);
        double sum = 0, squares = 0;
        for (int i = 0; i < 2000; i++) {
            double before = energy(&world, NULL);
            assert_true(fabs(sim_world_frame_ms(&world, program) - formula.latency_ms) < 3e-6); /* time has none */
            double d = (energy(&world, NULL) - before) / formula.energy_mj - 1;
            first[again] = i == 0 ? d : first[again];
            sum += d;
            squares += d * d;
        }
        assert_true(fabs(sum / 2000) < 0.01); /* 4.5 standard errors */
        assert_true(fabs(sqrt(squares / 2000) - 0.1) < 0.01);
        mae_program_destroy(program);
        sim_world_finish(&world);
    }
    assert_true(first[0] == first[1] && first[0] != 0);
    frame formula, f = frame_with(&spec, quiet, 1, &formula);
    assert_near(f.mj, formula.mj);
}

/* PEs with one seed do not shake together. */
static void noise_differs_between_pes(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 9, .layers = 2, .pes = 2, .chain = true};
    sim_world world;
    sim_world_make(&spec, &world);
    static const mae_option noisy[] = {{"noise", "0.1"}};
    sim_world_open_all(&world, noisy, 1);
    double relative[2];
    for (int p = 0; p < 2; p++) {
        const int mapping[2] = {p, p};
        mae_program *program = sim_world_program(&world, mapping, NULL);
        relative[p] = sim_world_frame_ms(&world, program) / sim_world_formula(&world, mapping).latency_ms;
        mae_program_destroy(program);
    }
    assert_true(fabs(relative[0] - relative[1]) > 1e-3);
    sim_world_finish(&world);
}

static void refuse(const sim_world *world, const char *key, const char *value, const char *words)
{
    mae_option options[] = {{"profile", world->path}, {"clock", "virtual"}, {key, value}};
    mae_pe_config config = {.name = "pe0", .resource = "r", .threads = 1, .options = options, .n_options = 3};
    mae_pe *pe = NULL;
    mae_error *error = mae_module_backend(world->module)->open(&config, &pe);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    if (!strstr(mae_error_message(error), words))
        fail_msg("%s=%s: %s", key, value, mae_error_message(error));
    assert_null(pe);
    mae_error_free(error);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 11, .layers = 3, .pes = 2, .energy = true, .static_w = 1};
    sim_world world;
    sim_world_make(&spec, &world);
    refuse(&world, "idle_w", "1.5", "of the platform's static_w only 1 is left");
    refuse(&world, "stretch", "0", "not a number from 1e-06");
    refuse(&world, "rails", "two", "option rails of a virtual PE cannot be \"two\"");
    refuse(&world, "contention", "pe1", "not a list like");
    refuse(&world, "contention", "pe7=2", "not a list like");
    refuse(&world, "contention", "pe1=2,", "not a list like");
    refuse(&world, "contention", "pe1=0", "not a list like");
    refuse(&world, "battery_level", "0.5", "needs the option battery_wh");
    refuse(&world, "throttle_c", "50", "needs the option thermal_k_per_w");
    refuse(&world, "meter", "energy", "needs the option meter_root");
    refuse(&world, "meter_window", "1.5", "counts whole periods");
    refuse(&world, "outputs", "none", "cannot be \"none\"");
    refuse(&world, "reference", "ort", "needs outputs to be reference");
    static const mae_option stretch = {"stretch", "2"};
    sim_world_open_pe(&world, 0, &stretch, 1);
    refuse(&world, "stretch", "3", "option stretch is \"3\" here and \"2\" at the first PE");
    refuse(&world, "rails", "one", "option rails is \"one\" here and absent at the first PE");
    sim_world_open_pe(&world, 1, NULL, 0); /* leaving it out is no contradiction */
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_are_the_cost_formula),
        cmocka_unit_test(every_joule_is_on_its_rail),
        cmocka_unit_test(operating_points_share_a_rail),
        cmocka_unit_test(levels_are_pes_of_the_profile),
        cmocka_unit_test(slow_keeps_energy_and_stretch_keeps_power),
        cmocka_unit_test(power_noise_is_as_asked_and_reproducible),
        cmocka_unit_test(noise_differs_between_pes),
        cmocka_unit_test(contradictions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
