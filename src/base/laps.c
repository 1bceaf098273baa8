#include "base/laps.h"

#include <stdlib.h>

#include "base/clock.h"

#define KEPT_ROUNDS 128

struct mae_laps {
    size_t n_columns; /* laps, then the whole round */
    size_t rounds;
    uint64_t begin, last;
    double *kept; /* KEPT_ROUNDS rows */
    double *sum;  /* of all rounds */
};

mae_error *mae_laps_create(size_t n_laps, mae_laps **ret_laps)
{
    mae_laps *laps = calloc(1, sizeof(*laps));

    if (!laps)
        return mae_error_nomem();
    laps->n_columns = n_laps + 1;
    laps->kept = calloc(KEPT_ROUNDS * laps->n_columns, sizeof(double));
    laps->sum = calloc(laps->n_columns, sizeof(double));
    if (!laps->kept || !laps->sum) {
        mae_laps_destroy(laps);
        return mae_error_nomem();
    }
    *ret_laps = laps;
    return NULL;
}

void mae_laps_destroy(mae_laps *laps)
{
    if (!laps)
        return;
    free(laps->kept);
    free(laps->sum);
    free(laps);
}

static void add(mae_laps *laps, size_t column, double ns)
{
    laps->sum[column] += ns;
    if (laps->rounds < KEPT_ROUNDS)
        laps->kept[laps->rounds * laps->n_columns + column] = ns;
}

void mae_laps_begin(mae_laps *laps)
{
    laps->begin = laps->last = mae_clock_now_ns();
}

void mae_laps_note(mae_laps *laps, size_t lap)
{
    uint64_t now = mae_clock_now_ns();

    add(laps, lap, (double)(now - laps->last));
    laps->last = now;
}

void mae_laps_end(mae_laps *laps)
{
    add(laps, laps->n_columns - 1, (double)(mae_clock_now_ns() - laps->begin));
    laps->rounds++;
}

mae_error *mae_laps_rounds(const mae_laps *laps, size_t skip, size_t *ret_rounds)
{
    if (skip >= laps->rounds || skip > KEPT_ROUNDS)
        return mae_error_new(MAE_ERR_USAGE, "cannot leave out %zu of %zu runs", skip, laps->rounds);
    *ret_rounds = laps->rounds - skip;
    return NULL;
}

double mae_laps_mean_ns(const mae_laps *laps, size_t lap, size_t skip)
{
    double sum = laps->sum[lap];

    for (size_t i = 0; i < skip; i++)
        sum -= laps->kept[i * laps->n_columns + lap];
    return sum > 0.0 ? sum / (double)(laps->rounds - skip) : 0.0;
}

double mae_laps_total_ns(const mae_laps *laps, size_t skip)
{
    return mae_laps_mean_ns(laps, laps->n_columns - 1, skip);
}
