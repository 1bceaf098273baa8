/* Processors this process may use. */
#ifndef MAE_BASE_THREAD_H
#define MAE_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* How many processors the scheduler lets this process use; at least 1. */
int mae_thread_cores_allowed(void);

/* Parses "0-3,6"; the array is freed with free(). MAE_ERR_USAGE with the reason. */
MAE_MUST_CHECK mae_error *mae_thread_parse_cores(const char *text, int **ret_cores, size_t *ret_n);

/* "0-3,6" for sorted numbers, cut off where `size` ends. */
void mae_thread_cores_text(const int *cores, size_t n, char *text, size_t size);

/* Binds the calling thread, and threads it makes from now on, to these processors: to all of them, or MAE_ERR_USAGE
 * names the first that is not here and says which are. */
MAE_MUST_CHECK mae_error *mae_thread_bind(const int *cores, size_t n);

#endif
