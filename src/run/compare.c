#include "run/compare.h"

#include <math.h>

#include "core/graph.h"

static bool is_float(mae_dtype dtype)
{
    return dtype == MAE_F32 || dtype == MAE_F64 || dtype == MAE_F16 || dtype == MAE_BF16;
}

/* Equal not-a-numbers and equal infinities differ by nothing; one-sided ones by everything. */
static double distance(double value, double reference)
{
    if (value == reference || (isnan(value) && isnan(reference)))
        return 0;
    double d = fabs(value - reference);
    return isnan(d) ? (double)INFINITY : d;
}

/* Whole numbers: exact equality decides; the distance is for the reader. */
static double distance_i64(int64_t value, int64_t reference, mae_dtype dtype)
{
    if (value == reference)
        return 0;
    double d = dtype == MAE_U64 ? fabs((double)(uint64_t)value - (double)(uint64_t)reference)
                                : fabs((double)value - (double)reference);
    return d > 0 ? d : 1; /* neighbours beyond 2^53 */
}

static double magnitude_i64(int64_t reference, mae_dtype dtype)
{
    return dtype == MAE_U64 ? (double)(uint64_t)reference : fabs((double)reference);
}

mae_difference mae_compare(const mae_shape *shape, const void *value, const void *reference, double abs_tolerance,
                           double rel_tolerance)
{
    mae_difference result = {0, 0, true};
    size_t n;
    if (mae_dtype_size(shape->dtype) == 0 || !mae_shape_count(shape, &n))
        return (mae_difference){(double)INFINITY, (double)INFINITY, false};
    const mae_tensor a = {.shape = *shape, .data = value, .is_constant = true, .is_static = true};
    const mae_tensor b = {.shape = *shape, .data = reference, .is_constant = true, .is_static = true};
    bool floats = is_float(shape->dtype);
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double d, m;
        if (floats) {
            double r = mae_tensor_f64(&b, i);
            d = distance(mae_tensor_f64(&a, i), r);
            m = isfinite(r) ? fabs(r) : 0;
        } else {
            int64_t r = mae_tensor_i64(&b, i);
            d = distance_i64(mae_tensor_i64(&a, i), r, shape->dtype);
            m = magnitude_i64(r, shape->dtype);
        }
        result.max_abs = d > result.max_abs ? d : result.max_abs;
        largest = m > largest ? m : largest;
    }
    if (result.max_abs > 0)
        result.max_rel = largest > 0 ? result.max_abs / largest : (double)INFINITY;
    result.ok = floats ? result.max_abs <= abs_tolerance + rel_tolerance * largest : result.max_abs == 0;
    return result;
}
