/* Execution providers: the engine's word for who computes. A PE names one in its options; without that it is the
 * CPU's. What such a provider does not take the engine would give to the CPU's in silence, so its sessions are made
 * with that forbidden: a network, or a layer, that a session cannot be made of is not supported. */
#ifndef MAE_BACKENDS_ORT_PROVIDER_H
#define MAE_BACKENDS_ORT_PROVIDER_H

#include <onnxruntime_c_api.h>

#include "base/error.h"
#include "mae/backend.h"

typedef struct mae_ort mae_ort;

typedef struct mae_ort_provider {
    char *name; /* as the engine lists it, "TensorrtExecutionProvider"; NULL: the CPU's */
    size_t n;   /* its options */
    char **keys, **values;
} mae_ort_provider;

/* From a PE's options: "provider", and what that provider takes. MAE_ERR_USAGE for what nobody knows, MAE_ERR_FAILED
 * for a provider that this engine was built without: the message names those it has. */
MAE_MUST_CHECK mae_error *mae_ort_provider_init(const mae_ort *ort, const mae_pe_config *config,
                                                mae_ort_provider *provider);
void mae_ort_provider_finish(mae_ort_provider *provider);

/* Adds it to a session's options, before the CPU's. */
MAE_MUST_CHECK mae_error *mae_ort_provider_append(const mae_ort *ort, const mae_ort_provider *provider,
                                                  OrtSessionOptions *options);

/* Makes a session of one small operator, for what only then is found to be missing: libraries, drivers, devices. */
MAE_MUST_CHECK mae_error *mae_ort_provider_try(const mae_ort *ort, const mae_ort_provider *provider);

/* How far its results may be off where nothing is stated, by what the PE says it computes in ("": as the model does).
 */
void mae_ort_provider_tolerance(const mae_ort_provider *provider, const char *precision, double *ret_abs,
                                double *ret_rel);

#endif
