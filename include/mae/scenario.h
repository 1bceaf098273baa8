/* Scripted scenarios (docs/formats.md, "Scenario script") and the least that any choice of mappings can reach in them.
 * Pure, as mae/policy.h is. */
#ifndef MAE_SCENARIO_H
#define MAE_SCENARIO_H

#include "mae/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MAE_SCENARIO_MAX_FRAMES 10000000.0

typedef struct mae_scenario_soc {
    bool has_static; /* else the profile's */
    double static_w;
    double battery_wh;    /* 0: none */
    double battery_level; /* 0 to 1, as it starts */
    double other_w;       /* drawn from the battery by all else (motors), heating nothing here */
    double ambient_c;
    double k_per_w; /* 0: stays at ambient */
    double thermal_s;
    double throttle_c; /* infinity: never */
    double throttle_factor, throttle_hysteresis_k;
    double switch_ms, switch_mj; /* of running another mapping than the frame before */
} mae_scenario_soc;

typedef struct mae_scenario_phase {
    const char *name; /* may be "" */
    double start_s, duration_s;
    double fps;
    double deadline_ms; /* 0: none */
    size_t n_events;    /* on for the whole phase */
    const char *const *events;
} mae_scenario_phase;

typedef struct mae_scenario_event {
    double at_s;
    const char *event;
    bool on;
} mae_scenario_event;

typedef enum mae_fault {
    MAE_FAULT_LOSE = 0,
    MAE_FAULT_RETURN,
    MAE_FAULT_SLOW,  /* times are `factor` as long from now on; 1 ends it */
    MAE_FAULT_STALL, /* the next segment takes `stall_ms` longer */
    MAE_FAULT_LIE    /* times are stated `factor` as long as they are; 1 ends it */
} mae_fault;

typedef struct mae_scenario_fault {
    double at_s;
    mae_fault fault;
    const char *pe;
    double factor, stall_ms;
} mae_scenario_fault;

/* Another load: while it lasts all times of the PE are `factor` as long. */
typedef struct mae_scenario_load {
    double from_s, to_s;
    const char *pe; /* NULL: of every PE */
    double factor;
} mae_scenario_load;

typedef struct mae_scenario_ambient {
    double at_s, ambient_c;
} mae_scenario_ambient;

/* Lists that have times are in order of time: the reader refuses others. */
typedef struct mae_scenario {
    const char *name;
    const char *profile_path; /* found from the folder of the script */
    const char *rules_path;   /* NULL: unstated */
    mae_scenario_soc soc;
    double noise; /* standard deviation of a frame's times, relative */
    uint64_t seed;
    double duration_s;
    size_t n_phases;
    const mae_scenario_phase *phases;
    size_t n_events;
    const mae_scenario_event *events;
    size_t n_faults;
    const mae_scenario_fault *faults;
    size_t n_loads;
    const mae_scenario_load *loads;
    size_t n_ambients;
    const mae_scenario_ambient *ambients;
    void *priv;
} mae_scenario;

/* MAE_ERR_INPUT names file, line, column and reason. */
MAE_API MAE_MUST_CHECK mae_error *mae_scenario_read(const char *path, mae_scenario **ret_scenario);
/* The same for text; `name` stands for the file. */
MAE_API MAE_MUST_CHECK mae_error *mae_scenario_parse(const char *name, const char *text, size_t size,
                                                     mae_scenario **ret_scenario);
/* Do the script's PEs exist in the profile? MAE_ERR_INPUT. */
MAE_API MAE_MUST_CHECK mae_error *mae_scenario_check(const mae_scenario *scenario, const mae_profile *profile);
MAE_API void mae_scenario_destroy(mae_scenario *scenario); /* takes NULL */

/* ---- A script as a timeline ---- */

/* What holds from start_s to the next span's start. */
typedef struct mae_span {
    double start_s, end_s;
    size_t phase;
    uint64_t present;     /* PEs of the profile */
    const double *factor; /* per PE: of its times, slow-downs and other loads together */
    const double *lie;    /* per PE */
    size_t n_events;
    const char *const *events;
    size_t condition; /* spans of the same PEs and factors have the same number */
    double ambient_c;
} mae_span;

typedef struct mae_timeline {
    size_t n_spans;
    const mae_span *spans;
    size_t n_conditions; /* of the spans, and of frames during which the span changes: every PE at its best then */
    const mae_span *const *conditions; /* what holds of each: `present` and `factor` */
    size_t n_frames;
    void *priv;
} mae_timeline;

/* MAE_ERR_INPUT as mae_scenario_check(). The scenario must outlive it. */
MAE_API MAE_MUST_CHECK mae_error *mae_timeline_create(const mae_scenario *scenario, const mae_profile *profile,
                                                      mae_timeline **ret_timeline);
MAE_API void mae_timeline_destroy(mae_timeline *timeline); /* takes NULL */

/* When a frame is offered: frame k of a phase at its start + k / fps. `frame` counts from 0 over the whole script. */
MAE_API double mae_timeline_arrival_s(const mae_timeline *timeline, size_t frame, size_t *ret_phase);
/* The span of an instant; the last one after the end. */
MAE_API size_t mae_timeline_span_at(const mae_timeline *timeline, double time_s);

/* mae_profile_under() a condition, and no static power, which no choice changes: what the fronts whose mappings
 * mae_optimum_of() chooses from are solved on. */
MAE_API MAE_MUST_CHECK mae_error *mae_timeline_profile(const mae_timeline *timeline, size_t condition,
                                                       mae_profile **ret_profile);

/* ---- The clairvoyant optimum (docs/policy.md) ---- */

typedef struct mae_optimum {
    size_t n_frames;
    size_t misses;
    double energy_mj; /* static power over the script's length included */
    int *choice;      /* per frame: of the mappings; -1: none can run */
    bool attained;    /* these choices, run one after the other, reach exactly this: the bound is the optimum */
    void *priv;
} mae_optimum;

/* Per frame the time of all PEs relative to the script's: what noise did. */
typedef double mae_frame_factor(void *ctx, size_t frame);

/* Fewest misses, then least energy, that choosing among the mappings (n_layers PEs each) for every frame can reach,
 * knowing the whole script and the noise (`noise` NULL: none). A lower bound of every run that serves every frame. */
MAE_API MAE_MUST_CHECK mae_error *mae_optimum_of(const mae_timeline *timeline, const int *const *mappings,
                                                 size_t n_mappings, mae_frame_factor *noise, void *ctx,
                                                 mae_optimum **ret_optimum);
MAE_API void mae_optimum_destroy(mae_optimum *optimum); /* takes NULL */

#ifdef __cplusplus
}
#endif
#endif
