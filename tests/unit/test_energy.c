/* Energy in profiles (profile/energy.h) on virtual SoCs: what is measured through their meters must be what they
 * use. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cost.h"
#include "mae/plan.h"
#include "meters/hwmon/hwmon.h"
#include "meters/powercap/powercap.h"
#include "profile/measure.h"
#include "support/sim_world.h"
#include "support/tree.h"

#define MOST_LAYERS 64

/* A virtual SoC, its meter, and which rail is whose. */
typedef struct bench {
    sim_world world;
    test_tree tree;
    mae_meter *meter;
    mae_gauge_clock clock;
    const mae_clock_service *service;
    bool one_rail;
    size_t rails[SIM_WORLD_MOST_PES];
    size_t n_all, all[SIM_WORLD_MOST_PES + 1];
} bench;

static uint64_t now_ns(void *ctx)
{
    const bench *b = ctx;
    return b->service->now_ns(b->world.pes[0]);
}

static void wait_ns(void *ctx, uint64_t ns)
{
    const bench *b = ctx;
    b->service->wait_ns(b->world.pes[0], ns);
}

static bool set_alarm(void *ctx, uint64_t first_ns, mae_clock_alarm *alarm, void *alarm_ctx)
{
    const bench *b = ctx;
    return b->service->set_alarm(b->world.pes[0], first_ns, alarm, alarm_ctx);
}

static size_t find_rail(const bench *b, const char *name)
{
    const mae_rail *rails;
    size_t n = b->meter->driver->rails(b->meter, &rails);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rails[i].name, name) == 0)
            return i;
    fail_msg("no rail %s", name);
    return 0;
}

static void open_bench(bench *b, const sim_world_spec *spec, const mae_meter_driver *driver, const mae_option *options,
                       size_t n)
{
    mae_option all[12] = {{"meter_root", NULL}, {"rails", b->one_rail ? "one" : "per-pe"}};
    for (size_t i = 0; i < n; i++)
        all[2 + i] = options[i];
    tree_make(&b->tree);
    all[0].value = b->tree.root;
    sim_world_make(spec, &b->world);
    sim_world_open_all(&b->world, all, n + 2);
    b->service = mae_module_backend(b->world.module)->service(MAE_CLOCK_SERVICE);
    b->clock = (mae_gauge_clock){now_ns, wait_ns, set_alarm, b};
    mae_error *error = driver->open(b->tree.root, &b->meter);
    if (error)
        fail_msg("%s", mae_error_message(error));
    const mae_rail *rails;
    b->n_all = b->meter->driver->rails(b->meter, &rails);
    for (size_t i = 0; i < b->n_all; i++)
        b->all[i] = i;
    for (size_t p = 0; p < b->world.n_pes; p++)
        b->rails[p] = find_rail(b, b->one_rail ? "VDD_IN" : b->world.profile->pes[p].resource);
}

static void close_bench(bench *b)
{
    b->meter->driver->close(b->meter);
    sim_world_finish(&b->world);
    tree_finish(&b->tree);
}

static mae_profile *measure(bench *b, double budget_s, double watts)
{
    mae_measure_pe pes[SIM_WORLD_MOST_PES];
    mae_energy_pe energies[SIM_WORLD_MOST_PES];
    for (size_t p = 0; p < b->world.n_pes; p++) {
        pes[p] = (mae_measure_pe){b->world.pes[p], b->world.profile->pes[p]};
        energies[p] = (mae_energy_pe){watts < 0, &b->rails[p], watts};
    }
    mae_energy_options energy = {.meter = watts < 0 ? b->meter : NULL,
                                 .clock = b->clock,
                                 .pes = energies,
                                 .static_w = watts < 0 ? -1 : 1.25,
                                 .n_static_rails = b->n_all,
                                 .static_rails = b->all,
                                 .soc_name = "virtual",
                                 .soc_mode = "MAX",
                                 .root = b->tree.root};
    mae_measure_options options = {.budget_s = budget_s, .clock = b->world.clock, .energy = &energy};
    mae_profile *profile = NULL;
    mae_error *error = mae_measure(b->world.graph, pes, b->world.n_pes, &options, &profile);
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
    return profile;
}

/* With the platform's idle draw, or above it. */
static double cost_mj(const mae_profile *profile, const int *mapping, bool idle)
{
    mae_prediction cost;
    assert_null(mae_eval(profile, mapping, 0, &cost));
    return cost.energy_mj - (idle ? 0 : profile->static_w * cost.latency_ms);
}

/* The greatest relative error of a mapping's energy. */
static double worst_mapping(const bench *b, const mae_profile *profile, bool idle)
{
    mae_rng rng = {7};
    double worst = 0;
    for (int i = 0; i < 50; i++) {
        int mapping[MOST_LAYERS];
        sim_world_mapping(&b->world, &rng, mapping);
        worst = fmax(worst, fabs(cost_mj(profile, mapping, idle) / cost_mj(b->world.profile, mapping, idle) - 1));
    }
    return worst;
}

static double worst_layer(const bench *b, const mae_profile *profile)
{
    size_t n = profile->n_pes;
    double worst = 0;
    for (size_t i = 0; i < profile->n_layers * n; i++) {
        const mae_cost *cost = &profile->costs[i], *truth = &b->world.profile->costs[i];
        if (cost->supported)
            worst = fmax(worst, fabs(cost->energy_mj - truth->energy_mj) /
                                    (truth->energy_mj + b->world.profile->pes[i % n].segment_mj));
    }
    return worst;
}

typedef struct setting {
    const mae_meter_driver *driver;
    const char *kind;
    bool one_rail;
    double budget_s;
} setting;

static void energies_come_back(void **state)
{
    (void)state;
    static const setting settings[] = {{&mae_meter_hwmon, "energy", false, 60},
                                       {&mae_meter_hwmon, "energy", true, 60},
                                       {&mae_meter_powercap, "powercap", false, 60},
                                       {&mae_meter_hwmon, "hwmon", false, 100},
                                       {&mae_meter_hwmon, "hwmon", true, 100}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        for (uint64_t seed = 1; seed <= (i < 2 ? 2 : 1); seed++) {
            sim_world_spec spec = {
                .seed = 10 * i + seed, .layers = 16, .pes = 2, .energy = true, .static_w = 3, .chain = seed % 2};
            const mae_option options[] = {{"meter", settings[i].kind}, {"meter_period_ms", "2"}};
            bench b = {.one_rail = settings[i].one_rail};
            open_bench(&b, &spec, settings[i].driver, options, 2);
            mae_profile *profile = measure(&b, settings[i].budget_s, -1);
            double layer = worst_layer(&b, profile), mapping = worst_mapping(&b, profile, true);
            double above = worst_mapping(&b, profile, false);
            print_message(
                "%s, %s: layers within %.3f %%, mappings within %.3f %% (above idle %.3f %%), static %.4f W\n",
                settings[i].kind, settings[i].one_rail ? "one rail" : "a rail each", layer * 100, mapping * 100,
                above * 100, profile->static_w);
            assert_int_equal(profile->energy, MAE_ENERGY_METER);
            assert_true(fabs(profile->static_w - 3) < 0.02);
            assert_true(layer < 0.02);
            assert_true(mapping < 0.02);
            assert_true(above < 0.03); /* energies of these transfers have nothing to do with their times */
            mae_profile_destroy(profile);
            close_bench(&b);
        }
    }
}

/* What the plan of the measured profile really costs, over what the best plan really costs. */
static double regret(const bench *b, const mae_profile *profile, const mae_goal *goal)
{
    mae_plan *chosen = NULL, *best = NULL;
    assert_null(mae_plan_solve(profile, goal, &chosen));
    assert_null(mae_plan_solve(b->world.profile, goal, &best));
    int mapping[MOST_LAYERS];
    size_t layer = 0;
    for (size_t s = 0; s < chosen->n_segments; s++)
        for (size_t i = 0; i < chosen->segments[s].n_layers; i++)
            mapping[layer++] = mae_profile_find_pe(b->world.profile, chosen->segments[s].pe);
    double ratio = cost_mj(b->world.profile, mapping, true) / best->predicted.energy_mj;
    mae_plan_destroy(chosen);
    mae_plan_destroy(best);
    return ratio - 1;
}

/* On 200 virtual SoCs with MAE_LONG set, else on a few. */
static void plans_are_those_of_the_truth(void **state)
{
    (void)state;
    uint64_t n = getenv("MAE_LONG") ? 200 : 3;
    size_t same = 0;
    double worst = 0;
    for (uint64_t seed = 1; seed <= n; seed++) {
        sim_world_spec spec = {.seed = 1000 + seed,
                               .layers = 8 + (int)(seed % 5),
                               .pes = 2 + (int)(seed % 2),
                               .energy = true,
                               .static_w = 1 + (double)(seed % 3),
                               .chain = seed % 2};
        const mae_option options[] = {{"meter", "energy"}, {"meter_period_ms", "2"}};
        bench b = {.one_rail = seed % 3 == 0};
        open_bench(&b, &spec, &mae_meter_hwmon, options, 2);
        mae_profile *profile = measure(&b, 120, -1);
        mae_goal goal = MAE_GOAL_INIT;
        goal.minimize = MAE_MIN_ENERGY;
        double more = regret(&b, profile, &goal);
        same += more < 1e-9;
        worst = fmax(worst, more);
        mae_profile_destroy(profile);
        close_bench(&b);
    }
    print_message("of %d plans for least energy %zu are the truth's, the others cost up to %.3f %% more\n", (int)n,
                  same, 100 * worst);
    assert_true(worst < 0.01);
}

/* On a clock that passes by itself a thread samples. Figures depend on how busy this machine is, so only the order of
 * magnitude is checked. */
static void the_real_clock_serves_too(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 8, .layers = 3, .pes = 1, .energy = true, .static_w = 3, .chain = true};
    const mae_option options[] = {{"meter", "hwmon"}, {"meter_period_ms", "2"}, {"clock", "real"}};
    bench b = {.one_rail = true};
    open_bench(&b, &spec, &mae_meter_hwmon, options, 3);
    mae_profile *profile = measure(&b, 4, -1);
    for (double budget_s = 16; profile->energy != MAE_ENERGY_METER && budget_s < 100; budget_s *= 4) {
        mae_profile_destroy(profile); /* a slow machine: the samples were too few */
        profile = measure(&b, budget_s, -1);
    }
    assert_int_equal(profile->energy, MAE_ENERGY_METER);
    double whole = cost_mj(profile, (int[MOST_LAYERS]){0}, false);
    double truth = cost_mj(b.world.profile, (int[MOST_LAYERS]){0}, false);
    print_message("real clock: the whole within %.2f %%, static %.3f W\n", 100 * fabs(whole / truth - 1),
                  profile->static_w);
    assert_true(whole > truth / 2 && whole < truth * 2);
    mae_profile_destroy(profile);
    close_bench(&b);
}

typedef struct watcher {
    double fraction;
    int energy_steps;
} watcher;

static bool watch(void *ctx, const char *what, double fraction, double left_s)
{
    watcher *w = ctx;
    (void)left_s;
    assert_true(fraction >= w->fraction && fraction <= 1);
    w->fraction = fraction;
    return strcmp(what, "measuring energy") != 0 || ++w->energy_steps < 5;
}

static void measuring_energy_can_be_cancelled(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 11, .layers = 8, .pes = 1, .energy = true, .static_w = 3};
    const mae_option options[] = {{"meter", "energy"}, {"meter_period_ms", "2"}};
    bench b = {.one_rail = true};
    open_bench(&b, &spec, &mae_meter_hwmon, options, 2);
    mae_measure_pe pe = {b.world.pes[0], b.world.profile->pes[0]};
    mae_energy_pe own = {1, &b.rails[0], -1};
    mae_energy_options energy = {.meter = b.meter,
                                 .clock = b.clock,
                                 .pes = &own,
                                 .static_w = -1,
                                 .soc_name = "",
                                 .soc_mode = "",
                                 .root = b.tree.root};
    watcher w = {0, 0};
    mae_measure_options measuring = {
        .budget_s = 10, .progress = watch, .progress_ctx = &w, .clock = b.world.clock, .energy = &energy};
    mae_profile *profile = NULL;
    mae_error *error = mae_measure(b.world.graph, &pe, 1, &measuring, &profile);
    assert_non_null(error);
    assert_string_equal(mae_error_message(error), "cancelled");
    assert_null(profile);
    mae_error_free(error);
    close_bench(&b);
}

static json_t *note_of(const mae_profile *profile)
{
    json_t *root = NULL;
    assert_null(mae_profile_to_json(profile, &root));
    json_t *note = json_incref(json_object_get(json_object_get(root, "provenance"), "energy"));
    json_decref(root);
    assert_non_null(note);
    return note;
}

static void where_it_comes_from_is_told(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 3, .layers = 6, .pes = 2, .energy = true, .static_w = 2};
    const mae_option options[] = {{"meter", "energy"}, {"meter_period_ms", "2"}};
    bench b = {.one_rail = false};
    open_bench(&b, &spec, &mae_meter_hwmon, options, 2);
    mae_profile *profile = measure(&b, 20, -1);
    for (size_t i = 0; i < profile->n_layers * 2; i++) {
        assert_int_equal(profile->costs[i].energy_source, MAE_COST_MEASURED);
        assert_true(profile->costs[i].energy_n >= 2 && profile->costs[i].energy_spread_mj > 0);
    }
    json_t *note = note_of(profile), *pe = json_object_get(json_object_get(note, "pes"), "pe1");
    assert_string_equal(json_string_value(json_object_get(note, "meter")), "hwmon");
    assert_string_equal(json_string_value(json_array_get(json_object_get(pe, "rails"), 0)), "r1");
    assert_int_equal(json_array_size(json_object_get(pe, "idle_w")), 2);
    json_t *heat = json_object_get(note, "heat");
    assert_string_equal(json_string_value(json_object_get(heat, "zone")), "soc-thermal");
    assert_true(json_is_false(json_object_get(heat, "throttled")));
    assert_string_equal(profile->soc_mode, "MAX");
    json_decref(note);
    mae_profile_destroy(profile);
    close_bench(&b);
}

static void stated_watts_are_a_model(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 4, .layers = 8, .pes = 2, .energy = true, .static_w = 2};
    bench b = {.one_rail = false};
    open_bench(&b, &spec, &mae_meter_hwmon, NULL, 0);
    mae_profile *profile = measure(&b, 5, 7);
    assert_int_equal(profile->energy, MAE_ENERGY_MODEL);
    assert_true(profile->static_w == 1.25);
    for (size_t i = 0; i < profile->n_layers * 2; i++) {
        assert_int_equal(profile->costs[i].energy_source, MAE_COST_MODELLED);
        assert_true(fabs(profile->costs[i].energy_mj - 7 * profile->costs[i].time_ms) < 1e-9);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(profile->transfers[i].energy_source, MAE_COST_MODELLED);
        assert_true(fabs(profile->transfers[i].fixed_mj - 7 * profile->transfers[i].fixed_ms) < 1e-9);
    }
    mae_profile_destroy(profile);
    close_bench(&b);
}

static void a_budget_too_small_leaves_a_model_of_the_whole(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 5, .layers = 24, .pes = 1, .energy = true, .static_w = 2};
    const mae_option options[] = {{"meter", "energy"}, {"meter_period_ms", "20"}};
    bench b = {.one_rail = true};
    open_bench(&b, &spec, &mae_meter_hwmon, options, 2);
    mae_profile *profile = measure(&b, 14, -1);
    size_t modelled = 0;
    for (size_t i = 0; i < profile->n_layers; i++)
        modelled += profile->costs[i].energy_source == MAE_COST_MODELLED;
    assert_true(modelled > 0);
    int mapping[MOST_LAYERS] = {0};
    double whole = cost_mj(profile, mapping, false), truth = cost_mj(b.world.profile, mapping, false);
    if (!(fabs(whole / truth - 1) < 0.03))
        fail_msg("the whole takes %g mJ, not %g", truth, whole);
    mae_profile_destroy(profile);
    close_bench(&b);
}

/* Once in four seconds is too slow: no figure is better than any. */
static void a_meter_that_is_too_slow_is_refused(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 6, .layers = 6, .pes = 2, .energy = true, .static_w = 2};
    const mae_option options[] = {{"meter", "hwmon"}, {"meter_period_ms", "4000"}};
    bench b = {.one_rail = true};
    open_bench(&b, &spec, &mae_meter_hwmon, options, 2);
    mae_profile *profile = measure(&b, 20, -1);
    assert_int_equal(profile->energy, MAE_ENERGY_NONE);
    json_t *note = note_of(profile);
    const char *refused = json_string_value(json_object_get(note, "refused"));
    assert_non_null(refused);
    assert_non_null(strstr(refused, "too slow"));
    json_decref(note);
    mae_goal goal = MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_ENERGY;
    mae_plan *plan = NULL;
    mae_error *error = mae_plan_solve(profile, &goal, &plan);
    assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
    mae_error_free(error);
    mae_profile_destroy(profile);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_come_back),
        cmocka_unit_test(plans_are_those_of_the_truth),
        cmocka_unit_test(the_real_clock_serves_too),
        cmocka_unit_test(measuring_energy_can_be_cancelled),
        cmocka_unit_test(where_it_comes_from_is_told),
        cmocka_unit_test(stated_watts_are_a_model),
        cmocka_unit_test(a_budget_too_small_leaves_a_model_of_the_whole),
        cmocka_unit_test(a_meter_that_is_too_slow_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
