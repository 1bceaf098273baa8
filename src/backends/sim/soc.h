/* What the PEs of one virtual SoC share: the profile, time, energy, what goes wrong, and who holds which tensor. */
#ifndef MAE_BACKENDS_SIM_SOC_H
#define MAE_BACKENDS_SIM_SOC_H

#include "backends/sim/options.h"
#include "core/profile.h"
#include "mae/backend.h"

typedef struct sim_soc sim_soc;

/* The SoC of that name, made if there is none; each open has its close. */
MAE_MUST_CHECK mae_error *sim_soc_open(const sim_options *options, sim_soc **ret_soc);
void sim_soc_close(sim_soc *soc); /* takes NULL */

const mae_profile *sim_soc_profile(const sim_soc *soc);
double sim_soc_stretch(const sim_soc *soc);

/* What the options of the PE say of it. */
MAE_MUST_CHECK mae_error *sim_soc_set_pe(sim_soc *soc, int pe, const sim_options *options);
MAE_MUST_CHECK mae_error *sim_soc_set_idle(sim_soc *soc, int pe, const sim_options *options);

/* ---- time (time.c) ---- */

uint64_t sim_soc_now_ns(sim_soc *soc);
/* As mae_clock_service has it. */
bool sim_soc_set_alarm(sim_soc *soc, uint64_t first_ns, mae_clock_alarm *alarm, void *ctx);

/* A part of a run: how long it takes undisturbed, and its energy above idle. */
typedef struct sim_phase {
    double ns, mj;
} sim_phase;

typedef enum sim_job_state { SIM_QUEUED = 0, SIM_RUNNING, SIM_DONE, SIM_LOST } sim_job_state;

/* A run, from its submission to the end of the wait for it. */
typedef struct sim_job {
    struct sim_job *next; /* in the order they came */
    int pe;               /* -1: nothing is run, the thread just waits */
    size_t n;
    const sim_phase *phases;
    double time_factor, energy_factor; /* on all phases */
    double *spent_ns;                  /* per phase; what it took. NULL: not wanted */
    size_t queue_phase;                /* waiting for the resource counts as part of this one */
    bool (*done)(void *ctx);           /* a wait that is over as soon as this says so; NULL: it is not */
    void *done_ctx;
    sim_job_state state;
    size_t at; /* present phase */
    double left_ns, used_mj;
} sim_job;

/* Counts a run of the PE that begins now, which may be when something goes wrong. MAE_ERR_LOST when the PE is gone. */
MAE_MUST_CHECK mae_error *sim_soc_attempt(sim_soc *soc, int pe);
/* MAE_ERR_LOST when the PE is gone now. */
MAE_MUST_CHECK mae_error *sim_soc_check(sim_soc *soc, int pe);

/* The job begins as soon as its resource is free. */
void sim_soc_submit(sim_soc *soc, sim_job *job);
/* Until it has ended. MAE_ERR_LOST when the PE is lost before. */
MAE_MUST_CHECK mae_error *sim_soc_wait(sim_soc *soc, sim_job *job);

/* What the PE's own time measurement is off by. */
double sim_soc_lie(sim_soc *soc, int pe);

/* A virtual clock stands still while fewer threads are inside runs than are held. */
void sim_soc_hold(sim_soc *soc, int change);

/* Energy since the SoC was made, idle draw included, of the rail of this label; NULL: of all. -1: no such rail. */
double sim_soc_energy_mj(sim_soc *soc, const char *rail);
double sim_soc_celsius(sim_soc *soc);

/* Is its clock a virtual one? */
bool sim_soc_is_virtual(const sim_soc *soc);
/* Waits until `done` says so, or for so long; true: done. Who makes `done` true then lets go by sim_soc_hold(). */
bool sim_soc_wait_for(sim_soc *soc, double ns, bool (*done)(void *ctx), void *ctx);
/* All times of all PEs are `factor` as long from now on; the air around has this temperature. */
void sim_soc_set_pace(sim_soc *soc, double factor);
void sim_soc_set_ambient(sim_soc *soc, double celsius);

/* ---- tensors (places.c) ---- */

/* What it costs now to bring a tensor of the profile to `pe`, which produced it in an earlier segment, or did not; and
 * what it costs that `pe` has produced it. `uses` are the inputs of the profile's layers, counted through, for which it
 * is brought. MAE_ERR_FAILED where no transfer exists. Undisturbed costs. */
MAE_MUST_CHECK mae_error *sim_soc_fetch(sim_soc *soc, int tensor, int pe, const size_t *uses, size_t n_uses,
                                        sim_phase *ret_cost);
MAE_MUST_CHECK mae_error *sim_soc_produce(sim_soc *soc, int tensor, int pe, sim_phase *ret_cost);

/* As mae_virtual_service has it; false: there are not so many groups, or no memory. */
bool sim_soc_set_group(sim_soc *soc, int pe, int group);

/* The number of the layer's first input, all inputs of all layers counted through. */
size_t sim_soc_first_use(const sim_soc *soc, int layer);

/* Layers `first` to `last` of the profile have run; and how often one has. */
void sim_soc_count_layers(sim_soc *soc, int first, int last);
uint64_t sim_soc_layer_runs(sim_soc *soc, int layer);

#endif
