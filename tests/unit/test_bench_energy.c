/* mae_bench_run() with a meter, on virtual SoCs whose joules are known: what is measured of each that ran, what follows
 * for the gain and the choice, and what is said where the meter cannot tell. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/goal.h"
#include "plan/plan.h"
#include "support/schema.h"
#include "support/sim_bench.h"

#define MOST_LAYERS 40
#define RACE_S 8

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static sim_bench_spec spec_of(uint64_t seed, const char *meter, bool one_rail)
{
    return (sim_bench_spec){.world = {.seed = seed,
                                      .layers = 10,
                                      .pes = 2 + (int)(seed % 2),
                                      .energy = true,
                                      .static_w = 1 + (double)(seed % 3),
                                      .chain = seed % 2 == 0},
                            .noise = 0.01,
                            .profile_noise = 0.01,
                            .static_w = 1,
                            .meter = meter,
                            .meter_period_ms = "2",
                            .one_rail = one_rail,
                            .power_noise = 0.01};
}

static mae_error *try(sim_bench *world, const mae_goal *goal, mae_bench **ret_bench)
{
    mae_bench_options options = {.goal = *goal, .race_s = RACE_S, .profile = world->told};
    return mae_bench_run(&world->context, &world->model, &options, ret_bench);
}

static void check_json(const mae_bench *bench)
{
    char *text;
    succeed(mae_bench_to_json(bench, &text));
    json_t *value = schema_check_text("schemas/mae-bench.schema.json", text);
    json_t *plan = json_object_get(value, "plan"), *energy = json_object_get(value, "energy");
    const char *source = bench->meter.measured ? "measured" : "predicted";
    assert_string_equal(json_string_value(json_object_get(plan, "energy_source")), source);
    assert_string_equal(json_string_value(json_object_get(energy, "source")), source);
    assert_int_equal(json_object_get(plan, "ci_mj") != NULL, bench->meter.measured);
    assert_int_equal(json_object_get(energy, "reason") != NULL, bench->meter.reason != NULL);
    json_decref(value);
    free(text);
}

static const int *mapping_of_single(const sim_bench *world, size_t pe)
{
    static int mapping[MOST_LAYERS];
    for (size_t l = 0; l < world->told->n_layers; l++)
        mapping[l] = (int)pe;
    return mapping;
}

static const int *mapping_of_plan(const mae_bench *bench)
{
    static int mapping[MOST_LAYERS];
    succeed(mae_plan_mapping(bench->plan, bench->profile, mapping));
    return mapping;
}

/* ---- measured is true ---- */

/* Over all that was measured: the greatest error, the intervals' mean half-width, and how many of them hold the truth.
 */
typedef struct tally {
    double worst, halves;
    size_t n, held;
} tally;

static void count(tally *of, double measured, const mae_interval *interval, double truth)
{
    of->worst = fmax(of->worst, fabs(measured / truth - 1));
    of->halves += (interval->high - interval->low) / 2 / measured;
    of->held += interval->low <= truth && truth <= interval->high;
    of->n++;
}

static void count_bench(const sim_bench *world, const mae_bench *bench, double period_ms, tally *ret)
{
    assert_true(bench->meter.measured);
    assert_null(bench->meter.reason);
    for (size_t p = 0; p < bench->n_single; p++) {
        const mae_bench_entry *entry = &bench->single[p];
        assert_true(entry->complete && entry->energy_mj == entry->measured_mj.median);
        count(ret, entry->energy_mj, &entry->measured_mj,
              sim_bench_truth(world, mapping_of_single(world, p), period_ms).energy_mj);
    }
    int greedy[MOST_LAYERS];
    if (bench->n_baselines) {
        succeed(mae_greedy(bench->profile, NULL, 0, greedy));
        count(ret, bench->baselines[0].energy_mj, &bench->baselines[0].measured_mj,
              sim_bench_truth(world, greedy, period_ms).energy_mj);
    }
    count(ret, bench->energy_mj, &bench->measured_mj,
          sim_bench_truth(world, mapping_of_plan(bench), period_ms).energy_mj);
}

/* J of a mapping by the truth. L and E of a weighted goal are the told profile's, as the bench has them. */
static double true_value(const sim_bench *world, const mae_goal *goal, const int *mapping)
{
    double latency = 0, energy = 0;
    mae_prediction cost = sim_bench_truth(world, mapping, goal->period_ms);
    succeed(mae_goal_scales(world->told, goal, &latency, &energy));
    return mae_goal_objective(goal, &cost, latency, energy);
}

static void count_gain(const sim_bench *world, const mae_bench *bench, tally *ret)
{
    size_t best = bench->n_single;
    for (size_t p = 0; p < bench->n_single; p++)
        if (strcmp(bench->single[p].name, bench->baseline) == 0)
            best = p;
    assert_true(best < bench->n_single);
    double single = true_value(world, &bench->goal, mapping_of_single(world, best));
    double truth = 1 - true_value(world, &bench->goal, mapping_of_plan(bench)) / single;
    ret->worst = fmax(ret->worst, fabs(bench->maeg.median - truth));
    ret->halves += (bench->maeg.high - bench->maeg.low) / 2;
    ret->held += bench->maeg.low <= truth && truth <= bench->maeg.high;
    ret->n++;
    assert_true(fabs(bench->maeg.median - (1 - bench->objective.median / bench->single[best].objective.median)) < 0.01);
}

static void what_is_measured_is_true(void **state)
{
    (void)state;
    static const char *const meters[] = {"energy", "hwmon", "powercap"};
    static const mae_objective goals[] = {MAE_MIN_ENERGY, MAE_MIN_EDP, MAE_MIN_WEIGHTED, MAE_MIN_LATENCY};
    tally energies = {0, 0, 0, 0}, gains = {0, 0, 0, 0};
    for (uint64_t seed = 1; seed <= 24; seed++) {
        sim_bench_spec spec = spec_of(seed, meters[seed % 3], seed % 4 < 2);
        sim_bench world;
        mae_bench *bench;
        mae_goal goal = MAE_GOAL_INIT;
        goal.minimize = goals[seed % 4];
        goal.weight = 0.5;
        goal.period_ms = seed % 5 == 0 ? 30 : 0;
        sim_bench_open(&spec, &world);
        succeed(try(&world, &goal, &bench));
        count_bench(&world, bench, goal.period_ms, &energies);
        if (!bench->single_is_best)
            count_gain(&world, bench, &gains);
        assert_true(fabs(bench->meter.static_w - spec.world.static_w) < 0.01 && !bench->meter.static_stated);
        assert_true(bench->meter.rounds >= 3 && bench->meter.n_rails == (spec.one_rail ? 1 : bench->n_single));
        check_json(bench);
        mae_bench_destroy(bench);
        sim_bench_close(&world);
    }
    double half = energies.halves / (double)energies.n, gain_half = gains.halves / (double)gains.n;
    print_message(
        "%zu energies, the worst %.2f %% off, %zu within their intervals (+- %.2f %% in the mean); %zu gains, "
        "the worst %.2f %% off, %zu within (+- %.2f %%)\n",
        energies.n, 100 * energies.worst, energies.held, 100 * half, gains.n, 100 * gains.worst, gains.held,
        100 * gain_half);
    assert_true(half < 0.03 && gain_half < 0.05); /* wide ones hold anything */
    assert_true(energies.worst < 0.02);
    assert_true((double)energies.held >= 0.9 * (double)energies.n);
    assert_true(gains.n >= 5 && gains.n - gains.held <= 1);
}

/* ---- a wrong profile ---- */

/* A profile that says too little of one PE's energy makes mixes look good that are not. */
static void understate(mae_profile *profile, size_t pe, double factor)
{
    for (size_t l = 0; l < profile->n_layers; l++) {
        mae_cost cost = profile->costs[l * profile->n_pes + pe];
        cost.energy_mj *= factor;
        mae_profile_set_cost(profile, (int)l, (int)pe, &cost);
    }
}

/* What was offered is not truly worse than the best single PE, whatever the profile says; and without the meter it
 * would have been. */
static void a_wrong_profile_does_not_choose(void **state)
{
    (void)state;
    int fooled = 0;
    for (uint64_t seed = 100; seed < 110; seed++) {
        mae_goal goal = MAE_GOAL_INIT;
        goal.minimize = MAE_MIN_ENERGY;
        double best = INFINITY, offered[2];
        for (int metered = 0; metered < 2; metered++) {
            sim_bench_spec spec = spec_of(seed, "energy", false);
            sim_bench world;
            mae_bench *bench;
            sim_bench_open(&spec, &world);
            understate(world.told, 1, 0.2);
            mae_meter *meter = world.context.meter;
            if (!metered)
                world.context.meter = NULL;
            for (size_t p = 0; p < world.told->n_pes; p++)
                best = fmin(best, true_value(&world, &goal, mapping_of_single(&world, p)));
            succeed(try(&world, &goal, &bench));
            assert_int_equal(bench->meter.measured, metered);
            offered[metered] = true_value(&world, &goal, mapping_of_plan(bench));
            check_json(bench);
            mae_bench_destroy(bench);
            world.context.meter = meter;
            sim_bench_close(&world);
        }
        fooled += offered[0] > best * 1.02;
        if (!(offered[1] <= best * 1.01))
            fail_msg("seed %d: offered %g mJ, the best single PE takes %g", (int)seed, offered[1], best);
    }
    print_message("of 10 wrong profiles, %d would have had a worse plan offered without the meter\n", fooled);
    assert_true(fooled >= 3);
}

/* ---- bounds ---- */

static void bounds_are_by_the_meter(void **state)
{
    (void)state;
    sim_bench_spec spec = spec_of(7, "energy", true);
    sim_bench world;
    mae_bench *bench = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    mae_solution least;
    sim_bench_open(&spec, &world);
    goal.minimize = MAE_MIN_ENERGY;
    succeed(mae_solve(world.world.profile, &goal, NULL, &least));
    goal.minimize = MAE_MIN_LATENCY;
    goal.max_energy_mj = 0.9 * least.cost.energy_mj; /* of what no mapping is below */
    for (size_t p = 0; p < world.told->n_pes; p++)
        understate(world.told, p, 0.3);
    mae_error *error = try(&world, &goal, &bench);
    assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
    if (!strstr(mae_error_message(error), "mJ (measured)"))
        fail_msg("%s", mae_error_message(error));
    mae_error_free(error);
    assert_null(bench);

    /* A power cap is met by mean power over the period, idleness in it included. */
    goal.max_energy_mj = 0;
    goal.period_ms = 50;
    goal.max_power_w = 1.1 * (least.cost.energy_mj + (50 - least.cost.latency_ms) * spec.world.static_w) / 50;
    succeed(try(&world, &goal, &bench));
    assert_true(bench->meter.measured && bench->energy_mj <= goal.max_power_w * goal.period_ms);
    for (size_t p = 0; p < bench->n_single; p++)
        assert_int_equal(bench->single[p].meets_bounds,
                         bench->single[p].energy_mj <= goal.max_power_w * goal.period_ms);
    mae_bench_destroy(bench);
    free(least.mapping);
    sim_bench_close(&world);
}

/* ---- no figure without a meter's ---- */

static void expect_prediction(sim_bench *world, const char *reason)
{
    mae_bench *bench;
    mae_goal goal = MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_ENERGY;
    succeed(try(world, &goal, &bench));
    assert_false(bench->meter.measured);
    if (!bench->meter.reason || !strstr(bench->meter.reason, reason))
        fail_msg("\"%s\" does not say \"%s\"", bench->meter.reason ? bench->meter.reason : "", reason);
    assert_true(bench->energy_mj == bench->predicted_mj && bench->measured_mj.high == 0);
    for (size_t p = 0; p < bench->n_single; p++)
        assert_true(bench->single[p].measured_mj.high == 0 && bench->single[p].energy_mj > 0);
    check_json(bench);
    mae_bench_destroy(bench);
}

static void why_it_is_not_measured_is_said(void **state)
{
    (void)state;
    sim_bench_spec spec = spec_of(9, "hwmon", true);
    sim_bench world;
    spec.meter_period_ms = "1";
    sim_bench_open(&spec, &world);
    world.pes[1].n_rails = 0; /* its energies are modelled: not to be compared with measured ones */
    expect_prediction(&world, "pe1 has no rail");
    sim_bench_close(&world);

    sim_bench_open(&spec, &world);
    tree_remove(&world.tree, "sys/class/hwmon/hwmon0/in1_input");
    expect_prediction(&world, "hwmon0/in1_input");
    sim_bench_close(&world);

    spec.meter_period_ms = "1000"; /* as a battery's: three turns of each last minutes */
    sim_bench_open(&spec, &world);
    expect_prediction(&world, "more than 3 times the race's 8 s");
    sim_bench_close(&world);
}

/* ---- stopping ---- */

static bool stop_at_energy(void *ctx, const char *what, double fraction, double left_s)
{
    double *last = ctx;
    (void)left_s;
    assert_true(fraction >= *last - 1e-9 && fraction <= 1);
    *last = fraction;
    return strcmp(what, "measuring energy") != 0;
}

static void it_can_be_stopped(void **state)
{
    (void)state;
    sim_bench_spec spec = spec_of(3, "energy", false);
    sim_bench world;
    mae_bench *bench = NULL;
    double last = 0;
    sim_bench_open(&spec, &world);
    mae_bench_options options = {.goal = MAE_GOAL_INIT,
                                 .race_s = RACE_S,
                                 .profile = world.told,
                                 .progress = stop_at_energy,
                                 .progress_ctx = &last};
    mae_error *error = mae_bench_run(&world.context, &world.model, &options, &bench);
    assert_non_null(error);
    assert_string_equal(mae_error_message(error), "cancelled");
    mae_error_free(error);
    assert_null(bench);
    assert_true(last >= 0.75);
    sim_bench_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_measured_is_true), cmocka_unit_test(a_wrong_profile_does_not_choose),
        cmocka_unit_test(bounds_are_by_the_meter),  cmocka_unit_test(why_it_is_not_measured_is_said),
        cmocka_unit_test(it_can_be_stopped),
    };
    return cmocka_run_group_tests_name("bench energy", tests, NULL, NULL);
}
