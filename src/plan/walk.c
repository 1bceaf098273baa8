#include "plan/walk.h"

#include <math.h>
#include <stdlib.h>

#define MAX_STEPS 64

/* The best mapping by one measure at most so slow; none: *ret_found is false. Its mapping is the caller's. */
static mae_error *best(const mae_model *m, mae_measure_kind kind, double max_ms, int max_switches, size_t memory_bytes,
                       bool *ret_found, mae_answer *ret_answer, double *ret_lower)
{
    mae_solver solver = {
        .model = m,
        .aim = {.kind = kind, .max_ms = max_ms, .max_mj = INFINITY, .max_switches = max_switches},
        .memory_bytes = memory_bytes,
        .k = 1,
    };
    mae_error *error = mae_solver_run(&solver);
    if (!error) {
        *ret_found = solver.n_answers == 1;
        *ret_lower = solver.lower;
    }
    if (!error && solver.n_answers == 1) {
        *ret_answer = solver.answers[0];
        solver.n_answers = 0;
    }
    if (solver.n_answers == 0) { /* its mapping has changed hands, or there is none */
        free(solver.answers);
        solver.answers = NULL;
    }
    mae_solver_finish(&solver);
    return error;
}

/* A later answer is faster; where it is no dearer either, those before it are beaten. */
static mae_error *append(mae_walk *w, const mae_answer *answer)
{
    mae_answer *answers = realloc(w->answers, (w->n + 1) * sizeof *answers);
    if (!answers) {
        free(answer->mapping);
        return mae_error_nomem();
    }
    w->answers = answers;
    while (w->n > 0 && (answer->cost.energy_mj <= answers[w->n - 1].cost.energy_mj ||
                        mae_cost_equal(answer->cost.energy_mj, answers[w->n - 1].cost.energy_mj)))
        free(answers[--w->n].mapping);
    answers[w->n++] = *answer;
    return NULL;
}

static double widen(double epsilon, double value, double lower)
{
    return value > 0 ? fmax(epsilon, lower > 0 ? value / lower - 1 : INFINITY) : epsilon;
}

/* From the thriftiest mapping to ever faster ones, the thriftiest at each bound. Everything slower than the next
 * bound is covered: it is at most a step faster than the last answer, and no thriftier than what is proven of it. */
static mae_error *walk(mae_walk *w, const mae_model *m, int max_switches, double step, double least_ms,
                       size_t memory_bytes)
{
    double bound = INFINITY;
    for (;;) {
        mae_answer answer;
        double lower;
        bool found;
        MAE_TRY(best(m, MAE_BY_ENERGY, bound, max_switches, memory_bytes, &found, &answer, &lower));
        if (!found && w->n == 0) {
            w->epsilon = INFINITY;
            return NULL;
        }
        if (!found && !isfinite(lower)) /* nothing is faster */
            return NULL;
        if (!found) { /* what is faster than the bound was not found: the last answer has to do for it */
            w->epsilon = widen(w->epsilon, w->answers[w->n - 1].cost.latency_ms, least_ms);
            return NULL;
        }
        double last_ms = answer.cost.latency_ms;
        w->epsilon = fmax(widen(w->epsilon, answer.cost.energy_mj, lower), step - 1);
        MAE_TRY(append(w, &answer));
        if (last_ms <= least_ms * (1 + MAE_COST_EQUAL))
            return NULL;
        bound = last_ms / step;
        if (bound < least_ms)
            return NULL; /* the last is within a step of the least latency there can be */
    }
}

mae_error *mae_walk_front(const mae_model *m, int max_switches, double epsilon, size_t memory_bytes, mae_walk *ret_walk)
{
    mae_walk w = {0};
    mae_answer fastest, thriftiest;
    double least_ms, least_mj;
    bool found;
    *ret_walk = w;
    MAE_TRY(best(m, MAE_BY_LATENCY, INFINITY, max_switches, memory_bytes, &found, &fastest, &least_ms));
    if (!found) {
        ret_walk->epsilon = isfinite(least_ms) ? INFINITY : 0;
        return NULL;
    }
    mae_error *error = best(m, MAE_BY_ENERGY, INFINITY, max_switches, memory_bytes, &found, &thriftiest, &least_mj);
    double step = 1 + epsilon;
    if (!error && !found)
        w.epsilon = INFINITY;
    if (!error && found) {
        double ratio = thriftiest.cost.latency_ms / fastest.cost.latency_ms;
        step = fmax(step, isfinite(ratio) ? pow(ratio, 1.0 / MAX_STEPS) : 1) * (1 + 2 * MAE_COST_EQUAL);
        free(thriftiest.mapping);
        error = walk(&w, m, max_switches, step, least_ms, memory_bytes);
    }
    if (!error && w.n > 0 && fastest.cost.latency_ms < w.answers[w.n - 1].cost.latency_ms) {
        error = append(&w, &fastest);
        fastest.mapping = NULL;
    }
    if (fastest.mapping)
        free(fastest.mapping);
    if (error) {
        mae_walk_finish(&w);
        return error;
    }
    *ret_walk = w;
    return NULL;
}

void mae_walk_finish(mae_walk *walk)
{
    for (size_t i = 0; i < walk->n; i++)
        free(walk->answers[i].mapping);
    free(walk->answers);
    *walk = (mae_walk){0};
}
