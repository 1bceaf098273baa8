#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mae_error *read_all(int fd, const char *path, size_t size, char *data)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mae_error_new(MAE_ERR_INPUT, "%s: cannot read: %s", path, strerror(errno));
        if (n == 0)
            return mae_error_new(MAE_ERR_INPUT, "%s: became shorter while it was read", path);
        got += (size_t)n;
    }
    return NULL;
}

static mae_error *check_size(int fd, const char *path, size_t limit, size_t *ret_size)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return mae_error_new(MAE_ERR_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return mae_error_new(MAE_ERR_INPUT, "%s: not a regular file", path);
    if ((uintmax_t)info.st_size > limit)
        return mae_error_new(MAE_ERR_INPUT, "%s: %jd bytes, more than the limit of %zu", path, (intmax_t)info.st_size,
                             limit);
    *ret_size = (size_t)info.st_size;
    return NULL;
}

mae_error *mae_file_read(const char *path, size_t limit, void **ret_data, size_t *ret_size)
{
    /* Not blocking: opening a named pipe that nobody writes to must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mae_error_new(MAE_ERR_INPUT, "%s: cannot open: %s", path, strerror(errno));
    size_t size = 0;
    mae_error *error = check_size(fd, path, limit, &size);
    char *data = NULL;
    if (!error) {
        data = aligned_alloc(64, (size + 64) / 64 * 64);
        error = data ? read_all(fd, path, size, data) : mae_error_wrap(mae_error_nomem(), "%s", path);
    }
    close(fd);
    if (error) {
        free(data);
        return error;
    }
    data[size] = 0;
    *ret_data = data;
    *ret_size = size;
    return NULL;
}

static mae_error *write_all(int fd, const char *path, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mae_error_new(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
        data += n;
        size -= (size_t)n;
    }
    return NULL;
}

/* Devices and pipes have no half-written state to protect, and cannot be replaced by renaming. */
static mae_error *write_directly(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return mae_error_new(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
    mae_error *error = write_all(fd, path, data, size);
    close(fd);
    return error;
}

static mae_error *write_and_rename(int fd, const char *temporary, const char *path, const void *data, size_t size)
{
    mae_error *error = write_all(fd, path, data, size);
    if (!error && fsync(fd) != 0)
        error = mae_error_new(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (close(fd) != 0 && !error)
        error = mae_error_new(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (!error && rename(temporary, path) != 0)
        error = mae_error_new(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (error)
        unlink(temporary);
    return error;
}

/* Not mkstemp: that makes private files, and a result should have the permissions any new file has. */
static mae_error *open_temporary(const char *path, char **ret_name, int *ret_fd)
{
    for (unsigned attempt = 0;; attempt++) {
        char *name = NULL;
        if (asprintf(&name, "%s.%ld-%u.tmp", path, (long)getpid(), attempt) < 0)
            return mae_error_nomem();
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *ret_name = name;
            *ret_fd = fd;
            return NULL;
        }
        int reason = errno;
        free(name);
        if (reason != EEXIST || attempt == 1000)
            return mae_error_new(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(reason));
    }
}

mae_error *mae_file_write(const char *path, const void *data, size_t size)
{
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        if (S_ISDIR(info.st_mode))
            return mae_error_new(MAE_ERR_FAILED, "%s: cannot write: is a folder", path);
        return write_directly(path, data, size);
    }
    char *temporary = NULL;
    int fd;
    MAE_TRY(open_temporary(path, &temporary, &fd));
    mae_error *error = write_and_rename(fd, temporary, path, data, size);
    free(temporary);
    return error;
}
