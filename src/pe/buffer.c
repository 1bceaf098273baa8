#include "pe/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64u

mae_error *mae_buffer_reserve(mae_buffer *buffer, size_t bytes)
{
    if (buffer->host && buffer->bytes >= bytes)
        return NULL;
    if (bytes > SIZE_MAX - ALIGNMENT)
        return mae_error_nomem();
    size_t size = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *memory = aligned_alloc(ALIGNMENT, size);
    if (!memory)
        return mae_error_nomem();
    memset(memory, 0, size);
    free(buffer->host);
    buffer->host = memory;
    buffer->bytes = size;
    return NULL;
}

mae_error *mae_buffer_check(const mae_tensor *tensor)
{
    if (tensor->shape.dtype != MAE_STRING)
        return NULL;
    return mae_error_new(MAE_ERR_UNSUPPORTED, "tensor %s holds strings, which cannot cross a segment's border",
                         tensor->name);
}
