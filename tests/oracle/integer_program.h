/* Section 2 of docs/formats.md as a mixed integer program for GLPK: a reading that shares nothing with the planner. */
#ifndef MAE_TESTS_ORACLE_INTEGER_PROGRAM_H
#define MAE_TESTS_ORACLE_INTEGER_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glpk.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "mae/plan.h"

/* Columns and rows are numbered from 1, as GLPK does. */
typedef struct milp {
    const mae_profile *p;
    glp_prob *lp;
    double *ms, *mj; /* what 1 of each column costs */
    int room;
    int frame;           /* the column whose ms are what static_w is charged for */
    int *x;              /* x[l * n_pes + pe]: layer l runs on that PE */
    int *both;           /* both[a * n_layers + b]: first of the columns of layers a and b; 0: not made yet */
    int n_terms, *terms; /* of the row being built */
    double *factors;
} milp;

static inline int new_column(milp *m, double most, double ms, double mj)
{
    int column = glp_add_cols(m->lp, 1);
    if (column >= m->room) {
        m->room = 2 * m->room + 1024;
        m->ms = realloc(m->ms, (size_t)m->room * sizeof *m->ms);
        m->mj = realloc(m->mj, (size_t)m->room * sizeof *m->mj);
        m->terms = realloc(m->terms, (size_t)m->room * sizeof *m->terms);
        m->factors = realloc(m->factors, (size_t)m->room * sizeof *m->factors);
        assert_true(m->ms && m->mj && m->terms && m->factors);
    }
    m->ms[column] = ms;
    m->mj[column] = mj;
    if (isfinite(most))
        glp_set_col_bnds(m->lp, column, GLP_DB, 0, most);
    else
        glp_set_col_bnds(m->lp, column, GLP_LO, 0, 0);
    return column;
}

static inline void forbid(milp *m, int column)
{
    glp_set_col_bnds(m->lp, column, GLP_FX, 0, 0);
}

static inline void term(milp *m, int column, double factor)
{
    m->n_terms++;
    m->terms[m->n_terms] = column;
    m->factors[m->n_terms] = factor;
}

/* Ends the row that the last terms make: its sum lies between these (infinite: no bound). */
static inline void end_row(milp *m, double least, double most)
{
    int row = glp_add_rows(m->lp, 1);
    int type = least == most ? GLP_FX : isinf(least) ? GLP_UP : isinf(most) ? GLP_LO : GLP_DB;
    glp_set_row_bnds(m->lp, row, type, least, most);
    glp_set_mat_row(m->lp, row, m->n_terms, m->terms, m->factors);
    m->n_terms = 0;
}

static inline int x_of(const milp *m, int layer, int pe)
{
    return m->x[layer * (int)m->p->n_pes + pe];
}

/* The column that is 1 where layer a runs on pe_a and layer b on pe_b: for fixed a and b these sum up to their x. */
static inline int both_of(milp *m, int a, int pe_a, int b, int pe_b)
{
    int n = (int)m->p->n_pes, *first = &m->both[a * (int)m->p->n_layers + b];
    if (!*first) {
        *first = new_column(m, 1, 0, 0);
        for (int k = 1; k < n * n; k++)
            new_column(m, 1, 0, 0);
        for (int pe = 0; pe < n; pe++) {
            for (int other = 0; other < n; other++)
                term(m, *first + pe * n + other, 1);
            term(m, x_of(m, a, pe), -1);
            end_row(m, 0, 0);
            for (int other = 0; other < n; other++)
                term(m, *first + other * n + pe, 1);
            term(m, x_of(m, b, pe), -1);
            end_row(m, 0, 0);
        }
    }
    return *first + pe_a * n + pe_b;
}

/* ---- layers and segments ---- */

static inline void pose_layers(milp *m)
{
    const mae_profile *p = m->p;
    for (int l = 0; l < (int)p->n_layers; l++) {
        for (int pe = 0; pe < (int)p->n_pes; pe++) {
            const mae_cost *cost = &p->costs[l * (int)p->n_pes + pe];
            int column = new_column(m, 1, cost->time_ms, cost->energy_mj);
            m->x[l * (int)p->n_pes + pe] = column;
            glp_set_col_kind(m->lp, column, GLP_BV);
            if (!cost->supported)
                forbid(m, column);
        }
        for (int pe = 0; pe < (int)p->n_pes; pe++)
            term(m, x_of(m, l, pe), 1);
        end_row(m, 1, 1);
    }
}

/* A segment of a PE begins with the first layer, or where the layer before is on another PE. */
static inline void pose_segments(milp *m)
{
    const mae_profile *p = m->p;
    int n = (int)p->n_layers, n_pes = (int)p->n_pes;
    for (int pe = 0; pe < n_pes; pe++) {
        m->ms[x_of(m, 0, pe)] += p->pes[pe].segment_ms;
        m->mj[x_of(m, 0, pe)] += p->pes[pe].segment_mj;
        for (int l = 1; l < n; l++)
            for (int before = 0; before < n_pes; before++)
                if (before != pe) {
                    int begins = both_of(m, l - 1, before, l, pe);
                    m->ms[begins] += p->pes[pe].segment_ms;
                    m->mj[begins] += p->pes[pe].segment_mj;
                }
        if (!p->pes[pe].max_segments)
            continue;
        term(m, x_of(m, 0, pe), 1);
        for (int l = 1; l < n; l++)
            for (int before = 0; before < n_pes; before++)
                if (before != pe)
                    term(m, both_of(m, l - 1, before, l, pe), 1);
        end_row(m, -INFINITY, p->pes[pe].max_segments);
    }
}

/* A row's column is 1 where the mapping has exactly its segment; it brings what the row differs by. */
static inline void pose_segment_rows(milp *m)
{
    const mae_profile *p = m->p;
    for (size_t i = 0; i < p->n_segments; i++) {
        const mae_segment_cost *row = &p->segments[i];
        double ms = row->time_ms - p->pes[row->pe].segment_ms, mj = row->energy_mj - p->pes[row->pe].segment_mj;
        int length = row->last - row->first + 1, n = (int)p->n_layers;
        for (int l = row->first; l <= row->last; l++) {
            ms -= p->costs[l * (int)p->n_pes + row->pe].time_ms;
            mj -= p->costs[l * (int)p->n_pes + row->pe].energy_mj;
        }
        int is = new_column(m, 1, ms, mj);
        int outside[] = {row->first - 1, row->last + 1 < n ? row->last + 1 : -1};
        for (int l = row->first; l <= row->last; l++) {
            term(m, is, 1);
            term(m, x_of(m, l, row->pe), -1);
            end_row(m, -INFINITY, 0);
        }
        for (int k = 0; k < 2; k++)
            if (outside[k] >= 0) {
                term(m, is, 1);
                term(m, x_of(m, outside[k], row->pe), 1);
                end_row(m, -INFINITY, 1);
            }
        term(m, is, 1);
        for (int l = row->first; l <= row->last; l++)
            term(m, x_of(m, l, row->pe), -1);
        for (int k = 0; k < 2; k++)
            if (outside[k] >= 0)
                term(m, x_of(m, outside[k], row->pe), 1);
        end_row(m, 1 - length, INFINITY);
    }
}

/* ---- moves ---- */

/* The column of moving a tensor (of handing it over, where `from` == `to`); 0: this cannot be done; -1: it is free. */
static inline int new_move(milp *m, int tensor, int from, int to)
{
    const mae_profile *p = m->p;
    double mib = p->tensors[tensor].bytes / 1048576.0;
    for (size_t i = 0; i < p->n_overrides; i++) {
        const mae_transfer_override *o = &p->overrides[i];
        if (o->tensor == tensor && o->from == from && o->to == to)
            return new_column(m, 1, o->time_ms, o->energy_mj);
    }
    const mae_transfer *row = &p->transfers[from * (int)p->n_pes + to];
    if (!row->crossable)
        return from == to ? -1 : 0;
    return new_column(m, 1, row->fixed_ms + row->ms_per_mib * mib, row->fixed_mj + row->mj_per_mib * mib);
}

/* Whoever is 1 needs the move. */
static inline void need(milp *m, int move, int who)
{
    if (move == 0) {
        forbid(m, who);
    } else if (move > 0) {
        term(m, move, 1);
        term(m, who, -1);
        end_row(m, 0, INFINITY);
    }
}

static inline bool reads(const mae_profile *p, int layer, int tensor)
{
    for (size_t k = 0; k < p->layers[layer].n_inputs; k++)
        if (p->layers[layer].inputs[k] == tensor)
            return true;
    return false;
}

/* From the PE of its producer to that of each consumer, and to the host. */
static inline void pose_moves(milp *m, int tensor, int from, int to)
{
    const mae_profile *p = m->p;
    int producer = p->tensors[tensor].producer, move = new_move(m, tensor, from, to);
    for (int l = producer + 1; l < (int)p->n_layers; l++)
        if (reads(p, l, tensor))
            need(m, move, both_of(m, producer, from, l, to));
    if (p->tensors[tensor].is_output && p->host == to)
        need(m, move, x_of(m, producer, from));
}

/* To a consumer on the producer's PE, but in a later segment: some layer between them runs elsewhere. */
static inline void pose_handover(milp *m, int tensor, int pe)
{
    const mae_profile *p = m->p;
    int producer = p->tensors[tensor].producer, move = new_move(m, tensor, pe, pe);
    for (int l = producer + 1; move > 0 && l < (int)p->n_layers; l++)
        for (int between = producer + 1; reads(p, l, tensor) && between < l; between++) {
            int stay = both_of(m, producer, pe, l, pe);
            term(m, move, 1);
            term(m, stay, -1);
            term(m, x_of(m, between, pe), 1);
            end_row(m, 0, INFINITY);
        }
}

/* From the host, where graph inputs arrive. */
static inline void pose_input(milp *m, int tensor, int to)
{
    const mae_profile *p = m->p;
    int move = p->host >= 0 && p->host != to ? new_move(m, tensor, p->host, to) : -1;
    for (int l = 0; l < (int)p->n_layers; l++)
        if (reads(p, l, tensor))
            need(m, move, x_of(m, l, to));
}

static inline void pose_tensors(milp *m)
{
    for (int t = 0; t < (int)m->p->n_tensors; t++)
        for (int to = 0; to < (int)m->p->n_pes; to++) {
            if (m->p->tensors[t].producer < 0) {
                pose_input(m, t, to);
                continue;
            }
            for (int from = 0; from < (int)m->p->n_pes; from++)
                if (from != to)
                    pose_moves(m, t, from, to);
            pose_handover(m, t, to);
        }
}

/* ---- the goal ---- */

static inline void pose_sum(milp *m, const double *of)
{
    int n = glp_get_num_cols(m->lp);
    for (int c = 1; c <= n; c++)
        if (of[c] != 0)
            term(m, c, of[c]);
}

/* energy = dynamic + static_w * frame, where the frame is as long as the latency and the period at least. */
static inline void pose_goal(milp *m, const mae_goal *goal)
{
    const mae_profile *p = m->p;
    double energy = goal->max_energy_mj > 0 ? goal->max_energy_mj : INFINITY;
    m->frame = new_column(m, INFINITY, 0, p->static_w);
    glp_set_col_bnds(m->lp, m->frame, GLP_LO, goal->period_ms, 0);
    term(m, m->frame, -1);
    pose_sum(m, m->ms);
    end_row(m, -INFINITY, 0);
    if (goal->max_latency_ms > 0) {
        pose_sum(m, m->ms);
        end_row(m, -INFINITY, goal->max_latency_ms);
    }
    if (goal->max_power_w > 0)
        energy = fmin(energy, goal->max_power_w * goal->period_ms);
    if (isfinite(energy)) {
        pose_sum(m, m->mj);
        end_row(m, -INFINITY, energy);
    }
    for (int l = 1; goal->max_switches >= 0 && l < (int)p->n_layers; l++)
        for (int pe = 0; pe < (int)p->n_pes; pe++)
            for (int before = 0; before < (int)p->n_pes; before++)
                if (before != pe)
                    term(m, both_of(m, l - 1, before, l, pe), 1);
    if (goal->max_switches >= 0)
        end_row(m, -INFINITY, goal->max_switches);
    const double *costs = goal->minimize == MAE_MIN_ENERGY ? m->mj : m->ms;
    for (int c = 1, n = glp_get_num_cols(m->lp); c <= n; c++)
        glp_set_obj_coef(m->lp, c, costs[c]);
}

/* ---- solving ---- */

typedef enum milp_answer { MILP_SOLVED, MILP_INFEASIBLE, MILP_TIME_OUT } milp_answer;

/* The least latency or energy of a goal, by GLPK alone. */
static inline milp_answer milp_solve(const mae_profile *p, const mae_goal *goal, int limit_ms, double *ret_least)
{
    milp m = {.p = p, .lp = glp_create_prob()};
    m.x = calloc(p->n_layers * p->n_pes, sizeof *m.x);
    m.both = calloc(p->n_layers * p->n_layers, sizeof *m.both);
    assert_true(m.lp && m.x && m.both);
    glp_set_obj_dir(m.lp, GLP_MIN);
    pose_layers(&m);
    pose_segments(&m);
    pose_segment_rows(&m);
    pose_tensors(&m);
    pose_goal(&m, goal);
    glp_iocp how;
    glp_init_iocp(&how);
    how.presolve = GLP_ON;
    how.msg_lev = GLP_MSG_OFF;
    how.tm_lim = limit_ms;
    how.tol_int = 1e-7;
    int failed = glp_intopt(m.lp, &how), status = glp_mip_status(m.lp);
    milp_answer answer = MILP_TIME_OUT;
    if (failed == GLP_ENOPFS || (!failed && status == GLP_NOFEAS))
        answer = MILP_INFEASIBLE;
    else if (!failed && status == GLP_OPT)
        answer = MILP_SOLVED;
    *ret_least = glp_mip_obj_val(m.lp);
    glp_delete_prob(m.lp);
    free(m.ms);
    free(m.mj);
    free(m.terms);
    free(m.factors);
    free(m.x);
    free(m.both);
    return answer;
}

#endif
