/* A session: a network mapped by a plan, ready for frames. */
#include <stdlib.h>
#include <string.h>

#include "pe/program_run.h"
#include "session/internal.h"
#include "session/watts.h"

struct mae_session {
    mae_context *context;
    mae_model *model;
    mae_frame_runner *runner;
    mae_frame_runner *reference; /* compiled when first verified */
    mae_program_stamp *stamps;
    mae_frame_segment *segments;
    double abs_tolerance, rel_tolerance;
    mae_watts *watts; /* recorded between frames; NULL: none */
};

/* The model has this input, of this shape. */
static mae_error *check_input(const mae_graph *graph, const char *name, const mae_shape *shape)
{
    for (size_t g = 0; g < graph->n_inputs; g++) {
        const mae_tensor *tensor = &graph->tensors[graph->inputs[g]];
        if (strcmp(tensor->name, name) != 0)
            continue;
        if (mae_shape_equal(&tensor->shape, shape))
            return NULL;
        char wanted[128], given[128];
        mae_shape_text(shape, wanted, sizeof wanted);
        mae_shape_text(&tensor->shape, given, sizeof given);
        return mae_error_new(MAE_ERR_INPUT, "the plan is for input \"%s\" of %s, the model's is %s (see --shape)", name,
                             wanted, given);
    }
    return mae_error_new(MAE_ERR_INPUT, "the plan is for a model with an input \"%s\", which this one has not", name);
}

mae_error *mae_model_check_plan(const mae_model *model, const mae_plan *plan)
{
    const mae_graph *graph = model->graph;
    if (*plan->model_sha256 && *graph->sha256 && strcmp(plan->model_sha256, graph->sha256) != 0)
        return mae_error_new(MAE_ERR_INPUT, "the plan is for another model: \"%s\" with sha256 %.12s..., not %.12s...",
                             plan->model_name, plan->model_sha256, graph->sha256);
    for (size_t i = 0; i < plan->n_model_inputs; i++)
        MAE_TRY(check_input(graph, plan->model_input_names[i], &plan->model_input_shapes[i]));
    return NULL;
}

mae_error *mae_model_check_mapping(const mae_model *model, const int *mapping)
{
    for (size_t l = 0; l < model->graph->n_layers; l++) {
        const char *reason = "";
        if (!mae_model_supports(model, mapping[l], (int)l, &reason))
            return mae_error_new(MAE_ERR_UNSUPPORTED, "layer \"%s\" (%s): %s cannot run it: %s",
                                 model->graph->layers[l].name, model->graph->layers[l].op,
                                 model->context->infos[mapping[l]].name, reason ? reason : "unsupported");
    }
    return NULL;
}

static mae_error *open_session(mae_session *session, const mae_plan *plan)
{
    const mae_graph *graph = session->model->graph;
    if (session->context->n_pes == 0)
        return mae_error_new(MAE_ERR_FAILED, "no PE here (see mae pes)");
    int *mapping = calloc(graph->n_layers + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = plan ? mae_model_check_plan(session->model, plan) : NULL;
    if (!error && plan)
        error = mae_context_map_plan(session->context, graph, plan, mapping);
    if (!error)
        error = mae_model_check_mapping(session->model, mapping);
    if (!error)
        error = mae_runner_create(session->context, graph, mapping, &session->runner);
    if (!error && plan && plan->goal.schedule == MAE_OVERLAP)
        error = mae_runner_overlap(session->context, session->runner);
    free(mapping);
    if (error)
        return error;
    mae_runner_tolerance(session->context, session->runner, &session->abs_tolerance, &session->rel_tolerance);
    size_t n = mae_program_n_segments(session->runner->program);
    session->stamps = calloc(n + 1, sizeof *session->stamps);
    session->segments = calloc(n + 1, sizeof *session->segments);
    if (!session->stamps || !session->segments)
        return mae_error_nomem();
    for (size_t s = 0; s < n; s++) {
        const mae_segment *segment = mae_program_segment(session->runner->program, s);
        int pe = mae_program_pe(session->runner->program, s);
        session->segments[s].pe = session->context->infos[pe].name;
        session->segments[s].first = segment->first;
        session->segments[s].last = segment->last;
    }
    return NULL;
}

mae_context *mae_session_context(const mae_session *session)
{
    return session->context;
}

const mae_graph *mae_session_graph(const mae_session *session)
{
    return session->model->graph;
}

static const char *resource_of(const mae_session *session, size_t segment)
{
    return session->context->infos[mae_program_pe(session->runner->program, segment)].resource;
}

const char *mae_session_shared_resource(const mae_session *a, const mae_session *b)
{
    for (size_t i = 0; i < mae_program_n_segments(a->runner->program); i++)
        for (size_t k = 0; k < mae_program_n_segments(b->runner->program); k++)
            if (strcmp(resource_of(a, i), resource_of(b, k)) == 0)
                return resource_of(a, i);
    return NULL;
}

mae_error *mae_session_open(mae_context *context, mae_model *model, const mae_plan *plan, mae_session **ret_session)
{
    mae_session *session = calloc(1, sizeof *session);
    if (!session)
        return mae_error_nomem();
    session->context = context;
    session->model = model;
    mae_error *error = open_session(session, plan);
    if (error) {
        mae_session_close(session);
        return error;
    }
    *ret_session = session;
    return NULL;
}

void mae_session_close(mae_session *session)
{
    if (!session)
        return;
    mae_runner_destroy(session->runner);
    mae_runner_destroy(session->reference);
    mae_watts_destroy(session->watts);
    free(session->stamps);
    free(session->segments);
    free(session);
}

mae_error *mae_session_set_input(mae_session *session, size_t input, const void *data, size_t bytes)
{
    if (input >= session->model->graph->n_inputs)
        return mae_error_new(MAE_ERR_USAGE, "input %zu of %zu", input, session->model->graph->n_inputs);
    return mae_runner_set_input(session->runner, input, data, bytes);
}

mae_error *mae_session_fill_inputs(mae_session *session, uint64_t seed)
{
    return mae_runner_fill(session->runner, seed);
}

mae_error *mae_session_overlap(mae_session *session)
{
    return mae_runner_overlap(session->context, session->runner);
}

mae_error *mae_session_run(mae_session *session)
{
    MAE_TRY(mae_runner_run(session->runner, session->stamps));
    mae_watts_note(session->watts);
    return NULL;
}

mae_error *mae_session_record(mae_session *session, mae_recorder *recorder)
{
    mae_watts_destroy(session->watts);
    session->watts = NULL;
    MAE_TRY(mae_runner_record(session->context, session->runner, recorder, NULL));
    return recorder ? mae_watts_create(session->context, recorder, &session->watts) : NULL;
}

mae_error *mae_session_output(mae_session *session, size_t output, const void **ret_data, mae_shape *ret_shape)
{
    if (output >= session->model->graph->n_outputs)
        return mae_error_new(MAE_ERR_USAGE, "output %zu of %zu", output, session->model->graph->n_outputs);
    return mae_runner_output(session->runner, output, ret_data, ret_shape);
}

size_t mae_session_frame(const mae_session *session, const mae_frame_segment **ret_segments, double *ret_latency_ms)
{
    size_t n = mae_program_n_segments(session->runner->program);
    uint64_t begin = n ? session->stamps[0].begin_ns : 0;
    for (size_t s = 0; s < n; s++)
        begin = session->stamps[s].begin_ns < begin ? session->stamps[s].begin_ns : begin;
    for (size_t s = 0; s < n; s++) {
        session->segments[s].begin_ms = (double)(session->stamps[s].begin_ns - begin) * 1e-6;
        session->segments[s].end_ms = (double)(session->stamps[s].end_ns - begin) * 1e-6;
    }
    *ret_segments = session->segments;
    *ret_latency_ms = mae_runner_frame_ms(session->runner, session->stamps);
    return n;
}

void mae_session_set_tolerance(mae_session *session, double abs_tolerance, double rel_tolerance)
{
    session->abs_tolerance = abs_tolerance;
    session->rel_tolerance = rel_tolerance;
}

mae_error *mae_session_verify(mae_session *session, mae_verdict *ret_verdict)
{
    if (!session->reference) {
        mae_pe *pe;
        MAE_TRY(mae_context_reference(session->context, &pe));
        MAE_TRY(mae_runner_create_single(pe, session->model->graph, &session->reference));
    }
    MAE_TRY(mae_runner_copy_inputs(session->reference, session->runner));
    MAE_TRY(mae_program_run(session->reference->program, NULL));
    return mae_runner_compare(session->runner, session->reference, session->abs_tolerance, session->rel_tolerance,
                              ret_verdict);
}
