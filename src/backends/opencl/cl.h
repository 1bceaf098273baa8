/* The OpenCL interface this backend is written to (1.2), and what its statuses mean to mae. */
#ifndef MAE_BACKENDS_OPENCL_CL_H
#define MAE_BACKENDS_OPENCL_CL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* "CL_OUT_OF_RESOURCES", CLBlast's own statuses included; NULL for one that is not known. */
const char *mae_cl_status_name(int status);

/* An error of code MAE_ERR_LOST where the device is gone, or has failed so that it is as good as gone; else of
 * MAE_ERR_FAILED. NULL for success. "DEVICE: WHAT: CL_..." */
MAE_MUST_CHECK mae_error *mae_cl_check(int status, const char *device, const char *what);

#endif
