/* Least squares with no negative coefficient. */
#ifndef MAE_PROFILE_NNLS_H
#define MAE_PROFILE_NNLS_H

#include <stddef.h>

#include "base/error.h"

/* Minimises |A x - y| over x >= 0; `a` is n_rows x n_columns, row-major. A column of zeros gets 0; what the
 * rows cannot tell apart is shared out. */
MAE_MUST_CHECK mae_error *mae_nnls(const double *a, const double *y, size_t n_rows, size_t n_columns, double *ret_x);

#endif
