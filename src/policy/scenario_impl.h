/* What stands behind scenarios and their timelines. */
#ifndef MAE_POLICY_SCENARIO_IMPL_H
#define MAE_POLICY_SCENARIO_IMPL_H

#include "base/arena.h"
#include "base/error.h"
#include "mae/scenario.h"

#define SCENARIO_MAX_FILE_BYTES (16u << 20)
#define SCENARIO_MAX_ENTRIES 1000u /* of each list */

typedef struct timeline_priv {
    mae_arena *arena;
    const mae_scenario *scenario;
    const mae_profile *profile;
    size_t *first_frame; /* n_phases + 1 */
} timeline_priv;

static inline const timeline_priv *timeline_private(const mae_timeline *timeline)
{
    return timeline->priv;
}

/* Adds the conditions of frames during whose time the condition changes: every PE as it is at its best meanwhile. */
MAE_MUST_CHECK mae_error *timeline_find_windows(mae_timeline *timeline);
/* The condition of a frame's time, from its arrival to its deadline. */
size_t timeline_window(const mae_timeline *timeline, double from_s, double to_s);

/* The idle draw: the script's, or else the profile's. */
double scenario_static_w(const mae_scenario *scenario, const mae_profile *profile);

/* The temperature after `seconds` at `watts`: tau dT/dt = ambient + R P - T. */
double scenario_celsius(const mae_scenario_soc *soc, double ambient_c, double celsius, double watts, double seconds);

#endif
