#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mae_error {
    mae_code code;
    char origin[80];
    char *message; /* NULL only in the static out-of-memory error */
};

/* What is handed out when there is no memory for an error: never freed, never changed. Each backend has one of its own,
 * so it is known by having no message. */
static mae_error out_of_memory = {MAE_ERR_NOMEM, "", NULL};

static bool is_static(const mae_error *error)
{
    return !error->message;
}

static char *format_message(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        return NULL;
    /* One line, whatever an engine or a file name put into it. */
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return text;
}

static mae_error *make(mae_code code, const char *file, int line, char *message)
{
    mae_error *error = calloc(1, sizeof *error);
    if (!error || !message) {
        free(error);
        free(message);
        return &out_of_memory;
    }
    const char *base = strrchr(file, '/');
    error->code = code;
    error->message = message;
    snprintf(error->origin, sizeof error->origin, "%s:%d", base ? base + 1 : file, line);
    return error;
}

mae_error *mae_error_make(mae_code code, const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_message(format, args);
    va_end(args);
    return make(code, file, line, message);
}

mae_error *mae_error_nomem_at(const char *file, int line)
{
    return make(MAE_ERR_NOMEM, file, line, strdup("out of memory"));
}

mae_error *mae_error_wrap(mae_error *error, const char *format, ...)
{
    if (!error || is_static(error))
        return error;
    va_list args;
    va_start(args, format);
    char *context = format_message(format, args);
    va_end(args);
    char *joined = NULL;
    if (context && asprintf(&joined, "%s: %s", context, error->message) >= 0) {
        free(error->message);
        error->message = joined;
    }
    free(context);
    return error; /* without memory for the context, the bare message is still right */
}

mae_error *mae_error_recode(mae_error *error, mae_code code)
{
    if (error && !is_static(error))
        error->code = code;
    return error;
}

mae_code mae_error_code(const mae_error *error)
{
    return error ? error->code : MAE_OK;
}

const char *mae_error_message(const mae_error *error)
{
    if (!error)
        return "";
    return error->message ? error->message : "out of memory";
}

const char *mae_error_origin(const mae_error *error)
{
    return error ? error->origin : "";
}

int mae_error_exit_status(const mae_error *error)
{
    mae_code code = mae_error_code(error);
    return code <= MAE_ERR_VERIFY ? (int)code : 1;
}

void mae_error_free(mae_error *error)
{
    if (!error || is_static(error))
        return;
    free(error->message);
    free(error);
}
