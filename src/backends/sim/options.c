#include "backends/sim/options.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[SIM_N_KEYS] = {
    [SIM_KEY_PROFILE] = "profile",
    [SIM_KEY_CLOCK] = "clock",
    [SIM_KEY_STRETCH] = "stretch",
    [SIM_KEY_SCRIPT] = "script",
    [SIM_KEY_METER_ROOT] = "meter_root",
    [SIM_KEY_METER] = "meter",
    [SIM_KEY_RAILS] = "rails",
    [SIM_KEY_METER_PERIOD_MS] = "meter_period_ms",
    [SIM_KEY_METER_WINDOW] = "meter_window",
    [SIM_KEY_METER_LSB_MA] = "meter_lsb_ma",
    [SIM_KEY_METER_RANGE_UJ] = "meter_range_uj",
    [SIM_KEY_RAIL_V] = "rail_v",
    [SIM_KEY_BATTERY_WH] = "battery_wh",
    [SIM_KEY_BATTERY_LEVEL] = "battery_level",
    [SIM_KEY_OTHER_W] = "other_w",
    [SIM_KEY_AMBIENT_C] = "ambient_c",
    [SIM_KEY_THERMAL_K_PER_W] = "thermal_k_per_w",
    [SIM_KEY_THERMAL_S] = "thermal_s",
    [SIM_KEY_THROTTLE_C] = "throttle_c",
    [SIM_KEY_THROTTLE_FACTOR] = "throttle_factor",
    [SIM_KEY_THROTTLE_HYSTERESIS_K] = "throttle_hysteresis_k",
    [SIM_KEY_PE] = "pe",
    [SIM_KEY_SOC] = "soc",
    [SIM_KEY_SLOW] = "slow",
    [SIM_KEY_NOISE] = "noise",
    [SIM_KEY_POWER_NOISE] = "power_noise",
    [SIM_KEY_SEED] = "seed",
    [SIM_KEY_IDLE_W] = "idle_w",
    [SIM_KEY_CONTENTION] = "contention",
    [SIM_KEY_LAYER_NS] = "layer_ns",
    [SIM_KEY_OUTPUTS] = "outputs",
    [SIM_KEY_REFERENCE] = "reference",
    [SIM_KEY_FAIL_AT] = "fail_at",
    [SIM_KEY_FAIL_AFTER] = "fail_after",
    [SIM_KEY_FAIL_LAYER] = "fail_layer",
};

const char *sim_key_name(sim_key key)
{
    return names[key];
}

mae_error *sim_options_read(const mae_pe_config *config, sim_options *options)
{
    *options = (sim_options){{NULL}};
    for (size_t i = 0; i < config->n_options; i++) {
        int key = 0;
        while (key < SIM_N_KEYS && strcmp(names[key], config->options[i].key) != 0)
            key++;
        if (key == SIM_N_KEYS)
            return mae_error_new(MAE_ERR_USAGE, "a virtual PE has no option %s", config->options[i].key);
        options->text[key] = config->options[i].value;
    }
    if (!options->text[SIM_KEY_PROFILE])
        return mae_error_new(MAE_ERR_USAGE, "a virtual PE needs the option profile");
    if (!options->text[SIM_KEY_PE])
        options->text[SIM_KEY_PE] = config->name;
    if (!options->text[SIM_KEY_SOC])
        options->text[SIM_KEY_SOC] = options->text[SIM_KEY_PROFILE];
    return NULL;
}

mae_error *sim_options_number(const sim_options *options, sim_key key, double least, double most, double *number)
{
    const char *text = options->text[key];
    if (!text)
        return NULL;
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        return mae_error_new(MAE_ERR_USAGE, "option %s of a virtual PE is \"%s\", not a number from %g to %g",
                             names[key], text, least, most);
    *number = value;
    return NULL;
}

mae_error *sim_options_word(const sim_options *options, sim_key key, const char *const *words, size_t n, int *word)
{
    const char *text = options->text[key];
    if (!text)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0) {
            *word = (int)i;
            return NULL;
        }
    }
    return mae_error_new(MAE_ERR_USAGE, "option %s of a virtual PE cannot be \"%s\"", names[key], text);
}

/* What is of no use without another option is a slip of the pen. */
static mae_error *check_needs(const sim_options *options)
{
    static const struct {
        sim_key key, needs;
    } needs[] = {{SIM_KEY_METER, SIM_KEY_METER_ROOT},           {SIM_KEY_METER_LSB_MA, SIM_KEY_METER_ROOT},
                 {SIM_KEY_METER_RANGE_UJ, SIM_KEY_METER_ROOT},  {SIM_KEY_RAIL_V, SIM_KEY_METER_ROOT},
                 {SIM_KEY_BATTERY_LEVEL, SIM_KEY_BATTERY_WH},   {SIM_KEY_OTHER_W, SIM_KEY_BATTERY_WH},
                 {SIM_KEY_THERMAL_S, SIM_KEY_THERMAL_K_PER_W},  {SIM_KEY_THROTTLE_C, SIM_KEY_THERMAL_K_PER_W},
                 {SIM_KEY_THROTTLE_FACTOR, SIM_KEY_THROTTLE_C}, {SIM_KEY_THROTTLE_HYSTERESIS_K, SIM_KEY_THROTTLE_C}};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (options->text[needs[i].key] && !options->text[needs[i].needs])
            return mae_error_new(MAE_ERR_USAGE, "option %s of a virtual PE needs the option %s too",
                                 names[needs[i].key], names[needs[i].needs]);
    return NULL;
}

static mae_error *read_words(const sim_options *options, sim_settings *s)
{
    static const char *const clocks[] = {"real", "virtual"}, *const rails[] = {"per-pe", "one"};
    static const char *const meters[] = {"hwmon", "energy", "powercap"};
    int clock = 0, rail = 0, meter = SIM_METER_HWMON;
    MAE_TRY(sim_options_word(options, SIM_KEY_CLOCK, clocks, 2, &clock));
    MAE_TRY(sim_options_word(options, SIM_KEY_RAILS, rails, 2, &rail));
    MAE_TRY(sim_options_word(options, SIM_KEY_METER, meters, 3, &meter));
    s->virtual_clock = clock == 1;
    s->one_rail = rail == 1;
    s->meter = (sim_meter)meter;
    return NULL;
}

static mae_error *read_numbers(const sim_options *options, sim_settings *s)
{
    const struct {
        sim_key key;
        double least, most, *number;
    } numbers[] = {{SIM_KEY_STRETCH, 1e-6, 1e6, &s->stretch},
                   {SIM_KEY_METER_PERIOD_MS, 0.01, 1e6, &s->period_ms},
                   {SIM_KEY_METER_LSB_MA, 1e-3, 1e6, &s->lsb_ma},
                   {SIM_KEY_METER_RANGE_UJ, 1e3, 1e18, &s->range_uj},
                   {SIM_KEY_RAIL_V, 0.1, 1000, &s->rail_v},
                   {SIM_KEY_BATTERY_WH, 1e-9, 1e9, &s->battery_wh},
                   {SIM_KEY_BATTERY_LEVEL, 0, 1, &s->battery_level},
                   {SIM_KEY_OTHER_W, 0, 1e6, &s->other_w},
                   {SIM_KEY_AMBIENT_C, -100, 200, &s->ambient_c},
                   {SIM_KEY_THERMAL_K_PER_W, 0, 1e6, &s->k_per_w},
                   {SIM_KEY_THERMAL_S, 1e-6, 1e6, &s->thermal_s},
                   {SIM_KEY_THROTTLE_C, -100, 1000, &s->throttle_c},
                   {SIM_KEY_THROTTLE_FACTOR, 1, 1e6, &s->throttle_factor},
                   {SIM_KEY_THROTTLE_HYSTERESIS_K, 0.01, 1000, &s->throttle_hysteresis_k}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        MAE_TRY(sim_options_number(options, numbers[i].key, numbers[i].least, numbers[i].most, numbers[i].number));
    double window = 1;
    MAE_TRY(sim_options_number(options, SIM_KEY_METER_WINDOW, 1, 1000, &window));
    s->window = (int)window;
    if (s->window != window)
        return mae_error_new(MAE_ERR_USAGE, "option meter_window of a virtual PE counts whole periods, not %g", window);
    return NULL;
}

mae_error *sim_settings_read(const sim_options *options, sim_settings *settings)
{
    sim_settings s = {.stretch = 1,
                      .script = options->text[SIM_KEY_SCRIPT],
                      .meter_root = options->text[SIM_KEY_METER_ROOT],
                      .period_ms = 1,
                      .lsb_ma = 1,
                      .range_uj = 262143328850.0, /* 2^32 counts of 61 uJ, as on many x86 processors */
                      .rail_v = 5,
                      .battery_level = 1,
                      .ambient_c = 25,
                      .thermal_s = 10,
                      .throttle_c = 1e9,
                      .throttle_factor = 2,
                      .throttle_hysteresis_k = 5};
    MAE_TRY(check_needs(options));
    MAE_TRY(read_words(options, &s));
    MAE_TRY(read_numbers(options, &s));
    *settings = s;
    return NULL;
}
