/* What a bench found, for people. */
#ifndef MAE_CLI_BENCH_REPORT_H
#define MAE_CLI_BENCH_REPORT_H

#include "mae/mae.h"

/* To standard output; `all` shows every layer of a long network. */
int cli_bench_print(const mae_bench *bench, bool all);

#endif
