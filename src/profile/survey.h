/* One characterising under way: which programs run, what they took, and what follows for each PE.
 *
 * The model of a segment's time on PE P, all in milliseconds:
 *
 *     segment_P + sum of layers + sum of exits_P(outputs) + sum of enters_QP(inputs that come from PE Q)
 *
 * where exits and enters are lines over the tensor's size (fixed + per MiB), and tensors that begin or end
 * the network belong to their layer. A transfer from A to B costs exit_A + enter_AB; A to A likewise.
 */
#ifndef MAE_PROFILE_SURVEY_H
#define MAE_PROFILE_SURVEY_H

#include "base/arena.h"
#include "profile/measure.h"
#include "profile/turns.h"

#define MAE_MOST_CUTS 10u    /* of a set */
#define MAE_MOST_SAMPLES 400 /* of a program */

typedef enum mae_subject_kind {
    MAE_SUBJECT_WHOLE,   /* everything the PE can run on it, in as few segments as there can be */
    MAE_SUBJECT_CUT,     /* the same, cut at a set of places */
    MAE_SUBJECT_SINGLES, /* the same, every layer of the PE a segment: for PEs that cannot time layers */
    MAE_SUBJECT_MIXED,   /* PE and `other` by turns, changing at a set of places */
    MAE_SUBJECT_ROUND    /* all PEs by turns, this one first, changing at a set of places */
} mae_subject_kind;

/* Sets of places at which programs are cut. Planners like to cut where little crosses, and may cut anywhere: what a
 * border breaks (operators that an engine would have fused, layouts it would have kept) shows at places drawn. */
typedef enum mae_cut_set {
    MAE_CUTS_CHOSEN, /* where few tensors cross, over all sizes */
    MAE_CUTS_DRAWN,  /* one in each part of the network, whatever crosses there */
    MAE_CUT_SETS
} mae_cut_set;

typedef struct mae_cuts {
    size_t n;
    bool *before; /* per layer: a segment begins here */
} mae_cuts;

/* What a program that is measured is. */
typedef struct mae_subject_spec {
    mae_subject_kind kind;
    mae_cut_set set;
    int pe, other; /* other: of mixed ones, else -1 */
    unsigned flags;
} mae_subject_spec;

/* A program that is measured. */
typedef struct mae_subject {
    mae_subject_kind kind;
    int pe, other;
    const int *mapping;
    const bool *cuts; /* NULL: none */
    unsigned flags;
    mae_program *program;
    mae_turn turn;
} mae_subject;

/* The unknowns of a PE's model, as columns. A layer's time is scale * its timed time + layer - layer_less: how
 * much timing slows a layer down, or leaves out, is not known beforehand. */
enum {
    MAE_COL_SEGMENT,
    MAE_COL_SCALE,
    MAE_COL_LAYER,
    MAE_COL_LAYER_LESS,
    MAE_COL_TIMING, /* what timing costs a timed run between its layers, per layer */
    MAE_COL_EXIT,
    MAE_COL_EXIT_MIB,
    MAE_COL_ENTER /* from PE q: MAE_COL_ENTER + 2 * q, and per MiB one further */
};

/* One equation of a PE's model: sum over columns x * unknown = ms. */
typedef struct mae_equation {
    const double *x;
    double ms;
    double sigma; /* how far off it may well be */
} mae_equation;

typedef struct mae_equations {
    size_t n, room;
    mae_equation *list;
} mae_equations;

/* What is known about one PE. Time of layer l is base_ms[l] + rows[l] * unknowns, before the last scaling. */
typedef struct mae_pe_survey {
    bool *supported; /* per layer */
    size_t n_supported;
    int *mapping;      /* of its whole program */
    double *base_ms;   /* per layer; 0 on PEs that time layers */
    double *timed_ms;  /* per layer, in the whole timed program */
    double *cut_ms;    /* per layer, in the cut timed program; 0: not there */
    double *rows;      /* per layer x columns */
    double *scale;     /* per layer: so that segments and the whole program come out right */
    size_t *runs;      /* per layer */
    double *spread_ms; /* per layer; of PEs that cannot time layers */
    mae_equations equations;
    double timed_frame_ms;   /* its part of the whole program's frame, timed */
    double untimed_frame_ms; /* and untimed */
    double frame_spread;     /* relative half-width of the interval of its whole program's frame */
    double anchor_ms;        /* that frame */
    double *unknowns;
    size_t *enters; /* per PE: how many equations tell what entering from it costs */
    double residual_ms;
} mae_pe_survey;

/* What looking at the machine's speed between turns has shown (pace.h). */
typedef struct mae_pace_found {
    size_t looks;   /* 0: nobody looked */
    double uneven;  /* upper quartile over the lower, of the worst resource */
    bool taken_out; /* it was more than programs always scatter, and times have been divided by it */
} mae_pace_found;

typedef struct mae_survey {
    mae_arena *arena;
    const mae_graph *graph;
    const mae_measure_pe *pes;
    size_t n_pes, n_columns;
    const mae_measure_options *options;
    mae_pe *const *handles;
    const char *const *names;
    mae_pe_survey *of; /* per PE */
    mae_cuts cuts[MAE_CUT_SETS];
    size_t n_subjects, subjects_room;
    mae_subject *subjects; /* at present compiled */
    uint64_t begin_ns;
    double times_budget_s; /* the part of the budget that is for times */
    double contention_s;   /* the part that is kept for running side by side, at the end */
    mae_pace_found pace;
} mae_survey;

static inline bool mae_survey_times_layers(const mae_survey *survey, size_t pe)
{
    return survey->pes[pe].pe->ops->layer_ns != NULL;
}

static inline double mae_survey_mib(const mae_survey *survey, int tensor)
{
    return (double)survey->graph->tensors[tensor].bytes / 1048576.0;
}

/* measure.c: seconds left of the budget; and progress: `part` is 0 to 1 over the times, 1 to 2 over the energies. */
double mae_survey_left_s(const mae_survey *survey);
MAE_MUST_CHECK mae_error *mae_survey_progress(const mae_survey *survey, const char *what, double part);

/* subjects.c: which layers run where, where to cut, and the programs. */
MAE_MUST_CHECK mae_error *mae_survey_assign(mae_survey *survey);
MAE_MUST_CHECK mae_error *mae_survey_choose_cuts(mae_survey *survey);
/* The network's inputs as given, where the program has them, and made-up values for all else that comes in. */
MAE_MUST_CHECK mae_error *mae_survey_fill(const mae_survey *survey, mae_program *program);
MAE_MUST_CHECK mae_error *mae_survey_compile(mae_survey *survey, const mae_subject_spec *spec);
void mae_survey_discard(mae_survey *survey); /* all subjects */

/* timing.c: layer and border times from inside timed programs, after their last run; and layer times from
 * programs of single layers, for PEs that cannot time layers. */
MAE_MUST_CHECK mae_error *mae_survey_harvest(mae_survey *survey, const mae_subject *timed);
MAE_MUST_CHECK mae_error *mae_survey_harvest_singles(mae_survey *survey, const mae_subject *singles);

/* model.c: the unknowns of a PE's model, and what they say. */
double *mae_survey_new_row(mae_survey *survey); /* NULL when out of memory */
MAE_MUST_CHECK mae_error *mae_survey_add_equation(mae_survey *survey, int pe, const double *x, double ms, double sigma);
MAE_MUST_CHECK mae_error *mae_survey_solve(mae_survey *survey, int pe);
/* Adds to `row` what a segment of a program costs beside its layers. `taken` (tensors x PEs) says which tensors
 * have been taken over, and is brought up to date. */
void mae_survey_describe_border(const mae_survey *survey, const mae_segment *segment, int pe, const int *mapping,
                                bool *taken, double *row);
double mae_survey_row_ms(const mae_survey *survey, int pe, const double *row);
/* The model's answers. */
double mae_survey_segment_ms(const mae_survey *survey, int pe);
double mae_survey_layer_ms(const mae_survey *survey, int pe, int layer);
void mae_survey_transfer(const mae_survey *survey, int from, int to, mae_transfer *ret_transfer);

/* borders.c: equations from the untimed programs, solved. */
MAE_MUST_CHECK mae_error *mae_survey_fit(mae_survey *survey);

/* contention.c: can the two run at once? Measures all that can, within their share of the whole budget. */
#define MAE_CONTENTION_SHARE 0.08
bool mae_survey_contends(const mae_survey *survey, size_t p, size_t q);
MAE_MUST_CHECK mae_error *mae_survey_contention(mae_survey *survey, mae_profile *profile);

/* result.c: the profile. */
MAE_MUST_CHECK mae_error *mae_survey_result(mae_survey *survey, mae_profile **ret_profile);

#endif
