/* Energy of one profile under way. */
#ifndef MAE_PROFILE_JOULES_H
#define MAE_PROFILE_JOULES_H

#include "power/heat.h"
#include "profile/loads.h"
#include "profile/survey.h"

typedef struct mae_joules {
    mae_survey *survey;
    const mae_energy_options *options;
    mae_profile *profile; /* with its times */
    mae_loads loads;
    double precision;
    double begin_s, end_s; /* of the energy's part of the budget, by the clock */
    mae_idle *static_of;   /* the static rails; NULL: none */
    double *watts;         /* per PE: mean above idle */
    mae_load *singles;     /* per PE and layer: looped alone on the PE's own rails; not known: not so */
} mae_joules;

double mae_joules_left_s(const mae_joules *joules);
/* Tells how much of the budget is spent; an error when the user has had enough. */
MAE_MUST_CHECK mae_error *mae_joules_progress(mae_joules *joules);

/* Measures the energy of everything in the profile, or writes down why there is none. */
MAE_MUST_CHECK mae_error *mae_joules_measure(mae_survey *survey, mae_profile *profile);

/* A program of layers first to last (mapping per layer), filled. */
MAE_MUST_CHECK mae_error *mae_joules_program(mae_joules *joules, const int *mapping, int first, int last,
                                             const bool *cuts, mae_program **ret_program);
/* Such a program, looped on these rails. */
MAE_MUST_CHECK mae_error *mae_joules_load(mae_joules *joules, const int *mapping, int first, int last, const bool *cuts,
                                          mae_idle *idle, double relative, double most_s, mae_load *ret_load);

/* joules_layers.c: layers and segments of a PE, within `budget_s`. */
MAE_MUST_CHECK mae_error *mae_joules_layers(mae_joules *joules, size_t pe, double budget_s);
/* joules_moves.c: transfers between all PEs, with what is left. */
MAE_MUST_CHECK mae_error *mae_joules_moves(mae_joules *joules);
/* joules_note.c: where it comes from. */
MAE_MUST_CHECK mae_error *mae_joules_note(mae_joules *joules, const mae_heat *before, const mae_heat *after);

#endif
