/* What a module says of the memory that its units take. */
#include <string.h>

#include "base/heap.h"
#include "mae/backend.h"

static size_t held(void)
{
    return mae_heap_used(mae_heap_common());
}

const void *mae_heap_service(const char *name)
{
    static const mae_memory_service memory = {held};
    return strcmp(name, MAE_MEMORY_SERVICE) == 0 ? &memory : NULL;
}
