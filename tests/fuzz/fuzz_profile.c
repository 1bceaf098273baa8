/* Fuzz target of the profile and plan readers. With libFuzzer:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iinclude -Isrc tests/fuzz/fuzz_profile.c \
 *         src/core/[a-z]*.c src/base/[a-z]*.c src/plan/[a-z]*.c -ljansson -lm -o fuzz_profile
 *     ./fuzz_profile tests/fuzz/corpus/profile
 */
#include "fuzz_profile.h"

#include <stdlib.h>

#include "core/plan.h"
#include "core/profile.h"

/* What was read must be writable, readable again, and plannable where that is quick. */
static void use_profile(const mae_profile *profile)
{
    mae_profile *clone = NULL;
    mae_error *error = mae_profile_clone(profile, &clone);
    if (error)
        abort();
    int *mapping = calloc(clone->n_layers, sizeof *mapping);
    mae_prediction cost;
    if (mapping)
        mae_error_free(mae_eval(clone, mapping, 0, &cost));
    if (clone->n_layers * clone->n_pes <= 64) {
        mae_goal goal = MAE_GOAL_INIT;
        mae_plan *plan = NULL;
        mae_error_free(mae_plan_solve(clone, &goal, &plan));
        mae_plan_destroy(plan);
    }
    free(mapping);
    mae_profile_destroy(clone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mae_json *json = NULL;
    mae_profile *profile = NULL;
    mae_plan *plan = NULL;
    char *text = NULL;
    mae_error *error = mae_json_parse("fuzz", (const char *)data, size, &json);
    if (error) {
        mae_error_free(error);
        return 0;
    }
    error = mae_profile_from_json(json, &profile);
    if (!error)
        use_profile(profile);
    mae_error_free(error);
    error = mae_plan_from_json(json, &plan);
    if (!error && (error = mae_plan_to_json(plan, &text)) != NULL)
        abort();
    mae_error_free(error);
    free(text);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
    mae_json_destroy(json);
    return 0;
}
