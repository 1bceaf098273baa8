/* Characterising: what each layer costs on each PE, in the running network. */
#ifndef MAE_PROFILE_MEASURE_H
#define MAE_PROFILE_MEASURE_H

#include "core/profile.h"
#include "mae/mae.h"
#include "pe/overlap.h"
#include "profile/energy.h"

typedef bool mae_measure_progress(void *ctx, const char *what, double fraction, double left_s);

typedef struct mae_measure_pe {
    mae_pe *pe;
    mae_profile_pe info; /* names, resource, limits: what goes into the profile */
} mae_measure_pe;

typedef struct mae_measure_options {
    double budget_s;                /* > 0 */
    mae_measure_progress *progress; /* may be NULL */
    void *progress_ctx;
    mae_program_clock clock;          /* zero: the machine's */
    mae_overlap_machine machine;      /* whose clock that is, if it is driven by who works on it */
    const mae_energy_options *energy; /* NULL: none is measured */
    const mae_bench_input *inputs;    /* values for the network's inputs; the others are made up */
    size_t n_inputs;
} mae_measure_options;

/* MAE_ERR_UNSUPPORTED, naming the layer, when a layer has no PE. The first PE of the list in whose
 * memory a user's arrays live anyway is the `host`; all present PEs use host memory, so there is none. */
MAE_MUST_CHECK mae_error *mae_measure(const mae_graph *graph, const mae_measure_pe *pes, size_t n_pes,
                                      const mae_measure_options *options, mae_profile **ret_profile);

#endif
