/* Characterising (profile/measure.h) on virtual SoCs: what is measured must be what they pace. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cost.h"
#include "profile/measure.h"
#include "profile/nnls.h"
#include "support/sim_world.h"

#define MOST_LAYERS 64

/* On the resources that the PEs have, or all on this one. */
static mae_profile *measure_on(const sim_world *world, const char *resource, double budget_s)
{
    mae_measure_pe pes[SIM_WORLD_MOST_PES];
    for (size_t p = 0; p < world->n_pes; p++) {
        pes[p] = (mae_measure_pe){world->pes[p], world->profile->pes[p]};
        if (resource)
            pes[p].info.resource = resource;
    }
    mae_measure_options options = {.budget_s = budget_s,
                                   .clock = world->clock,
                                   .machine = {world->pes[0]->backend->service(MAE_VIRTUAL_SERVICE), world->pes[0]}};
    mae_profile *profile = NULL;
    mae_error *error = mae_measure(world->graph, pes, world->n_pes, &options, &profile);
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
    return profile;
}

static mae_profile *measure(const sim_world *world, double budget_s)
{
    return measure_on(world, NULL, budget_s);
}

static double cost_ms(const mae_profile *profile, const int *mapping)
{
    mae_cost_index index;
    mae_prediction cost;
    assert_null(mae_cost_index_init(&index, profile));
    assert_null(mae_cost_of(&index, mapping, 0, &cost));
    mae_cost_index_finish(&index);
    return cost.latency_ms;
}

static void assert_near(double value, double expected, double relative, const char *what, int a, int b)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%s %d, %d: %.9g instead of %.9g", what, a, b, value, expected);
}

/* The greatest relative error of the prediction over random mappings. */
static double worst_prediction(const sim_world *world, const mae_profile *profile, uint64_t seed)
{
    mae_rng rng = {seed};
    double worst = 0;
    for (int i = 0; i < 50; i++) {
        int mapping[MOST_LAYERS];
        sim_world_mapping(world, &rng, mapping);
        worst = fmax(worst, fabs(cost_ms(profile, mapping) / cost_ms(world->profile, mapping) - 1));
    }
    return worst;
}

static void check_equal(const sim_world *world, const mae_profile *profile, double relative)
{
    const mae_profile *truth = world->profile;
    size_t n = truth->n_pes;
    for (size_t l = 0; l < truth->n_layers; l++) {
        for (size_t p = 0; p < n; p++) {
            const mae_cost *cost = &profile->costs[l * n + p], *expected = &truth->costs[l * n + p];
            assert_int_equal(cost->supported, expected->supported);
            if (!cost->supported)
                continue;
            assert_near(cost->time_ms, expected->time_ms, relative, "layer", (int)l, (int)p);
            assert_true(cost->n > 0 && cost->spread_ms >= 0);
            assert_int_equal(cost->source, MAE_COST_MEASURED);
        }
    }
    for (size_t p = 0; p < n; p++) {
        assert_near(profile->pes[p].segment_ms, truth->pes[p].segment_ms, relative, "segment", (int)p, 0);
        for (size_t q = 0; q < n; q++) {
            const mae_transfer *row = &profile->transfers[p * n + q], *expected = &truth->transfers[p * n + q];
            assert_true(row->crossable);
            assert_near(row->fixed_ms, expected->fixed_ms, relative, "fixed", (int)p, (int)q);
            assert_near(row->ms_per_mib, expected->ms_per_mib, relative, "per MiB", (int)p, (int)q);
            const mae_contention *beside = &profile->contention[p * n + q];
            bool together = strcmp(truth->pes[p].resource, truth->pes[q].resource) != 0;
            assert_int_equal(beside->n > 0, together);
            double factor = truth->contention[p * n + q].factor;
            assert_near(beside->factor, together ? fmax(1, factor) : 0, 1e-5, "beside", (int)p, (int)q);
        }
    }
}

static void profiles_come_back_exactly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        sim_world_spec spec = {.seed = seed,
                               .layers = 30 + 2 * (int)seed,
                               .pes = 1 + (int)(seed % 3),
                               .unsupported = seed % 4 ? 0 : 0.05,
                               .chain = seed % 2,
                               .contention = seed % 3 != 1};
        sim_world world;
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, NULL, 0);
        mae_profile *profile = measure(&world, 5);
        check_equal(&world, profile, 1e-6);
        assert_true(worst_prediction(&world, profile, seed) < 1e-6);
        mae_profile_destroy(profile);
        sim_world_finish(&world);
    }
}

static void noise_averages_out(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 21, .layers = 40, .pes = 2, .chain = true};
    sim_world world;
    sim_world_make(&spec, &world);
    static const mae_option noisy[2][2] = {{{"noise", "0.02"}, {"seed", "3"}}, {{"noise", "0.02"}, {"seed", "4"}}};
    for (int p = 0; p < 2; p++)
        sim_world_open_pe(&world, p, noisy[p], 2);
    mae_profile *profile = measure(&world, 60);
    /* Borders cost some 0.05 ms here, and what is not known of them is shared out over the layers between. */
    for (int i = 0; i < 80; i++) {
        double expected = world.profile->costs[i].time_ms;
        assert_true(fabs(profile->costs[i].time_ms - expected) <= 0.03 * expected + 0.03);
    }
    double worst = worst_prediction(&world, profile, 5);
    if (!(worst < 0.02))
        fail_msg("predictions are off by up to %.3g", worst);
    mae_profile_destroy(profile);
    sim_world_finish(&world);
}

/* A script that makes all PEs slower and faster again, at irregular times, for as long as profiling takes. */
static void write_swings(char *path, const sim_world *world)
{
    mae_rng rng = {9};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "{\"events\": [");
    double at_ms = 0;
    for (int i = 0; i < 200; i++, at_ms += 500 + 1000 * mae_rng_uniform(&rng))
        for (size_t p = 0; p < world->n_pes; p++)
            fprintf(file, "%s{\"at_ms\": %.6f, \"pe\": \"%s\", \"event\": \"slow\", \"factor\": %g}",
                    i || p ? ", " : "", at_ms, world->names[p], i % 2 ? 1.4 : 1.0);
    fprintf(file, "]}");
    assert_int_equal(fclose(file), 0);
}

static const json_t *speed_changes_of(const mae_profile *profile, json_t **ret_root)
{
    assert_null(mae_profile_to_json(profile, ret_root));
    return json_object_get(json_object_get(*ret_root, "provenance"), "speed_changes");
}

/* Where the machine's speed changes all the time a profile is of its usual speed, and mixes come out as single PEs do,
 * whether the PEs are on one resource, as engines on one set of processors are, or each on its own, where a look takes
 * as long as a turn of a slow network. */
static void changes_cancel_out(const char *resource)
{
    sim_world_spec spec = {.seed = 33, .layers = 40, .pes = 2, .chain = true};
    sim_world world;
    char script[] = "/tmp/mae-measure-script-XXXXXX";
    sim_world_make(&spec, &world);
    write_swings(script, &world);
    const mae_option scripted[] = {{"script", script}};
    sim_world_open_all(&world, scripted, 1);
    mae_profile *profile = resource ? measure_on(&world, resource, 20) : measure(&world, 60);
    int all_on_first[MOST_LAYERS] = {0};
    double speed = cost_ms(profile, all_on_first) / cost_ms(world.profile, all_on_first), worst = 0;
    assert_true(speed > 0.99 && speed < 1.41);
    mae_rng rng = {4};
    for (int i = 0; i < 50; i++) {
        int mapping[MOST_LAYERS];
        sim_world_mapping(&world, &rng, mapping);
        worst = fmax(worst, fabs(cost_ms(profile, mapping) / cost_ms(world.profile, mapping) / speed - 1));
    }
    json_t *root;
    const json_t *found = speed_changes_of(profile, &root);
    print_message("speed %.3f, mappings within %.3g of it, %lld looks\n", speed, worst,
                  (long long)json_integer_value(json_object_get(found, "looks")));
    assert_true(worst < 0.03);
    assert_true(json_is_true(json_object_get(found, "taken_out")));
    assert_true(json_integer_value(json_object_get(found, "looks")) > 10);
    assert_true(json_real_value(json_object_get(found, "upper_over_lower_quartile")) > 1.05);
    json_decref(root);
    mae_profile_destroy(profile);
    sim_world_finish(&world);
    unlink(script);
}

static void changes_of_speed_cancel_out(void **state)
{
    (void)state;
    changes_cancel_out("cpu");
    changes_cancel_out(NULL);
}

/* A PE that cannot look inside a segment: a border's fixed cost and the segment's cannot be told apart in a
 * chain, so it is the predictions that must be right. */
static void layers_are_differenced_where_they_cannot_be_timed(void **state)
{
    (void)state;
    for (uint64_t seed = 30; seed < 36; seed++) {
        sim_world_spec spec = {.seed = seed, .layers = 40, .pes = 2, .chain = seed % 2};
        sim_world world;
        sim_world_make(&spec, &world);
        static const mae_option blind[] = {{"layer_ns", "no"}};
        sim_world_open_pe(&world, 0, NULL, 0);
        sim_world_open_pe(&world, 1, blind, 1);
        assert_null(world.pes[1]->ops->layer_ns);
        mae_profile *profile = measure(&world, 5);
        assert_int_equal(profile->costs[1].source, MAE_COST_DIFFERENCED);
        assert_int_equal(profile->costs[0].source, MAE_COST_MEASURED);
        double worst = worst_prediction(&world, profile, seed);
        if (!(worst < 0.01))
            fail_msg("seed %d: predictions are off by up to %.3g", (int)seed, worst);
        mae_profile_destroy(profile);
        sim_world_finish(&world);
    }
}

static void tiny_networks_have_a_profile(void **state)
{
    (void)state;
    for (int layers = 1; layers <= 4; layers++) {
        sim_world_spec spec = {.seed = 40, .layers = layers, .pes = 2, .chain = true};
        sim_world world;
        sim_world_make(&spec, &world);
        sim_world_open_all(&world, NULL, 0);
        mae_profile *profile = measure(&world, 1);
        assert_true(worst_prediction(&world, profile, 1) < 1e-6);
        mae_profile_destroy(profile);
        sim_world_finish(&world);
    }
}

static void provenance_is_there(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 50, .layers = 20, .pes = 2};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    mae_profile *profile = measure(&world, 20);
    json_t *root = NULL;
    assert_null(mae_profile_to_json(profile, &root));
    json_t *provenance = json_object_get(root, "provenance");
    static const char *const keys[] = {"date", "machine", "governor", "processors", "method", "anchor_ms"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_non_null(json_object_get(provenance, keys[i]));
    int all_on_first[MOST_LAYERS] = {0};
    double anchor = json_real_value(json_object_get(json_object_get(provenance, "anchor_ms"), "pe0"));
    assert_near(anchor, cost_ms(world.profile, all_on_first), 1e-6, "anchor", 0, 0);
    json_t *checks = json_object_get(provenance, "mixed_check");
    assert_true(json_array_size(checks) >= 4); /* two PEs by turns, each first, at places chosen and at places drawn */
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *check = json_array_get(checks, i);
        assert_near(json_real_value(json_object_get(check, "predicted_ms")),
                    json_real_value(json_object_get(check, "measured_ms")), 1e-6, "check", (int)i, 0);
    }
    /* A machine that keeps its speed: looked at, and nothing to take out. */
    const json_t *speed = json_object_get(provenance, "speed_changes");
    assert_true(json_integer_value(json_object_get(speed, "looks")) > 0);
    assert_true(json_is_false(json_object_get(speed, "taken_out")));
    assert_string_equal(json_string_value(json_object_get(root, "energy_source")), "none");
    json_decref(root);
    mae_profile_destroy(profile);
    sim_world_finish(&world);
}

typedef struct watcher {
    int calls, cancel_at;
    double fraction;
} watcher;

static bool watch(void *ctx, const char *what, double fraction, double left_s)
{
    watcher *w = ctx;
    assert_non_null(what);
    assert_true(fraction >= w->fraction && fraction <= 1);
    assert_true(left_s == -1 || left_s >= 0);
    w->fraction = fraction;
    return ++w->calls != w->cancel_at;
}

static void progress_grows_and_cancels(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 60, .layers = 20, .pes = 2};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    mae_measure_pe pes[2] = {{world.pes[0], world.profile->pes[0]}, {world.pes[1], world.profile->pes[1]}};
    watcher w = {0, 0, 0};
    mae_measure_options options = {.budget_s = 2, .progress = watch, .progress_ctx = &w, .clock = world.clock};
    mae_profile *profile = NULL;
    assert_null(mae_measure(world.graph, pes, 2, &options, &profile));
    mae_profile_destroy(profile);
    assert_true(w.fraction == 1);
    int calls = w.calls;
    assert_true(calls > 10);
    for (int at = 1; at <= calls; at++) {
        w = (watcher){0, at, 0};
        profile = NULL;
        mae_error *error = mae_measure(world.graph, pes, 2, &options, &profile);
        assert_int_equal(mae_error_code(error), MAE_ERR_FAILED);
        assert_string_equal(mae_error_message(error), "cancelled");
        assert_null(profile);
        assert_int_equal(w.calls, at);
        mae_error_free(error);
    }
    sim_world_finish(&world);
}

static void a_layer_without_a_pe_is_named(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 70, .layers = 20, .pes = 2, .unsupported = 0.5};
    sim_world world;
    sim_world_make(&spec, &world);
    sim_world_open_all(&world, NULL, 0);
    mae_measure_pe pes[1] = {{world.pes[1], world.profile->pes[1]}};
    mae_measure_options options = {.budget_s = 1, .clock = world.clock};
    int first = 0;
    while (world.profile->costs[first * 2 + 1].supported)
        first++;
    mae_profile *profile = NULL;
    mae_error *error = mae_measure(world.graph, pes, 1, &options, &profile);
    assert_int_equal(mae_error_code(error), MAE_ERR_UNSUPPORTED);
    assert_non_null(strstr(mae_error_message(error), world.profile->layers[first].name));
    mae_error_free(error);
    options.budget_s = 0;
    error = mae_measure(world.graph, pes, 1, &options, &profile);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    sim_world_finish(&world);
}

static void the_budget_holds(void **state)
{
    (void)state;
    sim_world_spec spec = {.seed = 80, .layers = 20, .pes = 2};
    sim_world world;
    sim_world_make(&spec, &world);
    /* So noisy that no median ever gets tight. */
    static const mae_option noisy[] = {{"noise", "0.9"}};
    sim_world_open_all(&world, noisy, 1);
    uint64_t begin = world.clock.now_ns(world.clock.ctx);
    mae_profile *profile = measure(&world, 4);
    double spent_s = (double)(world.clock.now_ns(world.clock.ctx) - begin) * 1e-9;
    if (!(spent_s > 2 && spent_s < 4.5)) /* by the virtual clock */
        fail_msg("%g s of a budget of 4", spent_s);
    mae_profile_destroy(profile);
    sim_world_finish(&world);
}

/* The conditions of Karush, Kuhn and Tucker hold at the least squares over x >= 0, and only there. */
static void least_squares_are_least(void **state)
{
    (void)state;
    enum { ROWS = 20, COLUMNS = 6 };
    for (uint64_t seed = 1; seed <= 200; seed++) {
        mae_rng rng = {seed};
        double a[ROWS * COLUMNS], y[ROWS], x[COLUMNS], scale = 0;
        for (size_t i = 0; i < ROWS * COLUMNS; i++)
            a[i] = mae_rng_normal(&rng);
        for (size_t r = 0; r < ROWS; r++)
            y[r] = 5 * mae_rng_normal(&rng);
        if (seed % 4 == 0)
            for (size_t r = 0; r < ROWS; r++)
                a[r * COLUMNS + 2] = seed % 8 ? a[r * COLUMNS + 1] : 0; /* a twin, or a column of zeros */
        assert_null(mae_nnls(a, y, ROWS, COLUMNS, x));
        double slope[COLUMNS] = {0};
        for (size_t r = 0; r < ROWS; r++) {
            double off = y[r];
            for (size_t c = 0; c < COLUMNS; c++)
                off -= a[r * COLUMNS + c] * x[c];
            for (size_t c = 0; c < COLUMNS; c++)
                slope[c] += a[r * COLUMNS + c] * off;
            scale += y[r] * y[r];
        }
        for (size_t c = 0; c < COLUMNS; c++) {
            assert_true(x[c] >= 0);
            assert_true(slope[c] <= 1e-8 * scale);
            assert_true(x[c] == 0 || fabs(slope[c]) <= 1e-8 * scale);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_come_back_exactly),
        cmocka_unit_test(noise_averages_out),
        cmocka_unit_test(changes_of_speed_cancel_out),
        cmocka_unit_test(layers_are_differenced_where_they_cannot_be_timed),
        cmocka_unit_test(tiny_networks_have_a_profile),
        cmocka_unit_test(provenance_is_there),
        cmocka_unit_test(progress_grows_and_cancels),
        cmocka_unit_test(a_layer_without_a_pe_is_named),
        cmocka_unit_test(the_budget_holds),
        cmocka_unit_test(least_squares_are_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
