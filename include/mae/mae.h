/* libmae: multi-accelerator execution of neural networks.
 *
 * The main job in five calls:
 *
 *     mae_context_create   find the engines (PEs) of this machine
 *     mae_model_open       import an ONNX network
 *     mae_profile_measure  what each layer costs on each PE
 *     mae_plan_solve       the best mapping for a goal            (mae/plan.h)
 *     mae_session_open     the network, compiled and mapped; mae_session_run() is one frame
 *
 * or mae_bench_run(), which does all of it, refines, and measures what was gained.
 *
 * Objects are used by one thread at a time. Nothing here prints, logs, exits or aborts.
 */
#ifndef MAE_MAE_H
#define MAE_MAE_H

#include "mae/error.h"
#include "mae/flow.h"
#include "mae/graph.h"
#include "mae/plan.h"
#include "mae/policy.h"
#include "mae/profile.h"
#include "mae/scenario.h"
#include "mae/recorder.h"
#include "mae/report.h"
#include "mae/throughput.h"
#include "mae/types.h"

#ifdef __cplusplus
extern "C" {
#endif

MAE_API const char *mae_version(void);               /* "0.1.0" */
MAE_API const char *mae_dtype_text(mae_dtype dtype); /* "f32" */
MAE_API const char *mae_kind_text(mae_kind kind);    /* "conv3x3" */

/* ---- Context: the PEs found here, and how they may use the machine ---- */

typedef struct mae_context mae_context;

typedef struct mae_context_options {
    int threads;       /* per PE; 0: as many as this process may use cores */
    const char *cores; /* "0-3,6": processors the PEs may use; the calling thread, on which engines compute too,
                          is bound to them; NULL: as inherited */
    const char *pes;   /* "cpu/ort,cpu/onednn": only these, in this order; NULL: all found. Backends that are
                          not looked for unasked are loaded for a PE's name: "cpu/example", mae-example.so */
    const char *soc;   /* path of a SoC file: the PEs it names, opened and metered as it says; NULL: what is found */
    bool each_core;    /* without `soc`: on each processor of `cores` (of those this process may use) a resource of its
                          own, "cpu:0", with a PE of one thread for each engine that computes there, "cpu:0/ort" */
} mae_context_options;

typedef struct mae_pe_info {
    const char *name, *resource, *backend, *precision, *engine;
    const char *meter; /* "hwmon: VDD_CPU", "model: 5 W"; NULL: no energy */
} mae_pe_info;

typedef struct mae_missing_backend {
    const char *backend, *reason;
} mae_missing_backend;

/* `options` may be NULL. A PE in `pes` that is not here is an MAE_ERR_USAGE that says why. */
MAE_API MAE_MUST_CHECK mae_error *mae_context_create(const mae_context_options *options, mae_context **ret_context);
MAE_API void mae_context_destroy(mae_context *context); /* takes NULL; everything made with it is closed before */
MAE_API size_t mae_context_pes(const mae_context *context, const mae_pe_info **ret_pes);
MAE_API size_t mae_context_missing(const mae_context *context, const mae_missing_backend **ret_missing);

/* A PE that is here and not used, because it would have to be named in `pes`. */
typedef struct mae_spare_pe {
    mae_pe_info info;
    const char *reason;
} mae_spare_pe;
MAE_API size_t mae_context_spare(const mae_context *context, const mae_spare_pe **ret_spare);
MAE_API int mae_context_threads(const mae_context *context);

/* What this machine could measure energy with: looked for when first asked. */
typedef struct mae_meter_info {
    const char *name;   /* "hwmon" */
    const char *reason; /* why it is not here; NULL: it is */
    size_t n_rails;
    const char *const *rails;
} mae_meter_info;
MAE_API MAE_MUST_CHECK mae_error *mae_context_meters(mae_context *context, const mae_meter_info **ret_meters,
                                                     size_t *ret_n);

/* Writes a SoC file of the context's PEs and of a meter that is here, to be completed by hand. */
MAE_API MAE_MUST_CHECK mae_error *mae_context_write_soc(mae_context *context, const char *path);

/* ---- Model ---- */

typedef struct mae_model mae_model;

typedef struct mae_input_shape {
    const char *input;
    int rank;
    const int64_t *dims;
} mae_input_shape;

/* Imports an ONNX file; `shapes` fixes dynamic dimensions. */
MAE_API MAE_MUST_CHECK mae_error *mae_model_open(mae_context *context, const char *path, const mae_input_shape *shapes,
                                                 size_t n_shapes, mae_model **ret_model);
MAE_API void mae_model_close(mae_model *model); /* takes NULL */
/* Layers, tensors, inputs and outputs. Owned by the model. */
MAE_API const mae_graph *mae_model_graph(const mae_model *model);
/* Does the PE (its index in the context) run this layer? If not, *ret_reason (may be NULL) says why. */
MAE_API bool mae_model_supports(const mae_model *model, int pe, int layer, const char **ret_reason);

/* ---- Profile ---- */

/* `fraction` of the work done, 0 to 1; `left_s` a guess of the seconds left, negative when unknown.
 * Returning false cancels. */
typedef bool mae_progress_fn(void *ctx, const char *what, double fraction, double left_s);

/* Values for one input of a network. */
typedef struct mae_bench_input {
    size_t input; /* index in mae_graph.inputs */
    const void *data;
    size_t bytes;
} mae_bench_input;

typedef struct mae_profile_options {
    double budget_s; /* 0: 20 s */
    mae_progress_fn *progress;
    void *progress_ctx;
    const int *pes;                /* only these PEs of the context, by their index; together they run every layer */
    size_t n_pes;                  /* 0: all of them */
    const mae_bench_input *inputs; /* what to measure with; those not given are filled from seed 1 */
    size_t n_inputs;
} mae_profile_options;

/* Measures every layer on every PE, in the running network, and the transfers. */
MAE_API MAE_MUST_CHECK mae_error *mae_profile_measure(mae_context *context, mae_model *model,
                                                      const mae_profile_options *options, mae_profile **ret_profile);

/* ---- Session: a network mapped by a plan, ready for frames ---- */

typedef struct mae_session mae_session;

/* Compiles the plan's segments on their PEs and allocates everything a frame needs. MAE_ERR_INPUT if
 * the plan is for another model. With `plan` NULL everything runs on the context's first PE. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_open(mae_context *context, mae_model *model, const mae_plan *plan,
                                                   mae_session **ret_session);
MAE_API void mae_session_close(mae_session *session); /* takes NULL */

/* Copies one graph input (index in mae_graph.inputs), dense, row-major, of exactly the input's bytes. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_set_input(mae_session *session, size_t input, const void *data,
                                                        size_t bytes);
/* Reproducible values in a sensible range for every input. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_fill_inputs(mae_session *session, uint64_t seed);
/* One frame. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_run(mae_session *session);
/* From now on segments of PEs on different resources run at the same time, each as soon as its resource is free and
 * what it reads has been made; outputs are those of serial frames. The calling thread runs the first segment's
 * resource, each other one has a thread of its own; PEs on sets of processors run on theirs, as always. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_overlap(mae_session *session);
/* One graph output of the last frame (index in mae_graph.outputs); valid until the next frame. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_output(mae_session *session, size_t output, const void **ret_data,
                                                     mae_shape *ret_shape);

/* What one frame did, per segment. */
typedef struct mae_frame_segment {
    const char *pe;
    int first, last;
    double begin_ms, end_ms; /* since the frame began */
} mae_frame_segment;

/* Of the last frame; owned by the session. */
MAE_API size_t mae_session_frame(const mae_session *session, const mae_frame_segment **ret_segments,
                                 double *ret_latency_ms);

/* Every frame from now on is recorded in it, and, between frames, what the SoC's meter shows, where there is one. The
 * recorder outlives the session; NULL: nothing is recorded. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_record(mae_session *session, mae_recorder *recorder);

typedef struct mae_verdict {
    double max_abs;                      /* largest |output - reference| */
    double max_rel;                      /* largest |output - reference| / max |reference| of that output */
    bool ok;                             /* every element within abs + rel * max |reference| of its PEs' tolerances */
    const char *output;                  /* of the largest relative error, or of the first failure */
    double abs_tolerance, rel_tolerance; /* what it was judged by */
} mae_verdict;

/* Tolerances to verify by instead of the widest of the plan's PEs: abs + rel * max |reference|. */
MAE_API void mae_session_set_tolerance(mae_session *session, double abs_tolerance, double rel_tolerance);

/* Runs the reference (all on ONNX Runtime's CPU provider, one session) on the session's present inputs
 * and compares every graph output of the last frame. A difference is a verdict, not an error. */
MAE_API MAE_MUST_CHECK mae_error *mae_session_verify(mae_session *session, mae_verdict *ret_verdict);

/* ---- Live session: the mapping follows the state, frame by frame (docs/streaming.md) ---- */

typedef struct mae_live mae_live;

/* All zero: least latency, every mapping kept, PEs called by threads of their own. */
typedef struct mae_live_options {
    const mae_rules *rules;          /* NULL: least latency, unless a goal is set. They must outlive the session */
    const mae_policy_params *params; /* NULL: MAE_POLICY_PARAMS_INIT */
    double expected_period_ms, expected_deadline_ms; /* of frames, for choosing what stays compiled; 0: unknown */
    double keep_bytes;                               /* for compiled segments; 0: no limit */
    double timeout_ms; /* of a call of a PE; 0: 20 times what the profile says, 250 ms at the least; below 0: there is
                          none, and PEs are called on the thread that calls mae_live_run() */
    double retry_ms, retry_most_ms; /* a PE taken out is tried after so long, then twice as long, ...; 0: 10 and 100 */
    const char *root;               /* "/": batteries and temperatures are read below it; NULL: they are not */
    double sense_ms;                /* so often; 0: 100 */
} mae_live_options;

/* The profile is one of this model, its PEs named as the context's; those that the context has not are lost. Model,
 * context and profile must outlive the session. */
MAE_API MAE_MUST_CHECK mae_error *mae_live_open(mae_context *context, mae_model *model, const mae_profile *profile,
                                                const mae_live_options *options, mae_live **ret_live);
MAE_API void mae_live_close(mae_live *live); /* takes NULL */

/* From any thread at any time; the next frame obeys. `goal` NULL: the rules again. MAE_ERR_USAGE, MAE_ERR_INFEASIBLE
 * (the profile has no energy): nothing has changed. */
MAE_API MAE_MUST_CHECK mae_error *mae_live_set_goal(mae_live *live, const mae_goal *goal);
MAE_API MAE_MUST_CHECK mae_error *mae_live_set_event(mae_live *live, const char *event, bool on);
/* What the application knows better than the files; NAN: as they say. Percent, degrees C, watts. */
MAE_API void mae_live_set_readings(mae_live *live, double battery, double celsius, double power_w);

/* The next three are for the one thread that runs frames. Inputs stay until they are set again. */
MAE_API MAE_MUST_CHECK mae_error *mae_live_set_input(mae_live *live, size_t input, const void *data, size_t bytes);
/* One frame, begun again on other PEs as long as one fails. `deadline_ms` is what is left of its deadline, `period_ms`
 * passes between frames; 0: none, unknown. MAE_ERR_LOST: no PE that is left can run the network; it may be called
 * again. */
MAE_API MAE_MUST_CHECK mae_error *mae_live_run(mae_live *live, double period_ms, double deadline_ms);
/* Of the last frame; valid until the next one. */
MAE_API MAE_MUST_CHECK mae_error *mae_live_output(mae_live *live, size_t output, const void **ret_data,
                                                  mae_shape *ret_shape);

/* What the last frame did. */
typedef struct mae_live_frame {
    double latency_ms;
    double decide_ms; /* from the call to the first segment: taking in the state, deciding, switching */
    size_t n_segments;
    const mae_frame_segment *segments;
    unsigned repeats; /* it was begun again so often */
    bool switched;    /* it ran on another mapping than the frame before */
    mae_goal goal;    /* as the rule had it, deadline and period included */
    int rule_line;    /* of the rule that applied; -1: the goal that was set; 0: there are no rules */
    bool feasible;    /* by what is known, some mapping meets the goal */
} mae_live_frame;
MAE_API const mae_live_frame *mae_live_last(const mae_live *live);

/* A summary as of the last frame's end; from any thread. */
typedef struct mae_live_status {
    uint64_t frames, repeats, switches;
    uint64_t losses;     /* how often a PE was taken out ... */
    uint64_t hung;       /* ... because a call had not come back in time */
    double leaked_bytes; /* left to such calls */
    uint64_t reprofiles, replans;
    uint64_t builds, build_failures; /* segments compiled beside the frames */
    size_t n_mappings, n_compiled;   /* of the plan; ready to run at once */
    double compiled_bytes;
    uint64_t present, used;           /* PEs of the profile, as masks: there; of the last frame */
    double battery, celsius, power_w; /* NAN: not known */
    double latency_ms;
    mae_goal goal;
    int rule_line;
    bool feasible;
} mae_live_status;
MAE_API void mae_live_get_status(mae_live *live, mae_live_status *ret_status);

/* A compiled segment, shared by all mappings that have it. */
typedef struct mae_live_segment {
    const char *pe;
    int first, last;
    double compile_ms, bytes; /* of the heap while it was compiled, and its weights at the least */
} mae_live_segment;
/* Those compiled now, in a new array, freed with free(); for the thread that runs frames. */
MAE_API MAE_MUST_CHECK mae_error *mae_live_segments(const mae_live *live, mae_live_segment **ret_segments,
                                                    size_t *ret_n);

/* ---- Scripts, played on the virtual SoC (docs/streaming.md) ---- */

typedef struct mae_play_strategy {
    const char *name; /* "gpu only", "front 2", "policy", "clairvoyant" */
    size_t frames;
    size_t misses;    /* answered late or not at all */
    size_t lost;      /* never answered, or answered twice */
    size_t wrong;     /* the outputs were not that frame's */
    double energy_mj; /* of the SoC over the whole script, idle draw included; 0 without energy in the profile */
    double p50_ms, p99_ms, max_ms; /* from a frame's arrival to its answer */
    size_t switches;
    bool live; /* it was the live session; else the next five are 0 */
    size_t repeats, losses, hung, reprofiles, replans;
    bool bound;    /* misses and energy are the least that any choice can reach, not what was played ... */
    bool attained; /* ... and this choice reaches them */
} mae_play_strategy;

typedef struct mae_play {
    const char *script, *model, *soc; /* names */
    double duration_s;
    bool has_energy;
    size_t n_strategies;
    const mae_play_strategy *strategies;
    void *priv;
} mae_play;

/* A frame of the policy's run. */
typedef struct mae_play_frame {
    size_t frame;
    double arrival_s, latency_ms; /* latency: below 0: not answered */
    bool late, wrong;
    const char *phase;
    const mae_live_frame *live;
    double battery, celsius;
} mae_play_frame;

typedef struct mae_play_options {
    const char *rules; /* path; NULL: the script's */
    bool compare;      /* else the policy alone */
    bool skip_front;   /* of comparing: not every point of the front as well */
    mae_progress_fn *progress;
    void *progress_ctx;
    void (*on_frame)(void *ctx, const mae_play_frame *frame);
    void *on_frame_ctx;
} mae_play_options;

/* MAE_ERR_INPUT names file and place. Without rules anywhere: least energy under the deadline (latency, where the
 * profile has no energy). */
MAE_API MAE_MUST_CHECK mae_error *mae_scenario_play(const char *path, const mae_play_options *options,
                                                    mae_play **ret_play);
MAE_API void mae_play_destroy(mae_play *play); /* takes NULL */
/* The mae-scenario JSON text, zero-terminated; the caller frees it with free(). */
MAE_API MAE_MUST_CHECK mae_error *mae_play_to_json(const mae_play *play, char **ret_text);

/* ---- Bench: the main job ---- */

typedef struct mae_bench_options {
    mae_goal goal;                 /* MAE_GOAL_INIT */
    const mae_bench_input *inputs; /* those not given are filled from seed 1 */
    size_t n_inputs;
    double budget_s; /* of profiling; 0: 20 s */
    double race_s;   /* of the final rounds, of measuring energy behind them where there is a meter (a slow one
                        takes up to three times as long), and at most of choosing before them; 0: 10 s */
    const mae_profile *profile; /* measured before; NULL: measure */
    mae_progress_fn *progress;
    void *progress_ctx;
    mae_recorder *recorder; /* the frames of the final rounds are recorded in it; NULL: they are not */
} mae_bench_options;

typedef struct mae_interval {
    double median, low, high; /* 95 % interval of the median */
} mae_interval;

/* What a mix is worth beside the best single PE by a profile's figures, drawn anew within their spreads many times. */
typedef struct mae_bench_forecast {
    bool exists;       /* there are both; else the rest is 0 */
    double p_beats;    /* how often the mix costs less */
    mae_interval maeg; /* median and the middle 95 % */
    size_t draws;
} mae_bench_forecast;

/* Whose present speed a prediction was brought to. */
typedef enum mae_bench_scale {
    MAE_SCALE_NONE = 0,   /* nothing else ran: as profiled */
    MAE_SCALE_SINGLE_PES, /* the single PEs, in the same rounds, by the plan's share of each */
    MAE_SCALE_OTHERS      /* all others that ran in the same rounds: the plan is a single PE, or there is none */
} mae_bench_scale;

typedef struct mae_bench_entry {
    const char *name; /* PE; "greedy" */
    bool complete;    /* runs the whole network; else the figures are 0 */
    mae_interval latency_ms;
    bool verified;            /* outputs agree with the reference's: else it is neither offered nor the baseline */
    double max_rel;           /* by how much they differ at most, as in mae_verdict */
    const char *reason;       /* why not complete: the first layer it cannot run; else NULL */
    bool meets_bounds;        /* of the goal, as measured; a single PE that does not is no baseline */
    double energy_mj;         /* of a frame of the measured latency: measured, or by the profile's figures (see
                                 mae_bench.meter); 0: none */
    mae_interval objective;   /* J of the goal, at the measured latency */
    mae_interval measured_mj; /* the energy with its interval, where it was measured; else 0 */
    const char *precision;    /* "f32": what the PE computes in; "" where nobody says, or for several PEs */
} mae_bench_entry;

/* Where the energies of a bench come from. */
typedef struct mae_bench_meter {
    bool measured;      /* of everything in the final rounds; else they are predicted by the profile's figures */
    const char *reason; /* why it was not; NULL: it was, or this machine has no meter */
    const char *meter;  /* "hwmon"; the rest only where it was measured */
    size_t n_rails;
    const char *const *rails; /* read together */
    size_t rounds;            /* turns of each */
    double span_s;            /* a turn's, at the least */
    double static_w;          /* the platform's idle draw, which is charged for the frame's time ... */
    bool static_stated;       /* ... by the SoC file; else measured */
    bool throttled;           /* the machine slowed down for its heat meanwhile */
} mae_bench_meter;

typedef struct mae_bench {
    int threads;
    size_t rounds;
    size_t n_single;
    const mae_bench_entry *single;
    size_t n_baselines;
    const mae_bench_entry *baselines;
    const mae_profile *profile; /* with the segment rows refining added */
    const mae_plan *plan;       /* what is offered */
    double predicted_ms;        /* of the plan, from the final profile, times drift */
    double drift;               /* how much longer than by the profile whole networks take in the final rounds: on the
                                   plan's PEs, or, where the plan is a single PE, all others that ran (1 if none) */
    mae_interval latency_ms;    /* of the plan */
    double maeg_predicted;
    mae_interval maeg;    /* measured */
    const char *baseline; /* best measured single PE; NULL: none is complete */
    bool single_is_best;  /* no mix beat it when measured: the plan offered is that single PE */
    size_t refinements;   /* how often plans were measured and planned again */
    size_t unverified;    /* mixed plans left out because their outputs differed from the reference's */
    mae_verdict verdict;
    void *priv;
    mae_goal goal;
    double energy_mj;             /* of the plan, as in mae_bench_entry */
    mae_interval objective;       /* J of the plan; MAEG is 1 - J / J of the baseline */
    bool enables;                 /* no single PE runs the network, verifies and meets the bounds: no MAEG */
    mae_bench_scale scale;        /* where `drift` is from */
    mae_bench_forecast before;    /* of the mix that the profile promised most of, before anything was raced */
    mae_bench_forecast predicted; /* of the best mix, before the final rounds */
    double p_beats;               /* measured: how often that mix's median lies below the best single PE's when the
                                     final rounds are drawn anew; 0 where there are not both */
    double predicted_error;       /* relative (standard deviation), of plans that were not measured yet */
    size_t candidates;            /* mixes measured to choose among */
    size_t races;                 /* in which they were */
    mae_bench_meter meter;
    mae_interval measured_mj; /* of the plan, as in mae_bench_entry */
    double predicted_mj;      /* of the plan by the profile's figures, at the measured latency; 0: none */
    size_t n_precisions;      /* that the plan computes in, each once, in the order of its segments */
    const char *const *precisions;
    bool mixed_precision; /* the plan and the baseline are not all of one: MAEG compares numbers of unlike worth */
} mae_bench;

MAE_API MAE_MUST_CHECK mae_error *mae_bench_run(mae_context *context, mae_model *model,
                                                const mae_bench_options *options, mae_bench **ret_bench);
MAE_API void mae_bench_destroy(mae_bench *bench); /* takes NULL */
/* The mae-bench JSON text, zero-terminated; the caller frees it with free(). */
MAE_API MAE_MUST_CHECK mae_error *mae_bench_to_json(const mae_bench *bench, char **ret_text);

#ifdef __cplusplus
}
#endif
#endif
