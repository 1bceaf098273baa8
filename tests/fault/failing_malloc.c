#include "failing_malloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_long left, blocks; /* until the allocation that fails; none */
static atomic_bool armed, for_good, fired;
static _Thread_local bool spared;

static bool fails(void)
{
    if (spared || !atomic_load(&armed))
        return false;
    long now = atomic_fetch_sub(&left, 1);
    bool failing = now == 1 || (now < 1 && atomic_load(&for_good));
    if (failing) {
        atomic_store(&fired, true);
        errno = ENOMEM;
    }
    return failing;
}

void failing_malloc_arm(long k, bool all)
{
    atomic_store(&left, k);
    atomic_store(&for_good, all);
    atomic_store(&fired, false);
    atomic_store(&armed, true);
}

bool failing_malloc_disarm(void)
{
    atomic_store(&armed, false);
    return atomic_load(&fired);
}

long failing_malloc_blocks(void)
{
    return atomic_load(&blocks);
}

#ifdef MAE_WRAP_MALLOC
static const bool counts = false; /* a sanitizer looks for leaks by itself */
#else
static const bool counts = true;
#endif

static void *count(void *block)
{
    if (block && counts)
        atomic_fetch_add(&blocks, 1);
    return block;
}

#ifdef MAE_WRAP_MALLOC
/* The linker sends this tree's calls here (--wrap), and the sanitizer's malloc stays what it is. */
#define OURS(name) __wrap_##name
#define THEIRS(name) __real_##name
#else
/* These take the place of the C library's. */
#define OURS(name) name
#define THEIRS(name) __libc_##name
#endif

/* Seen by the C library and all others. */
#pragma GCC visibility push(default)

void *THEIRS(malloc)(size_t size);
void *THEIRS(calloc)(size_t n, size_t size);
void *THEIRS(realloc)(void *block, size_t size);
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t n, size_t size);
void *OURS(realloc)(void *block, size_t size);
void *OURS(aligned_alloc)(size_t alignment, size_t size);

void *OURS(malloc)(size_t size)
{
    return fails() ? NULL : count(THEIRS(malloc)(size));
}

void *OURS(calloc)(size_t n, size_t size)
{
    return fails() ? NULL : count(THEIRS(calloc)(n, size));
}

void *OURS(realloc)(void *block, size_t size)
{
    if (fails())
        return NULL;
    void *result = THEIRS(realloc)(block, size);
    return block ? result : count(result);
}

#ifdef MAE_WRAP_MALLOC
void *THEIRS(aligned_alloc)(size_t alignment, size_t size);
char *THEIRS(strdup)(const char *text);
char *OURS(strdup)(const char *text);

void *OURS(aligned_alloc)(size_t alignment, size_t size)
{
    return fails() ? NULL : THEIRS(aligned_alloc)(alignment, size);
}

char *OURS(strdup)(const char *text)
{
    return fails() ? NULL : THEIRS(strdup)(text);
}

#else
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : count(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    void *block = aligned_alloc(alignment, size);
    if (!block)
        return ENOMEM;
    *ret_block = block;
    return 0;
}

void free(void *block)
{
    if (block)
        atomic_fetch_sub(&blocks, 1);
    __libc_free(block);
}

/* Fails as a whole or not at all: jansson's parser (2.14) does not look whether a long word still found room, and where
 * it did not goes on with half of it, or ends the process by an assertion. */
json_t *json_loadb(const char *text, size_t size, size_t flags, json_error_t *error)
{
    json_t *(*theirs)(const char *, size_t, size_t, json_error_t *) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "json_loadb");
    memcpy(&theirs, &symbol, sizeof theirs); /* ISO C has no cast from a data to a function pointer */
    if (fails())
        return NULL;
    spared = true;
    json_t *json = theirs(text, size, flags, error);
    spared = false;
    return json;
}
#endif

#pragma GCC visibility pop
