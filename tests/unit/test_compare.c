/* Comparing outputs with the reference's (run/compare.h). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/compare.h"

static mae_shape vector(mae_dtype dtype, int64_t n)
{
    return (mae_shape){dtype, 1, {n}};
}

static void assert_close(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-12 * fabs(expected));
}

static void floats_by_tolerance(void **state)
{
    (void)state;
    const float reference[] = {1, -4, 2, 0}, value[] = {1, -4, 2.5f, 0};
    mae_shape shape = vector(MAE_F32, 4);
    mae_difference d = mae_compare(&shape, value, reference, 0.1, 0.1);
    assert_close(d.max_abs, 0.5);
    assert_close(d.max_rel, 0.125);
    assert_true(d.ok); /* 0.5 <= 0.1 + 0.1 * 4 */
    d = mae_compare(&shape, value, reference, 0.09, 0.1);
    assert_false(d.ok);
}

static void doubles_zero_reference(void **state)
{
    (void)state;
    const double reference[] = {0, 0}, value[] = {0, 1e-9};
    mae_shape shape = vector(MAE_F64, 2);
    mae_difference d = mae_compare(&shape, value, reference, 1e-8, 1);
    assert_true(d.ok);
    assert_true(isinf(d.max_rel));
    d = mae_compare(&shape, reference, reference, 0, 0);
    assert_true(d.ok && d.max_abs == 0 && d.max_rel == 0);
}

static void special_values(void **state)
{
    (void)state;
    float inf = (float)INFINITY, nan = (float)NAN;
    const float reference[] = {nan, inf, -inf, 1};
    mae_shape shape = vector(MAE_F32, 4);
    assert_true(mae_compare(&shape, reference, reference, 0, 0).ok);
    static const size_t places[] = {0, 1, 1, 3, 3};
    const float wrong[] = {1, -inf, 1e30f, nan, inf};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        float value[] = {nan, inf, -inf, 1};
        value[places[i]] = wrong[i];
        mae_difference d = mae_compare(&shape, value, reference, 1e9, 1e9);
        assert_false(d.ok);
        assert_true(isinf(d.max_abs));
    }
}

static void half_types(void **state)
{
    (void)state;
    const uint16_t one_f16 = 0x3c00, two_f16 = 0x4000, inf_f16 = 0x7c00, one_bf16 = 0x3f80, three_bf16 = 0x4040;
    const uint16_t a[] = {one_f16, inf_f16}, b[] = {two_f16, inf_f16};
    mae_shape shape = vector(MAE_F16, 2);
    mae_difference d = mae_compare(&shape, a, b, 1, 0);
    assert_close(d.max_abs, 1);
    assert_close(d.max_rel, 0.5);
    assert_true(d.ok);
    assert_false(mae_compare(&shape, a, b, 0.9, 0).ok);
    shape = vector(MAE_BF16, 1);
    assert_close(mae_compare(&shape, &one_bf16, &three_bf16, 0, 0).max_abs, 2);
}

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    const int64_t big[] = {(INT64_C(1) << 60) + 1}, near[] = {INT64_C(1) << 60};
    mae_shape shape = vector(MAE_I64, 1);
    mae_difference d = mae_compare(&shape, big, near, 1e9, 1);
    assert_false(d.ok); /* equal as doubles, and still different */
    assert_true(d.max_abs > 0);
    const uint64_t top[] = {UINT64_MAX}, zero[] = {0};
    shape = vector(MAE_U64, 1);
    assert_true(mae_compare(&shape, top, zero, 0, 0).max_abs > 1e19);
    assert_true(mae_compare(&shape, top, top, 0, 0).ok);
    static const mae_dtype dtypes[] = {MAE_U8, MAE_I8, MAE_U16, MAE_I16, MAE_I32, MAE_U32, MAE_BOOL};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        const unsigned char x[8] = {1, 0, 0, 0, 0, 0, 0, 0}, y[8] = {0};
        shape = vector(dtypes[i], 1);
        assert_true(mae_compare(&shape, x, x, 0, 0).ok);
        assert_false(mae_compare(&shape, x, y, 5, 5).ok);
        assert_close(mae_compare(&shape, x, y, 0, 0).max_abs, 1);
    }
}

static void empty_and_incomparable(void **state)
{
    (void)state;
    mae_shape shape = vector(MAE_F32, 0);
    assert_true(mae_compare(&shape, NULL, NULL, 0, 0).ok);
    shape = vector(MAE_STRING, 1);
    assert_false(mae_compare(&shape, "", "", 0, 0).ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_by_tolerance),     cmocka_unit_test(doubles_zero_reference),
        cmocka_unit_test(special_values),          cmocka_unit_test(half_types),
        cmocka_unit_test(whole_numbers_are_exact), cmocka_unit_test(empty_and_incomparable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
