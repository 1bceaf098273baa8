/* What segment borders cost, from untimed programs that differ in their borders only. */
#include <math.h>
#include <stdlib.h>

#include "profile/survey.h"

/* One segment that ran in an untimed program. */
typedef struct record {
    size_t subject;
    int pe, first, last;
    double ms;
    double base_ms; /* of its layers */
    double *row;    /* all else, layers' rows included */
} record;

typedef struct records {
    size_t n;
    record *list;
} records;

/* Sigmas, in ms. Sums of layer times are only a model; the same layers between different borders differ by
 * little but the borders, and sums over a whole frame by less. */
static double sum_sigma(double ms)
{
    return 0.05 * ms + 0.001;
}

static double twin_sigma(double ms)
{
    return 0.015 * ms + 0.0005;
}

static double frame_sigma(double ms)
{
    return 0.005 * ms + 0.0005;
}

static double anchor_sigma(double ms)
{
    return 0.002 * ms + 0.0005;
}

static mae_error *record_segment(mae_survey *survey, const mae_subject *subject, size_t s, bool *taken, record *r)
{
    const mae_segment *segment = mae_program_segment(subject->program, s);
    r->pe = mae_program_pe(subject->program, s);
    r->first = segment->first;
    r->last = segment->last;
    r->ms = mae_turn_segment(&subject->turn, s).median;
    r->row = mae_survey_new_row(survey);
    if (!r->row)
        return mae_error_nomem();
    const mae_pe_survey *of = &survey->of[r->pe];
    for (int l = r->first; l <= r->last; l++) {
        r->base_ms += of->base_ms[l];
        for (size_t c = 0; c < survey->n_columns; c++)
            r->row[c] += of->rows[(size_t)l * survey->n_columns + c];
    }
    mae_survey_describe_border(survey, segment, r->pe, subject->mapping, taken, r->row);
    return NULL;
}

static mae_error *record_all(mae_survey *survey, records *all)
{
    size_t most = 0, tensors = survey->graph->n_tensors * survey->n_pes;
    for (size_t i = 0; i < survey->n_subjects; i++)
        most += mae_program_n_segments(survey->subjects[i].program);
    all->list = mae_arena_array(survey->arena, most, sizeof *all->list);
    if (!all->list)
        return mae_error_nomem();
    for (size_t i = 0; i < survey->n_subjects; i++) {
        const mae_subject *subject = &survey->subjects[i];
        if (subject->kind == MAE_SUBJECT_SINGLES)
            continue; /* they are what layer times come from */
        bool *taken = calloc(tensors + 1, sizeof *taken);
        mae_error *error = taken ? NULL : mae_error_nomem();
        for (size_t s = 0; !error && s < mae_program_n_segments(subject->program); s++) {
            all->list[all->n].subject = i;
            error = record_segment(survey, subject, s, taken, &all->list[all->n]);
            all->n += !error;
        }
        free(taken);
        MAE_TRY(error);
    }
    return NULL;
}

static void count_enters(mae_survey *survey, const record *r)
{
    for (size_t q = 0; q < survey->n_pes; q++)
        if (r->row[MAE_COL_ENTER + 2 * q] > 0)
            survey->of[r->pe].enters[q]++;
}

static mae_error *add_difference(mae_survey *survey, int pe, const double *row, const double *other, double ms,
                                 double sigma)
{
    double *x = mae_survey_new_row(survey);
    if (!x)
        return mae_error_nomem();
    for (size_t c = 0; c < survey->n_columns; c++)
        x[c] = row[c] - other[c];
    return mae_survey_add_equation(survey, pe, x, ms, sigma);
}

/* The same layers on the same PE in the PE's own cut program, if not this one; else in an earlier program. */
static const record *find_twin(const mae_survey *survey, const records *all, const record *r)
{
    const record *twin = NULL;
    for (const record *o = all->list; o < all->list + all->n; o++) {
        if (o->subject == r->subject || o->pe != r->pe || o->first != r->first || o->last != r->last)
            continue;
        const mae_subject *subject = &survey->subjects[o->subject];
        if (subject->kind == MAE_SUBJECT_CUT && subject->pe == r->pe)
            return o;
        if (!twin && o->subject < r->subject)
            twin = o;
    }
    const mae_subject *own = &survey->subjects[r->subject];
    return own->kind == MAE_SUBJECT_CUT && own->pe == r->pe ? NULL : twin;
}

static mae_error *add_segments(mae_survey *survey, const records *all)
{
    for (const record *r = all->list; r < all->list + all->n; r++) {
        count_enters(survey, r);
        MAE_TRY(mae_survey_add_equation(survey, r->pe, r->row, r->ms - r->base_ms, sum_sigma(r->ms)));
        const record *twin = find_twin(survey, all, r);
        if (twin)
            MAE_TRY(add_difference(survey, r->pe, r->row, twin->row, r->ms - twin->ms, twin_sigma(r->ms)));
    }
    return NULL;
}

/* A PE's part of one of its own programs, as one record. */
static bool sum_up(const mae_survey *survey, const records *all, mae_subject_kind kind, int pe, record *sum)
{
    bool any = false;
    for (const record *r = all->list; r < all->list + all->n; r++) {
        const mae_subject *subject = &survey->subjects[r->subject];
        if (subject->kind != kind || subject->pe != pe || r->pe != pe)
            continue;
        sum->ms += r->ms;
        sum->base_ms += r->base_ms;
        for (size_t c = 0; c < survey->n_columns; c++)
            sum->row[c] += r->row[c];
        any = true;
    }
    return any;
}

static mae_error *add_frames(mae_survey *survey, const records *all, int pe, record *whole)
{
    record cut = {.row = mae_survey_new_row(survey)};
    whole->row = mae_survey_new_row(survey);
    if (!cut.row || !whole->row)
        return mae_error_nomem();
    if (!sum_up(survey, all, MAE_SUBJECT_WHOLE, pe, whole))
        return NULL;
    MAE_TRY(mae_survey_add_equation(survey, pe, whole->row, whole->ms - whole->base_ms, anchor_sigma(whole->ms)));
    if (!sum_up(survey, all, MAE_SUBJECT_CUT, pe, &cut))
        return NULL;
    return add_difference(survey, pe, cut.row, whole->row, cut.ms - whole->ms, frame_sigma(cut.ms));
}

/* Brings what was measured inside timed programs to the scale of untimed ones. */
static void apply_factors(mae_survey *survey)
{
    for (size_t i = 0; i < survey->n_subjects; i++) {
        const mae_subject *subject = &survey->subjects[i];
        mae_pe_survey *of = &survey->of[subject->pe];
        if (subject->kind != MAE_SUBJECT_WHOLE)
            continue;
        mae_stats_median frame = mae_turn_frame(&subject->turn);
        of->anchor_ms = frame.median;
        of->frame_spread = frame.median > 0 ? (frame.high - frame.low) / 2 / frame.median : 0;
        for (size_t s = 0; s < subject->turn.n_segments; s++)
            if (mae_program_pe(subject->program, s) == subject->pe)
                of->untimed_ms += mae_turn_segment(&subject->turn, s).median;
        of->factor = of->timed_ms > 0 && of->untimed_ms > 0 ? of->untimed_ms / of->timed_ms : 1;
        for (size_t l = 0; l < survey->graph->n_layers; l++) {
            of->base_ms[l] *= of->factor;
            of->cut_ms[l] *= of->factor;
        }
        for (size_t e = 0; e < of->equations.n; e++) {
            of->equations.list[e].ms *= of->factor;
            of->equations.list[e].sigma *= of->factor;
        }
    }
}

/* The whole program is what is known best: the layers are scaled until it comes out right. */
static void close_sum(mae_survey *survey, const records *all, int pe, const record *whole)
{
    mae_pe_survey *of = &survey->of[pe];
    double layers = 0, squares = 0;
    size_t n = 0;
    for (const record *r = all->list; r < all->list + all->n; r++) {
        if (r->pe != pe)
            continue;
        double off = r->ms - r->base_ms - mae_survey_row_ms(survey, pe, r->row);
        squares += off * off;
        n++;
    }
    of->residual_ms = n ? sqrt(squares / (double)n) : 0;
    for (size_t l = 0; l < survey->graph->n_layers; l++)
        if (of->supported[l])
            layers += mae_survey_layer_ms(survey, pe, (int)l);
    double predicted = whole->base_ms + mae_survey_row_ms(survey, pe, whole->row);
    if (layers > 0 && whole->ms - predicted > -0.5 * layers)
        of->scale = 1 + (whole->ms - predicted) / layers;
}

mae_error *mae_survey_fit(mae_survey *survey)
{
    apply_factors(survey);
    for (size_t i = 0; i < survey->n_subjects; i++)
        if (survey->subjects[i].kind == MAE_SUBJECT_SINGLES)
            MAE_TRY(mae_survey_harvest_singles(survey, &survey->subjects[i]));
    records all = {0, NULL};
    MAE_TRY(record_all(survey, &all));
    MAE_TRY(add_segments(survey, &all));
    for (size_t p = 0; p < survey->n_pes; p++) {
        record whole = {.row = NULL};
        MAE_TRY(add_frames(survey, &all, (int)p, &whole));
        MAE_TRY(mae_survey_solve(survey, (int)p));
        close_sum(survey, &all, (int)p, &whole);
    }
    return NULL;
}
