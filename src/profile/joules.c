/* The order of events in measuring energy. */
#include "profile/joules.h"

#include <math.h>
#include <stdlib.h>

#include "power/heat.h"

#define USUAL_PRECISION 0.02
#define LAYERS_SHARE 0.75 /* of the budget; transfers have the rest */
#define STATIC_S 0.2

static double now_s(const mae_joules *joules)
{
    return (double)mae_gauge_clock_now_ns(&joules->options->clock) * 1e-9;
}

double mae_joules_left_s(const mae_joules *joules)
{
    return fmax(0, joules->end_s - now_s(joules));
}

mae_error *mae_joules_progress(mae_joules *joules)
{
    double budget_s = joules->end_s - joules->begin_s;
    double spent = budget_s > 0 ? fmin(1, (now_s(joules) - joules->begin_s) / budget_s) : 1;
    return mae_survey_progress(joules->survey, "measuring energy", 1 + spent);
}

mae_error *mae_joules_program(mae_joules *joules, const int *mapping, int first, int last, const bool *cuts,
                              mae_program **ret_program)
{
    const mae_survey *survey = joules->survey;
    mae_program_spec spec = {.graph = survey->graph,
                             .pes = survey->handles,
                             .mapping = mapping,
                             .cuts = cuts,
                             .first = first,
                             .last = last,
                             .pe_names = survey->names,
                             .clock = survey->options->clock};
    mae_program *program;
    MAE_TRY(mae_program_create(&spec, &program));
    mae_error *error = mae_survey_fill(survey, program);
    if (error) {
        mae_program_destroy(program);
        return error;
    }
    *ret_program = program;
    return NULL;
}

mae_error *mae_joules_load(mae_joules *joules, const int *mapping, int first, int last, const bool *cuts,
                           mae_idle *idle, double relative, double most_s, mae_load *ret_load)
{
    mae_program *program;
    MAE_TRY(mae_joules_progress(joules));
    MAE_TRY(mae_joules_program(joules, mapping, first, last, cuts, &program));
    mae_error *error = mae_load_measure(&joules->loads, idle, program, relative, most_s, ret_load);
    mae_program_destroy(program);
    return error;
}

/* ---- static draw ---- */

static mae_error *watch_static(mae_joules *joules)
{
    if (!joules->static_of)
        return NULL;
    return mae_idle_watch(&joules->loads, joules->static_of, STATIC_S);
}

/* Named rails, or, where none are named and no watts are stated, all that PEs have. */
static mae_error *find_static(mae_joules *joules)
{
    const mae_energy_options *options = joules->options;
    if (!options->meter || options->static_w >= 0)
        return NULL;
    if (options->n_static_rails)
        return mae_loads_idle(&joules->loads, options->static_rails, options->n_static_rails, NULL, 0,
                              &joules->static_of);
    for (size_t p = 0; p < joules->survey->n_pes; p++) {
        const mae_energy_pe *pe = &options->pes[p];
        const mae_idle *so_far = joules->static_of;
        if (pe->n_rails)
            MAE_TRY(mae_loads_idle(&joules->loads, pe->rails, pe->n_rails, so_far ? so_far->rails : NULL,
                                   so_far ? so_far->n : 0, &joules->static_of));
    }
    return NULL;
}

static double static_w(const mae_joules *joules)
{
    if (joules->options->static_w >= 0)
        return joules->options->static_w;
    return joules->static_of ? (joules->static_of->first_w + joules->static_of->last_w) / 2 : 0;
}

/* ---- everything ---- */

static bool all_metered(const mae_joules *joules)
{
    for (size_t p = 0; p < joules->survey->n_pes; p++)
        if (!joules->options->pes[p].n_rails)
            return false;
    return true;
}

static mae_error *check_stated(mae_joules *joules)
{
    if (joules->options->refusal) {
        joules->loads.refusal = mae_arena_strdup(joules->loads.arena, joules->options->refusal);
        return joules->loads.refusal ? NULL : mae_error_nomem();
    }
    for (size_t p = 0; p < joules->survey->n_pes && !joules->loads.refusal; p++) {
        const mae_energy_pe *pe = &joules->options->pes[p];
        if (pe->n_rails || pe->watts >= 0)
            continue;
        joules->loads.refusal = mae_arena_printf(joules->loads.arena, "neither a rail nor watts are stated for %s",
                                                 joules->survey->names[p]);
        if (!joules->loads.refusal)
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *measure_all(mae_joules *joules)
{
    mae_survey *survey = joules->survey;
    MAE_TRY(find_static(joules));
    MAE_TRY(watch_static(joules));
    for (size_t p = 0; p < survey->n_pes && !joules->loads.refusal; p++) {
        double share = LAYERS_SHARE * mae_joules_left_s(joules) / (double)(survey->n_pes - p);
        if (survey->of[p].n_supported)
            MAE_TRY(mae_joules_layers(joules, p, share));
    }
    /* Behind this, a load that the meter cannot resolve is modelled by those that it could. */
    if (joules->loads.refusal)
        return NULL;
    MAE_TRY(mae_joules_moves(joules));
    return watch_static(joules);
}

static mae_error *init(mae_joules *joules)
{
    mae_survey *survey = joules->survey;
    size_t n = survey->n_pes;
    joules->loads = (mae_loads){.arena = survey->arena, .options = joules->options, .idles_room = n * n + 2 * n + 2};
    joules->loads.idles = mae_arena_array(survey->arena, joules->loads.idles_room, sizeof(mae_idle));
    joules->watts = mae_arena_array(survey->arena, n, sizeof(double));
    joules->singles = mae_arena_array(survey->arena, n * survey->graph->n_layers, sizeof(mae_load));
    joules->precision = joules->options->precision > 0 ? joules->options->precision : USUAL_PRECISION;
    joules->begin_s = now_s(joules);
    joules->end_s = joules->begin_s + mae_survey_left_s(survey);
    return joules->loads.idles && joules->watts && joules->singles ? NULL : mae_error_nomem();
}

static mae_error *carry_out(mae_joules *joules)
{
    mae_heat before, after;
    MAE_TRY(init(joules));
    mae_heat_look(joules->options->root, &before);
    MAE_TRY(check_stated(joules));
    if (!joules->loads.refusal)
        MAE_TRY(measure_all(joules));
    mae_heat_look(joules->options->root, &after);
    bool none = joules->loads.refusal != NULL;
    mae_energy_source source = none ? MAE_ENERGY_NONE : all_metered(joules) ? MAE_ENERGY_METER : MAE_ENERGY_MODEL;
    MAE_TRY(mae_profile_set_soc(joules->profile, joules->options->soc_name, joules->options->soc_mode, static_w(joules),
                                source));
    return mae_joules_note(joules, &before, &after);
}

mae_error *mae_joules_measure(mae_survey *survey, mae_profile *profile)
{
    mae_joules joules = {.survey = survey, .options = survey->options->energy, .profile = profile};
    mae_error *error = carry_out(&joules);
    mae_loads_finish(&joules.loads);
    return error;
}
