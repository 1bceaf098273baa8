/* The best mappings that a solver knows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/solver.h"

static int compare_values(double x, double y)
{
    return mae_cost_equal(x, y) ? 0 : x < y ? -1 : 1;
}

int mae_answer_compare(const mae_answer *x, const mae_answer *y, int n)
{
    int order = compare_values(x->value, y->value);
    if (order == 0)
        order = compare_values(x->cost.latency_ms, y->cost.latency_ms);
    if (order == 0)
        order = compare_values(x->cost.energy_mj, y->cost.energy_mj);
    if (order == 0)
        order = (x->cost.switches > y->cost.switches) - (x->cost.switches < y->cost.switches);
    for (int l = 0; l < n && order == 0; l++)
        order = x->mapping[l] - y->mapping[l];
    return order;
}

mae_error *mae_solver_keep(mae_solver *s, const mae_answer *answer)
{
    int n = s->model->n;
    size_t at = s->n_answers;
    for (size_t i = 0; i < s->n_answers; i++)
        if (memcmp(s->answers[i].mapping, answer->mapping, (size_t)n * sizeof(int)) == 0)
            return NULL;
    while (at > 0 && mae_answer_compare(answer, &s->answers[at - 1], n) < 0)
        at--;
    if (at == s->k)
        return NULL;
    int *mapping = malloc((size_t)n * sizeof *mapping);
    mae_answer *answers = s->answers;
    if (s->n_answers < s->k)
        answers = realloc(s->answers, (s->n_answers + 1) * sizeof *answers);
    if (answers)
        s->answers = answers;
    if (!mapping || !answers) {
        free(mapping);
        return mae_error_nomem();
    }
    if (s->n_answers == s->k)
        free(s->answers[--s->n_answers].mapping);
    memmove(&answers[at + 1], &answers[at], (s->n_answers - at) * sizeof *answers);
    memcpy(mapping, answer->mapping, (size_t)n * sizeof *mapping);
    answers[at] = *answer;
    answers[at].mapping = mapping;
    s->n_answers++;
    return NULL;
}

/* The cost of a mapping of ours; MAE_ERR_INFEASIBLE as mae_cost_of(). */
static mae_error *cost_of(const mae_model *m, const int *mapping, mae_prediction *ret_cost)
{
    int *theirs = malloc((size_t)m->n * sizeof *theirs);
    if (!theirs)
        return mae_error_nomem();
    for (int l = 0; l < m->n; l++)
        theirs[l] = m->pe_of[mapping[l]];
    mae_error *error = mae_cost_of(&m->index, theirs, m->period_ms, ret_cost);
    free(theirs);
    return error;
}

mae_error *mae_solver_offer(mae_solver *s, const int *mapping)
{
    mae_answer answer = {.mapping = (int *)mapping};
    mae_error *error = cost_of(s->model, mapping, &answer.cost);
    if (mae_error_code(error) == MAE_ERR_INFEASIBLE) {
        mae_error_free(error);
        return NULL;
    }
    if (error)
        return error;
    if (answer.cost.latency_ms > s->aim.max_ms || answer.cost.energy_mj > s->aim.max_mj ||
        (s->aim.max_switches >= 0 && answer.cost.switches > s->aim.max_switches))
        return NULL;
    answer.value = mae_aim_value(&s->aim, answer.cost.latency_ms, answer.cost.energy_mj);
    return mae_solver_keep(s, &answer);
}

void mae_solver_finish(mae_solver *solver)
{
    for (size_t i = 0; i < solver->n_answers; i++)
        free(solver->answers[i].mapping);
    free(solver->answers);
    solver->answers = NULL;
    solver->n_answers = 0;
}
