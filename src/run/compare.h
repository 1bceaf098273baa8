/* Comparing outputs with the reference's. */
#ifndef MAE_RUN_COMPARE_H
#define MAE_RUN_COMPARE_H

#include <stdbool.h>

#include "mae/types.h"

typedef struct mae_difference {
    double max_abs; /* infinite when one side has a NaN or an infinity that the other has not */
    double max_rel; /* max_abs / max |reference| (0 when both are 0) */
    bool ok;        /* every |value - reference| <= abs + rel * max |reference|; integers, bools: equal */
} mae_difference;

/* Dense tensors of the same shape; elements of any numeric type. */
mae_difference mae_compare(const mae_shape *shape, const void *value, const void *reference, double abs_tolerance,
                           double rel_tolerance);

#endif
