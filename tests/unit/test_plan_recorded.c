/* What was recorded on a Rock Pi (RK3399Pro): mixed mappings of AlexNet against what its single layers foretell, and
 * the gains that its profiles promise. The figures are in docs/reproduction.md. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/stats.h"
#include "core/profile.h"
#include "plan/plan.h"

#define LAYERS 8
#define MOST_ROWS 64

#define CHECK(expr)                                                                                                    \
    do {                                                                                                               \
        mae_error *check_error = (expr);                                                                               \
        if (check_error)                                                                                               \
            fail_msg("%s: %s", #expr, mae_error_message(check_error));                                                 \
    } while (0)

/* A file of the data beside the project; skips the test where it is not. */
static void find(const char *name, char *ret_path, size_t room)
{
    snprintf(ret_path, room, "%s/../shared/data/%s", getenv("MAE_SOURCE_DIR"), name);
    FILE *there = fopen(ret_path, "r");
    if (!there) {
        printf("skipped: %s is not there\n", ret_path);
        skip();
    }
    fclose(there);
}

static mae_profile *profile_of(const char *network)
{
    char name[128], path[4096];
    mae_profile *profile = NULL;
    snprintf(name, sizeof name, "profiles/rockpi_%s.profile.json", network);
    find(name, path, sizeof path);
    CHECK(mae_profile_read(path, &profile));
    return profile;
}

/* ---- measured mixed mappings ---- */

typedef struct row {
    char mapping[LAYERS + 1]; /* G, L, B, and N: an NPU of which no layer was recorded */
    double measured_ms;
    double layers_ms, borders_ms; /* of what was recorded: borders of the NPU are not */
} row;

static int pe_of(const mae_profile *profile, char letter)
{
    return mae_profile_find_pe(profile, letter == 'G' ? "gpu" : letter == 'L' ? "little" : "big");
}

static double border_ms(const mae_profile *profile, int layer, int from, int to)
{
    int tensor = profile->layers[layer].outputs[0];
    for (size_t i = 0; i < profile->n_overrides; i++) {
        const mae_transfer_override *o = &profile->overrides[i];
        if (o->tensor == tensor && o->from == from && o->to == to)
            return o->time_ms;
    }
    fail_msg("no transfer behind layer %d", layer);
    return 0;
}

static void describe(const mae_profile *profile, row *r)
{
    for (int l = 0; l < LAYERS; l++) {
        char here = r->mapping[l], before = l ? r->mapping[l - 1] : here;
        int pe = pe_of(profile, here);
        if (here == 'N')
            continue;
        r->layers_ms += profile->costs[(size_t)l * profile->n_pes + (size_t)pe].time_ms;
        if (before != here && before != 'N')
            r->borders_ms += border_ms(profile, l - 1, pe_of(profile, before), pe);
    }
}

static size_t read_rows(const mae_profile *profile, row *rows)
{
    char path[4096];
    find("raw/rockpi_alexnet_mixed_measured.json", path, sizeof path);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    size_t n = json_array_size(json_object_get(root, "rows"));
    assert_in_range(n, 1, MOST_ROWS);
    for (size_t i = 0; i < n; i++) {
        const json_t *from = json_array_get(json_object_get(root, "rows"), i);
        rows[i] = (row){.measured_ms = json_real_value(json_object_get(from, "task_ms"))};
        snprintf(rows[i].mapping, sizeof rows[i].mapping, "%s", json_string_value(json_object_get(from, "mapping")));
        describe(profile, &rows[i]);
    }
    json_decref(root);
    return n;
}

/* Do both rows run the same layers on the NPU? */
static bool same_npu(const row *a, const row *b)
{
    for (int l = 0; l < LAYERS; l++)
        if ((a->mapping[l] == 'N') != (b->mapping[l] == 'N'))
            return false;
    return true;
}

/* What the NPU's segment takes, by the other rows that have it; negative if none has. */
static double npu_ms(const row *rows, size_t n, size_t except)
{
    double others[MOST_ROWS];
    size_t n_others = 0;
    for (size_t i = 0; i < n; i++)
        if (i != except && same_npu(&rows[i], &rows[except]))
            others[n_others++] = rows[i].measured_ms - rows[i].layers_ms - rows[i].borders_ms;
    return n_others ? mae_stats_median_of(others, n_others).median : -1;
}

static void measured_mixes_are_foretold(void **state)
{
    (void)state;
    mae_profile *profile = profile_of("alexnet");
    row rows[MOST_ROWS];
    size_t n = read_rows(profile, rows), n_npu = 0, n_plain = 0;
    double off[MOST_ROWS];
    for (size_t i = 0; i < n; i++) {
        if (!strchr(rows[i].mapping, 'N')) {
            double sum = rows[i].layers_ms, with = sum + rows[i].borders_ms;
            printf("%s: measured %.1f ms; layers %.1f ms (%+.1f %%), with borders %.1f ms (%+.1f %%)\n",
                   rows[i].mapping, rows[i].measured_ms, sum, 100 * (sum / rows[i].measured_ms - 1), with,
                   100 * (with / rows[i].measured_ms - 1));
            /* Everything ran at lower frequencies than the profile's: it cannot have been faster. */
            assert_true(with < rows[i].measured_ms && with > 0.88 * rows[i].measured_ms);
            assert_true(with > sum);
            n_plain++;
            continue;
        }
        double npu = npu_ms(rows, n, i);
        if (npu >= 0)
            off[n_npu++] = fabs((rows[i].layers_ms + rows[i].borders_ms + npu) / rows[i].measured_ms - 1);
    }
    assert_int_equal(n_plain, 2);
    assert_int_equal(n_npu, 24);
    mae_stats_sort(off, n_npu);
    printf("%zu rows with the NPU, its segment from the other rows: median %.1f %% off, worst %.1f %%\n", n_npu,
           100 * mae_stats_quantile(off, n_npu, 0.5), 100 * off[n_npu - 1]);
    assert_true(mae_stats_quantile(off, n_npu, 0.5) < 0.02);
    assert_true(off[n_npu - 1] < 0.1);
    mae_profile_destroy(profile);
}

/* ---- the gains the profiles promise ---- */

typedef struct gain {
    const char *network;
    mae_objective minimize;
    double max_latency_ms, max_energy_mj;
    double maeg; /* as docs/reproduction.md has it */
} gain;

/* Every mapping of a short network. */
static double least(const mae_profile *profile, const mae_goal *goal)
{
    int mapping[LAYERS];
    double best = INFINITY;
    size_t n = 1;
    for (int l = 0; l < LAYERS; l++)
        n *= profile->n_pes;
    for (size_t code = 0; code < n; code++) {
        size_t rest = code;
        mae_prediction cost;
        for (int l = 0; l < LAYERS; l++, rest /= profile->n_pes)
            mapping[l] = (int)(rest % profile->n_pes);
        CHECK(mae_eval(profile, mapping, 0, &cost));
        bool allowed = (!(goal->max_latency_ms > 0) || cost.latency_ms <= goal->max_latency_ms * (1 + 1e-9)) &&
                       (!(goal->max_energy_mj > 0) || cost.energy_mj <= goal->max_energy_mj * (1 + 1e-9));
        double j = goal->minimize == MAE_MIN_LATENCY  ? cost.latency_ms
                   : goal->minimize == MAE_MIN_ENERGY ? cost.energy_mj
                                                      : cost.energy_mj * cost.latency_ms;
        if (allowed && j < best)
            best = j;
    }
    return best;
}

static double objective_of(const mae_goal *goal, const mae_prediction *cost)
{
    return goal->minimize == MAE_MIN_LATENCY  ? cost->latency_ms
           : goal->minimize == MAE_MIN_ENERGY ? cost->energy_mj
                                              : cost->energy_mj * cost->latency_ms;
}

static void gains_are_what_the_document_says(void **state)
{
    (void)state;
    static const gain gains[] = {
        {"alexnet", MAE_MIN_LATENCY, 0, 0, 0.0103},
        {"alexnet", MAE_MIN_ENERGY, 0, 0, 0.0134},
        {"alexnet", MAE_MIN_EDP, 0, 0, 0.0501},
        {"alexnet", MAE_MIN_ENERGY, 114.5655, 0, 0.0422},
        {"alexnet", MAE_MIN_ENERGY, 126.02205, 0, 0.0569},
        {"alexnet", MAE_MIN_LATENCY, 0, 612.37393591, 0.0975},
        {"mobilenetv1", MAE_MIN_LATENCY, 0, 0, 0.0218},
        {"mobilenetv1", MAE_MIN_ENERGY, 0, 0, 0},
        {"mobilenetv1", MAE_MIN_EDP, 0, 0, 0.0161},
        {"mobilenetv1", MAE_MIN_ENERGY, 98.2432, 0, 0.0495},
        {"mobilenetv1", MAE_MIN_ENERGY, 108.06752, 0, 0.1172},
        {"mobilenetv1", MAE_MIN_LATENCY, 0, 503.52021577, 0},
        {"resnet50", MAE_MIN_LATENCY, 0, 0, 0.0001},
        {"resnet50", MAE_MIN_ENERGY, 0, 0, 0},
        {"resnet50", MAE_MIN_EDP, 0, 0, 0},
        {"resnet50", MAE_MIN_ENERGY, 368.7939, 0, 0},
        {"resnet50", MAE_MIN_LATENCY, 0, 1915.20352887, 0},
    };
    for (size_t i = 0; i < sizeof gains / sizeof *gains; i++) {
        const gain *g = &gains[i];
        mae_profile *profile = profile_of(g->network);
        mae_goal goal = MAE_GOAL_INIT;
        mae_plan *plan = NULL;
        goal.minimize = g->minimize;
        goal.max_latency_ms = g->max_latency_ms;
        goal.max_energy_mj = g->max_energy_mj;
        CHECK(mae_plan_solve(profile, &goal, &plan));
        assert_true(plan->optimal && plan->has_maeg);
        if (fabs(plan->maeg - g->maeg) > 0.00006)
            fail_msg("%s, row %zu: a MAEG of %.5f, not %.4f", g->network, i, plan->maeg, g->maeg);
        if (profile->n_layers == LAYERS)
            assert_true(fabs(objective_of(&goal, &plan->predicted) / least(profile, &goal) - 1) < 1e-9);
        mae_plan_destroy(plan);
        mae_profile_destroy(profile);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_mixes_are_foretold),
        cmocka_unit_test(gains_are_what_the_document_says),
    };
    return cmocka_run_group_tests_name("recorded on a board", tests, NULL, NULL);
}
