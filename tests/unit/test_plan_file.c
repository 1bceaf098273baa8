/* Plans as files, and mappings of plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/goal.h"
#include "core/plan.h"
#include "core/profile.h"

static mae_profile *example(void)
{
    char path[4096];
    mae_profile *profile = NULL;
    snprintf(path, sizeof path, "%s/examples/profiles/xavier-agx-googlenet.json", getenv("MAE_SOURCE_DIR"));
    assert_null(mae_profile_read(path, &profile));
    return profile;
}

static void survives_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/mae-plan-XXXXXX";
    int fd = mkstemp(path), mapping[10], wanted[10] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1};
    mae_profile *profile = example();
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL, *again = NULL;
    assert_true(fd >= 0);
    close(fd);
    goal.minimize = MAE_MIN_WEIGHTED;
    goal.weight = 0.25;
    goal.max_latency_ms = 3;
    goal.max_switches = 4;
    goal.schedule = MAE_OVERLAP;
    assert_null(mae_plan_of_mapping(profile, &goal, wanted, &plan));
    assert_false(plan->optimal);
    assert_true(plan->gap == 1);
    assert_null(mae_plan_write(plan, path));
    assert_null(mae_plan_read(path, &again));
    assert_int_equal(again->n_segments, 2);
    assert_int_equal(again->goal.minimize, MAE_MIN_WEIGHTED);
    assert_int_equal(again->goal.schedule, MAE_OVERLAP);
    assert_true(again->goal.weight == 0.25 && again->goal.max_latency_ms == 3 && again->goal.max_switches == 4);
    assert_true(again->predicted.latency_ms == plan->predicted.latency_ms);
    assert_true(again->predicted.energy_mj == plan->predicted.energy_mj);
    assert_int_equal(again->n_single, 2);
    assert_true(again->has_maeg && again->maeg == plan->maeg);
    assert_string_equal(again->baseline, plan->baseline);
    assert_null(mae_plan_mapping(again, profile, mapping));
    assert_memory_equal(mapping, wanted, sizeof mapping);
    mae_plan_destroy(plan);
    mae_plan_destroy(again);
    mae_profile_destroy(profile);
    unlink(path);
}

static mae_error *parse(const char *text, mae_plan **ret_plan)
{
    mae_json *json = NULL;
    mae_error *error = mae_json_parse("test", text, strlen(text), &json);
    if (!error)
        error = mae_plan_from_json(json, ret_plan);
    mae_json_destroy(json);
    return error;
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "a plan is a JSON object"},
        {"{\"format\": \"mae-plan\"}", "version: is missing"},
        {"{\"format\": \"mae-plan\", \"version\": 1}", "segments: is missing"},
        {"{\"format\": \"mae-plan\", \"version\": 1, \"segments\": []}", "segments: is empty"},
        {"{\"format\": \"mae-plan\", \"version\": 1, \"segments\": [{\"pe\": \"a\", \"layers\": []}]}",
         "segments[0].layers: is empty"},
        {"{\"format\": \"mae-plan\", \"version\": 1, \"segments\": [{\"pe\": \"a\", \"layers\": [1]}]}",
         "segments[0].layers: entry 0 is not a name"},
        {"{\"format\": \"mae-plan\", \"version\": 1, \"goal\": {\"minimize\": \"all\"}}", "goal.minimize"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mae_plan *plan = NULL;
        mae_error *error = parse(cases[i].text, &plan);
        if (mae_error_code(error) != MAE_ERR_INPUT || !strstr(mae_error_message(error), cases[i].message))
            fail_msg("case %zu: %s", i, error ? mae_error_message(error) : "accepted");
        mae_error_free(error);
    }
}

/* A plan must name every layer of the network, in order, on PEs that are there. */
static void fits_only_its_network(void **state)
{
    (void)state;
    static const char *const segments[] = {
        "[{\"pe\": \"gpu\", \"layers\": [\"group0\"]}]",
        "[{\"pe\": \"gpu\", \"layers\": [\"group1\", \"group0\"]}]",
        "[{\"pe\": \"npu\", \"layers\": [\"group0\"]}]",
        "[{\"pe\": \"gpu\", \"layers\": [\"conv\"]}]",
    };
    mae_profile *profile = example();
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        char text[512];
        int mapping[10] = {7};
        mae_plan *plan = NULL;
        snprintf(text, sizeof text, "{\"format\": \"mae-plan\", \"version\": 1, \"segments\": %s}", segments[i]);
        assert_null(parse(text, &plan));
        mae_error *error = mae_plan_mapping(plan, profile, mapping);
        assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
        assert_int_equal(mapping[0], 7);
        mae_error_free(error);
        mae_plan_destroy(plan);
    }
    mae_profile_destroy(profile);
}

static void goals(void **state)
{
    (void)state;
    mae_goal goal = MAE_GOAL_INIT;
    static const char *const bad[] = {"speed", "weighted:", "weighted:2", "weighted:0.5x", "weighted:nan", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mae_error *error = mae_goal_parse(bad[i], &goal);
        assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
        mae_error_free(error);
    }
    assert_null(mae_goal_parse("weighted:0.75", &goal));
    assert_true(goal.weight == 0.75);
    goal.max_power_w = 5;
    mae_error *error = mae_goal_check(&goal);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE); /* power is energy per period: which? */
    mae_error_free(error);
    goal.period_ms = 10;
    assert_null(mae_goal_check(&goal));
    assert_true(mae_goal_met(&goal, &(mae_prediction){100, 50, 9}));
    assert_false(mae_goal_met(&goal, &(mae_prediction){100, 50.001, 9}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(survives_a_file), cmocka_unit_test(refuses),
                                       cmocka_unit_test(fits_only_its_network), cmocka_unit_test(goals)};
    return cmocka_run_group_tests_name("plans as files", tests, NULL, NULL);
}
