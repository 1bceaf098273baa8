/* A profile as it is when PEs are missing or slow. */
#include "core/profile_priv.h"
#include "mae/policy.h"

static void scale_layers(mae_profile *profile, uint64_t pes, const double *factor)
{
    for (size_t l = 0; l < profile->n_layers; l++)
        for (size_t p = 0; p < profile->n_pes; p++) {
            mae_cost cost = profile->costs[l * profile->n_pes + p];
            if (!(pes >> p & 1))
                cost = (mae_cost){.supported = false};
            else if (factor)
                cost.time_ms *= factor[p];
            mae_profile_set_cost(profile, (int)l, (int)p, &cost);
        }
}

/* Rows of missing PEs go: they would let a segment run whose layers cannot. */
static mae_error *scale_rows(mae_profile *profile, uint64_t pes, const double *factor)
{
    mae_profile_priv *priv = mae_profile_private(profile);
    mae_segment_cost *rows = mae_arena_array(priv->arena, profile->n_segments, sizeof *rows);
    size_t n = 0;
    if (!rows)
        return mae_error_nomem();
    for (size_t i = 0; i < profile->n_segments; i++) {
        rows[n] = profile->segments[i];
        if (!(pes >> rows[n].pe & 1))
            continue;
        rows[n].time_ms *= factor ? factor[rows[n].pe] : 1;
        n++;
    }
    profile->segments = rows;
    priv->segments_room = profile->n_segments;
    profile->n_segments = n;
    return NULL;
}

mae_error *mae_profile_under(const mae_profile *profile, uint64_t pes, const double *factor, mae_profile **ret_profile)
{
    mae_profile *under = NULL;
    MAE_TRY(mae_profile_clone(profile, &under));
    scale_layers(under, pes, factor);
    for (size_t p = 0; p < under->n_pes; p++) {
        const mae_profile_pe *pe = &under->pes[p];
        mae_profile_set_pe(under, (int)p, pe->segment_ms * (factor ? factor[p] : 1), pe->segment_mj, pe->max_segments);
    }
    mae_error *error = scale_rows(under, pes, factor);
    if (error) {
        mae_profile_destroy(under);
        return error;
    }
    *ret_profile = under;
    return NULL;
}
