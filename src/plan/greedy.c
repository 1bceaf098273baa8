/* What a runtime with a priority list does today: no costs, only who supports what. */
#include <stdlib.h>

#include "plan/plan.h"

static size_t count_supported(const mae_profile *profile, size_t pe)
{
    size_t n = 0;
    for (size_t l = 0; l < profile->n_layers; l++)
        n += profile->costs[l * profile->n_pes + pe].supported;
    return n;
}

void mae_priority(const mae_profile *profile, int *ret_order)
{
    for (size_t i = 0; i < profile->n_pes; i++) {
        size_t supported = count_supported(profile, i), at = i;
        for (; at > 0 && count_supported(profile, (size_t)ret_order[at - 1]) > supported; at--)
            ret_order[at] = ret_order[at - 1];
        ret_order[at] = (int)i;
    }
}

/* The first PE of the list that supports the layer; -1 without one. */
static int first_of(const mae_profile *profile, const int *priority, size_t n, size_t layer)
{
    for (size_t i = 0; i < n; i++)
        if (profile->costs[layer * profile->n_pes + (size_t)priority[i]].supported)
            return priority[i];
    return -1;
}

static mae_error *map(const mae_profile *profile, const int *priority, size_t n, int *ret_mapping)
{
    for (size_t l = 0; l < profile->n_layers; l++)
        if (first_of(profile, priority, n, l) < 0)
            return mae_error_new(MAE_ERR_UNSUPPORTED, "no PE of the priority list can run layer \"%s\"",
                                 profile->layers[l].name);
    for (size_t l = 0; l < profile->n_layers; l++)
        ret_mapping[l] = first_of(profile, priority, n, l);
    return NULL;
}

mae_error *mae_greedy(const mae_profile *profile, const int *priority, size_t n_priority, int *ret_mapping)
{
    for (size_t i = 0; i < n_priority; i++)
        if (priority[i] < 0 || (size_t)priority[i] >= profile->n_pes)
            return mae_error_new(MAE_ERR_USAGE, "priority %zu is no PE of the profile", i + 1);
    if (n_priority > 0)
        return map(profile, priority, n_priority, ret_mapping);
    int *order = malloc((profile->n_pes + 1) * sizeof *order);
    if (!order)
        return mae_error_nomem();
    mae_priority(profile, order);
    mae_error *error = map(profile, order, profile->n_pes, ret_mapping);
    free(order);
    return error;
}
