/* The planner on wide graphs: proofs, and that no bound is claimed that does not hold. */
#include "wide_profile.h"

#include <stdio.h>

#include "core/cost.h"
#include "plan/plan.h"

#define GOALS 5

/* Under an emulator or a sanitizer a fifth of the seeds. */
static uint64_t few(uint64_t n)
{
    return getenv("MAE_FEW") ? (n + 4) / 5 : n;
}

/* The i-th goal; bounds are drawn from the fastest mapping. */
static mae_goal goal_of(mae_rng *rng, const mae_profile *p, int i)
{
    static const char *const texts[GOALS] = {"latency", "energy", "edp", "weighted:0.5", "energy"};
    mae_goal goal = MAE_GOAL_INIT;
    mae_solution fastest;
    if (p->energy == MAE_ENERGY_NONE)
        return goal;
    assert_null(mae_goal_parse(texts[i], &goal));
    mae_goal plain = MAE_GOAL_INIT;
    mae_error *error = i == GOALS - 1 ? mae_solve(p, &plain, NULL, &fastest) : NULL;
    if (i == GOALS - 1 && !error) {
        goal.max_latency_ms = fastest.cost.latency_ms * (1.02 + 0.4 * mae_rng_uniform(rng));
        free(fastest.mapping);
    }
    mae_error_free(error);
    return goal;
}

/* ---- where room is short, bounds hold ---- */

typedef struct counts {
    int solved, unproven, unfound;
} counts;

/* With this little memory, against what is known with plenty. */
static void check_short(uint64_t seed, const mae_profile *p, const mae_goal *goal, const mae_solution *best,
                        size_t bytes, counts *c)
{
    const mae_plan_limits limits = {.memory_bytes = bytes};
    mae_solution solution;
    mae_error *error = mae_solve(p, goal, &limits, &solution);
    if (error) {
        if (!best || strstr(mae_error_message(error), "was found"))
            c->unfound++;
        else
            fail_msg("seed %llu: %s", (unsigned long long)seed, mae_error_message(error));
        mae_error_free(error);
        return;
    }
    bool holds = best && solution.lower_bound <= best->objective * (1 + MAE_COST_EQUAL) &&
                 solution.objective >= best->objective * (1 - MAE_COST_EQUAL) &&
                 (!solution.optimal || mae_cost_equal(solution.objective, best->objective));
    if (!holds)
        fail_msg("seed %llu, %zu bytes: J %.17g, bound %.17g, optimal %d; the best J is %.17g",
                 (unsigned long long)seed, bytes, solution.objective, solution.lower_bound, solution.optimal,
                 best ? best->objective : NAN);
    c->solved++;
    c->unproven += !solution.optimal;
    free(solution.mapping);
}

static void check_instance(uint64_t seed, counts *c)
{
    mae_rng rng = {seed};
    random_shape shape = {.n_pes = 2 + (size_t)rnd(&rng, 3),
                          .n_layers = 3 + (size_t)rnd(&rng, 10),
                          .extras = chance(&rng, 0.6),
                          .coarse = chance(&rng, 0.3)};
    static const size_t rooms[] = {1, 2000, 20000, 200000};
    mae_profile *p = random_profile(seed, &shape);
    for (int i = 0; i < GOALS; i++) {
        mae_goal goal = goal_of(&rng, p, i);
        goal.max_switches = chance(&rng, 0.3) ? rnd(&rng, 4) : -1;
        mae_solution best;
        mae_error *error = mae_solve(p, &goal, NULL, &best);
        if (error)
            assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
        else
            assert_true(best.optimal);
        for (size_t k = 0; k < sizeof rooms / sizeof *rooms; k++)
            check_short(seed, p, &goal, error ? NULL : &best, rooms[k], c);
        if (!error)
            free(best.mapping);
        mae_error_free(error);
    }
    mae_profile_destroy(p);
}

static void bounds_hold_where_room_is_short(void **state)
{
    (void)state;
    counts c = {0};
    for (uint64_t seed = 1; seed <= few(500); seed++)
        check_instance(seed, &c);
    printf("seeds 1 to %d: %d answers, %d of them unproven; %d times no answer\n", (int)few(500), c.solved, c.unproven,
           c.unfound);
    assert_true((uint64_t)c.unproven > few(100)); /* else room was not short */
}

static bool covered(const mae_prediction *point, const mae_front *by)
{
    double factor = (1 + by->epsilon) * (1 + 4 * MAE_COST_EQUAL);
    for (size_t i = 0; i < by->n_points; i++)
        if (by->points[i].cost.latency_ms <= factor * point->latency_ms &&
            by->points[i].cost.energy_mj <= factor * point->energy_mj)
            return true;
    return false;
}

/* A front made with this little memory covers the exact one as it says; returns whether it is exact itself. */
static bool check_short_front(uint64_t seed, const mae_profile *p, const mae_goal *goal, const mae_front *exact,
                              double epsilon, size_t bytes)
{
    const mae_plan_limits limits = {.memory_bytes = bytes};
    mae_front *front = NULL;
    mae_error *error = mae_front_within(p, goal, &limits, epsilon, &front);
    if (error) { /* a refusal claims nothing */
        if (mae_error_code(error) != MAE_ERR_FAILED)
            fail_msg("seed %llu, %zu bytes: %s", (unsigned long long)seed, bytes, mae_error_message(error));
        mae_error_free(error);
        return false;
    }
    for (size_t i = 0; i < exact->n_points; i++)
        if (!covered(&exact->points[i].cost, front))
            fail_msg("seed %llu, %zu bytes: a point is missed by more than %g", (unsigned long long)seed, bytes,
                     front->epsilon);
    for (size_t i = 0; i < front->n_points; i++) {
        mae_prediction cost;
        assert_null(mae_eval(p, front->points[i].mapping, 0, &cost));
        assert_true(mae_cost_equal(cost.latency_ms, front->points[i].cost.latency_ms));
        assert_true(mae_cost_equal(cost.energy_mj, front->points[i].cost.energy_mj));
        assert_true(i == 0 || cost.energy_mj < front->points[i - 1].cost.energy_mj);
    }
    bool whole = front->exact;
    if (whole)
        assert_int_equal(front->n_points, exact->n_points);
    mae_front_destroy(front);
    return whole;
}

static void fronts_hold_where_room_is_short(void **state)
{
    (void)state;
    int whole = 0, total = 0;
    for (uint64_t seed = 1; seed <= few(150); seed++) {
        mae_rng rng = {seed};
        random_shape shape = {.n_pes = 2 + (size_t)rnd(&rng, 3),
                              .n_layers = 3 + (size_t)rnd(&rng, 8),
                              .extras = chance(&rng, 0.5),
                              .coarse = chance(&rng, 0.3)};
        mae_profile *p = random_profile(seed, &shape);
        mae_goal goal = MAE_GOAL_INIT;
        mae_front *exact = NULL;
        goal.max_switches = chance(&rng, 0.3) ? rnd(&rng, 4) : -1;
        mae_error *error = mae_front_solve(p, &goal, 0, &exact);
        if (error)
            assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
        for (size_t bytes = 1000; bytes <= 1000000 && !error && p->energy != MAE_ENERGY_NONE; bytes *= 10, total++)
            whole += check_short_front(seed, p, &goal, exact, seed % 2 ? 0.05 : 0, bytes);
        mae_front_destroy(exact);
        mae_error_free(error);
        mae_profile_destroy(p);
    }
    printf("seeds 1 to %d: %d fronts, %d of them exact\n", (int)few(150), total, whole);
    assert_true(whole < total);
}

/* "There is none" is only said where it is so. */
static void nearest_tells_the_truth_where_room_is_short(void **state)
{
    (void)state;
    int found = 0, unfound = 0;
    for (uint64_t seed = 1; seed <= few(300); seed++) {
        mae_rng rng = {seed};
        random_shape shape = {.n_pes = 2 + (size_t)rnd(&rng, 3), .n_layers = 4 + (size_t)rnd(&rng, 9), .extras = true};
        const mae_plan_limits limits = {.memory_bytes = 1};
        mae_profile *p = random_profile(seed, &shape);
        mae_goal goal = MAE_GOAL_INIT;
        mae_prediction best, nearest;
        bool exists, told;
        goal.max_latency_ms = 1e-9;
        goal.max_switches = rnd(&rng, 3);
        assert_null(mae_nearest(p, &goal, &exists, &best));
        mae_error *error = mae_nearest_within(p, &goal, &limits, &told, &nearest);
        if (error)
            assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
        else
            assert_int_equal(told, exists);
        if (!error && told)
            assert_true(nearest.latency_ms >= best.latency_ms * (1 - MAE_COST_EQUAL));
        unfound += error != NULL;
        found += !error && told;
        mae_error_free(error);
        mae_profile_destroy(p);
    }
    printf("seeds 1 to %d: nearest found %d times, not found for want of room %d times\n", (int)few(300), found,
           unfound);
    assert_true(found > 0 && unfound > 0);
}

/* ---- proofs ---- */

/* Solves for all goals; returns how many answers are proven, and the greatest gap. */
static int solve_all(mae_rng *rng, const mae_profile *p, const char *what, double *worst)
{
    int proven = 0;
    for (int i = 0; i < GOALS; i++) {
        mae_goal goal = goal_of(rng, p, i);
        mae_solution solution;
        mae_prediction cost;
        assert_null(mae_solve(p, &goal, NULL, &solution));
        assert_null(mae_eval(p, solution.mapping, 0, &cost));
        assert_true(mae_cost_equal(cost.latency_ms, solution.cost.latency_ms));
        double gap = 1 - solution.lower_bound / solution.objective;
        assert_true(gap >= 0);
        assert_int_equal(solution.optimal, gap == 0);
        if (!solution.optimal)
            printf("%s, %zu PEs, goal %d: gap %.5f\n", what, p->n_pes, i, gap);
        proven += solution.optimal;
        *worst = gap > *worst ? gap : *worst;
        free(solution.mapping);
    }
    return proven;
}

static void dense_networks_are_solved(void **state)
{
    (void)state;
    double worst = 0;
    int proven = 0, total = 0;
    for (uint64_t seed = 1; seed <= few(3); seed++)
        for (size_t n_pes = 2; n_pes <= 4; n_pes++, total += GOALS) {
            mae_rng rng = {seed};
            wide_net net = wide_densenet();
            mae_profile *p = wide_profile(&rng, &net, n_pes, seed == 2 ? 0.3 : 1);
            proven += solve_all(&rng, p, "dense", &worst);
            mae_profile_destroy(p);
        }
    printf("dense blocks, width 25, seeds 1 to %d: %d of %d answers proven optimal, greatest gap %g\n", (int)few(3),
           proven, total, worst);
    assert_true(worst <= 0.005);
}

/* No plan that is the best under a deadline is missed by more than the front says. */
static void check_deadlines(const mae_profile *p, const mae_front *front)
{
    double fastest = front->points[0].cost.latency_ms, slowest = front->points[front->n_points - 1].cost.latency_ms;
    for (int i = 1; i < 6; i++) {
        mae_goal goal = MAE_GOAL_INIT;
        mae_solution solution;
        goal.minimize = MAE_MIN_ENERGY;
        goal.max_latency_ms = fastest + (slowest - fastest) * i / 6;
        assert_null(mae_solve(p, &goal, NULL, &solution));
        assert_true(covered(&solution.cost, front));
        free(solution.mapping);
    }
}

/* Dense blocks, 3 and 4 PEs: far more states than there is room for. */
static void wide_fronts_are_bounded(void **state)
{
    (void)state;
    for (size_t n_pes = 3; n_pes <= (getenv("MAE_FEW") ? 3 : 4); n_pes++) {
        static const double epsilons[] = {0, 0.02};
        mae_rng rng = {1};
        wide_net net = wide_densenet();
        mae_profile *p = wide_profile(&rng, &net, n_pes, 1);
        mae_goal goal = MAE_GOAL_INIT;
        mae_front *front = NULL;
        for (int i = 0; i < 2; i++) {
            assert_null(mae_front_solve(p, &goal, epsilons[i], &front));
            printf("dense blocks, %zu PEs, epsilon %g: %zu points, %s, epsilon %.5f\n", n_pes, epsilons[i],
                   front->n_points, front->exact ? "exact" : "not exact", front->epsilon);
            assert_true(front->epsilon <= fmax(epsilons[i], 0.01) * 1.001);
            assert_int_equal(front->exact, front->epsilon == 0);
            check_deadlines(p, front);
            mae_front_destroy(front);
        }
        mae_profile_destroy(p);
    }
}

static void width_six_is_exact(void **state)
{
    (void)state;
    double worst = 0;
    int proven = 0, total = 0;
    for (uint64_t seed = 1; seed <= few(12); seed++, total += GOALS) {
        mae_rng rng = {seed};
        wide_net net = wide_random(&rng, 30 + 5 * seed, 3 + seed % 4);
        mae_profile *p = wide_profile(&rng, &net, 2 + seed % 3, 0.5 + mae_rng_uniform(&rng));
        proven += solve_all(&rng, p, "width up to 6", &worst);
        mae_profile_destroy(p);
    }
    printf("width 3 to 6, 35 to 90 layers, seeds 1 to %d: %d of %d answers proven optimal\n", (int)few(12), proven,
           total);
    assert_int_equal(proven, total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_hold_where_room_is_short),
                                       cmocka_unit_test(fronts_hold_where_room_is_short),
                                       cmocka_unit_test(nearest_tells_the_truth_where_room_is_short),
                                       cmocka_unit_test(wide_fronts_are_bounded),
                                       cmocka_unit_test(dense_networks_are_solved),
                                       cmocka_unit_test(width_six_is_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
