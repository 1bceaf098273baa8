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
    double *border; /* all else, as a row */
    double *row;    /* the same and the rows of the layers */
} record;

typedef struct records {
    size_t n;
    record *list;
} records;

#define SCALE_TURNS 3
#define MOST_SCALE 4.0 /* of layers, by what their segments took */

/* Sigmas, in ms. Sums of layer times are only a model; the same layers between different borders differ by
 * little but the borders, and sums over a whole frame by less. Short segments must not outvote long ones: what a
 * switch does to the caches shows in these. */
static double sum_sigma(double ms)
{
    return 0.15 * ms + 0.002;
}

static double twin_sigma(double ms)
{
    return 0.01 * ms + 0.003;
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
    r->ms = subject->turn.usual_ms[s];
    r->border = mae_survey_new_row(survey);
    r->row = mae_survey_new_row(survey);
    if (!r->border || !r->row)
        return mae_error_nomem();
    mae_survey_describe_border(survey, segment, r->pe, subject->mapping, taken, r->border);
    const mae_pe_survey *of = &survey->of[r->pe];
    for (size_t c = 0; c < survey->n_columns; c++)
        r->row[c] = r->border[c];
    for (int l = r->first; l <= r->last; l++) {
        r->base_ms += of->base_ms[l];
        for (size_t c = 0; c < survey->n_columns; c++)
            r->row[c] += of->rows[(size_t)l * survey->n_columns + c];
    }
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
        if (r->border[MAE_COL_ENTER + 2 * q] > 0)
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

/* What a usual frame of a program spends on a PE. */
static double part_ms(const mae_subject *subject, int pe)
{
    double sum = 0;
    for (size_t s = 0; s < subject->turn.n_segments; s++)
        sum += mae_program_pe(subject->program, s) == pe ? subject->turn.usual_ms[s] : 0;
    return sum;
}

/* A PE's part of one of its own programs, as one record; its row is NULL if it has none. */
static mae_error *sum_up(mae_survey *survey, const records *all, size_t subject, record *sum)
{
    int pe = survey->subjects[subject].pe;
    double *row = mae_survey_new_row(survey);
    *sum = (record){.subject = subject, .pe = pe, .border = mae_survey_new_row(survey)};
    if (!row || !sum->border)
        return mae_error_nomem();
    sum->ms = part_ms(&survey->subjects[subject], pe);
    for (const record *r = all->list; r < all->list + all->n; r++) {
        if (r->subject != subject || r->pe != pe)
            continue;
        sum->base_ms += r->base_ms;
        for (size_t c = 0; c < survey->n_columns; c++) {
            row[c] += r->row[c];
            sum->border[c] += r->border[c];
        }
        sum->row = row;
    }
    return NULL;
}

/* Equations of a PE's whole program, and of what cutting it adds. */
static mae_error *add_frames(mae_survey *survey, const records *all, int pe, record *whole)
{
    for (size_t i = 0; i < survey->n_subjects; i++)
        if (survey->subjects[i].kind == MAE_SUBJECT_WHOLE && survey->subjects[i].pe == pe)
            MAE_TRY(sum_up(survey, all, i, whole));
    if (!whole->row)
        return NULL;
    MAE_TRY(mae_survey_add_equation(survey, pe, whole->row, whole->ms - whole->base_ms, anchor_sigma(whole->ms)));
    for (size_t i = 0; i < survey->n_subjects; i++) {
        if (survey->subjects[i].kind != MAE_SUBJECT_CUT || survey->subjects[i].pe != pe)
            continue;
        record cut;
        MAE_TRY(sum_up(survey, all, i, &cut));
        if (cut.row)
            MAE_TRY(add_difference(survey, pe, cut.row, whole->row, cut.ms - whole->ms, frame_sigma(cut.ms)));
    }
    return NULL;
}

/* The machine may have drifted since the layers were timed, and timing slows them down: a weak hint. */
static mae_error *add_scale(mae_survey *survey, int pe)
{
    double *x = mae_survey_new_row(survey);
    if (!x)
        return mae_error_nomem();
    x[MAE_COL_SCALE] = 1;
    return mae_survey_add_equation(survey, pe, x, 1, 0.3);
}

static double layers_ms(const mae_survey *survey, int pe, int first, int last)
{
    double sum = 0;
    for (int l = first; l <= last; l++)
        sum += survey->of[pe].supported[l] ? mae_survey_layer_ms(survey, pe, l) : 0;
    return sum;
}

/* What a segment or a frame took beside its layers, by the model. */
static double beside_ms(const mae_survey *survey, const record *r)
{
    return mae_survey_row_ms(survey, r->pe, r->border);
}

static void scale_layers(mae_survey *survey, int pe, int first, int last, double target_ms)
{
    double now_ms = layers_ms(survey, pe, first, last);
    if (!(now_ms > 0))
        return;
    double scale = fmin(fmax(target_ms / now_ms, 1 / MOST_SCALE), MOST_SCALE);
    for (int l = first; l <= last; l++)
        survey->of[pe].scale[l] *= scale;
}

/* Times of single layers come from timed programs, and are the least certain; what a segment takes untimed was
 * seen in several programs. The layers between two cuts are scaled until they come out right together; where sets of
 * cuts overlap, set by set in turn (iterative proportional fitting). */
static void scale_regions(mae_survey *survey, const records *all, int pe)
{
    for (const record *cut = all->list; cut < all->list + all->n; cut++) {
        const mae_subject *subject = &survey->subjects[cut->subject];
        if (subject->kind != MAE_SUBJECT_CUT || subject->pe != pe || cut->pe != pe)
            continue;
        double sum = 0;
        size_t n = 0;
        for (const record *r = all->list; r < all->list + all->n; r++) {
            if (r->pe != pe || r->first != cut->first || r->last != cut->last)
                continue;
            sum += r->ms - beside_ms(survey, r);
            n++;
        }
        scale_layers(survey, pe, cut->first, cut->last, sum / (double)n);
    }
}

/* How far off the model is what segments took. */
static double residual(const mae_survey *survey, const records *all, int pe)
{
    double squares = 0;
    size_t n = 0;
    for (const record *r = all->list; r < all->list + all->n; r++) {
        if (r->pe != pe)
            continue;
        double off = r->ms - beside_ms(survey, r) - layers_ms(survey, pe, r->first, r->last);
        squares += off * off;
        n++;
    }
    return n ? sqrt(squares / (double)n) : 0;
}

/* The whole program's median frame: what the profile is to come to. */
static void close_sum(mae_survey *survey, const mae_subject *subject, const record *whole)
{
    int pe = subject->pe, last = (int)survey->graph->n_layers - 1;
    mae_pe_survey *of = &survey->of[pe];
    mae_stats_median frame = mae_turn_frame(&subject->turn);
    of->anchor_ms = frame.median;
    of->frame_spread = frame.median > 0 ? (frame.high - frame.low) / 2 / frame.median : 0;
    of->untimed_frame_ms = whole->ms;
    scale_layers(survey, pe, 0, last, whole->ms - beside_ms(survey, whole));
}

static mae_error *fit_pe(mae_survey *survey, const records *all, int pe)
{
    record whole = {.row = NULL};
    MAE_TRY(add_frames(survey, all, pe, &whole));
    if (!whole.row)
        return NULL; /* it runs nothing */
    if (mae_survey_times_layers(survey, (size_t)pe))
        MAE_TRY(add_scale(survey, pe));
    MAE_TRY(mae_survey_solve(survey, pe));
    for (int turn = 0; turn < SCALE_TURNS; turn++)
        scale_regions(survey, all, pe);
    for (size_t i = 0; i < survey->n_subjects; i++)
        if (survey->subjects[i].kind == MAE_SUBJECT_WHOLE && survey->subjects[i].pe == pe)
            close_sum(survey, &survey->subjects[i], &whole);
    survey->of[pe].residual_ms = residual(survey, all, pe);
    return NULL;
}

mae_error *mae_survey_fit(mae_survey *survey)
{
    for (size_t i = 0; i < survey->n_subjects; i++)
        mae_turn_settle(&survey->subjects[i].turn);
    for (size_t i = 0; i < survey->n_subjects; i++)
        if (survey->subjects[i].kind == MAE_SUBJECT_SINGLES)
            MAE_TRY(mae_survey_harvest_singles(survey, &survey->subjects[i]));
    records all = {0, NULL};
    MAE_TRY(record_all(survey, &all));
    MAE_TRY(add_segments(survey, &all));
    for (size_t p = 0; p < survey->n_pes; p++)
        MAE_TRY(fit_pe(survey, &all, (int)p));
    return NULL;
}
