/* What no completion of a partial mapping can be below, where segments overlap. Contention is never less than 1, so
 * what holds without it holds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/lanes.h"

#define STEPS 60          /* of the search for weights */
#define MOST_SUBSETS_OF 8 /* lanes of which all subsets are looked at */

/* ---- values ---- */

double mae_lanes_energy(const mae_lanes *lanes, double mj, double ms)
{
    return mae_cost_energy(lanes->p, mj, ms, lanes->m->period_ms);
}

double mae_lanes_value(const mae_lanes *lanes, double ms, double mj)
{
    const mae_aim *aim = &lanes->solver->aim;
    double energy = mae_lanes_energy(lanes, mj, ms);
    return ms > aim->max_ms || energy > aim->max_mj ? INFINITY : mae_aim_value(aim, ms, energy);
}

static int compare(double x, double y)
{
    return mae_cost_equal(x, y) ? 0 : x < y ? -1 : 1;
}

bool mae_lanes_is_late(const mae_lanes *lanes, double ms, double mj, int switches)
{
    const mae_solver *s = lanes->solver;
    double value = mae_lanes_value(lanes, ms, mj);
    if (!isfinite(value))
        return true;
    if (s->n_answers < s->k)
        return false;
    const mae_answer *worst = &s->answers[s->n_answers - 1];
    int order = compare(value, worst->value);
    if (order == 0)
        order = compare(ms, worst->cost.latency_ms);
    if (order == 0)
        order = compare(mae_lanes_energy(lanes, mj, ms), worst->cost.energy_mj);
    return order > 0 || (order == 0 && switches >= worst->cost.switches);
}

/* ---- what layers add at the least ---- */

/* A layer's share of a row is at least as its time is of the row's layers'. */
static void consider_row(mae_lanes *lanes, const mae_model_row *row)
{
    const mae_segment_cost *cost = mae_cost_row(&lanes->m->index, lanes->m->pe_of[row->pe], row->first, row->last);
    double ms = 0, mj = 0, n = row->last - row->first + 1;
    for (int l = row->first; l <= row->last; l++) {
        ms += lanes->ms[l * lanes->n_pes + row->pe];
        mj += lanes->mj[l * lanes->n_pes + row->pe];
    }
    for (int l = row->first; l <= row->last; l++) {
        int at = l * lanes->n_pes + row->pe;
        double part_ms = ms > 0 ? lanes->ms[at] / ms : 1 / n, part_mj = mj > 0 ? lanes->mj[at] / mj : 1 / n;
        lanes->low_ms[at] = fmin(lanes->low_ms[at], cost->time_ms * part_ms);
        lanes->low_mj[at] = fmin(lanes->low_mj[at], cost->energy_mj * part_mj);
    }
    lanes->has_rows = true;
    lanes->row_begins[row->first * lanes->n_pes + row->pe] = true;
}

static void fill_layers(mae_lanes *lanes)
{
    const mae_model *m = lanes->m;
    for (int l = 0; l < lanes->n; l++)
        for (int pe = 0; pe < lanes->n_pes; pe++) {
            const mae_cost *cost = &lanes->p->costs[(size_t)l * lanes->p->n_pes + (size_t)m->pe_of[pe]];
            int at = l * lanes->n_pes + pe;
            bool can = m->can[l] >> pe & 1;
            lanes->ms[at] = lanes->low_ms[at] = can ? cost->time_ms : INFINITY;
            lanes->mj[at] = lanes->low_mj[at] = can ? (m->has_energy ? cost->energy_mj : 0) : INFINITY;
        }
    for (size_t r = 0; r < m->n_rows; r++)
        consider_row(lanes, &m->rows[r]);
}

static double least(const double *of_pes, int n)
{
    double least = INFINITY;
    for (int pe = 0; pe < n; pe++)
        least = fmin(least, of_pes[pe]);
    return least;
}

static void fill_ways(mae_lanes *lanes)
{
    const mae_model *m = lanes->m;
    for (int l = lanes->n; l-- > 0;) {
        double after = 0;
        for (size_t k = 0; k < m->layers[l].n_outputs; k++) {
            const mae_model_tensor *t = &m->tensors[m->layers[l].outputs[k]];
            for (size_t u = 0; u < t->n_uses; u++)
                after = fmax(after, lanes->tail[t->uses[u]]);
        }
        lanes->tail[l] = least(&lanes->low_ms[l * lanes->n_pes], lanes->n_pes) + after;
        lanes->rest_mj[l] = lanes->rest_mj[l + 1] + least(&lanes->low_mj[l * lanes->n_pes], lanes->n_pes);
    }
    for (int b = 0; b <= lanes->n; b++)
        for (size_t k = 0; k < m->boundaries[b].n_slots; k++) {
            const mae_model_tensor *t = &m->tensors[m->boundaries[b].slots[k]];
            for (size_t u = 0; u < t->n_uses; u++)
                if (t->uses[u] >= b)
                    lanes->way[b][k] = fmax(lanes->way[b][k], lanes->tail[t->uses[u]]);
        }
}

/* ---- lines ---- */

/* The least factor on what runs on one lane while something runs on another. */
static double least_contention(const mae_lanes *lanes, int lane, int other)
{
    double factor = INFINITY;
    for (int pe = 0; pe < lanes->n_pes; pe++)
        for (int with = 0; with < lanes->n_pes; with++)
            if (lanes->lane[pe] == lane && lanes->lane[with] == other)
                factor = fmin(factor, mae_makespan_contention(lanes->p, lanes->m->pe_of[pe], lanes->m->pe_of[with]));
    return factor;
}

double mae_lanes_pace(const mae_lanes *lanes, const double *weight)
{
    double pace = 0, all = 0;
    for (int r = 0; r < lanes->n_lanes; r++)
        all += weight[r];
    if (!lanes->span.contended || lanes->n_lanes > MOST_SUBSETS_OF)
        return all;
    for (unsigned set = 1; set < 1u << lanes->n_lanes; set++) {
        double sum = 0;
        for (int r = 0; r < lanes->n_lanes; r++) {
            double rate = set >> r & 1 ? weight[r] : 0;
            for (int q = 0; q < lanes->n_lanes && rate > 0; q++)
                if (q != r && set >> q & 1)
                    rate /= least_contention(lanes, r, q);
            sum += rate;
        }
        pace = fmax(pace, sum);
    }
    return pace;
}

/* The lane on which a layer adds least to the weighted sum, and how much. */
static int cheapest_lane(const mae_lanes *lanes, int layer, const double *weight, double *ret_ms)
{
    double best = INFINITY;
    int lane = 0;
    for (int pe = 0; pe < lanes->n_pes; pe++) {
        double ms = lanes->low_ms[layer * lanes->n_pes + pe];
        if (isfinite(ms) && weight[lanes->lane[pe]] * ms < best) {
            best = weight[lanes->lane[pe]] * ms;
            lane = lanes->lane[pe];
            *ret_ms = ms;
        }
    }
    return lane;
}

static void add_line(mae_lanes *lanes, const double *weight)
{
    mae_lanes_line *line = &lanes->lines[lanes->n_lines];
    if (lanes->n_lines == MAE_LANES_MOST_LINES)
        return;
    memcpy(line->weight, weight, (size_t)lanes->n_lanes * sizeof *weight);
    line->pace = mae_lanes_pace(lanes, weight);
    line->rest[lanes->n] = 0;
    for (int l = lanes->n; l-- > 0;) {
        double ms = 0;
        int lane = cheapest_lane(lanes, l, weight, &ms);
        line->rest[l] = line->rest[l + 1] + weight[lane] * ms;
    }
    lanes->n_lines++;
}

/* Weights for which the layers from `first` on keep all lanes busy for about as long: lanes that would have more to do
 * get dearer. */
static void balance(mae_lanes *lanes, int first, double *weight, double *load)
{
    int R = lanes->n_lanes;
    for (int r = 0; r < R; r++)
        weight[r] = 1.0 / R;
    for (int step = 1; step <= STEPS; step++) {
        double most = 0, sum = 0;
        memset(load, 0, (size_t)R * sizeof *load);
        for (int l = first; l < lanes->n; l++) {
            double ms = 0;
            int lane = cheapest_lane(lanes, l, weight, &ms);
            load[lane] += ms;
        }
        for (int r = 0; r < R; r++)
            most = fmax(most, load[r]);
        for (int r = 0; r < R && most > 0; r++)
            sum += weight[r] *= exp((load[r] / most - 0.5) / step);
        for (int r = 0; r < R && most > 0; r++)
            weight[r] /= sum;
    }
}

static void choose_lines(mae_lanes *lanes, double *weight, double *load)
{
    int R = lanes->n_lanes;
    for (int r = 0; r < R; r++)
        weight[r] = 1.0 / R;
    add_line(lanes, weight);
    for (int r = 0; r < R && R <= 8; r++) { /* what only this lane can run */
        memset(weight, 0, (size_t)R * sizeof *weight);
        weight[r] = 1;
        add_line(lanes, weight);
    }
    for (int quarter = 0; quarter < 4; quarter++) {
        balance(lanes, lanes->n * quarter / 4, weight, load);
        add_line(lanes, weight);
    }
    for (int k = 1; k < 16 && R == 2; k++) {
        weight[0] = k / 16.0;
        weight[1] = 1 - weight[0];
        add_line(lanes, weight);
    }
}

/* ---- making ---- */

static bool allot(mae_lanes *lanes)
{
    size_t n = (size_t)lanes->n, cells = n * (size_t)lanes->n_pes;
    mae_arena *a = lanes->arena;
    lanes->lane = mae_arena_array(a, (size_t)lanes->n_pes, sizeof(int));
    lanes->theirs = mae_arena_array(a, n, sizeof(int));
    lanes->ms = mae_arena_array(a, cells, sizeof(double));
    lanes->mj = mae_arena_array(a, cells, sizeof(double));
    lanes->low_ms = mae_arena_array(a, cells, sizeof(double));
    lanes->low_mj = mae_arena_array(a, cells, sizeof(double));
    lanes->row_begins = mae_arena_array(a, cells, sizeof(bool));
    lanes->tail = mae_arena_array(a, n, sizeof(double));
    lanes->rest_mj = mae_arena_array(a, n + 1, sizeof(double));
    lanes->way = mae_arena_array(a, n + 1, sizeof(double *));
    bool ok = lanes->lane && lanes->theirs && lanes->ms && lanes->mj && lanes->low_ms && lanes->low_mj &&
              lanes->row_begins && lanes->tail && lanes->rest_mj && lanes->way;
    for (size_t b = 0; ok && b <= n; b++)
        ok = (lanes->way[b] = mae_arena_array(a, lanes->m->boundaries[b].n_slots, sizeof(double))) != NULL;
    for (size_t k = 0; ok && k < MAE_LANES_MOST_LINES; k++) {
        lanes->lines[k].weight = mae_arena_array(a, (size_t)lanes->n_lanes, sizeof(double));
        lanes->lines[k].rest = mae_arena_array(a, n + 1, sizeof(double));
        ok = lanes->lines[k].weight && lanes->lines[k].rest;
    }
    return ok;
}

mae_error *mae_lanes_init(mae_lanes *lanes, mae_solver *solver)
{
    const mae_model *m = solver->model;
    *lanes = (mae_lanes){
        .solver = solver, .m = m, .p = m->profile, .arena = mae_arena_create(), .n = m->n, .n_pes = m->n_pes};
    if (!lanes->arena)
        return mae_error_nomem();
    MAE_TRY(mae_makespan_init(&lanes->span, &m->index));
    lanes->n_lanes = lanes->span.n_lanes;
    double *weight = mae_arena_array(lanes->arena, (size_t)lanes->n_lanes, sizeof *weight);
    double *load = mae_arena_array(lanes->arena, (size_t)lanes->n_lanes, sizeof *load);
    if (!weight || !load || !allot(lanes))
        return mae_error_nomem();
    for (int pe = 0; pe < lanes->n_pes; pe++)
        lanes->lane[pe] = lanes->span.lane_of[m->pe_of[pe]];
    fill_layers(lanes);
    fill_ways(lanes);
    choose_lines(lanes, weight, load);
    return NULL;
}

void mae_lanes_finish(mae_lanes *lanes)
{
    mae_makespan_finish(&lanes->span);
    mae_arena_destroy(lanes->arena);
}
