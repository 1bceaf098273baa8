/* The program's messages for those who cause thousands of them: put together, checked, and not printed. */
#include "cli/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_error(mae_code code, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n <= 0)
        abort();
    return code >= MAE_ERR_FAILED && code <= MAE_ERR_VERIFY ? (int)code : 1;
}

int cli_report(mae_error *error)
{
    int status = mae_error_exit_status(error);
    mae_error_free(error);
    return status;
}

int cli_nomem(void)
{
    return cli_error(MAE_ERR_NOMEM, "out of memory");
}
