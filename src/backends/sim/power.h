/* Where the energy goes: rails, battery and heat. Plain arithmetic; the SoC says when and how much. */
#ifndef MAE_BACKENDS_SIM_POWER_H
#define MAE_BACKENDS_SIM_POWER_H

#include "backends/sim/options.h"
#include "mae/profile.h"

/* Energies since the SoC was made, in mJ. */
typedef struct sim_rail {
    const char *label; /* the profile's, or static */
    double idle_w;
    double energy_mj;
    double *history; /* at the last window + 1 readings of the meter, a ring */
} sim_rail;

typedef struct sim_power {
    const sim_settings *settings;
    size_t n_rails;
    sim_rail *rails; /* the last is the platform's */
    int *rail_of;    /* per PE of the profile */
    double *idle_of; /* per PE: watts of the idle draw on its rail */
    double step_mj;  /* used since the last step */
    double other_mj; /* drawn from the battery by all else; and as of the last reading */
    double other_read_mj;
    double celsius;
    bool throttled;
    double *total_history; /* as the rails' */
    uint64_t readings;     /* of the meter; the first is at time 0 */
} sim_power;

/* `settings` and `profile` outlive it. */
MAE_MUST_CHECK mae_error *sim_power_init(sim_power *power, const sim_settings *settings, const mae_profile *profile);
void sim_power_finish(sim_power *power);

/* This PE's rail carries `idle_w` of the platform's idle draw; MAE_ERR_USAGE when there is not so much. */
MAE_MUST_CHECK mae_error *sim_power_set_idle(sim_power *power, int pe, double idle_w);

double sim_power_total_mj(const sim_power *power);

/* So many mJ have gone through the PE's rail. */
void sim_power_use(sim_power *power, int pe, double mj);
/* `ns` have passed, in which the energy used since the last step was drawn evenly. */
void sim_power_step(sim_power *power, double ns);

/* When, in ns, the SoC begins or ends to throttle at the given dynamic power; INFINITY: not so. */
double sim_power_turn_ns(const sim_power *power, double dynamic_w);
/* Begins or ends to throttle, if it is time to. */
void sim_power_turn(sim_power *power);

/* The meter looks. */
void sim_power_read(sim_power *power);
/* Mean power of a rail over the meter's window at its last reading; rail -1: of all. */
double sim_power_mean_w(const sim_power *power, int rail);
/* A rail's energy at the last reading; rail -1: of all. */
double sim_power_read_mj(const sim_power *power, int rail);

/* What is left at the last reading, in Wh. */
double sim_power_battery_wh(const sim_power *power);
/* The battery has nothing left now. */
bool sim_power_is_empty(const sim_power *power);

#endif
