/* mae_bench_run() on virtual SoCs whose truth is known: what it offers is what is best, and its figures are true about
 * as often as they say. The virtual clock is exact, so nothing here depends on this machine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/plan.h"
#include "session/race.h"
#include "support/sim_bench.h"

#define WORLDS 52
#define MOST_LAYERS 40
#define MOST_LOOKED_AT 64

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static sim_bench_spec spec_of(uint64_t seed)
{
    return (sim_bench_spec){.world = {.seed = seed,
                                      .layers = 8 + (int)(seed % 6),
                                      .pes = 2 + (int)(seed % 2),
                                      .unsupported = seed % 3 ? 0 : 0.1,
                                      .chain = seed % 4 == 0},
                            .noise = 0.02,
                            .profile_noise = 0.03,
                            .static_w = -1};
}

static mae_bench *run(sim_bench *world, const mae_goal *goal, double race_s)
{
    mae_bench_options options = {.goal = *goal, .race_s = race_s, .profile = world->told};
    mae_bench *bench = NULL;
    succeed(mae_bench_run(&world->context, &world->model, &options, &bench));
    return bench;
}

static double true_ms_of(const sim_bench *world, const mae_plan *plan)
{
    int mapping[MOST_LAYERS];
    succeed(mae_plan_mapping(plan, world->told, mapping));
    return sim_bench_true_ms(world, mapping);
}

static double least_true_ms(const sim_bench *world)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_solution best;
    succeed(mae_solve(world->world.profile, &goal, NULL, &best));
    free(best.mapping);
    return best.cost.latency_ms;
}

static bool within(const mae_interval *interval, double value)
{
    return interval->low <= value && value <= interval->high;
}

typedef struct tally {
    int worse_than_single, mixes, far_from_best, measured_true, predicted_true, off_by_3, before, before_true;
    double surprise; /* of the promises made before anything was measured, squared */
} tally;

static void judge(const sim_bench *world, const mae_bench *bench, tally *t)
{
    double plan = true_ms_of(world, bench->plan), single = sim_bench_best_single_ms(world);
    double maeg = 1 - plan / single;
    t->worse_than_single += plan > 1.01 * single;
    t->far_from_best += plan > 1.02 * least_true_ms(world);
    t->off_by_3 += fabs(bench->predicted_ms / bench->latency_ms.median - 1) > 0.03;
    if (bench->before.exists) {
        mae_goal goal = MAE_GOAL_INIT;
        mae_solution promised;
        succeed(mae_solve(world->told, &goal, NULL, &promised));
        double truth = 1 - sim_bench_true_ms(world, promised.mapping) / single;
        t->before++;
        t->before_true += within(&bench->before.maeg, truth);
        t->surprise += pow(bench->before.p_beats - (truth > 0 ? 1 : 0), 2);
        free(promised.mapping);
    }
    if (bench->single_is_best)
        return;
    t->mixes++;
    t->measured_true += within(&bench->maeg, maeg);
    t->predicted_true += within(&bench->predicted.maeg, maeg);
    assert_true(bench->p_beats > 0.9); /* else it would not be offered */
}

static void what_is_offered_is_best(void **state)
{
    (void)state;
    mae_goal goal = MAE_GOAL_INIT;
    tally t = {0};
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_bench_spec spec = spec_of(seed);
        sim_bench world;
        sim_bench_open(&spec, &world);
        mae_bench *bench = run(&world, &goal, 2);
        assert_true(bench->verdict.ok);
        assert_int_equal(bench->unverified, 0); /* values do not depend on the mapping here */
        judge(&world, bench, &t);
        mae_bench_destroy(bench);
        sim_bench_close(&world);
    }
    assert_int_equal(t.worse_than_single, 0);
    assert_true(t.far_from_best <= WORLDS / 10);
    assert_true(t.off_by_3 <= WORLDS / 10);
    assert_true(t.mixes >= WORLDS / 2); /* else the rest says nothing */
    assert_true(t.measured_true >= t.mixes * 0.87);
    assert_true(t.predicted_true >= t.mixes * 0.87);
    assert_true(t.before >= WORLDS / 2 && t.before_true >= t.before * 0.87);
    assert_true(t.surprise <= 0.1 * t.before);
}

static mae_contender *winner_of(mae_bench_work *work, mae_contender **all, size_t n)
{
    mae_race race = {.seconds = 3, .eliminate = true, .what = "", .end = 1};
    for (size_t i = 0; i < n; i++)
        mae_race_add(&race, all[i], false);
    succeed(mae_race_run(work, &race));
    assert_true(race.leader < n);
    return all[race.leader];
}

/* The fastest mappings by what the bench is told, so that they are close to each other. */
static size_t enter_best(sim_bench *world, mae_bench_work *work, mae_contender **all, size_t most)
{
    mae_goal goal = MAE_GOAL_INIT;
    mae_solution *solutions;
    size_t n;
    succeed(mae_solve_best(world->told, &goal, NULL, MOST_LOOKED_AT, &solutions, &n));
    size_t step = n > most ? n / most : 1, entered = 0;
    for (size_t i = 0; i < n && entered < most; i += step)
        succeed(mae_bench_enter(work, solutions[i].mapping, &all[entered++]));
    mae_solutions_free(solutions, n);
    return entered;
}

static void races_find_the_best(void **state)
{
    (void)state;
    enum { MOST = 6 };
    int wrong = 0;
    for (uint64_t seed = 101; seed < 101 + WORLDS; seed++) {
        sim_bench_spec spec = spec_of(seed);
        sim_bench world;
        sim_bench_open(&spec, &world);
        mae_bench_options options = {.goal = MAE_GOAL_INIT};
        mae_bench_work work = {.context = &world.context,
                               .model = &world.model,
                               .graph = world.model.graph,
                               .options = &options,
                               .profile = world.told,
                               .scale_latency = 1,
                               .scale_energy = 1};
        succeed(mae_runner_create_single(world.world.pes[0], work.graph, &work.reference));
        succeed(mae_runner_fill(work.reference, 1));
        succeed(mae_program_run(work.reference->program, NULL));
        mae_contender *all[MOST];
        size_t n = enter_best(&world, &work, all, MOST);
        double best = INFINITY;
        for (size_t i = 0; i < n; i++)
            best = fmin(best, sim_bench_true_ms(&world, all[i]->runner->mapping));
        const mae_contender *winner = winner_of(&work, all, n);
        wrong += sim_bench_true_ms(&world, winner->runner->mapping) > 1.01 * best;
        for (size_t i = 0; i < n; i++)
            mae_contender_destroy(all[i]);
        mae_runner_destroy(work.reference);
        sim_bench_close(&world);
    }
    assert_true(wrong <= WORLDS / 20);
}

/* Without an error of the model, promises are as uncertain as the profile's figures: intervals hold the truth about as
 * often as they say, and are not wider than they need to be. */
static void promises_are_as_good_as_they_say(void **state)
{
    (void)state;
    int n = 0, inside = 0;
    double squares = 0;
    for (uint64_t seed = 201; seed < 201 + 2 * WORLDS; seed++) {
        sim_bench_spec spec = spec_of(seed);
        sim_bench world;
        sim_bench_open(&spec, &world);
        mae_bench_options options = {.goal = MAE_GOAL_INIT};
        mae_contender single[SIM_WORLD_MOST_PES], *singles[SIM_WORLD_MOST_PES] = {NULL};
        mae_frame_runner runners[SIM_WORLD_MOST_PES];
        int mappings[SIM_WORLD_MOST_PES][MOST_LAYERS];
        for (size_t p = 0; p < world.world.n_pes; p++) {
            mae_prediction cost;
            for (int l = 0; l < MOST_LAYERS; l++)
                mappings[p][l] = (int)p;
            runners[p] = (mae_frame_runner){.mapping = mappings[p]};
            single[p] = (mae_contender){.runner = &runners[p], .allowed = true};
            mae_error *error = mae_eval(world.told, mappings[p], 0, &cost);
            singles[p] = error ? NULL : &single[p];
            mae_error_free(error);
        }
        mae_bench_work work = {.context = &world.context,
                               .graph = world.model.graph,
                               .options = &options,
                               .profile = world.told,
                               .single = singles};
        mae_solution plan;
        succeed(mae_solve(world.told, &options.goal, NULL, &plan));
        mae_bench_forecast forecast;
        succeed(mae_bench_foresee(&work, world.told, plan.mapping, 0, true, &forecast));
        double truth = 1 - sim_bench_true_ms(&world, plan.mapping) / sim_bench_best_single_ms(&world);
        double deviation = (forecast.maeg.high - forecast.maeg.low) / 2 / 1.96;
        if (deviation > 1e-6) { /* else the plan is the single PE */
            n++;
            inside += within(&forecast.maeg, truth);
            squares += pow((truth - forecast.maeg.median) / deviation, 2);
        }
        free(plan.mapping);
        sim_bench_close(&world);
    }
    assert_true(n > WORLDS);
    assert_true(inside >= 0.88 * n);
    double surprise = sqrt(squares / n); /* 1 if intervals are as wide as errors are */
    assert_true(surprise > 0.7 && surprise < 1.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_best),
        cmocka_unit_test(races_find_the_best),
        cmocka_unit_test(promises_are_as_good_as_they_say),
    };
    return cmocka_run_group_tests_name("bench truth", tests, NULL, NULL);
}
