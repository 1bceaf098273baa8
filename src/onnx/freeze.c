/* The worked-out model -> mae_graph, in the same arena. */
#include <string.h>

#include "onnx/model.h"

typedef struct freezer {
    mae_onnx_model *model;
    mae_arena *arena;
    mae_graph *graph;
    mae_tensor *tensors;
    mae_node *nodes;
    mae_layer *layers;
    int *sources; /* per frozen tensor, the model's */
    int *marks;   /* per frozen tensor: the last layer that listed it, plus one */
} freezer;

/* ---- tensors: numbered as they are first met ---- */

static int number_of(freezer *f, int tensor)
{
    if (tensor < 0)
        return -1;
    mae_onnx_tensor *from = &f->model->tensors[tensor];
    if (from->number >= 0)
        return from->number;
    from->number = (int)f->graph->n_tensors++;
    f->sources[from->number] = tensor;
    f->tensors[from->number] = (mae_tensor){
        .name = from->name,
        .shape = from->shape,
        .bytes = from->is_static ? from->bytes : 0,
        .is_static = from->is_static,
        .is_constant = from->is_constant,
        .is_input = from->is_input,
        .is_output = from->is_output,
        .data = from->is_constant ? from->data : NULL,
        .producer_node = -1,
        .producer_layer = -1,
        .proto = from->proto,
    };
    return from->number;
}

static mae_error *number_list(freezer *f, const int *from, size_t n, const int **ret_list)
{
    int *list = mae_arena_array(f->arena, n, sizeof *list);
    if (!list)
        return mae_error_nomem();
    for (size_t i = 0; i < n; i++)
        list[i] = number_of(f, from[i]);
    *ret_list = list;
    return NULL;
}

/* ---- nodes ---- */

static const char *copy_bytes(mae_arena *arena, const ProtobufCBinaryData *bytes)
{
    return mae_arena_strndup(arena, (const char *)bytes->data, bytes->len);
}

static mae_attr_type attr_type(const Onnx__AttributeProto *proto)
{
    /* Files of IR version 3 may leave the type out: what is there tells. */
    if (proto->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT || (!proto->has_type && proto->has_f))
        return MAE_ATTR_FLOAT;
    if (proto->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT || (!proto->has_type && proto->has_i))
        return MAE_ATTR_INT;
    if (proto->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING || (!proto->has_type && proto->has_s))
        return MAE_ATTR_STRING;
    if (proto->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS || (!proto->has_type && proto->n_floats))
        return MAE_ATTR_FLOATS;
    if (proto->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS || (!proto->has_type && proto->n_ints))
        return MAE_ATTR_INTS;
    return MAE_ATTR_OTHER;
}

static mae_error *freeze_attrs(freezer *f, const Onnx__NodeProto *proto, mae_node *node)
{
    mae_attr *attrs = mae_arena_array(f->arena, proto->n_attribute, sizeof *attrs);
    if (!attrs)
        return mae_error_nomem();
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const Onnx__AttributeProto *from = proto->attribute[i];
        mae_attr *to = &attrs[i];
        *to = (mae_attr){.name = mae_onnx_text(from->name), .type = attr_type(from), .i = from->i, .f = from->f};
        if (to->type == MAE_ATTR_STRING && !(to->s = copy_bytes(f->arena, &from->s)))
            return mae_error_nomem();
        to->ints = from->ints;
        to->floats = from->floats;
        to->n = to->type == MAE_ATTR_INTS ? from->n_ints : to->type == MAE_ATTR_FLOATS ? from->n_floats : 0;
    }
    node->attrs = attrs;
    node->n_attrs = proto->n_attribute;
    return NULL;
}

static mae_error *freeze_node(freezer *f, int from_number, int layer)
{
    const mae_onnx_node *from = &f->model->nodes[from_number];
    int number = (int)f->graph->n_nodes++;
    mae_node *node = &f->nodes[number];
    *node = (mae_node){.op = from->op,
                       .domain = from->domain,
                       .name = mae_onnx_text(from->proto->name),
                       .opset = from->opset,
                       .n_inputs = from->n_inputs,
                       .n_captures = from->n_captures,
                       .n_outputs = from->n_outputs,
                       .layer = layer,
                       .proto = from->proto};
    MAE_TRY(number_list(f, from->inputs, from->n_inputs + from->n_captures, &node->inputs));
    MAE_TRY(number_list(f, from->outputs, from->n_outputs, &node->outputs));
    for (size_t i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0) {
            f->tensors[node->outputs[i]].producer_node = number;
            f->tensors[node->outputs[i]].producer_layer = layer;
        }
    return freeze_attrs(f, from->proto, node);
}

/* ---- layers ---- */

/* Lists what comes from other layers, and counts the bytes of that and of the constants, each once. */
static mae_error *list_inputs(freezer *f, mae_layer *layer, int number)
{
    size_t most = 0;
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++)
        most += f->nodes[n].n_inputs + f->nodes[n].n_captures;
    int *inputs = mae_arena_array(f->arena, most, sizeof *inputs);
    if (!inputs)
        return mae_error_nomem();
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++)
        for (size_t i = 0; i < f->nodes[n].n_inputs + f->nodes[n].n_captures; i++) {
            int tensor = f->nodes[n].inputs[i];
            if (tensor < 0 || f->marks[tensor] == number + 1 || f->tensors[tensor].producer_layer == number)
                continue;
            f->marks[tensor] = number + 1;
            layer->bytes += (double)f->tensors[tensor].bytes;
            if (!f->tensors[tensor].is_constant)
                inputs[layer->n_inputs++] = tensor;
        }
    layer->inputs = inputs;
    return NULL;
}

static bool is_seen_outside(const freezer *f, int tensor, int layer)
{
    const mae_onnx_tensor *from = &f->model->tensors[f->sources[tensor]];
    for (size_t i = 0; i < from->n_consumers; i++)
        if (f->model->nodes[from->consumers[i]].group != layer)
            return true;
    return from->is_output;
}

static mae_error *list_outputs(freezer *f, mae_layer *layer, int number)
{
    size_t most = 0;
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++)
        most += f->nodes[n].n_outputs;
    int *outputs = mae_arena_array(f->arena, most, sizeof *outputs);
    if (!outputs)
        return mae_error_nomem();
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++)
        for (size_t i = 0; i < f->nodes[n].n_outputs; i++) {
            int tensor = f->nodes[n].outputs[i];
            if (tensor < 0 || !is_seen_outside(f, tensor, number))
                continue;
            outputs[layer->n_outputs++] = tensor;
            layer->bytes += (double)f->tensors[tensor].bytes;
        }
    layer->outputs = outputs;
    return NULL;
}

static const char *name_of_anchor(const Onnx__NodeProto *proto)
{
    for (size_t i = 0; i < proto->n_output; i++)
        if (*proto->output[i])
            return proto->output[i];
    return mae_onnx_text(proto->name);
}

static mae_error *freeze_layer(freezer *f, int number)
{
    const mae_onnx_group *group = &f->model->groups[number];
    mae_layer *layer = &f->layers[number];
    layer->first_node = (int)f->graph->n_nodes;
    layer->n_nodes = (int)group->n_nodes;
    layer->kind = group->kind;
    for (size_t i = 0; i < group->n_nodes; i++) {
        if (group->nodes[i] == group->anchor)
            layer->anchor = (int)f->graph->n_nodes;
        MAE_TRY(freeze_node(f, group->nodes[i], number));
    }
    layer->op = f->nodes[layer->anchor].op;
    layer->name = name_of_anchor(f->nodes[layer->anchor].proto);
    if (layer->kind == MAE_KIND_OTHER)
        layer->kind = mae_onnx_kind(f->graph, &f->nodes[layer->anchor]);
    for (int n = layer->first_node; n < layer->first_node + layer->n_nodes; n++)
        layer->flops += mae_onnx_flops(f->graph, &f->nodes[n]);
    MAE_TRY(list_inputs(f, layer, number));
    return list_outputs(f, layer, number);
}

static const char *name_of_file(mae_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (n > 5 && strcmp(base + n - 5, ".onnx") == 0)
        n -= 5;
    return mae_arena_strndup(arena, base, n);
}

static mae_error *make_room(freezer *f)
{
    const mae_onnx_model *model = f->model;
    f->graph = mae_arena_alloc(f->arena, sizeof *f->graph);
    f->tensors = mae_arena_array(f->arena, model->n_tensors, sizeof *f->tensors);
    f->sources = mae_arena_array(f->arena, model->n_tensors, sizeof *f->sources);
    f->marks = mae_arena_array(f->arena, model->n_tensors, sizeof *f->marks);
    f->nodes = mae_arena_array(f->arena, model->n_nodes, sizeof *f->nodes);
    f->layers = mae_arena_array(f->arena, model->n_groups, sizeof *f->layers);
    if (!f->graph || !f->tensors || !f->sources || !f->marks || !f->nodes || !f->layers)
        return mae_error_nomem();
    f->graph->name = name_of_file(f->arena, model->path);
    f->graph->sha256 = model->sha256;
    f->graph->tensors = f->tensors;
    f->graph->nodes = f->nodes;
    f->graph->layers = f->layers;
    f->graph->source = model;
    return f->graph->name ? NULL : mae_error_nomem();
}

mae_error *mae_onnx_freeze(mae_onnx_model *model, mae_graph **ret_graph)
{
    freezer f = {.model = model, .arena = model->arena};
    MAE_TRY(make_room(&f));
    f.graph->n_inputs = model->n_inputs;
    f.graph->n_outputs = model->n_outputs;
    MAE_TRY(number_list(&f, model->inputs, model->n_inputs, &f.graph->inputs));
    for (int g = 0; g < (int)model->n_groups; g++)
        MAE_TRY(freeze_layer(&f, g));
    MAE_TRY(number_list(&f, model->outputs, model->n_outputs, &f.graph->outputs));
    f.graph->n_layers = model->n_groups;
    *ret_graph = f.graph;
    return NULL;
}
