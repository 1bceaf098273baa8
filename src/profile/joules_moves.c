/* Energy of transfers: two layers with the tensor moved between them, less the two layers. */
#include <math.h>
#include <stdlib.h>

#include "profile/joules.h"

#define BEST_BORDERS 4
#define MOST_BORDERS (BEST_BORDERS + 2)
#define LEAST_SCORE 0.3 /* of the best border's */
#define FINE 0.03       /* a transfer's energy is asked within so much of what it may be */
#define FINEST 0.0005   /* of the two layers' */

/* A border whose transfer is a good part of what the layers beside it take. */
typedef struct border {
    int first; /* the layer before it */
    double mib, move_ms, chain_ms;
    double mj, half_mj;
} border;

typedef struct move {
    mae_joules *joules;
    size_t from, to;
    mae_transfer row;
    double model_fixed_mj, model_mj_per_mib;
    size_t n;
    border borders[MOST_BORDERS];
} move;

/* Bringing it out is the one's work, bringing it in the other's. */
static void model(move *m)
{
    const mae_survey *survey = m->joules->survey;
    const mae_pe_survey *a = &survey->of[m->from];
    const double *watts = m->joules->watts;
    double out_ms = fmin(a->unknowns[MAE_COL_EXIT], m->row.fixed_ms);
    double out_ms_per_mib = fmin(a->unknowns[MAE_COL_EXIT_MIB], m->row.ms_per_mib);
    m->model_fixed_mj = watts[m->from] * out_ms + watts[m->to] * (m->row.fixed_ms - out_ms);
    m->model_mj_per_mib = watts[m->from] * out_ms_per_mib + watts[m->to] * (m->row.ms_per_mib - out_ms_per_mib);
    m->row.fixed_mj = m->model_fixed_mj;
    m->row.mj_per_mib = m->model_mj_per_mib;
    m->row.energy_source = MAE_COST_MODELLED;
}

/* ---- borders ---- */

static bool takes(const mae_layer *layer, int tensor)
{
    for (size_t i = 0; i < layer->n_inputs; i++)
        if (layer->inputs[i] == tensor)
            return true;
    return false;
}

static const mae_cost *cost_of(const move *m, int layer, size_t pe)
{
    return &m->joules->profile->costs[(size_t)layer * m->joules->profile->n_pes + pe];
}

/* The one tensor that goes from a layer to the next; -1 if it is not one. */
static int only_tensor(const mae_graph *graph, int layer)
{
    int found = -1, n = 0;
    for (size_t i = 0; i < graph->layers[layer].n_outputs; i++)
        if (takes(&graph->layers[layer + 1], graph->layers[layer].outputs[i])) {
            found = graph->layers[layer].outputs[i];
            n++;
        }
    return n == 1 ? found : -1;
}

static bool describe(const move *m, int layer, border *b)
{
    const mae_survey *survey = m->joules->survey;
    const mae_profile_pe *pes = m->joules->profile->pes;
    if (!survey->of[m->from].supported[layer] || !survey->of[m->to].supported[layer + 1])
        return false;
    int tensor = only_tensor(survey->graph, layer);
    if (tensor < 0)
        return false;
    *b = (border){.first = layer, .mib = mae_survey_mib(survey, tensor)};
    b->move_ms = m->row.fixed_ms + m->row.ms_per_mib * b->mib;
    b->chain_ms = b->move_ms + pes[m->from].segment_ms + cost_of(m, layer, m->from)->time_ms + pes[m->to].segment_ms +
                  cost_of(m, layer + 1, m->to)->time_ms;
    return b->chain_ms > 0;
}

static double score(const border *b)
{
    return b->move_ms / b->chain_ms;
}

/* Into the list of the best, by score. */
static void insert(move *m, const border *b)
{
    size_t at = m->n < BEST_BORDERS ? m->n++ : BEST_BORDERS - 1;
    if (at == BEST_BORDERS - 1 && m->borders[at].chain_ms > 0 && score(&m->borders[at]) >= score(b))
        return;
    m->borders[at] = *b;
    for (; at > 0 && score(&m->borders[at]) > score(&m->borders[at - 1]); at--) {
        border swap = m->borders[at];
        m->borders[at] = m->borders[at - 1];
        m->borders[at - 1] = swap;
    }
}

static void add_if_new(move *m, const border *b)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->borders[i].first == b->first)
            return;
    m->borders[m->n++] = *b;
}

/* The best by score, and the least and the greatest tensor: what does not depend on the size shows only there. */
static void choose(move *m)
{
    border b, least = {.mib = INFINITY}, most = {.mib = -1};
    for (int l = 0; l + 1 < (int)m->joules->survey->graph->n_layers; l++) {
        if (!describe(m, l, &b))
            continue;
        insert(m, &b);
        least = b.mib < least.mib ? b : least;
        most = b.mib > most.mib ? b : most;
    }
    while (m->n > 1 && score(&m->borders[m->n - 1]) < LEAST_SCORE * score(&m->borders[0]))
        m->n--;
    if (m->n == 0)
        return;
    border best[BEST_BORDERS];
    size_t n = m->n;
    for (size_t i = 0; i < n; i++)
        best[i] = m->borders[i];
    m->n = 0;
    add_if_new(m, &least); /* these first: the budget may end before the others */
    add_if_new(m, &most);
    for (size_t i = 0; i < n; i++)
        add_if_new(m, &best[i]);
}

/* ---- measuring ---- */

static mae_error *measure(move *m, border *b, mae_idle *idle, double most_s, bool *ret_known)
{
    mae_joules *joules = m->joules;
    size_t n = joules->survey->graph->n_layers;
    int *mapping = mae_arena_array(joules->loads.arena, n, sizeof *mapping);
    bool *cuts = mae_arena_array(joules->loads.arena, n, sizeof *cuts);
    if (!mapping || !cuts)
        return mae_error_nomem();
    mapping[b->first] = (int)m->from;
    mapping[b->first + 1] = (int)m->to;
    cuts[b->first + 1] = true;
    const mae_profile_pe *pes = joules->profile->pes;
    const mae_cost *one = cost_of(m, b->first, m->from), *other = cost_of(m, b->first + 1, m->to);
    double layers_mj = one->energy_mj + pes[m->from].segment_mj + other->energy_mj + pes[m->to].segment_mj;
    double move_mj = m->model_fixed_mj + m->model_mj_per_mib * b->mib;
    double relative = fmax(FINEST, fmin(joules->precision, FINE * move_mj / (layers_mj + move_mj + 1e-12)));
    mae_load load;
    MAE_TRY(mae_joules_load(joules, mapping, b->first, b->first + 1, cuts, idle, relative, most_s, &load));
    joules->loads.refusal = NULL;
    b->mj = load.watts * b->chain_ms - layers_mj;
    b->half_mj = hypot(load.half_w * b->chain_ms, hypot(one->energy_spread_mj, other->energy_spread_mj));
    bool sure = one->energy_source == MAE_COST_MEASURED && other->energy_source == MAE_COST_MEASURED;
    *ret_known = load.known && sure && b->half_mj < fmax(move_mj, b->mj) / 2;
    return NULL;
}

static mae_error *measure_borders(move *m, double budget_s)
{
    const mae_energy_pe *from = &m->joules->options->pes[m->from], *to = &m->joules->options->pes[m->to];
    mae_idle *idle;
    MAE_TRY(mae_loads_idle(&m->joules->loads, from->rails, from->n_rails, to->rails, to->n_rails, &idle));
    double least_s = mae_idle_least_s(idle), until_s = mae_joules_left_s(m->joules) - budget_s;
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        double left_s = mae_joules_left_s(m->joules) - until_s;
        bool known = false;
        if (left_s > least_s)
            MAE_TRY(measure(m, &m->borders[i], idle, left_s / (double)(m->n - i), &known));
        if (known)
            m->borders[kept++] = m->borders[i];
    }
    m->n = kept;
    return NULL;
}

/* ---- what follows ---- */

/* How far a line is from what was measured, in squares of what that may be off. */
static double misfit(const move *m, double fixed_mj, double mj_per_mib)
{
    double sum = 0;
    for (size_t i = 0; i < m->n; i++) {
        const border *b = &m->borders[i];
        double off = (b->mj - fixed_mj - mj_per_mib * b->mib) / fmax(b->half_mj, 1e-9);
        sum += off * off;
    }
    return sum;
}

/* The multiple of a line that fits best; never negative. */
static double best_factor(const move *m, double fixed_mj, double mj_per_mib)
{
    double above = 0, below = 0;
    for (size_t i = 0; i < m->n; i++) {
        const border *b = &m->borders[i];
        double line = fixed_mj + mj_per_mib * b->mib, weight = 1 / fmax(b->half_mj * b->half_mj, 1e-18);
        above += weight * line * b->mj;
        below += weight * line * line;
    }
    return below > 0 ? fmax(0, above / below) : 0;
}

static void take_if_better(move *m, double fixed_mj, double mj_per_mib, double penalty, double *least)
{
    double miss = misfit(m, fixed_mj, mj_per_mib) + penalty;
    if (miss >= *least)
        return;
    *least = miss;
    m->row.fixed_mj = fixed_mj;
    m->row.mj_per_mib = mj_per_mib;
}

/* What fits with the fewest numbers: so many times the time it takes, the same for every size, or any line. Sizes
 * of one network may lie too close together to tell a line. */
static void conclude(move *m)
{
    double x[MOST_BORDERS], y[MOST_BORDERS], weight[MOST_BORDERS], half2 = 0, least = INFINITY;
    if (m->n == 0)
        return;
    for (size_t i = 0; i < m->n; i++) {
        const border *b = &m->borders[i];
        x[i] = b->mib;
        y[i] = fmax(0, b->mj);
        weight[i] = 1 / fmax(b->half_mj * b->half_mj, 1e-18);
        half2 += b->half_mj * b->half_mj;
    }
    double times = best_factor(m, m->model_fixed_mj, m->model_mj_per_mib), fixed_mj = best_factor(m, 1, 0);
    take_if_better(m, times * m->model_fixed_mj, times * m->model_mj_per_mib, 2, &least);
    take_if_better(m, fixed_mj, 0, 2, &least);
    if (m->n > 2) {
        mae_stats_line line = mae_stats_fit_line(x, y, weight, m->n);
        take_if_better(m, line.a, line.b, 4, &least);
    }
    m->row.spread_mj = sqrt(half2) / (double)m->n;
    m->row.energy_source = MAE_COST_DIFFERENCED;
}

mae_error *mae_joules_moves(mae_joules *joules)
{
    const mae_energy_pe *pes = joules->options->pes;
    size_t n = joules->survey->n_pes;
    for (size_t pair = 0; pair < n * n; pair++) {
        move m = {.joules = joules, .from = pair / n, .to = pair % n};
        m.row = joules->profile->transfers[pair];
        if (!m.row.crossable)
            continue;
        model(&m);
        if (pes[m.from].n_rails && pes[m.to].n_rails) {
            choose(&m);
            MAE_TRY(measure_borders(&m, mae_joules_left_s(joules) / (double)(n * n - pair)));
            conclude(&m);
        }
        mae_profile_set_transfer(joules->profile, (int)m.from, (int)m.to, &m.row);
    }
    return NULL;
}
