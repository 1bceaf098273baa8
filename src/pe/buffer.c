#include "pe/buffer.h"

#include <stdint.h>
#include <string.h>

#include "base/heap.h"

#define ALIGNMENT MAE_HEAP_ALIGNMENT

mae_error *mae_buffer_reserve(mae_buffer *buffer, size_t bytes)
{
    if (buffer->host && buffer->bytes >= bytes)
        return NULL;
    if (bytes > SIZE_MAX - ALIGNMENT)
        return mae_error_nomem();
    size_t size = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *memory = mae_heap_alloc(mae_heap_common(), size);
    if (!memory)
        return mae_error_nomem();
    memset(memory, 0, size);
    mae_buffer_release(buffer);
    buffer->host = memory;
    buffer->bytes = size;
    return NULL;
}

void mae_buffer_release(mae_buffer *buffer)
{
    mae_heap_free(mae_heap_common(), buffer->host);
    buffer->host = NULL;
    buffer->bytes = 0;
}

mae_error *mae_buffer_check(const mae_tensor *tensor)
{
    if (tensor->shape.dtype != MAE_STRING)
        return NULL;
    return mae_error_new(MAE_ERR_UNSUPPORTED, "tensor %s holds strings, which cannot cross a segment's border",
                         tensor->name);
}
