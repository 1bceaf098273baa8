/* A compiled mapping with all graph inputs and outputs at hand, also those that no layer touches. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pe/program_run.h"
#include "run/compare.h"
#include "session/internal.h"

static mae_error *find_unread_inputs(mae_frame_runner *runner)
{
    const mae_graph *graph = runner->graph;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        if (mae_program_buffer(runner->program, graph->inputs[i]))
            continue;
        runner->own_inputs[i] = calloc(1, graph->tensors[graph->inputs[i]].bytes + 1);
        if (!runner->own_inputs[i])
            return mae_error_nomem();
    }
    return NULL;
}

static mae_error *create(const mae_graph *graph, mae_pe *const *pes, const char *const *names, const int *mapping,
                         mae_program_clock clock, mae_frame_runner **ret_runner)
{
    mae_frame_runner *runner = calloc(1, sizeof *runner);
    if (!runner)
        return mae_error_nomem();
    runner->graph = graph;
    runner->mapping = malloc(graph->n_layers * sizeof *runner->mapping + 1);
    runner->own_inputs = calloc(graph->n_inputs + 1, sizeof *runner->own_inputs);
    mae_error *error = runner->mapping && runner->own_inputs ? NULL : mae_error_nomem();
    if (!error) {
        memcpy(runner->mapping, mapping, graph->n_layers * sizeof *mapping);
        mae_program_spec spec = {.graph = graph,
                                 .pes = pes,
                                 .pe_names = names,
                                 .mapping = mapping,
                                 .clock = clock,
                                 .first = 0,
                                 .last = (int)graph->n_layers - 1};
        error = mae_program_create(&spec, &runner->program);
    }
    if (!error)
        error = find_unread_inputs(runner);
    if (error) {
        mae_runner_destroy(runner);
        return error;
    }
    *ret_runner = runner;
    return NULL;
}

mae_error *mae_runner_create(const mae_context *context, const mae_graph *graph, const int *mapping,
                             mae_frame_runner **ret_runner)
{
    mae_pe **pes = malloc((context->n_pes + 1) * sizeof *pes);
    const char **names = malloc((context->n_pes + 1) * sizeof *names);
    mae_error *error = pes && names ? NULL : mae_error_nomem();
    for (size_t i = 0; i < context->n_pes && !error; i++) {
        pes[i] = context->pes[i].pe;
        names[i] = context->infos[i].name;
    }
    if (!error)
        error = create(graph, pes, names, mapping, context->clock, ret_runner);
    free(pes);
    free(names);
    return error;
}

mae_error *mae_runner_create_single(mae_pe *pe, const mae_graph *graph, mae_frame_runner **ret_runner)
{
    int *mapping = calloc(graph->n_layers + 1, sizeof *mapping);
    if (!mapping)
        return mae_error_nomem();
    mae_error *error = create(graph, &pe, NULL, mapping, (mae_program_clock){0}, ret_runner);
    free(mapping);
    return error;
}

void mae_runner_destroy(mae_frame_runner *runner)
{
    if (!runner)
        return;
    mae_overlap_destroy(runner->overlap);
    mae_program_destroy(runner->program);
    for (size_t i = 0; runner->own_inputs && i < runner->graph->n_inputs; i++)
        free(runner->own_inputs[i]);
    free(runner->own_inputs);
    free(runner->mapping);
    free(runner);
}

mae_error *mae_runner_set_input(mae_frame_runner *runner, size_t input, const void *data, size_t bytes)
{
    const mae_tensor *tensor = &runner->graph->tensors[runner->graph->inputs[input]];
    if (bytes != tensor->bytes)
        return mae_error_new(MAE_ERR_USAGE, "input \"%s\": %zu bytes, not %zu", tensor->name, bytes, tensor->bytes);
    if (!runner->own_inputs[input])
        return mae_program_write(runner->program, runner->graph->inputs[input], data, bytes);
    memcpy(runner->own_inputs[input], data, bytes);
    return NULL;
}

mae_error *mae_runner_fill(mae_frame_runner *runner, uint64_t seed)
{
    return mae_program_fill(runner->program, seed);
}

static mae_error *input_data(mae_frame_runner *runner, size_t input, const void **ret_data, mae_shape *ret_shape)
{
    int tensor = runner->graph->inputs[input];
    if (!runner->own_inputs[input])
        return mae_program_read(runner->program, tensor, ret_data, ret_shape);
    *ret_data = runner->own_inputs[input];
    *ret_shape = runner->graph->tensors[tensor].shape;
    return NULL;
}

mae_error *mae_runner_copy_inputs(mae_frame_runner *runner, mae_frame_runner *from)
{
    for (size_t i = 0; i < runner->graph->n_inputs; i++) {
        const void *data;
        mae_shape shape;
        MAE_TRY(input_data(from, i, &data, &shape));
        MAE_TRY(mae_runner_set_input(runner, i, data, runner->graph->tensors[runner->graph->inputs[i]].bytes));
    }
    return NULL;
}

mae_error *mae_runner_output(mae_frame_runner *runner, size_t output, const void **ret_data, mae_shape *ret_shape)
{
    const mae_graph *graph = runner->graph;
    int index = graph->outputs[output];
    const mae_tensor *tensor = &graph->tensors[index];
    if (tensor->is_constant) {
        *ret_data = tensor->data;
        *ret_shape = tensor->shape;
        return NULL;
    }
    for (size_t i = 0; tensor->is_input && i < graph->n_inputs; i++)
        if (graph->inputs[i] == index)
            return input_data(runner, i, ret_data, ret_shape);
    return mae_program_read(runner->program, index, ret_data, ret_shape);
}

mae_error *mae_runner_record(const mae_context *context, mae_frame_runner *runner, mae_recorder *recorder,
                             const char *of)
{
    const char **resources = malloc((context->n_pes + 1) * sizeof *resources);
    const char **names = malloc((context->n_pes + 1) * sizeof *names);
    mae_error *error = resources && names ? NULL : mae_error_nomem();
    for (size_t i = 0; i < context->n_pes && !error; i++) {
        resources[i] = context->infos[i].resource;
        names[i] = context->infos[i].name;
    }
    if (!error)
        error = mae_program_record(runner->program, recorder, resources, names, of);
    free(resources);
    free(names);
    return error;
}

/* ---- frames ---- */

/* A lane for each resource: the place of the first PE that is on it. */
static mae_error *find_lanes(const mae_context *context, int **ret_lanes)
{
    int *lanes = malloc((context->n_pes + 1) * sizeof *lanes);
    if (!lanes)
        return mae_error_nomem();
    for (size_t i = 0; i < context->n_pes; i++) {
        lanes[i] = 0;
        while (strcmp(context->infos[lanes[i]].resource, context->infos[i].resource) != 0)
            lanes[i]++;
    }
    *ret_lanes = lanes;
    return NULL;
}

/* Of a computed SoC. */
mae_overlap_machine mae_context_machine(const mae_context *context)
{
    const mae_backend *backend = context->clock_pe ? context->clock_pe->backend : NULL;
    const mae_virtual_service *service = backend && backend->service ? backend->service(MAE_VIRTUAL_SERVICE) : NULL;
    if (!service || !service->is_virtual(context->clock_pe))
        return (mae_overlap_machine){0};
    return (mae_overlap_machine){service, context->clock_pe};
}

mae_error *mae_runner_overlap(const mae_context *context, mae_frame_runner *runner)
{
    int *lanes;
    if (runner->overlap)
        return NULL;
    MAE_TRY(find_lanes(context, &lanes));
    mae_error *error = mae_overlap_create(runner->program, lanes, mae_context_machine(context), &runner->overlap);
    free(lanes);
    return error;
}

mae_error *mae_runner_run(mae_frame_runner *runner, mae_program_stamp *stamps)
{
    return runner->overlap ? mae_overlap_run(runner->overlap, stamps) : mae_program_run(runner->program, stamps);
}

double mae_runner_frame_ms(const mae_frame_runner *runner, const mae_program_stamp *stamps)
{
    size_t n = mae_program_n_segments(runner->program);
    uint64_t begin = n ? stamps[0].begin_ns : 0, end = begin;
    for (size_t s = 0; s < n; s++) {
        begin = stamps[s].begin_ns < begin ? stamps[s].begin_ns : begin;
        end = stamps[s].end_ns > end ? stamps[s].end_ns : end;
    }
    return (double)(end - begin) * 1e-6;
}

/* ---- comparing with the reference ---- */

void mae_runner_tolerance(const mae_context *context, const mae_frame_runner *runner, double *ret_abs, double *ret_rel)
{
    *ret_abs = *ret_rel = 0;
    for (size_t l = 0; l < runner->graph->n_layers; l++) {
        const mae_pe *pe = context->pes[runner->mapping[l]].pe;
        *ret_abs = fmax(*ret_abs, pe->abs_tolerance);
        *ret_rel = fmax(*ret_rel, pe->rel_tolerance);
    }
}

static void take_difference(mae_verdict *verdict, const mae_difference *difference, const char *output)
{
    bool first_failure = verdict->ok && !difference->ok;
    bool larger = !verdict->output || (verdict->ok && difference->max_rel > verdict->max_rel);
    if (first_failure || larger)
        verdict->output = output;
    verdict->max_abs = fmax(verdict->max_abs, difference->max_abs);
    verdict->max_rel = fmax(verdict->max_rel, difference->max_rel);
    verdict->ok = verdict->ok && difference->ok;
}

mae_error *mae_runner_compare_values(mae_frame_runner *reference, const void *const *values, const mae_shape *shapes,
                                     double abs_tolerance, double rel_tolerance, mae_verdict *ret_verdict)
{
    const mae_graph *graph = reference->graph;
    mae_verdict verdict = {.ok = true, .abs_tolerance = abs_tolerance, .rel_tolerance = rel_tolerance};
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *wanted;
        mae_shape wanted_shape;
        MAE_TRY(mae_runner_output(reference, i, &wanted, &wanted_shape));
        mae_difference difference = {INFINITY, INFINITY, false};
        if (mae_shape_equal(&shapes[i], &wanted_shape))
            difference = mae_compare(&shapes[i], values[i], wanted, abs_tolerance, rel_tolerance);
        take_difference(&verdict, &difference, graph->tensors[graph->outputs[i]].name);
    }
    *ret_verdict = verdict;
    return NULL;
}

mae_error *mae_runner_compare(mae_frame_runner *runner, mae_frame_runner *reference, double abs_tolerance,
                              double rel_tolerance, mae_verdict *ret_verdict)
{
    size_t n = runner->graph->n_outputs;
    const void **values = calloc(n + 1, sizeof *values);
    mae_shape *shapes = calloc(n + 1, sizeof *shapes);
    mae_error *error = values && shapes ? NULL : mae_error_nomem();
    for (size_t i = 0; i < n && !error; i++)
        error = mae_runner_output(runner, i, &values[i], &shapes[i]);
    if (!error)
        error = mae_runner_compare_values(reference, values, shapes, abs_tolerance, rel_tolerance, ret_verdict);
    free(values);
    free(shapes);
    return error;
}
