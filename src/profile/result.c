/* The profile that a survey comes to, with where it comes from. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "core/cost.h"
#include "profile/machine.h"
#include "profile/survey.h"

/* The interval of the whole frame is the layer's too, in proportion; and a layer was timed twice, in two
 * programs: half of what lies between is the least that is not known. */
static double spread_of(const mae_survey *survey, int pe, int layer, double ms)
{
    const mae_pe_survey *of = &survey->of[pe];
    if (!mae_survey_times_layers(survey, (size_t)pe))
        return of->spread_ms[layer];
    double apart = of->cut_ms[layer] > 0 ? fabs(of->cut_ms[layer] - of->timed_ms[layer]) / 2 : 0;
    return fmax(of->frame_spread * ms, apart * of->scale[layer] * of->unknowns[MAE_COL_SCALE]);
}

static void fill_costs(const mae_survey *survey, mae_profile *profile)
{
    for (size_t p = 0; p < survey->n_pes; p++) {
        const mae_pe_survey *of = &survey->of[p];
        mae_cost_source source = mae_survey_times_layers(survey, p) ? MAE_COST_MEASURED : MAE_COST_DIFFERENCED;
        for (size_t l = 0; l < survey->graph->n_layers; l++) {
            if (!of->supported[l])
                continue;
            double ms = mae_survey_layer_ms(survey, (int)p, (int)l);
            mae_cost cost = {.supported = true,
                             .time_ms = ms,
                             .n = (int)of->runs[l],
                             .spread_ms = spread_of(survey, (int)p, (int)l, ms),
                             .source = source};
            mae_profile_set_cost(profile, (int)l, (int)p, &cost);
        }
        mae_profile_set_pe(profile, (int)p, mae_survey_segment_ms(survey, (int)p), 0, survey->pes[p].info.max_segments);
        for (size_t q = 0; q < survey->n_pes; q++) {
            mae_transfer transfer;
            mae_survey_transfer(survey, (int)p, (int)q, &transfer);
            mae_profile_set_transfer(profile, (int)p, (int)q, &transfer);
        }
    }
}

/* ---- provenance ---- */

static mae_error *put_text(mae_profile *profile, const char *key, const char *text)
{
    return mae_profile_set_provenance(profile, key, json_string(text));
}

static mae_error *put_machine(mae_profile *profile)
{
    char text[256];
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        MAE_TRY(put_text(profile, "date", text));
    mae_machine_name("", text, sizeof text);
    MAE_TRY(put_text(profile, "machine", text));
    mae_machine_governor("", text, sizeof text);
    MAE_TRY(put_text(profile, "governor", text));
    MAE_TRY(mae_profile_set_provenance(profile, "processors", json_integer(mae_thread_cores_allowed())));
    return put_text(profile, "method",
                    "layers timed inside the whole network and scaled to its untimed frame; borders by least squares "
                    "over programs cut and mixed at the same places, run turn by turn");
}

/* Whether times are what frames took, or what they would have taken at the machine's usual speed. */
static mae_error *put_pace(const mae_survey *survey, mae_profile *profile)
{
    const mae_pace_found *pace = &survey->pace;
    json_t *found = pace->looks ? json_pack("{s:I,s:f,s:b}", "looks", (json_int_t)pace->looks,
                                            "upper_over_lower_quartile", pace->uneven, "taken_out", pace->taken_out)
                                : json_pack("{s:i,s:b}", "looks", 0, "taken_out", 0);
    return mae_profile_set_provenance(profile, "speed_changes", found);
}

static mae_error *put_per_pe(const mae_survey *survey, mae_profile *profile)
{
    json_t *anchors = json_object(), *factors = json_object();
    bool ok = anchors && factors;
    for (size_t p = 0; ok && p < survey->n_pes; p++) {
        const mae_pe_survey *of = &survey->of[p];
        if (of->n_supported == survey->graph->n_layers)
            ok = json_object_set_new(anchors, survey->names[p], json_real(of->anchor_ms)) == 0;
        if (ok && of->timed_frame_ms > 0)
            ok = json_object_set_new(factors, survey->names[p], json_real(of->untimed_frame_ms / of->timed_frame_ms)) ==
                 0;
    }
    mae_error *error = ok ? mae_profile_set_provenance(profile, "anchor_ms", json_incref(anchors)) : mae_error_nomem();
    if (!error)
        error = mae_profile_set_provenance(profile, "untimed_over_timed", json_incref(factors));
    json_decref(anchors);
    json_decref(factors);
    return error;
}

/* Whose layers a mixed program has, in the order in which they come up. */
static json_t *names_of(const mae_survey *survey, const mae_subject *subject)
{
    if (subject->kind == MAE_SUBJECT_MIXED)
        return json_pack("[s,s]", survey->names[subject->pe], survey->names[subject->other]);
    json_t *names = json_array();
    for (size_t i = 0; i < survey->n_pes; i++)
        if (json_array_append_new(names, json_string(survey->names[((size_t)subject->pe + i) % survey->n_pes])) != 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

/* How well the profile foretells the mixed programs it was fitted to. */
static mae_error *check_mixed(const mae_survey *survey, const mae_cost_index *index, json_t *checks)
{
    for (size_t i = 0; i < survey->n_subjects; i++) {
        const mae_subject *subject = &survey->subjects[i];
        if (subject->kind != MAE_SUBJECT_MIXED && subject->kind != MAE_SUBJECT_ROUND)
            continue;
        mae_prediction predicted;
        mae_error *error = mae_cost_of(index, subject->mapping, 0, &predicted);
        if (mae_error_code(error) == MAE_ERR_INFEASIBLE) { /* it has more segments than a PE may have in a plan */
            mae_error_free(error);
            continue;
        }
        MAE_TRY(error);
        json_t *row =
            json_pack("{s:o,s:i,s:f,s:f}", "pes", names_of(survey, subject), "switches", predicted.switches,
                      "predicted_ms", predicted.latency_ms, "measured_ms", mae_turn_frame(&subject->turn).median);
        if (json_array_append_new(checks, row) != 0)
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *put_checks(const mae_survey *survey, mae_profile *profile)
{
    mae_cost_index index;
    MAE_TRY(mae_cost_index_init(&index, profile));
    json_t *checks = json_array();
    mae_error *error = checks ? check_mixed(survey, &index, checks) : mae_error_nomem();
    mae_cost_index_finish(&index);
    if (error) {
        json_decref(checks);
        return error;
    }
    return mae_profile_set_provenance(profile, "mixed_check", checks);
}

static mae_error *fill(mae_survey *survey, mae_profile *profile)
{
    fill_costs(survey, profile);
    MAE_TRY(put_machine(profile));
    MAE_TRY(put_pace(survey, profile));
    MAE_TRY(put_per_pe(survey, profile));
    return put_checks(survey, profile);
}

mae_error *mae_survey_result(mae_survey *survey, mae_profile **ret_profile)
{
    mae_profile_pe *infos = mae_arena_array(survey->arena, survey->n_pes, sizeof *infos);
    if (!infos)
        return mae_error_nomem();
    for (size_t p = 0; p < survey->n_pes; p++)
        infos[p] = survey->pes[p].info;
    mae_profile *profile = NULL;
    MAE_TRY(mae_profile_create(survey->graph, infos, survey->n_pes, &profile));
    mae_error *error = fill(survey, profile);
    if (error) {
        mae_profile_destroy(profile);
        return error;
    }
    *ret_profile = profile;
    return NULL;
}
