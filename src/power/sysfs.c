#include "power/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static mae_error *cannot(const char *what, const char *path)
{
    bool gone = errno == ENOENT || errno == ENODEV || errno == ENXIO || errno == ENOTDIR;
    return mae_error_new(gone ? MAE_ERR_LOST : MAE_ERR_FAILED, "%s: cannot be %s: %s", path, what, strerror(errno));
}

mae_error *mae_sysfs_text(const char *path, char text[MAE_SYSFS_MOST_TEXT])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot("read", path);
    char line[MAE_SYSFS_MOST_TEXT];
    ssize_t n = read(fd, line, sizeof line - 1);
    mae_error *error = n < 0 ? cannot("read", path) : NULL;
    close(fd);
    if (error)
        return error;
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    char *begin = line + strspn(line, " \t\r");
    size_t length = strlen(begin);
    while (length && strchr(" \t\r", begin[length - 1]))
        length--;
    memcpy(text, begin, length);
    text[length] = 0;
    return NULL;
}

mae_error *mae_sysfs_number(const char *path, double *ret_number)
{
    char text[MAE_SYSFS_MOST_TEXT];
    MAE_TRY(mae_sysfs_text(path, text));
    char *end;
    errno = 0;
    double number;
    if (text[0] == '-') {
        number = (double)strtoll(text, &end, 10);
    } else {
        number = (double)strtoull(text, &end, 10);
    }
    if (end == text || *end || errno)
        return mae_error_new(MAE_ERR_FAILED, "%s: \"%.40s\" is not a whole number", path, text);
    *ret_number = number;
    return NULL;
}

static bool join(char path[4096], const char *folder, const char *name)
{
    int length = snprintf(path, 4096, "%s/%s", folder, name);
    return length > 0 && length < 4096;
}

double mae_sysfs_number_or(const char *folder, const char *name, double otherwise)
{
    char path[4096];
    double number = otherwise;
    if (join(path, folder, name))
        mae_error_free(mae_sysfs_number(path, &number));
    return number;
}

const char *mae_sysfs_text_or_null(mae_arena *arena, const char *folder, const char *name)
{
    char path[4096], text[MAE_SYSFS_MOST_TEXT];
    if (!join(path, folder, name))
        return NULL;
    mae_error *error = mae_sysfs_text(path, text);
    bool found = !error && text[0];
    mae_error_free(error);
    return found ? mae_arena_strdup(arena, text) : NULL;
}

mae_error *mae_sysfs_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
    if (fd < 0)
        return cannot("written", path);
    mae_error *error = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? NULL : cannot("written", path);
    close(fd);
    return error;
}

/* Runs of digits compare as numbers. */
static int compare_paths(const void *left, const void *right)
{
    return strverscmp(*(char *const *)left, *(char *const *)right);
}

mae_error *mae_sysfs_find(mae_arena *arena, const char *root, const char *pattern, mae_sysfs_list *ret_list)
{
    size_t length = strlen(root);
    while (length && root[length - 1] == '/')
        length--;
    char *whole = mae_arena_printf(arena, "%.*s/%s", (int)length, root, pattern);
    if (!whole)
        return mae_error_nomem();
    glob_t found = {0};
    int failure = glob(whole, GLOB_NOSORT, NULL, &found);
    mae_sysfs_list list = {failure ? 0 : found.gl_pathc, NULL};
    list.paths = mae_arena_array(arena, list.n, sizeof *list.paths);
    bool nomem = failure == GLOB_NOSPACE || !list.paths;
    for (size_t i = 0; i < list.n && !nomem; i++)
        nomem = !(list.paths[i] = mae_arena_strdup(arena, found.gl_pathv[i]));
    globfree(&found);
    if (nomem)
        return mae_error_nomem();
    qsort(list.paths, list.n, sizeof *list.paths, compare_paths);
    *ret_list = list;
    return NULL;
}

const char *mae_sysfs_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
