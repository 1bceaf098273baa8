/* Processors this process may use. */
#ifndef MAE_BASE_THREAD_H
#define MAE_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* How many processors the scheduler lets this process use; at least 1. */
int mae_thread_cores_allowed(void);

/* Their numbers, rising; the array is freed with free(). */
MAE_MUST_CHECK mae_error *mae_thread_allowed(int **ret_cores, size_t *ret_n);

/* Parses "0-3,6"; the array is freed with free(). MAE_ERR_USAGE with the reason. */
MAE_MUST_CHECK mae_error *mae_thread_parse_cores(const char *text, int **ret_cores, size_t *ret_n);

/* "0-3,6" for sorted numbers, cut off where `size` ends. */
void mae_thread_cores_text(const int *cores, size_t n, char *text, size_t size);

/* Binds the calling thread, and threads it makes from now on, to these processors: to all of them, or MAE_ERR_USAGE
 * names the first that is not here and says which are. */
MAE_MUST_CHECK mae_error *mae_thread_bind(const int *cores, size_t n);

/* A processor for each of so many threads, ret_cores[0] for the one that calls: only where there are exactly so many,
 * be it among these, or, with none given, among those this process may use. False: threads are better left to the
 * scheduler. Threads of a pool that wait for each other awake must not share a processor: they would take turns by the
 * scheduler's clock, and it wakes threads where they were made or last met, as often as not on one. */
bool mae_thread_places(const int *cores, size_t n_cores, int threads, int *ret_cores, size_t most);

/* Moves the calling thread to this processor, if it is on another one and may be here; it may go on anywhere as before.
 * A thread that has slept may wake on the processor of one that it is about to wait for. */
void mae_thread_come_to(int core);

#endif
