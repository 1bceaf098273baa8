/* Memory descriptors: made, owned by a pool, and looked into. */
#include <string.h>

#include "backends/onednn/api.h"

struct mae_dnn_pooled {
    struct mae_dnn_pooled *next;
    mae_dnn_layout layout;
};

mae_error *mae_dnn_pool_init(mae_dnn_pool *pool)
{
    pool->first = NULL;
    pool->arena = mae_arena_create();
    return pool->arena ? NULL : mae_error_nomem();
}

static void row_major(int ndims, const dnnl_dim_t *dims, dnnl_dim_t *strides)
{
    dnnl_dim_t stride = 1;

    for (int i = ndims - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
}

mae_dnn_layout mae_dnn_layout_plain(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims)
{
    dnnl_dims_t strides;

    row_major(ndims, dims, strides);
    return mae_dnn_layout_strided(pool, ndims, dims, strides);
}

mae_dnn_layout mae_dnn_layout_last(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims)
{
    dnnl_dims_t strides;
    dnnl_dim_t stride = dims[1];

    for (int i = ndims - 1; i >= 0; i--) {
        if (i == 1)
            continue;
        strides[i] = stride;
        stride *= dims[i];
    }
    strides[1] = 1;
    return mae_dnn_layout_strided(pool, ndims, dims, strides);
}

#if DNNL_VERSION_MAJOR >= 3

void mae_dnn_pool_finish(mae_dnn_pool *pool)
{
    for (struct mae_dnn_pooled *p = pool->first; p; p = p->next)
        dnnl_memory_desc_destroy((dnnl_memory_desc_t)p->layout);
    mae_arena_destroy(pool->arena);
}

/* Takes over `made`, which the library gave with `status`. */
static mae_dnn_layout pooled(mae_dnn_pool *pool, dnnl_status_t status, dnnl_memory_desc_t made)
{
    if (status != dnnl_success)
        return NULL;
    struct mae_dnn_pooled *entry = mae_arena_alloc(pool->arena, sizeof(*entry));
    if (!entry) {
        dnnl_memory_desc_destroy(made);
        return NULL;
    }
    *entry = (struct mae_dnn_pooled){pool->first, made};
    pool->first = entry;
    return made;
}

mae_dnn_layout mae_dnn_layout_strided(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims, const dnnl_dim_t *strides)
{
    dnnl_memory_desc_t made = NULL;
    dnnl_status_t status = dnnl_memory_desc_create_with_strides(&made, ndims, dims, dnnl_f32, strides);
    return pooled(pool, status, made);
}

static mae_dnn_layout tagged(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t made = NULL;
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&made, ndims, dims, dnnl_f32, tag);
    return pooled(pool, status, made);
}

mae_dnn_layout mae_dnn_layout_copy(mae_dnn_pool *pool, mae_dnn_layout layout)
{
    dnnl_memory_desc_t made = NULL;
    dnnl_status_t status = dnnl_memory_desc_clone(&made, layout);
    return pooled(pool, status, made);
}

mae_dnn_layout mae_dnn_layout_part(mae_dnn_pool *pool, mae_dnn_layout layout, const dnnl_dim_t *dims,
                                   const dnnl_dim_t *offsets)
{
    dnnl_memory_desc_t made = NULL;
    dnnl_status_t status = dnnl_memory_desc_create_submemory(&made, layout, dims, offsets);
    return pooled(pool, status, made);
}

mae_dnn_layout mae_dnn_layout_permute(mae_dnn_pool *pool, mae_dnn_layout layout, const int *permutation)
{
    dnnl_memory_desc_t made = NULL;
    dnnl_status_t status = dnnl_memory_desc_permute_axes(&made, layout, permutation);
    return pooled(pool, status, made);
}

bool mae_dnn_layout_lie(mae_dnn_layout layout, mae_dnn_lie *ret_lie)
{
    const dnnl_dims_t *dims, *padded, *strides, *blocks, *axes;
    dnnl_format_kind_t kind;
    mae_dnn_lie lie = {0};
    int n = 0;

    if (dnnl_memory_desc_query(layout, dnnl_query_format_kind, &kind) != dnnl_success || kind != dnnl_blocked ||
        dnnl_memory_desc_query(layout, dnnl_query_ndims_s32, &lie.ndims) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_dims, &dims) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_padded_dims, &padded) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_strides, &strides) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_submemory_offset_s64, &lie.offset) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_inner_nblks_s32, &n) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_inner_blks, &blocks) != dnnl_success ||
        dnnl_memory_desc_query(layout, dnnl_query_inner_idxs, &axes) != dnnl_success)
        return false;
    lie.n_blocks = n;
    memcpy(lie.dims, *dims, sizeof(lie.dims[0]) * (size_t)lie.ndims);
    memcpy(lie.padded, *padded, sizeof(lie.dims[0]) * (size_t)lie.ndims);
    memcpy(lie.strides, *strides, sizeof(lie.dims[0]) * (size_t)lie.ndims);
    memcpy(lie.blocks, *blocks, sizeof(lie.dims[0]) * (size_t)n);
    memcpy(lie.block_axes, *axes, sizeof(lie.dims[0]) * (size_t)n);
    *ret_lie = lie;
    return true;
}

#else

void mae_dnn_pool_finish(mae_dnn_pool *pool)
{
    mae_arena_destroy(pool->arena);
}

static mae_dnn_layout pooled(mae_dnn_pool *pool, dnnl_status_t status, const dnnl_memory_desc_t *made)
{
    return status == dnnl_success ? mae_arena_copy(pool->arena, made, sizeof(*made)) : NULL;
}

mae_dnn_layout mae_dnn_layout_strided(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims, const dnnl_dim_t *strides)
{
    dnnl_memory_desc_t made;
    dnnl_status_t status = dnnl_memory_desc_init_by_strides(&made, ndims, dims, dnnl_f32, strides);
    return pooled(pool, status, &made);
}

static mae_dnn_layout tagged(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t made;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&made, ndims, dims, dnnl_f32, tag);
    return pooled(pool, status, &made);
}

mae_dnn_layout mae_dnn_layout_copy(mae_dnn_pool *pool, mae_dnn_layout layout)
{
    return pooled(pool, dnnl_success, layout);
}

mae_dnn_layout mae_dnn_layout_part(mae_dnn_pool *pool, mae_dnn_layout layout, const dnnl_dim_t *dims,
                                   const dnnl_dim_t *offsets)
{
    dnnl_memory_desc_t made;
    dnnl_status_t status = dnnl_memory_desc_init_submemory(&made, layout, dims, offsets);
    return pooled(pool, status, &made);
}

mae_dnn_layout mae_dnn_layout_permute(mae_dnn_pool *pool, mae_dnn_layout layout, const int *permutation)
{
    dnnl_memory_desc_t made;
    dnnl_status_t status = dnnl_memory_desc_permute_axes(&made, layout, permutation);
    return pooled(pool, status, &made);
}

bool mae_dnn_layout_lie(mae_dnn_layout layout, mae_dnn_lie *ret_lie)
{
    const dnnl_blocking_desc_t *blocking = &layout->format_desc.blocking;
    size_t n = (size_t)layout->ndims;
    mae_dnn_lie lie = {.ndims = layout->ndims, .offset = layout->offset0, .n_blocks = blocking->inner_nblks};

    if (layout->format_kind != dnnl_blocked)
        return false;
    memcpy(lie.dims, layout->dims, sizeof(lie.dims[0]) * n);
    memcpy(lie.padded, layout->padded_dims, sizeof(lie.dims[0]) * n);
    memcpy(lie.strides, blocking->strides, sizeof(lie.dims[0]) * n);
    memcpy(lie.blocks, blocking->inner_blks, sizeof(lie.dims[0]) * (size_t)lie.n_blocks);
    memcpy(lie.block_axes, blocking->inner_idxs, sizeof(lie.dims[0]) * (size_t)lie.n_blocks);
    *ret_lie = lie;
    return true;
}

#endif

mae_dnn_layout mae_dnn_layout_any(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims)
{
    return tagged(pool, ndims, dims, dnnl_format_tag_any);
}

static bool is_wide(void)
{
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
}

mae_layout mae_dnn_native_layout(void)
{
    return is_wide() ? MAE_LAYOUT_BLOCKED16 : MAE_LAYOUT_BLOCKED8;
}

mae_dnn_layout mae_dnn_layout_blocked(mae_dnn_pool *pool, int ndims, const dnnl_dim_t *dims)
{
    static const dnnl_format_tag_t by8[] = {dnnl_nCw8c, dnnl_nChw8c, dnnl_nCdhw8c};
    static const dnnl_format_tag_t by16[] = {dnnl_nCw16c, dnnl_nChw16c, dnnl_nCdhw16c};

    if (ndims < 3 || ndims > 5)
        return NULL;
    return tagged(pool, ndims, dims, (is_wide() ? by16 : by8)[ndims - 3]);
}
