/* A heap in huge pages: where engines keep weights and activations.
 *
 * A network touches megabytes per frame, and with pages of 4 KiB the processor's table of addresses (TLB) does not hold
 * them; on a virtual machine each miss walks two page tables. Kernels give huge pages to those who ask (madvise in
 * /sys/kernel/mm/transparent_hugepage/enabled) and whose memory is whole huge pages, which malloc's is not. So weights
 * of a few kilobytes share regions of whole huge pages here. docs/decisions/0010-huge-pages.md has what it brings.
 *
 * Where the kernel has no huge pages, or MAE_HUGE_PAGES=0 is in the environment when the heap is made, or under
 * AddressSanitizer, blocks come from aligned_alloc. */
#ifndef MAE_BASE_HEAP_H
#define MAE_BASE_HEAP_H

#include <stddef.h>

typedef struct mae_heap mae_heap;

/* Of every block, in bytes. */
#define MAE_HEAP_ALIGNMENT 64u

/* NULL when out of memory. Any thread may use a heap at any time. */
mae_heap *mae_heap_create(void);
/* Takes NULL. Blocks that are left are gone. */
void mae_heap_destroy(mae_heap *heap);

/* The one that all of a module share, made by whoever comes first and kept, as malloc's is: engines give memory back
 * when the process ends. */
mae_heap *mae_heap_common(void);

/* At least `bytes` of memory, not zeroed; NULL when out of memory, and of no heap. */
void *mae_heap_alloc(mae_heap *heap, size_t bytes);
/* Takes NULL as a block. The memory stays the heap's, for later blocks. */
void mae_heap_free(mae_heap *heap, void *block);

/* Gives regions in which nothing is left back to the system, but for a few megabytes. For when a program is closed. */
void mae_heap_trim(mae_heap *heap);

/* In bytes: what blocks take, and what the heap has from the system for them. Both 0 where blocks come from
 * aligned_alloc, which malloc's own counts have. */
size_t mae_heap_used(mae_heap *heap);
size_t mae_heap_bytes(mae_heap *heap);

/* MAE_MEMORY_SERVICE (mae/backend.h) of a module whose units live in the common heap; NULL for another name. Fits
 * mae_backend.service. */
const void *mae_heap_service(const char *name);

#endif
