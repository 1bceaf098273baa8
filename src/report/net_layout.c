/* A layered drawing: ranks by the longest path, bends where an edge passes ranks, an order with few crossings by
 * barycentres, heights that keep chains straight. */
#include "report/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define SWEEPS 6

static void find_ranks(const mae_profile *profile, mae_net *net)
{
    for (size_t l = 0; l < profile->n_layers; l++) {
        int rank = 0;
        for (size_t i = 0; i < profile->layers[l].n_inputs; i++) {
            int producer = profile->tensors[profile->layers[l].inputs[i]].producer;
            if (producer >= 0 && net->nodes[producer].rank + 1 > rank)
                rank = net->nodes[producer].rank + 1;
        }
        net->nodes[l] = (mae_net_node){.layer = (int)l, .rank = rank};
        net->n_ranks = (size_t)rank + 1 > net->n_ranks ? (size_t)rank + 1 : net->n_ranks;
    }
    net->n_nodes = profile->n_layers;
}

/* Has an earlier input of this layer the same producer? */
static bool seen_before(const mae_profile *profile, const mae_profile_layer *layer, size_t input)
{
    int producer = profile->tensors[layer->inputs[input]].producer;
    for (size_t i = 0; i < input; i++)
        if (profile->tensors[layer->inputs[i]].producer == producer)
            return true;
    return false;
}

static void add_edge(mae_net *net, int source, int target)
{
    int span = net->nodes[target].rank - net->nodes[source].rank, from = source;
    if (span > MAE_NET_LONG) {
        net->stubs[net->n_stubs++] = (mae_net_stub){source, target};
        return;
    }
    for (int step = 1; step < span; step++) {
        int bend = (int)net->n_nodes++;
        net->nodes[bend] = (mae_net_node){.layer = -1, .rank = net->nodes[source].rank + step};
        net->edges[net->n_edges++] = (mae_net_edge){from, bend, source, target};
        from = bend;
    }
    net->edges[net->n_edges++] = (mae_net_edge){from, target, source, target};
}

static size_t count_inputs(const mae_profile *profile)
{
    size_t n = 0;
    for (size_t l = 0; l < profile->n_layers; l++)
        n += profile->layers[l].n_inputs;
    return n;
}

static mae_error *add_edges(const mae_profile *profile, mae_arena *arena, mae_net *net)
{
    size_t n = count_inputs(profile);
    net->nodes = mae_arena_array(arena, profile->n_layers + n * MAE_NET_LONG + 1, sizeof *net->nodes);
    net->edges = mae_arena_array(arena, n * MAE_NET_LONG + 1, sizeof *net->edges);
    net->stubs = mae_arena_array(arena, n + 1, sizeof *net->stubs);
    if (!net->nodes || !net->edges || !net->stubs)
        return mae_error_nomem();
    find_ranks(profile, net);
    for (size_t l = 0; l < profile->n_layers; l++) {
        const mae_profile_layer *layer = &profile->layers[l];
        for (size_t i = 0; i < layer->n_inputs; i++) {
            int producer = profile->tensors[layer->inputs[i]].producer;
            if (producer >= 0 && !seen_before(profile, layer, i))
                add_edge(net, producer, (int)l);
        }
    }
    return NULL;
}

/* ---- by rank ---- */

/* first[r + 1] has the count of rank r; made the begin of each. */
static void sum_up(size_t *first, size_t n)
{
    for (size_t r = 0; r < n; r++)
        first[r + 1] += first[r];
}

static mae_error *sort_by_rank(mae_arena *arena, mae_net *net)
{
    mae_net_edge *edges = mae_arena_array(arena, net->n_edges + 1, sizeof *edges);
    size_t *at = mae_arena_array(arena, net->n_ranks + 1, sizeof *at);
    net->first = mae_arena_array(arena, net->n_ranks + 1, sizeof *net->first);
    net->first_edge = mae_arena_array(arena, net->n_ranks + 1, sizeof *net->first_edge);
    net->order = mae_arena_array(arena, net->n_nodes + 1, sizeof *net->order);
    if (!edges || !at || !net->first || !net->first_edge || !net->order)
        return mae_error_nomem();
    for (size_t i = 0; i < net->n_nodes; i++)
        net->first[net->nodes[i].rank + 1]++;
    for (size_t i = 0; i < net->n_edges; i++)
        net->first_edge[net->nodes[net->edges[i].from].rank + 1]++;
    sum_up(net->first, net->n_ranks);
    sum_up(net->first_edge, net->n_ranks);
    memcpy(at, net->first, net->n_ranks * sizeof *at);
    for (size_t i = 0; i < net->n_nodes; i++)
        net->order[at[net->nodes[i].rank]++] = (int)i;
    memcpy(at, net->first_edge, net->n_ranks * sizeof *at);
    for (size_t i = 0; i < net->n_edges; i++)
        edges[at[net->nodes[net->edges[i].from].rank]++] = net->edges[i];
    net->edges = edges;
    return NULL;
}

/* ---- heights ---- */

/* Where the neighbours on one side would have a rank's nodes; those without any stay. */
static void want(mae_net *net, size_t rank, bool of_left, double *sums, double *counts)
{
    size_t begin = net->first[rank], end = net->first[rank + 1];
    for (size_t i = begin; i < end; i++)
        sums[net->order[i]] = counts[net->order[i]] = 0;
    if ((of_left && rank == 0) || (!of_left && rank + 1 == net->n_ranks))
        return;
    size_t edges = of_left ? rank - 1 : rank;
    for (size_t e = net->first_edge[edges]; e < net->first_edge[edges + 1]; e++) {
        int node = of_left ? net->edges[e].to : net->edges[e].from,
            other = of_left ? net->edges[e].from : net->edges[e].to;
        sums[node] += net->nodes[other].y;
        counts[node] += 1;
    }
    for (size_t i = begin; i < end; i++) {
        mae_net_node *node = &net->nodes[net->order[i]];
        node->wanted = counts[net->order[i]] > 0 ? sums[net->order[i]] / counts[net->order[i]] : node->y;
    }
}

/* As near as can be to what is wanted, in the present order, 1 apart. */
static void place(mae_net *net, size_t rank)
{
    size_t begin = net->first[rank], end = net->first[rank + 1];
    double least = -1e300, most = 1e300;
    for (size_t i = begin; i < end; i++) {
        mae_net_node *node = &net->nodes[net->order[i]];
        node->y = least = fmax(node->wanted, least + 1);
    }
    for (size_t i = end; i-- > begin;) {
        mae_net_node *node = &net->nodes[net->order[i]];
        most = fmin(node->wanted, most - 1);
        node->y = (node->y + most) / 2;
    }
}

/* A few nodes stand in a rank: insertion is quick, and keeps the order of equals. */
static void reorder(mae_net *net, size_t rank)
{
    for (size_t i = net->first[rank] + 1; i < net->first[rank + 1]; i++) {
        int node = net->order[i];
        size_t at = i;
        for (; at > net->first[rank] && net->nodes[net->order[at - 1]].wanted > net->nodes[node].wanted; at--)
            net->order[at] = net->order[at - 1];
        net->order[at] = node;
    }
}

static void sweep(mae_net *net, bool to_right, bool order, double *sums, double *counts)
{
    for (size_t k = 0; k < net->n_ranks; k++) {
        size_t rank = to_right ? k : net->n_ranks - 1 - k;
        want(net, rank, to_right, sums, counts);
        if (order)
            reorder(net, rank);
        place(net, rank);
    }
}

mae_error *mae_net_layout(const mae_profile *profile, mae_arena *arena, mae_net *ret_net)
{
    mae_net net = {0};
    MAE_TRY(add_edges(profile, arena, &net));
    MAE_TRY(sort_by_rank(arena, &net));
    double *sums = mae_arena_array(arena, net.n_nodes + 1, sizeof *sums);
    double *counts = mae_arena_array(arena, net.n_nodes + 1, sizeof *counts);
    if (!sums || !counts)
        return mae_error_nomem();
    for (size_t r = 0; r < net.n_ranks; r++)
        for (size_t i = net.first[r]; i < net.first[r + 1]; i++)
            net.nodes[net.order[i]].y = (double)(i - net.first[r]);
    for (int i = 0; i < SWEEPS; i++)
        sweep(&net, i % 2 == 0, true, sums, counts);
    sweep(&net, true, false, sums, counts);
    *ret_net = net;
    return NULL;
}
