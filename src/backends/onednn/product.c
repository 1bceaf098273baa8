/* Which of the library's implementations computes a product with constant weights, and how these lie. */
#include <math.h>

#include "backends/onednn/product.h"

#include "backends/onednn/probe.h"

/* Weights as the model has them, row-major, or packed once as an implementation wants them. Which is fastest depends on
 * the shape: a row times a matrix, as where a network classifies, takes twice as long where that lies with its axes
 * swapped as where it is packed; for some rows the library packs in every run nearly as fast. */
typedef enum lie { GIVEN, PLAIN, ANY } lie;
static const struct candidate {
    lie weights;
    int nth;
} candidates[] = {{GIVEN, 0}, {GIVEN, 1}, {ANY, 0}, {ANY, 1}, {PLAIN, 0}};

#define N_CANDIDATES (sizeof(candidates) / sizeof(candidates[0]))

dnnl_status_t mae_dnn_product_create(void *product, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    const mae_dnn_product *p = product;
    const mae_dnn_matmul_desc d = {p->src_layout, p->weight_layout, p->bias_layout, p->dst_layout};
    return mae_dnn_pd_matmul(p->b->pe->engine, &d, p->nth, attr, ret_pd);
}

static mae_dnn_layout layout_of(const mae_dnn_product *p, lie weights, mae_dnn_layout given)
{
    switch (weights) {
    case GIVEN:
        return given;
    case PLAIN:
        return mae_dnn_layout_plain(p->b->pool, p->ndims, p->weight_dims);
    default:
        return mae_dnn_layout_any(p->b->pool, p->ndims, p->weight_dims);
    }
}

static mae_dnn_key describe(const mae_dnn_product *p, const mae_dnn_chain *chain, bool cold)
{
    mae_dnn_key key = mae_dnn_key_of(p->b->pe);
    size_t bytes = (size_t)p->ndims * sizeof p->src_dims[0];

    mae_dnn_key_add_number(&key, dnnl_matmul);
    mae_dnn_key_add_number(&key, p->ndims);
    mae_dnn_key_add_number(&key, cold);
    mae_dnn_key_add_number(&key, p->bias_layout != NULL);
    mae_dnn_key_add_number(&key, p->transposed_src);
    mae_dnn_key_add_number(&key, p->transposed_weights);
    mae_dnn_key_add(&key, p->src_dims, bytes);
    mae_dnn_key_add(&key, p->weight_dims, bytes);
    mae_dnn_key_add_posts(&key, chain);
    return key;
}

typedef struct choice {
    const mae_dnn_chain *chain;
    bool cold;                /* weights are read from memory */
    mae_dnn_key key;          /* of all but the candidate */
    dnnl_primitive_desc_t pd; /* the fastest so far, or NULL */
    double ns;
} choice;

static mae_error *time_of(const mae_dnn_product *p, const choice *c, const_dnnl_primitive_desc_t pd,
                          const struct candidate *candidate, double *ret_ns)
{
    mae_dnn_key key = c->key;
    mae_dnn_probe_arg args[4 + MAE_DNN_MOST_POSTS];
    size_t n = 0;

    mae_dnn_key_add_number(&key, candidate->weights);
    mae_dnn_key_add_number(&key, candidate->nth);
    if (mae_dnn_times_find(&key, ret_ns))
        return NULL;
    args[n++] = (mae_dnn_probe_arg){DNNL_ARG_SRC, 0.5f, NULL, NULL, false, false};
    args[n++] = (mae_dnn_probe_arg){DNNL_ARG_WEIGHTS, 0.25f, NULL, NULL, c->cold, false};
    args[n++] = (mae_dnn_probe_arg){DNNL_ARG_DST, 0.25f, NULL, NULL, false, false};
    if (p->bias_layout)
        args[n++] = (mae_dnn_probe_arg){DNNL_ARG_BIAS, 0.125f, NULL, NULL, false, false};
    n += mae_dnn_probe_posts(c->chain, args + n);
    MAE_TRY(mae_dnn_probe(p->b->pe, pd, args, n, 2.0 * c->ns, NULL, NULL, ret_ns));
    mae_dnn_times_keep(&key, *ret_ns);
    return NULL;
}

/* Keeps the candidate if it is the fastest so far. */
static mae_error *try_candidate(mae_dnn_product *p, const struct candidate *candidate, choice *c)
{
    dnnl_primitive_desc_t pd;
    double ns = HUGE_VAL;

    p->nth = candidate->nth;
    if (mae_dnn_chain_again(p->b, c->chain, mae_dnn_product_create, p, &pd) != dnnl_success)
        return NULL;
    mae_error *error = mae_dnn_is_reference(pd) ? NULL : time_of(p, c, pd, candidate, &ns);
    if (error || ns >= c->ns) {
        dnnl_primitive_desc_destroy(pd);
        return error;
    }
    dnnl_primitive_desc_destroy(c->pd);
    c->pd = pd;
    c->ns = ns;
    return NULL;
}

mae_error *mae_dnn_product_choose(mae_dnn_product *p, const mae_dnn_chain *chain, dnnl_primitive_desc_t *pd)
{
    mae_dnn_layout given = p->weight_layout;
    choice c = {.chain = chain, .ns = HUGE_VAL};
    mae_error *error = NULL;

    if (p->b->trial || !p->constant || mae_dnn_is_reference(*pd))
        return NULL;
    c.cold = mae_dnn_reads_memory(p->b->graph);
    c.key = describe(p, chain, c.cold);
    for (size_t i = 0; !error && i < N_CANDIDATES; i++) {
        p->weight_layout = layout_of(p, candidates[i].weights, given);
        if (!p->weight_layout)
            error = mae_error_nomem();
        else if (candidates[i].weights != PLAIN || !dnnl_memory_desc_equal(p->weight_layout, given))
            error = try_candidate(p, &candidates[i], &c);
    }
    p->nth = 0;
    p->weight_layout = given;
    if (!error && c.pd) {
        p->weight_layout = mae_dnn_layout_copy(p->b->pool, mae_dnn_query(c.pd, dnnl_query_weights_md, 0));
        error = p->weight_layout ? NULL : mae_error_nomem();
    }
    if (error || !c.pd) {
        dnnl_primitive_desc_destroy(c.pd);
        return error;
    }
    dnnl_primitive_desc_destroy(*pd);
    *pd = c.pd;
    return NULL;
}
