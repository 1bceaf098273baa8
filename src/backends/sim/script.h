/* What goes wrong on a virtual SoC, and when: a file of events. */
#ifndef MAE_BACKENDS_SIM_SCRIPT_H
#define MAE_BACKENDS_SIM_SCRIPT_H

#include "base/json.h"
#include "mae/profile.h"

typedef enum sim_deed { SIM_SLOW = 0, SIM_STALL, SIM_LOSE, SIM_RETURN, SIM_LIE, SIM_DELAY } sim_deed;

typedef struct sim_script_event {
    bool by_run;
    double at_ns;    /* on the SoC's clock, or */
    uint64_t at_run; /* as the PE's run of this number begins, from 1 */
    int pe;          /* of the profile */
    sim_deed deed;
    double factor;   /* of SLOW and LIE */
    double stall_ns; /* of STALL and DELAY */
} sim_script_event;

/* Those by time come first, in order of time; events of one instant stay in the file's order. */
typedef struct sim_script {
    size_t n, n_timed;
    sim_script_event *events;
} sim_script;

/* Reads and checks the file; MAE_ERR_INPUT names file, line, column and reason. */
MAE_MUST_CHECK mae_error *sim_script_read(const char *path, const mae_profile *profile, sim_script *script);
MAE_MUST_CHECK mae_error *sim_script_from_json(const mae_json *json, const mae_profile *profile, sim_script *script);
void sim_script_finish(sim_script *script);

#endif
