/* What a bench found, for people. */
#ifndef MAE_CLI_BENCH_REPORT_H
#define MAE_CLI_BENCH_REPORT_H

#include "mae/mae.h"

/* To standard output; `all` shows every layer of a long network. */
int cli_bench_print(const mae_bench *bench, bool all);

/* What it comes to, in sentences: the choice, what was promised and measured of it, where figures are from. */
void cli_bench_print_verdict(const mae_bench *bench);

/* A page of its profile, its JSON and, unless NULL, what its frames did. */
int cli_bench_write_page(const char *path, const mae_profile *profile, const char *json, const mae_recorder *recorder);

/* Of the goal's J. */
bool cli_bench_has_energy(const mae_bench *bench); /* measured or predicted */
const char *cli_bench_unit(const mae_goal *goal);

#endif
