/* The JSON Schemas, the documentation and what is written hold together: what the writers write fits the
 * schemas, and every key of the schemas is in docs/formats.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/profile.h"
#include "plan/plan.h"
#include "support/schema.h"

static void check_file(const char *schema_name, const char *path)
{
    json_t *schema = schema_load(schema_name), *value = json_load_file(path, 0, NULL);
    assert_non_null(value);
    schema_check(schema, value, "");
    json_decref(schema);
    json_decref(value);
}

static void what_is_written_fits(void **state)
{
    (void)state;
    char path[] = "/tmp/mae-schema-XXXXXX", example[4096];
    int fd = mkstemp(path);
    mae_profile *profile = NULL;
    mae_plan *plan = NULL;
    mae_front *front = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    assert_true(fd >= 0);
    close(fd);
    snprintf(example, sizeof example, "%s/examples/profiles/xavier-agx-googlenet.json", getenv("MAE_SOURCE_DIR"));
    check_file("schemas/mae-profile.schema.json", example);
    assert_null(mae_profile_read(example, &profile));
    assert_null(mae_profile_write(profile, path));
    check_file("schemas/mae-profile.schema.json", path);
    goal.minimize = MAE_MIN_WEIGHTED;
    goal.max_latency_ms = 2.5;
    goal.max_switches = 3;
    assert_null(mae_plan_solve(profile, &goal, &plan));
    assert_null(mae_plan_write(plan, path));
    check_file("schemas/mae-plan.schema.json", path);
    mae_plan_destroy(plan);
    goal.schedule = MAE_OVERLAP;
    mae_profile_set_contention(profile, 0, 1, &(mae_contention){1.5, 3, 0.25});
    assert_null(mae_profile_write(profile, path));
    check_file("schemas/mae-profile.schema.json", path);
    assert_null(mae_plan_solve(profile, &goal, &plan));
    assert_null(mae_plan_write(plan, path));
    check_file("schemas/mae-plan.schema.json", path);
    goal.schedule = MAE_SERIAL;
    assert_null(mae_front_solve(profile, &goal, 0, &front));
    assert_null(mae_front_write(profile, front, path));
    check_file("schemas/mae-front.schema.json", path);
    mae_plan_destroy(plan);
    goal = (mae_goal)MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_PERIOD;
    assert_null(mae_plan_solve(profile, &goal, &plan));
    assert_null(mae_plan_write(plan, path));
    check_file("schemas/mae-plan.schema.json", path);
    mae_front_destroy(front);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
    unlink(path);
}

static void keys_are_documented(void **state)
{
    (void)state;
    schema_check_documented("schemas/mae-profile.schema.json");
    schema_check_documented("schemas/mae-plan.schema.json");
    schema_check_documented("schemas/mae-front.schema.json");
    schema_check_documented("schemas/mae-soc.schema.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_fits), cmocka_unit_test(keys_are_documented)};
    return cmocka_run_group_tests_name("schemas", tests, NULL, NULL);
}
