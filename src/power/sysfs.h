/* Small text files of the kernel, below a root folder that tests can point elsewhere. */
#ifndef MAE_POWER_SYSFS_H
#define MAE_POWER_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define MAE_SYSFS_MOST_TEXT 256

/* The file's first line without blanks around it. MAE_ERR_LOST if the file or its device is gone, MAE_ERR_FAILED if
 * it cannot be read. */
MAE_MUST_CHECK mae_error *mae_sysfs_text(const char *path, char text[MAE_SYSFS_MOST_TEXT]);

/* The same as a whole number; MAE_ERR_FAILED, quoting it, if it is none. */
MAE_MUST_CHECK mae_error *mae_sysfs_number(const char *path, double *ret_number);

/* The number in FOLDER/NAME, or `otherwise` where there is none. */
double mae_sysfs_number_or(const char *folder, const char *name, double otherwise);

/* The text in FOLDER/NAME in the arena, or NULL where there is none (or no memory). */
const char *mae_sysfs_text_or_null(mae_arena *arena, const char *folder, const char *name);

MAE_MUST_CHECK mae_error *mae_sysfs_write(const char *path, const char *text);

/* ROOT/sys/... : the paths that match a pattern like glob(3)'s, in the order of their numbers ("hwmon2" before
 * "hwmon10"). No match: n is 0. */
typedef struct mae_sysfs_list {
    size_t n;
    char **paths;
} mae_sysfs_list;
MAE_MUST_CHECK mae_error *mae_sysfs_find(mae_arena *arena, const char *root, const char *pattern,
                                         mae_sysfs_list *ret_list);

/* "hwmon3" of "/sys/class/hwmon/hwmon3". */
const char *mae_sysfs_base(const char *path);

#endif
