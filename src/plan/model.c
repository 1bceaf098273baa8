#include "plan/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct build {
    mae_model *m;
    const mae_profile *p;
    uint64_t pes;
} build;

/* PEs in the order of their names: a handful, sorted by insertion. */
static bool sort_pes(build *b)
{
    mae_model *m = b->m;
    m->pe_of = mae_arena_array(m->arena, b->p->n_pes, sizeof *m->pe_of);
    m->rank_of = mae_arena_array(m->arena, b->p->n_pes, sizeof *m->rank_of);
    if (!m->pe_of || !m->rank_of)
        return false;
    for (int pe = 0; pe < m->n_pes; pe++) {
        int at = pe;
        for (; at > 0 && strcmp(b->p->pes[m->pe_of[at - 1]].name, b->p->pes[pe].name) > 0; at--)
            m->pe_of[at] = m->pe_of[at - 1];
        m->pe_of[at] = pe;
    }
    for (int rank = 0; rank < m->n_pes; rank++)
        m->rank_of[m->pe_of[rank]] = rank;
    m->host = b->p->host >= 0 ? m->rank_of[b->p->host] : -1;
    return true;
}

/* ---- quanta ---- */

typedef struct range {
    double least_ms, least_mj; /* what no mapping can be below: sums over layers of the cheapest */
    double most_ms, most_mj;   /* what none can be above */
} range;

static void range_of_layers(const build *b, range *r)
{
    const mae_profile *p = b->p;
    double static_w = p->energy != MAE_ENERGY_NONE ? p->static_w : 0;
    for (size_t l = 0; l < p->n_layers; l++) {
        double low_ms = INFINITY, low_mj = INFINITY, high_ms = 0, high_mj = 0;
        for (size_t pe = 0; pe < p->n_pes; pe++) {
            const mae_cost *c = &p->costs[l * p->n_pes + pe];
            if (!c->supported || !(b->pes >> pe & 1))
                continue;
            double mj = c->energy_mj + static_w * c->time_ms;
            low_ms = fmin(low_ms, c->time_ms);
            low_mj = fmin(low_mj, mj);
            high_ms = fmax(high_ms, c->time_ms + p->pes[pe].segment_ms);
            high_mj = fmax(high_mj, mj + p->pes[pe].segment_mj + static_w * p->pes[pe].segment_ms);
        }
        r->least_ms += isfinite(low_ms) ? low_ms : 0;
        r->least_mj += isfinite(low_mj) ? low_mj : 0;
        r->most_ms += high_ms;
        r->most_mj += high_mj;
    }
    for (size_t i = 0; i < p->n_segments; i++) {
        r->most_ms += p->segments[i].time_ms;
        r->most_mj += p->segments[i].energy_mj + static_w * p->segments[i].time_ms;
    }
}

static void range_of_moves(const build *b, range *r)
{
    const mae_profile *p = b->p;
    double static_w = p->energy != MAE_ENERGY_NONE ? p->static_w : 0;
    double mib = 0, n = (double)p->n_tensors;
    for (size_t t = 0; t < p->n_tensors; t++)
        mib += p->tensors[t].bytes / 1048576;
    for (size_t pair = 0; pair < p->n_pes * p->n_pes; pair++) {
        const mae_transfer *row = &p->transfers[pair];
        double ms = row->fixed_ms * n + row->ms_per_mib * mib;
        r->most_ms += ms;
        r->most_mj += row->fixed_mj * n + row->mj_per_mib * mib + static_w * ms;
    }
    for (size_t i = 0; i < p->n_overrides; i++) {
        r->most_ms += p->overrides[i].time_ms;
        r->most_mj += p->overrides[i].energy_mj + static_w * p->overrides[i].time_ms;
    }
}

/* Quanta per unit: a power of ten, so that costs written with few digits are whole numbers of quanta.
 * A quantum is 1e-15 of the least possible sum, but the greatest possible sum stays below 2^61. */
static double quanta_per_unit(double least, double most)
{
    double wanted = least > 0 ? least : most > 0 ? most : 1;
    double exponent = 15 - floor(log10(wanted));
    while (most * pow(10, exponent) > 2e18)
        exponent--;
    return pow(10, exponent);
}

static void choose_quanta(build *b)
{
    mae_model *m = b->m;
    range r = {0};
    range_of_layers(b, &r);
    range_of_moves(b, &r);
    m->per_ms = quanta_per_unit(r.least_ms, r.most_ms);
    m->per_mj = quanta_per_unit(r.least_mj, r.most_mj);
    double terms = 2.0 * (double)(b->p->n_layers + b->p->n_tensors * b->p->n_pes);
    double ms = r.least_ms > 0 ? terms / (m->per_ms * r.least_ms) : 0;
    double mj = r.least_mj > 0 ? terms / (m->per_mj * r.least_mj) : 0;
    m->rounding = fmax(ms, mj);
    /* The idle draw is part of every millisecond unless frames come so slowly that even the fastest
     * mapping waits for the next one; in between it cannot be told before the end. (Rows may be faster than
     * the least sum over layers.) */
    bool always_late = b->p->n_segments == 0 && m->period_ms <= r.least_ms * (1 - 1e-9);
    m->folded = b->p->static_w == 0 || m->period_ms == 0 || always_late;
}

/* Costs are not negative, and below 2^61: no need for llround(). */
static int64_t nearest(double value)
{
    return (int64_t)(value + 0.5);
}

static mae_pair quanta(const mae_model *m, double ms, double mj)
{
    if (m->has_energy && m->folded)
        mj += m->profile->static_w * ms;
    return (mae_pair){nearest(ms * m->per_ms), m->has_energy ? nearest(mj * m->per_mj) : 0};
}

double mae_model_ms(const mae_model *model, double lat)
{
    return lat / model->per_ms;
}

double mae_model_mj(const mae_model *model, double lat, double en)
{
    double ms = lat / model->per_ms, mj = en / model->per_mj;
    if (!model->has_energy)
        return 0;
    return model->folded ? mj : mj + model->profile->static_w * fmax(ms, model->period_ms);
}

/* ---- layers, PEs, rows ---- */

static mae_error *build_layers(build *b)
{
    mae_model *m = b->m;
    const mae_profile *p = b->p;
    size_t P = (size_t)m->n_pes;
    m->cost = mae_arena_array(m->arena, (size_t)m->n * P, sizeof *m->cost);
    m->can = mae_arena_array(m->arena, (size_t)m->n, sizeof *m->can);
    m->open = mae_arena_array(m->arena, P, sizeof *m->open);
    m->max_segments = mae_arena_array(m->arena, P, sizeof *m->max_segments);
    if (!m->cost || !m->can || !m->open || !m->max_segments)
        return mae_error_nomem();
    for (size_t pe = 0; pe < P; pe++) {
        const mae_profile_pe *from = &p->pes[m->pe_of[pe]];
        m->open[pe] = quanta(m, from->segment_ms, from->segment_mj);
        m->max_segments[pe] = from->max_segments < (m->n + 1) / 2 ? from->max_segments : 0;
    }
    for (size_t l = 0; l < (size_t)m->n; l++) {
        for (size_t pe = 0; pe < P; pe++) {
            const mae_cost *from = &p->costs[l * P + (size_t)m->pe_of[pe]];
            bool can = from->supported && (b->pes >> m->pe_of[pe] & 1);
            m->cost[l * P + pe] = can ? quanta(m, from->time_ms, from->energy_mj) : (mae_pair){MAE_NEVER, MAE_NEVER};
            m->can[l] |= (uint64_t)can << pe;
        }
        if (!m->can[l])
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer \"%s\" (%s) runs on no PE", p->layers[l].name,
                                 *p->layers[l].op ? p->layers[l].op : "operator unstated");
    }
    return NULL;
}

static bool build_rows(build *b)
{
    mae_model *m = b->m;
    m->rows = mae_arena_array(m->arena, b->p->n_segments, sizeof *m->rows);
    m->layers = mae_arena_array(m->arena, (size_t)m->n, sizeof *m->layers);
    if (!m->rows || !m->layers)
        return false;
    for (int l = 0; l < m->n; l++) {
        m->layers[l].first_row = m->n_rows;
        for (size_t k = m->index.first_row[l]; k < m->index.first_row[l + 1]; k++) {
            const mae_segment_cost *row = &b->p->segments[m->index.row[k]];
            if (b->pes >> row->pe & 1)
                m->rows[m->n_rows++] = (mae_model_row){.pe = m->rank_of[row->pe],
                                                       .first = row->first,
                                                       .last = row->last,
                                                       .cost = quanta(m, row->time_ms, row->energy_mj)};
        }
        m->layers[l].n_rows = m->n_rows - m->layers[l].first_row;
    }
    return true;
}

/* ---- tensors and boundaries ---- */

static bool build_moves(build *b, int t)
{
    mae_model *m = b->m;
    mae_model_tensor *tensor = &m->tensors[t];
    size_t P = (size_t)m->n_pes;
    double mib = b->p->tensors[t].bytes / 1048576;
    tensor->move = mae_arena_array(m->arena, P * P, sizeof *tensor->move);
    if (!tensor->move)
        return false;
    for (size_t from = 0; from < P; from++)
        for (size_t to = 0; to < P; to++) {
            const mae_transfer *row = &b->p->transfers[(size_t)m->pe_of[from] * P + (size_t)m->pe_of[to]];
            mae_pair *move = &tensor->move[from * P + to];
            if (row->crossable)
                *move = quanta(m, row->fixed_ms + row->ms_per_mib * mib, row->fixed_mj + row->mj_per_mib * mib);
            else if (from != to)
                *move = (mae_pair){MAE_NEVER, MAE_NEVER};
        }
    for (size_t k = m->index.first_override[t]; k < m->index.first_override[t + 1]; k++) {
        const mae_transfer_override *row = &b->p->overrides[m->index.override[k]];
        size_t from = (size_t)m->rank_of[row->from], to = (size_t)m->rank_of[row->to];
        tensor->move[from * P + to] = quanta(m, row->time_ms, row->energy_mj);
    }
    for (size_t pe = 0; pe < P && tensor->producer < 0; pe++) /* a graph input is never handed over */
        tensor->move[pe * P + pe] = (mae_pair){0, 0};
    return true;
}

static bool build_tensors(build *b)
{
    mae_model *m = b->m;
    const mae_profile *p = b->p;
    size_t total = 0;
    m->tensors = mae_arena_array(m->arena, p->n_tensors, sizeof *m->tensors);
    for (size_t l = 0; l < p->n_layers; l++)
        total += p->layers[l].n_inputs;
    int *uses = mae_arena_array(m->arena, total, sizeof *uses);
    uint64_t *wanted = mae_arena_array(m->arena, total, sizeof *wanted);
    if (!m->tensors || !uses || !wanted)
        return false;
    for (size_t l = 0; l < p->n_layers; l++)
        for (size_t k = 0; k < p->layers[l].n_inputs; k++)
            m->tensors[p->layers[l].inputs[k]].n_uses++;
    for (size_t t = 0; t < p->n_tensors; t++) {
        mae_model_tensor *tensor = &m->tensors[t];
        tensor->uses = uses;
        tensor->wanted = wanted;
        uses += tensor->n_uses;
        wanted += tensor->n_uses;
        tensor->n_uses = 0;
        tensor->last = -1;
        tensor->producer = p->tensors[t].producer;
        tensor->to_host = p->tensors[t].is_output && tensor->producer >= 0 && m->host >= 0;
    }
    for (int l = 0; l < m->n; l++)
        for (size_t k = 0; k < p->layers[l].n_inputs; k++) {
            mae_model_tensor *tensor = &m->tensors[p->layers[l].inputs[k]];
            ((int *)tensor->uses)[tensor->n_uses++] = tensor->last = l;
        }
    for (size_t t = 0; t < p->n_tensors; t++) {
        mae_model_tensor *tensor = &m->tensors[t];
        tensor->tracked = tensor->n_uses > 0 && (tensor->producer >= 0 || m->host >= 0);
        uint64_t seen = 0;
        for (size_t k = tensor->n_uses; k-- > 0;)
            tensor->wanted[k] = seen |= m->can[tensor->uses[k]];
        if ((tensor->tracked || tensor->to_host) && !build_moves(b, (int)t))
            return false;
    }
    return true;
}

static bool build_inputs(build *b)
{
    mae_model *m = b->m;
    for (int l = 0; l < m->n; l++) {
        const mae_profile_layer *from = &b->p->layers[l];
        int *inputs = mae_arena_array(m->arena, from->n_inputs, sizeof *inputs);
        if (!inputs)
            return false;
        for (size_t k = 0; k < from->n_inputs; k++)
            if (m->tensors[from->inputs[k]].tracked)
                inputs[m->layers[l].n_inputs++] = from->inputs[k];
        m->layers[l].inputs = inputs;
        m->layers[l].outputs = from->outputs;
        m->layers[l].n_outputs = from->n_outputs;
    }
    return true;
}

/* Live tensors of boundary `l + 1` from those of boundary `l`. */
static bool next_boundary(build *b, int l)
{
    mae_model *m = b->m;
    const mae_model_boundary *old = &m->boundaries[l];
    mae_model_boundary *next = &m->boundaries[l + 1];
    int *slots = mae_arena_array(m->arena, old->n_slots + m->layers[l].n_outputs, sizeof *slots);
    if (!slots)
        return false;
    next->slots = slots;
    next->simple = true;
    for (size_t k = 0; k < old->n_slots; k++)
        if (m->tensors[old->slots[k]].last > l) {
            slots[next->n_slots++] = old->slots[k];
            next->simple = false;
        }
    for (size_t k = 0; k < m->layers[l].n_outputs; k++)
        if (m->tensors[m->layers[l].outputs[k]].tracked)
            slots[next->n_slots++] = m->layers[l].outputs[k];
    return true;
}

static bool build_boundaries(build *b)
{
    mae_model *m = b->m;
    m->boundaries = mae_arena_array(m->arena, (size_t)m->n + 1, sizeof *m->boundaries);
    int *slots = mae_arena_array(m->arena, b->p->n_inputs, sizeof *slots);
    if (!m->boundaries || !slots)
        return false;
    m->boundaries[0].slots = slots;
    for (size_t k = 0; k < b->p->n_inputs; k++)
        if (m->tensors[b->p->inputs[k]].tracked)
            slots[m->boundaries[0].n_slots++] = b->p->inputs[k];
    for (int l = 0; l < m->n; l++)
        if (!next_boundary(b, l))
            return false;
    int open_until = -1; /* the furthest last layer of the rows begun so far */
    for (int l = 0; l < m->n; l++) {
        for (size_t r = 0; r < m->layers[l].n_rows; r++)
            if (m->rows[m->layers[l].first_row + r].last > open_until)
                open_until = m->rows[m->layers[l].first_row + r].last;
        if (open_until >= l)
            m->boundaries[l + 1].simple = false;
    }
    return true;
}

mae_error *mae_model_create(const mae_profile *profile, double period_ms, uint64_t pes, mae_model **ret_model)
{
    mae_model *m = calloc(1, sizeof *m);
    if (!m)
        return mae_error_nomem();
    *m = (mae_model){.profile = profile,
                     .n = (int)profile->n_layers,
                     .n_pes = (int)profile->n_pes,
                     .has_energy = profile->energy != MAE_ENERGY_NONE,
                     .period_ms = period_ms,
                     .arena = mae_arena_create()};
    build b = {m, profile, pes};
    mae_error *error = m->arena ? mae_cost_index_init(&m->index, profile) : mae_error_nomem();
    if (!error && !sort_pes(&b))
        error = mae_error_nomem();
    if (!error) {
        choose_quanta(&b);
        error = build_layers(&b);
    }
    if (!error && (!build_rows(&b) || !build_tensors(&b) || !build_inputs(&b) || !build_boundaries(&b)))
        error = mae_error_nomem();
    if (error) {
        mae_model_destroy(m);
        return error;
    }
    *ret_model = m;
    return NULL;
}

void mae_model_destroy(mae_model *model)
{
    if (!model)
        return;
    if (model->index.profile)
        mae_cost_index_finish(&model->index);
    mae_arena_destroy(model->arena);
    free(model);
}
