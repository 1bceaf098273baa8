/* Resources, and the sets of them that may hold a pipeline. */
#include <stdlib.h>
#include <string.h>

#include "plan/period.h"

void mae_period_find_resources(const mae_model *m, mae_period_resources *ret_resources)
{
    const mae_profile *p = m->profile;
    int number[64];
    *ret_resources = (mae_period_resources){.n = 0};
    for (int pe = 0; pe < (int)p->n_pes; pe++) {
        int same = 0;
        while (strcmp(p->pes[same].resource, p->pes[pe].resource) != 0)
            same++;
        number[pe] = same == pe ? ret_resources->n++ : number[same];
        ret_resources->of_pe[m->rank_of[pe]] = number[pe];
    }
}

static int most_members(int resources)
{
    if (resources <= MAE_PERIOD_EXACT)
        return resources;
    return resources <= MAE_PERIOD_SHARED ? MAE_PERIOD_FEW : 1;
}

/* Sets of `members` resources, or, where there are too many for that, each resource. */
static void add_sets(mae_period_groups *groups, int members)
{
    int n = groups->resources->n;
    if (n > MAE_PERIOD_SHARED) {
        for (int r = 0; r < n; r++)
            groups->groups[groups->n++] = (mae_period_group){.resources = UINT64_C(1) << r, .period = MAE_NEVER};
        return;
    }
    for (uint64_t set = 1; set < UINT64_C(1) << n; set++)
        if (__builtin_popcountll(set) == members)
            groups->groups[groups->n++] = (mae_period_group){.resources = set, .period = MAE_NEVER};
}

mae_error *mae_period_groups_make(mae_period_groups *groups)
{
    int n = groups->resources->n, most = most_members(n);
    size_t room = n > MAE_PERIOD_SHARED ? (size_t)n : (size_t)1 << n;
    groups->n = 0;
    groups->groups = calloc(room, sizeof *groups->groups);
    if (!groups->groups)
        return mae_error_nomem();
    for (int members = 1; members <= most; members++)
        add_sets(groups, members);
    return NULL;
}

void mae_period_groups_finish(mae_period_groups *groups)
{
    for (size_t i = 0; groups->groups && i < groups->n; i++)
        free(groups->groups[i].mapping);
    free(groups->groups);
    groups->groups = NULL;
    groups->n = 0;
}

size_t mae_period_group_of(const mae_period_groups *groups, uint64_t resources)
{
    for (size_t i = 0; i < groups->n; i++)
        if (groups->groups[i].resources == resources)
            return i;
    return SIZE_MAX;
}
