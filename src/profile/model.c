/* The unknowns of a PE's model: equations about them, their least squares, and what they say. */
#include <math.h>
#include <stdlib.h>

#include "profile/nnls.h"
#include "profile/survey.h"

#define LEAST_SHARE 0.2

double *mae_survey_new_row(mae_survey *survey)
{
    return mae_arena_array(survey->arena, survey->n_columns, sizeof(double));
}

mae_error *mae_survey_add_equation(mae_survey *survey, int pe, const double *x, double ms, double sigma)
{
    mae_equations *equations = &survey->of[pe].equations;
    if (equations->n == equations->room) {
        size_t room = equations->room ? 2 * equations->room : 64;
        mae_equation *more = mae_arena_array(survey->arena, room, sizeof *more);
        if (!more)
            return mae_error_nomem();
        for (size_t i = 0; i < equations->n; i++)
            more[i] = equations->list[i];
        equations->list = more;
        equations->room = room;
    }
    equations->list[equations->n++] = (mae_equation){x, ms, sigma};
    return NULL;
}

void mae_survey_describe_border(const mae_survey *survey, const mae_segment *segment, int pe, const int *mapping,
                                bool *taken, double *row)
{
    const mae_tensor *tensors = survey->graph->tensors;
    row[MAE_COL_SEGMENT] += 1;
    for (size_t i = 0; i < segment->n_outputs; i++) {
        int t = segment->outputs[i];
        if (tensors[t].is_output)
            continue; /* brought out in any case: its layer's */
        row[MAE_COL_EXIT] += 1;
        row[MAE_COL_EXIT_MIB] += mae_survey_mib(survey, t);
    }
    for (size_t i = 0; i < segment->n_inputs; i++) {
        int t = segment->inputs[i], producer = tensors[t].producer_layer;
        bool *known = &taken[(size_t)t * survey->n_pes + (size_t)pe];
        if (producer >= 0 && !*known) {
            int column = MAE_COL_ENTER + 2 * mapping[producer];
            row[column] += 1;
            row[column + 1] += mae_survey_mib(survey, t);
        }
        *known = true;
    }
}

double mae_survey_row_ms(const mae_survey *survey, int pe, const double *row)
{
    double ms = 0;
    for (size_t c = 0; c < survey->n_columns; c++)
        ms += row[c] * survey->of[pe].unknowns[c];
    return ms;
}

mae_error *mae_survey_solve(mae_survey *survey, int pe)
{
    mae_pe_survey *of = &survey->of[pe];
    size_t n = survey->n_columns;
    double *a = calloc(of->equations.n * n + 1, sizeof *a), *y = calloc(of->equations.n + 1, sizeof *y);
    mae_error *error = a && y ? NULL : mae_error_nomem();
    for (size_t i = 0; i < of->equations.n && !error; i++) {
        const mae_equation *equation = &of->equations.list[i];
        for (size_t c = 0; c < n; c++)
            a[i * n + c] = equation->x[c] / equation->sigma;
        y[i] = equation->ms / equation->sigma;
    }
    if (!error)
        error = mae_nnls(a, y, of->equations.n, n, of->unknowns);
    free(a);
    free(y);
    return error;
}

double mae_survey_segment_ms(const mae_survey *survey, int pe)
{
    return survey->of[pe].unknowns[MAE_COL_SEGMENT];
}

double mae_survey_layer_ms(const mae_survey *survey, int pe, int layer)
{
    const mae_pe_survey *of = &survey->of[pe];
    double ms = of->base_ms[layer] + mae_survey_row_ms(survey, pe, &of->rows[(size_t)layer * survey->n_columns]);
    /* What timing adds differs between layers; no layer is nothing but that. */
    double least = LEAST_SHARE * of->unknowns[MAE_COL_SCALE] * of->timed_ms[layer];
    return of->scale[layer] * fmax(least, ms);
}

/* A direction that no program showed costs what entering from the PE itself costs. */
void mae_survey_transfer(const mae_survey *survey, int from, int to, mae_transfer *ret_transfer)
{
    const mae_pe_survey *a = &survey->of[from], *b = &survey->of[to];
    int seen = b->enters[from] ? from : to;
    const double *enter = &b->unknowns[MAE_COL_ENTER + 2 * seen];
    *ret_transfer = (mae_transfer){.crossable = true,
                                   .fixed_ms = a->unknowns[MAE_COL_EXIT] + enter[0],
                                   .ms_per_mib = a->unknowns[MAE_COL_EXIT_MIB] + enter[1],
                                   .n = (int)b->enters[seen],
                                   .residual_ms = hypot(a->residual_ms, b->residual_ms)};
}
