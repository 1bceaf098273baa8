/* PEs of a virtual SoC that run at once: contention, shared resources, and a virtual clock driven by threads. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/sim_world.h"

#define LAYERS 6

/* A thread that runs frames of a program on one PE alone. */
typedef struct driver {
    const sim_world *world;
    mae_program *program;
    int frames;
    bool held;
    double alone_ms; /* a frame's */
    uint64_t begin_ns, end_ns;
    pthread_t thread;
} driver;

static uint64_t now_of(const sim_world *world)
{
    return world->service->now_ns(world->pes[0]);
}

/* cmocka's checks work on the main thread only. */
static void *drive(void *ctx)
{
    driver *d = ctx;
    d->begin_ns = now_of(d->world);
    for (int i = 0; i < d->frames; i++) {
        mae_error *error = mae_program_run(d->program, NULL);
        if (error)
            abort();
    }
    d->end_ns = now_of(d->world);
    if (d->held)
        d->world->service->hold(d->world->pes[0], -1);
    return NULL;
}

static void make_driver(const sim_world *world, int pe, int frames, bool held, driver *d)
{
    int mapping[LAYERS];
    for (int l = 0; l < LAYERS; l++)
        mapping[l] = pe;
    *d = (driver){.world = world, .frames = frames, .held = held};
    d->program = sim_world_program(world, mapping, NULL);
    d->alone_ms = sim_world_formula(world, mapping).latency_ms;
    if (held)
        world->service->hold(world->pes[0], 1);
}

static void drive_all(driver *drivers, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&drivers[i].thread, NULL, drive, &drivers[i]), 0);
    for (int i = 0; i < n; i++) {
        pthread_join(drivers[i].thread, NULL);
        mae_program_destroy(drivers[i].program);
    }
}

static void assert_ms(uint64_t ns, double expected_ms)
{
    if (!(fabs((double)ns * 1e-6 - expected_ms) <= 3e-6))
        fail_msg("%.9g ms instead of %.9g ms", (double)ns * 1e-6, expected_ms);
}

static void make_world(sim_world *world, uint64_t seed, bool shared)
{
    sim_world_spec spec = {
        .seed = seed, .layers = LAYERS, .pes = 3, .chain = true, .energy = true, .static_w = 2, .shared = shared};
    sim_world_make(&spec, world);
}

static void overlap_takes_as_long_as_the_longest(void **state)
{
    (void)state;
    sim_world world;
    make_world(&world, 1, false);
    sim_world_open_all(&world, NULL, 0);
    driver d[3];
    for (int p = 0; p < 3; p++)
        make_driver(&world, p, 20, true, &d[p]);
    drive_all(d, 3);
    double most = 0, dynamic_mj = 0;
    for (int p = 0; p < 3; p++) {
        int mapping[LAYERS] = {p, p, p, p, p, p};
        assert_ms(d[p].end_ns, 20 * d[p].alone_ms);
        most = fmax(most, 20 * d[p].alone_ms);
        dynamic_mj += 20 * (sim_world_formula(&world, mapping).energy_mj - 2 * d[p].alone_ms);
    }
    assert_ms(now_of(&world), most);
    assert_true(fabs(world.service->energy_mj(world.pes[0], NULL) - dynamic_mj - 2 * most) < 1e-6);
    sim_world_finish(&world);
}

/* a at half speed while b runs, b at a third while a does: worked out by hand. */
static void contention_is_by_overlap(void **state)
{
    (void)state;
    sim_world world;
    make_world(&world, 2, false);
    static const mae_option a = {"contention", "pe1=2"}, b = {"contention", "pe0=3,pe2=7"};
    sim_world_open_pe(&world, 0, &a, 1);
    sim_world_open_pe(&world, 1, &b, 1);
    driver d[2];
    make_driver(&world, 0, 1, true, &d[0]);
    make_driver(&world, 1, 1, true, &d[1]);
    double ta = d[0].alone_ms, tb = d[1].alone_ms;
    drive_all(d, 2);
    bool a_first = 2 * ta < 3 * tb;
    assert_ms(d[0].end_ns, a_first ? 2 * ta : 3 * tb + ta - 1.5 * tb);
    assert_ms(d[1].end_ns, a_first ? 2 * ta + tb - 2 * ta / 3 : 3 * tb);
    /* Alone there is none. */
    uint64_t before = now_of(&world);
    make_driver(&world, 1, 2, false, &d[1]);
    drive_all(&d[1], 1);
    assert_ms(now_of(&world) - before, 2 * tb);
    sim_world_finish(&world);
}

static void one_resource_runs_one_at_a_time(void **state)
{
    (void)state;
    sim_world world;
    make_world(&world, 3, true);
    /* Were they ever to overlap, it would show. */
    static const mae_option never = {"contention", "pe0=100,pe1=100,pe2=100"};
    sim_world_open_all(&world, &never, 1);
    driver d[3];
    double sum = 0;
    for (int p = 0; p < 3; p++) {
        make_driver(&world, p, 10, true, &d[p]);
        sum += 10 * d[p].alone_ms;
    }
    drive_all(d, 3);
    assert_ms(now_of(&world), sum);
    for (int p = 0; p < 3; p++)
        assert_true((double)(d[p].end_ns - d[p].begin_ns) * 1e-6 > 10 * d[p].alone_ms); /* they waited */
    sim_world_finish(&world);
}

/* Threads on a real clock, with a meter that is written meanwhile: all work is done, none too soon, all energy is
 * there. */
static void real_clocks_overlap_too(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        char root[] = "/tmp/mae-overlap-XXXXXX";
        assert_non_null(mkdtemp(root));
        sim_world world;
        make_world(&world, 4, shared);
        const mae_option options[] = {{"clock", "real"}, {"meter_root", root}, {"contention", "pe0=1.5"}};
        sim_world_open_all(&world, options, 3);
        driver d[3];
        double sum = 0, dynamic_mj = 0;
        uint64_t begin = now_of(&world), end = begin;
        double before_mj = world.service->energy_mj(world.pes[0], NULL);
        for (int p = 0; p < 3; p++) {
            int mapping[LAYERS] = {p, p, p, p, p, p};
            make_driver(&world, p, 8, false, &d[p]);
            sum += 8 * d[p].alone_ms;
            dynamic_mj += 8 * (sim_world_formula(&world, mapping).energy_mj - 2 * d[p].alone_ms);
        }
        drive_all(d, 3);
        double mj = world.service->energy_mj(world.pes[0], NULL) - before_mj;
        for (int p = 0; p < 3; p++) {
            assert_true((double)(d[p].end_ns - d[p].begin_ns) >= 8 * d[p].alone_ms * 1e6);
            end = d[p].end_ns > end ? d[p].end_ns : end;
        }
        assert_true(!shared || (double)(end - begin) >= sum * 1e6);
        assert_true(mj >= dynamic_mj + 2 * (double)(end - begin) * 1e-6 - 1e-3 * mj);
        for (int l = 0; l < LAYERS; l++)
            assert_int_equal(world.service->layer_runs(world.pes[0], l), 24);
        sim_world_finish(&world);
        assert_int_equal(rmdir(root), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_takes_as_long_as_the_longest),
        cmocka_unit_test(contention_is_by_overlap),
        cmocka_unit_test(one_resource_runs_one_at_a_time),
        cmocka_unit_test(real_clocks_overlap_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
