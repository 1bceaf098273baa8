#include "cli/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* A file's name may hold a line break; a message may not. */
static void print_line(const char *text)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr); /* over a progress line */
    fprintf(stderr, "%s: ", program_invocation_short_name);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        fputc(c < 0x20 || c == 0x7f ? '?' : c, stderr);
    }
    fputc('\n', stderr);
}

int cli_error(mae_code code, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line(text);
    return code >= MAE_ERR_FAILED && code <= MAE_ERR_VERIFY ? (int)code : 1;
}

int cli_report(mae_error *error)
{
    if (!error)
        return 0;
    int status = mae_error_exit_status(error);
    print_line(mae_error_message(error));
    mae_error_free(error);
    return status;
}

int cli_nomem(void)
{
    return cli_error(MAE_ERR_NOMEM, "out of memory");
}
