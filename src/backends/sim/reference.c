#include "backends/sim/reference.h"

#include <string.h>

static mae_error *open_pe(const mae_pe_config *config, sim_reference *reference)
{
    const mae_backend *backend = mae_module_backend(reference->module);
    const mae_pe_found *found = NULL;
    size_t n = 0;
    MAE_TRY(backend->probe(&found, &n));
    if (n == 0)
        return mae_error_new(MAE_ERR_FAILED, "it has no PE here");
    mae_pe_config own = {.name = found[0].name,
                         .resource = found[0].resource,
                         .threads = config->threads,
                         .cores = config->cores,
                         .n_cores = config->n_cores};
    MAE_TRY(backend->open(&own, &reference->pe));
    if (reference->pe->ops->alloc)
        return mae_error_new(MAE_ERR_USAGE, "it has memory of its own");
    return NULL;
}

mae_error *sim_reference_open(const char *backend, const mae_pe_config *config, sim_reference *ret_reference)
{
    if (strcmp(backend, "sim") == 0)
        return mae_error_new(MAE_ERR_USAGE, "a virtual PE cannot be the reference of another");
    sim_reference reference = {NULL, NULL};
    MAE_TRY(mae_module_load(backend, &reference.module));
    mae_error *error = open_pe(config, &reference);
    if (error) {
        sim_reference_close(&reference);
        return mae_error_wrap(error, "reference %s of a virtual PE", backend);
    }
    *ret_reference = reference;
    return NULL;
}

void sim_reference_close(sim_reference *reference)
{
    if (reference->pe)
        reference->pe->ops->close(reference->pe);
    mae_module_close(reference->module);
    *reference = (sim_reference){NULL, NULL};
}
