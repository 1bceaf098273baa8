#include "backends/sim/soc.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Where one tensor is in the present frame. */
typedef struct place {
    int home;      /* PE that produced it; -1: nobody, it is free everywhere */
    uint64_t have; /* PEs it was moved to, as bits */
    bool handed;   /* to a later segment of its home */
} place;

struct sim_soc {
    sim_soc *next;
    char *name, *profile_path;
    int users;
    mae_profile *profile;
    bool virtual_clock;
    pthread_mutex_t lock;
    double virtual_ns; /* fractions of a nanosecond add up */
    place *places;     /* per tensor of the profile */
    int newest;        /* first layer of the last run */
};

/* PEs are opened one by one, by text; what makes those of one SoC meet must outlive each of them. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static sim_soc *all;

static void destroy(sim_soc *soc)
{
    if (!soc)
        return;
    pthread_mutex_destroy(&soc->lock);
    mae_profile_destroy(soc->profile);
    free(soc->places);
    free(soc->name);
    free(soc->profile_path);
    free(soc);
}

static mae_error *create(const char *name, const char *profile_path, bool virtual_clock, sim_soc **ret_soc)
{
    mae_profile *profile = NULL;
    MAE_TRY(mae_profile_read(profile_path, &profile));
    sim_soc *soc = calloc(1, sizeof *soc);
    if (!soc) {
        mae_profile_destroy(profile);
        return mae_error_nomem();
    }
    pthread_mutex_init(&soc->lock, NULL);
    soc->profile = profile;
    soc->virtual_clock = virtual_clock;
    soc->newest = INT32_MAX;
    soc->name = strdup(name);
    soc->profile_path = strdup(profile_path);
    soc->places = calloc(profile->n_tensors + 1, sizeof *soc->places);
    if (!soc->name || !soc->profile_path || !soc->places) {
        destroy(soc);
        return mae_error_nomem();
    }
    for (size_t t = 0; t < profile->n_tensors; t++)
        soc->places[t].home = -1;
    *ret_soc = soc;
    return NULL;
}

static mae_error *find_or_create(const char *name, const char *profile_path, bool virtual_clock, sim_soc **ret_soc)
{
    for (sim_soc *soc = all; soc; soc = soc->next) {
        if (strcmp(soc->name, name) != 0)
            continue;
        if (soc->virtual_clock != virtual_clock || strcmp(soc->profile_path, profile_path) != 0)
            return mae_error_new(MAE_ERR_USAGE, "the PEs of virtual SoC %s must have the same profile and clock", name);
        *ret_soc = soc;
        return NULL;
    }
    MAE_TRY(create(name, profile_path, virtual_clock, ret_soc));
    (*ret_soc)->next = all;
    all = *ret_soc;
    return NULL;
}

mae_error *sim_soc_open(const char *name, const char *profile_path, bool virtual_clock, sim_soc **ret_soc)
{
    pthread_mutex_lock(&all_lock);
    mae_error *error = find_or_create(name, profile_path, virtual_clock, ret_soc);
    if (!error)
        (*ret_soc)->users++;
    pthread_mutex_unlock(&all_lock);
    return error;
}

void sim_soc_close(sim_soc *soc)
{
    if (!soc)
        return;
    pthread_mutex_lock(&all_lock);
    if (--soc->users == 0) {
        sim_soc **link = &all;
        while (*link != soc)
            link = &(*link)->next;
        *link = soc->next;
        destroy(soc);
    }
    pthread_mutex_unlock(&all_lock);
}

const mae_profile *sim_soc_profile(const sim_soc *soc)
{
    return soc->profile;
}

uint64_t sim_soc_now_ns(sim_soc *soc)
{
    if (!soc->virtual_clock)
        return mae_clock_now_ns();
    pthread_mutex_lock(&soc->lock);
    double now = soc->virtual_ns;
    pthread_mutex_unlock(&soc->lock);
    return (uint64_t)llround(now);
}

void sim_soc_wait(sim_soc *soc, uint64_t begin_ns, double ns)
{
    if (!soc->virtual_clock) {
        mae_clock_sleep_until_ns(begin_ns + (uint64_t)llround(ns));
        return;
    }
    pthread_mutex_lock(&soc->lock);
    soc->virtual_ns += ns;
    pthread_mutex_unlock(&soc->lock);
}

void sim_soc_begin(sim_soc *soc, int first_layer)
{
    pthread_mutex_lock(&soc->lock);
    if (first_layer <= soc->newest) {
        for (size_t t = 0; t < soc->profile->n_tensors; t++) {
            int home = soc->profile->tensors[t].producer < 0 ? soc->profile->host : -1;
            soc->places[t] = (place){home, 0, false};
        }
    }
    soc->newest = first_layer;
    pthread_mutex_unlock(&soc->lock);
}

static bool find_override(const mae_profile *profile, int tensor, int from, int to, double *ret_ms)
{
    for (size_t i = 0; i < profile->n_overrides; i++) {
        const mae_transfer_override *row = &profile->overrides[i];
        if (row->tensor == tensor && row->from == from && row->to == to) {
            *ret_ms = row->time_ms;
            return true;
        }
    }
    return false;
}

static mae_error *transfer_ms(const mae_profile *profile, int tensor, int from, int to, double *ret_ms)
{
    if (find_override(profile, tensor, from, to, ret_ms))
        return NULL;
    const mae_transfer *row = &profile->transfers[(size_t)from * profile->n_pes + (size_t)to];
    if (!row->crossable && from != to)
        return mae_error_new(MAE_ERR_FAILED, "no transfer of %s from %s to %s", profile->tensors[tensor].name,
                             profile->pes[from].name, profile->pes[to].name);
    *ret_ms = row->crossable ? row->fixed_ms + row->ms_per_mib * profile->tensors[tensor].bytes / 1048576.0 : 0;
    return NULL;
}

/* Section 2 of docs/formats.md, one tensor at a time; the SoC is locked. */
static mae_error *fetch(sim_soc *soc, int tensor, int pe, double *ret_ms)
{
    place *where = &soc->places[tensor];
    bool is_input = soc->profile->tensors[tensor].producer < 0;
    double ms = 0;
    if (where->home == pe && !is_input && !where->handed) {
        MAE_TRY(transfer_ms(soc->profile, tensor, pe, pe, &ms));
        where->handed = true;
    } else if (where->home >= 0 && where->home != pe && !(where->have >> pe & 1)) {
        MAE_TRY(transfer_ms(soc->profile, tensor, where->home, pe, &ms));
        where->have |= UINT64_C(1) << pe;
    }
    *ret_ms = ms;
    return NULL;
}

mae_error *sim_soc_fetch(sim_soc *soc, int tensor, int pe, double *ret_ms)
{
    pthread_mutex_lock(&soc->lock);
    mae_error *error = fetch(soc, tensor, pe, ret_ms);
    pthread_mutex_unlock(&soc->lock);
    return error;
}

mae_error *sim_soc_produce(sim_soc *soc, int tensor, int pe, double *ret_ms)
{
    pthread_mutex_lock(&soc->lock);
    const mae_profile *profile = soc->profile;
    soc->places[tensor] = (place){pe, 0, false};
    mae_error *error = NULL;
    double ms = 0;
    if (profile->tensors[tensor].is_output && profile->host >= 0 && profile->host != pe)
        error = fetch(soc, tensor, profile->host, &ms);
    pthread_mutex_unlock(&soc->lock);
    if (!error)
        *ret_ms = ms;
    return error;
}
