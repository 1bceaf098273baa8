/* What the PEs of one virtual SoC share: the profile, the clock, and who holds which tensor. */
#ifndef MAE_BACKENDS_SIM_SOC_H
#define MAE_BACKENDS_SIM_SOC_H

#include "base/error.h"
#include "core/profile.h"

typedef struct sim_soc sim_soc;

/* The SoC of that name, made if there is none; each open has its close. */
MAE_MUST_CHECK mae_error *sim_soc_open(const char *name, const char *profile_path, bool virtual_clock,
                                       sim_soc **ret_soc);
void sim_soc_close(sim_soc *soc); /* takes NULL */

const mae_profile *sim_soc_profile(const sim_soc *soc);
uint64_t sim_soc_now_ns(sim_soc *soc);

/* Lets time pass until `ns` after `begin_ns`. */
void sim_soc_wait(sim_soc *soc, uint64_t begin_ns, double ns);

/* A run of a segment that begins with this layer of the profile. */
void sim_soc_begin(sim_soc *soc, int first_layer);

/* What it costs now to bring a tensor of the profile to `pe`, which produced it in an earlier segment, or
 * did not; and what it costs that `pe` has produced it. MAE_ERR_FAILED where no transfer exists. */
MAE_MUST_CHECK mae_error *sim_soc_fetch(sim_soc *soc, int tensor, int pe, double *ret_ms);
MAE_MUST_CHECK mae_error *sim_soc_produce(sim_soc *soc, int tensor, int pe, double *ret_ms);

#endif
