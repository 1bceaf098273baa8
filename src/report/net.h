/* Where the layers of a network stand in its drawing: ranks from left to right, and heights. */
#ifndef MAE_REPORT_NET_H
#define MAE_REPORT_NET_H

#include "base/arena.h"
#include "mae/profile.h"

/* A layer, or a bend of an edge that passes over ranks. */
typedef struct mae_net_node {
    int layer; /* -1: a bend */
    int rank;
    double y;      /* in lanes; nodes of one rank are at least 1 apart */
    double wanted; /* while the order and the heights are looked for */
} mae_net_node;

/* From a node to one of the next rank; `source` and `target` are the layers at its ends. */
typedef struct mae_net_edge {
    int from, to, source, target;
} mae_net_edge;

/* An edge that passes over too many ranks: only its ends are drawn. */
typedef struct mae_net_stub {
    int source, target;
} mae_net_stub;

typedef struct mae_net {
    size_t n_nodes, n_edges, n_stubs, n_ranks;
    mae_net_node *nodes; /* the first are the layers */
    mae_net_edge *edges; /* by rank */
    size_t *first_edge;  /* n_ranks + 1 */
    mae_net_stub *stubs;
    size_t *first; /* n_ranks + 1: the nodes of rank r are order[first[r] .. first[r + 1]), from the top */
    int *order;
} mae_net;

#define MAE_NET_LONG 8 /* ranks that an edge may pass */

MAE_MUST_CHECK mae_error *mae_net_layout(const mae_profile *profile, mae_arena *arena, mae_net *ret_net);

#endif
