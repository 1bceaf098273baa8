/* Errors of libmae: owned values, returned, never thrown, printed or swallowed.
 *
 * Every function that can fail returns `mae_error *`: NULL is success, anything else is owned by
 * the caller, who frees it with mae_error_free() or hands it up. Outputs are `ret_` parameters and
 * are untouched when an error is returned.
 */
#ifndef MAE_ERROR_H
#define MAE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MAE_API __attribute__((visibility("default")))
#define MAE_MUST_CHECK __attribute__((warn_unused_result))
#define MAE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MAE_API
#define MAE_MUST_CHECK
#define MAE_PRINTF(fmt, args)
#endif

/* What kind of failure; 1 to 6 are also the exit statuses of the program. */
typedef enum mae_code {
    MAE_OK = 0,
    MAE_ERR_FAILED = 1,      /* a device, an engine or the program failed */
    MAE_ERR_USAGE = 2,       /* a call or a command line that makes no sense */
    MAE_ERR_INPUT = 3,       /* a file that cannot be used; the message names file, place, reason */
    MAE_ERR_INFEASIBLE = 4,  /* no mapping meets the goal */
    MAE_ERR_UNSUPPORTED = 5, /* a layer that no PE can run */
    MAE_ERR_VERIFY = 6,      /* outputs differ from the reference by more than the tolerance */
    MAE_ERR_NOMEM = 16,      /* out of memory (exit status 1) */
    MAE_ERR_LOST = 17        /* the device is gone; others may go on (exit status 1) */
} mae_code;

typedef struct mae_error mae_error;

/* The kind of failure; MAE_OK for NULL. */
MAE_API mae_code mae_error_code(const mae_error *error);

/* The whole message, outermost context first, parts joined by ": ". One line. Owned by the error. */
MAE_API const char *mae_error_message(const mae_error *error);

/* "file.c:123" where the error was made; for bug reports. Owned by the error. */
MAE_API const char *mae_error_origin(const mae_error *error);

/* The exit status the program uses for this code (0 to 6). */
MAE_API int mae_error_exit_status(const mae_error *error);

/* Takes NULL. */
MAE_API void mae_error_free(mae_error *error);

#ifdef __cplusplus
}
#endif
#endif
