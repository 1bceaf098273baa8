/* The main job, in parts: contenders, rounds, refinement, verdict. */
#ifndef MAE_SESSION_BENCH_H
#define MAE_SESSION_BENCH_H

#include "base/stats.h"
#include "session/internal.h"

/* A compiled mapping that takes part in the rounds. */
typedef struct mae_contender {
    mae_frame_runner *runner;
    double *frames_ms;    /* per round; owned */
    double **segments_ms; /* per segment, per round; owned */
    mae_program_stamp *stamps;
    mae_verdict verdict;
} mae_contender;

MAE_MUST_CHECK mae_error *mae_contender_create(const mae_context *context, const mae_graph *graph, const int *mapping,
                                               mae_frame_runner *inputs_of, size_t most_rounds,
                                               mae_contender **ret_contender);
void mae_contender_destroy(mae_contender *contender); /* takes NULL */

/* Runs all contenders turn by turn (A B A B ..., the order rotated each round), for about `seconds`, at least 5 rounds
 * and at most the contenders' most_rounds. */
MAE_MUST_CHECK mae_error *mae_contend(mae_contender *const *contenders, size_t n, double seconds, size_t most_rounds,
                                      size_t *ret_rounds);

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
    mae_profile *profile;
    mae_frame_runner *reference; /* also the keeper of the inputs */
    mae_contender **single;      /* per PE; NULL: not complete */
    const char **why_not;        /* per PE that is not complete */
    mae_contender *greedy;
    mae_contender **mixed; /* measured candidates */
    size_t n_mixed;
    size_t rounds; /* of the last contest */
    size_t refinements;
    size_t unverified;
} mae_bench_work;

/* Compiles a mapping, gives it the inputs, runs it once and compares its outputs with the reference's. */
MAE_MUST_CHECK mae_error *mae_bench_enter(mae_bench_work *work, const int *mapping, mae_contender **ret_contender);

#define MAE_BENCH_MOST_ROUNDS 2000
#define MAE_BENCH_MOST_MIXED 8

/* Plans, measures the plan's segments where they run, puts them into the profile, plans again, until the plan
 * stands or has been measured before. Fills `mixed`. */
MAE_MUST_CHECK mae_error *mae_bench_refine(mae_bench_work *work);

/* The factor between now and when the profile was measured: geometric mean over the complete PEs of what a
 * whole network takes in the last contest and by the profile. Per PE too (n_pes entries, caller's array). */
MAE_MUST_CHECK mae_error *mae_bench_drift(const mae_bench_work *work, const mae_profile *profile, size_t rounds,
                                          double *ret_drift, double *ret_per_pe);

/* What a caller of mae_bench_run() holds. */
typedef struct mae_bench_result {
    mae_bench bench; /* first: what the caller holds */
    mae_arena *arena;
    mae_profile *profile;
    mae_plan *plan;
} mae_bench_result;

/* The fastest verified contender of the first n (entries may be NULL) by its median; n if there is none. */
MAE_MUST_CHECK mae_error *mae_bench_best_of(mae_contender *const *contenders, size_t n, size_t rounds,
                                            size_t *ret_best);

/* Chooses between `mixed` (may be NULL) and the best single PE by the last contest, and fills the result. The profile
 * passes from the work to the result. */
MAE_MUST_CHECK mae_error *mae_bench_conclude(mae_bench_result *result, mae_bench_work *work, mae_contender *mixed);

#endif
