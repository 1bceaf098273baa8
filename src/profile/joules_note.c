/* Where the energies of a profile come from, as its provenance. */
#include "profile/joules.h"

static json_t *rail_names(const mae_joules *joules, const size_t *rails, size_t n)
{
    json_t *list = json_array();
    const mae_rail *infos = NULL;
    if (joules->options->meter)
        joules->options->meter->driver->rails(joules->options->meter, &infos);
    for (size_t i = 0; i < n && infos; i++)
        json_array_append_new(list, json_string(infos[rails[i]].name));
    return list;
}

static json_t *note_pe(const mae_joules *joules, size_t p)
{
    const mae_energy_pe *pe = &joules->options->pes[p];
    json_t *note = json_object();
    json_object_set_new(note, "method", json_string(pe->n_rails ? "looped between idle spans" : "model: stated watts"));
    json_object_set_new(note, "mean_w", json_real(joules->watts[p]));
    if (!pe->n_rails)
        return note;
    json_object_set_new(note, "rails", rail_names(joules, pe->rails, pe->n_rails));
    for (size_t i = 0; i < joules->loads.n_idles; i++) {
        const mae_idle *idle = &joules->loads.idles[i];
        bool own = idle->n == pe->n_rails && idle->known;
        for (size_t k = 0; k < pe->n_rails && own; k++)
            own = idle->rails[k] == pe->rails[k];
        if (own)
            json_object_set_new(note, "idle_w", json_pack("[f,f]", idle->first_w, idle->last_w));
    }
    return note;
}

static json_t *note_heat(const mae_heat *before, const mae_heat *after)
{
    json_t *note = json_object();
    if (before->known && after->known) {
        json_object_set_new(note, "zone", json_string(after->zone));
        json_object_set_new(note, "before_c", json_real(before->celsius));
        json_object_set_new(note, "after_c", json_real(after->celsius));
    }
    json_object_set_new(note, "throttled", json_boolean(mae_heat_throttled(before, after)));
    return note;
}

mae_error *mae_joules_note(mae_joules *joules, const mae_heat *before, const mae_heat *after)
{
    const mae_energy_options *options = joules->options;
    json_t *note = json_object(), *pes = json_object();
    if (options->meter)
        json_object_set_new(note, "meter", json_string(options->meter->driver->name));
    if (joules->loads.refusal)
        json_object_set_new(note, "refused", json_string(joules->loads.refusal));
    for (size_t p = 0; p < joules->survey->n_pes && !joules->loads.refusal; p++)
        json_object_set_new(pes, joules->survey->names[p], note_pe(joules, p));
    json_object_set_new(note, "pes", pes);
    if (joules->static_of)
        json_object_set_new(note, "static_rails", rail_names(joules, joules->static_of->rails, joules->static_of->n));
    json_object_set_new(note, "precision", json_real(joules->precision));
    json_object_set_new(note, "heat", note_heat(before, after));
    return note ? mae_profile_set_provenance(joules->profile, "energy", note) : mae_error_nomem();
}
