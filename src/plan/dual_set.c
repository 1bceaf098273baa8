#include <stdlib.h>
#include <string.h>

#include "plan/dual.h"

const mae_dual *mae_dual_set_get(mae_dual_set *set, const double line[2])
{
    for (size_t i = 0; i < set->n; i++)
        if (set->lines[i][0] == line[0] && set->lines[i][1] == line[1])
            return set->duals[i];
    mae_dual **duals = realloc(set->duals, (set->n + 1) * sizeof(*duals));
    if (duals)
        set->duals = duals;
    double(*lines)[2] = realloc(set->lines, (set->n + 1) * sizeof *lines);
    if (lines)
        set->lines = lines;
    if (!duals || !lines || !mae_dual_create(set->m, line, &set->duals[set->n]))
        return NULL;
    memcpy(set->lines[set->n], line, sizeof *set->lines);
    return set->duals[set->n++];
}

void mae_dual_set_finish(mae_dual_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        mae_dual_destroy(set->duals[i]);
    free(set->duals);
    free(set->lines);
    *set = (mae_dual_set){0};
}
