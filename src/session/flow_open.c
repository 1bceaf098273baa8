/* What a flow is made of: sessions, or a plan's replicas. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"
#include "pe/program_run.h"
#include "session/flow_impl.h"

#define MOST_ROOM 64

/* ---- of sessions ---- */

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

mae_error *mae_flow_open(mae_session *const *sessions, size_t n, size_t room, mae_flow **ret_flow)
{
    mae_flow *flow = NULL;
    MAE_TRY(check(sessions, n));
    MAE_TRY(mae_flow_create(mae_session_context(sessions[0]), mae_session_graph(sessions[0]), n, n, &flow));
    for (size_t i = 0; i < n; i++) {
        flow->replicas[i].first = &flow->workers[i];
        flow->replicas[i].most = 1;
        flow->workers[i].replica = i;
        flow->workers[i].stage = (mae_flow_stage){.graph = flow->graph, .session = sessions[i]};
    }
    mae_error *error = mae_flow_start(flow, room ? room : 2 * n);
    if (error)
        mae_flow_close(flow);
    else
        *ret_flow = flow;
    return error;
}

/* ---- of a plan ---- */

typedef struct opening {
    mae_context *context;
    mae_model *model;
    const mae_plan *plan;
    size_t n_replicas;
    int *mappings;  /* replicas x layers */
    size_t *stages; /* per replica */
} opening;

static const char *resource_of(const opening *o, size_t replica, size_t layer)
{
    return o->context->infos[o->mappings[replica * o->model->graph->n_layers + layer]].resource;
}

static bool begins_stage(const opening *o, size_t replica, size_t layer)
{
    if (layer == 0 || !o->plan->throughput)
        return layer == 0;
    return strcmp(resource_of(o, replica, layer), resource_of(o, replica, layer - 1)) != 0;
}

/* The replica that has a stage on this resource before this layer of this one; SIZE_MAX: none. */
static size_t used_by(const opening *o, size_t replica, size_t layer)
{
    const char *resource = resource_of(o, replica, layer);
    for (size_t r = 0; r <= replica; r++)
        for (size_t l = 0; l < (r < replica ? o->model->graph->n_layers : layer); l++)
            if (strcmp(resource_of(o, r, l), resource) == 0)
                return r;
    return SIZE_MAX;
}

static mae_error *find_stages(const opening *o, size_t replica)
{
    const mae_graph *graph = o->model->graph;
    for (size_t l = 0; l < graph->n_layers; l++) {
        if (!begins_stage(o, replica, l))
            continue;
        size_t user = o->plan->throughput ? used_by(o, replica, l) : SIZE_MAX;
        if (user != SIZE_MAX)
            return mae_error_new(MAE_ERR_INPUT,
                                 "replica %zu of the plan cannot use the resource %s for layer \"%s\": "
                                 "replica %zu has it already",
                                 replica + 1, resource_of(o, replica, l), graph->layers[l].name, user + 1);
        o->stages[replica]++;
    }
    return NULL;
}

static mae_error *map_replica(const opening *o, size_t replica)
{
    const mae_plan_throughput *t = o->plan->throughput;
    int *mapping = &o->mappings[replica * o->model->graph->n_layers];
    mae_plan part = *o->plan;
    if (t) {
        part.segments = t->replicas[replica].segments;
        part.n_segments = t->replicas[replica].n_segments;
    }
    MAE_TRY(mae_context_map_plan(o->context, o->model->graph, &part, mapping));
    MAE_TRY(mae_model_check_mapping(o->model, mapping));
    return find_stages(o, replica);
}

static mae_error *make_stages(const opening *o, mae_flow *flow, size_t replica, mae_flow_worker *workers)
{
    const mae_graph *graph = flow->graph;
    const int *mapping = flow->replicas[replica].mapping;
    size_t n = 0;
    flow->replicas[replica].first = workers;
    for (size_t first = 0, last; first < graph->n_layers; first = last + 1) {
        for (last = first; last + 1 < graph->n_layers && !begins_stage(o, replica, last + 1);)
            last++;
        mae_flow_worker *w = &workers[n];
        w->replica = replica;
        w->number = n++;
        w->next = last + 1 < graph->n_layers ? w + 1 : NULL;
        MAE_TRY(mae_flow_stage_make(o->context, graph, mapping, (int)first, (int)last, &flow->borders, &w->stage));
    }
    return NULL;
}

/* So many frames keep the slowest of its stages busy, where each takes as long as planned, and one more where they do
 * not; with more they would only wait for each other inside. */
static size_t most_in(const mae_plan *plan, size_t replica, size_t n_stages)
{
    const mae_plan_replica *r = plan->throughput ? &plan->throughput->replicas[replica] : NULL;
    if (n_stages == 1)
        return 1;
    double frames = r && r->period_ms > 0 ? ceil(r->cost.latency_ms / r->period_ms - 1e-9) : 1;
    return (size_t)fmin(fmax(frames, 1), (double)n_stages) + 1;
}

static mae_error *make_replica(const opening *o, mae_flow *flow, size_t replica, mae_flow_worker *workers)
{
    mae_flow_replica *r = &flow->replicas[replica];
    size_t n = flow->graph->n_layers;
    r->most = most_in(o->plan, replica, o->stages[replica]);
    r->mapping = malloc((n + 1) * sizeof *r->mapping);
    if (!r->mapping)
        return mae_error_nomem();
    memcpy(r->mapping, &o->mappings[replica * n], n * sizeof *r->mapping);
    for (size_t l = 0; l < n; l++) {
        const mae_pe *pe = o->context->pes[r->mapping[l]].pe;
        r->abs_tolerance = fmax(r->abs_tolerance, pe->abs_tolerance);
        r->rel_tolerance = fmax(r->rel_tolerance, pe->rel_tolerance);
    }
    return make_stages(o, flow, replica, workers);
}

/* While the slowest replica holds the frame that is to be taken next, the others go on. */
static size_t room_for(const mae_plan *plan, const mae_flow *flow)
{
    const mae_plan_throughput *t = plan->throughput;
    double room = 2 * (double)flow->n_workers, longest = 0, frames = 0;
    for (size_t i = 0; t && i < t->n_replicas; i++)
        longest = fmax(longest, (double)flow->replicas[i].most * t->replicas[i].period_ms);
    for (size_t i = 0; t && i < t->n_replicas && t->replicas[i].period_ms > 0; i++)
        frames += ceil(longest / t->replicas[i].period_ms) + (double)flow->replicas[i].most;
    return (size_t)fmin(fmax(room, frames), MOST_ROOM);
}

static mae_error *make_flow(const opening *o, size_t room, mae_flow **ret_flow)
{
    size_t n_stages = 0;
    mae_flow *flow = NULL;
    for (size_t r = 0; r < o->n_replicas; r++) {
        MAE_TRY(map_replica(o, r));
        n_stages += o->stages[r];
    }
    MAE_TRY(mae_flow_create(o->context, o->model->graph, o->n_replicas, n_stages, &flow));
    mae_error *error = NULL;
    mae_flow_worker *workers = flow->workers;
    for (size_t r = 0; r < o->n_replicas && !error; workers += o->stages[r++])
        error = make_replica(o, flow, r, workers);
    if (!error)
        error = mae_flow_start(flow, room ? room : room_for(o->plan, flow));
    if (error)
        mae_flow_close(flow);
    else
        *ret_flow = flow;
    return error;
}

mae_error *mae_flow_open_plan(mae_context *context, mae_model *model, const mae_plan *plan, size_t room,
                              mae_flow **ret_flow)
{
    MAE_TRY(mae_model_check_plan(model, plan));
    if (context->n_pes == 0 || model->graph->n_layers == 0)
        return mae_error_new(MAE_ERR_FAILED, "no PE here, or no layer to run (see mae pes)");
    opening o = {context, model, plan, plan->throughput ? plan->throughput->n_replicas : 1, NULL, NULL};
    o.mappings = calloc(o.n_replicas * model->graph->n_layers, sizeof *o.mappings);
    o.stages = calloc(o.n_replicas, sizeof *o.stages);
    mae_error *error = o.mappings && o.stages ? make_flow(&o, room, ret_flow) : mae_error_nomem();
    free(o.mappings);
    free(o.stages);
    return error;
}

/* ---- on a virtual SoC, recorded, verified ---- */

void mae_flow_set_groups(const mae_flow *flow, bool on)
{
    const mae_context *context = flow->context;
    const mae_backend *backend = context->clock_pe ? context->clock_pe->backend : NULL;
    const mae_virtual_service *service = backend && backend->service ? backend->service(MAE_VIRTUAL_SERVICE) : NULL;
    for (size_t r = 0; service && r < flow->n_replicas; r++)
        for (size_t l = 0; flow->replicas[r].mapping && l < flow->graph->n_layers; l++) {
            const mae_context_pe *pe = &context->pes[flow->replicas[r].mapping[l]];
            if (pe->backend == backend && !pe->level) /* an operating point's is not the machine's own */
                service->set_group(pe->pe, on ? (int)r + 1 : 0);
        }
}

mae_error *mae_flow_record(mae_flow *flow, mae_recorder *recorder)
{
    const mae_context *context = flow->context;
    const char **resources = malloc((context->n_pes + 1) * sizeof *resources);
    const char **names = malloc((context->n_pes + 1) * sizeof *names);
    mae_error *error = resources && names ? NULL : mae_error_nomem();
    for (size_t i = 0; i < context->n_pes && !error; i++) {
        resources[i] = context->infos[i].resource;
        names[i] = context->infos[i].name;
    }
    for (size_t i = 0; i < flow->n_workers && !error; i++)
        if (flow->workers[i].stage.program)
            error = mae_program_record(flow->workers[i].stage.program, recorder, resources, names, NULL);
    free(resources);
    free(names);
    flow->recorder = error ? NULL : recorder;
    return error;
}

/* The reference's outputs for these inputs: those that it has, where they are the same. */
static mae_error *run_reference(mae_flow *flow, const mae_flow_slot *s)
{
    const mae_graph *graph = flow->graph;
    bool same = flow->reference_has_run;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        size_t bytes = graph->tensors[graph->inputs[i]].bytes;
        const void *data = flow->reference->own_inputs[i];
        mae_shape shape;
        if (!data)
            MAE_TRY(mae_program_read(flow->reference->program, graph->inputs[i], &data, &shape));
        same = same && memcmp(data, s->inputs[i], bytes) == 0;
        if (!same)
            MAE_TRY(mae_runner_set_input(flow->reference, i, s->inputs[i], bytes));
    }
    if (!same)
        MAE_TRY(mae_program_run(flow->reference->program, NULL));
    flow->reference_has_run = true;
    return NULL;
}

mae_error *mae_flow_verify(mae_flow *flow, const mae_flow_frame *frame, mae_verdict *ret_verdict)
{
    const mae_flow_slot *s = &flow->slots[frame->frame % flow->n_slots];
    if (frame->frame + 1 != flow->taken || frame->session >= flow->n_replicas)
        return mae_error_new(MAE_ERR_USAGE, "only the frame that was taken last can be verified");
    const mae_flow_replica *replica = &flow->replicas[frame->session];
    if (!replica->mapping)
        return mae_error_new(MAE_ERR_USAGE, "a flow of sessions: they verify themselves");
    if (!flow->reference) {
        mae_pe *pe;
        MAE_TRY(mae_context_reference(flow->context, &pe));
        MAE_TRY(mae_runner_create_single(pe, flow->graph, &flow->reference));
    }
    MAE_TRY(run_reference(flow, s));
    return mae_runner_compare_values(flow->reference, s->data, s->shapes, replica->abs_tolerance,
                                     replica->rel_tolerance, ret_verdict);
}
