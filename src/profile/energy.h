/* Energy in a profile: what each layer and transfer takes above the platform's idle draw.
 *
 * Measured: a stretch of layers is looped on its PE for as long as the meter needs, between two spans of idleness;
 * the mean power above idle, times the stretch's time in the running network, is its energy. (A loop runs with warm
 * caches; its power is the chain's, its time is not.) The whole network gives the sum; intervals of layers, as short
 * as the budget allows, give the parts; a segment's fixed energy follows from how much more the parts come to.
 * Transfers: two layers with the tensor moved between them, less the two layers alone.
 *
 * Modelled: stated watts times measured time.
 */
#ifndef MAE_PROFILE_ENERGY_H
#define MAE_PROFILE_ENERGY_H

#include "mae/meter.h"
#include "power/gauge.h"

typedef struct mae_energy_pe {
    size_t n_rails; /* 0: modelled by `watts` */
    const size_t *rails;
    double watts; /* above idle while it computes; negative: unstated */
} mae_energy_pe;

typedef struct mae_energy_options {
    mae_meter *meter;    /* NULL: models only */
    const char *refusal; /* why there can be no energy; NULL: there can */
    mae_gauge_clock clock;
    const mae_energy_pe *pes; /* as many as are characterised */
    double static_w;          /* the platform's idle draw; negative: measured on the static rails */
    size_t n_static_rails;
    const size_t *static_rails;
    const char *soc_name, *soc_mode;
    const char *root; /* of the machine's thermal files; "/" */
    double precision; /* asked of an energy, relative; 0: 2 % */
} mae_energy_options;

#endif
