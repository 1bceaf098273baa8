/* The one list of plug-ins. */
#include "session/internal.h"

const char *const mae_builtin_backends[] = {"ort", "onednn", "xnnpack", "opencl"};
const size_t mae_builtin_n_backends = sizeof mae_builtin_backends / sizeof *mae_builtin_backends;
