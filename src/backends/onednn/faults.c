/* What the library's kernels get wrong on this processor, found once, as it is opened, so that it is computed
 * otherwise.
 *
 * Where it has no kernel for the processor (2.6 on Arm), a Relu is x > 0 ? x : slope * x: the slope 0 makes a
 * not-a-number of minus infinity. */
#include <math.h>

#include "backends/onednn/probe.h"

#define N 67 /* some vectors, and a rest */

static mae_error *relu_of(const mae_dnn_pe *pe, mae_dnn_pool *pool, float *result)
{
    const mae_dnn_probe_arg args[] = {{.id = DNNL_ARG_SRC, .number = -INFINITY}, {.id = DNNL_ARG_DST, .number = 1}};
    dnnl_primitive_desc_t pd;
    mae_dnn_layout layout = mae_dnn_layout_plain(pool, 1, (dnnl_dim_t[]){N});

    if (!layout)
        return mae_error_nomem();
    MAE_TRY(mae_dnn_check(mae_dnn_pd_eltwise(pe->engine, dnnl_eltwise_relu, layout, 0.0f, 0.0f, pe->attr, &pd),
                          "a Relu to see what it does"));
    mae_error *error = mae_dnn_probe_result(pe, pd, args, 2, layout, result);
    dnnl_primitive_desc_destroy(pd);
    return error;
}

mae_error *mae_dnn_find_faults(mae_dnn_pe *pe)
{
    mae_dnn_pool pool;
    float result[N];

    if (pe->set_threads)
        pe->set_threads(1); /* whoever opens it may not be who computes: no threads of a pool for this */
    MAE_TRY(mae_dnn_pool_init(&pool));
    mae_error *error = relu_of(pe, &pool, result);
    for (int i = 0; !error && i < N; i++)
        pe->relu_multiplies = pe->relu_multiplies || result[i] != 0.0f;
    mae_dnn_pool_finish(&pool);
    return error;
}
