/* Random scripts for the board of examples/profiles/xavier-agx-googlenet.json: 4 to 9 phases of different rates and
 * deadlines, some among obstacles; a lost PE, a slow one, another load, heat, a battery, noise, each or not. */
#ifndef MAE_TESTS_RANDOM_SCRIPT_H
#define MAE_TESTS_RANDOM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/stats.h"

static inline double between(mae_rng *rng, double low, double high)
{
    return low + (high - low) * mae_rng_uniform(rng);
}

static inline bool maybe(mae_rng *rng, double p)
{
    return mae_rng_uniform(rng) < p;
}

static inline json_t *random_phases(mae_rng *rng, double most_ms, double *ret_duration_s)
{
    static const int rates[] = {50, 100, 150, 200};
    json_t *phases = json_array();
    for (int n = 4 + (int)(mae_rng_next(rng) % 6); n > 0; n--) {
        bool obstacle = maybe(rng, 0.3);
        int fps = rates[mae_rng_next(rng) % 4];
        double duration_s = (10 + (double)(mae_rng_next(rng) % 51)) / 10,
               deadline_ms = obstacle ? between(rng, 1.75, most_ms) : between(rng, 2.2, 9);
        json_t *phase = json_pack("{s:f, s:i, s:f}", "duration_s", duration_s, "frames_per_second", fps, "deadline_ms",
                                  deadline_ms);
        if (obstacle)
            json_object_set_new(phase, "events", json_pack("[s]", "obstacle"));
        json_array_append_new(phases, phase);
        *ret_duration_s += duration_s;
    }
    return phases;
}

static inline void add_fault(json_t *faults, double at_s, const char *pe, const char *fault, double factor)
{
    json_t *entry = json_pack("{s:f, s:s, s:s}", "at_s", at_s, "pe", pe, "fault", fault);
    if (factor > 0)
        json_object_set_new(entry, "factor", json_real(factor));
    json_array_append_new(faults, entry);
}

/* One PE lost for a while, and later one slow for a while, each or not. */
static inline json_t *random_faults(mae_rng *rng, double duration_s)
{
    json_t *faults = json_array();
    double a = between(rng, 0, 0.4), b = a + between(rng, 0.02, 0.1), c = between(rng, b, 0.8), d = between(rng, c, 1);
    const char *lost = maybe(rng, 0.5) ? "gpu" : "dla", *slow = maybe(rng, 0.5) ? "gpu" : "dla";
    double factor = between(rng, 1.02, 1.5);
    if (maybe(rng, 0.5)) {
        add_fault(faults, a * duration_s, lost, "lose", 0);
        add_fault(faults, b * duration_s, lost, "return", 0);
    }
    if (maybe(rng, 0.4)) {
        add_fault(faults, c * duration_s, slow, "slow", factor);
        add_fault(faults, d * duration_s, slow, "slow", 1);
    }
    return faults;
}

/* Among obstacles the deadline is up to `most_ms`; the GPU alone takes 1.72 ms, the next mapping 1.92 ms. Of the
 * profile at that path, or of any. The caller frees the text. */
static inline char *random_script(uint64_t seed, double most_ms, const char *profile_path)
{
    static const double noises[] = {0, 0.005, 0.01, 0.02};
    mae_rng rng = {seed};
    double duration_s = 0;
    json_t *phases = random_phases(&rng, most_ms, &duration_s);
    /* Arguments are evaluated in any order: what is drawn is drawn before, so that a seed is one script everywhere. */
    json_t *faults = random_faults(&rng, duration_s);
    double noise = noises[mae_rng_next(&rng) % 4];
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:f, s:I, s:o, s:o}", "format", "mae-scenario-script", "version", 1, "profile",
                  profile_path, "noise", noise, "seed", (json_int_t)seed, "phases", phases, "faults", faults);
    double ambient_c = between(&rng, 20, 75), level = between(&rng, 0.2, 0.9), static_w = maybe(&rng, 0.5) ? 0.0 : 0.3;
    json_object_set_new(root, "soc",
                        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "static_w", static_w, "battery_wh", 30.0,
                                  "battery_level", level, "other_w", 150.0, "ambient_c", ambient_c, "thermal_k_per_w",
                                  6.0));
    if (maybe(&rng, 0.3)) {
        double from_s = between(&rng, 0, duration_s / 2), to_s = between(&rng, from_s, duration_s);
        json_object_set_new(
            root, "contention",
            json_pack("[{s:f, s:f, s:f}]", "from_s", from_s, "to_s", to_s, "factor", between(&rng, 1, 1.2)));
    }
    char *text = json_dumps(root, JSON_REAL_PRECISION(17));
    json_decref(root);
    return text;
}

#endif
