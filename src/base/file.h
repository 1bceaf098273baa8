/* Files: read whole, written whole or not at all. */
#ifndef MAE_BASE_FILE_H
#define MAE_BASE_FILE_H

#include <stddef.h>

#include "base/error.h"

/* Reads a whole file into 64-byte aligned memory with a zero byte behind it; freed with free().
 * MAE_ERR_INPUT, naming the file, if it cannot be read or is longer than `limit` bytes. */
MAE_MUST_CHECK mae_error *mae_file_read(const char *path, size_t limit, void **ret_data, size_t *ret_size);

/* Writes to a temporary file in the same folder, flushes it, renames it over `path`. On error there is
 * neither a temporary file left nor a changed `path`. MAE_ERR_FAILED, naming the file. A `path` that
 * exists and is not a regular file (a device, a pipe) is written to directly. */
MAE_MUST_CHECK mae_error *mae_file_write(const char *path, const void *data, size_t size);

#endif
