/* Running a primitive on numbers made for it. */
#include "backends/onednn/probe.h"

#include <stdlib.h>

#include "base/clock.h"

#define MOST_ARGS 16
#define MOST_RUNS 6
#define LEAST_RUNS 3
#define ENOUGH_NS 4e6
#define SWEEP_BYTES ((size_t)4 << 20) /* more than a core's own caches */

typedef struct stand {
    const mae_dnn_pe *pe;
    float *sweep;
    float seen; /* so that reading is not left out */
    dnnl_primitive_t primitive;
    size_t n;
    dnnl_exec_arg_t args[MOST_ARGS];
    float *memory[MOST_ARGS];
} stand;

static void finish(stand *s)
{
    for (size_t i = 0; i < s->n; i++) {
        dnnl_memory_destroy(s->args[i].memory);
        mae_dnn_free(s->memory[i]);
    }
    dnnl_primitive_destroy(s->primitive);
    free(s->sweep);
}

static mae_error *add(stand *s, int id, mae_dnn_layout layout, const mae_dnn_probe_arg *arg)
{
    size_t bytes = layout ? mae_dnn_bytes(layout) : 0;

    if (bytes == 0)
        return NULL;
    float *memory = s->memory[s->n] = mae_dnn_alloc(bytes);
    if (!memory)
        return mae_error_nomem();
    s->args[s->n++] = (dnnl_exec_arg_t){id, NULL};
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        memory[i] = arg ? arg->number : 0.0f;
    if (arg && arg->from)
        MAE_TRY(mae_dnn_reorder_now(s->pe, arg->from, (void *)arg->numbers, layout, memory));
    return mae_dnn_check(dnnl_memory_create(&s->args[s->n - 1].memory, layout, s->pe->engine, memory), "memory");
}

static mae_error *set_up(stand *s, const_dnnl_primitive_desc_t pd, const mae_dnn_probe_arg *args, size_t n_args)
{
    for (size_t i = 0; i < n_args; i++)
        MAE_TRY(add(s, args[i].id, mae_dnn_query(pd, dnnl_query_exec_arg_md, args[i].id), &args[i]));
    MAE_TRY(add(s, DNNL_ARG_SCRATCHPAD, mae_dnn_query(pd, dnnl_query_scratchpad_md, 0), NULL));
    return mae_dnn_check(dnnl_primitive_create(&s->primitive, pd), "primitive");
}

static void look_at(stand *s, float *memory, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof(float); i += 64 / sizeof(float))
        s->seen += memory[i] += 0.0f;
}

/* In a network a layer finds its source in the caches, and its weights pushed out of them by other layers'. Winograd's
 * weights are up to four times as many, so that this decides. */
static void make_as_in_a_network(stand *s, const_dnnl_primitive_desc_t pd)
{
    look_at(s, s->sweep, SWEEP_BYTES);
    if (s->n > 0 && s->args[0].arg == DNNL_ARG_SRC)
        look_at(s, s->memory[0], mae_dnn_bytes(mae_dnn_query(pd, dnnl_query_src_md, 0)));
}

static mae_error *run(stand *s)
{
    dnnl_status_t status = dnnl_primitive_execute(s->primitive, s->pe->stream, (int)s->n, s->args);

    if (status == dnnl_success)
        status = dnnl_stream_wait(s->pe->stream);
    return mae_dnn_check(status, "running a primitive to see what it does");
}

static mae_error *time_run(stand *s, const_dnnl_primitive_desc_t pd, double *ret_ns)
{
    make_as_in_a_network(s, pd);
    uint64_t begin = mae_clock_now_ns();
    mae_error *error = run(s);

    *ret_ns = (double)(mae_clock_now_ns() - begin);
    return error;
}

static mae_error *get_sweep(stand *s)
{
    s->sweep = calloc(1, SWEEP_BYTES);
    return s->sweep ? NULL : mae_error_nomem();
}

static mae_error *take_result(const stand *s, const_dnnl_primitive_desc_t pd, mae_dnn_layout to, float *result)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->args[i].arg == DNNL_ARG_DST)
            return mae_dnn_reorder_now(s->pe, mae_dnn_query(pd, dnnl_query_dst_md, 0), s->memory[i], to, result);
    return NULL;
}

mae_error *mae_dnn_probe(const mae_dnn_pe *pe, const_dnnl_primitive_desc_t pd, const mae_dnn_probe_arg *args,
                         size_t n_args, double give_up_ns, mae_dnn_layout to, float *result, double *ret_ns)
{
    stand s = {.pe = pe};
    double least = 0.0, spent = 0.0, ns;
    mae_error *error = n_args < MOST_ARGS ? set_up(&s, pd, args, n_args) : mae_error_nomem();

    if (!error)
        error = get_sweep(&s);
    if (!error)
        error = time_run(&s, pd, &least);
    if (!error && to)
        error = take_result(&s, pd, to, result);
    for (int i = 0; !error && (i == 0 || least <= give_up_ns) && i < MOST_RUNS && (i < LEAST_RUNS || spent < ENOUGH_NS);
         i++) {
        error = time_run(&s, pd, &ns);
        least = ns < least ? ns : least;
        spent += ns;
    }
    finish(&s);
    if (!error)
        *ret_ns = least;
    return error;
}

mae_error *mae_dnn_probe_result(const mae_dnn_pe *pe, const_dnnl_primitive_desc_t pd, const mae_dnn_probe_arg *args,
                                size_t n_args, mae_dnn_layout to, float *result)
{
    stand s = {.pe = pe};
    mae_error *error = n_args < MOST_ARGS ? set_up(&s, pd, args, n_args) : mae_error_nomem();

    if (!error)
        error = run(&s);
    if (!error)
        error = take_result(&s, pd, to, result);
    finish(&s);
    return error;
}
