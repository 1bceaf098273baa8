/* Which mappings stay compiled: the least worst regret over the goals within a budget (docs/policy.md).
 *
 * Branch and bound over "which point serves the goal that is served worst": a set with less regret than the best so far
 * must hold a point that serves this goal with less, so these are tried in turn, each one left out after it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_impl.h"

#define UNSERVED 1000.0 /* the regret of a goal that could be met and is not, beside its miss */
#define NOTHING 1e300   /* and of having no point at all */
#define MOST_NODES 1000000u

typedef struct search {
    const mae_policy *policy;
    const mae_keep_segment *segments;
    size_t n_segments, n_goals, n_points;
    mae_keep_budget budget;
    double *regret;     /* n_goals x n_points */
    size_t *first_part; /* n_points + 1: the parts (segments) of point k are part[first[k] .. first[k + 1]) */
    size_t *part;
    unsigned *uses; /* per segment: by chosen points */
    bool *chosen, *barred;
    double bytes, compile_ms; /* of what is chosen */
    mae_keep *best;
    size_t nodes, most_nodes;
} search;

/* ---- segments ---- */

static bool same_segment(const mae_keep_segment *a, int pe, int first, int last)
{
    return a->pe == pe && a->first == first && a->last == last;
}

static size_t find_segment(const mae_keep_segment *segments, size_t n, int pe, int first, int last)
{
    size_t i = 0;
    while (i < n && !same_segment(&segments[i], pe, first, last))
        i++;
    return i;
}

/* The end of the run of layers on one PE that begins at `first`. */
static int run_end(const mae_policy *policy, const int *mapping, int first)
{
    int last = first;
    while (last + 1 < (int)policy->profile->n_layers && mapping[last + 1] == mapping[first])
        last++;
    return last;
}

static size_t count_parts(const mae_policy *policy)
{
    size_t n = 0;
    for (size_t k = 0; k < policy->n_points; k++)
        n += (size_t)policy->points[k].switches + 1;
    return n;
}

mae_error *mae_keep_segments(const mae_policy *policy, mae_keep_segment **ret_segments, size_t *ret_n)
{
    size_t n = 0, n_layers = policy->profile->n_layers;
    mae_keep_segment *segments = calloc(count_parts(policy), sizeof *segments);
    if (!segments)
        return mae_error_nomem();
    for (size_t k = 0; k < policy->n_points; k++) {
        const int *mapping = policy->points[k].mapping;
        for (int first = 0, last; first < (int)n_layers; first = last + 1) {
            last = run_end(policy, mapping, first);
            if (find_segment(segments, n, mapping[first], first, last) == n)
                segments[n++] = (mae_keep_segment){mapping[first], first, last, 0, 0};
        }
    }
    *ret_segments = segments;
    *ret_n = n;
    return NULL;
}

static mae_error *list_parts(search *s)
{
    size_t n = 0;
    for (size_t k = 0; k < s->n_points; k++) {
        const int *mapping = s->policy->points[k].mapping;
        s->first_part[k] = n;
        for (int first = 0, last; first < (int)s->policy->profile->n_layers; first = last + 1) {
            last = run_end(s->policy, mapping, first);
            s->part[n] = find_segment(s->segments, s->n_segments, mapping[first], first, last);
            if (s->part[n++] == s->n_segments)
                return mae_error_new(MAE_ERR_USAGE, "there are no figures of the segment of layers %d to %d on %s",
                                     first, last, s->policy->profile->pes[mapping[first]].name);
        }
    }
    s->first_part[s->n_points] = n;
    return NULL;
}

/* ---- regrets ---- */

static double regret_of(const policy_merit *merit, const policy_merit *best)
{
    if (best->tier == 0 && merit->tier == 0)
        return best->value > 0 ? fmax(0, merit->value / best->value - 1) : merit->value > 0 ? merit->value : 0;
    if (best->tier == 0)
        return UNSERVED * (1 + merit->miss);
    return fmax(0, merit->miss - best->miss) + (merit->tier > best->tier ? UNSERVED : 0);
}

static void find_regrets(search *s, const mae_goal *goals, uint64_t pes)
{
    policy_view view;
    policy_view_plain(&view);
    for (size_t g = 0; g < s->n_goals; g++) {
        policy_query query;
        policy_query_init(&query, s->policy, &goals[g], pes, NULL, &view);
        int best = policy_choose(s->policy, &query);
        policy_merit best_merit = {0};
        if (best >= 0)
            best_merit = policy_merit_of(s->policy, &query, best);
        for (size_t k = 0; k < s->n_points; k++) {
            policy_merit merit = policy_merit_of(s->policy, &query, (int)k);
            bool can = policy_can(s->policy, &query, (int)k);
            s->regret[g * s->n_points + k] = best < 0 ? 0 : can ? regret_of(&merit, &best_merit) : NOTHING;
        }
    }
}

static double goal_regret(const search *s, size_t goal)
{
    double least = NOTHING;
    for (size_t k = 0; k < s->n_points; k++)
        if (s->chosen[k])
            least = fmin(least, s->regret[goal * s->n_points + k]);
    return least;
}

/* The goal that is served worst, and how badly. */
static double worst(const search *s, size_t *ret_goal)
{
    double most = -1;
    for (size_t g = 0; g < s->n_goals; g++) {
        double regret = goal_regret(s, g);
        if (regret > most) {
            most = regret;
            *ret_goal = g;
        }
    }
    return most;
}

/* ---- the search ---- */

static bool within(double value, double limit)
{
    return limit <= 0 || value <= limit * (1 + MAE_COST_EQUAL);
}

static void take(search *s, size_t point)
{
    s->chosen[point] = true;
    for (size_t i = s->first_part[point]; i < s->first_part[point + 1]; i++)
        if (s->uses[s->part[i]]++ == 0) {
            s->bytes += s->segments[s->part[i]].bytes;
            s->compile_ms += s->segments[s->part[i]].compile_ms;
        }
}

/* What was held before is put back as it was: sums do not drift by rounding. */
static void give_back(search *s, size_t point, double bytes, double compile_ms)
{
    s->chosen[point] = false;
    for (size_t i = s->first_part[point]; i < s->first_part[point + 1]; i++)
        s->uses[s->part[i]]--;
    s->bytes = bytes;
    s->compile_ms = compile_ms;
}

static bool fits(const search *s)
{
    return within(s->bytes, s->budget.bytes) && within(s->compile_ms, s->budget.compile_ms);
}

static void note(search *s, double regret)
{
    s->best->regret = regret;
    s->best->bytes = s->bytes;
    s->best->compile_ms = s->compile_ms;
    memcpy(s->best->chosen, s->chosen, s->n_points * sizeof *s->chosen);
}

/* The allowed point with the least regret for this goal, below `below`; n_points: none. */
static size_t next_for(const search *s, size_t goal, double below, const bool *tried)
{
    size_t found = s->n_points;
    for (size_t k = 0; k < s->n_points; k++) {
        double regret = s->regret[goal * s->n_points + k];
        if (s->chosen[k] || s->barred[k] || tried[k] || regret >= below)
            continue;
        if (found == s->n_points || regret < s->regret[goal * s->n_points + found])
            found = k;
    }
    return found;
}

static mae_error *branch(search *s)
{
    size_t goal = 0;
    double regret = worst(s, &goal), bytes = s->bytes, compile_ms = s->compile_ms;
    if (regret < s->best->regret)
        note(s, regret);
    if (regret <= 0 || s->nodes++ >= s->most_nodes)
        return NULL;
    bool *tried = calloc(s->n_points, sizeof *tried);
    if (!tried)
        return mae_error_nomem();
    mae_error *error = NULL;
    for (;;) {
        size_t k = next_for(s, goal, s->best->regret, tried);
        if (error || k == s->n_points)
            break;
        take(s, k);
        if (fits(s))
            error = branch(s);
        give_back(s, k, bytes, compile_ms);
        tried[k] = s->barred[k] = true;
    }
    for (size_t k = 0; k < s->n_points; k++)
        s->barred[k] = s->barred[k] && !tried[k];
    free(tried);
    return error;
}

/* No set does better for a goal than the best point that fits alone. */
static double root_bound(search *s)
{
    double bound = 0;
    for (size_t g = 0; g < s->n_goals; g++) {
        double least = NOTHING;
        for (size_t k = 0; k < s->n_points; k++) {
            take(s, k);
            if (fits(s))
                least = fmin(least, s->regret[g * s->n_points + k]);
            give_back(s, k, 0, 0);
        }
        bound = fmax(bound, least);
    }
    return bound;
}

/* ---- the whole ---- */

static mae_error *prepare(search *s, mae_arena *arena)
{
    s->n_points = s->policy->n_points;
    s->regret = mae_arena_array(arena, s->n_goals * s->n_points, sizeof *s->regret);
    s->first_part = mae_arena_array(arena, s->n_points + 1, sizeof *s->first_part);
    s->part = mae_arena_array(arena, count_parts(s->policy), sizeof *s->part);
    s->uses = mae_arena_array(arena, s->n_segments, sizeof *s->uses);
    s->chosen = mae_arena_array(arena, s->n_points, sizeof *s->chosen);
    s->barred = mae_arena_array(arena, s->n_points, sizeof *s->barred);
    s->best->chosen = mae_arena_array(arena, s->n_points, sizeof *s->best->chosen);
    s->best->n_points = s->n_points;
    s->best->regret = INFINITY;
    if (!s->regret || !s->first_part || !s->part || !s->uses || !s->chosen || !s->barred || !s->best->chosen)
        return mae_error_nomem();
    return list_parts(s);
}

/* Diving by greed first, the branches then only have to beat it. */
static mae_error *run(search *s)
{
    s->best->lower_bound = root_bound(s);
    if (s->best->lower_bound >= NOTHING)
        return mae_error_new(MAE_ERR_INFEASIBLE, "no mapping fits into the budget of %g bytes and %g ms of compiling",
                             s->budget.bytes, s->budget.compile_ms);
    MAE_TRY(branch(s));
    s->best->exact = s->nodes <= s->most_nodes || s->best->regret <= s->best->lower_bound;
    if (s->best->exact)
        s->best->lower_bound = s->best->regret;
    return NULL;
}

mae_error *mae_keep_choose(const mae_policy *policy, const mae_keep_segment *segments, size_t n_segments,
                           const mae_keep_budget *budget, const mae_goal *goals, size_t n_goals, uint64_t pes,
                           size_t most_nodes, mae_keep **ret_keep)
{
    if (n_goals == 0)
        return mae_error_new(MAE_ERR_USAGE, "no goal is given to keep mappings for");
    mae_keep *keep = calloc(1, sizeof *keep);
    if (!keep)
        return mae_error_nomem();
    search s = {.policy = policy,
                .segments = segments,
                .n_segments = n_segments,
                .n_goals = n_goals,
                .budget = *budget,
                .best = keep,
                .most_nodes = most_nodes ? most_nodes : MOST_NODES};
    mae_arena *arena = keep->priv = mae_arena_create();
    mae_error *error = arena ? prepare(&s, arena) : mae_error_nomem();
    if (!error) {
        find_regrets(&s, goals, pes);
        error = run(&s);
    }
    if (error) {
        mae_keep_destroy(keep);
        return error;
    }
    *ret_keep = keep;
    return NULL;
}

void mae_keep_destroy(mae_keep *keep)
{
    if (!keep)
        return;
    mae_arena_destroy(keep->priv);
    free(keep);
}
