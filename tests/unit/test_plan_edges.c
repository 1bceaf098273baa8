/* Where planning is at its limits: no PE alone runs the network, a transfer is missing, resources are many, and goals
 * that do not go together. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "core/goal.h"
#include "core/profile.h"
#include "mae/plan.h"

static mae_profile *profile_of(const char *text)
{
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    assert_null(mae_json_parse("test", text, strlen(text), &json));
    mae_error *error = mae_profile_from_json(json, &profile);
    if (error)
        fail_msg("%s", mae_error_message(error));
    mae_json_destroy(json);
    return profile;
}

static void refused(mae_error *error, mae_code code, const char *says)
{
    assert_non_null(error);
    assert_int_equal(mae_error_code(error), code);
    if (!strstr(mae_error_message(error), says))
        fail_msg("'%s' lacks '%s'", mae_error_message(error), says);
    mae_error_free(error);
}

/* x runs on a alone, z on b alone, y on either: no PE is complete, and there are two mappings. */
#define NEITHER(transfers)                                                                                             \
    "{\"format\":\"mae-profile\",\"version\":1,\"energy_source\":\"model\",\"pes\":[{\"name\":\"a\",\"resource\":"     \
    "\"a\"},{\"name\":\"b\",\"resource\":\"b\"}],\"inputs\":[\"in\"],\"outputs\":[\"z\"],\"layers\":["                 \
    "{\"name\":\"x\",\"inputs\":[\"in\"],\"outputs\":[\"x\"],\"cost\":{\"a\":{\"time_ms\":1,\"energy_mj\":1}}},"       \
    "{\"name\":\"y\",\"inputs\":[\"x\"],\"outputs\":[\"y\"],\"cost\":{\"a\":{\"time_ms\":4,\"energy_mj\":1},"          \
    "\"b\":{\"time_ms\":1,\"energy_mj\":9}}},"                                                                         \
    "{\"name\":\"z\",\"inputs\":[\"y\"],\"outputs\":[\"z\"],\"cost\":{\"b\":{\"time_ms\":1,\"energy_mj\":1}}}],"       \
    "\"transfers\":[" transfers "]}"
static const char neither[] = NEITHER("{\"from\":\"a\",\"to\":\"b\",\"fixed_ms\":0}");
static const char no_way[] = NEITHER("{\"from\":\"b\",\"to\":\"a\",\"fixed_ms\":0}");

/* Then a weighted goal is scaled by the least latency and the least energy over all mappings. */
static void weighs_by_all_mappings(void **state)
{
    (void)state;
    mae_profile *profile = profile_of(neither);
    const double ms[] = {6, 3}, mj[] = {3, 11}; /* y on a; y on b */
    int chosen[2] = {0};
    for (int w = 0; w <= 20; w++) {
        mae_goal goal = MAE_GOAL_INIT;
        mae_plan *plan = NULL;
        int mapping[3];
        goal.minimize = MAE_MIN_WEIGHTED;
        goal.weight = w / 20.0;
        double cost[2];
        for (int i = 0; i < 2; i++)
            cost[i] = goal.weight * ms[i] / 3 + (1 - goal.weight) * mj[i] / 3;
        assert_null(mae_plan_solve(profile, &goal, &plan));
        assert_null(mae_plan_mapping(plan, profile, mapping));
        assert_true(mapping[0] == 0 && mapping[2] == 1);
        assert_int_equal(mapping[1], cost[1] < cost[0]);
        assert_true(plan->optimal && plan->enables && !plan->has_maeg && plan->n_single == 0);
        chosen[mapping[1]]++;
        mae_plan_destroy(plan);
    }
    assert_true(chosen[0] > 0 && chosen[1] > 0);
    mae_profile_destroy(profile);
}

static void says_that_a_transfer_is_missing(void **state)
{
    (void)state;
    mae_profile *profile = profile_of(no_way);
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    mae_front *front = NULL;
    refused(mae_plan_solve(profile, &goal, &plan), MAE_ERR_INFEASIBLE, "no mapping exists: a transfer");
    refused(mae_front_solve(profile, &goal, 0, &front), MAE_ERR_INFEASIBLE, "no mapping exists");
    assert_true(!plan && !front);
    mae_profile_destroy(profile);
}

static void fronts_have_their_limits(void **state)
{
    (void)state;
    mae_profile *profile = profile_of(neither);
    mae_goal goal = MAE_GOAL_INIT;
    mae_front *front = NULL;
    refused(mae_front_solve(profile, &goal, -0.1, &front), MAE_ERR_USAGE, "epsilon is -0.1");
    refused(mae_front_solve(profile, &goal, NAN, &front), MAE_ERR_USAGE, "must be 0 or more");
    goal.schedule = MAE_OVERLAP;
    refused(mae_front_solve(profile, &goal, 0, &front), MAE_ERR_USAGE, "serial frames");
    assert_null(front);
    goal.schedule = MAE_SERIAL;
    goal.max_switches = 0; /* which no mapping keeps */
    refused(mae_front_solve(profile, &goal, 0, &front), MAE_ERR_INFEASIBLE, "no mapping exists");
    mae_profile_destroy(profile);
}

/* PEs p0, p1, ... with resources of their own; layer l runs on those whose number leaves `l` when divided by n_layers,
 * or on all. */
static mae_profile *many_resources(int n, int n_layers, bool each_runs_all)
{
    char text[8000], from[16] = "in";
    int used = snprintf(text, sizeof text,
                        "{\"format\":\"mae-profile\",\"version\":1,\"energy_source\":\"none\",\"inputs\":[\"in\"],"
                        "\"outputs\":[\"l%d\"],\"pes\":[",
                        n_layers - 1);
    for (int p = 0; p < n; p++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s{\"name\":\"p%d\",\"resource\":\"r%d\"}",
                         p ? "," : "", p, p);
    used += snprintf(text + used, sizeof text - (size_t)used, "],\"layers\":[");
    for (int l = 0; l < n_layers; l++) {
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "%s{\"name\":\"l%d\",\"inputs\":[\"%s\"],\"outputs\":[\"l%d\"],\"cost\":{", l ? "," : "", l,
                         from, l);
        snprintf(from, sizeof from, "l%d", l);
        for (int p = 0, any = 0; p < n; p++)
            if (each_runs_all || p % n_layers == l)
                used += snprintf(text + used, sizeof text - (size_t)used, "%s\"p%d\":{\"time_ms\":%d}",
                                 any++ ? "," : "", p, p + 1);
        used += snprintf(text + used, sizeof text - (size_t)used, "}}");
    }
    snprintf(text + used, sizeof text - (size_t)used, "]}");
    return profile_of(text);
}

/* More resources than sets of them are looked at: each is a replica. */
static void many_resources_are_replicas(void **state)
{
    (void)state;
    enum { N = 15 };
    mae_profile *profile = many_resources(N, 2, true);
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    double rate = 0;
    goal.minimize = MAE_MIN_PERIOD;
    mae_error *error = mae_plan_solve(profile, &goal, &plan);
    if (error)
        fail_msg("%s", mae_error_message(error));
    for (int p = 0; p < N; p++)
        rate += 1.0 / (2 * (p + 1));
    assert_non_null(plan->throughput);
    assert_float_equal(plan->throughput->period_ms, 1 / rate, 1e-9);
    assert_int_equal(plan->throughput->n_replicas, N);
    for (size_t r = 0; r < N; r++) { /* by rising latency */
        const mae_plan_replica *replica = &plan->throughput->replicas[r];
        assert_int_equal(replica->n_loads, 1);
        assert_float_equal(replica->period_ms, 2 * ((double)r + 1), 1e-9);
        assert_float_equal(replica->cost.latency_ms, replica->period_ms, 1e-9);
    }
    assert_true(plan->gap >= 0 && plan->gap < 1);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
}

/* None of many resources runs the whole network, and pipelines of them are not looked for: that is said, not hidden. */
static void many_parts_are_no_replica(void **state)
{
    (void)state;
    mae_profile *profile = many_resources(14, 2, false);
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    goal.minimize = MAE_MIN_PERIOD;
    refused(mae_plan_solve(profile, &goal, &plan), MAE_ERR_INFEASIBLE, "no arrangement");
    assert_null(plan);
    mae_profile_destroy(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighs_by_all_mappings),    cmocka_unit_test(says_that_a_transfer_is_missing),
        cmocka_unit_test(fronts_have_their_limits),  cmocka_unit_test(many_resources_are_replicas),
        cmocka_unit_test(many_parts_are_no_replica),
    };
    return cmocka_run_group_tests_name("planning at its limits", tests, NULL, NULL);
}
