/* A plan beside the profile it was made from: segments, costs and moves, for tables. */
#ifndef MAE_CLI_MAPPING_H
#define MAE_CLI_MAPPING_H

#include "mae/plan.h"

/* One run of consecutive layers on one PE. */
typedef struct cli_segment {
    int pe, first, last;
    double sum_ms;  /* of its layers on that PE */
    bool measured;  /* the profile has this very segment ... */
    double time_ms; /* ... and this is its time; else the sum and what a segment of the PE costs */
} cli_segment;

/* One tensor handed to another PE, or to a later segment of its own (docs/formats.md, section 2). */
typedef struct cli_move {
    int tensor, from, to;
    double time_ms;
} cli_move;

typedef struct cli_mapping {
    const mae_profile *profile;
    int *pe; /* of each layer */
    size_t n_segments;
    cli_segment *segments;
    size_t n_moves;
    cli_move *moves;
} cli_mapping;

int cli_mapping_of_plan(const mae_plan *plan, const mae_profile *profile, cli_mapping *ret_mapping);
void cli_mapping_clear(cli_mapping *mapping);

/* What today's runtimes do: each layer on the first engine of a list that runs it, special engines (those that run
 * the fewest layers) first. False when that is not allowed: a layer without a PE, a transfer that does not exist. */
bool cli_greedy_cost(const mae_profile *profile, double period_ms, mae_prediction *ret_cost);

/* Segments, what their layers take on each PE, and their predicted times, as a table on standard output. */
int cli_mapping_print_segments(const cli_mapping *mapping);
/* The moves, summed by pair of PEs. */
int cli_mapping_print_moves(const cli_mapping *mapping);

#endif
