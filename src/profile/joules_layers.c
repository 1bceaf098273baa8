/* Energy of a PE's layers and of its segments. */
#include <math.h>
#include <stdlib.h>

#include "profile/joules.h"

#define WHOLE_SHARE 0.25 /* of a PE's budget */
#define FINER 5          /* than what is asked of a layer: its segment is taken off */
#define LEAST_SHARE 0.02 /* of a piece: no layers are nothing but their segment */

/* Consecutive layers, looped as one segment. */
typedef struct piece {
    int first, last;
    double chain_ms; /* in the running network: segment and layers */
    mae_load load;
    double mj, half_mj; /* at that time */
} piece;

typedef struct split {
    mae_joules *joules;
    size_t pe;
    mae_idle *idle;
    size_t n_runs, n_pieces;
    piece *runs; /* the longest stretches that the PE supports */
    piece *pieces;
    double runs_mj, runs_ms, runs_half2;
    double segment_mj;
} split;

static double layer_ms(const split *s, int layer)
{
    const mae_profile *profile = s->joules->profile;
    return profile->costs[(size_t)layer * profile->n_pes + s->pe].time_ms;
}

static void set_energy(const split *s, int layer, double mj, double half_mj, int n, mae_cost_source source)
{
    mae_profile *profile = s->joules->profile;
    mae_cost cost = profile->costs[(size_t)layer * profile->n_pes + s->pe];
    cost.energy_mj = mj;
    cost.energy_spread_mj = half_mj;
    cost.energy_n = n;
    cost.energy_source = source;
    mae_profile_set_cost(profile, layer, (int)s->pe, &cost);
}

static void set_segment(const split *s, double mj)
{
    mae_profile *profile = s->joules->profile;
    const mae_profile_pe *pe = &profile->pes[s->pe];
    mae_profile_set_pe(profile, (int)s->pe, pe->segment_ms, mj, pe->max_segments);
}

static void model(const split *s, double watts)
{
    const mae_survey *survey = s->joules->survey;
    for (size_t l = 0; l < survey->graph->n_layers; l++)
        if (survey->of[s->pe].supported[l])
            set_energy(s, (int)l, watts * layer_ms(s, (int)l), 0, 0, MAE_COST_MODELLED);
    set_segment(s, watts * s->joules->profile->pes[s->pe].segment_ms);
    s->joules->watts[s->pe] = watts;
}

/* ---- what to loop ---- */

static void describe(const split *s, piece *p, int first, int last)
{
    *p = (piece){.first = first, .last = last, .chain_ms = s->joules->profile->pes[s->pe].segment_ms};
    for (int l = first; l <= last; l++)
        p->chain_ms += layer_ms(s, l);
}

static void find_runs(split *s)
{
    const bool *supported = s->joules->survey->of[s->pe].supported;
    int n = (int)s->joules->survey->graph->n_layers;
    for (int first = 0; first < n; first++) {
        int last = first;
        if (!supported[first])
            continue;
        while (last + 1 < n && supported[last + 1])
            last++;
        describe(s, &s->runs[s->n_runs++], first, last);
        first = last;
    }
}

/* About `wanted` pieces of about equal time; a layer at least. */
static void find_pieces(split *s, double wanted)
{
    double total = 0;
    for (size_t r = 0; r < s->n_runs; r++)
        total += s->runs[r].chain_ms;
    double most_ms = total / fmax(wanted, 1);
    size_t n_layers = s->joules->survey->of[s->pe].n_supported;
    for (size_t r = 0; r < s->n_runs; r++) {
        double ms = 0;
        int first = s->runs[r].first;
        for (int l = first; l <= s->runs[r].last; l++) {
            ms += layer_ms(s, l);
            bool full = wanted >= (double)n_layers || ms >= most_ms || l == s->runs[r].last;
            if (!full)
                continue;
            describe(s, &s->pieces[s->n_pieces++], first, l);
            first = l + 1;
            ms = 0;
        }
    }
}

/* ---- looping ---- */

static mae_error *measure(split *s, piece *p, double most_s)
{
    mae_joules *joules = s->joules;
    const int *mapping = joules->survey->of[s->pe].mapping;
    MAE_TRY(mae_joules_load(joules, mapping, p->first, p->last, NULL, s->idle, joules->precision / FINER, most_s,
                            &p->load));
    p->mj = fmax(0, p->load.watts) * p->chain_ms;
    p->half_mj = p->load.half_w * p->chain_ms;
    return NULL;
}

/* Even the whole network takes so long to measure that the budget would be a multiple of what was asked. */
static mae_error *check_budget(const split *s, double budget_s)
{
    mae_joules *joules = s->joules;
    double least_s = mae_idle_least_s(s->idle) * (double)s->n_runs;
    if (least_s <= budget_s)
        return NULL;
    joules->loads.refusal = mae_arena_printf(
        joules->loads.arena, "the %s meter is too slow: a figure for %s takes %.3g s, and the budget has %.3g s for it",
        joules->options->meter->driver->name, joules->survey->names[s->pe], least_s, budget_s);
    return joules->loads.refusal ? NULL : mae_error_nomem();
}

static mae_error *measure_runs(split *s, double budget_s)
{
    for (size_t r = 0; r < s->n_runs; r++) {
        MAE_TRY(measure(s, &s->runs[r], WHOLE_SHARE * budget_s / (double)s->n_runs));
        if (!s->runs[r].load.known)
            return NULL;
        s->runs_mj += s->runs[r].mj;
        s->runs_ms += s->runs[r].chain_ms;
        s->runs_half2 += s->runs[r].half_mj * s->runs[r].half_mj;
    }
    return NULL;
}

/* A piece that the meter cannot resolve has the mean power of all. */
static void model_piece(const split *s, piece *p)
{
    s->joules->loads.refusal = NULL;
    p->mj = s->runs_mj / s->runs_ms * p->chain_ms;
    p->half_mj = p->mj;
}

static mae_error *measure_pieces(split *s, double end_s)
{
    mae_joules *joules = s->joules;
    for (size_t i = 0; i < s->n_pieces; i++) {
        piece *p = &s->pieces[i];
        double left = mae_joules_left_s(joules) - end_s;
        bool same = s->n_pieces == s->n_runs; /* the pieces are the runs */
        if (same)
            *p = s->runs[i];
        else if (left > mae_idle_least_s(s->idle))
            MAE_TRY(measure(s, p, left / (double)(s->n_pieces - i)));
        if (!p->load.known)
            model_piece(s, p);
        else if (p->first == p->last)
            joules->singles[s->pe * joules->survey->graph->n_layers + (size_t)p->first] = p->load;
    }
    return NULL;
}

/* ---- what follows ---- */

/* Pieces have more segments than the whole: by so much more energy they take. */
static void find_segment(split *s)
{
    double pieces_mj = 0, half2 = s->runs_half2, more = (double)s->n_pieces - (double)s->n_runs;
    double modelled = s->runs_mj / s->runs_ms * s->joules->profile->pes[s->pe].segment_ms;
    for (size_t i = 0; i < s->n_pieces; i++) {
        pieces_mj += s->pieces[i].mj;
        half2 += s->pieces[i].half_mj * s->pieces[i].half_mj;
    }
    double mj = more > 0 ? fmax(0, (pieces_mj - s->runs_mj) / more) : modelled;
    bool sure = more > 0 && sqrt(half2) / more < fmax(mj, modelled) / 2;
    s->segment_mj = sure ? mj : modelled;
}

static double layers_mj(const split *s, const piece *p)
{
    return fmax(LEAST_SHARE * p->mj, p->mj - s->segment_mj);
}

/* The whole, looped, is the running network; the parts add up to it. */
static void share_out(const split *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_pieces; i++)
        sum += layers_mj(s, &s->pieces[i]);
    double wanted = s->runs_mj - (double)s->n_runs * s->segment_mj;
    double scale = sum > 0 && wanted > 0 ? wanted / sum : 1;
    for (size_t i = 0; i < s->n_pieces; i++) {
        const piece *p = &s->pieces[i];
        double mj = scale * layers_mj(s, p), ms = p->chain_ms - s->joules->profile->pes[s->pe].segment_ms;
        bool alone = p->first == p->last && p->load.known;
        for (int l = p->first; l <= p->last; l++) {
            double share = ms > 0 ? layer_ms(s, l) / ms : 1.0 / (p->last - p->first + 1);
            set_energy(s, l, mj * share, alone ? p->half_mj : 0, alone ? p->load.blocks : 0,
                       alone ? MAE_COST_MEASURED : MAE_COST_MODELLED);
        }
    }
    set_segment(s, s->segment_mj);
    s->joules->watts[s->pe] = s->runs_mj / s->runs_ms;
}

mae_error *mae_joules_layers(mae_joules *joules, size_t pe, double budget_s)
{
    const mae_energy_pe *stated = &joules->options->pes[pe];
    size_t n = joules->survey->graph->n_layers;
    split s = {.joules = joules, .pe = pe};
    if (!stated->n_rails) {
        model(&s, stated->watts);
        return NULL;
    }
    s.runs = mae_arena_array(joules->loads.arena, n, sizeof *s.runs);
    s.pieces = mae_arena_array(joules->loads.arena, n, sizeof *s.pieces);
    if (!s.runs || !s.pieces)
        return mae_error_nomem();
    double end_s = mae_joules_left_s(joules) - budget_s; /* what must be left behind */
    MAE_TRY(mae_loads_idle(&joules->loads, stated->rails, stated->n_rails, NULL, 0, &s.idle));
    find_runs(&s);
    MAE_TRY(check_budget(&s, budget_s));
    if (!joules->loads.refusal)
        MAE_TRY(measure_runs(&s, budget_s));
    if (joules->loads.refusal)
        return NULL;
    find_pieces(&s, (mae_joules_left_s(joules) - end_s) / mae_idle_least_s(s.idle));
    MAE_TRY(measure_pieces(&s, end_s));
    find_segment(&s);
    share_out(&s);
    return NULL;
}
