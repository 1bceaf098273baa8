/* What tables say of a mapping adds up to what the library says it costs, for every mapping of small networks. */
#include "capture.h"

#include <math.h>
#include <stdlib.h>

#include "cli/mapping.h"

static mae_profile *read_profile(const char *name)
{
    const char *root = getenv("MAE_SOURCE_DIR");
    char path[512];
    snprintf(path, sizeof path, "%s/tests/data/profiles/%s", root ? root : ".", name);
    mae_profile *profile = NULL;
    mae_error *error = mae_profile_read(path, &profile);
    if (error)
        fail_msg("%s", mae_error_message(error));
    return profile;
}

/* Segments and moves of a plan, added up. */
static double add_up(const mae_plan *plan, const mae_profile *profile)
{
    cli_mapping mapping;
    assert_int_equal(cli_mapping_of_plan(plan, profile, &mapping), 0);
    assert_int_equal(mapping.n_segments, plan->n_segments);
    double sum = 0;
    int next = 0;
    for (size_t s = 0; s < mapping.n_segments; s++) {
        assert_int_equal(mapping.segments[s].first, next);
        next = mapping.segments[s].last + 1;
        sum += mapping.segments[s].time_ms;
    }
    assert_int_equal(next, profile->n_layers);
    for (size_t i = 0; i < mapping.n_moves; i++)
        sum += mapping.moves[i].time_ms;
    cli_mapping_clear(&mapping);
    return sum;
}

/* Tries every mapping; the number of those that are allowed. */
static int check_all(const char *name)
{
    mae_profile *profile = read_profile(name);
    const mae_goal goal = MAE_GOAL_INIT;
    int mapping[8], mappings = 1, allowed = 0;
    assert_true(profile->n_layers <= 8);
    for (size_t l = 0; l < profile->n_layers; l++)
        mappings *= (int)profile->n_pes;
    for (int number = 0; number < mappings; number++) {
        int rest = number;
        for (size_t l = 0; l < profile->n_layers; l++) {
            mapping[l] = rest % (int)profile->n_pes;
            rest /= (int)profile->n_pes;
        }
        mae_plan *plan;
        mae_error *error = mae_plan_of_mapping(profile, &goal, mapping, &plan);
        if (error) {
            assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
            mae_error_free(error);
            continue;
        }
        allowed++;
        assert_true(fabs(add_up(plan, profile) - plan->predicted.latency_ms) <= 1e-9 * plan->predicted.latency_ms);
        mae_plan_destroy(plan);
    }
    mae_profile_destroy(profile);
    return allowed;
}

static void test_tables_add_up(void **state)
{
    (void)state;
    assert_int_equal(check_all("three.profile.json"), 4);
    assert_int_equal(check_all("branch.profile.json"), 16);
}

/* The mapping by this list ("" for the usual one), each PE's index a digit. */
static void assert_greedy(const mae_profile *profile, const char *list, const char *wanted)
{
    int order[8], mapping[8];
    size_t n = 0;
    char got[9] = "";
    if (*list)
        assert_int_equal(cli_priority_parse("plan", profile, list, order, &n), 0);
    assert_null(mae_greedy(profile, order, n, mapping));
    for (size_t l = 0; l < profile->n_layers; l++)
        got[l] = (char)('0' + mapping[l]);
    assert_string_equal(got, wanted);
}

static void test_greedy(void **state)
{
    (void)state;
    mae_profile *profile = read_profile("three.profile.json"); /* the DLA cannot run the last layer */
    int order[8], mapping[8] = {7};
    size_t n;
    assert_greedy(profile, "", "110");
    assert_greedy(profile, "dla,gpu", "110");
    assert_greedy(profile, "gpu,dla", "000");
    assert_greedy(profile, "gpu", "000");
    mae_priority(profile, order);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 0);
    mae_error *error = mae_greedy(profile, order, 1, mapping);
    assert_int_equal(mae_error_code(error), MAE_ERR_UNSUPPORTED);
    assert_non_null(strstr(mae_error_message(error), "\"c\""));
    assert_int_equal(mapping[0], 7); /* untouched */
    mae_error_free(error);
    assert_fails(cli_priority_parse("plan", profile, "gpu,,dla", order, &n), 2, "--priority: entry 2 is empty");
    assert_fails(cli_priority_parse("plan", profile, "gpu,dla,", order, &n), 2, "--priority: entry 3 is empty");
    assert_fails(cli_priority_parse("plan", profile, "gpu,npu", order, &n), 2, "entry 2: the profile has no PE 'npu'");
    assert_fails(cli_priority_parse("plan", profile, "gpu,gpu", order, &n), 2, "entry 2: 'gpu' stands there twice");
    mae_profile_destroy(profile);

    /* The mapping is found, but there is no way from the DLA to the GPU. */
    const mae_goal goal = MAE_GOAL_INIT;
    mae_worth *worth;
    profile = read_profile("apart.profile.json");
    assert_greedy(profile, "", "110");
    assert_null(mae_plan_worth(profile, &goal, &worth));
    assert_false(worth->has_greedy);
    assert_non_null(strstr(worth->greedy_reason, "tensor \"b\" cannot be moved from dla to gpu"));
    mae_worth_destroy(worth);
    mae_profile_destroy(profile);

    profile = read_profile("branch.profile.json"); /* all run everything: the profile's order */
    mae_priority(profile, order);
    for (size_t pe = 0; pe < profile->n_pes; pe++)
        assert_int_equal(order[pe], pe);
    mae_profile_destroy(profile);
}

static void test_another_network(void **state)
{
    (void)state;
    mae_profile *three = read_profile("three.profile.json"), *branch = read_profile("branch.profile.json");
    const mae_goal goal = MAE_GOAL_INIT;
    mae_plan *plan = NULL;
    mae_error *error = mae_plan_solve(three, &goal, &plan);
    assert_null(error);
    cli_mapping mapping;
    assert_fails(cli_mapping_of_plan(plan, branch, &mapping), 3, "");
    mae_plan_destroy(plan);
    mae_profile_destroy(three);
    mae_profile_destroy(branch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_add_up),
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_another_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
