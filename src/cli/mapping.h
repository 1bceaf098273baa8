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

/* Words between commas, such as PEs. */
typedef struct cli_list {
    const char *rest; /* the text at first; NULL at the end */
    size_t position;  /* of the word taken last, from 1 */
} cli_list;

/* The next word, freed with free(), or NULL at the end. An empty one is a usage error that names its place. */
int cli_list_next(const char *command, const char *option, cli_list *list, char **ret_item);

/* The PEs of `--priority A,B,...`, each at most once (n_pes entries, caller's array). */
int cli_priority_parse(const char *command, const mae_profile *profile, const char *text, int *ret_order,
                       size_t *ret_n);

/* Segments, what their layers take on each PE, and their predicted times, as a table on standard output. */
int cli_mapping_print_segments(const cli_mapping *mapping);
/* The moves, summed by pair of PEs. */
int cli_mapping_print_moves(const cli_mapping *mapping);

#endif
