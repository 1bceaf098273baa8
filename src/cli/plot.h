/* A front drawn with characters: latency to the right, energy upwards. */
#ifndef MAE_CLI_PLOT_H
#define MAE_CLI_PLOT_H

#include "mae/plan.h"

/* Marks: '.' a plan of the front, '*' the plan chosen, 'A', 'B', ... single PEs, named below. */
void cli_plot_front(const mae_front *front, const mae_plan *plan);

#endif
