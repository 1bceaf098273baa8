/* What primitives take here, found by running them, and kept for as long as the process lasts: whoever compiles the
 * same thing again, on another thread or in the middle of a race, decides as before and waits for nothing. */
#ifndef MAE_BACKENDS_ONEDNN_PROBE_H
#define MAE_BACKENDS_ONEDNN_PROBE_H

#include "backends/onednn/conv.h"

/* Tells apart what was timed. */
typedef struct mae_dnn_key {
    uint64_t a, b;
} mae_dnn_key;

/* A key for what runs on this PE's threads and processors. */
mae_dnn_key mae_dnn_key_of(const mae_dnn_pe *pe);
void mae_dnn_key_add(mae_dnn_key *key, const void *data, size_t bytes);
static inline void mae_dnn_key_add_number(mae_dnn_key *key, int64_t number)
{
    mae_dnn_key_add(key, &number, sizeof number);
}

void mae_dnn_key_add_lie(mae_dnn_key *key, const mae_dnn_lie *lie);

void mae_dnn_key_add_posts(mae_dnn_key *key, const mae_dnn_chain *chain);

bool mae_dnn_times_find(const mae_dnn_key *key, double *ret_ns);
/* Keeps it if there is room. */
void mae_dnn_times_keep(const mae_dnn_key *key, double ns);

#define MAE_DNN_MOST_PROBED 15 /* arguments */

/* One argument of a primitive to be timed. */
typedef struct mae_dnn_probe_arg {
    int id;
    float number;        /* what all are, without `numbers` */
    mae_dnn_layout from; /* `numbers` lie so, and are reordered to what the primitive wants; or NULL */
    const float *numbers;
    bool cold; /* in no cache when a run begins */
    bool read; /* what its first reader waits for, in case it was written past the caches, counts, too */
} mae_dnn_probe_arg;

/* The least time of a few runs: of two if both take longer than `give_up_ns`. What the first run
 * put out (DNNL_ARG_DST, or DNNL_ARG_TO) goes to `result`, in the layout `to`, unless that is NULL. */
MAE_MUST_CHECK mae_error *mae_dnn_probe(const mae_dnn_pe *pe, const_dnnl_primitive_desc_t pd,
                                        const mae_dnn_probe_arg *args, size_t n_args, double give_up_ns,
                                        mae_dnn_layout to, float *result, double *ret_ns);
/* Arguments for the chain's post-operations; returns how many. */
size_t mae_dnn_probe_posts(const mae_dnn_chain *chain, mae_dnn_probe_arg *args);
/* Are weights read from memory in every frame, being more than caches hold? */
bool mae_dnn_reads_memory(const mae_graph *graph);
/* Runs it once, for the result (DNNL_ARG_DST) alone. */
MAE_MUST_CHECK mae_error *mae_dnn_probe_result(const mae_dnn_pe *pe, const_dnnl_primitive_desc_t pd,
                                               const mae_dnn_probe_arg *args, size_t n_args, mae_dnn_layout to,
                                               float *result);

#endif
