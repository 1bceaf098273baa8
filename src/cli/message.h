/* What the program says when something goes wrong: one line on standard error, and an exit status.
 *
 * Functions of the program return an exit status, 0 for success, and have said why when it is another.
 */
#ifndef MAE_CLI_MESSAGE_H
#define MAE_CLI_MESSAGE_H

#include "mae/error.h"

/* Prints "PROGRAM: MESSAGE" as one line; returns the exit status that stands for `code`. */
int cli_error(mae_code code, const char *format, ...) MAE_PRINTF(2, 3);

/* The same for an error of the library, which it frees; 0 for NULL. */
int cli_report(mae_error *error);

int cli_nomem(void);

#define CLI_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        int cli_try_status_ = (expr);                                                                                  \
        if (cli_try_status_)                                                                                           \
            return cli_try_status_;                                                                                    \
    } while (0)

#endif
