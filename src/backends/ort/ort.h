/* What the files of the ONNX Runtime backend share. */
#ifndef MAE_BACKENDS_ORT_H
#define MAE_BACKENDS_ORT_H

#include <onnxruntime_c_api.h>

#include "base/error.h"
#include "mae/backend.h"
#include "onnx/onnx.h"
#include "provider.h"

/* The C API version asked for: old enough for the installations that distributions ship. */
#define MAE_ORT_API 17

/* The engine as this process has it. ONNX Runtime has one environment a process, so has the module. */
typedef struct mae_ort {
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *cpu;
    char text[64];            /* "ONNX Runtime 1.30.0" */
    bool has_memory;          /* sessions may take the environment's memory, which is the module's */
    bool takes_spin_duration; /* sessions can be told how long threads wait awake */
    mae_pe_found found;
} mae_ort;

/* Opens the engine on the first call. */
MAE_MUST_CHECK mae_error *mae_ort_get(const mae_ort **ret_ort);

/* Consumes a status: MAE_ERR_UNSUPPORTED for an operator the engine, or the session's provider, does not have,
 * MAE_ERR_LOST for a device that is gone, else MAE_ERR_FAILED, with the engine's message on one line. */
#define mae_ort_check(ort, status) mae_ort_check_at((ort), (status), __FILE__, __LINE__)
MAE_MUST_CHECK mae_error *mae_ort_check_at(const mae_ort *ort, OrtStatus *status, const char *file, int line);

/* -- value.c -- */

/* An engine's tensor over the caller's memory. */
MAE_MUST_CHECK mae_error *mae_ort_value_wrap(const mae_ort *ort, const mae_shape *shape, void *data, size_t bytes,
                                             OrtValue **ret_value);
/* Type and shape of a tensor; a dtype of MAE_DTYPE_NONE for sequences, maps and absent optionals.
 * MAE_ERR_UNSUPPORTED for more than MAE_MAX_RANK dimensions. */
MAE_MUST_CHECK mae_error *mae_ort_value_shape(const mae_ort *ort, const OrtValue *value, mae_shape *ret_shape);

/* -- memory.c -- */

/* Lets sessions that ask for the environment's allocators have weights and activations in the module's heap; false
 * where the engine refuses, as a version may do where the application has registered another one before. */
bool mae_ort_memory_register(const mae_ort *ort);

/* -- session.c -- */

typedef struct mae_ort_session_config {
    int threads;
    const int *cores; /* n_cores processors of the pool's threads; may be NULL */
    size_t n_cores;
    const mae_ort_provider *provider; /* NULL, or without a name: the CPU's */
    bool may_fall_back;               /* what it does not take is the CPU's; else an error */
    bool whole_network;               /* no other engine has a part in it */
    bool optimise;
    bool only_optimise;            /* not to be run, so nothing is made ready for that */
    const char *profile_prefix;    /* NULL: no profiling */
    const char *optimised_path;    /* NULL: the optimised model is not saved */
    const char *optimised_weights; /* file beside it that its weights go to */
} mae_ort_session_config;

/* A session of the model. Its weights are used where they are: they must outlive the session. */
MAE_MUST_CHECK mae_error *mae_ort_session_create(const mae_ort *ort, const mae_onnx_blob *model,
                                                 const mae_ort_session_config *config, OrtSession **ret_session);

/* The same of a model file, its weights beside it. */
MAE_MUST_CHECK mae_error *mae_ort_session_load(const mae_ort *ort, const char *path,
                                               const mae_ort_session_config *config, OrtSession **ret_session);

/* -- append.c -- */

/* Those that are known to exist, here or elsewhere; ends with NULL. */
extern const char *const mae_ort_known_providers[];

/* -- evaluator.c -- */

extern const mae_onnx_evaluator mae_ort_evaluator;

#endif
