/* Throughput measured: arrangements of replicas and stages beside every single PE, and beside one session with a thread
 * for each processor, turn by turn (docs/throughput.md). */
#ifndef MAE_THROUGHPUT_H
#define MAE_THROUGHPUT_H

#include "mae/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mae_context;
struct mae_model;
struct mae_bench_options;

typedef struct mae_throughput_ci {
    double median, low, high; /* 95 % interval of the median */
} mae_throughput_ci;

typedef enum mae_throughput_kind {
    MAE_THROUGHPUT_SINGLE = 0, /* one PE, frame after frame */
    MAE_THROUGHPUT_PLAN,       /* an arrangement of the context's PEs: may be offered */
    MAE_THROUGHPUT_WHOLE       /* one session of an engine, with a thread for each of the resources' processors */
} mae_throughput_kind;

typedef struct mae_throughput_entry {
    const char *name; /* "planned", "ort on each resource", "cpu:0/onednn", "ort, 2 threads" */
    mae_throughput_kind kind;
    const mae_plan *plan; /* of a MAE_THROUGHPUT_PLAN; owned by the result */
    bool verified;        /* outputs agree with the reference's: else it is neither offered nor a baseline */
    double max_rel;       /* by how much they differ at most */
    bool raced;           /* in the final rounds; else only `quick_ms` is known */
    double quick_ms;      /* a frame, when it was chosen whom to race */
    mae_throughput_ci period_ms;
    mae_throughput_ci latency_ms; /* of frames in the final rounds, from when their first stage begins ... */
    double p99_ms;                /* ... and the 99th percentile */
    const char *reason;           /* why it did not run at all; NULL */
} mae_throughput_entry;

/* How many times the frames per second of another entry the offered one gives. */
typedef struct mae_throughput_ratio {
    size_t entry;
    const char
        *what; /* "best_single", "sessions": a session of one thread on each resource with ONNX Runtime, "threads" */
    mae_throughput_ci ratio;
} mae_throughput_ratio;

typedef struct mae_throughput {
    size_t n_entries;
    const mae_throughput_entry *entries;
    size_t
        offered; /* of the arrangements, what is at least as fast as each other in the median of the rounds' ratios */
    size_t n_resources, rounds;
    size_t n_ratios;
    const mae_throughput_ratio *ratios;
    const mae_profile *profile;
    void *priv;
} mae_throughput;

/* Takes inputs, budget_s, race_s, profile and progress of the options. The best few arrangements, the best single PEs and
 * ONNX Runtime's two ways run in the final rounds. MAE_ERR_FAILED: no arrangement runs and verifies. */
MAE_API MAE_MUST_CHECK mae_error *mae_throughput_run(struct mae_context *context, struct mae_model *model,
                                                     const struct mae_bench_options *options,
                                                     mae_throughput **ret_throughput);
MAE_API void mae_throughput_destroy(mae_throughput *throughput); /* takes NULL */
/* A mae-bench object with the key "throughput", zero-terminated; the caller frees it with free(). */
MAE_API MAE_MUST_CHECK mae_error *mae_throughput_to_json(const mae_throughput *throughput, char **ret_text);

#ifdef __cplusplus
}
#endif
#endif
