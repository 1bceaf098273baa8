/* A PE on a cluster: a set of processors that its engine, whichever it is, stays on.
 *
 * Engines compute on the thread that calls them and on threads of their own, made when they are opened, when they
 * compile, or when they first run; OpenMP keeps a pool for each thread that calls. So all of a PE is called on one
 * thread that is bound to the set, and whatever it makes inherits that. Two such PEs share no thread, so they can
 * be run at the same time from two threads; a thread that is bound to one's set calls others on that set itself. */
#ifndef MAE_PE_CLUSTER_H
#define MAE_PE_CLUSTER_H

#include "mae/backend.h"
#include "pe/bound_thread.h"

/* Opens a PE of the backend on config->cores. MAE_ERR_USAGE names a processor that is not here. */
MAE_MUST_CHECK mae_error *mae_cluster_open(const mae_backend *backend, const mae_pe_config *config, mae_pe **ret_pe);

/* The thread that a PE opened here is called on; NULL: another PE, called by whoever calls. */
mae_bound_thread *mae_cluster_thread(const mae_pe *pe);

#endif
