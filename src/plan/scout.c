#include "plan/scout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double weigh(const double line[2], mae_pair cost)
{
    return cost.lat == MAE_NEVER ? INFINITY : line[0] * (double)cost.lat + line[1] * (double)cost.en;
}

static double *go_at(const mae_scout_state *s, int boundary, int pe)
{
    return &s->go[((size_t)boundary * (size_t)s->m->n_pes + (size_t)pe) * s->n_lines];
}

/* The least a layer adds on a PE: alone, or its share of a row that covers it. */
static void layer_shares(const mae_scout_state *s, double *share)
{
    const mae_model *m = s->m;
    for (int l = 0; l < m->n; l++)
        for (int p = 0; p < m->n_pes; p++)
            for (size_t k = 0; k < s->n_lines; k++)
                share[((size_t)l * (size_t)m->n_pes + (size_t)p) * s->n_lines + k] =
                    weigh(s->lines[k], m->cost[l * m->n_pes + p]);
    for (size_t r = 0; r < m->n_rows; r++) {
        const mae_model_row *row = &m->rows[r];
        for (int l = row->first; l <= row->last; l++)
            for (size_t k = 0; k < s->n_lines; k++) {
                double *at = &share[((size_t)l * (size_t)m->n_pes + (size_t)row->pe) * s->n_lines + k];
                *at = fmin(*at, weigh(s->lines[k], row->cost) / (row->last - row->first + 1));
            }
    }
}

/* What changing from PE `from` to `to` before a layer costs at least: opening the segment, and moving what
 * the layer before has just produced. */
static mae_pair crossing(const mae_model *m, int layer, int from, int to)
{
    const mae_model_layer *l = &m->layers[layer];
    mae_pair cost = m->open[to];
    for (size_t r = l->first_row; r < l->first_row + l->n_rows; r++)
        if (m->rows[r].pe == to)
            cost = (mae_pair){0, 0};
    for (size_t k = 0; k < l->n_inputs; k++) {
        const mae_model_tensor *tensor = &m->tensors[l->inputs[k]];
        if (tensor->producer != layer - 1 || tensor->producer < 0 || (tensor->to_host && to == m->host))
            continue;
        mae_pair move = tensor->move[from * m->n_pes + to];
        if (move.lat == MAE_NEVER)
            return move;
        cost = mae_pair_add(cost, move);
    }
    return cost;
}

/* Backwards over a relaxed network in which only neighbouring layers hand tensors to each other. */
static void relax(mae_scout_state *s, const double *share)
{
    const mae_model *m = s->m;
    for (int b = m->n - 1; b >= 1; b--)
        for (int from = 0; from < m->n_pes; from++) {
            double *go = go_at(s, b, from);
            for (size_t k = 0; k < s->n_lines; k++)
                go[k] = INFINITY;
            for (int to = 0; to < m->n_pes; to++) {
                if (!(m->can[b] >> to & 1))
                    continue;
                mae_pair cross = from == to ? (mae_pair){0, 0} : crossing(m, b, from, to);
                const double *layer = &share[((size_t)b * (size_t)m->n_pes + (size_t)to) * s->n_lines];
                for (size_t k = 0; k < s->n_lines; k++)
                    go[k] = fmin(go[k], weigh(s->lines[k], cross) + layer[k] + go_at(s, b + 1, to)[k]);
            }
        }
}

bool mae_scout_init(mae_scout_state *state, const mae_model *m, const mae_scout *scout)
{
    *state = (mae_scout_state){.m = m};
    if (!scout || scout->max_states == 0)
        return true;
    for (int b = 1; b < m->n; b++)
        state->active |= !m->boundaries[b].simple;
    if (!state->active)
        return true;
    state->n_lines = scout->n_lines;
    state->lines = scout->lines;
    state->max_states = scout->max_states;
    size_t cells = (size_t)m->n_pes * scout->n_lines;
    double *share = calloc((size_t)m->n * cells, sizeof *share);
    state->go = calloc(((size_t)m->n + 1) * cells, sizeof *state->go);
    state->now = calloc(scout->n_lines, sizeof *state->now);
    state->now_room = 1;
    if (!share || !state->go || !state->now) {
        free(share);
        return false;
    }
    layer_shares(state, share);
    relax(state, share);
    free(share);
    return true;
}

void mae_scout_finish(mae_scout_state *state)
{
    free(state->now);
    free(state->next);
    free(state->go);
    free(state->dropped);
    *state = (mae_scout_state){0};
}

bool mae_scout_reach(mae_scout_state *s, size_t from, size_t to, mae_pair cost)
{
    if (!s->active)
        return true;
    if (to >= s->next_room) {
        size_t room = 2 * to + 64;
        double *next = realloc(s->next, room * s->n_lines * sizeof *next);
        if (!next)
            return false;
        s->next = next;
        s->next_room = room;
    }
    for (; s->n_next <= to; s->n_next++)
        for (size_t k = 0; k < s->n_lines; k++)
            s->next[s->n_next * s->n_lines + k] = INFINITY;
    for (size_t k = 0; k < s->n_lines; k++) {
        double *at = &s->next[to * s->n_lines + k];
        *at = fmin(*at, s->now[from * s->n_lines + k] + weigh(s->lines[k], cost));
    }
    return true;
}

/* No completion of a state costs less than this. A segment whose row was paid in advance costs nothing
 * until it ends. */
static const double *least_to_go(const mae_scout_state *s, int boundary, uint64_t word)
{
    uint64_t tag = word >> 8;
    if (tag > s->m->n_rows)
        boundary = s->m->rows[tag - 1 - s->m->n_rows].last + 1;
    return go_at(s, boundary, (int)(word & 0xff));
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void note_dropped(mae_scout_state *s, size_t state, const double *go)
{
    for (size_t k = 0; k < s->n_lines; k++)
        s->dropped[k] = fmin(s->dropped[k], s->next[state * s->n_lines + k] + go[k]);
}

static void keep_best(mae_scout_state *s, int boundary, mae_states *states, const double *score, double limit,
                      uint32_t *kept)
{
    size_t n = 0, equal = s->max_states;
    for (size_t i = 0; i < states->n; i++)
        equal -= score[i] < limit;
    for (size_t i = 0; i < states->n; i++) {
        bool keep = score[i] < limit || (score[i] == limit && equal > 0);
        if (keep && score[i] == limit)
            equal--;
        kept[i] = keep ? (uint32_t)n : UINT32_MAX;
        if (!keep) {
            note_dropped(s, i, least_to_go(s, boundary, mae_states_key(states, i)[0]));
            continue;
        }
        memmove(&states->keys[n * states->words], &states->keys[i * states->words],
                states->words * sizeof *states->keys);
        memmove(&s->next[n * s->n_lines], &s->next[i * s->n_lines], s->n_lines * sizeof *s->next);
        n++;
    }
    states->n = n;
}

static bool select_states(mae_scout_state *s, int boundary, mae_states *states, uint32_t **ret_kept)
{
    uint32_t *kept = malloc(states->n * sizeof *kept);
    double *score = malloc(2 * states->n * sizeof *score);
    if (!s->dropped && (s->dropped = malloc(s->n_lines * sizeof *s->dropped)) != NULL)
        for (size_t k = 0; k < s->n_lines; k++)
            s->dropped[k] = INFINITY;
    if (!kept || !score || !s->dropped) {
        free(kept);
        free(score);
        return false;
    }
    size_t last = s->n_lines - 1;
    for (size_t i = 0; i < states->n; i++)
        score[i] = s->next[i * s->n_lines + last] + least_to_go(s, boundary, mae_states_key(states, i)[0])[last];
    memcpy(score + states->n, score, states->n * sizeof *score);
    qsort(score + states->n, states->n, sizeof *score, compare_doubles);
    keep_best(s, boundary, states, score, score[states->n + s->max_states - 1], kept);
    free(score);
    *ret_kept = kept;
    return true;
}

bool mae_scout_thin(mae_scout_state *s, int boundary, mae_states *states, uint32_t **ret_kept)
{
    *ret_kept = NULL;
    if (!s->active)
        return true;
    if (states->n > s->max_states && !select_states(s, boundary, states, ret_kept))
        return false;
    double *now = s->now;
    size_t room = s->now_room;
    s->now = s->next;
    s->now_room = s->next_room;
    s->next = now;
    s->next_room = room;
    s->n_next = 0;
    return true;
}
