/* Beside MAEG: whether the plan and what it is compared with compute in the same precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session/bench.h"

/* Three PEs; a plan of segments on these, compared with a baseline of that precision. */
static void check(const char *const *pes, size_t n, const char *baseline, const char *const *wanted, size_t n_wanted,
                  bool mixed)
{
    const mae_bench_entry single[] = {
        {.name = "cpu", .precision = "f32"}, {.name = "gpu", .precision = "f16"}, {.name = "dsp", .precision = ""}};
    mae_plan_segment segments[8] = {{0}};
    for (size_t i = 0; i < n; i++)
        segments[i].pe = pes[i];
    const mae_plan plan = {.n_segments = n, .segments = segments};
    mae_bench_result result = {.bench = {.single = single, .n_single = 3, .plan = &plan}};
    result.arena = mae_arena_create();
    assert_non_null(result.arena);
    assert_null(mae_bench_find_precisions(&result, baseline));
    assert_int_equal(result.bench.n_precisions, n_wanted);
    for (size_t i = 0; i < n_wanted; i++)
        assert_string_equal(result.bench.precisions[i], wanted[i]);
    assert_true(result.bench.mixed_precision == mixed);
    mae_arena_destroy(result.arena);
}

static void plans_and_baselines(void **state)
{
    (void)state;
    const char *const mix[] = {"cpu", "gpu", "cpu"}, *const both[] = {"f32", "f16"};
    check(mix, 3, "f32", both, 2, true);
    check(mix, 3, "", both, 2, true);
    check(mix, 1, "f32", both, 1, false);
    check(mix + 1, 1, "f32", both + 1, 1, true);
    check(mix + 1, 1, "f16", both + 1, 1, false);
    check(mix + 1, 1, "", both + 1, 1, false); /* nobody says what the baseline computes in */
    const char *const unknown[] = {"dsp", "cpu"};
    check(unknown, 1, "f32", NULL, 0, false);
    check(unknown, 2, "f32", both, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans_and_baselines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
