/* What the virtual SoC shows of itself below a folder that stands for /: sys/class/... as Linux lays it out. */
#ifndef MAE_BACKENDS_SIM_TREE_H
#define MAE_BACKENDS_SIM_TREE_H

#include "backends/sim/power.h"

typedef struct sim_tree sim_tree;

/* Makes the files; the folder must be there and be empty. */
MAE_MUST_CHECK mae_error *sim_tree_create(const sim_power *power, sim_tree **ret_tree);

/* Writes what the meter read last, where it has changed. A write that fails is kept for sim_tree_error(). */
void sim_tree_write(sim_tree *tree);

/* The number of the errno of the first write that failed; 0: none did. */
int sim_tree_errno(const sim_tree *tree);

/* Takes the files away again. Takes NULL. */
void sim_tree_destroy(sim_tree *tree);

#endif
