/* Loading backends: each is a shared object beside the library, opened when first needed. */
#ifndef MAE_PE_MODULE_H
#define MAE_PE_MODULE_H

#include "base/error.h"
#include "mae/backend.h"

typedef struct mae_module mae_module;

/* Loads "mae-NAME.so" from $MAE_BACKEND_PATH (a colon-separated list) or from the folders the library
 * was built or installed with, and checks its ABI. MAE_ERR_FAILED, with the loader's reason, when it is
 * not there or its engine is not installed. */
MAE_MUST_CHECK mae_error *mae_module_load(const char *name, mae_module **ret_module);
const mae_backend *mae_module_backend(const mae_module *module);

/* Takes NULL. Engines do not survive being unloaded; the shared object stays in memory. */
void mae_module_close(mae_module *module);

/* Sets the environment that engines read as they are loaded (OMP_WAIT_POLICY and the like), where the
 * user has not set it. Called once, before the first module. */
void mae_module_prepare_environment(void);

#endif
