/* Frames through several sessions at once, answered in order. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/graph.h"
#include "session/internal.h"

typedef struct output {
    void *data;
    size_t room;
} output;

/* A frame's place: frame f has slot f % n_slots. */
typedef struct slot {
    void **inputs;
    output *outputs;
    const void **data; /* of the outputs */
    mae_shape *shapes;
    bool done;
    mae_error *error;
    size_t session;
    uint64_t submitted_ns, begun_ns, end_ns;
} slot;

typedef struct replica {
    mae_flow *flow;
    mae_session *session;
    pthread_t thread;
    bool started;
} replica;

struct mae_flow {
    const mae_graph *graph;
    size_t n_replicas, n_slots;
    replica *replicas;
    slot *slots;
    pthread_mutex_t lock;
    pthread_cond_t handed_in, finished, taken_out;
    uint64_t submitted, begun, taken; /* frames; those from `taken` on have slots */
    bool quit;
};

/* ---- replicas ---- */

static mae_error *keep_output(mae_flow *flow, mae_session *session, slot *s, size_t i)
{
    const void *data;
    size_t bytes;
    MAE_TRY(mae_session_output(session, i, &data, &s->shapes[i]));
    if (!mae_shape_bytes(&s->shapes[i], &bytes))
        return mae_error_new(MAE_ERR_FAILED, "output \"%s\" has a shape that overflows",
                             flow->graph->tensors[flow->graph->outputs[i]].name);
    output *o = &s->outputs[i];
    if (bytes > o->room) { /* only those whose size is not known beforehand */
        void *grown = realloc(o->data, bytes);
        if (!grown)
            return mae_error_nomem();
        o->data = grown;
        o->room = bytes;
    }
    if (bytes)
        memcpy(o->data, data, bytes);
    s->data[i] = o->data;
    return NULL;
}

static mae_error *run_frame(mae_flow *flow, mae_session *session, slot *s)
{
    const mae_graph *graph = flow->graph;
    for (size_t i = 0; i < graph->n_inputs; i++)
        MAE_TRY(mae_session_set_input(session, i, s->inputs[i], graph->tensors[graph->inputs[i]].bytes));
    MAE_TRY(mae_session_run(session));
    for (size_t i = 0; i < graph->n_outputs; i++)
        MAE_TRY(keep_output(flow, session, s, i));
    return NULL;
}

static void *serve(void *ctx)
{
    replica *r = ctx;
    mae_flow *flow = r->flow;
    pthread_mutex_lock(&flow->lock);
    for (;;) {
        while (flow->begun == flow->submitted && !flow->quit)
            pthread_cond_wait(&flow->handed_in, &flow->lock);
        if (flow->quit)
            break;
        slot *s = &flow->slots[flow->begun++ % flow->n_slots];
        pthread_mutex_unlock(&flow->lock);
        s->session = (size_t)(r - flow->replicas);
        s->begun_ns = mae_clock_now_ns();
        s->error = run_frame(flow, r->session, s);
        s->end_ns = mae_clock_now_ns();
        pthread_mutex_lock(&flow->lock);
        s->done = true;
        pthread_cond_signal(&flow->finished);
    }
    pthread_mutex_unlock(&flow->lock);
    return NULL;
}

/* ---- handing in, and taking ---- */

static bool is_full(const mae_flow *flow)
{
    return flow->submitted - flow->taken >= flow->n_slots - 1;
}

static slot *await_room(mae_flow *flow)
{
    while (is_full(flow))
        pthread_cond_wait(&flow->taken_out, &flow->lock);
    return &flow->slots[flow->submitted % flow->n_slots];
}

mae_error *mae_flow_input(mae_flow *flow, size_t input, void **ret_data, size_t *ret_bytes)
{
    if (input >= flow->graph->n_inputs)
        return mae_error_new(MAE_ERR_USAGE, "input %zu of %zu", input, flow->graph->n_inputs);
    pthread_mutex_lock(&flow->lock);
    *ret_data = await_room(flow)->inputs[input];
    pthread_mutex_unlock(&flow->lock);
    *ret_bytes = flow->graph->tensors[flow->graph->inputs[input]].bytes;
    return NULL;
}

void mae_flow_submit(mae_flow *flow)
{
    pthread_mutex_lock(&flow->lock);
    slot *s = await_room(flow);
    s->done = false;
    s->submitted_ns = mae_clock_now_ns();
    flow->submitted++;
    pthread_cond_signal(&flow->handed_in);
    pthread_mutex_unlock(&flow->lock);
}

bool mae_flow_has_room(const mae_flow *flow)
{
    mae_flow *f = (mae_flow *)flow;
    pthread_mutex_lock(&f->lock);
    bool room = !is_full(f);
    pthread_mutex_unlock(&f->lock);
    return room;
}

mae_error *mae_flow_take(mae_flow *flow, mae_flow_frame *ret_frame)
{
    pthread_mutex_lock(&flow->lock);
    if (flow->taken == flow->submitted) {
        pthread_mutex_unlock(&flow->lock);
        return mae_error_new(MAE_ERR_USAGE, "no frame was handed in that has not been taken");
    }
    slot *s = &flow->slots[flow->taken % flow->n_slots];
    while (!s->done)
        pthread_cond_wait(&flow->finished, &flow->lock);
    uint64_t frame = flow->taken++;
    pthread_cond_signal(&flow->taken_out);
    pthread_mutex_unlock(&flow->lock);
    *ret_frame = (mae_flow_frame){frame,
                                  s->session,
                                  (double)(s->end_ns - s->submitted_ns) * 1e-6,
                                  (double)(s->end_ns - s->begun_ns) * 1e-6,
                                  flow->graph->n_outputs,
                                  s->data,
                                  s->shapes};
    mae_error *error = s->error;
    s->error = NULL;
    return error;
}

/* ---- making ---- */

static mae_error *make_slot(const mae_graph *graph, slot *s)
{
    s->inputs = calloc(graph->n_inputs + 1, sizeof *s->inputs);
    s->outputs = calloc(graph->n_outputs + 1, sizeof *s->outputs);
    s->data = calloc(graph->n_outputs + 1, sizeof *s->data);
    s->shapes = calloc(graph->n_outputs + 1, sizeof *s->shapes);
    if (!s->inputs || !s->outputs || !s->data || !s->shapes)
        return mae_error_nomem();
    for (size_t i = 0; i < graph->n_inputs; i++)
        if (!(s->inputs[i] = calloc(1, graph->tensors[graph->inputs[i]].bytes + 1)))
            return mae_error_nomem();
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const mae_tensor *tensor = &graph->tensors[graph->outputs[i]];
        s->outputs[i].room = tensor->is_static ? tensor->bytes : 0;
        if (!(s->outputs[i].data = malloc(s->outputs[i].room + 1)))
            return mae_error_nomem();
    }
    return NULL;
}

static bool same_tensors(const mae_graph *a, const int *as, size_t n_a, const mae_graph *b, const int *bs, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; same && i < n_a; i++)
        same = strcmp(a->tensors[as[i]].name, b->tensors[bs[i]].name) == 0 &&
               mae_shape_equal(&a->tensors[as[i]].shape, &b->tensors[bs[i]].shape);
    return same;
}

static mae_error *check(mae_session *const *sessions, size_t n)
{
    if (n == 0)
        return mae_error_new(MAE_ERR_USAGE, "a flow needs a session");
    const mae_graph *first = mae_session_graph(sessions[0]);
    for (size_t i = 1; i < n; i++) {
        const mae_graph *graph = mae_session_graph(sessions[i]);
        if (!same_tensors(first, first->inputs, first->n_inputs, graph, graph->inputs, graph->n_inputs) ||
            !same_tensors(first, first->outputs, first->n_outputs, graph, graph->outputs, graph->n_outputs))
            return mae_error_new(MAE_ERR_USAGE, "sessions 1 and %zu of a flow are of different networks", i + 1);
        for (size_t k = 0; k < i; k++) {
            const char *resource = mae_session_shared_resource(sessions[k], sessions[i]);
            if (resource)
                return mae_error_new(MAE_ERR_USAGE, "sessions %zu and %zu of a flow both use the resource %s", k + 1,
                                     i + 1, resource);
        }
    }
    return NULL;
}

static mae_error *start(mae_flow *flow, mae_session *const *sessions)
{
    for (size_t i = 0; i < flow->n_slots; i++)
        MAE_TRY(make_slot(flow->graph, &flow->slots[i]));
    for (size_t i = 0; i < flow->n_replicas; i++) {
        replica *r = &flow->replicas[i];
        *r = (replica){.flow = flow, .session = sessions[i]};
        int failure = pthread_create(&r->thread, NULL, serve, r);
        if (failure)
            return mae_error_new(MAE_ERR_FAILED, "no thread for a session: %s", strerror(failure));
        r->started = true;
    }
    return NULL;
}

mae_error *mae_flow_open(mae_session *const *sessions, size_t n, size_t room, mae_flow **ret_flow)
{
    MAE_TRY(check(sessions, n));
    mae_flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        return mae_error_nomem();
    flow->graph = mae_session_graph(sessions[0]);
    flow->n_slots = (room ? room : 2 * n) + 1; /* one more: the frame that was taken last keeps its own */
    pthread_mutex_init(&flow->lock, NULL);
    pthread_cond_init(&flow->handed_in, NULL);
    pthread_cond_init(&flow->finished, NULL);
    pthread_cond_init(&flow->taken_out, NULL);
    flow->replicas = calloc(n, sizeof *flow->replicas);
    flow->slots = calloc(flow->n_slots, sizeof *flow->slots);
    flow->n_replicas = flow->replicas ? n : 0;
    mae_error *error = flow->replicas && flow->slots ? start(flow, sessions) : mae_error_nomem();
    if (error)
        mae_flow_close(flow);
    else
        *ret_flow = flow;
    return error;
}

static void free_slot(const mae_graph *graph, slot *s)
{
    for (size_t i = 0; s->inputs && i < graph->n_inputs; i++)
        free(s->inputs[i]);
    for (size_t i = 0; s->outputs && i < graph->n_outputs; i++)
        free(s->outputs[i].data);
    mae_error_free(s->error);
    free(s->inputs);
    free(s->outputs);
    free(s->data);
    free(s->shapes);
}

void mae_flow_close(mae_flow *flow)
{
    if (!flow)
        return;
    pthread_mutex_lock(&flow->lock);
    flow->quit = true;
    pthread_cond_broadcast(&flow->handed_in);
    pthread_mutex_unlock(&flow->lock);
    for (size_t i = 0; i < flow->n_replicas; i++)
        if (flow->replicas[i].started)
            pthread_join(flow->replicas[i].thread, NULL);
    for (size_t i = 0; flow->slots && i < flow->n_slots; i++)
        free_slot(flow->graph, &flow->slots[i]);
    pthread_cond_destroy(&flow->taken_out);
    pthread_cond_destroy(&flow->finished);
    pthread_cond_destroy(&flow->handed_in);
    pthread_mutex_destroy(&flow->lock);
    free(flow->slots);
    free(flow->replicas);
    free(flow);
}
