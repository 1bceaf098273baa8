/* What bench_truth's questions share: one network, its profile, and mappings that are run for real. */
#ifndef MAE_BENCH_TRUTH_H
#define MAE_BENCH_TRUTH_H

#include "base/stats.h"
#include "rounds.h"

typedef struct truth {
    mae_context *context;
    mae_model *model;
    const mae_graph *graph;
    mae_profile *profile; /* as characterised: nothing refined */
    mae_bench *bench;     /* the main job on it */
    int *offered;         /* its plan's mapping */
    double period_ms;     /* frames come at; 0: one after another */
    size_t n_pes;
    const mae_pe_info *pes;
    contestant *single;     /* per PE; name NULL: it does not run the whole network */
    double *single_told_ms; /* per PE: by the profile */
} truth;

mae_session *open_mapping(const truth *t, const int *mapping); /* NULL after saying why */
int *all_on(const truth *t, int pe);                           /* a mapping, the caller's */
bool is_supported(const truth *t, int pe, int first, int last);

/* By how much the machine is slower now than when it was characterised, for what this mapping uses: the PEs' factors
 * (whole network measured / predicted), weighted by their shares of the mapping. */
double anchor_factor(const truth *t, const int *mapping);

/* Random mappings with 1 to 8 switches, measured; how far predictions are off. */
bool truth_predict(const truth *t, size_t n, uint64_t seed, double seconds);

/* Every mapping of at most two switches, or `most` of them drawn fairly, measured: where the offered plan ranks. */
bool truth_regret(const truth *t, size_t most, uint64_t seed);

#endif
