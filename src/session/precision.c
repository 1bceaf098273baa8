/* What a plan computes in, beside what it is compared with. */
#include <string.h>

#include "session/bench.h"

static const char *precision_of(const mae_bench *bench, const char *pe)
{
    for (size_t i = 0; i < bench->n_single; i++)
        if (strcmp(bench->single[i].name, pe) == 0)
            return bench->single[i].precision;
    return "";
}

static bool has(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

mae_error *mae_bench_find_precisions(mae_bench_result *result, const char *baseline)
{
    mae_bench *bench = &result->bench;
    const char **list = mae_arena_array(result->arena, bench->plan->n_segments, sizeof *list);
    size_t n = 0;
    if (!list)
        return mae_error_nomem();
    for (size_t s = 0; s < bench->plan->n_segments; s++) {
        const char *precision = precision_of(bench, bench->plan->segments[s].pe);
        if (*precision && !has(list, n, precision))
            list[n++] = precision;
    }
    bench->precisions = list;
    bench->n_precisions = n;
    bench->mixed_precision = n > 1 || (n == 1 && *baseline && strcmp(list[0], baseline) != 0);
    return NULL;
}
