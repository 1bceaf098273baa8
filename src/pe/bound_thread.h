/* A thread bound to a set of processors, which does what it is told while the caller waits. Threads that are made in
 * it, by whatever engine, inherit its processors. */
#ifndef MAE_PE_BOUND_THREAD_H
#define MAE_PE_BOUND_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct mae_bound_thread mae_bound_thread;

/* MAE_ERR_USAGE names a processor that is not here. */
MAE_MUST_CHECK mae_error *mae_bound_thread_create(const int *cores, size_t n, mae_bound_thread **ret_thread);

/* Is the calling thread a bound thread of the same processors? */
bool mae_bound_thread_is_here(const mae_bound_thread *thread);

/* Are both bound to the same processors? */
bool mae_bound_thread_are_together(const mae_bound_thread *a, const mae_bound_thread *b);

/* Calls `job` there, or at once where the calling thread is bound to the same processors already; returns when it has.
 * One caller at a time. */
void mae_bound_thread_call(mae_bound_thread *thread, void (*job)(void *ctx), void *ctx);

void mae_bound_thread_destroy(mae_bound_thread *thread); /* takes NULL */

#endif
