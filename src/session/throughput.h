/* Inside of measuring throughput. */
#ifndef MAE_SESSION_THROUGHPUT_H
#define MAE_SESSION_THROUGHPUT_H

#include "session/bench.h"
#include "session/internal.h"

#define MAE_THROUGHPUT_MOST 200

/* An entry, and what runs it. */
typedef struct mae_throughput_lane {
    mae_throughput_entry entry;
    const mae_context *context; /* whose PEs it runs on */
    mae_model model;
    mae_plan *plan; /* owned */
    mae_flow *flow; /* while it is measured */
    size_t fed;     /* frames whose inputs were written */
    double frame_ms;
    size_t n_turns, n_latencies;
    double *turns, *latencies;
} mae_throughput_lane;

typedef struct mae_throughput_work {
    mae_context *context;
    mae_model *model;
    const mae_graph *graph;
    const mae_bench_options *options;
    mae_arena *arena;
    mae_profile *profile;
    mae_context *whole; /* the same processors, all for one session; NULL: none */
    void **inputs;      /* per graph input */
    mae_throughput_lane *lanes;
    size_t n;
} mae_throughput_work;

/* throughput_entries.c: everything that may be measured. Singles and sessions of all processors first; then what is
 * known by the profile; then, with their quick times, the best PE of each resource. */
MAE_MUST_CHECK mae_error *mae_throughput_add_singles(mae_throughput_work *work);
MAE_MUST_CHECK mae_error *mae_throughput_add_plans(mae_throughput_work *work);
MAE_MUST_CHECK mae_error *mae_throughput_add_best_pes(mae_throughput_work *work);
/* Is it a session of one thread of ONNX Runtime on each resource? */
bool mae_throughput_is_sessions(const mae_throughput_lane *lane);

/* throughput_turns.c */
MAE_MUST_CHECK mae_error *mae_throughput_open(mae_throughput_work *work, mae_throughput_lane *lane);
void mae_throughput_close(mae_throughput_lane *lane);
/* Frames until each replica has run one, compared with the reference's: sets `verified` and `max_rel`. */
MAE_MUST_CHECK mae_error *mae_throughput_verify(mae_throughput_work *work, mae_throughput_lane *lane);
/* A batch of frames; *ret_ms is what one takes. Latencies are kept where there is room for them. */
MAE_MUST_CHECK mae_error *mae_throughput_turn(mae_throughput_work *work, mae_throughput_lane *lane, double *ret_ms);

#endif
