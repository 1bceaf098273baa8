/* Whose time a frame takes: the sums of mae_cost_of() by PE. */
#include <stdlib.h>
#include <string.h>

#include "core/cost.h"

static void add_segments(const mae_cost_index *index, const int *mapping, double *loads)
{
    const mae_profile *p = index->profile;
    int n = (int)p->n_layers;
    for (int first = 0, last; first < n; first = last + 1) {
        int pe = mapping[first];
        for (last = first; last + 1 < n && mapping[last + 1] == pe;)
            last++;
        const mae_segment_cost *row = mae_cost_row(index, pe, first, last);
        loads[pe] += row ? row->time_ms : p->pes[pe].segment_ms;
        for (int l = first; l <= last && !row; l++)
            loads[pe] += p->costs[(size_t)l * p->n_pes + (size_t)pe].time_ms;
    }
}

/* Is there a border between segments in layers a to b (a before b)? */
static bool crosses(const int *mapping, int a, int b)
{
    for (int l = a + 1; l <= b; l++)
        if (mapping[l] != mapping[l - 1])
            return true;
    return false;
}

/* PEs that read each tensor, and whether its maker's does in a later segment. */
static void find_readers(const mae_profile *p, const int *mapping, uint64_t *readers, bool *later)
{
    for (int l = 0; l < (int)p->n_layers; l++)
        for (size_t k = 0; k < p->layers[l].n_inputs; k++) {
            int t = p->layers[l].inputs[k], producer = p->tensors[t].producer;
            readers[t] |= UINT64_C(1) << mapping[l];
            if (producer >= 0 && mapping[producer] == mapping[l] && crosses(mapping, producer, l))
                later[t] = true;
        }
}

static void add_moves_of(const mae_cost_index *index, int tensor, int home, uint64_t readers, double *loads)
{
    const mae_profile *p = index->profile;
    double ms, mj;
    bool to_host = p->tensors[tensor].is_output && p->tensors[tensor].producer >= 0 && p->host >= 0 && p->host != home;
    if (to_host && mae_cost_move(index, tensor, home, p->host, &ms, &mj))
        loads[home] += ms;
    for (int pe = 0; pe < (int)p->n_pes; pe++)
        if ((readers >> pe & 1) && pe != home && !(to_host && pe == p->host) &&
            mae_cost_move(index, tensor, home, pe, &ms, &mj))
            loads[pe] += ms;
}

mae_error *mae_cost_loads(const mae_cost_index *index, const int *mapping, double *ret_loads)
{
    const mae_profile *p = index->profile;
    uint64_t *readers = calloc(p->n_tensors + 1, sizeof *readers);
    bool *later = calloc(p->n_tensors + 1, sizeof *later);
    if (!readers || !later) {
        free(readers);
        free(later);
        return mae_error_nomem();
    }
    memset(ret_loads, 0, p->n_pes * sizeof *ret_loads);
    add_segments(index, mapping, ret_loads);
    find_readers(p, mapping, readers, later);
    for (int t = 0; t < (int)p->n_tensors; t++) {
        double ms, mj;
        int home = p->tensors[t].producer >= 0 ? mapping[p->tensors[t].producer] : p->host;
        if (home < 0)
            continue;
        add_moves_of(index, t, home, readers[t], ret_loads);
        if (later[t] && mae_cost_move(index, t, home, home, &ms, &mj))
            ret_loads[home] += ms;
    }
    free(readers);
    free(later);
    return NULL;
}
