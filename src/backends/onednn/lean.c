/* Which leaning a segment is built with. Each convolution takes what is fastest where it stands; whether all together
 * are at their best in blocks of channels, with channels last, or in turns, is seen when the reorders between them, and
 * what else depends on layouts, are added up. */
#include <math.h>
#include <string.h>

#include "backends/onednn/probe.h"

static const mae_dnn_leaning leanings[] = {{MAE_DNN_ANY_ORDER, 1.0},
                                           {MAE_DNN_BLOCKS, 1.1},
                                           {MAE_DNN_BLOCKS, 1.5},
                                           {MAE_DNN_CHANNELS_LAST, 1.1},
                                           {MAE_DNN_CHANNELS_LAST, 1.5}};

#define N_LEANINGS (sizeof(leanings) / sizeof(leanings[0]))

/* A leaning to be had must be that much better than none: times have their noise. */
#define WORTH 0.99

static bool depends_on_layouts(dnnl_primitive_kind_t kind)
{
    return kind == dnnl_reorder || kind == dnnl_pooling || kind == dnnl_binary || kind == dnnl_eltwise ||
           kind == dnnl_batch_normalization || kind == dnnl_resampling;
}

static mae_error *time_step(const mae_dnn_build *b, const_dnnl_primitive_desc_t pd, const mae_dnn_arg *args,
                            size_t n_args, double *ret_ns)
{
    mae_dnn_probe_arg probe[MAE_DNN_MOST_PROBED];

    for (size_t i = 0; i < n_args; i++)
        probe[i] = (mae_dnn_probe_arg){args[i].id, 0.5f, NULL, NULL, false, false};
    return mae_dnn_probe(b->pe, pd, probe, n_args, HUGE_VAL, NULL, NULL, ret_ns);
}

mae_error *mae_dnn_weigh(mae_dnn_build *b, const_dnnl_primitive_desc_t pd, const mae_dnn_arg *args, size_t n_args)
{
    mae_dnn_key key = mae_dnn_key_of(b->pe);
    dnnl_primitive_kind_t kind;
    mae_dnn_lie lie;
    double ns;

    if (pd == b->weighed) {
        b->spent_ns += b->weighed_ns;
        return NULL;
    }
    if (dnnl_primitive_desc_query(pd, dnnl_query_primitive_kind, 0, &kind) != dnnl_success ||
        !depends_on_layouts(kind) || n_args > MAE_DNN_MOST_PROBED)
        return NULL;
    if (kind == dnnl_reorder) { /* as those who choose look it up */
        MAE_TRY(mae_dnn_layout_price(b->pe, mae_dnn_query(pd, dnnl_query_src_md, 0),
                                     mae_dnn_query(pd, dnnl_query_dst_md, 0), &ns));
        b->spent_ns += ns;
        return NULL;
    }
    mae_dnn_key_add_number(&key, kind);
    for (size_t i = 0; i < n_args; i++) {
        mae_dnn_layout layout = mae_dnn_query(pd, dnnl_query_exec_arg_md, args[i].id);
        if (!layout || !mae_dnn_layout_lie(layout, &lie))
            return NULL;
        mae_dnn_key_add_number(&key, args[i].id);
        mae_dnn_key_add_lie(&key, &lie);
    }
    if (!mae_dnn_times_find(&key, &ns)) {
        MAE_TRY(time_step(b, pd, args, n_args, &ns));
        mae_dnn_times_keep(&key, ns);
    }
    b->spent_ns += ns;
    return NULL;
}

static mae_error *weigh_leaning(const mae_dnn_build *like, const mae_dnn_leaning *leaning, double *ret_ns)
{
    mae_dnn_build b = *like;

    b.trial = b.weighs = true;
    b.leaning = *leaning;
    mae_error *error = mae_dnn_build_begin(&b);
    *ret_ns = error ? HUGE_VAL : b.spent_ns;
    mae_dnn_build_finish(&b);
    if (!error || mae_error_code(error) != MAE_ERR_UNSUPPORTED)
        return error;
    mae_error_free(error); /* layouts for which the library has no code */
    return NULL;
}

static size_t count_convolutions(const mae_dnn_build *b)
{
    const mae_layer *first = &b->graph->layers[b->segment->first], *last = &b->graph->layers[b->segment->last];
    size_t n = 0;

    for (int i = first->first_node; i < last->first_node + last->n_nodes; i++)
        n += !strcmp(b->graph->nodes[i].op, "Conv");
    return n;
}

mae_error *mae_dnn_choose_leaning(const mae_dnn_build *b, mae_dnn_leaning *ret_leaning)
{
    double best = HUGE_VAL, ns;

    *ret_leaning = leanings[0];
    if (count_convolutions(b) < 2)
        return NULL;
    for (size_t i = 0; i < N_LEANINGS; i++) {
        MAE_TRY(weigh_leaning(b, &leanings[i], &ns));
        if (ns >= best)
            continue;
        best = i == 0 ? ns * WORTH : ns;
        *ret_leaning = leanings[i];
    }
    return NULL;
}
