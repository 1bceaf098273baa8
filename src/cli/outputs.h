/* What frames gave: files, figures and verdicts. */
#ifndef MAE_CLI_OUTPUTS_H
#define MAE_CLI_OUTPUTS_H

#include <jansson.h>

#include "mae/mae.h"

/* Of sorted values, by nearest rank. */
double cli_percentile(const double *sorted, int n, double part);
void cli_sort(double *values, size_t n);

/* Output number `output` to FOLDER/NAME.npy. */
int cli_output_write(const mae_graph *graph, const char *folder, size_t output, const mae_shape *shape,
                     const void *data);
json_t *cli_output_json(const mae_graph *graph, size_t output, const mae_shape *shape);

json_t *cli_verdict_json(const mae_verdict *verdict);
void cli_verdict_print(const mae_verdict *verdict); /* of one that is good */
int cli_verdict_check(const mae_verdict *verdict);  /* 6, and a message, if it is not */

#endif
