/* 100 random scripts through the real session on the virtual SoC and its clock, beside the GPU alone and the
 * clairvoyant optimum: what was promised of the quadcopter holds in the median, and the worst are listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mae/mae.h"
#include "random_script.h"
#include "support/policy_world.h"

#define N_SCRIPTS 100
#define N_WORST 5
#define MOST_SURPLUS 40 /* frames: within so many a PE 8 % slower is noticed, within half of it one that is back */

static void succeed(mae_error *error)
{
    if (error)
        fail_msg("%s (%s)", mae_error_message(error), mae_error_origin(error));
}

static size_t n_scripts(void)
{
    return getenv("MAE_FEW") ? 10 : N_SCRIPTS; /* under a sanitizer, or an emulator */
}

typedef struct outcome {
    uint64_t seed;
    double ratio;      /* of the clairvoyant's energy */
    double saved;      /* of the GPU's */
    double surplus;    /* misses beyond the clairvoyant's, a second of the script */
    double beyond_gpu; /* misses beyond the GPU's */
    mae_play_strategy policy, gpu, best;
} outcome;

static void write_script(const char *path, uint64_t seed, double most_ms)
{
    char *text = random_script(seed, most_ms, policy_world_path("examples/profiles/xavier-agx-googlenet.json"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(text);
}

static const mae_play_strategy *find(const mae_play *play, const char *name)
{
    for (size_t i = 0; i < play->n_strategies; i++)
        if (strcmp(play->strategies[i].name, name) == 0)
            return &play->strategies[i];
    fail_msg("no strategy %s", name);
    return NULL;
}

static outcome play_script(const char *path, uint64_t seed, double most_ms, const char *rules)
{
    mae_play *play = NULL;
    const mae_play_options options = {.rules = rules, .compare = true, .skip_front = true};
    write_script(path, seed, most_ms);
    succeed(mae_scenario_play(path, &options, &play));
    outcome o = {.seed = seed,
                 .policy = *find(play, "policy"),
                 .gpu = *find(play, "gpu only"),
                 .best = *find(play, "clairvoyant")};
    o.ratio = o.policy.energy_mj / o.best.energy_mj;
    o.saved = 1 - o.policy.energy_mj / o.gpu.energy_mj;
    o.surplus = ((double)o.policy.misses - (double)o.best.misses) / play->duration_s;
    o.beyond_gpu = (double)o.policy.misses - (double)o.gpu.misses;
    mae_play_destroy(play);
    return o;
}

/* In every single script: each frame is answered once, rightly, the bound is one, and no more misses than noticing
 * something takes. */
static void check(const outcome *o)
{
    bool right = o->policy.frames == o->gpu.frames && o->policy.lost == 0 && o->policy.wrong == 0;
    bool bounded = o->policy.misses > o->best.misses ||
                   (o->policy.misses == o->best.misses && o->policy.energy_mj >= o->best.energy_mj * (1 - 1e-9));
    bool explained = o->policy.misses <= o->best.misses + MOST_SURPLUS;
    if (!right || !bounded || !explained || o->gpu.wrong || o->best.wrong)
        fail_msg("seed %llu: %zu frames, %zu lost, %zu wrong, %zu misses, %g mJ; clairvoyant %zu misses, %g mJ",
                 (unsigned long long)o->seed, o->policy.frames, o->policy.lost, o->policy.wrong, o->policy.misses,
                 o->policy.energy_mj, o->best.misses, o->best.energy_mj);
}

static double median_of(const outcome *outcomes, size_t n, size_t offset)
{
    double values[N_SCRIPTS];
    for (size_t i = 0; i < n; i++)
        memcpy(&values[i], (const char *)&outcomes[i] + offset, sizeof(double));
    return mae_stats_median_of(values, n).median;
}

static int by_ratio(const void *a, const void *b)
{
    const outcome *x = a, *y = b;
    return (x->ratio < y->ratio) - (x->ratio > y->ratio);
}

static int by_misses(const void *a, const void *b)
{
    const outcome *x = a, *y = b;
    return (x->surplus < y->surplus) - (x->surplus > y->surplus);
}

static void print(const outcome *outcomes, const char *what)
{
    print_message("| worst in %s | seed | frames | misses: policy | GPU only | clairvoyant | energy, J: policy | GPU "
                  "only | clairvoyant | policy / clairvoyant | repeats | measured anew | planned anew |\n",
                  what);
    for (size_t i = 0; i < N_WORST; i++) {
        const outcome *o = &outcomes[i];
        print_message("| %zu | %llu | %zu | %zu | %zu | %zu%s | %.2f | %.2f | %.2f | %.3f | %zu | %zu | %zu |\n", i + 1,
                      (unsigned long long)o->seed, o->policy.frames, o->policy.misses, o->gpu.misses, o->best.misses,
                      o->best.attained ? "" : " (bound)", o->policy.energy_mj / 1e3, o->gpu.energy_mj / 1e3,
                      o->best.energy_mj / 1e3, o->ratio, o->policy.repeats, o->policy.reprofiles, o->policy.replans);
    }
}

static void play_all(const char *what, const char *rules, double most_ms)
{
    static outcome outcomes[N_SCRIPTS];
    char path[64] = "/tmp/mae-random-XXXXXX";
    size_t n = n_scripts(), beats = 0, frames = 0, within = 0;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = play_script(path, i + 1, most_ms, rules);
        check(&outcomes[i]);
        beats += outcomes[i].beyond_gpu <= 0;
        within += outcomes[i].ratio <= 1.05;
        frames += outcomes[i].policy.frames;
    }
    unlink(path);
    double ratio = median_of(outcomes, n, offsetof(outcome, ratio));
    double saved = median_of(outcomes, n, offsetof(outcome, saved));
    double surplus = median_of(outcomes, n, offsetof(outcome, surplus));
    double beyond_gpu = median_of(outcomes, n, offsetof(outcome, beyond_gpu));
    print_message(
        "%s: %zu scripts, %zu frames. Medians: energy / clairvoyant %.4f, saved of the GPU's %.1f %%, misses "
        "beyond the clairvoyant's %.3f a second, beyond the GPU's %g. Energy within 1.05: %zu; misses no more "
        "than the GPU's: %zu\n",
        what, n, frames, ratio, 100 * saved, surplus, beyond_gpu, within, beats);
    qsort(outcomes, n, sizeof *outcomes, by_ratio);
    print(outcomes, "energy");
    qsort(outcomes, n, sizeof *outcomes, by_misses);
    print(outcomes, "misses");
    if (n < N_SCRIPTS)
        return; /* what was promised is promised of the medians of all; of these, each one's own bounds have held */
    assert_true(beyond_gpu <= 0);
    assert_true(saved >= 0.3);
    assert_true(ratio <= 1.05);
    assert_true(surplus <= 0); /* what it takes to detect something costs misses in less than half of them */
}

static void random_deadlines(void **state)
{
    (void)state;
    char rules[64] = "/tmp/mae-rules-XXXXXX";
    int fd = mkstemp(rules);
    assert_true(fd >= 0);
    dprintf(fd, "otherwise: least energy under the deadline\n");
    close(fd);
    play_all("least energy under the deadline", rules, 2.2);
    unlink(rules);
}

/* Among obstacles the quadcopter's rules want least latency, so the deadlines there are such that it is needed. */
static void random_flights(void **state)
{
    (void)state;
    char rules[4096];
    snprintf(rules, sizeof rules, "%s", policy_world_path("examples/quadcopter/rules.txt"));
    play_all("the quadcopter's rules", rules, 1.92);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_deadlines), cmocka_unit_test(random_flights)};
    return cmocka_run_group_tests_name("random scripts, played", tests, NULL, NULL);
}
