/* Rule files: what they mean, that they are written back as the same rules, and that every error is one clear line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/stats.h"
#include "support/policy_world.h"

static void meanings(void **state)
{
    (void)state;
    mae_rules *rules = policy_world_rules("# a flight\n"
                                          "obstacle: least latency\n"
                                          "\n"
                                          "battery below 20 %, until above 25 %: least energy under 33 ms # save\n"
                                          "hot above 85C, for at least 2 s: power under 10 W at 30 frames a second\n"
                                          "lost gpu0/opencl: least weighted 0.25 under the deadline, under 20 mJ\n"
                                          "output prob value 3 above 0.75, until below 0.5: least latency\n"
                                          "output 89 below -2: least energy\n"
                                          "otherwise: least edp with at most 1 switch at the frame rate under 4 W\n");
    const mae_rule *r = rules->rules;
    assert_int_equal(rules->n_rules, 7);
    assert_true(r[0].when == MAE_WHEN_EVENT && strcmp(r[0].word, "obstacle") == 0 && r[0].line == 2);
    assert_true(r[0].goal.minimize == MAE_MIN_LATENCY && r[0].goal.max_latency_ms == 0);
    assert_true(r[1].when == MAE_WHEN_BATTERY && r[1].below && r[1].enter == 20 && r[1].leave == 25);
    assert_true(r[1].goal.minimize == MAE_MIN_ENERGY && r[1].goal.max_latency_ms == 33 && !r[1].under_deadline);
    assert_true(r[2].when == MAE_WHEN_TEMPERATURE && !r[2].below && r[2].enter == 85 && r[2].leave == 80);
    assert_true(r[2].hold_s == 2 && r[2].goal.minimize == MAE_MIN_LATENCY && r[2].goal.max_power_w == 10);
    assert_true(r[2].frames_per_second == 30 && r[2].goal.period_ms == 1000.0 / 30);
    assert_true(r[3].when == MAE_WHEN_LOST && strcmp(r[3].word, "gpu0/opencl") == 0);
    assert_true(r[3].goal.minimize == MAE_MIN_WEIGHTED && r[3].goal.weight == 0.25);
    assert_true(r[3].under_deadline && r[3].goal.max_energy_mj == 20);
    assert_true(r[4].when == MAE_WHEN_OUTPUT && strcmp(r[4].word, "prob") == 0 && r[4].index == 3 && !r[4].below);
    assert_true(r[4].enter == 0.75 && r[4].leave == 0.5);
    assert_true(r[5].when == MAE_WHEN_OUTPUT && strcmp(r[5].word, "89") == 0 && r[5].index == 0 && r[5].below);
    assert_true(r[5].enter == -2 && r[5].leave == -1.8);
    assert_true(r[6].when == MAE_WHEN_OTHERWISE && r[6].goal.minimize == MAE_MIN_EDP);
    assert_true(r[6].goal.max_switches == 1 && r[6].at_frame_rate && r[6].goal.max_power_w == 4);
    mae_rules_destroy(rules);
}

static void same(const mae_rule *a, const mae_rule *b)
{
    assert_true(a->when == b->when && a->below == b->below && a->enter == b->enter && a->leave == b->leave);
    assert_string_equal(a->word, b->word);
    assert_true(a->index == b->index);
    assert_true(a->hold_s == b->hold_s && a->under_deadline == b->under_deadline);
    assert_true(a->at_frame_rate == b->at_frame_rate && a->frames_per_second == b->frames_per_second);
    assert_true(a->goal.minimize == b->goal.minimize && a->goal.max_latency_ms == b->goal.max_latency_ms);
    assert_true(a->goal.minimize != MAE_MIN_WEIGHTED || a->goal.weight == b->goal.weight);
    assert_true(a->goal.max_energy_mj == b->goal.max_energy_mj && a->goal.max_power_w == b->goal.max_power_w);
    assert_true(a->goal.period_ms == b->goal.period_ms && a->goal.max_switches == b->goal.max_switches);
}

static void written_and_read(const mae_rules *rules)
{
    char *text = NULL, *again = NULL;
    assert_null(mae_rules_text(rules, &text));
    mae_rules *copy = policy_world_rules(text);
    assert_int_equal(copy->n_rules, rules->n_rules);
    for (size_t i = 0; i < rules->n_rules; i++)
        same(&rules->rules[i], &copy->rules[i]);
    assert_null(mae_rules_text(copy, &again));
    assert_string_equal(text, again);
    free(text);
    free(again);
    mae_rules_destroy(copy);
}

static double any(mae_rng *rng, double most)
{
    return most * mae_rng_uniform(rng);
}

/* One random rule as a person might write it. */
static void random_rule(mae_rng *rng, FILE *out, int i)
{
    static const char *const objectives[] = {"least latency", "least energy", "least edp", "least weighted 0.3"};
    double enter = any(rng, 100), leave = enter + (100 - enter) * mae_rng_uniform(rng);
    switch (mae_rng_next(rng) % 5) {
    case 0:
        fprintf(out, "battery below %.17g %%, until above %.17g %%", enter, leave);
        break;
    case 1:
        fprintf(out, "temperature above %.3g C", enter + 1);
        break;
    case 2:
        fprintf(out, "power below %gW, for at least %g ms", enter, 100 + any(rng, 1e4));
        break;
    case 3:
        fprintf(out, "output o/%d value %d above %.17g", i, (int)(mae_rng_next(rng) % 1000), enter - 50);
        break;
    default:
        fprintf(out, "%s%d", i % 2 ? "event-" : "lost pe/", i);
    }
    fprintf(out, "  :%s", objectives[mae_rng_next(rng) % 4]);
    if (mae_rng_next(rng) % 2)
        fprintf(out, " under %.17g ms", 0.01 + any(rng, 50));
    if (mae_rng_next(rng) % 2)
        fprintf(out, ", under %g mJ", 0.01 + any(rng, 50));
    if (mae_rng_next(rng) % 2)
        fprintf(out, " under %.9g W at %.17g frames a second", 0.01 + any(rng, 50), 0.01 + any(rng, 500));
    if (mae_rng_next(rng) % 2)
        fprintf(out, " with at most %d switches", (int)(mae_rng_next(rng) % 9));
    fprintf(out, "\r\n");
}

static void round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        mae_rng rng = {seed};
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        for (int i = (int)(mae_rng_next(&rng) % 6); i >= 0; i--)
            random_rule(&rng, out, i);
        fprintf(out, "otherwise: least energy");
        fclose(out);
        mae_rules *rules = policy_world_rules(text);
        written_and_read(rules);
        mae_rules_destroy(rules);
        free(text);
    }
}

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"", "r:1:1: the rules end without one that always applies: expected \"otherwise: ...\""},
    {"obstacle: least latency\n", "r:2:1: the rules end without one"},
    {"obstacle least latency\n", "r:1:10: \"least\": expected \":\" and a goal, or \",\""},
    {"obstacle: fast\n", "r:1:11: \"fast\": expected a goal: \"least latency\""},
    {"obstacle:\n", "r:1:10: the line ends here: expected a goal"},
    {"# x\n  : least latency\n", "r:2:3: \":\": expected a condition"},
    {"battery 20 %: least energy\n", "r:1:9: \"20\": expected \"below\" or \"above\""},
    {"battery below 20: least energy\n", "r:1:17: \":\": expected \"%\""},
    {"battery below 120 %: least energy\n", "r:1:15: \"120\": expected % from 0 to 100"},
    {"battery below twenty %: least energy\n", "r:1:15: \"twenty\": expected a number: %"},
    {"battery below 20 C: least energy\n", "r:1:18: \"C\": expected \"%\""},
    {"battery below 20 %, until below 25 %: least energy\n", "r:1:27: \"below\": expected \"above\""},
    {"battery below 20 %, until above 15 %: least energy\n", "r:1:21: the rule would end before it begins"},
    {"battery below 20 %, until above 30 %, until above 31 %: least energy\n", "r:1:39: \"until\": stands twice"},
    {"hot below 80 C: least energy\n", "r:1:5: \"below\": expected \"above\""},
    {"obstacle, until above 3 %: least latency\n", "r:1:11: \"until\": only a rule with a threshold has \"until\""},
    {"obstacle, for at least 1 h: least latency\n", "r:1:26: \"h\": expected \"s\", \"ms\" or \"min\""},
    {"obstacle, for at least 1 ms: least latency\n", "r:1:24: too short, it could flicker"},
    {"obstacle, while: least latency\n", "r:1:11: \"while\": expected \"until\" or \"for at least\""},
    {"otherwise, for at least 1 s: least latency\n", "r:1:12: \"for\": \"otherwise\" has neither"},
    {"output above 1: least latency\n", "r:1:14: \"1\": expected \"below\" or \"above\""},
    {"output: least latency\n", "r:1:7: \":\": expected the name of an output"},
    {"output x value -1 above 1: least latency\n", "r:1:16: \"-1\": expected which value from 0 to 1e+15"},
    {"output x value 0.5 above 1: least latency\n", "r:1:16: expected a whole number: which value"},
    {"output x value above 1: least latency\n", "r:1:16: \"above\": expected a number: which value"},
    {"output x above high: least latency\n", "r:1:16: \"high\": expected a number: a value"},
    {"output x above 1 %: least latency\n", "r:1:18: \"%\": expected \":\" and a goal, or \",\""},
    {"output x above 1, until below 2: least latency\n", "r:1:19: the rule would end before it begins"},
    {"output x above 1, until above 0: least latency\n", "r:1:25: \"above\": expected \"below\""},
    {"lost: least latency\n", "r:1:5: \":\": expected the name of a PE"},
    {"otherwise: least energy under 33\n", "r:1:33: the line ends here: expected \"ms\", \"mJ\" or \"W\""},
    {"otherwise: least energy under 0 ms\n", "r:1:31: a bound must be above 0"},
    {"otherwise: least energy under 3 ms under 4 ms\n", "r:1:42: there is another bound of this kind"},
    {"otherwise: least energy under the moon\n", "r:1:35: \"moon\": expected \"deadline\""},
    {"otherwise: power under 3 W\n", "r:1:27: the line ends here: a bound in W needs a rate"},
    {"otherwise: power under 3 ms at 30 frames a second\n", "r:1:26: \"ms\": expected \"W\""},
    {"otherwise: least energy at 0 frames a second\n", "r:1:28: a rate must be at least"},
    {"otherwise: least weighted 2\n", "r:1:27: \"2\": expected the weight of latency from 0 to 1"},
    {"otherwise: least latency with at most 1.5 switches\n", "r:1:31: expected one whole number of switches"},
    {"otherwise: least latency now\n", "r:1:26: \"now\": expected \"under\", \"at\", \"with at most\" or the end"},
    {"otherwise: least latency\nobstacle: least latency\n", "r:2:1: this rule can never apply: line 1 comes before"},
    {"a: least latency\na: least energy\n", "r:2:1: this rule can never apply: line 1 comes before it"},
    {"ob$tacle: least latency\n", "r:1:3: \"$\" does not belong into a rule"},
    {"caf\xc3\xa9: least latency\n", "r:1:4: the byte 0xc3 does not belong into a rule"},
    {"otherwise: least latency under 1.2.3 ms\n", "r:1:32: \"1.2.3\" is not a number"},
    {"otherwise: least latency under 1e999 ms\n", "r:1:32: \"1e999\" is not a number"},
};

static void errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        mae_rules *rules = NULL;
        mae_error *error = mae_rules_parse("r", mistakes[i].text, strlen(mistakes[i].text), &rules);
        if (!error)
            fail_msg("accepted: %s", mistakes[i].text);
        assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
        if (strncmp(mae_error_message(error), mistakes[i].message, strlen(mistakes[i].message)) != 0)
            fail_msg("%s says \"%s\", not \"%s\"", mistakes[i].text, mae_error_message(error), mistakes[i].message);
        assert_null(strchr(mae_error_message(error), '\n'));
        assert_null(rules);
        mae_error_free(error);
    }
}

static void too_many(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    mae_rules *rules = NULL;
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; i <= MAE_MAX_RULES; i++)
        fprintf(out, "e%d: least latency\n", i);
    fclose(out);
    mae_error *error = mae_rules_parse("r", text, size, &rules);
    assert_string_equal(mae_error_message(error), "r:65:1: there are at most 64 rules");
    mae_error_free(error);
    free(text);
}

static void example(void **state)
{
    (void)state;
    mae_rules *rules = NULL;
    assert_null(mae_rules_read(policy_world_path("examples/quadcopter/rules.txt"), &rules));
    assert_true(rules->n_rules >= 4);
    written_and_read(rules);
    mae_rules_destroy(rules);
    mae_error *error = mae_rules_read("/nowhere/rules.txt", &rules);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    mae_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(meanings), cmocka_unit_test(round_trip),
                                       cmocka_unit_test(errors), cmocka_unit_test(too_many), cmocka_unit_test(example)};
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
