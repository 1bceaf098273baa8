/* Compiling, and the cache of compiled programs.
 *
 * A file of the cache is a line that says what it is for (device, its driver, the source), then the binary. What cannot
 * be read, is not for this, or is not taken by the driver, counts as not there, and is written again. */
#include "backends/opencl/program.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define BINARY_LIMIT ((size_t)64 << 20)
#define OPTIONS "-cl-std=CL1.2"

static const unsigned char source[] = {
#include "opencl_source.inc"
};

/* FNV-1a: the cache is the user's own, so what is to be noticed is damage, not malice. */
static uint64_t hash(uint64_t seed, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t value = seed ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * 0x100000001b3u;
    return value;
}

/* All that a binary depends on, in a line. */
static void key_of(cl_device_id device, char *key, size_t size)
{
    static const cl_device_info infos[] = {CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION, CL_DRIVER_VERSION};
    int used = snprintf(key, size, "mae-opencl 1, source %016" PRIx64 ", " OPTIONS, hash(0, source, sizeof source));

    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
        char text[256] = "?";
        if (clGetDeviceInfo(device, infos[i], sizeof text, text, NULL) != CL_SUCCESS)
            snprintf(text, sizeof text, "?");
        for (char *c = text; *c; c++)
            *c = *c == '\n' ? ' ' : *c;
        used += snprintf(key + used, size - (size_t)used, ", %s", text);
    }
}

static bool join(char *path, const char *format, const char *a, const char *b)
{
    int n = snprintf(path, PATH_MAX, format, a, b);
    return n > 0 && n < PATH_MAX;
}

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* $XDG_CACHE_HOME/mae/opencl, else ~/.cache/mae/opencl; false where there is no such place. */
static bool find_folder(char *path)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char base[PATH_MAX], mae[PATH_MAX];

    if (cache && cache[0] == '/')
        join(base, "%s%s", cache, "");
    else if (!home || home[0] != '/' || !join(base, "%s/%s", home, ".cache"))
        return false;
    return make_folder(base) && join(mae, "%s/%s", base, "mae") && make_folder(mae) &&
           join(path, "%s/%s", mae, "opencl") && make_folder(path);
}

static bool find_file(const char *key, char *path)
{
    char folder[PATH_MAX], name[32];

    snprintf(name, sizeof name, "%016" PRIx64 ".bin", hash(1, key, strlen(key)));
    return find_folder(folder) && join(path, "%s/%s", folder, name);
}

/* The line in front of the binary. */
static int head_of(const char *key, const void *binary, size_t size, char *head, size_t room)
{
    return snprintf(head, room, "%s, %zu bytes, %016" PRIx64 "\n", key, size, hash(2, binary, size));
}

/* The binary in the file's contents; NULL if it is for something else, or damaged. */
static const unsigned char *binary_in(const char *key, const char *data, size_t size, size_t *ret_size)
{
    const char *end = memchr(data, '\n', size);
    char head[2048];

    if (!end)
        return NULL;
    const unsigned char *binary = (const unsigned char *)end + 1;
    *ret_size = size - (size_t)((const char *)binary - data);
    int length = head_of(key, binary, *ret_size, head, sizeof head);
    bool same = length == end + 1 - data && memcmp(head, data, (size_t)length) == 0;
    return same ? binary : NULL;
}

static cl_program from_binary(cl_context context, cl_device_id device, const unsigned char *binary, size_t size)
{
    cl_int status, loaded;
    cl_program program = clCreateProgramWithBinary(context, 1, &device, &size, &binary, &loaded, &status);

    if (status != CL_SUCCESS)
        return NULL;
    if (loaded == CL_SUCCESS && clBuildProgram(program, 1, &device, OPTIONS, NULL, NULL) == CL_SUCCESS)
        return program;
    clReleaseProgram(program);
    return NULL;
}

static cl_program from_cache(cl_context context, cl_device_id device, const char *key, const char *path)
{
    void *data;
    size_t size, binary_size;
    cl_program program = NULL;
    mae_error *error = mae_file_read(path, BINARY_LIMIT, &data, &size);

    if (error) {
        mae_error_free(error);
        return NULL;
    }
    const unsigned char *binary = binary_in(key, data, size, &binary_size);
    if (binary)
        program = from_binary(context, device, binary, binary_size);
    free(data);
    return program;
}

/* Writes the program into the cache; that it cannot be written (a full disk) is no error. */
static void keep(cl_program program, const char *key, const char *path)
{
    size_t size = 0;
    char head[2048];

    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || size == 0 ||
        size > BINARY_LIMIT / 2)
        return;
    unsigned char *data = malloc(sizeof head + size), *binary = malloc(size);
    if (data && binary && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS) {
        int length = head_of(key, binary, size, head, sizeof head);
        if (length > 0 && (size_t)length < sizeof head) {
            memcpy(data, head, (size_t)length);
            memcpy(data + length, binary, size);
            mae_error_free(mae_file_write(path, data, (size_t)length + size));
        }
    }
    free(data);
    free(binary);
}

static mae_error *build_error(cl_program program, cl_device_id device, const char *name, int status)
{
    char log[512] = "";
    mae_error *error = mae_cl_check(status, name, "clBuildProgram");

    clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL);
    log[strcspn(log, "\n")] = '\0';
    return *log ? mae_error_wrap(error, "%.200s", log) : error;
}

static mae_error *from_source(cl_context context, cl_device_id device, const char *name, cl_program *ret_program)
{
    const char *text = (const char *)source;
    const size_t length = sizeof source;
    cl_int status;
    cl_program program = clCreateProgramWithSource(context, 1, &text, &length, &status);

    MAE_TRY(mae_cl_check(status, name, "clCreateProgramWithSource"));
    status = clBuildProgram(program, 1, &device, OPTIONS, NULL, NULL);
    if (status != CL_SUCCESS) {
        mae_error *error = build_error(program, device, name, status);
        clReleaseProgram(program);
        return error;
    }
    *ret_program = program;
    return NULL;
}

mae_error *mae_cl_program_get(cl_context context, cl_device_id device, const char *name, cl_program *ret_program)
{
    char key[1536], path[PATH_MAX];

    key_of(device, key, sizeof key);
    bool cached = find_file(key, path);
    cl_program program = cached ? from_cache(context, device, key, path) : NULL;
    if (!program) {
        MAE_TRY(from_source(context, device, name, &program));
        if (cached)
            keep(program, key, path);
    }
    *ret_program = program;
    return NULL;
}
