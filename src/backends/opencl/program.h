/* Our kernels, compiled for a device: from the source, or from what an earlier process left in the cache. */
#ifndef MAE_BACKENDS_OPENCL_PROGRAM_H
#define MAE_BACKENDS_OPENCL_PROGRAM_H

#include "backends/opencl/cl.h"

/* `name` is the device's, for messages. */
MAE_MUST_CHECK mae_error *mae_cl_program_get(cl_context context, cl_device_id device, const char *name,
                                             cl_program *ret_program);

#endif
