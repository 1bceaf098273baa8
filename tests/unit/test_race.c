/* session: races that leave out what cannot win, decided on made-up figures whose truth is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/race.h"

#define LANES 5
#define ROUNDS 400

typedef struct figures {
    double values[LANES][ROUNDS], misses[LANES][ROUNDS];
    mae_lane lanes[LANES];
} figures;

/* Rounds share the machine's mood, which the ratio of two lanes does not see. */
static void make(figures *f, const double *truth, double noise, double drift, uint64_t seed)
{
    mae_rng rng = {seed};
    double mood = 1;
    for (size_t r = 0; r < ROUNDS; r++) {
        mood *= exp(drift * mae_rng_normal(&rng));
        for (size_t i = 0; i < LANES; i++) {
            f->values[i][r] = truth[i] * mood * exp(noise * mae_rng_normal(&rng));
            f->misses[i][r] = -1;
        }
    }
    for (size_t i = 0; i < LANES; i++)
        f->lanes[i] = (mae_lane){f->values[i], f->misses[i], false};
}

/* Looks as a race does; the rounds it took, its leader in *ret_leader. */
static size_t decide(figures *f, size_t *ret_leader)
{
    double scratch[ROUNDS];
    size_t rounds = 8, look = 0;
    while (!mae_race_look(f->lanes, LANES, rounds, ++look, 0.95, 0.01, scratch, ret_leader)) {
        if (rounds == ROUNDS)
            break;
        rounds = rounds * 5 / 4;
        rounds = rounds < ROUNDS ? rounds : ROUNDS;
    }
    return rounds;
}

/* 400 races: the truly best is left out in less than the 5 % that are stated, and the winner is within 1 %. */
static void the_best_stays(void **state)
{
    (void)state;
    static const double truth[LANES] = {1.03, 1.00, 1.02, 1.10, 1.005};
    int lost = 0, worse = 0, all_rounds = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        figures *f = calloc(1, sizeof *f);
        assert_non_null(f);
        size_t leader;
        make(f, truth, 0.03, 0.02, seed);
        all_rounds += decide(f, &leader) == ROUNDS;
        lost += f->lanes[1].out;
        worse += truth[leader] > 1.01;
        free(f);
    }
    assert_true(lost <= 400 * 0.05);
    assert_true(worse <= 400 * 0.05);
    assert_true(all_rounds < 400); /* some are decided before the end */
}

/* With five equals there is nothing to be left out: over 95 % of the races end with all of them. */
static void equals_stay(void **state)
{
    (void)state;
    static const double truth[LANES] = {1, 1, 1, 1, 1};
    int touched = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        figures *f = calloc(1, sizeof *f);
        assert_non_null(f);
        size_t leader;
        bool any = false;
        make(f, truth, 0.03, 0.02, seed);
        decide(f, &leader);
        for (size_t i = 0; i < LANES; i++)
            any = any || f->lanes[i].out;
        touched += any;
        free(f);
    }
    assert_true(touched <= 400 * 0.05);
}

static void far_behind_is_out_at_once(void **state)
{
    (void)state;
    static const double truth[LANES] = {2, 1, 2, 3, 5};
    figures *f = calloc(1, sizeof *f);
    assert_non_null(f);
    size_t leader;
    make(f, truth, 0.01, 0.05, 9);
    assert_true(decide(f, &leader) < 30);
    assert_int_equal(leader, 1);
    for (size_t i = 0; i < LANES; i++)
        assert_int_equal(f->lanes[i].out, i != 1);
    free(f);
}

/* What breaks a bound is out however good its J; and nothing is out because of a leader that breaks one. */
static void bounds_come_first(void **state)
{
    (void)state;
    static const double truth[LANES] = {1, 2, 3, 2.5, 4};
    figures *f = calloc(1, sizeof *f);
    assert_non_null(f);
    size_t leader;
    make(f, truth, 0.01, 0, 3);
    for (size_t r = 0; r < ROUNDS; r++)
        f->misses[0][r] = 0.1;
    decide(f, &leader);
    assert_int_equal(leader, 1);
    assert_true(f->lanes[0].out);

    make(f, truth, 0.01, 0, 3);
    for (size_t i = 0; i < LANES; i++)
        for (size_t r = 0; r < ROUNDS; r++)
            f->misses[i][r] = (r % 2 ? 0.1 : -0.1) + 0.001 * (double)i; /* who knows */
    decide(f, &leader);
    for (size_t i = 0; i < LANES; i++)
        assert_false(f->lanes[i].out);

    for (size_t i = 0; i < LANES; i++)
        f->lanes[i].out = true;
    double scratch[ROUNDS];
    assert_true(mae_race_look(f->lanes, LANES, 8, 1, 0.95, 0.01, scratch, &leader));
    assert_int_equal(leader, LANES);
    free(f);
}

/* Values of 0 (an energy that a profile states as none) divide by nothing. */
static void nothing_costs_nothing(void **state)
{
    (void)state;
    static const double truth[LANES] = {0, 0, 0, 0, 1};
    figures *f = calloc(1, sizeof *f);
    assert_non_null(f);
    size_t leader;
    make(f, truth, 0, 0, 1);
    decide(f, &leader);
    assert_true(leader < 4);
    assert_true(f->lanes[4].out);
    free(f);
}

/* P(median < 1) answers as often as it says. */
static void chances_are_kept(void **state)
{
    (void)state;
    enum { N = 40 };
    double sum = 0, said_over_99 = 0, wrong_over_99 = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        mae_rng rng = {seed};
        double a[N], b[N], chance, truth = exp(0.01 * mae_rng_normal(&rng));
        for (size_t i = 0; i < N; i++) {
            b[i] = 5 * exp(0.02 * mae_rng_normal(&rng));
            a[i] = 5 * truth * exp(0.02 * mae_rng_normal(&rng));
        }
        assert_null(mae_bench_chance_below_one(a, b, N, 0, &chance));
        sum += chance - (truth < 1 ? 1 : 0);
        if (chance > 0.99 || chance < 0.01) {
            said_over_99++;
            wrong_over_99 += (chance > 0.5) != (truth < 1);
        }
    }
    assert_true(fabs(sum) / 400 < 0.05);
    assert_true(said_over_99 > 20);
    assert_true(wrong_over_99 <= 0.05 * said_over_99);
    double same[3] = {1, 1, 1}, half;
    assert_null(mae_bench_chance_below_one(same, same, 3, 0, &half));
    assert_true(half == 0.5);
}

/* Rounds that are all alike, and a meter that leaves open by how much: 2 % better is one standard deviation. */
static void what_the_meter_leaves_open_counts(void **state)
{
    (void)state;
    double a[6] = {0.98, 0.98, 0.98, 0.98, 0.98, 0.98}, b[6] = {1, 1, 1, 1, 1, 1}, chance;
    assert_null(mae_bench_chance_below_one(a, b, 6, 0, &chance));
    assert_true(chance == 1);
    assert_null(mae_bench_chance_below_one(a, b, 6, 1.96 * 0.02, &chance));
    assert_true(fabs(chance - 0.84) < 0.04);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_meter_leaves_open_counts),
        cmocka_unit_test(the_best_stays),
        cmocka_unit_test(equals_stay),
        cmocka_unit_test(bounds_come_first),
        cmocka_unit_test(far_behind_is_out_at_once),
        cmocka_unit_test(chances_are_kept),
        cmocka_unit_test(nothing_costs_nothing),
    };
    return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
