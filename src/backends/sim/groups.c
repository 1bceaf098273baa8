/* Frames that overlap: who brings which tensor when several frames are under way. Each PE counts the frames of a tensor
 * by its own uses of it, and a tensor's home is the PE of the group that made it last. */
#include <stdlib.h>

#include "backends/sim/soc_impl.h"

struct sim_groups {
    int *homes;       /* per group and tensor; UNKNOWN: not made yet */
    uint64_t *frames; /* per tensor and PE: times it was brought or handed over */
    uint64_t *seen;   /* per use and PE: the frame in which it was brought for it */
};

#define UNKNOWN (-2)

sim_groups *sim_groups_create(const mae_profile *profile)
{
    size_t uses = 0, n = profile->n_pes, homes = (n + 1) * profile->n_tensors;
    for (size_t l = 0; l < profile->n_layers; l++)
        uses += profile->layers[l].n_inputs;
    sim_groups *groups = calloc(1, sizeof *groups);
    if (!groups)
        return NULL;
    groups->homes = malloc((homes + 1) * sizeof *groups->homes);
    groups->frames = calloc(profile->n_tensors * n + 1, sizeof *groups->frames);
    groups->seen = calloc(uses * n + 1, sizeof *groups->seen);
    if (!groups->homes || !groups->frames || !groups->seen) {
        sim_groups_destroy(groups);
        return NULL;
    }
    for (size_t i = 0; i < homes; i++)
        groups->homes[i] = UNKNOWN;
    return groups;
}

void sim_groups_destroy(sim_groups *groups)
{
    if (!groups)
        return;
    free(groups->homes);
    free(groups->frames);
    free(groups->seen);
    free(groups);
}

static int *home_of(sim_soc *soc, int tensor, int pe)
{
    return &soc->groups->homes[(size_t)soc->pes[pe].group * soc->profile->n_tensors + (size_t)tensor];
}

/* Is it the first time in the PE's present frame? A use that comes again begins the next one. */
static bool is_first(sim_soc *soc, int tensor, int pe, const size_t *uses, size_t n_uses)
{
    size_t n = soc->profile->n_pes;
    uint64_t *frame = &soc->groups->frames[(size_t)tensor * n + (size_t)pe];
    bool first = *frame == 0;
    for (size_t i = 0; i < n_uses; i++)
        first = first || soc->groups->seen[uses[i] * n + (size_t)pe] == *frame;
    *frame += first;
    for (size_t i = 0; i < n_uses; i++)
        soc->groups->seen[uses[i] * n + (size_t)pe] = *frame;
    return first;
}

mae_error *sim_groups_fetch(sim_soc *soc, int tensor, int pe, const size_t *uses, size_t n_uses, sim_phase *ret_cost)
{
    const mae_profile_tensor *t = &soc->profile->tensors[tensor];
    bool is_input = t->producer < 0, first = is_first(soc, tensor, pe, uses, n_uses);
    int made_by = *home_of(soc, tensor, pe), home = is_input ? soc->profile->host : made_by;
    *ret_cost = (sim_phase){0, 0};
    if (!first || home < 0 || (home == pe && is_input))
        return NULL;
    if (home != pe && pe == soc->profile->host && t->is_output)
        return NULL; /* who made it brought it there */
    return sim_soc_transfer(soc->profile, tensor, home, pe, ret_cost);
}

mae_error *sim_groups_produce(sim_soc *soc, int tensor, int pe, sim_phase *ret_cost)
{
    int host = soc->profile->host;
    *home_of(soc, tensor, pe) = pe;
    *ret_cost = (sim_phase){0, 0};
    if (!soc->profile->tensors[tensor].is_output || host < 0 || host == pe)
        return NULL;
    return sim_soc_transfer(soc->profile, tensor, pe, host, ret_cost);
}

bool sim_soc_set_group(sim_soc *soc, int pe, int group)
{
    pthread_mutex_lock(&soc->lock);
    bool fits = group >= 0 && (size_t)group <= soc->profile->n_pes;
    if (fits && group > 0 && !soc->groups)
        fits = (soc->groups = sim_groups_create(soc->profile)) != NULL;
    if (fits)
        soc->pes[pe].group = group;
    pthread_mutex_unlock(&soc->lock);
    return fits;
}
