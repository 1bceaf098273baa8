/* Sets of processors in a SoC file. */
#ifndef MAE_CORE_SOC_CORES_H
#define MAE_CORE_SOC_CORES_H

#include "base/arena.h"
#include "base/error.h"

/* The resource of a PE on these processors where none is stated: the same for every way to write the set. */
MAE_MUST_CHECK mae_error *mae_soc_name_cluster(const char *cores, mae_arena *arena, const char **ret_resource);

/* The first processor that both lists hold; -1: none. */
MAE_MUST_CHECK mae_error *mae_soc_common_core(const char *a, const char *b, int *ret_core);

#endif
