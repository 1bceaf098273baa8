/* The memory of all sessions on the CPU: weights and activations in huge pages. */
#include "ort.h"

#include "base/heap.h"

typedef struct memory {
    OrtAllocator base;
    const OrtMemoryInfo *info;
} memory;

static void *ORT_API_CALL take(OrtAllocator *base, size_t bytes)
{
    (void)base;
    return bytes > 0 ? mae_heap_alloc(mae_heap_common(), bytes) : NULL; /* as the engine has it */
}

static void ORT_API_CALL give_back(OrtAllocator *base, void *block)
{
    (void)base;
    mae_heap_free(mae_heap_common(), block);
}

static const OrtMemoryInfo *ORT_API_CALL describe(const OrtAllocator *base)
{
    return ((const memory *)base)->info;
}

bool mae_ort_memory_register(const mae_ort *ort)
{
    /* The environment keeps it until the process ends. The version says which members there are. */
    static memory m = {.base = {.version = MAE_ORT_API, .Alloc = take, .Free = give_back, .Info = describe}};
    m.info = ort->cpu;
    mae_error *error = mae_ort_check(ort, ort->api->RegisterAllocator(ort->env, &m.base));
    bool registered = !error;
    mae_error_free(error);
    return registered;
}
