#include "plan/scout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double weigh(const double line[2], mae_pair cost)
{
    return line[0] * (double)cost.lat + line[1] * (double)cost.en;
}

bool mae_scout_init(mae_scout_state *state, const mae_model *m, const mae_scout *scout)
{
    *state = (mae_scout_state){.m = m, .elsewhere = INFINITY};
    if (!scout)
        return true;
    for (int b = 1; b < m->n; b++)
        state->active |= !m->boundaries[b].simple;
    if (!state->active)
        return true;
    state->scout = *scout;
    state->now = calloc(scout->n_lines, sizeof *state->now);
    state->now_room = 1;
    return state->now;
}

void mae_scout_finish(mae_scout_state *state)
{
    free(state->duals);
    free(state->now);
    free(state->next);
    *state = (mae_scout_state){0};
}

bool mae_scout_reach(mae_scout_state *s, size_t from, size_t to, mae_pair cost)
{
    size_t n_lines = s->scout.n_lines;
    if (!s->active)
        return true;
    if (to >= s->next_room) {
        size_t room = 2 * to + 64;
        double *next = realloc(s->next, room * n_lines * sizeof *next);
        if (!next)
            return false;
        s->next = next;
        s->next_room = room;
    }
    for (; s->n_next <= to; s->n_next++)
        for (size_t k = 0; k < n_lines; k++)
            s->next[s->n_next * n_lines + k] = INFINITY;
    for (size_t k = 0; k < n_lines; k++) {
        double *at = &s->next[to * n_lines + k];
        *at = fmin(*at, s->now[from * n_lines + k] + weigh(s->scout.lines[k], cost));
    }
    return true;
}

static bool make_duals(mae_scout_state *s)
{
    if (s->duals)
        return true;
    s->duals = calloc(s->scout.n_lines, sizeof *s->duals);
    for (size_t k = 0; k < s->scout.n_lines && s->duals; k++)
        if (!(s->duals[k] = mae_dual_set_get(s->scout.duals, s->scout.lines[k])))
            return false;
    return s->duals;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void move_state(mae_scout_state *s, mae_states *states, size_t from, size_t to)
{
    size_t n_lines = s->scout.n_lines;
    memmove(&states->keys[to * states->words], &states->keys[from * states->words],
            states->words * sizeof *states->keys);
    memmove(&s->next[to * n_lines], &s->next[from * n_lines], n_lines * sizeof *s->next);
}

/* Keeps the states with a score below `limit`, and of those at it as many as there is room for. */
static void keep_best(mae_scout_state *s, mae_states *states, const double *score, double limit, uint32_t *kept)
{
    size_t n = 0, equal = s->scout.max_states;
    for (size_t i = 0; i < states->n; i++)
        equal -= score[i] < limit;
    for (size_t i = 0; i < states->n; i++) {
        bool keep = score[i] < limit || (score[i] == limit && equal > 0);
        if (keep && score[i] == limit)
            equal--;
        kept[i] = keep ? (uint32_t)n : UINT32_MAX;
        if (keep) {
            move_state(s, states, i, n++);
        } else if (score[i] <= s->scout.upper) { /* it may be wanted */
            s->dropped = true;
            s->elsewhere = fmin(s->elsewhere, score[i]);
        }
    }
    states->n = n;
}

/* The score above which states go: the greatest that is wanted, or less where there are too many. */
static double find_limit(const mae_scout_state *s, const double *score, double *sorted, size_t n)
{
    size_t wanted = 0;
    for (size_t i = 0; i < n; i++)
        if (score[i] <= s->scout.upper)
            sorted[wanted++] = score[i];
    if (wanted <= s->scout.max_states)
        return nextafter(s->scout.upper, INFINITY);
    qsort(sorted, wanted, sizeof *sorted, compare_doubles);
    return sorted[s->scout.max_states - 1];
}

static void select_states(mae_scout_state *s, int boundary, mae_states *states, uint32_t *kept, double *score)
{
    size_t n = states->n, n_lines = s->scout.n_lines;
    double *least = score + 2 * n;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_lines; k++)
            least[i * n_lines + k] =
                s->next[i * n_lines + k] + mae_dual_to_go(s->duals[k], boundary, mae_states_key(states, i));
        score[i] = s->scout.score(s->scout.context, &least[i * n_lines]);
    }
    double limit = find_limit(s, score, score + n, n);
    keep_best(s, states, score, limit, kept);
}

static bool thin(mae_scout_state *s, int boundary, mae_states *states, uint32_t **ret_kept)
{
    uint32_t *kept = malloc(states->n * sizeof *kept);
    double *score = malloc((2 + s->scout.n_lines) * states->n * sizeof *score);
    bool done = kept && score && make_duals(s);
    if (done)
        select_states(s, boundary, states, kept, score);
    free(score);
    if (!done) {
        free(kept);
        return false;
    }
    *ret_kept = kept;
    return true;
}

bool mae_scout_thin(mae_scout_state *s, int boundary, mae_states *states, uint32_t **ret_kept)
{
    *ret_kept = NULL;
    if (!s->active)
        return true;
    bool choosy = isfinite(s->scout.upper) && states->n > 0;
    if ((choosy || states->n > s->scout.max_states) && !thin(s, boundary, states, ret_kept))
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
