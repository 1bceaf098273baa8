/* The policy in the loop, by costs alone: on the quadcopter's script and on 100 random ones, beside the GPU alone and
 * the clairvoyant optimum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include "random_script.h"
#include "scenario_run.h"

static const int gpu_only[64] = {0};
static const int dla_only[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static void print(const char *name, const run_result *r)
{
    print_message("%-12s %6zu frames %5zu misses %5zu lost %8.2f J %4zu switches %zu re-profilings\n", name, r->frames,
                  r->misses, r->lost, r->energy_mj / 1e3, r->switches, r->reprofiles);
}

static void quadcopter(void **state)
{
    (void)state;
    mae_scenario *s = NULL;
    mae_profile *profile = NULL;
    mae_rules *rules = NULL;
    mae_timeline *timeline = NULL;
    run_must(mae_scenario_read(policy_world_path("examples/quadcopter/scenario.json"), &s));
    run_must(mae_profile_read(s->profile_path, &profile));
    run_must(mae_rules_read(s->rules_path, &rules));
    run_must(mae_timeline_create(s, profile, &timeline));
    mae_optimum *best = run_optimum(s, profile, timeline);
    run_result gpu = run_script(s, profile, gpu_only, NULL), dla = run_script(s, profile, dla_only, NULL);
    run_result policy = run_script(s, profile, NULL, rules);
    print("gpu only", &gpu);
    print("dla only", &dla);
    print("policy", &policy);
    print_message("%-12s %6zu frames %5zu misses             %8.2f J, attained: %d\n", "clairvoyant", best->n_frames,
                  best->misses, best->energy_mj / 1e3, best->attained);
    assert_true(policy.frames == gpu.frames && policy.frames == best->n_frames && policy.lost == 0);
    assert_true(policy.misses <= gpu.misses);
    assert_true(policy.energy_mj <= 0.7 * gpu.energy_mj);
    assert_true(policy.energy_mj <= 1.05 * best->energy_mj);
    assert_true(policy.misses >= best->misses && policy.misses <= best->misses + 5); /* the GPU's loss, noise */
    assert_true(dla.misses > 2 * policy.misses);                                     /* what makes it worth while */
    mae_optimum_destroy(best);
    mae_timeline_destroy(timeline);
    mae_rules_destroy(rules);
    mae_profile_destroy(profile);
    mae_scenario_destroy(s);
}

/* ---- random scripts ---- */

typedef struct outcome {
    uint64_t seed;
    double ratio;   /* of the clairvoyant's energy */
    double saved;   /* of the GPU's */
    double surplus; /* misses beyond the clairvoyant's, relative to the frames */
    bool beats;     /* misses no more than the GPU alone */
    run_result policy, gpu;
    size_t least_misses;
} outcome;

static outcome try_script(uint64_t seed, double most_ms, const mae_profile *profile, const mae_rules *rules)
{
    char *text = random_script(seed, most_ms, "x.json");
    mae_scenario *s = NULL;
    mae_timeline *timeline = NULL;
    run_must(mae_scenario_parse("random", text, strlen(text), &s));
    free(text);
    run_must(mae_timeline_create(s, profile, &timeline));
    mae_optimum *best = run_optimum(s, profile, timeline);
    outcome o = {.seed = seed,
                 .gpu = run_script(s, profile, gpu_only, NULL),
                 .policy = run_script(s, profile, NULL, rules),
                 .least_misses = best->misses};
    o.ratio = o.policy.energy_mj / best->energy_mj;
    o.saved = 1 - o.policy.energy_mj / o.gpu.energy_mj;
    o.surplus = ((double)o.policy.misses - (double)best->misses) / (double)o.policy.frames;
    o.beats = o.policy.misses <= o.gpu.misses;
    assert_true(o.policy.misses >= best->misses); /* a bound is a bound */
    assert_true(o.policy.misses > best->misses || o.policy.energy_mj >= best->energy_mj * (1 - 1e-9));
    assert_int_equal(o.policy.lost, 0);
    mae_optimum_destroy(best);
    mae_timeline_destroy(timeline);
    mae_scenario_destroy(s);
    return o;
}

static int by_ratio(const void *a, const void *b)
{
    const outcome *x = a, *y = b;
    return x->ratio < y->ratio ? 1 : x->ratio > y->ratio ? -1 : 0;
}

#define N_SCRIPTS 100

static double median_of(const outcome *outcomes, size_t offset)
{
    double values[N_SCRIPTS];
    for (size_t i = 0; i < N_SCRIPTS; i++)
        memcpy(&values[i], (const char *)&outcomes[i] + offset, sizeof(double));
    return mae_stats_median_of(values, N_SCRIPTS).median;
}

static void random_scripts(const mae_rules *rules, const char *what, double most_ms)
{
    static outcome outcomes[N_SCRIPTS];
    mae_profile *profile = NULL;
    size_t beats = 0;
    run_must(mae_profile_read(policy_world_path("examples/profiles/xavier-agx-googlenet.json"), &profile));
    for (size_t i = 0; i < N_SCRIPTS; i++) {
        outcomes[i] = try_script(i + 1, most_ms, profile, rules);
        beats += outcomes[i].beats;
    }
    double ratio = median_of(outcomes, offsetof(outcome, ratio)), saved = median_of(outcomes, offsetof(outcome, saved));
    double surplus = median_of(outcomes, offsetof(outcome, surplus));
    print_message("%s, medians of %d: energy / clairvoyant %.4f, saved of the GPU's %.1f %%, more misses than the "
                  "clairvoyant %.4f %%; no more than the GPU: %zu\n",
                  what, N_SCRIPTS, ratio, 100 * saved, 100 * surplus, beats);
    qsort(outcomes, N_SCRIPTS, sizeof *outcomes, by_ratio);
    for (size_t i = 0; i < N_SCRIPTS; i++)
        if (i < 5 || outcomes[i].policy.misses > outcomes[i].gpu.misses + 1)
            print_message("seed %3llu: energy / clairvoyant %.4f, misses %zu of %zu (clairvoyant %zu, GPU %zu)\n",
                          (unsigned long long)outcomes[i].seed, outcomes[i].ratio, outcomes[i].policy.misses,
                          outcomes[i].policy.frames, outcomes[i].least_misses, outcomes[i].gpu.misses);
    assert_true(ratio <= 1.05);
    assert_true(saved >= 0.3);
    assert_true(surplus <= 0.001);
    assert_true(beats >= N_SCRIPTS * 2 / 3);
    mae_profile_destroy(profile);
}

static void random_deadlines(void **state)
{
    (void)state;
    mae_rules *rules = policy_world_rules("otherwise: least energy under the deadline\n");
    random_scripts(rules, "least energy under the deadline", 2.2);
    mae_rules_destroy(rules);
}

/* Among obstacles the quadcopter's rules want least latency, so the deadlines there are such that it is needed. */
static void random_flights(void **state)
{
    (void)state;
    mae_rules *rules = NULL;
    run_must(mae_rules_read(policy_world_path("examples/quadcopter/rules.txt"), &rules));
    random_scripts(rules, "the quadcopter's rules", 1.92);
    mae_rules_destroy(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quadcopter), cmocka_unit_test(random_deadlines),
                                       cmocka_unit_test(random_flights)};
    return cmocka_run_group_tests_name("policy in the loop", tests, NULL, NULL);
}
