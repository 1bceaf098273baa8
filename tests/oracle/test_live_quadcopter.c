/* The quadcopter's flight on the virtual SoC through the real session, beside the same flight reckoned by costs alone,
 * the GPU alone and the clairvoyant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "mae/mae.h"
#include "scenario_run.h"
#include "support/schema.h"

static const mae_play_strategy *find(const mae_play *play, const char *name)
{
    for (size_t i = 0; i < play->n_strategies; i++)
        if (strcmp(play->strategies[i].name, name) == 0)
            return &play->strategies[i];
    fail_msg("no strategy %s", name);
    return NULL;
}

static void print(const mae_play_strategy *s)
{
    print_message("%-12s %6zu frames %5zu misses %5zu lost %zu wrong %8.2f J  p50 %.3f p99 %.3f max %.3f ms, %zu "
                  "switches, %zu repeats, %zu losses, %zu replans\n",
                  s->name, s->frames, s->misses, s->lost, s->wrong, s->energy_mj / 1e3, s->p50_ms, s->p99_ms, s->max_ms,
                  s->switches, s->repeats, s->losses, s->replans);
}

static void assert_near(double a, double b, double relative)
{
    if (!(fabs(a - b) <= relative * fabs(b)))
        fail_msg("%.12g is not %.12g within %g", a, b, relative);
}

static const mae_play *flight(void)
{
    static mae_play *play; /* played once for all tests */
    const mae_play_options options = {.compare = true};
    if (!play)
        run_must(mae_scenario_play(policy_world_path("examples/quadcopter/scenario.json"), &options, &play));
    return play;
}

static void what_was_promised(void **state)
{
    (void)state;
    const mae_play *play = flight();
    const mae_play_strategy *gpu = find(play, "gpu only"), *policy = find(play, "policy"),
                            *best = find(play, "clairvoyant");
    for (size_t i = 0; i < play->n_strategies; i++) {
        print(&play->strategies[i]);
        assert_int_equal(play->strategies[i].frames, gpu->frames);
        assert_int_equal(play->strategies[i].wrong, 0);
    }
    assert_int_equal(policy->lost, 0);
    assert_true(policy->misses <= gpu->misses);
    assert_true(policy->energy_mj <= 0.7 * gpu->energy_mj);
    assert_true(policy->energy_mj <= 1.05 * best->energy_mj);
    assert_true(best->attained);
    assert_true(policy->misses >= best->misses);
    /* Until the GPU is tried again: 0.1 s at the most, of 200 frames a second; and what noise does. */
    assert_true(policy->misses <= best->misses + 22);
}

/* Nobody undercuts the bound without leaving frames unanswered. */
static void the_bound_holds(void **state)
{
    (void)state;
    const mae_play *play = flight();
    const mae_play_strategy *best = find(play, "clairvoyant");
    for (size_t i = 0; i < play->n_strategies; i++) {
        const mae_play_strategy *s = &play->strategies[i];
        if (s->lost == 0)
            assert_true(s->misses > best->misses ||
                        (s->misses == best->misses && s->energy_mj >= best->energy_mj * (1 - 1e-9)));
        if (s->lost == 0)
            assert_true(s->misses >= best->misses);
    }
}

/* The sim, the sessions and the runner agree with the formula: two ways to the same figures. */
static void the_same_by_costs_alone(void **state)
{
    (void)state;
    mae_scenario *s = NULL;
    mae_profile *profile = NULL;
    run_must(mae_scenario_read(policy_world_path("examples/quadcopter/scenario.json"), &s));
    run_must(mae_profile_read(s->profile_path, &profile));
    static int mapping[64];
    for (int p = 0; p < 2; p++) {
        for (size_t l = 0; l < profile->n_layers; l++)
            mapping[l] = p;
        run_result reckoned = run_script(s, profile, mapping, NULL);
        const mae_play_strategy *played = find(flight(), p ? "dla only" : "gpu only");
        assert_int_equal(played->frames, reckoned.frames);
        assert_int_equal(played->misses, reckoned.misses);
        assert_int_equal(played->lost, reckoned.lost);
        assert_near(played->energy_mj, reckoned.energy_mj, 1e-4); /* a frame that was cut off may differ */
    }
    mae_profile_destroy(profile);
    mae_scenario_destroy(s);
}

static void the_json(void **state)
{
    (void)state;
    char *text = NULL;
    run_must(mae_play_to_json(flight(), &text));
    json_t *root = schema_check_text("schemas/mae-scenario.schema.json", text);
    json_t *list = json_object_get(root, "strategies"), *entry;
    size_t i;
    assert_int_equal(json_array_size(list), flight()->n_strategies);
    json_array_foreach (list, i, entry) {
        const mae_play_strategy *s = &flight()->strategies[i];
        assert_string_equal(json_string_value(json_object_get(entry, "name")), s->name);
        assert_int_equal(json_integer_value(json_object_get(entry, "deadline_misses")), s->misses);
        assert_true(json_real_value(json_object_get(entry, "energy_mj")) == s->energy_mj);
        assert_true((json_object_get(entry, "session") != NULL) == s->live);
        assert_true((json_object_get(entry, "attained") != NULL) == s->bound);
    }
    schema_check_documented("schemas/mae-scenario.schema.json");
    json_decref(root);
    free(text);
    mae_play_destroy((mae_play *)flight());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_promised), cmocka_unit_test(the_bound_holds),
                                       cmocka_unit_test(the_same_by_costs_alone), cmocka_unit_test(the_json)};
    return cmocka_run_group_tests_name("quadcopter, played", tests, NULL, NULL);
}
