/* Section 2 of docs/formats.md, one tensor at a time: who has which tensor, and what it costs to bring it. */
#include <stdlib.h>

#include "backends/sim/soc_impl.h"

static void reset(sim_place *place, int home)
{
    *place = (sim_place){.home = home, .epoch = place->epoch + 1};
}

static int first_home(const sim_soc *soc, int tensor)
{
    return soc->profile->tensors[tensor].producer < 0 ? soc->profile->host : -1;
}

mae_error *sim_places_init(sim_soc *soc)
{
    const mae_profile *profile = soc->profile;
    size_t n = 0;
    soc->places = calloc(profile->n_tensors + 1, sizeof *soc->places);
    soc->first_use = calloc(profile->n_layers + 1, sizeof *soc->first_use);
    soc->layer_runs = calloc(profile->n_layers, sizeof *soc->layer_runs);
    if (!soc->places || !soc->first_use || !soc->layer_runs)
        return mae_error_nomem();
    for (size_t l = 0; l < profile->n_layers; l++) {
        soc->first_use[l] = n;
        n += profile->layers[l].n_inputs;
    }
    soc->seen = calloc(n + 1, sizeof *soc->seen);
    if (!soc->seen)
        return mae_error_nomem();
    for (size_t t = 0; t < profile->n_tensors; t++)
        reset(&soc->places[t], first_home(soc, (int)t));
    return NULL;
}

size_t sim_soc_first_use(const sim_soc *soc, int layer)
{
    return soc->first_use[layer];
}

static const mae_transfer_override *find_override(const mae_profile *profile, int tensor, int from, int to)
{
    for (size_t i = 0; i < profile->n_overrides; i++) {
        const mae_transfer_override *row = &profile->overrides[i];
        if (row->tensor == tensor && row->from == from && row->to == to)
            return row;
    }
    return NULL;
}

mae_error *sim_soc_transfer(const mae_profile *profile, int tensor, int from, int to, sim_phase *ret_cost)
{
    const mae_transfer_override *override = find_override(profile, tensor, from, to);
    if (override) {
        *ret_cost = (sim_phase){override->time_ms * 1e6, override->energy_mj};
        return NULL;
    }
    const mae_transfer *row = &profile->transfers[(size_t)from * profile->n_pes + (size_t)to];
    double mib = profile->tensors[tensor].bytes / 1048576.0;
    if (row->crossable)
        *ret_cost = (sim_phase){(row->fixed_ms + row->ms_per_mib * mib) * 1e6, row->fixed_mj + row->mj_per_mib * mib};
    else if (from != to)
        return mae_error_new(MAE_ERR_FAILED, "no transfer of %s from %s to %s", profile->tensors[tensor].name,
                             profile->pes[from].name, profile->pes[to].name);
    return NULL;
}

/* An input that is brought a second time for the same layer is the next frame's: its place starts anew, and so does
 * that of a tensor whose producer has not run in this frame. */
static void note_uses(sim_soc *soc, int tensor, const size_t *uses, size_t n_uses)
{
    sim_place *place = &soc->places[tensor];
    bool again = false;
    for (size_t i = 0; i < n_uses; i++)
        again = again || soc->seen[uses[i]] == place->epoch;
    if (again)
        reset(place, first_home(soc, tensor));
    for (size_t i = 0; i < n_uses; i++)
        soc->seen[uses[i]] = place->epoch;
}

static mae_error *fetch(sim_soc *soc, int tensor, int pe, sim_phase *ret_cost)
{
    sim_place *place = &soc->places[tensor];
    bool is_input = soc->profile->tensors[tensor].producer < 0;
    sim_phase cost = {0, 0};
    if (place->home == pe && !is_input && !place->handed) {
        MAE_TRY(sim_soc_transfer(soc->profile, tensor, pe, pe, &cost));
        place->handed = true;
    } else if (place->home >= 0 && place->home != pe && !(place->have >> pe & 1)) {
        MAE_TRY(sim_soc_transfer(soc->profile, tensor, place->home, pe, &cost));
        place->have |= UINT64_C(1) << pe;
    }
    *ret_cost = cost;
    return NULL;
}

mae_error *sim_soc_fetch(sim_soc *soc, int tensor, int pe, const size_t *uses, size_t n_uses, sim_phase *ret_cost)
{
    mae_error *error;
    pthread_mutex_lock(&soc->lock);
    if (soc->pes[pe].group) {
        error = sim_groups_fetch(soc, tensor, pe, uses, n_uses, ret_cost);
    } else {
        note_uses(soc, tensor, uses, n_uses);
        error = fetch(soc, tensor, pe, ret_cost);
    }
    pthread_mutex_unlock(&soc->lock);
    return error;
}

mae_error *sim_soc_produce(sim_soc *soc, int tensor, int pe, sim_phase *ret_cost)
{
    pthread_mutex_lock(&soc->lock);
    const mae_profile *profile = soc->profile;
    mae_error *error = NULL;
    sim_phase cost = {0, 0};
    if (soc->pes[pe].group)
        error = sim_groups_produce(soc, tensor, pe, &cost);
    else
        reset(&soc->places[tensor], pe);
    if (!soc->pes[pe].group && profile->tensors[tensor].is_output && profile->host >= 0 && profile->host != pe)
        error = fetch(soc, tensor, profile->host, &cost);
    pthread_mutex_unlock(&soc->lock);
    if (!error)
        *ret_cost = cost;
    return error;
}

void sim_soc_count_layers(sim_soc *soc, int first, int last)
{
    pthread_mutex_lock(&soc->lock);
    for (int l = first; l <= last; l++)
        soc->layer_runs[l]++;
    pthread_mutex_unlock(&soc->lock);
}

uint64_t sim_soc_layer_runs(sim_soc *soc, int layer)
{
    pthread_mutex_lock(&soc->lock);
    uint64_t runs = soc->layer_runs[layer];
    pthread_mutex_unlock(&soc->lock);
    return runs;
}
