#include "plan/dual.h"

#include <math.h>
#include <stdlib.h>

#include "plan/dual_ascent.h"
#include "plan/live.h"
#include "plan/tags.h"

#define MAX_TABLE ((size_t)4 << 20) /* doubles of tails: more means too many PEs for sets of them */
#define NO_TABLE SIZE_MAX

struct mae_dual {
    mae_dual_parts parts;
    double start;     /* of the chain, where nothing is placed yet */
    double slack;     /* more than rounding can have added */
    double *future;   /* per boundary: the parts of tensors not produced yet */
    double *tails;    /* what is left of the parts of live ones */
    size_t **tail_at; /* per boundary and slot: where in `tails`; NO_TABLE: all of it is in the chain */
};

static double weigh(const mae_dual_parts *d, mae_pair cost)
{
    return cost.lat == MAE_NEVER ? d->big : d->line[0] * (double)cost.lat + d->line[1] * (double)cost.en;
}

/* Above all that any mapping can cost, roughly; it only has to be finite and to discourage. */
static double impossible(const mae_dual_parts *d)
{
    const mae_model *m = d->m;
    double sum = 0;
    for (int l = 0; l < m->n; l++) {
        double most = 0;
        for (int p = 0; p < m->n_pes; p++)
            if (m->can[l] >> p & 1)
                most = fmax(most, weigh(d, m->cost[l * m->n_pes + p]) + weigh(d, m->open[p]));
        sum += most;
    }
    for (size_t t = 0; t < m->profile->n_tensors; t++)
        for (int pair = 0; pair < m->n_pes * m->n_pes && m->tensors[t].move; pair++)
            if (m->tensors[t].move[pair].lat != MAE_NEVER)
                sum += weigh(d, m->tensors[t].move[pair]) / m->n_pes;
    return sum + 1;
}

/* ---- the chain ---- */

/* The least a layer adds on a PE: alone, or its share of a row that covers it. */
static void fill_shares(mae_dual_parts *d)
{
    const mae_model *m = d->m;
    for (int i = 0; i < m->n * m->n_pes; i++)
        d->share[i] = weigh(d, m->cost[i]);
    for (size_t r = 0; r < m->n_rows; r++) {
        const mae_model_row *row = &m->rows[r];
        for (int l = row->first; l <= row->last; l++) {
            double *at = &d->share[l * m->n_pes + row->pe];
            *at = fmin(*at, weigh(d, row->cost) / (row->last - row->first + 1));
        }
    }
    for (int l = 0; l < m->n; l++)
        for (int p = 0; p < m->n_pes; p++) {
            mae_pair outputs = {0, 0};
            bool can = mae_live_pay_outputs(m, l, p, &outputs);
            d->unary[l * m->n_pes + p] = d->share[l * m->n_pes + p] + (can ? weigh(d, outputs) : d->big);
        }
}

/* Does this tensor's cost lie between two neighbours alone? Then the chain has it. */
static bool in_chain(const mae_dual_parts *d, const mae_model_tensor *tensor)
{
    bool neighbours = tensor->tracked && tensor->producer >= 0 && tensor->uses[0] == tensor->producer + 1;
    return neighbours && (tensor->n_uses == 1 || !d->factors);
}

static void fill_pairs(mae_dual_parts *d, int layer)
{
    const mae_model *m = d->m;
    const mae_model_layer *l = &m->layers[layer], *last = &m->layers[layer - 1];
    for (int from = 0; from < m->n_pes; from++)
        for (int to = 0; to < m->n_pes; to++) {
            double *pair = &d->pair[(layer * m->n_pes + from) * m->n_pes + to];
            *pair = from == to ? 0 : weigh(d, m->open[to]);
            for (size_t r = l->first_row; r < l->first_row + l->n_rows; r++)
                if (m->rows[r].pe == to)
                    *pair = 0;
            for (size_t k = 0; k < last->n_outputs && from != to; k++) {
                const mae_model_tensor *tensor = &m->tensors[last->outputs[k]];
                if (in_chain(d, tensor) && !(tensor->to_host && to == m->host))
                    *pair += weigh(d, tensor->move[from * m->n_pes + to]);
            }
        }
}

/* ---- the tensors ---- */

static bool count_tables(const mae_model *m, size_t *ret_factors, size_t *ret_uses)
{
    *ret_factors = *ret_uses = 0;
    for (size_t t = 0; t < m->profile->n_tensors; t++) {
        const mae_model_tensor *tensor = &m->tensors[t];
        if (!tensor->tracked ||
            (tensor->n_uses == 1 && tensor->uses[0] == tensor->producer + 1 && tensor->producer >= 0))
            continue;
        ++*ret_factors;
        *ret_uses += tensor->n_uses;
    }
    if (m->n_pes > MAE_DUAL_MAX_PES)
        return false;
    return *ret_uses <= MAX_TABLE >> m->n_pes >> 3;
}

static bool make_factors(mae_dual_parts *d, size_t n_factors)
{
    const mae_model *m = d->m;
    d->factors = mae_arena_array(d->arena, n_factors + 1, sizeof *d->factors);
    for (size_t t = 0; t < m->profile->n_tensors && d->factors; t++)
        if (m->tensors[t].tracked && !in_chain(d, &m->tensors[t]) &&
            !mae_dual_factor_init(&d->factors[d->n_factors++], d->arena, m, (int)t, d->line, d->big))
            return false;
    return d->factors;
}

/* Lists of the charges at each layer. Counts first, then fills. */
static bool make_touches(mae_dual_parts *d, size_t n_uses)
{
    size_t n = (size_t)d->m->n, P = (size_t)d->m->n_pes, most = 0;
    size_t *first = d->first_touch = mae_arena_array(d->arena, n + 2, sizeof *first);
    size_t *paired = d->first_paired = mae_arena_array(d->arena, n + 2, sizeof *paired);
    d->touches = mae_arena_array(d->arena, n_uses + d->n_factors, sizeof *d->touches);
    d->paired = mae_arena_array(d->arena, d->n_factors, sizeof *d->paired);
    if (!first || !paired || !d->touches || !d->paired)
        return false;
    size_t n_touches = 0, n_paired = 0;
    for (int l = 0; l < d->m->n; l++) {
        for (size_t i = 0; i < d->n_factors; i++) {
            mae_dual_factor *f = &d->factors[i];
            if (f->paired && f->tensor->uses[0] == l)
                d->paired[n_paired++] = (mae_dual_touch){f, SIZE_MAX};
            if (!f->paired && f->tensor->producer == l)
                d->touches[n_touches++] = (mae_dual_touch){f, SIZE_MAX};
            for (size_t use = f->first; use < f->tensor->n_uses; use++)
                if (f->tensor->uses[use] == l)
                    d->touches[n_touches++] = (mae_dual_touch){f, use};
        }
        first[l + 1] = n_touches;
        paired[l + 1] = n_paired;
        size_t here = n_touches - first[l], pairs = (n_paired - paired[l]) * P;
        most = here > most ? here : most;
        most = pairs > most ? pairs : most;
    }
    d->least = mae_arena_array(d->arena, (most + 1) * P, sizeof *d->least);
    return d->least;
}

static bool build(mae_dual_parts *d)
{
    const mae_model *m = d->m;
    size_t P = (size_t)m->n_pes, cells = (size_t)m->n * P, n_factors, n_uses;
    d->share = mae_arena_array(d->arena, cells, sizeof *d->share);
    d->unary = mae_arena_array(d->arena, cells, sizeof *d->unary);
    d->before = mae_arena_array(d->arena, cells, sizeof *d->before);
    d->after = mae_arena_array(d->arena, cells, sizeof *d->after);
    d->pair = mae_arena_array(d->arena, cells * P, sizeof *d->pair);
    if (!d->share || !d->unary || !d->before || !d->after || !d->pair)
        return false;
    d->big = impossible(d);
    fill_shares(d);
    if (count_tables(m, &n_factors, &n_uses) && (!make_factors(d, n_factors) || !make_touches(d, n_uses)))
        return false;
    for (int l = 1; l < m->n; l++)
        fill_pairs(d, l);
    mae_dual_parts_ascend(d);
    return true;
}

/* ---- what is left from a state ---- */

static size_t uses_before(const mae_model_tensor *tensor, int boundary)
{
    size_t n = 0;
    while (n < tensor->n_uses && tensor->uses[n] < boundary)
        n++;
    return n;
}

static bool make_tails(mae_dual *dual, size_t n_uses)
{
    mae_dual_parts *d = &dual->parts;
    const mae_model *m = d->m;
    size_t table = d->n_factors > 0 ? (size_t)m->n_pes << m->n_pes : 0, at = 0;
    size_t *of_tensor = mae_arena_array(d->arena, m->profile->n_tensors + 1, sizeof *of_tensor);
    dual->tails = mae_arena_array(d->arena, n_uses * table + 1, sizeof *dual->tails);
    dual->tail_at = mae_arena_array(d->arena, (size_t)m->n + 1, sizeof *dual->tail_at);
    if (!of_tensor || !dual->tails || !dual->tail_at)
        return false;
    for (size_t t = 0; t < m->profile->n_tensors; t++)
        of_tensor[t] = NO_TABLE;
    for (size_t i = 0; i < d->n_factors; i++) {
        of_tensor[d->factors[i].tensor - m->tensors] = at;
        for (size_t use = 0; use < d->factors[i].tensor->n_uses; use++, at += table)
            mae_dual_factor_tail(&d->factors[i], use, &dual->tails[at]);
    }
    for (int b = 0; b <= m->n; b++) {
        const mae_model_boundary *boundary = &m->boundaries[b];
        dual->tail_at[b] = mae_arena_array(d->arena, boundary->n_slots + 1, sizeof **dual->tail_at);
        for (size_t k = 0; k < boundary->n_slots && dual->tail_at[b]; k++) {
            size_t first = of_tensor[boundary->slots[k]];
            size_t skip = uses_before(&m->tensors[boundary->slots[k]], b) * table;
            dual->tail_at[b][k] = first == NO_TABLE ? NO_TABLE : first + skip;
        }
        if (!dual->tail_at[b])
            return false;
    }
    return true;
}

static bool prepare(mae_dual *dual)
{
    mae_dual_parts *d = &dual->parts;
    size_t n = (size_t)d->m->n, n_uses = 0;
    for (size_t i = 0; i < d->n_factors; i++)
        n_uses += d->factors[i].tensor->n_uses;
    dual->future = mae_arena_array(d->arena, n + 1, sizeof *dual->future);
    if (!dual->future || !make_tails(dual, n_uses))
        return false;
    for (size_t i = 0; i < d->n_factors; i++) {
        double least = mae_dual_factor_least(&d->factors[i]);
        for (int b = 0; b <= d->factors[i].tensor->producer; b++)
            dual->future[b] += least;
    }
    dual->start = INFINITY;
    for (int pe = 0; pe < d->m->n_pes; pe++)
        if (d->m->can[0] >> pe & 1)
            dual->start = fmin(dual->start, d->unary[pe] + d->after[pe]);
    dual->slack = 1e-11 * fabs(mae_dual_parts_bound(d)) + 1e-14 * d->big;
    return true;
}

bool mae_dual_create(const mae_model *m, const double line[2], mae_dual **ret_dual)
{
    mae_arena *arena = mae_arena_create();
    mae_dual *dual = arena ? mae_arena_alloc(arena, sizeof *dual) : NULL;
    if (!dual) {
        mae_arena_destroy(arena);
        return false;
    }
    dual->parts = (mae_dual_parts){.m = m, .arena = arena, .line = {line[0], line[1]}};
    if (!build(&dual->parts) || !prepare(dual)) {
        mae_arena_destroy(arena);
        return false;
    }
    *ret_dual = dual;
    return true;
}

void mae_dual_destroy(mae_dual *dual)
{
    if (dual)
        mae_arena_destroy(dual->parts.arena);
}

/* The chain behind a boundary. Where a segment's row was paid in advance its layers cost nothing more. */
static double chain_to_go(const mae_dual *dual, int boundary, uint64_t word)
{
    const mae_dual_parts *d = &dual->parts;
    int P = d->m->n_pes, pe = (int)(word & 0xff);
    bool committed;
    const mae_model_row *row = mae_tag_row(d->m, word >> 8, &committed);
    double cost = 0;
    int layer = boundary;
    for (; row && committed && layer <= row->last; layer++)
        cost += d->pair[(layer * P + pe) * P + pe] + d->unary[layer * P + pe] - d->share[layer * P + pe];
    return cost + d->after[(layer - 1) * P + pe];
}

double mae_dual_to_go(const mae_dual *dual, int boundary, const uint64_t *key)
{
    const mae_model *m = dual->parts.m;
    size_t pe = boundary == 0 ? 0 : key[0] & 0xff;
    double go = boundary == 0 ? dual->start : chain_to_go(dual, boundary, key[0]);
    for (size_t k = 0; k < m->boundaries[boundary].n_slots; k++) {
        size_t at = dual->tail_at[boundary][k];
        uint64_t status = key[1 + k];
        if (at == NO_TABLE)
            continue;
        size_t all = ((size_t)1 << m->n_pes) - 1;
        if (status == MAE_LIVE_EVERYWHERE) {
            go += dual->tails[at + (pe << m->n_pes | all)];
            continue;
        }
        size_t home = (size_t)mae_live_home(status), set = status & all;
        if (status & MAE_LIVE_FRESH)
            set |= (size_t)1 << home;
        go += dual->tails[at + (home << m->n_pes | set)];
    }
    return go + dual->future[boundary] - dual->slack;
}
