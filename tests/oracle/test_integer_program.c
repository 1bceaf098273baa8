/* The planner on networks too large for brute force, against the same posed to GLPK as a mixed integer program. */
#include <stdio.h>

#ifdef MAE_HAVE_GLPK
#include "random_profile.h"

#include "integer_program.h"
#include "plan/plan.h"

#define LIMIT_MS 3000
#define LEAST_SOLVED 20

/* What GLPK made of the goals of one kind. */
typedef struct tally {
    const char *goal;
    int solved, infeasible, timed_out;
} tally;

static void check_goal(const mae_profile *p, const mae_goal *goal, uint64_t seed, tally *kind, double *ret_least)
{
    double least;
    milp_answer answer = milp_solve(p, goal, LIMIT_MS, &least);
    if (answer == MILP_TIME_OUT) {
        kind->timed_out++;
        return;
    }
    mae_solution s = {0};
    mae_error *error = mae_solve(p, goal, NULL, &s);
    bool right = answer == MILP_INFEASIBLE ? mae_error_code(error) == MAE_ERR_INFEASIBLE
                                           : !error && s.optimal && fabs(s.objective - least) <= 1e-6 * fabs(least);
    if (!right)
        fail_msg(
            "seed %llu, %s (ms<=%g mj<=%g w<=%g T=%g sw<=%d): GLPK says %s %.12g, the planner %.12g, optimal %d, %s",
            (unsigned long long)seed, kind->goal, goal->max_latency_ms, goal->max_energy_mj, goal->max_power_w,
            goal->period_ms, goal->max_switches, answer == MILP_SOLVED ? "least" : "infeasible", least, s.objective,
            s.optimal, error ? mae_error_message(error) : "no error");
    kind->solved += answer == MILP_SOLVED;
    kind->infeasible += answer == MILP_INFEASIBLE;
    if (answer == MILP_SOLVED)
        *ret_least = least;
    mae_error_free(error);
    free(s.mapping);
}

static tally tallies[] = {{.goal = "latency"},
                          {.goal = "energy under a deadline"},
                          {.goal = "latency under an energy bound"},
                          {.goal = "few switches"}};

static void check_instance(uint64_t seed)
{
    mae_rng rng = {seed * 0x9e3779b97f4a7c15u + 7};
    random_shape shape = {.n_layers = 30 + (size_t)rnd(&rng, 31),
                          .n_pes = 2 + (size_t)rnd(&rng, 3),
                          .chain = chance(&rng, 0.4),
                          .extras = chance(&rng, 0.8)};
    mae_profile *p = random_profile(seed, &shape);
    bool has_energy = p->energy != MAE_ENERGY_NONE;
    double ms = 0, mj = 0;
    mae_goal goal = MAE_GOAL_INIT;
    check_goal(p, &goal, seed, &tallies[0], &ms);
    goal.max_switches = rnd(&rng, 8);
    check_goal(p, &goal, seed, &tallies[3], &(double){0});
    goal.max_switches = -1;
    if (has_energy && ms > 0) {
        goal.minimize = MAE_MIN_ENERGY;
        goal.period_ms = chance(&rng, 0.5) ? ms * 1.5 * mae_rng_uniform(&rng) : 0;
        goal.max_latency_ms = ms * (1 + 0.5 * mae_rng_uniform(&rng));
        check_goal(p, &goal, seed, &tallies[1], &mj);
        goal.minimize = MAE_MIN_LATENCY;
        goal.max_latency_ms = 0;
        double bound = mj * (0.95 + 0.3 * mae_rng_uniform(&rng));
        goal.max_energy_mj = goal.period_ms > 0 ? 0 : bound;
        goal.max_power_w = goal.period_ms > 0 ? bound / goal.period_ms : 0;
        if (mj > 0)
            check_goal(p, &goal, seed, &tallies[2], &(double){0});
    }
    mae_profile_destroy(p);
}

static void equals_integer_program(void **state)
{
    (void)state;
    const char *count = getenv("MAE_ORACLE_INSTANCES"), *first = getenv("MAE_ORACLE_SEED");
    unsigned long n = count ? strtoul(count, NULL, 10) : 100, seed = first ? strtoul(first, NULL, 10) : 1;
    printf("seeds %lu to %lu (MAE_ORACLE_SEED, MAE_ORACLE_INSTANCES)\n", seed, seed + n - 1);
    for (unsigned long i = 0; i < n; i++)
        check_instance(seed + i);
    for (size_t k = 0; k < sizeof tallies / sizeof *tallies; k++)
        printf("%s: %d equal, %d infeasible for both, %d without GLPK's answer\n", tallies[k].goal, tallies[k].solved,
               tallies[k].infeasible, tallies[k].timed_out);
    for (size_t k = 0; k < sizeof tallies / sizeof *tallies && !count; k++)
        assert_true(tallies[k].solved >= LEAST_SOLVED);
    glp_free_env();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_integer_program)};
    return cmocka_run_group_tests_name("planner against an integer program", tests, NULL, NULL);
}

#else
int main(void)
{
    printf("skipped: GLPK was not found when this was built\n");
    return 77;
}
#endif
