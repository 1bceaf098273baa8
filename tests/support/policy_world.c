#include "support/policy_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/profile.h"

static void must(mae_error *error)
{
    if (error)
        fail_msg("%s", mae_error_message(error));
}

/* Longer than any mapping takes: such a front serves every period. */
#define LONG_PERIOD_MS 1e6

static void add_front(policy_world *world, uint64_t pes)
{
    mae_profile *left = NULL;
    mae_goal goal = MAE_GOAL_INIT;
    must(mae_profile_under(world->profile, pes, NULL, &left));
    goal.period_ms = left->static_w > 0 ? LONG_PERIOD_MS : 0;
    mae_front *front = NULL;
    mae_error *error = mae_front_solve(left, &goal, 0, &front);
    if (!error) {
        world->owned[world->n_fronts] = front;
        world->fronts[world->n_fronts++] = (mae_policy_front){pes, front};
    } else if (mae_error_code(error) != MAE_ERR_UNSUPPORTED && mae_error_code(error) != MAE_ERR_INFEASIBLE) {
        must(error);
    }
    mae_error_free(error);
    mae_profile_destroy(left);
}

void policy_world_open(policy_world *world, mae_profile *profile)
{
    *world = (policy_world){.profile = profile};
    assert_true(profile->n_pes <= 4);
    for (uint64_t pes = ((uint64_t)1 << profile->n_pes) - 1; pes > 0; pes--)
        add_front(world, pes);
}

const char *policy_world_path(const char *name)
{
    static char path[4096];
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/%s", source, name);
    return path;
}

void policy_world_open_example(policy_world *world, const char *name)
{
    mae_profile *profile = NULL;
    char file[256];
    snprintf(file, sizeof file, "examples/profiles/%s.json", name);
    must(mae_profile_read(policy_world_path(file), &profile));
    policy_world_open(world, profile);
}

void policy_world_close(policy_world *world)
{
    for (size_t i = 0; i < world->n_fronts; i++)
        mae_front_destroy(world->owned[i]);
    mae_profile_destroy(world->profile);
}

mae_rules *policy_world_rules(const char *text)
{
    mae_rules *rules = NULL;
    must(mae_rules_parse("rules", text, strlen(text), &rules));
    return rules;
}

mae_policy *policy_world_policy(const policy_world *world, const mae_rules *rules, const mae_policy_params *params)
{
    mae_policy *policy = NULL;
    must(mae_policy_create(world->profile, rules, world->fronts, world->n_fronts, params, &policy));
    return policy;
}
