/* Frames through several sessions, or pipelines of stages, at once, answered in order. */
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "session/flow_impl.h"

/* ---- who is at work: a virtual clock stands still for them ---- */

static void hold(const mae_flow *flow, int change)
{
    if (flow->machine.service)
        flow->machine.service->hold(flow->machine.pe, change);
}

/* There is something to do for it; in a flow that is being closed it may be gone already. */
static void wake(mae_flow_worker *w)
{
    if (w->awake || w->flow->quit)
        return;
    w->awake = true;
    hold(w->flow, 1);
    pthread_cond_signal(&w->wake);
}

static void sleep_until_woken(mae_flow_worker *w)
{
    w->awake = false;
    hold(w->flow, -1);
    while (!w->awake && !w->flow->quit)
        pthread_cond_wait(&w->wake, &w->flow->lock);
}

/* While it has frames to take its next step is awaited; without any, and once it closes the flow (a frame may end
 * then), flows of others may have the clock. */
static void caller_begins(mae_flow *flow)
{
    if (flow->machine.service && !flow->caller_works && !flow->quit) {
        flow->caller_works = true;
        hold(flow, 1);
    }
}

static void caller_ends(mae_flow *flow)
{
    if (flow->caller_works) {
        flow->caller_works = false;
        hold(flow, -1);
    }
}

/* The caller waits for `what`; who brings it about says so by let_go_on(). */
static void caller_waits(mae_flow *flow, pthread_cond_t *what)
{
    caller_ends(flow);
    pthread_cond_wait(what, &flow->lock);
}

static void let_go_on(mae_flow *flow, pthread_cond_t *what)
{
    caller_begins(flow);
    pthread_cond_signal(what);
}

/* ---- workers ---- */

static bool all_lost(const mae_flow *flow)
{
    for (size_t i = 0; i < flow->n_replicas; i++)
        if (!flow->replicas[i].lost)
            return false;
    return true;
}

/* Where all are lost frames go on being tried: each is answered, with what is wrong. */
static bool may_begin(const mae_flow *flow, const mae_flow_replica *replica)
{
    return (flow->n_again > 0 || flow->begun != flow->submitted) && replica->under_way < replica->most &&
           (!replica->lost || all_lost(flow));
}

/* The oldest frame that no replica has. */
static mae_flow_slot *begin_frame(mae_flow *flow)
{
    if (flow->n_again == 0)
        return &flow->slots[flow->begun++ % flow->n_slots];
    mae_flow_slot *s = flow->again[flow->again_head];
    flow->again_head = (flow->again_head + 1) % flow->n_slots;
    flow->n_again--;
    return s;
}

/* The next frame for this stage; NULL: none. */
static mae_flow_slot *next_frame(mae_flow_worker *w)
{
    mae_flow *flow = w->flow;
    if (w->number == 0) {
        if (!may_begin(flow, &flow->replicas[w->replica]))
            return NULL;
        flow->replicas[w->replica].under_way++;
        mae_flow_slot *s = begin_frame(flow);
        s->replica = w->replica;
        s->begun_ns = mae_context_now_ns(flow->context);
        return s;
    }
    if (w->waiting == 0)
        return NULL;
    mae_flow_slot *s = w->queue[w->head];
    w->head = (w->head + 1) % flow->n_slots;
    w->waiting--;
    return s;
}

/* The first replica that can begin a frame; where none can, the first that is through looks by itself. */
static void wake_first(mae_flow *flow)
{
    for (size_t i = 0; i < flow->n_replicas; i++)
        if (!flow->replicas[i].first->awake && may_begin(flow, &flow->replicas[i])) {
            wake(flow->replicas[i].first);
            return;
        }
}

/* A replica without one of its PEs takes no more frames, and gives those it has to the others. */
static bool gives_back(mae_flow_worker *w, mae_flow_slot *s, mae_error *error)
{
    mae_flow *flow = w->flow;
    mae_flow_replica *replica = &flow->replicas[w->replica];
    if (mae_error_code(error) != MAE_ERR_LOST)
        return false;
    replica->lost = true;
    if (all_lost(flow))
        return false;
    mae_error_free(error);
    flow->again[(flow->again_head + flow->n_again++) % flow->n_slots] = s;
    replica->under_way--;
    wake_first(flow);
    return true;
}

/* To the next stage, or to who takes it. */
static void pass_on(mae_flow_worker *w, mae_flow_slot *s, mae_error *error)
{
    mae_flow *flow = w->flow;
    if (gives_back(w, s, error))
        return;
    if (!error && w->next) {
        mae_flow_worker *next = w->next;
        next->queue[(next->head + next->waiting++) % flow->n_slots] = s;
        wake(next);
        return;
    }
    s->error = error;
    s->end_ns = mae_context_now_ns(flow->context);
    s->done = true;
    mae_flow_replica *replica = &flow->replicas[w->replica];
    replica->under_way--;
    if (may_begin(flow, replica))
        wake(replica->first);
    if (s == &flow->slots[flow->taken % flow->n_slots])
        let_go_on(flow, &flow->finished);
}

static void *serve(void *ctx)
{
    mae_flow_worker *w = ctx;
    mae_flow *flow = w->flow;
    pthread_mutex_lock(&flow->lock);
    while (!flow->quit) {
        mae_flow_slot *s = next_frame(w);
        if (!s) {
            sleep_until_woken(w);
            continue;
        }
        pthread_mutex_unlock(&flow->lock);
        mae_error *error = mae_flow_stage_run(&w->stage, s);
        pthread_mutex_lock(&flow->lock);
        pass_on(w, s, error);
    }
    if (w->awake)
        hold(flow, -1);
    pthread_mutex_unlock(&flow->lock);
    return NULL;
}

/* ---- handing in, and taking ---- */

static bool is_full(const mae_flow *flow)
{
    return flow->submitted - flow->taken >= flow->n_slots - 1;
}

static mae_flow_slot *await_room(mae_flow *flow)
{
    while (is_full(flow))
        caller_waits(flow, &flow->taken_out);
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
    mae_flow_slot *s = await_room(flow);
    caller_begins(flow);
    s->done = false;
    s->frame = flow->recorder ? mae_recorder_next_frame(flow->recorder) : 0;
    s->submitted_ns = mae_context_now_ns(flow->context);
    flow->submitted++;
    wake_first(flow);
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

size_t mae_flow_room(const mae_flow *flow)
{
    return flow->n_slots - 1;
}

mae_error *mae_flow_take(mae_flow *flow, mae_flow_frame *ret_frame)
{
    pthread_mutex_lock(&flow->lock);
    if (flow->taken == flow->submitted) {
        pthread_mutex_unlock(&flow->lock);
        return mae_error_new(MAE_ERR_USAGE, "no frame was handed in that has not been taken");
    }
    mae_flow_slot *s = &flow->slots[flow->taken % flow->n_slots];
    while (!s->done)
        caller_waits(flow, &flow->finished);
    uint64_t frame = flow->taken++;
    if (flow->taken == flow->submitted)
        caller_ends(flow);
    pthread_cond_signal(&flow->taken_out);
    pthread_mutex_unlock(&flow->lock);
    *ret_frame = (mae_flow_frame){frame,
                                  s->replica,
                                  (double)(s->end_ns - s->submitted_ns) * 1e-6,
                                  (double)(s->end_ns - s->begun_ns) * 1e-6,
                                  flow->graph->n_outputs,
                                  s->data,
                                  s->shapes,
                                  (double)(s->end_ns - flow->opened_ns) * 1e-6};
    mae_error *error = s->error;
    s->error = NULL;
    return error;
}

/* ---- making ---- */

mae_error *mae_flow_create(mae_context *context, const mae_graph *graph, size_t n_replicas, size_t n_workers,
                           mae_flow **ret_flow)
{
    mae_flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        return mae_error_nomem();
    flow->context = context;
    flow->machine = mae_context_machine(context);
    flow->graph = graph;
    pthread_mutex_init(&flow->lock, NULL);
    pthread_cond_init(&flow->finished, NULL);
    pthread_cond_init(&flow->taken_out, NULL);
    flow->replicas = calloc(n_replicas + 1, sizeof *flow->replicas);
    flow->workers = calloc(n_workers + 1, sizeof *flow->workers);
    if (!flow->replicas || !flow->workers) {
        mae_flow_close(flow);
        return mae_error_nomem();
    }
    flow->n_replicas = n_replicas;
    flow->n_workers = n_workers;
    for (size_t i = 0; i < n_workers; i++) {
        flow->workers[i].flow = flow;
        pthread_cond_init(&flow->workers[i].wake, NULL);
    }
    *ret_flow = flow;
    return NULL;
}

static mae_error *start_worker(mae_flow_worker *w)
{
    w->queue = calloc(w->flow->n_slots, sizeof *w->queue);
    if (!w->queue)
        return mae_error_nomem();
    w->awake = true;
    hold(w->flow, 1);
    int failure = pthread_create(&w->thread, NULL, serve, w);
    w->started = failure == 0;
    if (!w->started)
        hold(w->flow, -1);
    return failure ? mae_error_new(MAE_ERR_FAILED, "no thread for a stage: %s", strerror(failure)) : NULL;
}

mae_error *mae_flow_start(mae_flow *flow, size_t room)
{
    flow->slots = calloc(room + 1, sizeof *flow->slots); /* one more: the frame that was taken last keeps its own */
    flow->again = calloc(room + 1, sizeof(mae_flow_slot *));
    if (!flow->slots || !flow->again)
        return mae_error_nomem();
    flow->n_slots = room + 1;
    for (size_t i = 0; i < flow->n_slots; i++)
        MAE_TRY(mae_flow_slot_make(flow->graph, &flow->borders, &flow->slots[i]));
    mae_flow_set_groups(flow, true);
    flow->opened_ns = mae_context_now_ns(flow->context);
    for (size_t i = 0; i < flow->n_workers; i++)
        MAE_TRY(start_worker(&flow->workers[i]));
    return NULL;
}

static void stop(mae_flow *flow)
{
    pthread_mutex_lock(&flow->lock);
    flow->quit = true;
    caller_ends(flow);
    for (size_t i = 0; i < flow->n_workers; i++)
        pthread_cond_signal(&flow->workers[i].wake);
    pthread_mutex_unlock(&flow->lock);
    for (size_t i = 0; i < flow->n_workers; i++)
        if (flow->workers[i].started)
            pthread_join(flow->workers[i].thread, NULL);
}

void mae_flow_close(mae_flow *flow)
{
    if (!flow)
        return;
    stop(flow);
    mae_flow_set_groups(flow, false);
    for (size_t i = 0; i < flow->n_workers; i++) {
        mae_flow_stage_finish(&flow->workers[i].stage);
        pthread_cond_destroy(&flow->workers[i].wake);
        free(flow->workers[i].queue);
    }
    for (size_t i = 0; i < flow->n_slots; i++)
        mae_flow_slot_free(flow->graph, &flow->borders, &flow->slots[i]);
    for (size_t i = 0; i < flow->n_replicas; i++)
        free(flow->replicas[i].mapping);
    mae_runner_destroy(flow->reference);
    pthread_cond_destroy(&flow->taken_out);
    pthread_cond_destroy(&flow->finished);
    pthread_mutex_destroy(&flow->lock);
    free(flow->borders.tensors);
    free(flow->slots);
    free(flow->again);
    free(flow->workers);
    free(flow->replicas);
    free(flow);
}
