/* A virtual SoC that plays a script: a context of sim PEs, and a model of tags whose outputs tell which frame they are
 * of. */
#ifndef MAE_SESSION_VIRTUAL_H
#define MAE_SESSION_VIRTUAL_H

#include "mae/scenario.h"
#include "session/internal.h"

typedef struct mae_virtual {
    char folder[64];
    char profile_path[96], script_path[96], root[96]; /* files of the SoC; root: of its sysfs */
    mae_profile *profile;                             /* with the script's idle draw */
    const mae_graph *graph;
    mae_context *context;
    mae_model model;
    const mae_virtual_service *machine;
    const mae_scenario *scenario;
    size_t ambient; /* the next change */
} mae_virtual;

/* `timeline` NULL: nothing happens on it (the reference). With `sensors` it shows battery and temperature as files. */
MAE_MUST_CHECK mae_error *mae_virtual_open(const mae_scenario *scenario, const mae_timeline *timeline,
                                           const mae_profile *profile, bool sensors, mae_virtual **ret_soc);
void mae_virtual_close(mae_virtual *soc); /* takes NULL */

double mae_virtual_now_s(const mae_virtual *soc);
/* Lets time pass up to an instant, nothing running; changes of the ambient come when they are due. */
void mae_virtual_wait_until(mae_virtual *soc, double time_s);
double mae_virtual_energy_mj(const mae_virtual *soc);
void mae_virtual_set_pace(const mae_virtual *soc, double factor);

#endif
