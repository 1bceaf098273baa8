/* Replays the corpora of the library's readers. */
#include "replay.h"

static void profiles(void **state)
{
    (void)state;
    replay_corpus("profile", fuzz_profile, 10, 3);
}

static void plans(void **state)
{
    (void)state;
    replay_corpus("plan", fuzz_plan, 5, 2);
}

static void socs(void **state)
{
    (void)state;
    replay_corpus("soc", fuzz_soc, 5, 2);
}

static void scripts(void **state)
{
    (void)state;
    replay_corpus("script", fuzz_script, 5, 2);
}

static void rules(void **state)
{
    (void)state;
    replay_corpus("rules", fuzz_rules, 7, 3);
}

static void scenarios(void **state)
{
    (void)state;
    replay_corpus("scenario", fuzz_scenario, 7, 3);
}

static void reports(void **state)
{
    (void)state;
    replay_corpus("report", fuzz_report, 25, 15);
}

static void models(void **state)
{
    (void)state;
    replay_corpus("onnx", fuzz_onnx, 10, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles),
        cmocka_unit_test(plans),
        cmocka_unit_test(socs),
        cmocka_unit_test(scripts),
        cmocka_unit_test(rules),
        cmocka_unit_test(scenarios),
        cmocka_unit_test(reports),
        cmocka_unit_test(models),
    };
    return cmocka_run_group_tests_name("fuzz corpora of the library", tests, NULL, NULL);
}
