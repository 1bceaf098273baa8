/* Which mappings stay compiled, against every subset of the points. */
#include "random_profile.h"

#include <float.h>
#include <math.h>

#include "core/goal.h"
#include "support/policy_world.h"

typedef struct instance {
    policy_world world;
    mae_rules *rules;
    mae_policy *policy;
    mae_keep_segment *segments;
    size_t n_segments, n_goals;
    mae_goal goals[4];
    mae_keep_budget budget;
} instance;

static bool open_instance(instance *in, uint64_t seed)
{
    mae_rng rng = {seed};
    random_shape shape = {4 + (size_t)rnd(&rng, 3), 2, true, false, false};
    mae_policy_params params = MAE_POLICY_PARAMS_INIT;
    policy_world_open(&in->world, random_profile(seed, &shape));
    in->rules = policy_world_rules("otherwise: least latency\n");
    in->policy = policy_world_policy(&in->world, in->rules, &params);
    assert_null(mae_keep_segments(in->policy, &in->segments, &in->n_segments));
    double all = 0;
    for (size_t i = 0; i < in->n_segments; i++) {
        in->segments[i].bytes = 1 + rnd(&rng, 50);
        in->segments[i].compile_ms = 1 + rnd(&rng, 50);
        all += in->segments[i].bytes;
    }
    in->budget = (mae_keep_budget){all * mae_rng_uniform(&rng), chance(&rng, 0.5) ? all * mae_rng_uniform(&rng) : 0};
    const mae_policy_point *points = mae_policy_points(in->policy);
    size_t n = mae_policy_n_points(in->policy);
    in->n_goals = 1 + (size_t)rnd(&rng, 4);
    for (size_t g = 0; g < in->n_goals; g++) {
        in->goals[g] = (mae_goal)MAE_GOAL_INIT;
        in->goals[g].minimize = (mae_objective)rnd(&rng, 3);
        if (chance(&rng, 0.6))
            in->goals[g].max_latency_ms = points[rnd(&rng, (int)n)].latency_ms * (0.9 + 0.2 * mae_rng_uniform(&rng));
    }
    return n <= 14;
}

static void close_instance(instance *in)
{
    free(in->segments);
    mae_policy_destroy(in->policy);
    mae_rules_destroy(in->rules);
    policy_world_close(&in->world);
}

static bool uses(const mae_policy_point *point, size_t n_layers, const mae_keep_segment *segment)
{
    for (int l = segment->first; l <= segment->last; l++)
        if (point->mapping[l] != segment->pe)
            return false;
    return (segment->first == 0 || point->mapping[segment->first - 1] != segment->pe) &&
           (segment->last + 1 == (int)n_layers || point->mapping[segment->last + 1] != segment->pe);
}

static bool set_fits(const instance *in, unsigned set)
{
    double bytes = 0, ms = 0;
    for (size_t i = 0; i < in->n_segments; i++) {
        bool used = false;
        for (size_t k = 0; k < mae_policy_n_points(in->policy); k++)
            used = used || ((set >> k & 1) &&
                            uses(&mae_policy_points(in->policy)[k], in->world.profile->n_layers, &in->segments[i]));
        bytes += used ? in->segments[i].bytes : 0;
        ms += used ? in->segments[i].compile_ms : 0;
    }
    return bytes <= in->budget.bytes && (in->budget.compile_ms == 0 || ms <= in->budget.compile_ms);
}

/* J of the set's best point, or how far its nearest misses. */
static double value_of(const instance *in, const mae_goal *goal, unsigned set, bool *ret_met)
{
    double best = INFINITY, miss = INFINITY;
    for (size_t k = 0; k < mae_policy_n_points(in->policy); k++) {
        const mae_policy_point *p = &mae_policy_points(in->policy)[k];
        mae_prediction cost = {p->latency_ms, p->dynamic_mj + in->world.profile->static_w * p->latency_ms, p->switches};
        if (!(set >> k & 1))
            continue;
        if (mae_goal_met(goal, &cost))
            best = fmin(best, mae_goal_objective(goal, &cost, 1, 1));
        else
            miss = fmin(miss, mae_goal_miss(goal, &cost));
    }
    *ret_met = best < INFINITY;
    return *ret_met ? best : miss;
}

static double set_regret(const instance *in, unsigned set)
{
    double worst = 0;
    for (size_t g = 0; g < in->n_goals; g++) {
        bool met, all_met;
        double all = value_of(in, &in->goals[g], ~0u, &all_met), value = value_of(in, &in->goals[g], set, &met);
        double regret = all_met && met ? value / all - 1 : all_met ? 1000 * (1 + value) : value - all;
        worst = fmax(worst, regret);
    }
    return worst;
}

static void against_every_subset(void **state)
{
    (void)state;
    int checked = 0, none = 0, partial = 0;
    for (uint64_t seed = 1; seed <= 250; seed++) {
        instance in;
        if (open_instance(&in, seed)) {
            size_t n = mae_policy_n_points(in.policy);
            double least = INFINITY;
            for (unsigned set = 1; set < 1u << n; set++)
                if (set_fits(&in, set))
                    least = fmin(least, set_regret(&in, set));
            mae_keep *keep = NULL;
            mae_error *error =
                mae_keep_choose(in.policy, in.segments, in.n_segments, &in.budget, in.goals, in.n_goals, 3, 0, &keep);
            if (error) {
                assert_int_equal(mae_error_code(error), MAE_ERR_INFEASIBLE);
                assert_true(isinf(least));
                none++;
            } else {
                unsigned set = 0;
                for (size_t k = 0; k < n; k++)
                    set |= (unsigned)keep->chosen[k] << k;
                assert_true(set_fits(&in, set) && keep->exact && keep->lower_bound == keep->regret);
                assert_true(fabs(keep->regret - set_regret(&in, set)) <= 1e-9 * (1 + least));
                assert_true(fabs(keep->regret - least) <= 1e-9 * (1 + least));
                partial += least > 0;
            }
            mae_error_free(error);
            mae_keep_destroy(keep);
            checked++;
        }
        close_instance(&in);
    }
    assert_true(checked > 100 && none > 5 && partial > 20);
}

/* Cut off at once, it is a dive by greed: within the budget, no better than the optimum, its bound no worse. */
static void cut_off(void **state)
{
    (void)state;
    int worse = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        instance in;
        open_instance(&in, seed);
        mae_keep *exact = NULL, *cut = NULL;
        mae_error *error =
            mae_keep_choose(in.policy, in.segments, in.n_segments, &in.budget, in.goals, in.n_goals, 3, 0, &exact);
        if (!error) {
            assert_null(
                mae_keep_choose(in.policy, in.segments, in.n_segments, &in.budget, in.goals, in.n_goals, 3, 1, &cut));
            assert_true(cut->regret >= exact->regret && cut->lower_bound <= exact->regret * (1 + 1e-12));
            assert_true(!cut->exact || cut->regret == exact->regret);
            assert_true(cut->bytes <= in.budget.bytes);
            worse += cut->regret > exact->regret;
        }
        mae_error_free(error);
        mae_keep_destroy(exact);
        mae_keep_destroy(cut);
        close_instance(&in);
    }
    assert_true(worse > 0); /* cutting off can be told from searching on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_every_subset), cmocka_unit_test(cut_off)};
    return cmocka_run_group_tests_name("mappings kept", tests, NULL, NULL);
}
