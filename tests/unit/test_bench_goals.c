/* mae_bench_run() for goals other than the least latency, on virtual SoCs: bounds as measured, energy as predicted,
 * what is said where nothing fits; and being stopped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/plan.h"
#include "support/schema.h"
#include "support/sim_bench.h"

#define WORLDS 20
#define MOST_LAYERS 40

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static void open_world(uint64_t seed, double static_w, sim_bench *world)
{
    sim_bench_spec spec = {.world = {.seed = seed, .layers = 12, .pes = 2 + (int)(seed % 2)},
                           .noise = 0.01,
                           .profile_noise = 0.01,
                           .static_w = static_w};
    sim_bench_open(&spec, world);
}

static mae_error *try(sim_bench *world, const mae_goal *goal, mae_bench **ret_bench)
{
    mae_bench_options options = {.goal = *goal, .race_s = 1.5, .profile = world->told};
    return mae_bench_run(&world->context, &world->model, &options, ret_bench);
}

/* What is printed fits the schema. */
static void check_json(const mae_bench *bench)
{
    char *text;
    succeed(mae_bench_to_json(bench, &text));
    json_decref(schema_check_text("schemas/mae-bench.schema.json", text));
    free(text);
}

static const mae_bench_entry *entry_of(const mae_bench *bench, const char *name)
{
    for (size_t i = 0; i < bench->n_single; i++)
        if (strcmp(bench->single[i].name, name) == 0)
            return &bench->single[i];
    fail_msg("no single PE %s", name);
    return NULL;
}

/* Energy is the profile's sum over the mapping, and the platform's share for the time measured. */
static void check_energy(const sim_bench *world, const mae_bench *bench)
{
    int mapping[MOST_LAYERS];
    mae_prediction cost;
    succeed(mae_plan_mapping(bench->plan, bench->profile, mapping));
    succeed(mae_eval(bench->profile, mapping, 0, &cost));
    double dynamic = cost.energy_mj - world->told->static_w * cost.latency_ms;
    double expected = dynamic + world->told->static_w * bench->latency_ms.median;
    assert_true(fabs(bench->energy_mj - expected) <= 1e-9 * expected);
}

/* The least energy: nothing but the platform's share is measured, so the best by the profile wins where it is clear. */
static void energy_is_minimised(void **state)
{
    (void)state;
    mae_goal goal = MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_ENERGY;
    int mixes = 0;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_bench world;
        mae_bench *bench;
        mae_solution best;
        open_world(seed, seed % 2 ? 1.5 : 0, &world);
        succeed(try(&world, &goal, &bench));
        succeed(mae_solve(world.told, &goal, NULL, &best));
        assert_true(bench->energy_mj <= 1.02 * best.cost.energy_mj);
        assert_true(bench->objective.median > 0 && fabs(bench->objective.median / bench->energy_mj - 1) < 1e-9);
        assert_string_equal(bench->plan->goal.minimize == MAE_MIN_ENERGY ? "energy" : "", "energy");
        for (size_t i = 0; i < bench->n_single; i++)
            assert_true(!bench->single[i].complete || bench->single[i].energy_mj >= bench->energy_mj * (1 - 1e-9));
        if (!bench->single_is_best) {
            const mae_bench_entry *baseline = entry_of(bench, bench->baseline);
            double maeg = 1 - bench->objective.median / baseline->objective.median;
            assert_true(fabs(maeg - bench->maeg.median) < 0.01);
            mixes++;
        }
        check_energy(&world, bench);
        check_json(bench);
        free(best.mapping);
        mae_bench_destroy(bench);
        sim_bench_close(&world);
    }
    assert_true(mixes > WORLDS / 2);
}

static void other_goals_have_their_own_cost(void **state)
{
    (void)state;
    for (uint64_t seed = 30; seed < 36; seed++) {
        sim_bench world;
        mae_bench *bench;
        mae_goal goal = MAE_GOAL_INIT;
        goal.minimize = seed % 2 ? MAE_MIN_EDP : MAE_MIN_WEIGHTED;
        open_world(seed, 0.5, &world);
        succeed(try(&world, &goal, &bench));
        if (goal.minimize == MAE_MIN_EDP)
            assert_true(fabs(bench->objective.median / (bench->latency_ms.median * bench->energy_mj) - 1) < 1e-3);
        else
            assert_true(bench->objective.median > 0.1 && bench->objective.median < 1.1);
        check_energy(&world, bench);
        check_json(bench);
        mae_bench_destroy(bench);
        sim_bench_close(&world);
    }
}

/* A deadline between the best mix and the best single PE: only the mix meets it. */
static void a_mix_enables(void **state)
{
    (void)state;
    int enabled = 0;
    for (uint64_t seed = 40; seed < 60; seed++) {
        sim_bench world;
        mae_goal goal = MAE_GOAL_INIT;
        mae_solution best;
        open_world(seed, 1, &world);
        succeed(mae_solve(world.world.profile, &goal, NULL, &best));
        double single = sim_bench_best_single_ms(&world), least = best.cost.latency_ms;
        free(best.mapping);
        goal.minimize = MAE_MIN_ENERGY;
        goal.max_latency_ms = (single + least) / 2;
        if (single > 1.08 * least) {
            mae_bench *bench;
            succeed(try(&world, &goal, &bench));
            assert_true(bench->enables);
            assert_null(bench->baseline);
            assert_false(bench->single_is_best);
            assert_true(bench->latency_ms.median <= goal.max_latency_ms);
            for (size_t i = 0; i < bench->n_single; i++)
                assert_false(bench->single[i].meets_bounds);
            check_json(bench);
            mae_bench_destroy(bench);
            enabled++;
        }
        sim_bench_close(&world);
    }
    assert_true(enabled >= 10);
}

static void expect_error(mae_error *error, mae_code code, const char *part)
{
    assert_int_equal(mae_error_code(error), code);
    if (!strstr(mae_error_message(error), part))
        fail_msg("\"%s\" does not say \"%s\"", mae_error_message(error), part);
    mae_error_free(error);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    sim_bench world;
    mae_bench *bench;
    mae_goal goal = MAE_GOAL_INIT;
    open_world(61, -1, &world);
    goal.minimize = MAE_MIN_ENERGY;
    expect_error(try(&world, &goal, &bench), MAE_ERR_INFEASIBLE, "energy");

    /* By the profile it can be done; it cannot when it runs. */
    goal = (mae_goal)MAE_GOAL_INIT;
    mae_solution best;
    succeed(mae_solve(world.told, &goal, NULL, &best));
    goal.max_latency_ms = best.cost.latency_ms * 0.9;
    free(best.mapping);
    for (size_t i = 0; i < world.told->n_layers * world.told->n_pes; i++) {
        mae_cost cost = world.told->costs[i];
        cost.time_ms *= 0.5; /* a profile too good to be true */
        mae_profile_set_cost(world.told, (int)(i / world.told->n_pes), (int)(i % world.told->n_pes), &cost);
    }
    expect_error(try(&world, &goal, &bench), MAE_ERR_INFEASIBLE, "when measured; nearest: ");
    goal.max_power_w = 1;
    expect_error(try(&world, &goal, &bench), MAE_ERR_USAGE, "period");
    sim_bench_close(&world);
}

static void switches_are_bounded(void **state)
{
    (void)state;
    for (uint64_t seed = 70; seed < 76; seed++) {
        sim_bench world;
        mae_bench *bench;
        mae_goal goal = MAE_GOAL_INIT;
        goal.max_switches = (int)(seed % 3);
        open_world(seed, -1, &world);
        succeed(try(&world, &goal, &bench));
        assert_true(bench->plan->n_segments <= seed % 3 + 1);
        mae_bench_destroy(bench);
        sim_bench_close(&world);
    }
}

/* ---- stopping ---- */

typedef struct stop {
    const char *at;
    int calls, after; /* calls in that stage, and how many of them are let pass */
    double fraction;
} stop;

static bool step(void *ctx, const char *what, double fraction, double left_s)
{
    stop *s = ctx;
    (void)left_s;
    assert_true(fraction >= s->fraction - 1e-9 && fraction <= 1); /* forwards only */
    s->fraction = fraction;
    return strcmp(what, s->at) != 0 || s->calls++ < s->after;
}

/* Stopped wherever it is, it ends before the next turn and gives nothing. */
static void it_can_be_stopped(void **state)
{
    (void)state;
    static const char *const stages[] = {"single PEs", "compiling plans", "racing plans", "final rounds"};
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        for (int after = 0; after <= 3; after += 3) {
            sim_bench world;
            mae_goal goal = MAE_GOAL_INIT;
            mae_bench *bench = NULL;
            open_world(80, -1, &world);
            stop s = {.at = stages[i], .after = after};
            mae_bench_options options = {
                .goal = goal, .race_s = 4, .profile = world.told, .progress = step, .progress_ctx = &s};
            expect_error(mae_bench_run(&world.context, &world.model, &options, &bench), MAE_ERR_FAILED, "cancelled");
            assert_null(bench);
            assert_int_equal(s.calls, after + 1);
            sim_bench_close(&world);
        }
}

static void keys_are_documented(void **state)
{
    (void)state;
    schema_check_documented("schemas/mae-bench.schema.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_is_minimised),  cmocka_unit_test(other_goals_have_their_own_cost),
        cmocka_unit_test(a_mix_enables),        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(switches_are_bounded), cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(keys_are_documented),
    };
    return cmocka_run_group_tests_name("bench goals", tests, NULL, NULL);
}
