/* What stands behind a profile: shared by the files that build, read and write it. */
#ifndef MAE_CORE_PROFILE_PRIV_H
#define MAE_CORE_PROFILE_PRIV_H

#include "base/arena.h"
#include "core/names.h"
#include "core/profile.h"

/* Limits on what a file may ask for; far beyond any real network, far below what hurts. */
#define MAE_PROFILE_MAX_FILE_BYTES (256u << 20)
#define MAE_PROFILE_MAX_LAYERS 100000
#define MAE_PROFILE_MAX_PES 48        /* the planner packs a set of PEs and a PE into one 64-bit word */
#define MAE_PROFILE_MAX_CELLS 4000000 /* layers times PEs */
#define MAE_PROFILE_MAX_TENSORS 1000000
#define MAE_PROFILE_MAX_ROWS 1000000
#define MAE_PROFILE_MAX_COST 1e12                /* ms or mJ: 30 years, a gigajoule */
#define MAE_PROFILE_MAX_FACTOR 1e6               /* of contention */
#define MAE_PROFILE_MAX_BYTES 1125899906842624.0 /* 1 PiB */

typedef struct mae_profile_priv {
    mae_arena *arena;
    json_t *kept; /* the file as it was read; unknown keys are taken from here when writing */
    mae_names layer_names;
    size_t segments_room;
} mae_profile_priv;

/* An empty profile with its arena; freed by mae_profile_destroy(). */
MAE_MUST_CHECK mae_error *mae_profile_alloc(mae_profile **ret_profile);

/* A profile from JSON in memory, which stands as the file `name` in messages. */
MAE_MUST_CHECK mae_error *mae_profile_from_value(const char *name, const json_t *value, mae_profile **ret_profile);

static inline mae_profile_priv *mae_profile_private(const mae_profile *profile)
{
    return profile->priv;
}

#endif
