/* Where a live tensor is, in one word: the PEs where it can be had for free, its home, and whether its producer's
 * segment is still open (which matters where handing over to a later segment costs something). */
#ifndef MAE_PLAN_LIVE_H
#define MAE_PLAN_LIVE_H

#include "plan/model.h"

#define MAE_LIVE_EVERYWHERE UINT64_MAX /* no later cost depends on it */
#define MAE_LIVE_HOME_SHIFT 48
#define MAE_LIVE_FRESH ((uint64_t)1 << 56)

static inline int mae_live_home(uint64_t status)
{
    return (int)(status >> MAE_LIVE_HOME_SHIFT & 0xff);
}

/* Just produced on `home`. */
uint64_t mae_live_produced(const mae_model *m, const mae_model_tensor *tensor, int home);

/* What is left to know where only the PEs of `wanted` may still consume it. */
uint64_t mae_live_forget(uint64_t status, uint64_t wanted);

/* Pays for having a tensor on `pe`; false if it cannot be brought there. */
bool mae_live_consume(const mae_model *m, const mae_model_tensor *tensor, int pe, uint64_t *status, mae_pair *cost);

/* Pays for bringing the outputs of a layer on `pe` to the host where they are wanted; false if that cannot be. */
bool mae_live_pay_outputs(const mae_model *m, int layer, int pe, mae_pair *cost);

#endif
