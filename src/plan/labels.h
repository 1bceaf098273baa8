/* Label setting: partial mappings that no other at the same state beats in every way, pruned by bounds,
 * boundary by boundary. */
#ifndef MAE_PLAN_LABELS_H
#define MAE_PLAN_LABELS_H

#include "plan/bound.h"

typedef enum mae_criteria {
    MAE_BOTH,     /* latency and energy both matter */
    MAE_LAT_ONLY, /* energy only breaks ties */
    MAE_EN_ONLY
} mae_criteria;

/* Counts of segments that are limited, packed into one word: a field per tracked PE, its top bit spare. */
typedef struct mae_tracking {
    bool switches;
    uint64_t pes;      /* tracked PEs (ours) */
    uint8_t shift[64]; /* of a PE's field */
    uint64_t spare;    /* the spare bits */
    uint64_t most;     /* the limits, packed */
} mae_tracking;

/* False if the fields do not fit into a word. */
bool mae_tracking_init(mae_tracking *tracking, const mae_model *m, uint64_t pes, bool switches);

/* Where trade-offs are looked for: a completion matters only if, for some of these lines, it stays at or
 * below `most`. Without them (n = 0) every one matters. Lines by falling a / b. */
typedef struct mae_wanted {
    size_t n;
    double *a, *b, *most; /* n */
    double *go;           /* n per state: go[state * n + k] */
} mae_wanted;

typedef struct mae_search {
    const mae_trellis *t;
    const mae_bounds *bounds;
    mae_criteria criteria;
    mae_tracking tracking;
    int max_switches;         /* looked at where tracking.switches */
    bool prune;               /* by J of the bounds' aim; false: every trade-off is wanted */
    const mae_wanted *wanted; /* NULL: every trade-off */
    double upper;             /* labels that cannot come to at most this J are dropped; infinite: unknown */
    size_t k;                 /* keep what fewer than k others beat */
    size_t cap;               /* labels per state, where they are pruned; 0: no limit */
    size_t max_labels;        /* in all; beyond, the search stops */
} mae_search;

typedef struct mae_found {
    mae_pair cost;
    int switches;
    uint32_t trace; /* see mae_labels_mapping() */
} mae_found;

typedef struct mae_labels {
    size_t n_found; /* complete mappings, in no particular order */
    mae_found *found;
    double dropped;  /* least J that the cap may have cut off; infinite: nothing */
    bool too_many;   /* max_labels was reached: nothing was found */
    size_t n_traces; /* labels kept, in all */
    uint32_t *parent;
    uint8_t *pe;
} mae_labels;

MAE_MUST_CHECK mae_error *mae_labels_search(const mae_search *search, mae_labels *ret_labels);
void mae_labels_finish(mae_labels *labels);

/* Our PE of each of the n layers. */
void mae_labels_mapping(const mae_labels *labels, const mae_found *found, int n, int *ret_mapping);

#define MAE_LABELS_MANY 16

/* The same for up to so many together, which is faster than one after another: each step of one waits for memory. */
void mae_labels_mappings(const mae_labels *labels, size_t n_found, const mae_found *const *found, int n,
                         int *const *ret_mappings);

#endif
