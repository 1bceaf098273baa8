#include "alloc_count.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#define MOST_FRAMES 24
#define EVERYBODYS __attribute__((visibility("default"))) /* libraries call it, too */

static atomic_bool counting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static alloc_counts counts;
static _Thread_local bool inside; /* the counter itself */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static bool holds_one(const char *path, const char *const *words)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    for (; *words; words++)
        if (strstr(name, *words) && strncmp(name, "mae", 3) != 0)
            return true;
    return false;
}

/* The first caller that is not merely passing on what another asked for. */
static const char *whose(void *const *frames, int n, Dl_info *info)
{
    static const char *const libraries[] = {"libc.so", "libc-", "libstdc++", "ld-linux", "libgcc_s", NULL};
    for (int i = 2; i < n; i++)
        if (dladdr(frames[i], info) && info->dli_fname && !holds_one(info->dli_fname, libraries))
            return info->dli_fname;
    return NULL;
}

static void count(size_t bytes)
{
    static const char *const engines[] = {"onnxruntime", "dnnl",   "gomp", "XNNPACK", "pthreadpool", "cpuinfo",
                                          "clblast",     "OpenCL", "pocl", "LLVM",    "webgpu",      NULL};
    void *frames[MOST_FRAMES];
    Dl_info info;
    if (!atomic_load(&counting) || inside)
        return;
    inside = true;
    int n = backtrace(frames, MOST_FRAMES);
    const char *module = whose(frames, n, &info);
    pthread_mutex_lock(&lock);
    if (module && holds_one(module, engines)) {
        counts.engines++;
    } else {
        if (counts.own++ == 0)
            snprintf(counts.first_own, sizeof counts.first_own, "%s: %s", module ? module : "nowhere known",
                     module && info.dli_sname ? info.dli_sname : "?");
        counts.own_bytes += bytes;
    }
    pthread_mutex_unlock(&lock);
    inside = false;
}

EVERYBODYS void *malloc(size_t size)
{
    count(size);
    return __libc_malloc(size);
}

EVERYBODYS void *calloc(size_t n, size_t size)
{
    count(n * size);
    return __libc_calloc(n, size);
}

EVERYBODYS void *realloc(void *memory, size_t size)
{
    count(size);
    return __libc_realloc(memory, size);
}

EVERYBODYS void *aligned_alloc(size_t alignment, size_t size)
{
    count(size);
    return __libc_memalign(alignment, size);
}

EVERYBODYS void *memalign(size_t alignment, size_t size)
{
    count(size);
    return __libc_memalign(alignment, size);
}

EVERYBODYS int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    count(size);
    void *memory = __libc_memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret_memory = memory;
    return 0;
}

bool alloc_count_works(void)
{
    return true;
}

void alloc_count_begin(void)
{
    void *frames[4];
    (void)backtrace(frames, 4); /* allocates when first called */
    memset(&counts, 0, sizeof counts);
    atomic_store(&counting, true);
}

alloc_counts alloc_count_end(void)
{
    atomic_store(&counting, false);
    pthread_mutex_lock(&lock);
    alloc_counts result = counts;
    pthread_mutex_unlock(&lock);
    return result;
}

#else

bool alloc_count_works(void)
{
    return false;
}

void alloc_count_begin(void)
{
}

alloc_counts alloc_count_end(void)
{
    return (alloc_counts){0};
}

#endif
