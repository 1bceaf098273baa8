/* The trellis: every state a frame can be in between two layers, and the arcs (placing the next layer
 * on a PE) between them. A mapping is exactly one path. What a state remembers is only what later costs
 * depend on: the PE, for each live tensor where it is for free, and, where there are segment rows, how
 * the open segment began. For a chain without rows a state is a PE. */
#ifndef MAE_PLAN_TRELLIS_H
#define MAE_PLAN_TRELLIS_H

#include "plan/dual.h"
#include "plan/model.h"

typedef struct mae_arc {
    mae_pair cost;
    uint32_t to;   /* state of the next boundary, counted from that boundary's first */
    uint8_t pe;    /* that the layer runs on */
    uint8_t opens; /* a new segment */
} mae_arc;

typedef struct mae_trellis {
    const mae_model *model;
    int n;               /* layers; boundaries are 0 .. n */
    size_t *first_state; /* n + 2: states of boundary b are [first_state[b], first_state[b + 1]) */
    size_t *first_arc;   /* per state, one more at the end */
    mae_arc *arcs;
    size_t n_arcs;
    uint8_t *pe;      /* per state: of the last layer */
    bool *can_end;    /* per state of the last boundary, counted from its first */
    bool dropped;     /* states that may be wanted were left out for want of room */
    double elsewhere; /* no path through one of them has a lesser score; infinite: none was left out */
} mae_trellis;

/* No completion whose weighted costs are at least these, a line each, is better than this. */
typedef double mae_scout_score(const void *context, const double *least);

/* What to keep: states whose score, from the least cost so far and the least it may take to the end, is at most
 * `upper`; and where there are too many of them, those with the least score. `lines` are weights (of lat, of en). */
typedef struct mae_scout {
    size_t n_lines;
    const double (*lines)[2];
    mae_scout_score *score;
    const void *context;
    mae_dual_set *duals; /* what bounds are made of; kept for the next one who wants them */
    double upper;        /* infinite: all are wanted */
    size_t max_states;   /* at one boundary */
} mae_scout;

/* `scout` may be NULL: then all states are there, or, where they would take more than `max_bytes` (0: no limit),
 * *ret_trellis is NULL. */
MAE_MUST_CHECK mae_error *mae_trellis_create(const mae_model *model, const mae_scout *scout, size_t max_bytes,
                                             mae_trellis **ret_trellis);
void mae_trellis_destroy(mae_trellis *trellis); /* takes NULL */

static inline size_t mae_trellis_states(const mae_trellis *t)
{
    return t->first_state[t->n + 1];
}

#endif
