/* The policy's steps: which point a goal gets, and that hysteresis never oscillates, whatever the readings do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "base/stats.h"
#include "core/profile.h"
#include "core/goal.h"
#include "support/policy_world.h"

#define GPU 1u
#define DLA 2u

static const char flight[] = "obstacle, for at least 0.2 s: least latency\n"
                             "hot above 80 C, until below 70 C, for at least 1 s: least energy under 3 ms\n"
                             "battery below 20 %, until above 25 %, for at least 0.5 s: least energy under 3.5 ms\n"
                             "otherwise: least energy under the deadline\n";

typedef struct setting {
    policy_world world;
    mae_rules *rules;
    mae_policy *policy;
    mae_policy_params params;
} setting;

static void open_with(setting *s, const char *rules)
{
    s->params = (mae_policy_params)MAE_POLICY_PARAMS_INIT;
    policy_world_open_example(&s->world, "xavier-agx-googlenet");
    s->rules = policy_world_rules(rules);
    s->policy = policy_world_policy(&s->world, s->rules, &s->params);
}

static void close_setting(setting *s)
{
    mae_policy_destroy(s->policy);
    mae_rules_destroy(s->rules);
    policy_world_close(&s->world);
}

static mae_state calm(double time_s)
{
    mae_state state = MAE_STATE_INIT;
    state.time_s = time_s;
    state.battery = 80;
    state.celsius = 40;
    state.period_ms = 5;
    state.deadline_ms = 4;
    state.present = GPU | DLA;
    return state;
}

static const mae_policy_point *point_of(const setting *s, int k)
{
    assert_true(k >= 0 && (size_t)k < mae_policy_n_points(s->policy));
    return &mae_policy_points(s->policy)[k];
}

/* ---- choosing ---- */

static void points_are_the_fronts(void **state)
{
    (void)state;
    setting s;
    open_with(&s, flight);
    assert_int_equal(s.world.n_fronts, 3);
    /* The fronts of the GPU and of the DLA alone are points of that of both. */
    assert_int_equal(mae_policy_n_points(s.policy), s.world.fronts[0].front->n_points);
    for (size_t k = 0; k < mae_policy_n_points(s.policy); k++) {
        mae_prediction cost;
        assert_null(mae_eval(s.world.profile, point_of(&s, (int)k)->mapping, 0, &cost));
        assert_true(fabs(cost.latency_ms - point_of(&s, (int)k)->latency_ms) < 1e-12);
    }
    close_setting(&s);
}

/* For every goal and every set of PEs the planner's own answer for what is left of the profile. */
static void best_is_the_planners(void **state)
{
    (void)state;
    setting s;
    open_with(&s, flight);
    for (int i = 0; i < 4 * 30 * 3; i++) {
        mae_goal goal = MAE_GOAL_INIT;
        uint64_t pes = (uint64_t)(1 + i % 3);
        goal.minimize = (mae_objective)(i / 3 % 4);
        goal.weight = 0.4;
        goal.max_latency_ms = 1.5 + i / 12 * 0.1;
        mae_profile *left = NULL;
        assert_null(mae_profile_clone(s.world.profile, &left));
        for (size_t l = 0; l < left->n_layers; l++)
            for (int p = 0; p < 2; p++)
                if (!(pes >> p & 1))
                    mae_profile_set_cost(left, (int)l, p, &(mae_cost){.supported = false});
        double miss = -1;
        mae_plan *plan = NULL;
        int best = mae_policy_best(s.policy, &goal, pes, NULL, &miss);
        mae_error *error = mae_plan_solve(left, &goal, &plan);
        if (error) {
            bool exists;
            mae_prediction nearest;
            assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
            assert_null(mae_nearest(left, &goal, &exists, &nearest));
            assert_true(exists && miss > 0);
            assert_true(fabs(point_of(&s, best)->latency_ms - nearest.latency_ms) < 1e-9);
        } else {
            assert_true(miss == 0);
            assert_true(fabs(point_of(&s, best)->latency_ms - plan->predicted.latency_ms) < 1e-9);
            assert_true(fabs(point_of(&s, best)->dynamic_mj - plan->predicted.energy_mj) < 1e-9);
        }
        mae_error_free(error);
        mae_plan_destroy(plan);
        mae_profile_destroy(left);
    }
    close_setting(&s);
}

/* With static power the same points serve every period. */
static void every_period(void **state)
{
    (void)state;
    mae_profile *profile = NULL;
    policy_world world;
    assert_null(mae_profile_read(policy_world_path("examples/profiles/xavier-agx-googlenet.json"), &profile));
    assert_null(mae_profile_set_soc(profile, "soc", "", 3.0, MAE_ENERGY_MODEL));
    policy_world_open(&world, profile);
    mae_rules *rules = policy_world_rules("otherwise: least energy\n");
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    mae_policy *policy = policy_world_policy(&world, rules, &params);
    for (double period = 0; period < 6; period += 0.25) {
        mae_goal goal = MAE_GOAL_INIT;
        goal.minimize = MAE_MIN_ENERGY;
        goal.period_ms = period;
        mae_plan *plan = NULL;
        double miss;
        int best = mae_policy_best(policy, &goal, GPU | DLA, NULL, &miss);
        assert_null(mae_plan_solve(profile, &goal, &plan));
        const mae_policy_point *point = &mae_policy_points(policy)[best];
        double energy = point->dynamic_mj + 3.0 * fmax(period, point->latency_ms);
        assert_true(fabs(energy - plan->predicted.energy_mj) < 1e-9);
        mae_plan_destroy(plan);
    }
    mae_policy_destroy(policy);
    mae_rules_destroy(rules);
    policy_world_close(&world);
}

static mae_decision step(const setting *s, mae_policy_memory *memory, const mae_state *state, const mae_trace *trace)
{
    mae_decision decision;
    mae_policy_step(s->policy, state, trace, memory, memory, &decision);
    return decision;
}

static void follows_the_state(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    mae_policy_memory memory = {0};
    static const char *const obstacle[] = {"obstacle"};
    mae_state state = calm(0);
    mae_decision d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_SWITCH && d.rule == 3 && d.feasible && point_of(&s, d.point)->pes == DLA);
    assert_true(d.goal.max_latency_ms == 4 && d.goal.period_ms == 5);
    state.time_s = 0.005;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_KEEP && point_of(&s, d.point)->pes == DLA);
    state.n_events = 1;
    state.events = obstacle;
    state.time_s = 0.010;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_SWITCH && d.rule == 0 && point_of(&s, d.point)->pes == GPU);
    state.n_events = 0; /* held for its least time */
    state.time_s = 0.2;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_KEEP && d.rule == 0);
    state.time_s = 0.211;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_SWITCH && d.rule == 3 && point_of(&s, d.point)->pes == DLA);
    close_setting(&s);
}

/* A deadline that nothing meets: the nearest runs at once, not after a while. */
static void nearest_at_once(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    mae_policy_memory memory = {0};
    mae_state state = calm(0);
    mae_decision d = step(&s, &memory, &state, NULL);
    assert_true(point_of(&s, d.point)->pes == DLA);
    state.time_s = 0.005;
    state.deadline_ms = 1;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_SWITCH && d.rule == 3 && point_of(&s, d.point)->pes == GPU);
    assert_true(!d.feasible && fabs(d.miss - 0.72) < 1e-9);
    close_setting(&s);
}

static void lost_and_back(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, "lost gpu: least energy under 2 ms\notherwise: least latency\n");
    mae_policy_memory memory = {0};
    mae_state state = calm(0);
    mae_decision d = step(&s, &memory, &state, NULL);
    assert_true(point_of(&s, d.point)->pes == GPU && d.feasible);
    state.time_s = 1;
    state.present = DLA;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_SWITCH && d.rule == 0 && point_of(&s, d.point)->pes == DLA);
    assert_true(!d.feasible && fabs(d.miss - (3.84 / 2 - 1)) < 1e-9); /* said so */
    state.time_s = 6;
    state.present = GPU | DLA; /* lost once: trusted at once */
    d = step(&s, &memory, &state, NULL);
    assert_true(d.rule == 1 && point_of(&s, d.point)->pes == GPU);
    for (int again = 0; again < 3; again++) { /* one that flickers is trusted later and later */
        state.time_s += 0.01;
        state.present = DLA;
        step(&s, &memory, &state, NULL);
        state.time_s += 0.01;
        state.present = GPU | DLA;
        d = step(&s, &memory, &state, NULL);
        assert_true(point_of(&s, d.point)->pes == DLA);
        double wait = ldexp(s.params.trial_s, again);
        state.time_s += wait - 0.001;
        d = step(&s, &memory, &state, NULL);
        assert_true(point_of(&s, d.point)->pes == DLA);
        state.time_s += 0.002;
        d = step(&s, &memory, &state, NULL);
        state.time_s += 1.01 * s.params.dwell_s;
        d = step(&s, &memory, &state, NULL);
        assert_true(point_of(&s, d.point)->pes == GPU);
    }
    state.present = 0; /* nothing can run */
    state.time_s += 1;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.point == -1 && d.wanted == -1 && d.verdict == MAE_SWITCH);
    close_setting(&s);
}

static void compiled_ones_only(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    mae_policy_memory memory = {0};
    bool compiled[64] = {false};
    mae_state state = calm(0);
    double miss;
    int want = step(&s, &memory, &state, NULL).point;
    mae_goal goal = MAE_GOAL_INIT;
    compiled[mae_policy_best(s.policy, &goal, GPU, NULL, &miss)] = true;
    state.compiled = compiled;
    memory = (mae_policy_memory){0};
    mae_decision d = step(&s, &memory, &state, NULL);
    assert_true(point_of(&s, d.point)->pes == GPU && d.wanted == want && d.feasible);
    compiled[want] = true; /* built in the background */
    state.time_s = 1;
    step(&s, &memory, &state, NULL);
    state.time_s = 1.11;
    d = step(&s, &memory, &state, NULL);
    assert_true(d.verdict == MAE_SWITCH && d.point == want);
    close_setting(&s);
}

static void refusals(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    mae_policy *policy = NULL;
    mae_policy_params bad = s.params;
    bad.margin = 1;
    mae_error *error = mae_policy_create(s.world.profile, s.rules, s.world.fronts, 1, &bad, &policy);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    error = mae_policy_create(s.world.profile, s.rules, s.world.fronts, 0, &s.params, &policy);
    assert_int_equal(mae_error_code(error), MAE_ERR_USAGE);
    mae_error_free(error);
    mae_rules *rules = policy_world_rules("lost npu: least latency\notherwise: least latency\n");
    error = mae_policy_create(s.world.profile, rules, s.world.fronts, 1, &s.params, &policy);
    assert_int_equal(mae_error_code(error), MAE_ERR_INPUT);
    assert_non_null(strstr(mae_error_message(error), "no PE \"npu\""));
    mae_error_free(error);
    mae_rules_destroy(rules);
    close_setting(&s);
}

/* ---- never oscillating ---- */

/* States around every threshold: below, on, within the band, on its other side, beyond, and unknown. */
static const double batteries[] = {19.999, 20, 20.001, 24.999, 25, 25.001, NAN};
static const double degrees[] = {69.999, 70, 70.001, 79.999, 80, 80.001, NAN};
static const double deadlines[] = {1.0, 3.84 / 0.99, 3.84 / 0.99 + 1e-9, 2.9, 0};
#define N_BATTERY (sizeof batteries / sizeof *batteries)
#define N_DEGREES (sizeof degrees / sizeof *degrees)
#define N_DEADLINES (sizeof deadlines / sizeof *deadlines)
#define N_GRID (2 * 3 * N_BATTERY * N_DEGREES * N_DEADLINES)

static mae_state grid_state(size_t i, double time_s)
{
    static const char *const obstacle[] = {"obstacle"};
    mae_state state = calm(time_s);
    state.events = obstacle;
    state.n_events = i % 2;
    i /= 2;
    state.present = 1 + i % 3;
    i /= 3;
    state.battery = batteries[i % N_BATTERY];
    i /= N_BATTERY;
    state.celsius = degrees[i % N_DEGREES];
    i /= N_DEGREES;
    state.deadline_ms = deadlines[i];
    return state;
}

/* After any two states (all pairs of readings, events and PEs, the deadlines in turn), the second of which stays: from
 * the longest hold (1 s) and the dwell on nothing changes any more. */
static void a_state_that_stays_is_settled(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    size_t checked = 0;
    const size_t n = N_GRID / N_DEADLINES;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            mae_policy_memory memory = {0};
            mae_state state = grid_state(a + n * (a % N_DEADLINES), 0);
            step(&s, &memory, &state, NULL);
            state = grid_state(b + n * ((a + b) % N_DEADLINES), 0.005);
            mae_decision first = step(&s, &memory, &state, NULL), d = {0};
            static const double times[] = {0.01, 0.105, 0.11, 0.3, 0.6, 1.1, 1.21, 40, 41, 80};
            int changes = 0;
            for (size_t t = 0; t < sizeof times / sizeof *times; t++) {
                state.time_s = times[t];
                d = step(&s, &memory, &state, NULL);
                changes += d.verdict == MAE_SWITCH;
                assert_true(times[t] <= 40 || d.verdict == MAE_KEEP);
            }
            /* One change to leave a rule that had held too short, at most three of them, one for each dwell. */
            assert_true(changes <= 6);
            assert_true(d.point >= 0 && !(point_of(&s, d.point)->pes & ~state.present));
            assert_true(first.point >= 0 && !(point_of(&s, first.point)->pes & ~state.present));
            checked++;
        }
    assert_int_equal(checked, n * n);
    close_setting(&s);
}

/* In a band, and with a state that does not change, no rule that is off is entered and none that is on is left. */
static void triples_around_the_thresholds(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    for (size_t a = 0; a < N_BATTERY; a++)
        for (size_t b = 0; b < N_BATTERY; b++)
            for (size_t c = 0; c < N_BATTERY; c++) {
                const double seen[] = {batteries[a], batteries[b], batteries[c]};
                mae_policy_memory memory = {0};
                bool on = false;
                for (int i = 0; i < 3; i++) { /* far enough apart for the hold not to matter */
                    mae_state state = calm(10 * i);
                    state.battery = seen[i];
                    mae_decision d = step(&s, &memory, &state, NULL);
                    on = on ? !(seen[i] >= 25) : seen[i] < 20;
                    assert_int_equal(d.rule, on ? 2 : 3);
                }
            }
    close_setting(&s);
}

/* The same of a network's output, which nothing is known of before it has run. */
static void triples_of_outputs(void **unused)
{
    (void)unused;
    setting s;
    static const double seen[] = {-1, 0.2999, 0.3, 0.5, 0.7, 0.7001, 9, NAN};
    const size_t n = sizeof seen / sizeof *seen;
    open_with(&s, "output p value 2 above 0.7, until below 0.3, for at least 0.2 s: least latency\n"
                  "output p below 0, until above 0.3: least energy\notherwise: least energy\n");
    for (size_t code = 0; code < n * n * n; code++) {
        mae_policy_memory memory = {0};
        bool high = false, low = false;
        for (size_t i = 0, rest = code; i < 4; i++, rest /= n) {
            const double x = i ? seen[rest % n] : NAN, values[MAE_MAX_RULES] = {x, x, NAN};
            mae_state state = calm(10 * (double)i);
            state.outputs = i ? values : NULL;
            mae_decision d = step(&s, &memory, &state, NULL);
            high = high ? !(x <= 0.3) : x > 0.7;
            low = low ? !(x >= 0.3) : x < 0;
            assert_int_equal(d.rule, high ? 0 : low ? 1 : 2);
            if (i == 0)
                rest *= n;
        }
    }
    close_setting(&s);
}

/* The bound of docs/policy.md on changes of the rule in any stretch of time: every latch is entered at most once in its
 * hold, so over T there are at most the sum of 2 (T / hold + 1) changes; and of the point burst + 1 for each dwell,
 * one for each change of the rule and for each change of the PEs. */
static void noise_is_bounded(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        mae_rng rng = {seed};
        mae_policy_memory memory = {0};
        int rules = 0, points = 0, pes = 0, rule = -1;
        uint64_t present = GPU | DLA;
        const int frames = 4000;
        const double T = 0.005 * frames;
        for (int i = 0; i < frames; i++) {
            mae_state state = grid_state(mae_rng_next(&rng) % N_GRID, 0.005 * i);
            state.battery += mae_rng_normal(&rng);
            state.celsius += mae_rng_normal(&rng);
            state.deadline_ms *= 1 + 0.2 * mae_rng_normal(&rng);
            state.deadline_ms = fmax(0, state.deadline_ms);
            if (seed % 4)
                state.present = GPU | DLA;
            mae_decision d = step(&s, &memory, &state, NULL);
            pes += state.present != present;
            rules += i > 0 && d.rule != rule;
            points += i > 0 && d.verdict == MAE_SWITCH;
            present = state.present;
            rule = d.rule;
        }
        double most_rules = 2 * (T / 0.2 + 1) + 2 * (T / 1 + 1) + 2 * (T / 0.5 + 1);
        assert_true(rules <= most_rules);
        assert_true(points <= rules + pes * 2 + (s.params.burst + 1) * (T / s.params.dwell_s + 1));
        assert_true(rules > 10 && points > 10); /* the noise is worth the name */
    }
    close_setting(&s);
}

/* Noise that stays within a band changes nothing, for however long. */
static void noise_within_the_band(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    mae_rng rng = {5};
    mae_policy_memory memory = {0};
    mae_state state = calm(0);
    state.battery = 19;
    step(&s, &memory, &state, NULL);
    for (int i = 1; i < 20000; i++) {
        state = calm(0.005 * i);
        state.battery = 19 + 5.99 * mae_rng_uniform(&rng);
        state.celsius = 60 + 19.9 * mae_rng_uniform(&rng);
        state.period_ms = 5 + 0.1 * mae_rng_normal(&rng);
        assert_int_equal(step(&s, &memory, &state, NULL).verdict, MAE_KEEP);
    }
    close_setting(&s);
}

/* The same inputs give the same decisions, in place or not; time that goes back does no harm. */
static void pure(void **unused)
{
    (void)unused;
    setting s;
    open_with(&s, flight);
    mae_policy_memory a = {0}, b = {0}, next;
    mae_rng rng = {9};
    for (int i = 0; i < 3000; i++) {
        mae_state state = grid_state(mae_rng_next(&rng) % N_GRID, 0.005 * i - (i % 100 == 99 ? 3 : 0));
        mae_decision one = step(&s, &a, &state, NULL), two;
        mae_policy_step(s.policy, &state, NULL, &b, &next, &two);
        b = next;
        assert_true(one.verdict == two.verdict && one.point == two.point && one.rule == two.rule);
        assert_true(one.miss == two.miss && one.feasible == two.feasible);
    }
    close_setting(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_the_fronts),
        cmocka_unit_test(best_is_the_planners),
        cmocka_unit_test(every_period),
        cmocka_unit_test(follows_the_state),
        cmocka_unit_test(nearest_at_once),
        cmocka_unit_test(lost_and_back),
        cmocka_unit_test(compiled_ones_only),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_state_that_stays_is_settled),
        cmocka_unit_test(triples_around_the_thresholds),
        cmocka_unit_test(triples_of_outputs),
        cmocka_unit_test(noise_is_bounded),
        cmocka_unit_test(noise_within_the_band),
        cmocka_unit_test(pure),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
