/* Which of the library's implementations computes a convolution. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/onednn/probe.h"
#include "base/stats.h"

/* The library's order is a guess made for whole families of processors; which is fastest depends on the shape. */
static const struct candidate {
    dnnl_alg_kind_t algorithm;
    int nth;
} candidates[] = {{dnnl_convolution_direct, 0},
                  {dnnl_convolution_direct, 1},
                  {dnnl_convolution_direct, 2},
                  {dnnl_convolution_winograd, 0},
                  {dnnl_convolution_winograd, 1}};

#define N_CANDIDATES (sizeof(candidates) / sizeof(candidates[0]))

/* Winograd's transformations cancel digits. More than this, of the largest element of the result, would be too near to
 * the PE's tolerance after some layers. */
#define MOST_ERROR 2e-5

/* They also let an infinity or a not-a-number spread to its neighbours' results, so a gain of a few microseconds is not
 * worth them. */
#define LEAST_GAIN_NS 10e3

typedef struct choice {
    mae_dnn_conv *conv;
    const mae_dnn_chain *chain;
    const struct candidate *candidate; /* being made */
    mae_dnn_key key;                   /* of all but the candidate */
    float *src, *weights;              /* numbers; NULL until one has to be run */
    float *reference, *result;         /* what comes of them, row-major */
    mae_dnn_layout plain_src, plain_dst;
    size_t n_dst;
    bool cold; /* its weights are read from memory */
} choice;

static dnnl_status_t create(void *ctx, const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *ret_pd)
{
    const choice *c = ctx;
    return mae_dnn_pd_conv_nth(c->conv->b->pe->engine, &c->conv->desc, c->candidate->algorithm, c->candidate->nth, attr,
                               ret_pd);
}

/* ---- what it is ---- */

static void describe(choice *c)
{
    const mae_dnn_conv *v = c->conv;
    size_t spatial = (size_t)(v->ndims - 2) * sizeof v->desc.strides[0];

    c->key = mae_dnn_key_of(v->b->pe);
    mae_dnn_key_add_number(&c->key, v->ndims);
    mae_dnn_key_add_number(&c->key, v->groups);
    mae_dnn_key_add_number(&c->key, c->cold);
    mae_dnn_key_add_number(&c->key, v->desc.bias != NULL);
    mae_dnn_key_add(&c->key, v->src_dims, (size_t)v->ndims * sizeof v->src_dims[0]);
    mae_dnn_key_add(&c->key, v->dst_dims, (size_t)v->ndims * sizeof v->dst_dims[0]);
    mae_dnn_key_add(&c->key, v->weight_dims, (size_t)v->weight_ndims * sizeof v->weight_dims[0]);
    mae_dnn_key_add(&c->key, v->desc.strides, spatial);
    mae_dnn_key_add(&c->key, v->desc.dilates, spatial);
    mae_dnn_key_add(&c->key, v->desc.pad_low, spatial);
    mae_dnn_key_add(&c->key, v->desc.pad_high, spatial);
    mae_dnn_key_add_posts(&c->key, c->chain);
}

/* ---- how long it takes ---- */

static size_t count(int ndims, const dnnl_dim_t *dims)
{
    size_t n = 1;
    for (int i = 0; i < ndims; i++)
        n *= (size_t)dims[i];
    return n;
}

static float *numbers(mae_rng *rng, size_t n, double scale)
{
    float *values = mae_dnn_alloc(n * sizeof(float));

    for (size_t i = 0; values && i < n; i++)
        values[i] = (float)((mae_rng_uniform(rng) - 0.5) * scale);
    return values;
}

static size_t list_args(const choice *c, mae_dnn_probe_arg *args)
{
    size_t n = 0;

    args[n++] = (mae_dnn_probe_arg){DNNL_ARG_SRC, 0.0f, c->plain_src, c->src, false, false};
    args[n++] = (mae_dnn_probe_arg){DNNL_ARG_WEIGHTS, 0.0f, c->conv->weight_layout, c->weights, c->cold, false};
    /* Winograd's algorithm with the larger tiles writes its result past the caches. */
    bool streams = c->candidate->algorithm == dnnl_convolution_winograd;
    args[n++] = (mae_dnn_probe_arg){DNNL_ARG_DST, 0.25f, NULL, NULL, false, streams};
    if (c->conv->desc.bias)
        args[n++] = (mae_dnn_probe_arg){DNNL_ARG_BIAS, 0.125f, NULL, NULL, false, false};
    return n + mae_dnn_probe_posts(c->chain, args + n);
}

static mae_error *measure(choice *c, const_dnnl_primitive_desc_t pd, double give_up_ns, float *result, double *ret_ns)
{
    mae_dnn_probe_arg args[4 + MAE_DNN_MOST_POSTS];
    size_t n = list_args(c, args);
    return mae_dnn_probe(c->conv->b->pe, pd, args, n, give_up_ns, result ? c->plain_dst : NULL, result, ret_ns);
}

/* Numbers to compute with, and what the library's favourite makes of them. */
static mae_error *prepare(choice *c, const_dnnl_primitive_desc_t favourite)
{
    mae_dnn_conv *v = c->conv;
    mae_rng rng = {1};
    double ns;

    if (c->src)
        return NULL;
    c->n_dst = count(v->ndims, v->dst_dims);
    c->plain_src = mae_dnn_layout_plain(v->b->pool, v->ndims, v->src_dims);
    c->plain_dst = mae_dnn_layout_plain(v->b->pool, v->ndims, v->dst_dims);
    c->src = numbers(&rng, count(v->ndims, v->src_dims), 2.0);
    c->weights = numbers(&rng, count(v->weight_ndims, v->weight_dims), 0.5);
    c->reference = mae_dnn_alloc(c->n_dst * sizeof(float));
    c->result = mae_dnn_alloc(c->n_dst * sizeof(float));
    if (!c->plain_src || !c->plain_dst || !c->src || !c->weights || !c->reference || !c->result)
        return mae_error_nomem();
    return measure(c, favourite, 0.0, c->reference, &ns);
}

/* Nothing is near a not-a-number. */
static bool is_exact(const choice *c)
{
    double largest = 0.0;

    for (size_t i = 0; i < c->n_dst; i++) {
        double x = fabs((double)c->reference[i]);
        largest = x > largest ? x : largest;
    }
    for (size_t i = 0; i < c->n_dst; i++)
        if (!(fabs((double)c->result[i] - (double)c->reference[i]) <= MOST_ERROR * largest))
            return false;
    return true;
}

/* HUGE_VAL: it is not exact enough. */
static mae_error *time_of(choice *c, const_dnnl_primitive_desc_t favourite, const_dnnl_primitive_desc_t pd,
                          double give_up_ns, double *ret_ns)
{
    mae_dnn_key key = c->key;

    mae_dnn_key_add_number(&key, c->candidate->algorithm);
    mae_dnn_key_add_number(&key, c->candidate->nth);
    if (mae_dnn_times_find(&key, ret_ns))
        return NULL;
    MAE_TRY(prepare(c, favourite));
    MAE_TRY(measure(c, pd, give_up_ns, c->result, ret_ns));
    if (!is_exact(c))
        *ret_ns = HUGE_VAL;
    mae_dnn_times_keep(&key, *ret_ns);
    return NULL;
}

/* ---- what else it costs ---- */

static mae_error *price_of_posts(const choice *c, const_dnnl_primitive_desc_t pd, double *sum)
{
    for (size_t i = 0; i < c->chain->n_posts; i++) {
        const mae_dnn_post *post = &c->chain->posts[i];
        int id = DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)i) | DNNL_ARG_SRC_1;
        double ns;
        if (post->kind == MAE_DNN_POST_FUNCTION || !post->full)
            continue;
        bool in_place = post->kind == MAE_DNN_POST_SUM;
        mae_dnn_layout wanted =
            in_place ? mae_dnn_query(pd, dnnl_query_dst_md, 0) : mae_dnn_query(pd, dnnl_query_exec_arg_md, id);
        MAE_TRY(mae_dnn_value_price(c->conv->b, post->tensor, wanted, &ns));
        *sum += ns;
    }
    return NULL;
}

static bool gives_blocks(const choice *c, const_dnnl_primitive_desc_t pd)
{
    const mae_dnn_conv *v = c->conv;
    mae_dnn_layout blocked = mae_dnn_layout_blocked(v->b->pool, v->ndims, v->dst_dims);
    size_t offset;
    return blocked && mae_dnn_lies_as(mae_dnn_query(pd, dnnl_query_dst_md, 0), blocked, &offset);
}

/* A result that leaves the segment has to be dense, or in blocks where those are offered. */
static mae_error *price_of_output(const choice *c, const_dnnl_primitive_desc_t pd, double *sum)
{
    const mae_dnn_conv *v = c->conv;
    const mae_dnn_build *b = v->b;
    int tensor = c->chain->n_posts ? c->chain->posts[c->chain->n_posts - 1].out : c->chain->out;
    mae_dnn_layout lies = mae_dnn_query(pd, dnnl_query_dst_md, 0);
    double ns;

    for (size_t i = 0; i < b->segment->n_outputs; i++) {
        unsigned offers = b->borders ? b->borders->offers[i] : 0;
        if (b->segment->outputs[i] != tensor || mae_dnn_is_dense(lies) ||
            ((offers & MAE_LAYOUT_BIT(mae_dnn_native_layout())) && gives_blocks(c, pd)))
            continue;
        mae_dnn_layout dense = mae_dnn_layout_plain(b->pool, v->ndims, v->dst_dims);
        if (!dense)
            return mae_error_nomem();
        MAE_TRY(mae_dnn_layout_price(b->pe, lies, dense, &ns));
        *sum += ns;
    }
    return NULL;
}

static bool is_leant_to(const choice *c, const_dnnl_primitive_desc_t pd)
{
    switch (c->conv->b->leaning.order) {
    case MAE_DNN_BLOCKS:
        return gives_blocks(c, pd);
    case MAE_DNN_CHANNELS_LAST:
        return mae_dnn_is_last(mae_dnn_query(pd, dnnl_query_dst_md, 0));
    default:
        return true;
    }
}

static mae_error *cost_of(choice *c, const_dnnl_primitive_desc_t favourite, const_dnnl_primitive_desc_t pd,
                          double best_ns, double *ret_own_ns, double *ret_ns)
{
    double ns, moves = 0.0;

    MAE_TRY(time_of(c, favourite, pd, 2.0 * best_ns, &ns));
    MAE_TRY(mae_dnn_value_price(c->conv->b, c->conv->src, mae_dnn_query(pd, dnnl_query_src_md, 0), &moves));
    MAE_TRY(price_of_posts(c, pd, &moves));
    MAE_TRY(price_of_output(c, pd, &moves));
    *ret_own_ns = ns;
    ns = ns * (is_leant_to(c, pd) ? 1.0 : c->conv->b->leaning.factor) + moves;
    *ret_ns = ns + (c->candidate->algorithm == dnnl_convolution_winograd ? LEAST_GAIN_NS : 0.0);
    return NULL;
}

/* ---- the choice ---- */

static mae_error *choose(choice *c, dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_desc_t best = NULL, other;
    double best_ns = HUGE_VAL, best_own_ns = 0.0, own_ns = 0.0, ns;
    mae_error *error = NULL;

    for (size_t i = 0; !error && i < N_CANDIDATES; i++) {
        c->candidate = &candidates[i];
        if (mae_dnn_chain_again(c->conv->b, c->chain, create, c, &other) != dnnl_success)
            continue;
        bool slow = mae_dnn_is_reference(other) || (candidates[i].nth > 0 && mae_dnn_is_old(other));
        if (!slow)
            error = cost_of(c, *pd, other, best_ns, &own_ns, &ns);
        if (slow || error || ns >= best_ns) {
            dnnl_primitive_desc_destroy(other);
            continue;
        }
        dnnl_primitive_desc_destroy(best);
        best = other;
        best_ns = ns;
        best_own_ns = own_ns;
    }
    if (error || !best) {
        dnnl_primitive_desc_destroy(best);
        return error;
    }
    dnnl_primitive_desc_destroy(*pd);
    *pd = best;
    c->conv->b->weighed = best;
    c->conv->b->weighed_ns = best_own_ns;
    return NULL;
}

mae_error *mae_dnn_conv_choose(mae_dnn_conv *conv, const mae_dnn_chain *chain, dnnl_primitive_desc_t *pd)
{
    choice c = {.conv = conv, .chain = chain};

    /* Without constant weights they would have to be packed in every frame. */
    if ((conv->b->trial && !conv->b->weighs) || conv->transposed || !conv->constant || conv->padded >= 0 ||
        mae_dnn_is_reference(*pd))
        return NULL;
    c.cold = mae_dnn_reads_memory(conv->b->graph);
    describe(&c);
    mae_error *error = choose(&c, pd);
    mae_dnn_free(c.src);
    mae_dnn_free(c.weights);
    mae_dnn_free(c.reference);
    mae_dnn_free(c.result);
    return error;
}
