/* A plan of least period in words. */
#ifndef MAE_CLI_PLAN_PERIOD_H
#define MAE_CLI_PLAN_PERIOD_H

#include "mae/plan.h"

/* Replicas with their stages, and what they give beside every single PE, on standard output. */
int cli_plan_period_print(const mae_plan *plan);
/* The stages of a plan with `throughput`, as a table. */
int cli_plan_period_stages(const mae_plan_throughput *throughput);

#endif
