/* The backend's table: ONNX Runtime's CPU provider as the PE "cpu/ort". */
#include "ort.h"

#include <string.h>

static mae_error *probe(const mae_pe_found **ret_found, size_t *ret_n)
{
    const mae_ort *ort;
    MAE_TRY(mae_ort_get(&ort));
    *ret_found = NULL;
    *ret_n = 0;
    return NULL;
}

static mae_error *open_pe(const mae_pe_config *config, mae_pe **ret_pe)
{
    (void)ret_pe;
    return mae_error_new(MAE_ERR_USAGE, "ONNX Runtime offers no PE \"%s\"", config->name);
}

static const void *service(const char *name)
{
    return strcmp(name, MAE_ONNX_EVALUATOR_SERVICE) == 0 ? &mae_ort_evaluator : NULL;
}

MAE_API const mae_backend *mae_backend_entry(void);

MAE_API const mae_backend *mae_backend_entry(void)
{
    static const mae_backend backend = {
        .abi = MAE_BACKEND_ABI, .name = "ort", .probe = probe, .open = open_pe, .service = service};
    return &backend;
}
