/* Inside of a virtual SoC. Everything below `lock` is under it. */
#ifndef MAE_BACKENDS_SIM_SOC_IMPL_H
#define MAE_BACKENDS_SIM_SOC_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "backends/sim/power.h"
#include "backends/sim/script.h"
#include "backends/sim/soc.h"
#include "backends/sim/tree.h"
#include "mae/backend.h"

/* Where one tensor is in its present frame. */
typedef struct sim_place {
    int home;       /* PE that produced it; -1: nobody, it is free everywhere */
    uint64_t have;  /* PEs it was moved to, as bits */
    uint64_t epoch; /* of the present frame, from 1 */
    bool handed;    /* to a later segment of its home */
} sim_place;

typedef struct sim_groups sim_groups;

/* A PE of the profile, opened or not. */
typedef struct sim_pe_state {
    int resource;       /* the first PE with the same */
    double slow;        /* by option */
    double *contention; /* per PE: factor on this one's times while that one runs; NULL: not opened */
    /* by script */
    double script_slow, lie, stalled_until_ns;
    double delay_ns; /* of its next run */
    bool lost;
    uint64_t attempts;
    int group; /* whose frames overlap, from 1; 0: its frames follow one another */
    /* on a real clock: the end of its last run, by the model, and who was told of it when */
    double end_ns, told_ns;
    pthread_t told;
} sim_pe_state;

struct sim_soc {
    sim_soc *next;
    int users;
    char *text[SIM_N_SOC_KEYS]; /* the first PE's options */
    char *name;
    sim_settings settings; /* strings are those of `text` */
    mae_profile *profile;
    sim_script script;
    uint64_t origin_ns; /* of the real clock, at which the SoC's is 0 */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic uint64_t generation; /* of `changed` */
    _Atomic uint64_t virtual_ns; /* now_ns, rounded, readable without the lock */
    double now_ns;               /* since the SoC was made */
    sim_job *jobs;
    int held;
    double pace;      /* on all times of all PEs */
    size_t script_at; /* next event by time */
    sim_power power;
    sim_tree *tree; /* NULL: none */
    double next_reading_ns;
    bool unwritten; /* the meter has read since the files were written */
    uint64_t alarm_ns;
    mae_clock_alarm *alarm;
    void *alarm_ctx;
    pthread_t writer; /* on a real clock, with a tree */
    bool has_writer, closing;
    sim_pe_state *pes;
    sim_place *places; /* per tensor of the profile */
    size_t *first_use; /* per layer: number of its first input */
    uint64_t *seen;    /* per input of all layers: epoch in which it was brought */
    uint64_t *layer_runs;
    sim_groups *groups; /* NULL: there are none */
};

/* groups.c: the SoC is locked. */
sim_groups *sim_groups_create(const mae_profile *profile); /* NULL: out of memory */
void sim_groups_destroy(sim_groups *groups);               /* takes NULL */
MAE_MUST_CHECK mae_error *sim_groups_fetch(sim_soc *soc, int tensor, int pe, const size_t *uses, size_t n_uses,
                                           sim_phase *ret_cost);
MAE_MUST_CHECK mae_error *sim_groups_produce(sim_soc *soc, int tensor, int pe, sim_phase *ret_cost);
/* places.c: by a transfer row or an override. */
MAE_MUST_CHECK mae_error *sim_soc_transfer(const mae_profile *profile, int tensor, int from, int to,
                                           sim_phase *ret_cost);

/* places.c */
MAE_MUST_CHECK mae_error *sim_places_init(sim_soc *soc);
/* events.c: the SoC is locked. */
/* To an instant not behind the next event, whatever happens then included. */
void sim_events_step(sim_soc *soc, double to_ns);
double sim_events_next_ns(const sim_soc *soc);
/* All that happens at the present instant. */
void sim_events_settle(sim_soc *soc);
void sim_events_happen(sim_soc *soc, const sim_script_event *event);
/* When what drives the runs' rates, runs aside, changes next; and when a running job ends if nothing does. */
double sim_events_disturbance_ns(const sim_soc *soc);
double sim_events_end_ns(const sim_soc *soc, const sim_job *job);
/* Part of a job that begins is over already: its first `ns`, of which the energy is used now. */
void sim_events_skip(sim_soc *soc, sim_job *job, double ns);
/* Writes what the meter has read since the last time. */
void sim_events_show(sim_soc *soc);
/* Lets what has happened by now on a real clock happen. */
void sim_events_catch_up(sim_soc *soc);
/* Wakes all that wait. */
void sim_events_announce(sim_soc *soc);

/* time.c; start is called when all else is there, stop before anything goes. */
MAE_MUST_CHECK mae_error *sim_time_start(sim_soc *soc);
void sim_time_stop(sim_soc *soc);

#endif
