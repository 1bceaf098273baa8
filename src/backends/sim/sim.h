/* The virtual SoC: PEs that take as long as a profile says and compute reproducible nonsense.
 *
 * It is never found by looking: `open` it with options.
 *
 *     profile    path of the mae-profile file whose costs are paced                        (must be)
 *     pe         name of the PE in it                                                      (the PE's own name)
 *     clock      "real": runs take their time; "virtual": a counter moves on               (real)
 *     soc        PEs opened with the same text share clock and memory homes                (the profile's path)
 *     slow       factor on all times                                                       (1)
 *     noise      relative standard deviation of a run's time                               (0)
 *     seed       of the noise                                                              (1)
 *     layer_ns   "no": a PE that cannot tell the times inside a segment                    (yes)
 *     fail_at    "compile", "bind" or "run": what the device is lost at                    (run, if any fail_ is set)
 *     fail_after how many of these go well before                                          (0)
 *     fail_layer only those of segments with this layer count                              (all count)
 *
 * Time: a run takes its segment's row if the profile has one, else segment_ms and the layers' time_ms;
 * and, before it, the transfers of section 2 of docs/formats.md that its inputs (and graph outputs, when
 * there is a host) cause. A frame begins with a run of a layer not behind the last one that ran.
 *
 * Values: every tensor is a function of its layer's name, its own name and the layer's input values, so
 * that outputs are the same for every mapping and change when a buffer is mixed up. Of a tensor of more than
 * 4096 elements, consumers look at 4096 spread evenly.
 */
#ifndef MAE_BACKENDS_SIM_SIM_H
#define MAE_BACKENDS_SIM_SIM_H

#include "mae/backend.h"

/* mae_backend.service(MAE_SIM_SERVICE) gives a const mae_sim_service *. */
#define MAE_SIM_SERVICE "sim-1"

typedef struct mae_sim_service {
    uint64_t (*now_ns)(mae_pe *pe); /* by the clock of the PE's SoC */
} mae_sim_service;

#endif
