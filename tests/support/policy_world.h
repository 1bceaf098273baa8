/* A profile with the front of every set of its PEs that has one: what a policy stands on. */
#ifndef MAE_TESTS_SUPPORT_POLICY_WORLD_H
#define MAE_TESTS_SUPPORT_POLICY_WORLD_H

#include "mae/policy.h"

#define POLICY_WORLD_MAX 16

typedef struct policy_world {
    mae_profile *profile;
    size_t n_fronts;
    mae_policy_front fronts[POLICY_WORLD_MAX];
    mae_front *owned[POLICY_WORLD_MAX];
} policy_world;

/* All sets of up to 4 PEs; takes over the profile. Fails the test on an error. */
void policy_world_open(policy_world *world, mae_profile *profile);
/* The board of examples/profiles/NAME.json; skips the test without MAE_SOURCE_DIR. */
void policy_world_open_example(policy_world *world, const char *name);
void policy_world_close(policy_world *world);

/* The rules of a text; fails the test on an error. */
mae_rules *policy_world_rules(const char *text);

/* A path below MAE_SOURCE_DIR; skips the test without it. */
const char *policy_world_path(const char *name);

/* A policy with these rules; fails the test on an error. */
mae_policy *policy_world_policy(const policy_world *world, const mae_rules *rules, const mae_policy_params *params);

#endif
