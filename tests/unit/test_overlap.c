/* Frames whose resources work at the same time (pe/overlap.h), on virtual SoCs: exactly the makespan of list scheduling
 * in layer order, the outputs of a serial run, and errors that stop everybody. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/graph.h"
#include "core/makespan.h"
#include "mae/backend.h"
#include "pe/overlap.h"
#include "pe/program_impl.h"
#include "support/sim_world.h"

#define LAYERS 12
#define PES 4
#define MOST_SEGMENTS LAYERS

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static const mae_virtual_service *service_of(const sim_world *world)
{
    const mae_virtual_service *service = world->pes[0]->backend->service(MAE_VIRTUAL_SERVICE);
    assert_non_null(service);
    return service;
}

/* PE p is on lane `lanes[p]`. */
static mae_overlap *overlap_of(const sim_world *world, mae_program *program, const int *lanes)
{
    const mae_virtual_service *service = service_of(world);
    mae_overlap_machine machine = {0};
    mae_overlap *overlap = NULL;
    if (service->is_virtual(world->pes[0]))
        machine = (mae_overlap_machine){service, world->pes[0]};
    succeed(mae_overlap_create(program, lanes, machine, &overlap));
    return overlap;
}

/* What each segment takes alone, by running serially. */
static void serial_times(mae_program *program, uint64_t *ret_ns)
{
    mae_program_stamp stamps[MOST_SEGMENTS];
    succeed(mae_program_run(program, stamps));
    for (size_t s = 0; s < mae_program_n_segments(program); s++)
        ret_ns[s] = stamps[s].end_ns - stamps[s].begin_ns;
}

/* A segment begins when its lane is free and all it reads is there. */
static void schedule(const mae_program *program, const int *lanes, const uint64_t *ns, mae_program_stamp *ret_stamps)
{
    uint64_t free_at[PES] = {0};
    for (size_t s = 0; s < mae_program_n_segments(program); s++) {
        int lane = lanes[mae_program_pe(program, s)];
        uint64_t begin = free_at[lane];
        for (size_t q = 0; q < s; q++)
            if (mae_program_depends(program, s, q) && ret_stamps[q].end_ns > begin)
                begin = ret_stamps[q].end_ns;
        ret_stamps[s] = (mae_program_stamp){begin, begin + ns[s]};
        free_at[lane] = begin + ns[s];
    }
}

static uint64_t now_of(const sim_world *world)
{
    return world->service->now_ns(world->pes[0]);
}

/* Every segment exactly where the schedule has it. How many began before one earlier in layer order had ended. */
static size_t check_frame(const sim_world *world, mae_program *program, mae_overlap *overlap, const int *lanes,
                          const uint64_t *ns)
{
    mae_program_stamp stamps[MOST_SEGMENTS], expected[MOST_SEGMENTS];
    size_t n = mae_program_n_segments(program), overlaps = 0;
    uint64_t begin = now_of(world), latest = 0, end = 0;
    schedule(program, lanes, ns, expected);
    succeed(mae_overlap_run(overlap, stamps));
    for (size_t s = 0; s < n; s++) {
        assert_int_equal(stamps[s].begin_ns - begin, expected[s].begin_ns);
        assert_int_equal(stamps[s].end_ns - begin, expected[s].end_ns);
        overlaps += s > 0 && stamps[s].begin_ns < latest;
        latest = stamps[s].end_ns > latest ? stamps[s].end_ns : latest;
        end = expected[s].end_ns > end ? expected[s].end_ns : end;
    }
    assert_int_equal(now_of(world) - begin, end);
    return overlaps;
}

static void frames_take_the_makespan(void **state)
{
    (void)state;
    size_t overlaps = 0, worlds = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        sim_world world;
        sim_world_spec spec = {
            .seed = seed, .layers = LAYERS, .pes = PES, .branches = true, .unsupported = seed % 3 ? 0.0 : 0.2};
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, NULL, 0);
        mae_rng rng = {seed};
        int mapping[LAYERS], lanes[PES];
        for (int k = 0; k < 4; k++) {
            /* Sometimes two PEs share a lane. */
            for (int p = 0; p < PES; p++)
                lanes[p] = k == 3 ? p / 2 : p;
            sim_world_mapping(&world, &rng, mapping);
            uint64_t ns[MOST_SEGMENTS];
            mae_program *program = sim_world_program(&world, mapping, NULL);
            serial_times(program, ns);
            mae_overlap *overlap = overlap_of(&world, program, lanes);
            for (int frame = 0; frame < 3; frame++)
                overlaps += check_frame(&world, program, overlap, lanes, ns);
            mae_overlap_destroy(overlap);
            mae_program_destroy(program);
            worlds++;
        }
        sim_world_finish(&world);
    }
    print_message("%zu segments of %zu mappings began before one before them had ended\n", overlaps, worlds);
    assert_true(overlaps > worlds);
}

/* Frames of mappings that are as odd as the profile allows: what docs/formats.md calls the makespan is what they take,
 * to the nanosecond that the clock shows. */
static void check_prediction(const sim_world *world, mae_rng *rng, size_t *ret_overlapped)
{
    int mapping[LAYERS], lanes[PES];
    mae_prediction predicted, serial;
    sim_world_mapping(world, rng, mapping);
    succeed(mae_eval_overlap(world->profile, mapping, 0, &predicted));
    serial = sim_world_formula(world, mapping);
    mae_makespan_lanes(world->profile, lanes);
    mae_program *program = sim_world_program(world, mapping, NULL);
    mae_overlap *overlap = overlap_of(world, program, lanes);
    for (int frame = 0; frame < 2; frame++) {
        uint64_t begin = now_of(world);
        succeed(mae_overlap_run(overlap, NULL));
        double ms = (double)(now_of(world) - begin) * 1e-6;
        if (!(fabs(ms - predicted.latency_ms) <= 2e-6))
            fail_msg("%.9g ms instead of %.9g ms", ms, predicted.latency_ms);
    }
    *ret_overlapped += predicted.latency_ms < 0.999 * serial.latency_ms;
    mae_overlap_destroy(overlap);
    mae_program_destroy(program);
}

static void frames_take_what_is_predicted(void **state)
{
    (void)state;
    size_t overlapped = 0, frames = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        sim_world world;
        sim_world_spec spec = {.seed = 900 + seed,
                               .layers = LAYERS,
                               .pes = PES,
                               .branches = true,
                               .unsupported = seed % 3 ? 0.0 : 0.2,
                               .host = seed % 2,
                               .rows = seed % 4 == 1,
                               .overrides = seed % 5 == 1,
                               .pairs = seed % 7 < 3,
                               .contention = seed % 3 != 1};
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, NULL, 0);
        mae_rng rng = {seed};
        for (int k = 0; k < 5; k++, frames++)
            check_prediction(&world, &rng, &overlapped);
        sim_world_finish(&world);
    }
    print_message("%zu of %zu mappings gain by overlapping\n", overlapped, frames);
    assert_true(overlapped > frames / 4);
}

static void keep_outputs(const sim_world *world, mae_program *program, mae_arena *arena, const void **ret_data)
{
    for (size_t i = 0; i < world->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t bytes;
        succeed(mae_program_read(program, world->graph->outputs[i], &data, &shape));
        assert_true(mae_shape_bytes(&shape, &bytes));
        ret_data[i] = mae_arena_copy(arena, data, bytes);
    }
}

static void check_outputs(const sim_world *world, mae_program *program, const void *const *wanted)
{
    for (size_t i = 0; i < world->graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        size_t bytes;
        succeed(mae_program_read(program, world->graph->outputs[i], &data, &shape));
        assert_true(mae_shape_bytes(&shape, &bytes));
        assert_memory_equal(data, wanted[i], bytes);
    }
}

/* On a clock that passes by itself, threads meet as they come: many frames, each with inputs of its own. */
static void outputs_are_those_of_serial_frames(void **state)
{
    (void)state;
    static const int lanes[PES] = {0, 1, 2, 3};
    static const mae_option real = {"clock", "real"};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sim_world world;
        sim_world_spec spec = {.seed = 50 + seed, .layers = LAYERS, .pes = PES, .branches = true};
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, &real, 1);
        mae_rng rng = {seed};
        int mapping[LAYERS];
        sim_world_mapping(&world, &rng, mapping);
        mae_program *serial = sim_world_program(&world, mapping, NULL);
        mae_program *program = sim_world_program(&world, mapping, NULL);
        mae_overlap *overlap = overlap_of(&world, program, lanes);
        for (uint64_t frame = 0; frame < 20; frame++) {
            const void *wanted[LAYERS];
            mae_arena *arena = mae_arena_create();
            assert_true(world.graph->n_outputs <= LAYERS);
            succeed(mae_program_fill(serial, frame));
            succeed(mae_program_fill(program, frame));
            succeed(mae_program_run(serial, NULL));
            keep_outputs(&world, serial, arena, wanted);
            succeed(mae_overlap_run(overlap, NULL));
            check_outputs(&world, program, wanted);
            mae_arena_destroy(arena);
        }
        mae_overlap_destroy(overlap);
        mae_program_destroy(program);
        mae_program_destroy(serial);
        sim_world_finish(&world);
    }
}

static void one_lane_is_serial(void **state)
{
    (void)state;
    static const int lanes[PES] = {7, 7, 7, 7};
    sim_world world;
    sim_world_spec spec = {.seed = 9, .layers = LAYERS, .pes = PES, .branches = true};
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    mae_rng rng = {9};
    int mapping[LAYERS];
    sim_world_mapping(&world, &rng, mapping);
    mae_program *program = sim_world_program(&world, mapping, NULL);
    mae_overlap *overlap = overlap_of(&world, program, lanes);
    assert_int_equal(mae_overlap_n_lanes(overlap), 1);
    uint64_t begin = now_of(&world);
    succeed(mae_overlap_run(overlap, NULL));
    uint64_t took = now_of(&world) - begin;
    begin = now_of(&world);
    succeed(mae_program_run(program, NULL));
    assert_int_equal(now_of(&world) - begin, took);
    mae_overlap_destroy(overlap);
    mae_overlap *none = NULL;
    static const int wrong[PES] = {64, 64, 64, 64};
    mae_error *error = mae_overlap_create(program, wrong, (mae_overlap_machine){0}, &none);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_program_destroy(program);
    sim_world_finish(&world);
}

/* A PE is lost in its fifth run: the frame fails by its name, whoever waited for it is not left waiting, and every
 * frame after it fails as well. */
static void check_loss(bool real)
{
    static const int lanes[PES] = {0, 1, 2, 3};
    char script[] = "/tmp/mae-overlap-XXXXXX";
    int fd = mkstemp(script);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs("{\"events\": [{\"at_run\": 5, \"pe\": \"pe1\", \"event\": \"lose\"}]}", file);
    assert_int_equal(fclose(file), 0);
    const mae_option options[] = {{"script", script}, {"clock", real ? "real" : "virtual"}};
    sim_world world;
    sim_world_spec spec = {.seed = 21, .layers = LAYERS, .pes = PES, .branches = true};
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, options, 2);
    int mapping[LAYERS];
    for (int l = 0; l < LAYERS; l++)
        mapping[l] = l % PES;
    mae_program *program = sim_world_program(&world, mapping, NULL);
    mae_overlap *overlap = overlap_of(&world, program, lanes);
    succeed(mae_overlap_run(overlap, NULL));
    for (int i = 0; i < 3; i++) {
        mae_error *error = mae_overlap_run(overlap, NULL);
        if (mae_error_code(error) != MAE_ERR_LOST || !strstr(mae_error_message(error), "pe1"))
            fail_msg("%s", error ? mae_error_message(error) : "no error");
        mae_error_free(error);
    }
    mae_overlap_destroy(overlap);
    mae_program_destroy(program);
    sim_world_finish(&world);
    unlink(script);
}

static void a_lost_pe_ends_the_frame(void **state)
{
    (void)state;
    check_loss(false);
    check_loss(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_take_the_makespan),           cmocka_unit_test(frames_take_what_is_predicted),
        cmocka_unit_test(outputs_are_those_of_serial_frames), cmocka_unit_test(one_lane_is_serial),
        cmocka_unit_test(a_lost_pe_ends_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
