/* A virtual PE, shared by the files of this backend. */
#ifndef MAE_BACKENDS_SIM_PE_H
#define MAE_BACKENDS_SIM_PE_H

#include "backends/sim/reference.h"
#include "backends/sim/soc.h"
#include "base/stats.h"
#include "mae/backend.h"

typedef enum sim_event { SIM_COMPILE = 0, SIM_BIND, SIM_RUN } sim_event;

typedef struct sim_fault {
    bool armed, lost;
    sim_event at;
    int after;   /* how many of these go well */
    char *layer; /* of the segments that count; NULL: all */
} sim_fault;

typedef struct sim_pe {
    mae_pe base;
    sim_soc *soc;
    char *name;           /* in the profile; its operating points are name@... */
    int opened_as, index; /* in the profile; index is that of the present operating point */
    double noise, power_noise;
    mae_rng time_rng, power_rng;
    sim_fault fault;
    sim_reference reference;
} sim_pe;

/* Something is about to be done on the PE. MAE_ERR_LOST if this is what it is lost at, or it is gone already. */
MAE_MUST_CHECK mae_error *sim_pe_event(sim_pe *pe, sim_event event, const mae_graph *graph, const mae_segment *segment);

/* unit.c */
mae_error *sim_compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                       mae_unit **ret_unit);
mae_error *sim_bind(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs);
mae_error *sim_run(mae_unit *unit);
void sim_discard(mae_unit *unit);
mae_error *sim_layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times);

#endif
