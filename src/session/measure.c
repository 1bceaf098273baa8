/* Profiles of a context's PEs. */
#include <stdlib.h>

#include "profile/measure.h"
#include "session/internal.h"

#define DEFAULT_BUDGET_S 20.0

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
    mae_measure_pe *pes = calloc(context->n_pes, sizeof *pes);
    if (!pes)
        return mae_error_nomem();
    for (size_t i = 0; i < context->n_pes; i++) {
        const mae_pe_info *info = &context->infos[i];
        pes[i].pe = context->pes[i].pe;
        pes[i].info = (mae_profile_pe){
            .name = info->name, .resource = info->resource, .backend = info->backend, .precision = info->precision};
    }
    mae_measure_options measure = {
        .budget_s = options->budget_s > 0 ? options->budget_s : DEFAULT_BUDGET_S,
        .progress = options->progress,
        .progress_ctx = options->progress_ctx,
    };
    mae_error *error = mae_measure(model->graph, pes, context->n_pes, &measure, ret_profile);
    free(pes);
    return error;
}
