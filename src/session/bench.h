/* The main job, in parts: contenders, races, refinement, forecasts, verdict (docs/method.md). */
#ifndef MAE_SESSION_BENCH_H
#define MAE_SESSION_BENCH_H

#include "base/stats.h"
#include "core/cost.h"
#include "session/internal.h"
#include "session/watts.h"

#define MAE_BENCH_MOST_ROUNDS 2000
#define MAE_BENCH_MOST_MIXED 16
#define MAE_BENCH_CONFIDENCE 0.95
#define MAE_BENCH_INDIFFERENCE 0.01 /* so close together that either will do */
#define MAE_BENCH_MOST_METERED 32   /* rounds with the meter */

/* What a contender's frames draw above idle, by the meter. */
typedef struct mae_bench_draw {
    size_t rounds;                                                        /* 0: not metered */
    double watts[MAE_BENCH_MOST_METERED], half_w[MAE_BENCH_MOST_METERED]; /* per round; half: of the meter's interval */
    double mean_w;
    double scatter_w, meter_w; /* halves of the mean's 95 % interval: by the rounds' scatter, by the meter */
} mae_bench_draw;

/* A compiled mapping that takes part in the rounds. */
typedef struct mae_contender {
    const mae_context *context;
    mae_frame_runner *runner;
    size_t rounds;        /* taken in the last race */
    double *frames_ms;    /* per round; owned, as the next three */
    double *values;       /* per round: J of the goal */
    double *misses;       /* per round: how far the goal's bounds are missed; above 0 breaks them */
    double **segments_ms; /* per segment, per round */
    mae_program_stamp *stamps;
    mae_verdict verdict;
    bool allowed;      /* verified, and within the goal's switches */
    double dynamic_mj; /* of a frame, by the profile; 0 without energy */
    mae_bench_draw draw;
} mae_contender;

MAE_MUST_CHECK mae_error *mae_contender_create(const mae_context *context, const mae_graph *graph, const int *mapping,
                                               mae_frame_runner *inputs_of, size_t most_rounds,
                                               mae_contender **ret_contender);
void mae_contender_destroy(mae_contender *contender); /* takes NULL */

/* One turn: a few frames, whose mean is the contender's figure of this round: one after another, or, with a period, as
 * they come. */
MAE_MUST_CHECK mae_error *mae_contender_take_turn(mae_contender *contender, double period_ms, size_t round);

/* Median and 95 % interval of the first n samples; the samples keep their order. */
MAE_MUST_CHECK mae_error *mae_median_of(const double *samples, size_t n, mae_interval *ret_interval);
/* The same of a[i] / b[i], which were measured in the same round. */
MAE_MUST_CHECK mae_error *mae_ratio_of(const double *a, const double *b, size_t n, mae_interval *ret_interval);

/* Everything one bench holds while it works. */
typedef struct mae_bench_work {
    mae_context *context;
    mae_model *model;
    const mae_graph *graph;
    const mae_bench_options *options;
    mae_profile *profile;               /* segment rows are added */
    double scale_latency, scale_energy; /* L and E of a weighted goal */
    mae_frame_runner *reference;        /* also the keeper of the inputs */
    mae_contender **single;             /* per PE; NULL: not complete */
    const char **why_not;               /* per PE that is not complete */
    mae_contender *greedy;
    mae_contender **mixed; /* measured candidates, those that did not verify too */
    size_t n_mixed;
    double *speed;      /* per PE: how much longer than by the profile whole networks take now; 1 at first */
    double prior_error; /* relative, of predictions, before any was measured */
    double error_sum;   /* squares of the logarithms of measured / predicted, of plans without rows of their own ... */
    size_t n_errors;    /* ... and how many they are */
    size_t refinements; /* plans measured */
    size_t races;       /* held to choose among them */
    size_t unverified;
    size_t final_rounds;
    double done; /* of the whole, as last reported */
    mae_bench_forecast before, predicted;
    mae_bench_meter meter; /* how energy was measured; its texts live in the result's arena */
    double static_half_w;  /* of the interval of its static_w; 0 where stated */
    mae_watts *watts;      /* recorded between turns; NULL: none */
} mae_bench_work;

/* J of a frame that takes so long and uses so much dynamic energy; and how far it misses the bounds. */
double mae_bench_value(const mae_bench_work *work, double latency_ms, double dynamic_mj);
double mae_bench_miss(const mae_bench_work *work, double latency_ms, double dynamic_mj);
double mae_bench_miss_of(const mae_bench_work *work, const mae_prediction *cost);
double mae_bench_energy(const mae_bench_work *work, double latency_ms, double dynamic_mj);
/* What a mapping costs by `profile`, its energy above the platform's own, and its J. */
typedef struct mae_bench_cost {
    double latency_ms, dynamic_mj, value, miss;
} mae_bench_cost;
MAE_MUST_CHECK mae_error *mae_bench_cost_of(const mae_bench_work *work, const mae_cost_index *index, const int *mapping,
                                            mae_bench_cost *ret_cost);
MAE_MUST_CHECK mae_error *mae_bench_eval(const mae_bench_work *work, const mae_profile *profile, const int *mapping,
                                         mae_bench_cost *ret_cost);

/* Tells the caller how far it has come, never backwards; MAE_ERR_FAILED when the caller wants no more. */
MAE_MUST_CHECK mae_error *mae_bench_report(mae_bench_work *work, const char *what, double fraction, double left_s);

/* Compiles a mapping, gives it the inputs, runs it once and compares its outputs with the reference's. */
MAE_MUST_CHECK mae_error *mae_bench_enter(mae_bench_work *work, const int *mapping, mae_contender **ret_contender);

/* Plans, measures the plans turn by turn, puts their segments' times into the profile, plans again, until no mapping
 * that may be better is left or the time is spent. The best mixed contender (NULL: none) has not been compared with
 * the single PEs yet. */
MAE_MUST_CHECK mae_error *mae_bench_refine(mae_bench_work *work, double seconds, mae_contender **ret_champion);

/* The profile at the speeds of today: every figure of a PE times its `speed`. */
MAE_MUST_CHECK mae_error *mae_bench_todays_profile(const mae_bench_work *work, mae_profile **ret_profile);

/* Mappings worth measuring, at most `most`, in new arrays: plans that by their uncertainty may be better than the best
 * one measured, and that differ from it and from each other. `today` is the profile at today's speeds. */
MAE_MUST_CHECK mae_error *mae_bench_propose(const mae_bench_work *work, const mae_profile *today,
                                            const mae_contender *champion, size_t most, int **ret_mappings,
                                            size_t *ret_n);
/* Relative error (standard deviation) of predictions before any was compared with a measurement: the more, the less
 * sure the profile's figures are, since what disturbs one layer's figure disturbs its neighbours'. */
MAE_MUST_CHECK mae_error *mae_bench_prior_error(const mae_profile *profile, double *ret_error);
/* The same, of a plan that was not measured, by what is known now. */
double mae_bench_expected_error(const mae_bench_work *work);

/* How much longer than by the profile each complete PE's whole network took in the first `rounds` rounds of the last
 * race (n_pes entries, caller's array); the others get the geometric mean, which is returned too. */
MAE_MUST_CHECK mae_error *mae_bench_find_speeds(const mae_bench_work *work, size_t rounds, double *ret_per_pe,
                                                double *ret_mean);
/* Weighted by the time that the mapping's layers take on each. */
double mae_bench_speed_of(const mae_profile *profile, const int *mapping, const double *per_pe);

/* Draws the profile's figures anew within their spreads, and predicts by each draw what the mapping gains over the best
 * single PE. `model_error` is the relative error of prediction beyond the spreads; with `replan` the figure is
 * corrected for the luck of the mapping that was chosen by the very figures (docs/method.md). */
MAE_MUST_CHECK mae_error *mae_bench_foresee(const mae_bench_work *work, const mae_profile *profile, const int *mapping,
                                            double model_error, bool replan, mae_bench_forecast *ret_forecast);

/* P(median ratio < 1) by drawing the rounds anew; `half` is that of the 95 % interval of what all rounds have in
 * common, as a logarithm. */
MAE_MUST_CHECK mae_error *mae_bench_chance_below_one(const double *a, const double *b, size_t rounds, double half,
                                                     double *ret_chance);

/* metered.c: after the final rounds, what each of those who ran draws, by the SoC's meter, turn by turn; from then on
 * their values and misses are by that. Where it cannot be, work->meter says why, and nothing has changed. */
MAE_MUST_CHECK mae_error *mae_bench_measure_energy(mae_bench_work *work, mae_contender *const *finalists, size_t n,
                                                   double seconds, mae_arena *arena);
/* Of a frame that takes so long: measured where the contender was metered, else by the profile. */
double mae_bench_energy_of(const mae_bench_work *work, const mae_contender *contender, double latency_ms);
/* The contender's energy with its interval, at the latencies of its rounds. It was metered. */
MAE_MUST_CHECK mae_error *mae_bench_measured_energy(const mae_bench_work *work, const mae_contender *contender,
                                                    mae_interval *ret_mj);
/* Half of the 95 % interval that the meter leaves the logarithm of J in, or of the ratio of two J; 0 where not metered.
 */
double mae_bench_meter_half(const mae_bench_work *work, const mae_contender *contender);
double mae_bench_meter_half_of_ratio(const mae_bench_work *work, const mae_contender *a, const mae_contender *b);
/* An interval of something positive made wider by that. */
void mae_bench_widen(mae_interval *interval, double half);

/* What a caller of mae_bench_run() holds. */
typedef struct mae_bench_result {
    mae_bench bench; /* first: what the caller holds */
    mae_arena *arena;
    mae_profile *profile;
    mae_plan *plan;
} mae_bench_result;

/* The best verified contender of the first n (entries may be NULL) by the median of its J, of those that meet the
 * bounds; n if there is none. */
MAE_MUST_CHECK mae_error *mae_bench_best_of(mae_contender *const *contenders, size_t n, size_t *ret_best);
/* By the median of the last race. */
MAE_MUST_CHECK mae_error *mae_bench_meets(const mae_contender *contender, bool *ret_meets);

/* Chooses between `mixed` (may be NULL) and the best single PE by the last race, and fills the result. */
MAE_MUST_CHECK mae_error *mae_bench_conclude(mae_bench_result *result, mae_bench_work *work, mae_contender *mixed);

/* precision.c: what the plan of the bench computes in, and whether that is what its baseline does. */
MAE_MUST_CHECK mae_error *mae_bench_find_precisions(mae_bench_result *result, const char *baseline);

#endif
