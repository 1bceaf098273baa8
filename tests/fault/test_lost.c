/* PEs that are lost: while compiling, binding or running, and while being characterised; and a user who
 * has seen enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profile/measure.h"
#include "support/sim_world.h"

#define LAYERS 12

static void open_world(sim_world *world, const mae_option *faults, size_t n)
{
    sim_world_spec spec = {.seed = 3, .layers = LAYERS, .pes = 2, .chain = true};
    sim_world_make(&spec, world);
    sim_world_open_pe(world, 0, NULL, 0);
    sim_world_open_pe(world, 1, faults, n);
}

static mae_program_spec spec_of(const sim_world *world, const int *mapping)
{
    return (mae_program_spec){.graph = world->graph,
                              .pes = world->pes,
                              .mapping = mapping,
                              .first = 0,
                              .last = LAYERS - 1,
                              .pe_names = world->names,
                              .clock = world->clock};
}

/* Frees the error. */
static void assert_lost(mae_error *error, const char *message)
{
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    assert_int_equal(mae_error_exit_status(error), 1);
    assert_string_equal(mae_error_message(error), message);
    mae_error_free(error);
}

static const int mapping[LAYERS] = {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0};
static const char message[] = "segment 2 of 3 (pe1), layers layer4 to layer7: the virtual device is gone";

static void lost_before_the_first_frame(void **state)
{
    (void)state;
    static const char *const events[] = {"compile", "bind"};
    for (int i = 0; i < 2; i++) {
        sim_world world;
        const mae_option faults[] = {{"fail_at", events[i]}};
        open_world(&world, faults, 1);
        mae_program_spec spec = spec_of(&world, mapping);
        mae_program *program = NULL;
        assert_lost(mae_program_create(&spec, &program), message);
        assert_null(program);
        /* The other PE goes on. */
        static const int alone[LAYERS] = {0};
        program = sim_world_program(&world, alone, NULL);
        assert_true(sim_world_frame_ms(&world, program) > 0);
        mae_program_destroy(program);
        sim_world_finish(&world);
    }
}

static void lost_at_frame_n(void **state)
{
    (void)state;
    for (int n = 0; n < 5; n++) {
        char after[16];
        snprintf(after, sizeof after, "%d", n);
        const mae_option faults[] = {{"fail_after", after}};
        sim_world world;
        open_world(&world, faults, 1);
        mae_program *program = sim_world_program(&world, mapping, NULL);
        for (int frame = 0; frame < n; frame++)
            sim_world_frame_ms(&world, program);
        assert_lost(mae_program_run(program, NULL), message);
        assert_lost(mae_program_run(program, NULL), message); /* and it stays lost */
        mae_program *again = NULL;
        mae_program_spec spec = spec_of(&world, mapping);
        assert_lost(mae_program_create(&spec, &again), message);
        mae_program_destroy(program);
        sim_world_finish(&world);
    }
}

static void lost_by_a_layer(void **state)
{
    (void)state;
    static const mae_option faults[] = {{"fail_layer", "layer9"}};
    sim_world world;
    open_world(&world, faults, 1);
    mae_program *program = sim_world_program(&world, mapping, NULL);
    sim_world_frame_ms(&world, program); /* layer9 is the other PE's here */
    mae_program_destroy(program);
    static const int other[LAYERS] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1};
    program = sim_world_program(&world, other, NULL);
    assert_lost(mae_program_run(program, NULL),
                "segment 2 of 2 (pe1), layers layer8 to layer11: the virtual device is gone");
    mae_program_destroy(program);
    sim_world_finish(&world);
}

static mae_error *measure(const sim_world *world, const mae_measure_options *options, mae_profile **ret_profile)
{
    mae_measure_pe pes[2] = {{world->pes[0], world->profile->pes[0]}, {world->pes[1], world->profile->pes[1]}};
    return mae_measure(world->graph, pes, 2, options, ret_profile);
}

/* Wherever the loss comes, characterising ends with it, and leaves nothing behind. */
static void lost_while_characterised(void **state)
{
    (void)state;
    static const char *const events[] = {"compile", "bind", "run"};
    int ended_well = 0, ended_lost = 0;
    for (int e = 0; e < 3; e++) {
        for (int n = 0; n < 2000; n = n < 8 ? n + 1 : n * 3) {
            char after[16];
            snprintf(after, sizeof after, "%d", n);
            const mae_option faults[] = {{"fail_at", events[e]}, {"fail_after", after}};
            sim_world world;
            open_world(&world, faults, 2);
            mae_measure_options options = {.budget_s = 0.5, .clock = world.clock};
            mae_profile *profile = NULL;
            mae_error *error = measure(&world, &options, &profile);
            if (error) {
                assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
                assert_non_null(strstr(mae_error_message(error), "(pe1), layers "));
                assert_null(profile);
            }
            ended_well += !error;
            ended_lost += error != NULL;
            mae_error_free(error);
            mae_profile_destroy(profile);
            sim_world_finish(&world);
        }
    }
    assert_true(ended_well > 0 && ended_lost > 15);
}

static bool no_more(void *ctx, const char *what, double fraction, double left_s)
{
    (void)what, (void)left_s;
    return fraction < *(const double *)ctx;
}

static void cancelled_in_the_middle(void **state)
{
    (void)state;
    sim_world world;
    open_world(&world, NULL, 0);
    static const double fractions[] = {0, 0.2, 0.5, 0.9, 1};
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
        double fraction = fractions[i];
        mae_measure_options options = {
            .budget_s = 0.5, .progress = no_more, .progress_ctx = &fraction, .clock = world.clock};
        mae_profile *profile = NULL;
        mae_error *error = measure(&world, &options, &profile);
        assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
        assert_string_equal(mae_error_message(error), "cancelled");
        assert_null(profile);
        mae_error_free(error);
    }
    sim_world_finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_before_the_first_frame),
        cmocka_unit_test(lost_at_frame_n),
        cmocka_unit_test(lost_by_a_layer),
        cmocka_unit_test(lost_while_characterised),
        cmocka_unit_test(cancelled_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
