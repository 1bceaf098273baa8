/* Changing a profile while it is being built. Readers see the arrays as const. */
#include <stdlib.h>
#include <string.h>

#include "core/profile_priv.h"

void mae_profile_set_cost(mae_profile *profile, int layer, int pe, const mae_cost *cost)
{
    mae_cost *costs = (mae_cost *)profile->costs;
    costs[(size_t)layer * profile->n_pes + (size_t)pe] = *cost;
}

void mae_profile_set_transfer(mae_profile *profile, int from, int to, const mae_transfer *transfer)
{
    mae_transfer *transfers = (mae_transfer *)profile->transfers;
    transfers[(size_t)from * profile->n_pes + (size_t)to] = *transfer;
}

void mae_profile_set_contention(mae_profile *profile, int pe, int with, const mae_contention *contention)
{
    mae_contention *rows = (mae_contention *)profile->contention;
    rows[(size_t)pe * profile->n_pes + (size_t)with] = *contention;
}

void mae_profile_set_pe(mae_profile *profile, int pe, double segment_ms, double segment_mj, int max_segments)
{
    mae_profile_pe *pes = (mae_profile_pe *)profile->pes;
    pes[pe].segment_ms = segment_ms;
    pes[pe].segment_mj = segment_mj;
    pes[pe].max_segments = max_segments;
}

void mae_profile_set_host(mae_profile *profile, int pe)
{
    profile->host = pe;
}

mae_error *mae_profile_set_soc(mae_profile *profile, const char *name, const char *mode, double static_w,
                               mae_energy_source energy)
{
    mae_arena *arena = mae_profile_private(profile)->arena;
    char *own_name = mae_arena_strdup(arena, name);
    char *own_mode = mae_arena_strdup(arena, mode);
    if (!own_name || !own_mode)
        return mae_error_nomem();
    profile->soc_name = own_name;
    profile->soc_mode = own_mode;
    profile->static_w = static_w;
    profile->energy = energy;
    return NULL;
}

mae_error *mae_profile_put_segment(mae_profile *profile, const mae_segment_cost *row)
{
    mae_profile_priv *priv = profile->priv;
    mae_segment_cost *rows = (mae_segment_cost *)profile->segments;
    for (size_t k = 0; k < profile->n_segments; k++) {
        if (rows[k].pe == row->pe && rows[k].first == row->first && rows[k].last == row->last) {
            rows[k] = *row;
            return NULL;
        }
    }
    if (row->pe < 0 || (size_t)row->pe >= profile->n_pes || row->first < 0 || row->last < row->first ||
        (size_t)row->last >= profile->n_layers)
        return mae_error_new(MAE_ERR_USAGE, "segment row of PE %d, layers %d to %d, is outside the profile", row->pe,
                             row->first, row->last);
    for (int l = row->first; l <= row->last; l++)
        if (!profile->costs[(size_t)l * profile->n_pes + (size_t)row->pe].supported)
            return mae_error_new(MAE_ERR_USAGE, "segment row of %s covers layer %s, which it cannot run",
                                 profile->pes[row->pe].name, profile->layers[l].name);
    if (profile->n_segments >= MAE_PROFILE_MAX_ROWS)
        return mae_error_new(MAE_ERR_USAGE, "more than %d segment rows", MAE_PROFILE_MAX_ROWS);
    if (profile->n_segments == priv->segments_room) {
        size_t room = priv->segments_room ? 2 * priv->segments_room : 8;
        mae_segment_cost *more = mae_arena_array(priv->arena, room, sizeof *more);
        if (!more)
            return mae_error_nomem();
        if (rows)
            memcpy(more, rows, profile->n_segments * sizeof *rows);
        profile->segments = rows = more;
        priv->segments_room = room;
    }
    rows[profile->n_segments++] = *row;
    return NULL;
}

mae_error *mae_profile_set_provenance(mae_profile *profile, const char *key, json_t *value)
{
    json_t *kept = mae_profile_private(profile)->kept;
    json_t *provenance = json_object_get(kept, "provenance");
    if (!json_is_object(provenance)) {
        provenance = json_object();
        if (!provenance || json_object_set_new(kept, "provenance", provenance) != 0) {
            json_decref(value);
            return mae_error_nomem();
        }
    }
    return json_object_set_new(provenance, key, value) == 0 ? NULL : mae_error_nomem();
}

mae_error *mae_profile_set_note(mae_profile *profile, const char *note)
{
    json_t *kept = mae_profile_private(profile)->kept;
    return json_object_set_new(kept, "note", json_string(note)) == 0 ? NULL : mae_error_nomem();
}
