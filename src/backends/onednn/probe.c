/* Running a primitive on numbers made for it. */
#include "backends/onednn/probe.h"

#include <stdlib.h>

#include "base/clock.h"

#define MOST_ARGS (MAE_DNN_MOST_PROBED + 1) /* and a scratchpad */
#define MOST_RUNS 6
#define LEAST_RUNS 3
#define ENOUGH_NS 4e6
#define SWEEP_BYTES ((size_t)4 << 20) /* more than a core's own caches */

/* The weights of a network that has more are read from memory in every frame, not from a cache that cores share. */
#define CACHED_BYTES ((size_t)16 << 20)

typedef struct stand {
    const mae_dnn_pe *pe;
    float *sweep;
    float seen; /* so that reading is not left out */
    dnnl_primitive_t primitive;
    dnnl_primitive_t touch;  /* writes the source over itself; NULL: the calling thread does */
    dnnl_primitive_t reader; /* the same of the result, to see what that takes; NULL: it does not matter */
    size_t read;             /* the argument */
    size_t n;
    dnnl_exec_arg_t args[MOST_ARGS];
    float *memory[MOST_ARGS];
    size_t cold;          /* bytes of the argument ... */
    const float *cold_at; /* ... that is to be in no cache */
} stand;

static void finish(stand *s)
{
    for (size_t i = 0; i < s->n; i++) {
        dnnl_memory_destroy(s->args[i].memory);
        mae_dnn_free(s->memory[i]);
    }
    dnnl_primitive_destroy(s->primitive);
    dnnl_primitive_destroy(s->touch);
    dnnl_primitive_destroy(s->reader);
    free(s->sweep);
}

/* Bytes from the start of the memory to the layout's end; of a part that begins further in, the library says 0. */
static size_t reach(mae_dnn_layout layout)
{
    mae_dnn_lie lie;
    dnnl_dim_t end = 0;

    if (mae_dnn_bytes(layout) > 0 || !mae_dnn_layout_lie(layout, &lie))
        return mae_dnn_bytes(layout);
    for (int i = 0; i < lie.ndims; i++) {
        dnnl_dim_t outer = lie.padded[i];
        for (int k = 0; k < lie.n_blocks; k++)
            outer /= lie.block_axes[k] == i ? lie.blocks[k] : 1;
        end = outer * lie.strides[i] > end ? outer * lie.strides[i] : end;
    }
    return (size_t)(lie.offset + end) * sizeof(float);
}

static mae_error *add(stand *s, int id, mae_dnn_layout layout, const mae_dnn_probe_arg *arg)
{
    size_t bytes = layout ? reach(layout) : 0;

    if (bytes == 0)
        return NULL;
    float *memory = s->memory[s->n] = mae_dnn_alloc(bytes);
    if (!memory)
        return mae_error_nomem();
    s->args[s->n++] = (dnnl_exec_arg_t){id, NULL};
    if (arg && arg->cold) {
        s->cold = bytes;
        s->cold_at = memory;
    }
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

static bool has_source(const stand *s)
{
    return s->n > 0 && s->args[0].arg == DNNL_ARG_SRC; /* or DNNL_ARG_FROM, which is the same */
}

/* Writes memory over itself, on all threads; none where the library would be slow at it. */
static mae_error *make_touch(const stand *s, mae_dnn_layout layout, dnnl_primitive_t *ret_touch)
{
    dnnl_primitive_desc_t pd;

    if (mae_dnn_pd_eltwise(s->pe->engine, dnnl_eltwise_linear, layout, 1.0f, 0.0f, s->pe->attr, &pd) != dnnl_success)
        return NULL;
    dnnl_status_t status = mae_dnn_is_reference(pd) ? dnnl_success : dnnl_primitive_create(ret_touch, pd);
    dnnl_primitive_desc_destroy(pd);
    return mae_dnn_check(status, "primitive");
}

/* Each of several threads has its part of the source in its own caches, as the layer before has left it. Where the
 * primitive divides its work otherwise, parts change processors, which is much of what a reorder takes. */
static mae_error *get_touch(stand *s, const_dnnl_primitive_desc_t pd)
{
    if (s->pe->threads < 2 || !has_source(s))
        return NULL;
    return make_touch(s, mae_dnn_query(pd, dnnl_query_src_md, 0), &s->touch);
}

static mae_error *get_reader(stand *s, const_dnnl_primitive_desc_t pd, const mae_dnn_probe_arg *args, size_t n_args)
{
    for (size_t i = 0; i < n_args; i++)
        if (args[i].read)
            for (s->read = 0; s->read < s->n; s->read++)
                if (s->args[s->read].arg == args[i].id)
                    return make_touch(s, mae_dnn_query(pd, dnnl_query_exec_arg_md, args[i].id), &s->reader);
    return NULL;
}

static mae_error *run(const stand *s, dnnl_primitive_t primitive, const dnnl_exec_arg_t *args, size_t n)
{
    dnnl_status_t status = dnnl_primitive_execute(primitive, s->pe->stream, (int)n, args);

    if (status == dnnl_success)
        status = dnnl_stream_wait(s->pe->stream);
    return mae_dnn_check(status, "running a primitive to see what it does");
}

static void look_at(stand *s, float *memory, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof(float); i += 64 / sizeof(float))
        s->seen += memory[i] += 0.0f;
}

#define LINE 64 /* bytes of a cache line; where it is more, some are pushed out twice */

/* Pushes memory out of all caches. Elsewhere it is left in those that cores share. */
static void push_out(const float *memory, size_t bytes)
{
    for (const char *at = (const char *)memory; at < (const char *)memory + bytes; at += LINE) {
#if defined(__x86_64__)
        __builtin_ia32_clflush(at);
#elif defined(__aarch64__)
        __asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
#endif
    }
    __sync_synchronize();
}

/* In a network a layer finds its source in the caches, and its weights pushed out of them by other layers'. Winograd's
 * weights are up to four times as many, so that this decides. */
static mae_error *make_as_in_a_network(stand *s, const_dnnl_primitive_desc_t pd)
{
    look_at(s, s->sweep, SWEEP_BYTES);
    push_out(s->cold_at, s->cold);
    if (!has_source(s))
        return NULL;
    if (!s->touch) {
        look_at(s, s->memory[0], reach(mae_dnn_query(pd, dnnl_query_src_md, 0)));
        return NULL;
    }
    for (size_t i = 1; i < s->n; i++) /* where a result goes, others have been before, divided otherwise */
        if (s->args[i].arg == DNNL_ARG_DST)
            look_at(s, s->memory[i], reach(mae_dnn_query(pd, dnnl_query_dst_md, 0)));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, s->args[0].memory}, {DNNL_ARG_DST, s->args[0].memory}};
    return run(s, s->touch, args, 2);
}

static mae_error *time_of(const stand *s, dnnl_primitive_t primitive, const dnnl_exec_arg_t *args, size_t n,
                          double *ret_ns)
{
    uint64_t begin = mae_clock_now_ns();
    mae_error *error = run(s, primitive, args, n);

    *ret_ns = (double)(mae_clock_now_ns() - begin);
    return error;
}

/* How much longer the first reader of the result takes than the next. */
static mae_error *time_reader(const stand *s, double *ret_ns)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, s->args[s->read].memory}, {DNNL_ARG_DST, s->args[s->read].memory}};
    double first, next;

    MAE_TRY(time_of(s, s->reader, args, 2, &first));
    MAE_TRY(time_of(s, s->reader, args, 2, &next));
    *ret_ns = first > next ? first - next : 0.0;
    return NULL;
}

static mae_error *time_run(stand *s, const_dnnl_primitive_desc_t pd, double *ret_ns)
{
    double wait = 0.0;

    MAE_TRY(make_as_in_a_network(s, pd));
    MAE_TRY(time_of(s, s->primitive, s->args, s->n, ret_ns));
    if (s->reader)
        MAE_TRY(time_reader(s, &wait));
    *ret_ns += wait;
    return NULL;
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
        error = get_touch(&s, pd);
    if (!error)
        error = get_reader(&s, pd, args, n_args);
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
        error = run(&s, s.primitive, s.args, s.n);
    if (!error)
        error = take_result(&s, pd, to, result);
    finish(&s);
    return error;
}

/* ---- what there is to be told apart, and given ---- */

static void add_post(mae_dnn_key *key, const mae_dnn_post *post)
{
    mae_dnn_key_add_number(key, post->kind);
    if (post->kind == MAE_DNN_POST_FUNCTION) {
        mae_dnn_key_add_number(key, post->function.alg);
        mae_dnn_key_add(key, &post->function.alpha, sizeof post->function.alpha);
        mae_dnn_key_add(key, &post->function.beta, sizeof post->function.beta);
        return;
    }
    mae_dnn_key_add_number(key, post->alg);
    mae_dnn_key_add_number(key, post->full);
    mae_dnn_key_add(key, post->dims, (size_t)post->ndims * sizeof post->dims[0]);
}

void mae_dnn_key_add_posts(mae_dnn_key *key, const mae_dnn_chain *chain)
{
    for (size_t i = 0; i < chain->n_posts; i++)
        add_post(key, &chain->posts[i]);
}

size_t mae_dnn_probe_posts(const mae_dnn_chain *chain, mae_dnn_probe_arg *args)
{
    size_t n = 0;

    for (size_t i = 0; i < chain->n_posts; i++)
        if (chain->posts[i].kind == MAE_DNN_POST_BINARY)
            args[n++] = (mae_dnn_probe_arg){
                DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)i) | DNNL_ARG_SRC_1, 0.5f, NULL, NULL, false, false};
    return n;
}

bool mae_dnn_reads_memory(const mae_graph *graph)
{
    size_t bytes = 0;

    for (size_t i = 0; i < graph->n_tensors && bytes <= CACHED_BYTES; i++)
        bytes += graph->tensors[i].is_constant ? graph->tensors[i].bytes : 0;
    return bytes > CACHED_BYTES;
}
