/* Profiles of real boards: what is known to be best there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/profile.h"
#include "plan/plan.h"

#define CHECK(expr)                                                                                                    \
    do {                                                                                                               \
        mae_error *check_error = (expr);                                                                               \
        if (check_error)                                                                                               \
            fail_msg("%s: %s", #expr, mae_error_message(check_error));                                                 \
    } while (0)

static mae_profile *xavier(void)
{
    char path[4096];
    mae_profile *profile = NULL;
    snprintf(path, sizeof path, "%s/examples/profiles/xavier-agx-googlenet.json", getenv("MAE_SOURCE_DIR"));
    CHECK(mae_profile_read(path, &profile));
    return profile;
}

static void near(double value, double expected)
{
    if (fabs(value - expected) > 1e-9 * fabs(expected))
        fail_msg("%.12g, not %.12g", value, expected);
}

static void front_has_22_points(void **state)
{
    (void)state;
    mae_profile *profile = xavier();
    mae_goal goal = MAE_GOAL_INIT;
    mae_front *front = NULL;
    CHECK(mae_front_solve(profile, &goal, 0, &front));
    assert_true(front->exact);
    assert_int_equal(front->n_points, 22);
    near(front->points[0].cost.latency_ms, 1.72);
    near(front->points[0].cost.energy_mj, 22.618);
    near(front->points[21].cost.latency_ms, 3.84);
    near(front->points[21].cost.energy_mj, 4.9536);
    mae_front_destroy(front);
    mae_profile_destroy(profile);
}

/* Lowest latency under a share of the GPU's energy. */
static mae_plan *under(const mae_profile *profile, double share)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    goal.max_energy_mj = share * 22.618;
    CHECK(mae_plan_solve(profile, &goal, &plan));
    assert_true(plan->optimal);
    assert_true(plan->gap == 0);
    return plan;
}

static void energy_targets_below_the_gpu_are_met(void **state)
{
    (void)state;
    mae_profile *profile = xavier();
    mae_plan *plan = under(profile, 0.8);
    near(plan->predicted.latency_ms, 2.22719);
    assert_int_equal(plan->n_segments, 2);
    assert_string_equal(plan->segments[0].pe, "gpu");
    assert_int_equal(plan->segments[0].n_layers, 7);
    assert_string_equal(plan->segments[1].pe, "dla");
    assert_int_equal(plan->segments[1].n_layers, 3);
    assert_int_equal(plan->n_single, 2);
    assert_true(plan->has_maeg);
    assert_string_equal(plan->baseline, "dla");
    near(plan->maeg, 1 - 2.22719 / 3.84);
    mae_plan_destroy(plan);
    plan = under(profile, 0.5);
    near(plan->predicted.latency_ms, 3.13436);
    assert_int_equal(plan->predicted.switches, 2);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
}

static void impossible_goals_name_the_nearest_point(void **state)
{
    (void)state;
    mae_profile *profile = xavier();
    mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    mae_prediction nearest;
    bool exists;
    goal.max_latency_ms = 1.0;
    mae_error *error = mae_plan_solve(profile, &goal, &plan);
    assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
    mae_error_free(error);
    CHECK(mae_nearest(profile, &goal, &exists, &nearest));
    assert_true(exists);
    near(nearest.latency_ms, 1.72);
    mae_profile_destroy(profile);
}

static void worth_of_the_dla(void **state)
{
    (void)state;
    mae_profile *profile = xavier();
    mae_goal goal = MAE_GOAL_INIT;
    mae_worth *worth = NULL;
    goal.minimize = MAE_MIN_ENERGY;
    goal.max_latency_ms = 2.3;
    CHECK(mae_plan_worth(profile, &goal, &worth));
    assert_int_equal(worth->n_pes, 2);
    assert_false(worth->pes[0].feasible); /* without the GPU the deadline is lost */
    assert_true(worth->pes[1].feasible);
    near(worth->pes[1].cost.energy_mj, 22.618);
    near(worth->pes[1].increase, 22.618 / worth->objective - 1);
    assert_true(worth->has_price_ms);
    assert_true(worth->price_ms >= 0);
    assert_true(worth->has_greedy); /* the GPU comes first and supports all */
    near(worth->greedy.latency_ms, 1.72);
    mae_worth_destroy(worth);
    mae_profile_destroy(profile);
}

/* The same figures as another source of them, and every other board there: plans are proven and never
 * worse than the best single PE. */
static void shared_boards(void **state)
{
    (void)state;
    static const char *const names[] = {"rockpi_alexnet", "rockpi_mobilenetv1", "rockpi_resnet50", "xavier_alexnet",
                                        "xavier_googlenet"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096];
        mae_profile *profile = NULL;
        mae_front *front = NULL;
        mae_goal goal = MAE_GOAL_INIT;
        snprintf(path, sizeof path, "%s/../shared/data/profiles/%s.profile.json", getenv("MAE_SOURCE_DIR"), names[i]);
        FILE *there = fopen(path, "r");
        if (!there) {
            printf("skipped: %s is not there\n", path);
            skip();
        }
        fclose(there);
        CHECK(mae_profile_read(path, &profile));
        CHECK(mae_front_solve(profile, &goal, 0, &front));
        if (strcmp(names[i], "xavier_googlenet") == 0)
            assert_int_equal(front->n_points, 22);
        for (int objective = MAE_MIN_LATENCY; objective <= MAE_MIN_WEIGHTED; objective++) {
            mae_plan *plan = NULL;
            goal.minimize = (mae_objective)objective;
            CHECK(mae_plan_solve(profile, &goal, &plan));
            assert_true(plan->optimal);
            assert_true(plan->maeg >= -1e-12);
            mae_plan_destroy(plan);
        }
        mae_front_destroy(front);
        mae_profile_destroy(profile);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(front_has_22_points),
        cmocka_unit_test(energy_targets_below_the_gpu_are_met),
        cmocka_unit_test(impossible_goals_name_the_nearest_point),
        cmocka_unit_test(worth_of_the_dla),
        cmocka_unit_test(shared_boards),
    };
    return cmocka_run_group_tests_name("plans for boards", tests, NULL, NULL);
}
