/* Order statistics and small fits. */
#ifndef MAE_BASE_STATS_H
#define MAE_BASE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sorts `values` in place. */
void mae_stats_sort(double *values, size_t n);

/* Quantile q (0 to 1) of sorted values, interpolated; 0 for n == 0. */
double mae_stats_quantile(const double *sorted, size_t n, double q);

/* Median and its distribution-free 95 % interval (order statistics by the binomial distribution) of
 * `values`, which are sorted in place. With fewer than 6 values the interval is the range. */
typedef struct mae_stats_median {
    double median, low, high;
    size_t n;
} mae_stats_median;
mae_stats_median mae_stats_median_of(double *values, size_t n);

/* The same at another confidence (0 to 1, exclusive): false, and the range, where so few values cannot give it. */
bool mae_stats_median_at(double *values, size_t n, double confidence, mae_stats_median *ret_median);

/* Least squares y = a + b x with a, b >= 0 and weights; residual is the weighted root mean square. */
typedef struct mae_stats_line {
    double a, b, residual;
} mae_stats_line;
mae_stats_line mae_stats_fit_line(const double *x, const double *y, const double *weight, size_t n);

/* A small reproducible generator (splitmix64). */
typedef struct mae_rng {
    uint64_t state;
} mae_rng;
uint64_t mae_rng_next(mae_rng *rng);
double mae_rng_uniform(mae_rng *rng); /* [0, 1) */
double mae_rng_normal(mae_rng *rng);  /* mean 0, variance 1 */

#endif
