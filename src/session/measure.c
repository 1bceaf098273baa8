/* Profiles of a context's PEs. */
#include <stdlib.h>

#include "core/profile.h"
#include "profile/measure.h"
#include "session/internal.h"

#define DEFAULT_BUDGET_S 20.0

/* What only the composer knows of how the profile came about. */
static mae_error *add_provenance(const mae_context *context, mae_profile *profile)
{
    json_t *cores = json_array(), *engines = json_object();
    int here = 0;
    for (size_t i = 0; i < context->n_cores; i++)
        here |= json_array_append_new(cores, json_integer(context->cores[i]));
    for (size_t i = 0; i < context->n_pes; i++)
        if (mae_profile_find_pe(profile, context->infos[i].name) >= 0)
            here |= json_object_set_new(engines, context->infos[i].backend, json_string(context->infos[i].engine));
    if (here != 0 || !cores || !engines) {
        json_decref(cores);
        json_decref(engines);
        return mae_error_nomem();
    }
    mae_error *error = mae_profile_set_provenance(profile, "threads", json_integer(context->threads));
    if (!error && context->n_cores)
        error = mae_profile_set_provenance(profile, "cores", json_incref(cores));
    if (!error)
        error = mae_profile_set_provenance(profile, "engines", json_incref(engines));
    json_decref(cores);
    json_decref(engines);
    return error;
}

/* The PEs to measure, in a new array. */
static mae_error *choose_pes(const mae_context *context, const mae_profile_options *options, mae_measure_pe **ret_pes,
                             int **ret_which, size_t *ret_n)
{
    size_t n = options->n_pes ? options->n_pes : context->n_pes;
    mae_measure_pe *pes = calloc(n, sizeof *pes);
    int *which = calloc(n, sizeof *which);
    if (!pes || !which) {
        free(pes);
        free(which);
        return mae_error_nomem();
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = options->n_pes ? (size_t)options->pes[i] : i;
        if (k >= context->n_pes) {
            free(pes);
            free(which);
            return mae_error_new(MAE_ERR_USAGE, "PE %zu of %zu", k, context->n_pes);
        }
        const mae_pe_info *info = &context->infos[k];
        pes[i].pe = context->pes[k].pe;
        pes[i].info = (mae_profile_pe){
            .name = info->name, .resource = info->resource, .backend = info->backend, .precision = info->precision};
        const mae_soc_pe *soc_pe = context->pes[k].soc_pe;
        if (soc_pe)
            pes[i].info.max_segments = soc_pe->max_segments;
        which[i] = (int)k;
    }
    *ret_pes = pes;
    *ret_which = which;
    *ret_n = n;
    return NULL;
}

/* What the SoC file states a segment or a change of level costs comes on top of what was measured. */
static void add_stated(const mae_context *context, const int *which, mae_profile *profile)
{
    for (size_t i = 0; i < profile->n_pes; i++) {
        const mae_context_pe *pe = &context->pes[which[i]];
        const mae_profile_pe *known = &profile->pes[i];
        if (!pe->soc_pe)
            continue;
        double ms = pe->soc_pe->segment_ms + (pe->level ? pe->level->segment_ms : 0);
        double mj = pe->soc_pe->segment_mj + (pe->level ? pe->level->segment_mj : 0);
        mae_profile_set_pe(profile, (int)i, known->segment_ms + ms, known->segment_mj + mj, known->max_segments);
    }
}

static mae_error *measure(mae_context *context, const mae_model *model, const mae_profile_options *options,
                          mae_arena *arena, mae_profile **ret_profile)
{
    mae_measure_pe *pes;
    int *which;
    size_t n_pes;
    MAE_TRY(choose_pes(context, options, &pes, &which, &n_pes));
    mae_measure_options measure = {.budget_s = options->budget_s > 0 ? options->budget_s : DEFAULT_BUDGET_S,
                                   .progress = options->progress,
                                   .progress_ctx = options->progress_ctx,
                                   .clock = context->clock,
                                   .inputs = options->inputs,
                                   .n_inputs = options->n_inputs,
                                   .machine = mae_context_machine(context)};
    mae_profile *profile = NULL;
    mae_error *error = mae_context_energy(context, which, n_pes, arena, &measure.energy);
    if (!error)
        error = mae_measure(model->graph, pes, n_pes, &measure, &profile);
    if (!error)
        add_stated(context, which, profile);
    free(pes);
    free(which);
    if (!error)
        *ret_profile = profile;
    return error;
}

mae_error *mae_profile_measure(mae_context *context, mae_model *model, const mae_profile_options *options,
                               mae_profile **ret_profile)
{
    static const mae_profile_options defaults;
    if (!options)
        options = &defaults;
    if (context->n_pes == 0)
        return mae_error_new(MAE_ERR_FAILED, "no PE here (see mae pes)");
    if (options->budget_s < 0)
        return mae_error_new(MAE_ERR_USAGE, "budget: %g s is negative", options->budget_s);
    for (size_t i = 0; i < options->n_inputs; i++)
        if (options->inputs[i].input >= model->graph->n_inputs)
            return mae_error_new(MAE_ERR_USAGE, "input %zu of %zu", options->inputs[i].input, model->graph->n_inputs);
    mae_arena *arena = mae_arena_create();
    if (!arena)
        return mae_error_nomem();
    mae_profile *profile = NULL;
    mae_error *error = measure(context, model, options, arena, &profile);
    mae_arena_destroy(arena);
    if (!error)
        error = add_provenance(context, profile);
    if (error) {
        mae_profile_destroy(profile);
        return error;
    }
    *ret_profile = profile;
    return NULL;
}
