/* The virtual SoC: PEs that take as long and as much energy as a profile says, on a clock that may be virtual.
 *
 * It is never found by looking: `open` it with options. docs/backends/sim.md lists them, and says what its time,
 * energy and values are.
 */
#ifndef MAE_BACKENDS_SIM_SIM_H
#define MAE_BACKENDS_SIM_SIM_H

#include "mae/backend.h"

/* mae_backend.service(MAE_SIM_SERVICE) gives a const mae_sim_service *: the truth that tests compare with. */
#define MAE_SIM_SERVICE "sim-1"

typedef struct mae_sim_service {
    uint64_t (*now_ns)(mae_pe *pe); /* by the clock of the PE's SoC */

    /* Energy since the SoC was made, idle draw included, of the rail of this label, or of all (NULL); -1 if there is
     * none of this label. */
    double (*energy_mj)(mae_pe *pe, const char *rail);
    double (*celsius)(mae_pe *pe);

    /* How often a layer of the profile has run to its end, on any PE of the SoC. */
    uint64_t (*layer_runs)(mae_pe *pe, int layer);

    /* Counts the work that is in hand: while fewer threads are inside runs (or waits) than there is work in hand, a
     * virtual clock stands still, so that runs overlap that would. Who hands work to another thread adds 1, who is
     * through with it takes 1 away. One thread alone need not count. */
    void (*hold)(mae_pe *pe, int change);
} mae_sim_service;

#endif
