/* Making and passing on errors. The type and its readers are public: mae/error.h. */
#ifndef MAE_BASE_ERROR_H
#define MAE_BASE_ERROR_H

#include "mae/error.h"

/* A new error. Never NULL: when memory runs out, a static out-of-memory error. */
MAE_MUST_CHECK mae_error *mae_error_make(mae_code code, const char *file, int line, const char *format, ...)
    MAE_PRINTF(4, 5);

#define mae_error_new(code, ...) mae_error_make((code), __FILE__, __LINE__, __VA_ARGS__)

/* Puts "context: " before the message. Takes ownership of `error`, returns it; NULL stays NULL. */
MAE_MUST_CHECK mae_error *mae_error_wrap(mae_error *error, const char *format, ...) MAE_PRINTF(2, 3);

/* Gives an error another code (an engine's failure that means a bad input file, say). */
MAE_MUST_CHECK mae_error *mae_error_recode(mae_error *error, mae_code code);

MAE_MUST_CHECK mae_error *mae_error_nomem_at(const char *file, int line);
#define mae_error_nomem() mae_error_nomem_at(__FILE__, __LINE__)

/* Returns from the caller with the error, if there is one: the only control-flow macro. */
#define MAE_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        mae_error *mae_try_error_ = (expr);                                                                            \
        if (mae_try_error_)                                                                                            \
            return mae_try_error_;                                                                                     \
    } while (0)

#endif
