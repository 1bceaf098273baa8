/* Blocks lie in regions one after the other, each behind a header; free ones are in lists by size, and join free
 * neighbours at once. So blocks that come and go with every frame find their old places in a few steps. */
#include "base/heap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define UNIT MAE_HEAP_ALIGNMENT
#define KEPT ((size_t)16 << 20)        /* that trimming leaves */
#define LARGEST_PAGE ((size_t)4 << 20) /* beyond that (512 MiB on Arm with pages of 64 KiB) too much would lie idle */
#define GROWTH ((size_t)16 << 20)      /* the most that is taken at once without need */
#define PARTS 4u                       /* lists for sizes from one power of two to the next */
#define CLASSES (48u * PARTS)
#define TRIES 8 /* blocks of the own list that are looked at before a larger one is split */

typedef struct block {
    size_t bytes;         /* with this header; 0 ends a region */
    struct block *before; /* its neighbour; NULL for the first of a region */
    struct block *next, *previous;
    bool is_free;
} block;

typedef struct region {
    struct region *next;
    size_t bytes;
} region;

/* Blocks start on cache lines, so headers fill them. */
_Static_assert(sizeof(block) <= UNIT && sizeof(region) <= UNIT, "headers must fit");

struct mae_heap {
    pthread_mutex_t lock;
    size_t page; /* 0: no huge pages */
    size_t bytes, used;
    region *regions;
    block *lists[CLASSES];
    uint64_t filled[(CLASSES + 63) / 64]; /* a bit for each list that is not empty */
};

static size_t huge_page(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    const char *wish = getenv("MAE_HUGE_PAGES");
    if (wish && strcmp(wish, "0") == 0)
        return 0;
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
    char text[32] = "";
    if (!f)
        return 0;
    if (!fgets(text, sizeof text, f))
        text[0] = 0;
    fclose(f);
    size_t bytes = strtoul(text, NULL, 10);
    bool fits = bytes <= LARGEST_PAGE && bytes >= 4 * UNIT && (bytes & (bytes - 1)) == 0;
    return fits ? bytes : 0;
#endif
}

mae_heap *mae_heap_create(void)
{
    mae_heap *heap = calloc(1, sizeof *heap);
    if (heap && pthread_mutex_init(&heap->lock, NULL) != 0) {
        free(heap);
        return NULL;
    }
    if (heap)
        heap->page = huge_page();
    return heap;
}

void mae_heap_destroy(mae_heap *heap)
{
    if (!heap)
        return;
    for (region *r = heap->regions, *next; r; r = next) {
        next = r->next;
        munmap(r, r->bytes);
    }
    pthread_mutex_destroy(&heap->lock);
    free(heap);
}

static mae_heap common = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void make_common(void)
{
    common.page = huge_page();
}

mae_heap *mae_heap_common(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_common);
    return &common;
}

/* The list of blocks of `bytes`: by its highest bit and the two below. */
static unsigned class_of(size_t bytes)
{
    size_t units = bytes / UNIT;
    unsigned high = 63u - (unsigned)__builtin_clzll(units);
    unsigned part = (unsigned)(high >= 2 ? units >> (high - 2) : units << (2 - high)) & (PARTS - 1);
    return high * PARTS + part;
}

static block *after(const block *b)
{
    return (block *)((char *)b + b->bytes);
}

static void list_add(mae_heap *heap, block *b)
{
    unsigned class = class_of(b->bytes);
    b->is_free = true;
    b->previous = NULL;
    b->next = heap->lists[class];
    if (b->next)
        b->next->previous = b;
    heap->lists[class] = b;
    heap->filled[class / 64] |= (uint64_t)1 << class % 64;
}

static void list_remove(mae_heap *heap, block *b)
{
    unsigned class = class_of(b->bytes);
    if (b->next)
        b->next->previous = b->previous;
    if (b->previous)
        b->previous->next = b->next;
    else if (!(heap->lists[class] = b->next))
        heap->filled[class / 64] &= ~((uint64_t)1 << class % 64);
    b->is_free = false;
}

/* The first of the lists from `class` on that is not empty: all of its blocks are large enough. NULL: there is none. */
static block *first_from(const mae_heap *heap, unsigned class)
{
    for (unsigned word = class / 64, bit = class % 64; word < sizeof heap->filled / sizeof *heap->filled;
         word++, bit = 0) {
        uint64_t left = heap->filled[word] >> bit << bit;
        if (left)
            return heap->lists[word * 64 + (unsigned)__builtin_ctzll(left)];
    }
    return NULL;
}

static block *find(const mae_heap *heap, size_t bytes)
{
    unsigned class = class_of(bytes);
    block *b = heap->lists[class];
    for (int i = 0; b && i < TRIES; i++, b = b->next) {
        if (b->bytes >= bytes)
            return b;
    }
    return first_from(heap, class + 1);
}

/* Memory whose bounds are those of huge pages. */
static void *map(size_t bytes, size_t page)
{
    char *memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = (page - (uintptr_t)memory % page) % page;
    if (before > 0)
        munmap(memory, before);
    munmap(memory + before + bytes, page - before);
    memory += before;
    /* Refused where they are switched off: then the pages are small, and all the rest is as it was. */
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

/* A region that holds a block of `bytes`: a quarter of what there is, so that their number stays small. */
static block *grow(mae_heap *heap, size_t bytes)
{
    size_t wanted = heap->bytes / 4 < GROWTH ? heap->bytes / 4 : GROWTH;
    if (wanted < bytes + 2 * UNIT)
        wanted = bytes + 2 * UNIT;
    wanted = (wanted + heap->page - 1) / heap->page * heap->page;
    region *r = map(wanted, heap->page);
    if (!r)
        return NULL;
    *r = (region){heap->regions, wanted};
    heap->regions = r;
    heap->bytes += wanted;
    block *b = (block *)((char *)r + UNIT);
    *b = (block){.bytes = wanted - 2 * UNIT};
    *after(b) = (block){.before = b};
    list_add(heap, b);
    return b;
}

static void split(mae_heap *heap, block *b, size_t bytes)
{
    if (b->bytes - bytes < 2 * UNIT)
        return;
    block *rest = (block *)((char *)b + bytes);
    *rest = (block){.bytes = b->bytes - bytes, .before = b};
    after(rest)->before = rest;
    b->bytes = bytes;
    list_add(heap, rest);
}

void *mae_heap_alloc(mae_heap *heap, size_t bytes)
{
    if (!heap || bytes > SIZE_MAX / 2)
        return NULL;
    size_t whole = (bytes + UNIT - 1) / UNIT * UNIT;
    whole = whole ? whole : UNIT;
    if (!heap->page)
        return aligned_alloc(UNIT, whole);
    whole += UNIT;
    pthread_mutex_lock(&heap->lock);
    block *b = find(heap, whole);
    if (!b)
        b = grow(heap, whole);
    if (b) {
        list_remove(heap, b);
        split(heap, b, whole);
        heap->used += b->bytes;
    }
    pthread_mutex_unlock(&heap->lock);
    return b ? (char *)b + UNIT : NULL;
}

static void join(block *b, const block *next)
{
    b->bytes += next->bytes;
    after(b)->before = b;
}

void mae_heap_free(mae_heap *heap, void *memory)
{
    if (!memory)
        return;
    if (!heap->page) {
        free(memory);
        return;
    }
    pthread_mutex_lock(&heap->lock);
    block *b = (block *)((char *)memory - UNIT);
    block *next = after(b), *before = b->before;
    heap->used -= b->bytes;
    if (next->is_free) {
        list_remove(heap, next);
        join(b, next);
    }
    if (before && before->is_free) {
        list_remove(heap, before);
        join(before, b);
        b = before;
    }
    list_add(heap, b);
    pthread_mutex_unlock(&heap->lock);
}

void mae_heap_trim(mae_heap *heap)
{
    size_t kept = 0;
    if (!heap)
        return;
    pthread_mutex_lock(&heap->lock);
    for (region **at = &heap->regions; *at;) {
        region *r = *at;
        block *first = (block *)((char *)r + UNIT);
        if (!first->is_free || after(first)->bytes > 0) {
            at = &r->next;
        } else if (kept + r->bytes <= KEPT) {
            kept += r->bytes;
            at = &r->next;
        } else {
            list_remove(heap, first);
            *at = r->next;
            heap->bytes -= r->bytes;
            munmap(r, r->bytes);
        }
    }
    pthread_mutex_unlock(&heap->lock);
}

static size_t read_count(mae_heap *heap, const size_t *count)
{
    pthread_mutex_lock(&heap->lock);
    size_t bytes = *count;
    pthread_mutex_unlock(&heap->lock);
    return bytes;
}

size_t mae_heap_used(mae_heap *heap)
{
    return heap ? read_count(heap, &heap->used) : 0;
}

size_t mae_heap_bytes(mae_heap *heap)
{
    return heap ? read_count(heap, &heap->bytes) : 0;
}
