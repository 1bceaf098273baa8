#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"

static int read_error(const char *path, int code)
{
    return cli_error(MAE_ERR_INPUT, "%s: %s", path, strerror(code));
}

static int write_error(const char *path, int code)
{
    return cli_error(MAE_ERR_FAILED, "%s: cannot write: %s", path, strerror(code));
}

static int read_open(const char *path, FILE *file, size_t limit, void **ret_data, size_t *ret_size)
{
    char *data = NULL;
    size_t size = 0, room = 0;
    for (;;) {
        if (size == room) {
            room = room ? room * 2 : 1 << 16;
            char *more = realloc(data, room);
            if (!more) {
                free(data);
                return cli_nomem();
            }
            data = more;
        }
        size_t n = fread(data + size, 1, room - size, file);
        size += n;
        if (size > limit) {
            free(data);
            return cli_error(MAE_ERR_INPUT, "%s: larger than %zu bytes", path, limit);
        }
        if (n == 0)
            break;
    }
    if (ferror(file)) {
        int code = errno;
        free(data);
        return read_error(path, code);
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
}

int cli_file_read(const char *path, size_t limit, void **ret_data, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return read_error(path, errno);
    int status = read_open(path, file, limit, ret_data, ret_size);
    fclose(file);
    return status;
}

static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* 0, or an errno. */
static int write_all(int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_special(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return write_error(path, errno);
    int code = write_all(fd, data, size);
    if (close(fd) < 0 && !code)
        code = errno;
    return code ? write_error(path, code) : 0;
}

/* Opens a new file in the same folder as `path`. Its name is freed with free(). */
static int open_beside(const char *path, char **ret_name, int *ret_fd)
{
    if (is_folder(path))
        return write_error(path, EISDIR);
    char *name;
    if (asprintf(&name, "%s.XXXXXX", path) < 0)
        return cli_nomem();
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        int code = errno;
        free(name);
        return write_error(path, code);
    }
    *ret_name = name;
    *ret_fd = fd;
    return 0;
}

int cli_file_write(const char *path, const void *data, size_t size)
{
    if (is_special(path))
        return write_special(path, data, size);
    char *name;
    int fd;
    CLI_TRY(open_beside(path, &name, &fd));
    int code = write_all(fd, data, size);
    /* mkostemp() makes files private; give the result the rights any new file has. */
    mode_t mask = umask(0);
    umask(mask);
    if (!code && (fchmod(fd, 0666 & ~mask) < 0 || fsync(fd) < 0))
        code = errno;
    if (close(fd) < 0 && !code)
        code = errno;
    if (!code && rename(name, path) < 0)
        code = errno;
    if (code)
        unlink(name);
    free(name);
    return code ? write_error(path, code) : 0;
}

int cli_file_probe(const char *path)
{
    if (is_special(path))
        return access(path, W_OK) < 0 ? write_error(path, errno) : 0;
    char *name;
    int fd;
    CLI_TRY(open_beside(path, &name, &fd));
    close(fd);
    unlink(name);
    free(name);
    return 0;
}

static int probe_folder(const char *path)
{
    if (!is_folder(path))
        return write_error(path, ENOTDIR);
    char *inside;
    if (asprintf(&inside, "%s/output.npy", path) < 0)
        return cli_nomem();
    int status = cli_file_probe(inside);
    free(inside);
    return status;
}

int cli_folder_prepare(const char *path, bool *ret_made)
{
    bool made = mkdir(path, 0777) == 0;
    if (!made && errno != EEXIST)
        return write_error(path, errno);
    int status = probe_folder(path);
    if (!status)
        *ret_made = made;
    return status;
}
