/* Drift: times that leave the profile's interval for long enough are noticed, outliers are not, and neither
 * re-profiling nor re-planning is asked for all the time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>

#include <cmocka.h>

#include "base/stats.h"
#include "core/profile.h"
#include "support/policy_world.h"

typedef struct setting {
    policy_world world;
    mae_rules *rules;
    mae_policy *policy;
    mae_policy_memory memory;
    mae_state state;
} setting;

static void open_with(setting *s, mae_profile *profile)
{
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    mae_state state = MAE_STATE_INIT;
    if (profile)
        policy_world_open(&s->world, profile);
    else
        policy_world_open_example(&s->world, "xavier-agx-googlenet");
    s->rules = policy_world_rules("otherwise: least energy under the deadline\n");
    s->policy = policy_world_policy(&s->world, s->rules, &params);
    s->memory = (mae_policy_memory){0};
    s->state = state;
    s->state.deadline_ms = 10;
    s->state.period_ms = 10;
}

static void close_setting(setting *s)
{
    mae_policy_destroy(s->policy);
    mae_rules_destroy(s->rules);
    policy_world_close(&s->world);
}

/* One frame later; the DLA's whole network took `factor` times its 3.84 ms. */
static mae_decision frame(setting *s, double factor)
{
    const mae_trace_segment segment = {1, 0, 9, 3.84 * factor};
    const mae_trace trace = {1, &segment};
    mae_decision decision;
    s->state.time_s += 0.005;
    mae_policy_step(s->policy, &s->state, &trace, &s->memory, &s->memory, &decision);
    return decision;
}

/* Frames until something is asked for; `most` if nothing is. */
static int frames_until_asked(setting *s, double factor, double sigma, uint64_t seed, int most)
{
    mae_rng rng = {seed};
    for (int i = 0; i < most; i++) {
        mae_action verdict = frame(s, factor * (1 + sigma * mae_rng_normal(&rng))).verdict;
        if (verdict == MAE_REPROFILE || verdict == MAE_REPLAN)
            return i;
    }
    return most;
}

static void within_the_interval(void **state)
{
    (void)state;
    setting s;
    open_with(&s, NULL);
    assert_int_equal(frames_until_asked(&s, 1.04, 0.01, 1, 100000), 100000);
    assert_int_equal(frames_until_asked(&s, 0.97, 0.02, 2, 100000), 100000);
    close_setting(&s);
}

static void both_ways(void **state)
{
    (void)state;
    static const double factors[] = {1.08, 1.2, 3, 0.92, 0.5};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        setting s;
        open_with(&s, NULL);
        assert_int_equal(frames_until_asked(&s, 1, 0.02, 3, 2000), 2000);
        int n = frames_until_asked(&s, factors[i], 0.02, 4 + i, 2000);
        assert_true(n >= 5 && n < 100); /* long enough, and not for ever */
        assert_int_equal(s.memory.drifted, 2);
        close_setting(&s);
    }
}

static void outliers(void **state)
{
    (void)state;
    setting s;
    open_with(&s, NULL);
    for (int i = 0; i < 20000; i++) { /* every tenth frame takes a hundred times as long */
        mae_decision d = frame(&s, i % 10 == 9 ? 100 : 1);
        assert_true(d.verdict == MAE_KEEP || d.verdict == MAE_SWITCH);
        assert_int_equal(d.drifted, 0);
    }
    assert_int_equal(frames_until_asked(&s, 100, 0, 1, 3), 3);
    close_setting(&s);
}

/* What a segment's wide interval allows is no drift. */
static void the_profiles_interval(void **state)
{
    (void)state;
    mae_profile *profile = NULL;
    assert_null(mae_profile_read(policy_world_path("examples/profiles/xavier-agx-googlenet.json"), &profile));
    mae_segment_cost row = {.pe = 1, .first = 0, .last = 9, .time_ms = 3.84, .energy_mj = 4.95, .spread_ms = 0.8};
    assert_null(mae_profile_put_segment(profile, &row));
    setting s;
    open_with(&s, profile);
    assert_int_equal(frames_until_asked(&s, 1.2, 0.01, 1, 20000), 20000);
    assert_true(frames_until_asked(&s, 1.5, 0.01, 1, 200) < 200);
    close_setting(&s);
}

static void asks_in_order(void **state)
{
    (void)state;
    setting s;
    open_with(&s, NULL);
    frame(&s, 1);
    frames_until_asked(&s, 1.5, 0, 1, 100);
    for (int i = 0; i < 10; i++) /* until it is done */
        assert_int_equal(frame(&s, 1.5).verdict, MAE_REPROFILE);
    s.state.reprofiles++;
    for (int i = 0; i < 10; i++)
        assert_int_equal(frame(&s, 1.5).verdict, MAE_REPLAN);
    s.state.replans++;
    mae_decision d = frame(&s, 1);
    assert_true(d.verdict == MAE_KEEP && d.drifted == 0);
    assert_int_equal(frames_until_asked(&s, 1, 0.01, 1, 1000), 1000);
    close_setting(&s);
}

/* A board that never does what was measured: every re-profiling is answered, and does not help. */
static void bounded_rate(void **state)
{
    (void)state;
    setting s;
    open_with(&s, NULL);
    int asked = 0;
    double last_s = -INFINITY, gap_s = 0;
    mae_action before = MAE_KEEP;
    while (s.state.time_s < 3600) {
        mae_action verdict = frame(&s, 1.5).verdict;
        if (verdict == MAE_REPROFILE && before != MAE_REPROFILE) {
            asked++;
            assert_true(s.state.time_s - last_s >= fmin(gap_s, 300) - 1e-6);
            gap_s = asked == 1 ? 10 : 2 * gap_s; /* the time between two of them doubles */
            last_s = s.state.time_s;
            s.state.reprofiles++;
        }
        if (verdict == MAE_REPLAN)
            s.state.replans++;
        before = verdict;
    }
    assert_true(asked >= 5 && asked <= 6 + 3600 / 300);
    close_setting(&s);
}

/* What the frames took counts for choosing before anybody re-profiles: the slowed DLA is left for what keeps time. */
static void adapts_at_once(void **state)
{
    (void)state;
    setting s;
    open_with(&s, NULL);
    s.state.deadline_ms = 4.4;
    mae_decision d = frame(&s, 1);
    assert_int_equal(mae_policy_points(s.policy)[d.point].pes, 2);
    int frames = 0;
    while (mae_policy_points(s.policy)[d.point].pes == 2 && frames++ < 50)
        d = frame(&s, 1.3);
    assert_true(frames < 20);
    close_setting(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_the_interval),   cmocka_unit_test(both_ways),     cmocka_unit_test(outliers),
        cmocka_unit_test(the_profiles_interval), cmocka_unit_test(asks_in_order), cmocka_unit_test(bounded_rate),
        cmocka_unit_test(adapts_at_once),
    };
    return cmocka_run_group_tests_name("drift", tests, NULL, NULL);
}
