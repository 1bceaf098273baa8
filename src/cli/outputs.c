#include "cli/outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/npy.h"

/* ---- times ---- */

/* Nearest rank. */
double cli_percentile(const double *sorted, int n, double part)
{
    int rank = (int)(part * n + 0.999999);
    return sorted[rank < 1 ? 0 : rank > n ? n - 1 : rank - 1];
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void cli_sort(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
}

/* ---- files ---- */

/* A file name for a tensor: letters, digits and ".-_"; nothing hidden, nothing in another folder. */
static void file_name(const char *name, char *file, size_t room)
{
    size_t n = 0;
    for (; *name && n + 1 < room; name++) {
        bool plain = (*name >= '0' && *name <= '9') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= 'a' && *name <= 'z') || *name == '-' || *name == '_' || (*name == '.' && n > 0);
        file[n++] = plain ? *name : '_';
    }
    if (n == 0)
        file[n++] = '_';
    file[n] = '\0';
}

/* How many outputs before this one have the same file name. */
static int count_same(const mae_graph *graph, size_t output, const char *file)
{
    int same = 0;
    for (size_t i = 0; i < output; i++) {
        char other[160];
        file_name(graph->tensors[graph->outputs[i]].name, other, sizeof other);
        same += strcmp(file, other) == 0;
    }
    return same;
}

int cli_output_write(const mae_graph *graph, const char *folder, size_t output, const mae_shape *shape,
                     const void *data)
{
    char file[160], *path;
    file_name(graph->tensors[graph->outputs[output]].name, file, sizeof file);
    int same = count_same(graph, output, file), n;
    if (same > 0)
        n = asprintf(&path, "%s/%s.%d.npy", folder, file, same + 1);
    else
        n = asprintf(&path, "%s/%s.npy", folder, file);
    if (n < 0)
        return cli_nomem();
    int status = cli_npy_write(path, shape, data);
    free(path);
    return status;
}

json_t *cli_output_json(const mae_graph *graph, size_t output, const mae_shape *shape)
{
    json_t *dims = json_array();
    for (int d = 0; d < shape->rank; d++)
        json_array_append_new(dims, json_integer(shape->dims[d]));
    return json_pack("{s:s,s:o,s:s}", "name", graph->tensors[graph->outputs[output]].name, "shape", dims, "dtype",
                     mae_dtype_text(shape->dtype));
}

/* ---- verdicts ---- */

json_t *cli_verdict_json(const mae_verdict *verdict)
{
    return json_pack("{s:o,s:o,s:f,s:f,s:b}", "max_abs", cli_json_number(verdict->max_abs), "max_rel",
                     cli_json_number(verdict->max_rel), "abs_tolerance", verdict->abs_tolerance, "rel_tolerance",
                     verdict->rel_tolerance, "ok", verdict->ok);
}

void cli_verdict_print(const mae_verdict *verdict)
{
    printf("verified against ONNX Runtime: largest error %.3g, relative %.3g (tolerance %g + %g x the output's "
           "largest)\n",
           verdict->max_abs, verdict->max_rel, verdict->abs_tolerance, verdict->rel_tolerance);
}

int cli_verdict_check(const mae_verdict *verdict)
{
    if (verdict->ok)
        return 0;
    return cli_error(MAE_ERR_VERIFY,
                     "output '%s' differs from ONNX Runtime's by %.3g, relative %.3g: beyond the tolerance of %g + %g "
                     "x the output's largest",
                     verdict->output ? verdict->output : "?", verdict->max_abs, verdict->max_rel,
                     verdict->abs_tolerance, verdict->rel_tolerance);
}
