/* Live sessions on PEs that hang, fail and are told goals from elsewhere, on the real clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/live_world.h"

enum { FAST, LEAN };

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static mae_live_status status_of(mae_live *live)
{
    mae_live_status status;
    mae_live_get_status(live, &status);
    return status;
}

static mae_live *open_live(live_world *world, double timeout_ms)
{
    mae_live *live = NULL;
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    params.drift_alarm = 1e9; /* however busy the machine is */
    const mae_live_options options = {.params = &params, .timeout_ms = timeout_ms, .retry_ms = 5, .retry_most_ms = 20};
    succeed(mae_live_open(world->context, &world->model, world->profile, &options, &live));
    return live;
}

static const char *first_pe(const mae_live *live)
{
    return mae_live_last(live)->segments[0].pe;
}

/* Frames until `pe` runs the whole network; what is built beside the frames takes the time it takes. */
static void until_on(live_world *world, mae_live *live, const char *pe)
{
    for (int i = 0; i < 4000; i++) {
        live_world_frame(world, live, (float)i);
        if (mae_live_last(live)->n_segments == 1 && strcmp(first_pe(live), pe) == 0)
            return;
        usleep(1000);
    }
    fail_msg("%s is never used", pe);
}

static void a_hung_call_holds_up_nobody(void **state)
{
    (void)state;
    live_world world;
    live_world_open(&world);
    mae_live *live = open_live(&world, 100);
    for (int i = 0; i < 5; i++)
        live_world_frame(&world, live, (float)i);
    assert_string_equal(first_pe(live), "fast");
    atomic_store(&world.pes[FAST]->hang, true);
    live_world_frame(&world, live, 100);
    assert_string_equal(first_pe(live), "lean");
    assert_int_equal(mae_live_last(live)->repeats, 1);
    mae_live_status status = status_of(live);
    assert_int_equal(status.hung, 1);
    assert_true(status.leaked_bytes >= 64);
    assert_int_equal(atomic_load(&world.pes[FAST]->inside), 1);
    for (int i = 0; i < 50; i++) /* it stays out as long as the call is in it */
        live_world_frame(&world, live, (float)i);
    assert_string_equal(first_pe(live), "lean");
    assert_int_equal(status_of(live).hung, 1);
    live_world_release(&world, FAST);
    until_on(&world, live, "fast");
    assert_int_equal(status_of(live).hung, 1);
    mae_live_close(live);
    live_world_close(&world);
}

/* Time after time, and each late answer finds nothing it could spoil. */
static void hanging_again_and_again(void **state)
{
    (void)state;
    live_world world;
    live_world_open(&world);
    mae_live *live = open_live(&world, 60);
    for (int round = 0; round < 3; round++) {
        until_on(&world, live, "fast");
        atomic_store(&world.pes[FAST]->hang, true);
        for (int i = 0; i < 3; i++)
            live_world_frame(&world, live, (float)i);
        live_world_release(&world, FAST);
    }
    assert_int_equal(status_of(live).hung, 3);
    mae_live_close(live);
    live_world_close(&world);
}

/* A session can be closed with a call that never comes back; what that may touch stays. */
static void closing_on_a_hung_call(void **state)
{
    (void)state;
    static live_world world; /* the thread lives on */
    live_world_open(&world);
    mae_live *live = open_live(&world, 50);
    atomic_store(&world.pes[FAST]->hang, true);
    live_world_frame(&world, live, 1);
    mae_live_close(live);
    assert_int_equal(world.context->abandoned, 1);
    mae_context_destroy(world.context);
    assert_int_equal(atomic_load(&world.pes[LEAN]->users), 0);
    assert_true(atomic_load(&world.pes[FAST]->users) > 0);
    live_world_release(&world, FAST);
    mae_profile_destroy(world.profile);
}

static void failures_are_served_elsewhere(void **state)
{
    (void)state;
    live_world world;
    live_world_open(&world);
    mae_live *live = open_live(&world, 1000);
    live_world_frame(&world, live, 1);
    atomic_store(&world.pes[FAST]->fail, true); /* once */
    live_world_frame(&world, live, 2);
    assert_string_equal(first_pe(live), "lean");
    until_on(&world, live, "fast");
    atomic_store(&world.pes[FAST]->lost, true);
    for (int i = 0; i < 30; i++) {
        live_world_frame(&world, live, (float)i);
        assert_string_equal(first_pe(live), "lean");
    }
    atomic_store(&world.pes[FAST]->lost, false);
    until_on(&world, live, "fast");
    assert_int_equal(status_of(live).hung, 0);
    assert_int_equal(status_of(live).losses, 2);
    mae_live_close(live);
    live_world_close(&world);
}

/* With nothing left a frame is refused, not lost: the same inputs are served when a PE is back. */
static void nothing_left(void **state)
{
    (void)state;
    live_world world;
    live_world_open(&world);
    mae_live *live = open_live(&world, 1000);
    live_world_frame(&world, live, 7);
    atomic_store(&world.pes[FAST]->lost, true);
    atomic_store(&world.pes[LEAN]->lost, true);
    mae_error *error = mae_live_run(live, 0, 0);
    assert_int_equal(mae_error_code(error), MAE_ERR_LOST);
    assert_non_null(strstr(mae_error_message(error), "it is gone"));
    mae_error_free(error);
    atomic_store(&world.pes[LEAN]->lost, false);
    bool served = false;
    for (int i = 0; i < 400 && !served; i++) {
        usleep(5000);
        error = mae_live_run(live, 0, 0);
        served = !error;
        mae_error_free(error);
    }
    assert_true(served);
    const void *data;
    mae_shape shape;
    succeed(mae_live_output(live, 0, &data, &shape));
    assert_true(((const float *)data)[0] == 7 + LIVE_WORLD_LAYERS);
    mae_live_close(live);
    live_world_close(&world);
}

typedef struct changer {
    mae_live *live;
    atomic_bool stop;
    atomic_int changes;
} changer;

/* cmocka's checks work on the main thread only. */
static void *change_goals(void *ctx)
{
    changer *c = ctx;
    for (int i = 0; !atomic_load(&c->stop); i++) {
        mae_goal goal = MAE_GOAL_INIT;
        mae_live_status status;
        goal.minimize = i % 2 ? MAE_MIN_ENERGY : MAE_MIN_LATENCY;
        mae_error *error = mae_live_set_goal(c->live, i % 7 ? &goal : NULL);
        if (!error)
            error = mae_live_set_event(c->live, "obstacle", i % 3 == 0);
        if (error)
            abort();
        mae_live_set_readings(c->live, i % 100, 40 + i % 10, 5);
        mae_live_get_status(c->live, &status);
        atomic_fetch_add(&c->changes, 1);
        usleep(1000);
    }
    return NULL;
}

static void goals_a_thousand_times_a_second(void **state)
{
    (void)state;
    live_world world;
    pthread_t thread;
    live_world_open(&world);
    mae_live *live = open_live(&world, 5000);
    changer c = {.live = live};
    assert_int_equal(pthread_create(&thread, NULL, change_goals, &c), 0);
    int frames = 0;
    for (; atomic_load(&c.changes) < 500 || frames < 500; frames++)
        live_world_frame(&world, live, (float)(frames % 1000));
    atomic_store(&c.stop, true);
    pthread_join(thread, NULL);
    mae_live_status status = status_of(live);
    assert_int_equal(status.frames, frames);
    assert_true(status.switches > 10);
    assert_int_equal(status.losses, 0);
    mae_live_close(live);
    live_world_close(&world);
}

/* With both mappings compiled the next frame after set_goal() is on the new one. */
static void the_next_frame_obeys(void **state)
{
    (void)state;
    live_world world;
    live_world_open(&world);
    mae_live *live = open_live(&world, 1000);
    mae_goal energy = MAE_GOAL_INIT, latency = MAE_GOAL_INIT;
    energy.minimize = MAE_MIN_ENERGY;
    succeed(mae_live_set_goal(live, &energy));
    until_on(&world, live, "lean");
    for (int i = 0; i < 50; i++) {
        succeed(mae_live_set_goal(live, i % 2 ? &energy : &latency));
        live_world_frame(&world, live, (float)i);
        assert_string_equal(first_pe(live), i % 2 ? "lean" : "fast");
        assert_int_equal(mae_live_last(live)->rule_line, -1);
    }
    succeed(mae_live_set_goal(live, NULL)); /* no rules: least latency */
    live_world_frame(&world, live, 0);
    assert_string_equal(first_pe(live), "fast");
    mae_live_segment *segments = NULL;
    size_t n = 0;
    succeed(mae_live_segments(live, &segments, &n));
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++)
        assert_true(segments[i].compile_ms >= 0 && segments[i].bytes >= 0 && segments[i].first <= segments[i].last);
    free(segments);
    mae_live_close(live);
    live_world_close(&world);
}

static void what_is_refused(void **state)
{
    (void)state;
    live_world world;
    live_world_open(&world);
    mae_live *live = open_live(&world, 1000);
    static const char *const words[] = {"", "two words", "a\"b",
                                        "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        mae_error *error = mae_live_set_event(live, words[i], true);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        mae_error_free(error);
    }
    char word[16];
    for (int i = 0; i < 32; i++) {
        snprintf(word, sizeof word, "event%d", i);
        succeed(mae_live_set_event(live, word, true));
    }
    mae_error *error = mae_live_set_event(live, "one-more", true);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    succeed(mae_live_set_event(live, "event7", false));
    succeed(mae_live_set_event(live, "one-more", true));
    mae_goal goal = MAE_GOAL_INIT;
    goal.max_latency_ms = -1;
    error = mae_live_set_goal(live, &goal);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    float value = 0;
    error = mae_live_set_input(live, 0, &value, sizeof value);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    live_world_frame(&world, live, 1);
    mae_live_close(live);
    live_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hung_call_holds_up_nobody),
        cmocka_unit_test(hanging_again_and_again),
        cmocka_unit_test(failures_are_served_elsewhere),
        cmocka_unit_test(nothing_left),
        cmocka_unit_test(goals_a_thousand_times_a_second),
        cmocka_unit_test(the_next_frame_obeys),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(closing_on_a_hung_call),
    };
    return cmocka_run_group_tests_name("live sessions, hung and told", tests, NULL, NULL);
}
