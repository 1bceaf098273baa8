/* Where XNNPACK keeps what it packs: in huge pages, with all else that a frame touches. */
#include <stdlib.h>

#include "backends/xnnpack/unit.h"
#include "base/heap.h"

/* Its own tables, of which frames touch little. */
static void *take(void *context, size_t bytes)
{
    (void)context;
    return malloc(bytes);
}

static void *change(void *context, void *memory, size_t bytes)
{
    (void)context;
    return realloc(memory, bytes);
}

static void give_back(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static void *take_aligned(void *context, size_t alignment, size_t bytes)
{
    (void)context;
    return alignment > MAE_HEAP_ALIGNMENT ? NULL : mae_heap_alloc(mae_heap_common(), bytes);
}

static void give_back_aligned(void *context, void *memory)
{
    (void)context;
    mae_heap_free(mae_heap_common(), memory);
}

mae_error *mae_xnn_initialize(void)
{
    static const struct xnn_allocator allocator = {NULL, take, change, give_back, take_aligned, give_back_aligned};
    return mae_xnn_check(xnn_initialize(&allocator), "initialize");
}
