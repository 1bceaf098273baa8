#include "cli/json.h"

#include <math.h>
#include <stdio.h>

#include "cli/message.h"

json_t *cli_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

int cli_json_print(json_t *value)
{
    if (!value)
        return cli_nomem();
    int failed = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(value);
    putchar('\n');
    return failed ? cli_error(MAE_ERR_FAILED, "cannot write to standard output") : 0;
}
