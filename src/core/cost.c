#include "core/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Counting sort of rows 0..n by key: places[first[k] .. first[k + 1]) are the rows of key k. */
static void bucket(const int *keys, size_t n, size_t n_keys, size_t *first, size_t *places)
{
    memset(first, 0, (n_keys + 1) * sizeof *first);
    for (size_t i = 0; i < n; i++)
        first[keys[i] + 1]++;
    for (size_t k = 0; k < n_keys; k++)
        first[k + 1] += first[k];
    for (size_t i = n; i-- > 0;) /* backwards: each bucket is filled from its end, and stays in order */
        places[--first[keys[i] + 1]] = i;
    for (size_t k = 0; k < n_keys; k++)
        first[k] = first[k + 1];
    first[n_keys] = n;
}

mae_error *mae_cost_index_init(mae_cost_index *index, const mae_profile *profile)
{
    size_t n = profile->n_overrides > profile->n_segments ? profile->n_overrides : profile->n_segments;
    int *keys = malloc((n + 1) * sizeof *keys);
    *index = (mae_cost_index){.profile = profile,
                              .first_override = malloc((profile->n_tensors + 1) * sizeof(size_t)),
                              .override = malloc((profile->n_overrides + 1) * sizeof(size_t)),
                              .first_row = malloc((profile->n_layers + 1) * sizeof(size_t)),
                              .row = malloc((profile->n_segments + 1) * sizeof(size_t))};
    if (!keys || !index->first_override || !index->override || !index->first_row || !index->row) {
        free(keys);
        mae_cost_index_finish(index);
        return mae_error_nomem();
    }
    for (size_t i = 0; i < profile->n_overrides; i++)
        keys[i] = profile->overrides[i].tensor;
    bucket(keys, profile->n_overrides, profile->n_tensors, index->first_override, index->override);
    for (size_t i = 0; i < profile->n_segments; i++)
        keys[i] = profile->segments[i].first;
    bucket(keys, profile->n_segments, profile->n_layers, index->first_row, index->row);
    free(keys);
    return NULL;
}

void mae_cost_index_finish(mae_cost_index *index)
{
    free(index->first_override);
    free(index->override);
    free(index->first_row);
    free(index->row);
    *index = (mae_cost_index){0};
}

bool mae_cost_move(const mae_cost_index *index, int tensor, int from, int to, double *ret_ms, double *ret_mj)
{
    const mae_profile *p = index->profile;
    for (size_t k = index->first_override[tensor]; k < index->first_override[tensor + 1]; k++) {
        const mae_transfer_override *row = &p->overrides[index->override[k]];
        if (row->from == from && row->to == to) {
            *ret_ms = row->time_ms;
            *ret_mj = row->energy_mj;
            return true;
        }
    }
    const mae_transfer *row = &p->transfers[(size_t)from * p->n_pes + (size_t)to];
    double mib = p->tensors[tensor].bytes / 1048576;
    *ret_ms = row->crossable ? row->fixed_ms + row->ms_per_mib * mib : 0;
    *ret_mj = row->crossable ? row->fixed_mj + row->mj_per_mib * mib : 0;
    return row->crossable || from == to;
}

const mae_segment_cost *mae_cost_row(const mae_cost_index *index, int pe, int first, int last)
{
    for (size_t k = index->first_row[first]; k < index->first_row[first + 1]; k++) {
        const mae_segment_cost *row = &index->profile->segments[index->row[k]];
        if (row->pe == pe && row->last == last)
            return row;
    }
    return NULL;
}

double mae_cost_energy(const mae_profile *profile, double dynamic_mj, double latency_ms, double period_ms)
{
    if (profile->energy == MAE_ENERGY_NONE)
        return 0;
    return dynamic_mj + profile->static_w * (latency_ms > period_ms ? latency_ms : period_ms);
}

bool mae_cost_equal(double a, double b)
{
    return fabs(a - b) <= MAE_COST_EQUAL * fmax(fabs(a), fabs(b));
}

/* What is known of each tensor and layer while a mapping is costed. */
typedef struct use {
    uint64_t *consumers; /* per tensor: PEs that consume it */
    bool *later;         /* per tensor: consumed on its home in a later segment than its producer's */
    int *segment;        /* per layer */
    int *count;          /* per PE: segments */
} use;

static void add_segment(const mae_cost_index *index, int pe, int first, int last, double *ms, double *mj)
{
    const mae_profile *p = index->profile;
    const mae_segment_cost *row = mae_cost_row(index, pe, first, last);
    if (row) {
        *ms += row->time_ms;
        *mj += row->energy_mj;
        return;
    }
    *ms += p->pes[pe].segment_ms;
    *mj += p->pes[pe].segment_mj;
    for (int l = first; l <= last; l++) {
        *ms += p->costs[(size_t)l * p->n_pes + (size_t)pe].time_ms;
        *mj += p->costs[(size_t)l * p->n_pes + (size_t)pe].energy_mj;
    }
}

static mae_error *add_segments(const mae_cost_index *index, const int *mapping, use *u, double *ms, double *mj,
                               int *ret_switches)
{
    const mae_profile *p = index->profile;
    int n = (int)p->n_layers, segments = 0;
    for (int l = 0; l < n; l++) {
        if (mapping[l] < 0 || (size_t)mapping[l] >= p->n_pes)
            return mae_error_new(MAE_ERR_INFEASIBLE, "layer \"%s\" has no PE", p->layers[l].name);
        if (!p->costs[(size_t)l * p->n_pes + (size_t)mapping[l]].supported)
            return mae_error_new(MAE_ERR_INFEASIBLE, "%s cannot run layer \"%s\"", p->pes[mapping[l]].name,
                                 p->layers[l].name);
    }
    for (int first = 0, last; first < n; first = last + 1, segments++) {
        for (last = first; last + 1 < n && mapping[last + 1] == mapping[first];)
            last++;
        for (int l = first; l <= last; l++)
            u->segment[l] = segments;
        add_segment(index, mapping[first], first, last, ms, mj);
        u->count[mapping[first]]++;
    }
    for (size_t pe = 0; pe < p->n_pes; pe++)
        if (p->pes[pe].max_segments > 0 && u->count[pe] > p->pes[pe].max_segments)
            return mae_error_new(MAE_ERR_INFEASIBLE, "%s would have %d segments and may have %d", p->pes[pe].name,
                                 u->count[pe], p->pes[pe].max_segments);
    *ret_switches = segments - 1;
    return NULL;
}

static mae_error *add_move(const mae_cost_index *index, int tensor, int from, int to, double *ms, double *mj)
{
    const mae_profile *p = index->profile;
    double move_ms, move_mj;
    if (!mae_cost_move(index, tensor, from, to, &move_ms, &move_mj))
        return mae_error_new(MAE_ERR_INFEASIBLE, "tensor \"%s\" cannot be moved from %s to %s: no transfer row",
                             p->tensors[tensor].name, p->pes[from].name, p->pes[to].name);
    *ms += move_ms;
    *mj += move_mj;
    return NULL;
}

static mae_error *add_moves(const mae_cost_index *index, const int *mapping, use *u, double *ms, double *mj)
{
    const mae_profile *p = index->profile;
    for (int l = 0; l < (int)p->n_layers; l++) {
        for (size_t k = 0; k < p->layers[l].n_inputs; k++) {
            int t = p->layers[l].inputs[k], producer = p->tensors[t].producer;
            u->consumers[t] |= (uint64_t)1 << mapping[l];
            if (producer >= 0 && mapping[producer] == mapping[l] && u->segment[producer] != u->segment[l])
                u->later[t] = true;
        }
    }
    for (int t = 0; t < (int)p->n_tensors; t++) {
        const mae_profile_tensor *tensor = &p->tensors[t];
        int home = tensor->producer >= 0 ? mapping[tensor->producer] : p->host;
        if (home < 0)
            continue;
        uint64_t to = u->consumers[t];
        if (tensor->is_output && tensor->producer >= 0 && p->host >= 0)
            to |= (uint64_t)1 << p->host;
        to &= ~((uint64_t)1 << home);
        for (int pe = 0; pe < (int)p->n_pes; pe++)
            if (to >> pe & 1)
                MAE_TRY(add_move(index, t, home, pe, ms, mj));
        if (u->later[t])
            MAE_TRY(add_move(index, t, home, home, ms, mj));
    }
    return NULL;
}

mae_error *mae_cost_of(const mae_cost_index *index, const int *mapping, double period_ms, mae_prediction *ret_cost)
{
    const mae_profile *p = index->profile;
    use u = {.consumers = calloc(p->n_tensors + 1, sizeof(uint64_t)),
             .later = calloc(p->n_tensors + 1, sizeof(bool)),
             .segment = calloc(p->n_layers, sizeof(int)),
             .count = calloc(p->n_pes, sizeof(int))};
    double ms = 0, mj = 0;
    int switches = 0;
    mae_error *error = NULL;
    if (!u.consumers || !u.later || !u.segment || !u.count)
        error = mae_error_nomem();
    if (!error)
        error = add_segments(index, mapping, &u, &ms, &mj, &switches);
    if (!error)
        error = add_moves(index, mapping, &u, &ms, &mj);
    if (!error)
        *ret_cost = (mae_prediction){ms, mae_cost_energy(p, mj, ms, period_ms), switches};
    free(u.consumers);
    free(u.later);
    free(u.segment);
    free(u.count);
    return error;
}

mae_error *mae_eval(const mae_profile *profile, const int *mapping, double period_ms, mae_prediction *ret_cost)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, profile));
    mae_error *error = mae_cost_of(&index, mapping, period_ms, ret_cost);
    mae_cost_index_finish(&index);
    return error;
}
