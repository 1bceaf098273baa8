/* mae bench --throughput. */
#ifndef MAE_CLI_BENCH_THROUGHPUT_H
#define MAE_CLI_BENCH_THROUGHPUT_H

#include "mae/mae.h"

/* Measures, writes the plan that is offered to `output` and a page to `report` (NULL: nowhere), and prints what was
 * found. */
int cli_bench_throughput(mae_context *context, mae_model *model, const mae_bench_options *options, const char *output,
                         const char *report, bool json);

#endif
