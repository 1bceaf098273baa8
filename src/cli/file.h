/* Files of the program: read whole, written whole or not at all. */
#ifndef MAE_CLI_FILE_H
#define MAE_CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads at most `limit` bytes; a longer file is refused. Freed with free(). */
int cli_file_read(const char *path, size_t limit, void **ret_data, size_t *ret_size);

/* Writes beside `path` and renames over it. What is not a regular file (a device) is written directly. */
int cli_file_write(const char *path, const void *data, size_t size);

/* Could cli_file_write(path) work? Asked before long work whose result would have nowhere to go. */
int cli_file_probe(const char *path);

/* Makes a folder if there is none (*ret_made says so), and checks that files can be written there. */
int cli_folder_prepare(const char *path, bool *ret_made);

#endif
