/* Operating points end to end, on a virtual CPU with two: measured like any PE, and chosen per segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cost.h"
#include "core/profile.h"
#include "session/internal.h"
#include "support/tree.h"

#define LAYERS 12

/* Layers 4 to 8 wait for memory: they take as long at either level, and less energy at the slow one. */
static bool waits(int layer)
{
    return layer >= 4 && layer <= 8;
}

static void write_truth(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "{\"format\": \"mae-profile\", \"version\": 1, \"soc\": {\"name\": \"v\", \"static_w\": 1}, "
                  "\"energy_source\": \"model\", \"pes\": ["
                  "{\"name\": \"cpu@fast\", \"resource\": \"cpu\", \"backend\": \"sim\", \"segment_ms\": 0.01, "
                  "\"segment_mj\": 0.05},"
                  "{\"name\": \"cpu@slow\", \"resource\": \"cpu\", \"backend\": \"sim\", \"segment_ms\": 0.01, "
                  "\"segment_mj\": 0.02}], \"transfers\": [");
    for (int i = 0; i < 4; i++) /* a change of level takes its time */
        fprintf(file,
                "%s{\"from\": \"cpu@%s\", \"to\": \"cpu@%s\", \"fixed_ms\": %g, \"ms_per_mib\": 0, \"fixed_mj\": %g, "
                "\"mj_per_mib\": 0}",
                i ? ", " : "", i / 2 ? "slow" : "fast", i % 2 ? "slow" : "fast", i / 2 == i % 2 ? 0.001 : 0.05,
                i / 2 == i % 2 ? 0.001 : 0.1);
    fprintf(file, "], \"inputs\": [\"x\"], \"outputs\": [\"t%d\"], \"layers\": [", LAYERS - 1);
    for (int l = 0; l < LAYERS; l++) {
        char input[16] = "x";
        if (l)
            snprintf(input, sizeof input, "t%d", l - 1);
        fprintf(file,
                "%s{\"name\": \"layer%d\", \"inputs\": [\"%s\"], \"outputs\": [\"t%d\"], \"cost\": {\"cpu@fast\": "
                "{\"time_ms\": 1, \"energy_mj\": 6}, \"cpu@slow\": {\"time_ms\": %g, \"energy_mj\": %g}}}",
                l ? ", " : "", l, input, l, waits(l) ? 1.02 : 2.5, waits(l) ? 2.5 : 5.0);
    }
    fprintf(file, "], \"tensors\": [{\"name\": \"x\", \"bytes\": 512}");
    for (int l = 0; l < LAYERS; l++)
        fprintf(file, ", {\"name\": \"t%d\", \"bytes\": %d}", l, 512 + 64 * l);
    fprintf(file, "]}\n");
    assert_int_equal(fclose(file), 0);
}

static void write_soc(const char *path, const char *truth, const char *root)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "{\"format\": \"mae-soc\", \"version\": 1, \"name\": \"v\", \"meter\": {\"driver\": \"hwmon\", \"root\": "
        "\"%s\"}, "
        "\"rails\": [\"cpu\"], \"static_rails\": [\"cpu\", \"VDD_SYS\"], \"pes\": [{\"name\": \"cpu\", \"backend\": "
        "\"sim\", \"resource\": \"cpu\", \"options\": {\"profile\": \"%s\", \"clock\": \"virtual\", \"meter_root\": "
        "\"%s\", \"meter\": \"energy\", \"meter_period_ms\": 2}, \"levels\": [{\"name\": \"fast\"}, {\"name\": "
        "\"slow\"}]}]}",
        root, truth, root);
    assert_int_equal(fclose(file), 0);
}

static mae_prediction fixed(const mae_profile *truth, int pe)
{
    int mapping[LAYERS];
    mae_prediction cost;
    for (int l = 0; l < LAYERS; l++)
        mapping[l] = pe;
    assert_null(mae_eval(truth, mapping, 0, &cost));
    return cost;
}

/* By the truth, what a plan costs. */
static mae_prediction truly(const mae_profile *truth, const mae_plan *plan)
{
    int mapping[LAYERS];
    size_t layer = 0;
    mae_prediction cost;
    for (size_t s = 0; s < plan->n_segments; s++)
        for (size_t i = 0; i < plan->segments[s].n_layers; i++)
            mapping[layer++] = mae_profile_find_pe(truth, plan->segments[s].pe);
    assert_int_equal(layer, LAYERS);
    assert_null(mae_eval(truth, mapping, 0, &cost));
    return cost;
}

static void a_level_for_each_segment_beats_one_for_all(void **state)
{
    (void)state;
    test_tree tree;
    char truth_path[128], soc_path[128];
    tree_make(&tree);
    snprintf(truth_path, sizeof truth_path, "%s.truth.json", tree.root);
    snprintf(soc_path, sizeof soc_path, "%s.soc.json", tree.root);
    write_truth(truth_path);
    write_soc(soc_path, truth_path, tree.root);
    mae_profile *truth = NULL, *profile = NULL;
    const mae_graph *graph = NULL;
    assert_null(mae_profile_read(truth_path, &truth));
    assert_null(mae_profile_graph(truth, &graph));
    mae_context_options options = {.soc = soc_path};
    mae_context *context = NULL;
    mae_error *error = mae_context_create(&options, &context);
    if (error)
        fail_msg("%s", mae_error_message(error));
    mae_model model = {context, (mae_graph *)graph};
    mae_profile_options budget = {.budget_s = 40};
    error = mae_profile_measure(context, &model, &budget, &profile);
    if (error)
        fail_msg("%s", mae_error_message(error));
    mae_goal goal = MAE_GOAL_INIT;
    goal.minimize = MAE_MIN_ENERGY;
    goal.max_latency_ms = 13;
    mae_plan *chosen = NULL, *best = NULL;
    assert_null(mae_plan_solve(profile, &goal, &chosen));
    assert_null(mae_plan_solve(truth, &goal, &best));
    mae_prediction cost = truly(truth, chosen), fast = fixed(truth, 0), slow = fixed(truth, 1);
    print_message("within %g ms: %g mJ by segment, %g mJ all fast; all slow takes %g ms\n", goal.max_latency_ms,
                  cost.energy_mj, fast.energy_mj, slow.latency_ms);
    assert_true(slow.latency_ms > goal.max_latency_ms && cost.latency_ms <= goal.max_latency_ms);
    assert_true(cost.switches > 0 && cost.energy_mj < 0.9 * fast.energy_mj);
    assert_true(cost.energy_mj <= 1.01 * best->predicted.energy_mj);
    mae_plan_destroy(chosen);
    mae_plan_destroy(best);
    mae_profile_destroy(profile);
    mae_context_destroy(context);
    mae_profile_graph_destroy(graph);
    mae_profile_destroy(truth);
    unlink(truth_path);
    unlink(soc_path);
    tree_finish(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_level_for_each_segment_beats_one_for_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
