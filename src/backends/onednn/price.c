/* What it takes to bring tensors from one layout into another. */
#include <math.h>

#include "backends/onednn/probe.h"

void mae_dnn_key_add_lie(mae_dnn_key *key, const mae_dnn_lie *lie)
{
    size_t n = (size_t)lie->ndims * sizeof lie->dims[0], blocks = (size_t)lie->n_blocks * sizeof lie->blocks[0];

    mae_dnn_key_add_number(key, lie->ndims);
    mae_dnn_key_add(key, lie->dims, n);
    mae_dnn_key_add(key, lie->padded, n);
    mae_dnn_key_add(key, lie->strides, n);
    mae_dnn_key_add_number(key, lie->n_blocks);
    mae_dnn_key_add(key, lie->blocks, blocks);
    mae_dnn_key_add(key, lie->block_axes, blocks);
}

static mae_error *time_reorder(const mae_dnn_pe *pe, mae_dnn_layout from, mae_dnn_layout to, double *ret_ns)
{
    const mae_dnn_probe_arg args[] = {{DNNL_ARG_FROM, 0.5f, NULL, NULL, false, false},
                                      {DNNL_ARG_TO, 0.0f, NULL, NULL, false, false}};
    dnnl_primitive_desc_t pd;

    if (dnnl_reorder_primitive_desc_create(&pd, from, pe->engine, to, pe->engine, pe->attr) != dnnl_success) {
        *ret_ns = HUGE_VAL;
        return NULL;
    }
    mae_error *error = mae_dnn_probe(pe, pd, args, 2, HUGE_VAL, NULL, NULL, ret_ns);
    dnnl_primitive_desc_destroy(pd);
    return error;
}

mae_error *mae_dnn_layout_price(const mae_dnn_pe *pe, mae_dnn_layout from, mae_dnn_layout to, double *ret_ns)
{
    mae_dnn_key key = mae_dnn_key_of(pe);
    mae_dnn_lie a, b;

    *ret_ns = HUGE_VAL;
    if (!mae_dnn_layout_lie(from, &a) || !mae_dnn_layout_lie(to, &b))
        return NULL;
    mae_dnn_key_add_lie(&key, &a);
    mae_dnn_key_add_lie(&key, &b);
    if (mae_dnn_times_find(&key, ret_ns))
        return NULL;
    MAE_TRY(time_reorder(pe, from, to, ret_ns));
    mae_dnn_times_keep(&key, *ret_ns);
    return NULL;
}

static bool is_there(const mae_dnn_value *value, mae_dnn_layout layout)
{
    size_t offset;
    return dnnl_memory_desc_equal(value->layout, layout) ||
           (mae_dnn_is_dense(value->layout) && mae_dnn_is_dense(layout)) ||
           mae_dnn_lies_as(value->layout, layout, &offset);
}

mae_error *mae_dnn_value_price(mae_dnn_build *b, int tensor, mae_dnn_layout layout, double *ret_ns)
{
    int native;

    *ret_ns = 0.0;
    if (mae_dnn_is_weight(b, tensor))
        return NULL;
    MAE_TRY(mae_dnn_value_native(b, tensor, &native));
    for (int v = b->heads[tensor]; v >= 0; v = mae_dnn_at(b, v)->next)
        if (is_there(mae_dnn_at(b, v), layout))
            return NULL;
    return mae_dnn_layout_price(b->pe, mae_dnn_at(b, native)->layout, layout, ret_ns);
}
