#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void mae_stats_sort(double *values, size_t n)
{
    if (n)
        qsort(values, n, sizeof *values, ascending);
}

double mae_stats_quantile(const double *sorted, size_t n, double q)
{
    if (n == 0)
        return 0;
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n)
        return sorted[n - 1];
    double part = at - (double)low;
    return sorted[low] + part * (sorted[low + 1] - sorted[low]);
}

/* Largest k such that the k-th smallest and k-th largest of n values enclose the median with a probability of at
 * least 1 - 2 tail: P(Binomial(n, 1/2) < k) <= tail. 0 if there is none. */
static size_t enclosing_rank(size_t n, double tail)
{
    double log_term = -(double)n * log(2.0), sum = 0;
    size_t k = 0;
    while (k < n / 2) {
        sum += exp(log_term);
        if (sum > tail)
            break;
        log_term += log((double)(n - k)) - log((double)(k + 1));
        k++;
    }
    return k;
}

bool mae_stats_median_at(double *values, size_t n, double confidence, mae_stats_median *ret_median)
{
    *ret_median = (mae_stats_median){0, 0, 0, n};
    if (n == 0)
        return false;
    mae_stats_sort(values, n);
    size_t k = enclosing_rank(n, (1 - confidence) / 2);
    ret_median->median = mae_stats_quantile(values, n, 0.5);
    ret_median->low = values[k ? k - 1 : 0];
    ret_median->high = values[k ? n - k : n - 1];
    return k > 0;
}

mae_stats_median mae_stats_median_of(double *values, size_t n)
{
    mae_stats_median result;
    (void)mae_stats_median_at(values, n, 0.95, &result);
    return result;
}

static double residual_of(const double *x, const double *y, const double *weight, size_t n, double a, double b)
{
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1, d = y[i] - a - b * x[i];
        sum += w * d * d;
        total += w;
    }
    return total > 0 ? sqrt(sum / total) : 0;
}

mae_stats_line mae_stats_fit_line(const double *x, const double *y, const double *weight, size_t n)
{
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
    for (size_t i = 0; i < n; i++) {
        double u = weight ? weight[i] : 1;
        w += u;
        wx += u * x[i];
        wy += u * y[i];
        wxx += u * x[i] * x[i];
        wxy += u * x[i] * y[i];
    }
    mae_stats_line line = {0, 0, 0};
    if (w <= 0)
        return line;
    double det = w * wxx - wx * wx;
    line.b = det > 1e-12 * w * wxx ? (w * wxy - wx * wy) / det : 0;
    line.a = (wy - line.b * wx) / w;
    /* A cost below nothing has no meaning: the best line on the border of the allowed quarter. */
    if (line.b < 0) {
        line.b = 0;
        line.a = wy / w;
    }
    if (line.a < 0) {
        line.a = 0;
        line.b = wxx > 0 ? fmax(0, wxy / wxx) : 0;
    }
    line.residual = residual_of(x, y, weight, n, line.a, line.b);
    return line;
}

uint64_t mae_rng_next(mae_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double mae_rng_uniform(mae_rng *rng)
{
    return (double)(mae_rng_next(rng) >> 11) * 0x1p-53;
}

double mae_rng_normal(mae_rng *rng)
{
    double u = 1 - mae_rng_uniform(rng); /* never 0 */
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * mae_rng_uniform(rng));
}
