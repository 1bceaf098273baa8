/* The engine that computes a virtual PE's values, when they are to be the network's. */
#ifndef MAE_BACKENDS_SIM_REFERENCE_H
#define MAE_BACKENDS_SIM_REFERENCE_H

#include "base/error.h"
#include "mae/backend.h"
#include "pe/module.h"

typedef struct sim_reference {
    mae_module *module;
    mae_pe *pe; /* NULL: none */
} sim_reference;

/* The first PE of that backend, with the threads and cores of `config`. */
MAE_MUST_CHECK mae_error *sim_reference_open(const char *backend, const mae_pe_config *config,
                                             sim_reference *ret_reference);
void sim_reference_close(sim_reference *reference);

#endif
