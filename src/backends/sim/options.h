/* The options of a virtual PE: texts by key, and what the SoC as a whole is made of. */
#ifndef MAE_BACKENDS_SIM_OPTIONS_H
#define MAE_BACKENDS_SIM_OPTIONS_H

#include "base/error.h"
#include "mae/backend.h"

typedef enum sim_key {
    /* of the whole SoC: its first PE decides */
    SIM_KEY_PROFILE,
    SIM_KEY_CLOCK,
    SIM_KEY_STRETCH,
    SIM_KEY_SCRIPT,
    SIM_KEY_METER_ROOT,
    SIM_KEY_METER,
    SIM_KEY_RAILS,
    SIM_KEY_METER_PERIOD_MS,
    SIM_KEY_METER_WINDOW,
    SIM_KEY_METER_LSB_MA,
    SIM_KEY_METER_RANGE_UJ,
    SIM_KEY_RAIL_V,
    SIM_KEY_BATTERY_WH,
    SIM_KEY_BATTERY_LEVEL,
    SIM_KEY_OTHER_W,
    SIM_KEY_AMBIENT_C,
    SIM_KEY_THERMAL_K_PER_W,
    SIM_KEY_THERMAL_S,
    SIM_KEY_THROTTLE_C,
    SIM_KEY_THROTTLE_FACTOR,
    SIM_KEY_THROTTLE_HYSTERESIS_K,
    SIM_N_SOC_KEYS,
    /* of one PE */
    SIM_KEY_PE = SIM_N_SOC_KEYS,
    SIM_KEY_SOC,
    SIM_KEY_SLOW,
    SIM_KEY_NOISE,
    SIM_KEY_POWER_NOISE,
    SIM_KEY_SEED,
    SIM_KEY_IDLE_W,
    SIM_KEY_CONTENTION,
    SIM_KEY_LAYER_NS,
    SIM_KEY_OUTPUTS,
    SIM_KEY_REFERENCE,
    SIM_KEY_FAIL_AT,
    SIM_KEY_FAIL_AFTER,
    SIM_KEY_FAIL_LAYER,
    SIM_N_KEYS
} sim_key;

/* NULL: not given. */
typedef struct sim_options {
    const char *text[SIM_N_KEYS];
} sim_options;

typedef enum sim_meter { SIM_METER_HWMON = 0, SIM_METER_ENERGY, SIM_METER_POWERCAP } sim_meter;

typedef struct sim_settings {
    bool virtual_clock;
    double stretch;
    const char *script, *meter_root; /* NULL: none */
    sim_meter meter;
    bool one_rail;
    double period_ms;
    int window; /* periods */
    double lsb_ma, range_uj, rail_v;
    double battery_wh; /* 0: none */
    double battery_level;
    double other_w;                       /* drawn from the battery by all else, heating nothing here */
    double ambient_c, k_per_w, thermal_s; /* k_per_w 0: stays at ambient */
    double throttle_c, throttle_factor, throttle_hysteresis_k;
} sim_settings;

const char *sim_key_name(sim_key key);

/* The texts of a PE's options; MAE_ERR_USAGE for a key that does not exist. */
MAE_MUST_CHECK mae_error *sim_options_read(const mae_pe_config *config, sim_options *options);

/* A number from `least` to `most`; absent: the result stays as it was. */
MAE_MUST_CHECK mae_error *sim_options_number(const sim_options *options, sim_key key, double least, double most,
                                             double *number);
/* The place of the text among `words`; absent: the result stays as it was. */
MAE_MUST_CHECK mae_error *sim_options_word(const sim_options *options, sim_key key, const char *const *words, size_t n,
                                           int *word);

/* The SoC's part, checked; its strings are those of `options`. */
MAE_MUST_CHECK mae_error *sim_settings_read(const sim_options *options, sim_settings *settings);

#endif
