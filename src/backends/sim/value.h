/* Reproducible tensor values, and digests of them. */
#ifndef MAE_BACKENDS_SIM_VALUE_H
#define MAE_BACKENDS_SIM_VALUE_H

#include "core/graph.h"

uint64_t sim_mix(uint64_t hash, uint64_t value);
uint64_t sim_hash_text(const char *text);

/* Dense values of the shape that `seed` stands for; floats within -1 to 1. */
void sim_value_write(uint64_t seed, const mae_shape *shape, void *data);

/* sim_value_digest_of(seed) is sim_value_digest() of what sim_value_write(seed) writes, without writing. */
uint64_t sim_value_digest(const mae_shape *shape, const void *data);
uint64_t sim_value_digest_of(uint64_t seed, const mae_shape *shape);

#endif
