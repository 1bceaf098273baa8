/* What the copy of the opencl backend that fails on demand offers beside its entry (found by dlsym). */
#ifndef MAE_TESTS_OPENCL_SHIM_H
#define MAE_TESTS_OPENCL_SHIM_H

/* The call after the next `after` ones fails with this status, and all that follow if `for_ever`; below 0: none does.
 */
void opencl_shim_fail(long after, int status, int for_ever);
/* The name of the call that failed, NULL if it has not come to that. */
const char *opencl_shim_failed(void);

#endif
