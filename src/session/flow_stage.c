#include "session/flow_stage.h"

#include <stdlib.h>
#include <string.h>

#include "pe/program_run.h"

/* ---- slots ---- */

mae_error *mae_flow_slot_make(const mae_graph *graph, const mae_flow_borders *borders, mae_flow_slot *s)
{
    s->inputs = calloc(graph->n_inputs + 1, sizeof *s->inputs);
    s->outputs = calloc(graph->n_outputs + 1, sizeof *s->outputs);
    s->data = calloc(graph->n_outputs + 1, sizeof *s->data);
    s->shapes = calloc(graph->n_outputs + 1, sizeof *s->shapes);
    s->borders = calloc(borders->n + 1, sizeof *s->borders);
    if (!s->inputs || !s->outputs || !s->data || !s->shapes || !s->borders)
        return mae_error_nomem();
    for (size_t i = 0; i < graph->n_inputs; i++)
        if (!(s->inputs[i] = calloc(1, graph->tensors[graph->inputs[i]].bytes + 1)))
            return mae_error_nomem();
    for (size_t i = 0; i < borders->n; i++)
        if (!(s->borders[i] = calloc(1, graph->tensors[borders->tensors[i]].bytes + 1)))
            return mae_error_nomem();
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const mae_tensor *tensor = &graph->tensors[graph->outputs[i]];
        s->outputs[i].room = tensor->is_static ? tensor->bytes : 0;
        if (!(s->outputs[i].data = malloc(s->outputs[i].room + 1)))
            return mae_error_nomem();
    }
    return NULL;
}

void mae_flow_slot_free(const mae_graph *graph, const mae_flow_borders *borders, mae_flow_slot *s)
{
    for (size_t i = 0; s->inputs && i < graph->n_inputs; i++)
        free(s->inputs[i]);
    for (size_t i = 0; s->outputs && i < graph->n_outputs; i++)
        free(s->outputs[i].data);
    for (size_t i = 0; s->borders && i < borders->n; i++)
        free(s->borders[i]);
    mae_error_free(s->error);
    free(s->inputs);
    free(s->outputs);
    free(s->data);
    free(s->shapes);
    free(s->borders);
}

static mae_error *keep_output(const mae_graph *graph, mae_flow_slot *s, size_t i, const void *data,
                              const mae_shape *shape)
{
    size_t bytes;
    if (!mae_shape_bytes(shape, &bytes))
        return mae_error_new(MAE_ERR_FAILED, "output \"%s\" has a shape that overflows",
                             graph->tensors[graph->outputs[i]].name);
    mae_flow_value *o = &s->outputs[i];
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
    s->shapes[i] = *shape;
    return NULL;
}

/* ---- running ---- */

static mae_error *run_session(const mae_flow_stage *stage, mae_flow_slot *s)
{
    const mae_graph *graph = stage->graph;
    for (size_t i = 0; i < graph->n_inputs; i++)
        MAE_TRY(mae_session_set_input(stage->session, i, s->inputs[i], graph->tensors[graph->inputs[i]].bytes));
    MAE_TRY(mae_session_run(stage->session));
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const void *data;
        mae_shape shape;
        MAE_TRY(mae_session_output(stage->session, i, &data, &shape));
        MAE_TRY(keep_output(graph, s, i, data, &shape));
    }
    return NULL;
}

static mae_error *bring_in(const mae_flow_stage *stage, const mae_flow_slot *s)
{
    for (size_t i = 0; i < stage->n_in; i++) {
        const mae_flow_port *port = &stage->in[i];
        const void *data = port->input >= 0 ? s->inputs[port->input] : s->borders[port->border];
        MAE_TRY(mae_program_write(stage->program, port->tensor, data, stage->graph->tensors[port->tensor].bytes));
    }
    return NULL;
}

static mae_error *take_out(const mae_flow_stage *stage, mae_flow_slot *s)
{
    for (size_t i = 0; i < stage->n_out; i++) {
        const mae_flow_port *port = &stage->out[i];
        const void *data;
        mae_shape shape;
        MAE_TRY(mae_program_read(stage->program, port->tensor, &data, &shape));
        if (port->border >= 0)
            memcpy(s->borders[port->border], data, stage->graph->tensors[port->tensor].bytes);
        if (port->output >= 0)
            MAE_TRY(keep_output(stage->graph, s, (size_t)port->output, data, &shape));
    }
    return NULL;
}

/* Outputs that no layer makes, or that stand twice in the list. */
static mae_error *fill_rest(const mae_graph *graph, mae_flow_slot *s)
{
    for (size_t i = 0; i < graph->n_outputs; i++) {
        const mae_tensor *tensor = &graph->tensors[graph->outputs[i]];
        const void *data = tensor->is_constant ? tensor->data : NULL;
        const mae_shape *shape = &tensor->shape;
        for (size_t k = 0; tensor->is_input && k < graph->n_inputs; k++)
            if (graph->inputs[k] == graph->outputs[i])
                data = s->inputs[k];
        for (size_t k = 0; !data && k < i; k++)
            if (graph->outputs[k] == graph->outputs[i]) {
                data = s->data[k];
                shape = &s->shapes[k];
            }
        if (data)
            MAE_TRY(keep_output(graph, s, i, data, shape));
    }
    return NULL;
}

mae_error *mae_flow_stage_run(mae_flow_stage *stage, mae_flow_slot *s)
{
    if (stage->session)
        return run_session(stage, s);
    MAE_TRY(bring_in(stage, s));
    for (size_t i = 0; i < mae_program_n_segments(stage->program); i++)
        MAE_TRY(mae_program_run_segment(stage->program, i, s->frame, NULL));
    MAE_TRY(take_out(stage, s));
    return stage->is_last ? fill_rest(stage->graph, s) : NULL;
}

/* ---- making ---- */

static int place_of(const int *list, size_t n, int tensor)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == tensor)
            return (int)i;
    return -1;
}

static mae_error *add_border(const mae_graph *graph, mae_flow_borders *borders, int tensor, int *ret_place)
{
    *ret_place = place_of(borders->tensors, borders->n, tensor);
    if (*ret_place >= 0)
        return NULL;
    if (!graph->tensors[tensor].is_static)
        return mae_error_new(MAE_ERR_UNSUPPORTED, "tensor %s has no size known beforehand: it cannot cross stages",
                             graph->tensors[tensor].name);
    int *tensors = realloc(borders->tensors, (borders->n + 1) * sizeof *tensors);
    if (!tensors)
        return mae_error_nomem();
    borders->tensors = tensors;
    borders->tensors[borders->n] = tensor;
    *ret_place = (int)borders->n++;
    return NULL;
}

static bool is_read_behind(const mae_graph *graph, int tensor, int last)
{
    for (size_t l = (size_t)last + 1; l < graph->n_layers; l++)
        if (place_of(graph->layers[l].inputs, graph->layers[l].n_inputs, tensor) >= 0)
            return true;
    return false;
}

static mae_error *make_ports(const mae_graph *graph, const mae_segment *whole, mae_flow_borders *borders,
                             mae_flow_stage *stage)
{
    stage->in = calloc(whole->n_inputs + 1, sizeof *stage->in);
    stage->out = calloc(whole->n_outputs + 1, sizeof *stage->out);
    if (!stage->in || !stage->out)
        return mae_error_nomem();
    for (size_t i = 0; i < whole->n_inputs; i++) {
        mae_flow_port *port = &stage->in[stage->n_in++];
        *port = (mae_flow_port){whole->inputs[i], -1, -1, -1};
        port->input = place_of(graph->inputs, graph->n_inputs, port->tensor);
        if (port->input < 0)
            MAE_TRY(add_border(graph, borders, port->tensor, &port->border));
    }
    for (size_t i = 0; i < whole->n_outputs; i++) {
        mae_flow_port *port = &stage->out[stage->n_out++];
        *port = (mae_flow_port){whole->outputs[i], -1, -1, -1};
        port->output = place_of(graph->outputs, graph->n_outputs, port->tensor);
        if (is_read_behind(graph, port->tensor, whole->last))
            MAE_TRY(add_border(graph, borders, port->tensor, &port->border));
    }
    return NULL;
}

static mae_error *make_program(const mae_context *context, const mae_graph *graph, const int *mapping, int first,
                               int last, mae_program **ret_program)
{
    mae_pe **pes = malloc((context->n_pes + 1) * sizeof *pes);
    const char **names = malloc((context->n_pes + 1) * sizeof *names);
    mae_error *error = pes && names ? NULL : mae_error_nomem();
    for (size_t i = 0; i < context->n_pes && !error; i++) {
        pes[i] = context->pes[i].pe;
        names[i] = context->infos[i].name;
    }
    if (!error) {
        mae_program_spec spec = {.graph = graph,
                                 .pes = pes,
                                 .pe_names = names,
                                 .mapping = mapping,
                                 .clock = context->clock,
                                 .first = first,
                                 .last = last};
        error = mae_program_create(&spec, ret_program);
    }
    free(pes);
    free(names);
    return error;
}

mae_error *mae_flow_stage_make(const mae_context *context, const mae_graph *graph, const int *mapping, int first,
                               int last, mae_flow_borders *borders, mae_flow_stage *stage)
{
    mae_segment whole;
    mae_arena *arena = mae_arena_create();
    *stage = (mae_flow_stage){.graph = graph, .is_last = last + 1 == (int)graph->n_layers};
    mae_error *error = arena ? mae_segment_make(graph, first, last, arena, &whole) : mae_error_nomem();
    if (!error)
        error = make_ports(graph, &whole, borders, stage);
    mae_arena_destroy(arena);
    return error ? error : make_program(context, graph, mapping, first, last, &stage->program);
}

void mae_flow_stage_finish(mae_flow_stage *stage)
{
    mae_program_destroy(stage->program);
    free(stage->in);
    free(stage->out);
}
