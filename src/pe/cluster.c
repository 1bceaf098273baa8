#include "pe/cluster.h"

#include <stdlib.h>

#include "base/error.h"
#include "pe/bound_thread.h"

typedef struct cluster_pe {
    mae_pe base;
    mae_pe_ops ops;
    mae_pe *inner;
    mae_bound_thread *thread;
} cluster_pe;

typedef struct cluster_unit {
    mae_unit base;
    mae_unit *inner;
} cluster_unit;

/* A call, with what any slot takes and gives. */
typedef struct call {
    mae_pe *pe;     /* the inner one */
    mae_unit *unit; /* the inner one */
    const mae_graph *graph;
    const mae_segment *segment;
    const mae_borders *borders;
    int layer;
    unsigned flags;
    const char **ret_reason;
    mae_unit **ret_unit;
    mae_buffer *const *inputs, *const *outputs;
    mae_buffer *buffer;
    const mae_buffer *from;
    void *host;
    const void *data;
    size_t skip;
    mae_layer_times *times;
    const char *level;
    bool yes;
    unsigned set;
    mae_error *error;
} call;

static void call_pe(mae_pe *base, void (*job)(void *ctx), call *c)
{
    cluster_pe *pe = (cluster_pe *)base;
    c->pe = pe->inner;
    mae_bound_thread_call(pe->thread, job, c);
}

static void call_unit(mae_unit *base, void (*job)(void *ctx), call *c)
{
    c->unit = ((cluster_unit *)base)->inner;
    call_pe(base->pe, job, c);
}

/* ---- layers ---- */

static void do_supports(void *ctx)
{
    call *c = ctx;
    c->yes = c->pe->ops->supports(c->pe, c->graph, c->layer, c->ret_reason);
}

static bool supports(mae_pe *pe, const mae_graph *graph, int layer, const char **ret_reason)
{
    call c = {.graph = graph, .layer = layer, .ret_reason = ret_reason};
    call_pe(pe, do_supports, &c);
    return c.yes;
}

static void do_layouts(void *ctx)
{
    call *c = ctx;
    c->set = c->pe->ops->layouts(c->pe);
}

static unsigned layouts(mae_pe *pe)
{
    call c = {0};
    call_pe(pe, do_layouts, &c);
    return c.set;
}

/* ---- units ---- */

static void do_compile(void *ctx)
{
    call *c = ctx;
    c->error = c->borders ? c->pe->ops->compile_laid(c->pe, c->graph, c->segment, c->flags, c->borders, c->ret_unit)
                          : c->pe->ops->compile(c->pe, c->graph, c->segment, c->flags, c->ret_unit);
}

static mae_error *compile_laid(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                               const mae_borders *borders, mae_unit **ret_unit)
{
    cluster_unit *unit = calloc(1, sizeof *unit);
    if (!unit)
        return mae_error_nomem();
    unit->base.pe = pe;
    call c = {.graph = graph, .segment = segment, .flags = flags, .borders = borders, .ret_unit = &unit->inner};
    call_pe(pe, do_compile, &c);
    if (c.error)
        free(unit);
    else
        *ret_unit = &unit->base;
    return c.error;
}

static mae_error *compile(mae_pe *pe, const mae_graph *graph, const mae_segment *segment, unsigned flags,
                          mae_unit **ret_unit)
{
    return compile_laid(pe, graph, segment, flags, NULL, ret_unit);
}

static void do_bind(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->bind(c->unit, c->inputs, c->outputs);
}

static mae_error *bind_unit(mae_unit *unit, mae_buffer *const *inputs, mae_buffer *const *outputs)
{
    call c = {.inputs = inputs, .outputs = outputs};
    call_unit(unit, do_bind, &c);
    return c.error;
}

static void do_run(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->run(c->unit);
}

static mae_error *run(mae_unit *unit)
{
    call c = {0};
    call_unit(unit, do_run, &c);
    return c.error;
}

static void do_layer_ns(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->layer_ns(c->unit, c->skip, c->times);
}

static mae_error *layer_ns(mae_unit *unit, size_t skip, mae_layer_times *times)
{
    call c = {.skip = skip, .times = times};
    call_unit(unit, do_layer_ns, &c);
    return c.error;
}

static void do_discard(void *ctx)
{
    call *c = ctx;
    c->pe->ops->discard(c->unit);
}

static void discard(mae_unit *unit)
{
    if (!unit)
        return;
    call c = {0};
    call_unit(unit, do_discard, &c);
    free(unit);
}

/* ---- memory ---- */

static void do_alloc(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->alloc(c->pe, c->buffer);
}

static mae_error *alloc_buffer(mae_pe *pe, mae_buffer *buffer)
{
    call c = {.buffer = buffer};
    call_pe(pe, do_alloc, &c);
    return c.error;
}

static void do_release(void *ctx)
{
    call *c = ctx;
    c->pe->ops->release(c->pe, c->buffer);
}

static void release_buffer(mae_pe *pe, mae_buffer *buffer)
{
    call c = {.buffer = buffer};
    call_pe(pe, do_release, &c);
}

static void do_read(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->read(c->pe, c->from, c->host);
}

static mae_error *read_buffer(mae_pe *pe, const mae_buffer *buffer, void *host)
{
    call c = {.from = buffer, .host = host};
    call_pe(pe, do_read, &c);
    return c.error;
}

static void do_write(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->write(c->pe, c->buffer, c->data);
}

static mae_error *write_buffer(mae_pe *pe, mae_buffer *buffer, const void *host)
{
    call c = {.buffer = buffer, .data = host};
    call_pe(pe, do_write, &c);
    return c.error;
}

/* ---- the PE ---- */

static void do_set_level(void *ctx)
{
    call *c = ctx;
    c->error = c->pe->ops->set_level(c->pe, c->level);
}

static mae_error *set_level(mae_pe *pe, const char *level)
{
    call c = {.level = level};
    call_pe(pe, do_set_level, &c);
    return c.error;
}

static void do_close(void *ctx)
{
    call *c = ctx;
    c->pe->ops->close(c->pe);
}

static void close_pe(mae_pe *base)
{
    cluster_pe *pe = (cluster_pe *)base;
    if (!pe)
        return;
    call c = {0};
    call_pe(base, do_close, &c);
    mae_bound_thread_destroy(pe->thread);
    free(pe);
}

/* Optional slots are there where the inner PE has them. */
static mae_pe_ops ops_over(const mae_pe_ops *inner)
{
    return (mae_pe_ops){.supports = supports,
                        .compile = compile,
                        .bind = bind_unit,
                        .run = run,
                        .discard = discard,
                        .close = close_pe,
                        .alloc = inner->alloc ? alloc_buffer : NULL,
                        .release = inner->release ? release_buffer : NULL,
                        .read = inner->read ? read_buffer : NULL,
                        .write = inner->write ? write_buffer : NULL,
                        .layer_ns = inner->layer_ns ? layer_ns : NULL,
                        .set_level = inner->set_level ? set_level : NULL,
                        .layouts = inner->layouts ? layouts : NULL,
                        .compile_laid = inner->compile_laid ? compile_laid : NULL};
}

mae_bound_thread *mae_cluster_thread(const mae_pe *pe)
{
    return pe->ops->run == run ? ((const cluster_pe *)pe)->thread : NULL;
}

typedef struct opening {
    const mae_backend *backend;
    const mae_pe_config *config;
    mae_pe *pe;
    mae_error *error;
} opening;

static void do_open(void *ctx)
{
    opening *o = ctx;
    o->error = o->backend->open(o->config, &o->pe);
}

mae_error *mae_cluster_open(const mae_backend *backend, const mae_pe_config *config, mae_pe **ret_pe)
{
    cluster_pe *pe = calloc(1, sizeof *pe);
    if (!pe)
        return mae_error_nomem();
    opening o = {backend, config, NULL, mae_bound_thread_create(config->cores, config->n_cores, &pe->thread)};
    if (!o.error)
        mae_bound_thread_call(pe->thread, do_open, &o);
    if (o.error) {
        mae_bound_thread_destroy(pe->thread);
        free(pe);
        return o.error;
    }
    pe->base = *o.pe;
    pe->inner = o.pe;
    pe->ops = ops_over(o.pe->ops);
    pe->base.ops = &pe->ops;
    *ret_pe = &pe->base;
    return NULL;
}
