/* GoogLeNet on a Jetson AGX Xavier, GPU and DLA alone and together, as the authors of HaX-CoNN recorded it: the virtual
 * SoC with their factors shows their times, and measuring that SoC finds the factors. Their figures are read where they
 * lie, beside the project; without them there is nothing to test. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profile/measure.h"
#include "support/sim_world.h"

#define FRAMES 5

enum { GPU, DLA };

typedef struct recorded {
    double alone_ms[2], together_ms[2];
} recorded;

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static bool read_recorded(recorded *ret_recorded)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/../shared/data/raw/xavier_orin_multidnn_haxconn.json", getenv("MAE_SOURCE_DIR"));
    json_t *root = json_load_file(path, 0, NULL), *figures = json_object_get(root, "concurrency_contention");
    *ret_recorded = (recorded){{json_number_value(json_object_get(figures, "googlenet_gpu_alone_ms")),
                                json_number_value(json_object_get(figures, "googlenet_dla_alone_ms"))},
                               {json_number_value(json_object_get(figures, "googlenet_gpu_with_dla_corun_ms")),
                                json_number_value(json_object_get(figures, "googlenet_dla_with_gpu_corun_ms"))}};
    bool found = figures != NULL;
    json_decref(root);
    if (!found)
        print_message("skipped: there is no %s\n", path);
    return found;
}

/* The groups' times, so long that the whole network takes what it took alone, and the recorded factors. */
static void make_xavier(const recorded *r, sim_world *world)
{
    char path[4096];
    mae_profile *profile;
    snprintf(path, sizeof path, "%s/examples/profiles/xavier-agx-googlenet.json", getenv("MAE_SOURCE_DIR"));
    succeed(mae_profile_read(path, &profile));
    for (int pe = GPU; pe <= DLA; pe++) {
        double sum = 0;
        for (size_t l = 0; l < profile->n_layers; l++)
            sum += profile->costs[l * 2 + (size_t)pe].time_ms;
        print_message("%s: the groups add up to %.2f ms, recorded alone %.5f ms\n", profile->pes[pe].name, sum,
                      r->alone_ms[pe]);
        for (size_t l = 0; l < profile->n_layers; l++) {
            mae_cost cost = profile->costs[l * 2 + (size_t)pe];
            cost.time_ms *= r->alone_ms[pe] / sum;
            mae_profile_set_cost(profile, (int)l, pe, &cost);
        }
        mae_profile_set_contention(profile, pe, 1 - pe,
                                   &(mae_contention){.factor = r->together_ms[pe] / r->alone_ms[pe]});
    }
    sim_world_of(profile, world);
    sim_world_open_all(world, NULL, 0);
    mae_profile_destroy(profile);
}

static mae_program *whole_network(const sim_world *world, int pe)
{
    int mapping[64];
    assert_true(world->profile->n_layers <= 64);
    for (size_t l = 0; l < world->profile->n_layers; l++)
        mapping[l] = pe;
    return sim_world_program(world, mapping, NULL);
}

typedef struct driver {
    const sim_world *world;
    mae_program *program;
    int frames; /* 0: until the other is done */
    atomic_bool *stop;
    double frame_ms;
} driver;

/* cmocka's checks work on the main thread only. */
static void *drive(void *ctx)
{
    driver *d = ctx;
    for (int i = 0; d->frames ? i < d->frames : !atomic_load(d->stop); i++)
        if (mae_program_run(d->program, NULL))
            abort();
    d->world->service->hold(d->world->pes[0], -1);
    return NULL;
}

/* Frames of one PE while the other runs the same network again and again. */
static double together_ms(const sim_world *world, int pe)
{
    static atomic_bool stop;
    pthread_t thread;
    atomic_store(&stop, false);
    driver other = {.world = world, .program = whole_network(world, 1 - pe), .stop = &stop};
    mae_program *program = whole_network(world, pe);
    world->service->hold(world->pes[0], 2);
    uint64_t begin = world->service->now_ns(world->pes[0]);
    assert_int_equal(pthread_create(&thread, NULL, drive, &other), 0);
    for (int i = 0; i < FRAMES; i++)
        succeed(mae_program_run(program, NULL));
    double ms = (double)(world->service->now_ns(world->pes[0]) - begin) * 1e-6 / FRAMES;
    atomic_store(&stop, true);
    world->service->hold(world->pes[0], -1);
    pthread_join(thread, NULL);
    mae_program_destroy(program);
    mae_program_destroy(other.program);
    return ms;
}

static void assert_near(double value, double expected, double relative, const char *what)
{
    if (!(fabs(value - expected) <= relative * expected))
        fail_msg("%s: %.9g instead of %.9g", what, value, expected);
}

static void times_together_are_those_recorded(void **state)
{
    (void)state;
    recorded r;
    sim_world world;
    if (!read_recorded(&r))
        skip();
    make_xavier(&r, &world);
    for (int pe = GPU; pe <= DLA; pe++) {
        mae_program *program = whole_network(&world, pe);
        assert_near(sim_world_frame_ms(&world, program), r.alone_ms[pe], 1e-5, "alone");
        mae_program_destroy(program);
        double ms = together_ms(&world, pe);
        print_message("%s: %.5f ms beside the other, recorded %.5f ms (%.2f times)\n", world.names[pe], ms,
                      r.together_ms[pe], r.together_ms[pe] / r.alone_ms[pe]);
        assert_near(ms, r.together_ms[pe], 1e-5, "together");
    }
    sim_world_finish(&world);
}

static void measuring_finds_the_factors(void **state)
{
    (void)state;
    recorded r;
    sim_world world;
    mae_profile *profile;
    if (!read_recorded(&r))
        skip();
    make_xavier(&r, &world);
    mae_measure_pe pes[2];
    for (int pe = GPU; pe <= DLA; pe++)
        pes[pe] = (mae_measure_pe){world.pes[pe], world.profile->pes[pe]};
    mae_measure_options options = {.budget_s = 5,
                                   .clock = world.clock,
                                   .machine = {world.pes[0]->backend->service(MAE_VIRTUAL_SERVICE), world.pes[0]}};
    succeed(mae_measure(world.graph, pes, 2, &options, &profile));
    for (int pe = GPU; pe <= DLA; pe++)
        assert_near(profile->contention[pe * 2 + 1 - pe].factor, r.together_ms[pe] / r.alone_ms[pe], 1e-5, "factor");
    mae_profile_destroy(profile);
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_together_are_those_recorded),
        cmocka_unit_test(measuring_finds_the_factors),
    };
    return cmocka_run_group_tests_name("contention as recorded", tests, NULL, NULL);
}
